"""Promises of ``verify``: whatever was altered, lost, moved or cut off is found."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nps_ident.errors import LedgerError
from nps_ident.ledger import VerificationReport, open_ledger, read_head, record, verify
from nps_ident.ledger.canonical import canonical
from nps_ident.ledger.signing import load_or_make_key, sign

if TYPE_CHECKING:
    from nps_ident.model import Identification


def verified(path: Path, **options: object) -> VerificationReport:
    with open_ledger(path, read_only=True) as ledger:
        return verify(ledger, **options)  # type: ignore[arg-type]


def texts(report: VerificationReport) -> str:
    return " ".join(problem.text for problem in report.problems)


def test_an_untouched_ledger_holds(path: Path) -> None:
    report = verified(path)
    assert report.holds
    assert (report.n_records, report.n_unproven, report.problems) == (5, 0, ())
    assert report.head is not None
    assert report.head.sequence == 5


def test_a_changed_byte_is_found_where_it_was_changed(path: Path, tamper) -> None:
    tamper("UPDATE records SET record = replace(record, 'analyst 3', 'analyst 9') WHERE sequence = 3")
    report = verified(path)
    assert not report.holds
    assert {problem.sequence for problem in report.problems} == {3}
    assert "Record 3 was changed" in texts(report)


def test_a_changed_record_with_its_hash_made_to_fit_is_found(path: Path, tamper) -> None:
    with closing(sqlite3.connect(path)) as db:
        text = db.execute("SELECT record FROM records WHERE sequence = 3").fetchone()[0].replace("analyst 3", "analyst 9")
    tamper(("UPDATE records SET record = ?, hash = ? WHERE sequence = 3", (text, hashlib.sha256(text.encode()).hexdigest())))
    assert "Record 4 does not follow" in texts(verified(path))


def test_a_rewritten_chain_is_found_by_its_head(path: Path, tamper) -> None:
    with closing(sqlite3.connect(path)) as db:
        rows = [json.loads(row[0]) for row in db.execute("SELECT record FROM records ORDER BY sequence")]
    statements, previous = [], rows[0]["previous"]
    for row in rows:
        data = canonical({**row, "analyst": "somebody else", "previous": previous})
        previous = hashlib.sha256(data).hexdigest()
        statements.append(("UPDATE records SET record = ?, hash = ? WHERE sequence = ?", (data.decode(), previous, row["sequence"])))
    tamper(*statements, "DELETE FROM heads")
    report = verified(path)
    assert not report.holds
    assert "the chain was rewritten" in texts(report)


@pytest.mark.parametrize("number", [1, 3])
def test_a_deleted_record_is_found(path: Path, tamper, number: int) -> None:
    tamper(("DELETE FROM records WHERE sequence = ?", (number,)))
    report = verified(path)
    assert f"Record {number} is missing." in texts(report)


def test_a_deleted_record_with_the_gap_closed_is_found(path: Path, tamper) -> None:
    tamper("DELETE FROM records WHERE sequence = 3", "UPDATE records SET sequence = sequence - 1 WHERE sequence > 3")
    report = verified(path)
    assert "In the place of record 3 stands one that calls itself 4" in texts(report)


def test_swapped_records_are_found(path: Path, tamper) -> None:
    tamper(
        "UPDATE records SET sequence = 99 WHERE sequence = 2",
        "UPDATE records SET sequence = 2 WHERE sequence = 4",
        "UPDATE records SET sequence = 4 WHERE sequence = 99",
    )
    said = texts(verified(path))
    assert "In the place of record 2 stands one that calls itself 4" in said
    assert "In the place of record 4 stands one that calls itself 2" in said


def test_an_inserted_record_is_found(path: Path, tamper) -> None:
    tamper("UPDATE records SET sequence = -sequence - 1 WHERE sequence > 2", "UPDATE records SET sequence = -sequence WHERE sequence < 0")
    tamper("INSERT INTO records SELECT 3, record, hash FROM records WHERE sequence = 2")
    assert "In the place of record 3 stands one that calls itself 2" in texts(verified(path))


@pytest.mark.parametrize("number", [0, -7])
def test_a_record_before_the_first_is_found(path: Path, tamper, number: int) -> None:
    tamper(("INSERT INTO records SELECT ?, record, hash FROM records WHERE sequence = 2", (number,)))
    assert "stands outside the chain" in texts(verified(path))


def test_a_cut_tail_is_found_against_the_head_kept_outside(path: Path, tamper) -> None:
    tamper("DELETE FROM records WHERE sequence > 3", "DELETE FROM heads")
    report = verified(path)
    assert not report.holds
    assert "its tail was cut off" in texts(report)


def test_an_emptied_ledger_is_found(path: Path, tamper) -> None:
    tamper("DELETE FROM records", "DELETE FROM heads")
    assert "its tail was cut off" in texts(verified(path))


def test_a_record_forged_onto_the_end_is_not_proven(path: Path, tamper) -> None:
    with closing(sqlite3.connect(path)) as db:
        text, digest = db.execute("SELECT record, hash FROM records WHERE sequence = 5").fetchone()
    data = canonical({**json.loads(text), "sequence": 6, "previous": digest})
    tamper(("INSERT INTO records VALUES (6, ?, ?)", (data.decode(), hashlib.sha256(data).hexdigest())))
    report = verified(path)
    assert not report.holds
    assert report.n_unproven == 1
    assert "tail is not proven" in report.summary


def test_without_a_head_outside_the_tail_is_not_proven(path: Path) -> None:
    with open_ledger(path, read_only=True) as ledger:
        ledger.head_file.unlink()
    report = verified(path)
    assert not report.holds
    assert report.problems == ()
    assert report.n_unproven == 5
    assert "tail is not proven" in report.summary


def test_a_ledger_without_records_and_head_is_not_called_proven(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "new.sqlite") as ledger:
        assert not verify(ledger).holds


def test_a_head_of_another_key_is_called_forged(path: Path, tmp_path: Path) -> None:
    intruder = load_or_make_key(tmp_path / "intruder.key")
    with open_ledger(path, read_only=True) as ledger:
        true = read_head(ledger.head_file)
        false = sign(intruder, ledger=true.ledger, sequence=true.sequence, record_hash=true.hash, time=true.time)
        assert false.is_genuine()
        report = verify(ledger, false)
    assert not report.holds
    assert "signed with another key" in texts(report)


@pytest.mark.parametrize(
    "change",
    [{"sequence": 4}, {"hash": "0" * 64}, {"time": "2020-01-01T00:00:00Z"}, {"signature": "00" * 64}, {"signature": "not hexadecimal"}],
)
def test_a_head_with_a_changed_field_is_called_forged(path: Path, change: dict[str, object]) -> None:
    with open_ledger(path, read_only=True) as ledger:
        head = dataclasses.replace(read_head(ledger.head_file), **change)
        assert "has a signature that does not fit it" in texts(verify(ledger, head))


def test_a_forged_head_in_the_database_is_found(path: Path, tamper) -> None:
    tamper("UPDATE heads SET public_key = ''")
    assert "The head stored in the database (record 5) has a signature that does not fit" in texts(verified(path))


def test_the_head_of_another_ledger_proves_nothing(path: Path, tmp_path: Path, answer: Identification) -> None:
    with open_ledger(tmp_path / "other.sqlite") as other:
        record(answer, other)
        head = read_head(other.head_file)
    report = verified(path, head=head)
    assert not report.holds
    assert "belongs to another ledger" in texts(report)


def test_an_older_head_from_elsewhere_proves_the_part_before_it(path: Path, tmp_path: Path, answer: Identification) -> None:
    with open_ledger(path) as ledger:
        sent = tmp_path / "sent.json"
        sent.write_bytes(ledger.head_file.read_bytes())
        record(answer, ledger)
    report = verified(path, head=sent)
    assert not report.holds
    assert report.problems == ()
    assert report.n_unproven == 1


def test_a_copy_without_the_private_key_is_verified_with_the_public_one(path: Path, tmp_path: Path) -> None:
    with open_ledger(path, read_only=True) as ledger:
        key, head = ledger.key, read_head(ledger.head_file)
    elsewhere = tmp_path / "no" / "ledger.key"
    with open_ledger(path, read_only=True, key=elsewhere) as ledger:
        assert verify(ledger, head, keys=[key.with_suffix(".pub")]).holds
        with pytest.raises(LedgerError, match="no key to check"):
            verify(ledger, head)


def test_a_key_change_is_accepted_only_when_the_older_key_is_named(path: Path, tmp_path: Path, answer: Identification) -> None:
    with open_ledger(path, read_only=True) as ledger:
        old = ledger.key
    with open_ledger(path, key=tmp_path / "new" / "lab.key") as ledger:
        record(answer, ledger)
        assert "signed with another key" in texts(verify(ledger))
        assert verify(ledger, keys=[old]).holds


def test_the_program_refuses_to_add_to_a_ledger_that_was_cut(path: Path, tamper, answer: Identification) -> None:
    tamper("DELETE FROM records WHERE sequence > 3", "DELETE FROM heads")
    with open_ledger(path) as ledger, pytest.raises(LedgerError, match="nothing is added"):
        record(answer, ledger)
    assert "its tail was cut off" in texts(verified(path))


def test_the_database_itself_refuses_changes_and_deletions(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        with pytest.raises(sqlite3.IntegrityError, match="never changed"):
            db.execute("UPDATE records SET hash = ''")
        with pytest.raises(sqlite3.IntegrityError, match="never deleted"):
            db.execute("DELETE FROM records")


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=40, deadline=None)
@given(answers=st.lists(st.dictionaries(st.text(), _json, max_size=4), min_size=1, max_size=4), data=st.data())
def test_any_chain_of_results_holds_and_any_changed_byte_is_found(answers: list[dict[str, object]], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.sqlite"
        with open_ledger(path, key=Path(folder) / "ledger.key") as ledger:
            with ledger.batch():
                for answer in answers:
                    ledger.append({"result": answer, "settings": {}})
            assert verify(ledger).holds
            sequence = data.draw(st.integers(1, len(answers)))
            stored = bytearray(ledger.get(sequence).data)
            stored[data.draw(st.integers(0, len(stored) - 1))] ^= data.draw(st.integers(1, 255))
            ledger._file.connection.execute("DROP TRIGGER records_are_never_changed")
            ledger._file.connection.execute("UPDATE records SET record = ? WHERE sequence = ?", (bytes(stored), sequence))
            report = verify(ledger)
        assert not report.holds
        assert sequence in {problem.sequence for problem in report.problems}
