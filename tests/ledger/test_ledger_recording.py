"""Promises of recording: what is stored, that nothing is lost, and one sentence when it cannot be stored."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import nps_ident.ledger.signing as signing_module
from nps_ident.errors import LedgerError
from nps_ident.folders import data_folder
from nps_ident.ledger import open_ledger, record, verify
from nps_ident.ledger.canonical import canonical
from nps_ident.ledger.signing import load_or_make_key

if TYPE_CHECKING:
    from nps_ident.model import Identification

_RECORD_MANY = """
import sys
from nps_ident.ledger import open_ledger
path, who, n, crash = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "crash"
with open_ledger(path) as ledger, ledger.batch():
    for number in range(n):
        ledger.append({"analyst": who, "settings": {}, "result": {"number": number, "filling": "x" * 2000}})
    if crash:
        import os
        os._exit(9)
"""


def start(path: Path, who: str, n: int, *, crash: bool = False) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", _RECORD_MANY, str(path), who, str(n), "crash" if crash else "no"]
    root = str(Path(__file__).resolve().parents[2])
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": root}, stderr=subprocess.PIPE)


def test_the_answer_comes_back_with_the_id_of_its_record(tmp_path: Path, answer: Identification) -> None:
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        recorded = record(answer, ledger, analyst="A. Chemist", settings={"top": 10})
        assert recorded == dataclasses.replace(answer, record=recorded.record)
        assert recorded.record is not None
        entry = ledger.get(recorded.record)
    assert recorded.record == f"R-00000001-{entry.hash[:8]}"
    assert entry.result == recorded.to_dict()


def test_a_record_holds_what_the_answer_rests_on(tmp_path: Path, answer: Identification) -> None:
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        recorded = record(answer, ledger, analyst="A. Chemist", settings={"top": 10})
        content = ledger.get(recorded.record).content
    assert content["analyst"] == "A. Chemist"
    assert content["input"] == {"of": "file", "sha256": "a" * 64}
    assert content["library_sha256"] == "b" * 64
    assert content["calibration"] == "ei-1"
    assert content["software"] == {"nps_ident": "0.1.0"}
    assert content["settings"] == {"file": "q.msp", "index": 0, "file_sha256": "a" * 64, "folder": str(Path.cwd()), "top": 10}
    assert content["result"]["record"] is None
    assert content["time"].endswith("Z")


def test_each_record_holds_the_hash_of_the_one_before(path: Path) -> None:
    with open_ledger(path, read_only=True) as ledger:
        entries = list(ledger.entries())
    assert [entry.sequence for entry in entries] == [1, 2, 3, 4, 5]
    for before, after in itertools.pairwise(entries):
        assert after.content["previous"] == hashlib.sha256(before.data).hexdigest() == before.hash


def test_a_spectrum_from_no_file_is_recorded_with_its_peaks(tmp_path: Path, answer: Identification) -> None:
    spectrum = dataclasses.replace(answer.spectrum, source=None, intensity=np.array([np.nan, 1.5]))
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        entry = ledger.get(record(dataclasses.replace(answer, spectrum=spectrum), ledger).record)
    assert entry.content["input"]["of"] == "spectrum"
    assert entry.settings["spectrum"]["mz"] == [245.2, 146.1]
    assert entry.settings["spectrum"]["intensity"] == ["nan", 1.5]


def test_a_file_name_that_is_no_unicode_is_recorded_with_its_bytes_escaped(tmp_path: Path, answer: Identification) -> None:
    source = dataclasses.replace(answer.spectrum.source, file=os.fsdecode(b"caf\xe9.msp"))
    hostile = dataclasses.replace(answer, spectrum=dataclasses.replace(answer.spectrum, source=source))
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        entry = ledger.get(record(hostile, ledger).record)
        assert verify(ledger).holds
    assert json.loads(entry.data)["result"]["query"]["file"] == "caf\\udce9.msp"


def test_a_number_that_json_does_not_have_is_refused_and_nothing_stored(tmp_path: Path, answer: Identification) -> None:
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        with pytest.raises(LedgerError, match="cannot be written as JSON"):
            record(answer, ledger, settings={"tolerance": float("nan")})
        assert len(ledger) == 0


# Appendix B of RFC 8785: IEEE 754 bits and the text required of them.
@pytest.mark.parametrize(
    ("value", "expected"),
    [(5e-324, b"5e-324"), (-0.0, b"0"), (9007199254740992.0, b"9007199254740992"), (295147905179352830000.0, b"295147905179352830000"),
     (1e21, b"1e+21"), (9.999999999999997e22, b"9.999999999999997e+22"), (1e-7, b"1e-7"), (0.000001, b"0.000001"),
     (333333333.3333332, b"333333333.3333332")],
)  # fmt: skip
def test_numbers_are_written_as_rfc_8785_says(value: float, expected: bytes) -> None:
    assert canonical(value) == expected


def test_keys_are_ordered_as_rfc_8785_says() -> None:
    # Section 3.2.3: by UTF-16 code units, so that the emoji (a surrogate pair) stands before U+FB33.
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    ordered = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert list(json.loads(canonical(dict.fromkeys(keys)))) == ordered


def test_two_processes_recording_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    workers = [start(path, who, 150) for who in ("first", "second", "third")]
    for worker in workers:
        _, errors = worker.communicate(timeout=120)
        assert (worker.returncode, errors) == (0, b"")
    with open_ledger(path) as ledger:
        entries = list(ledger.entries())
        assert verify(ledger).holds
    assert len(entries) == 450
    for who in ("first", "second", "third"):
        assert [e.content["result"]["number"] for e in entries if e.content["analyst"] == who] == list(range(150))


def test_records_of_a_process_that_died_before_signing_are_kept_and_signed_by_the_next(path: Path, answer: Identification) -> None:
    worker = start(path, "died", 3, crash=True)
    worker.communicate(timeout=60)
    assert worker.returncode == 9
    with open_ledger(path) as ledger:
        report = verify(ledger)
        assert (report.n_records, report.n_unproven, report.problems, report.holds) == (8, 3, (), False)
        record(answer, ledger)
        assert verify(ledger).holds


def test_a_head_that_could_not_be_written_outside_is_no_false_alarm(
    path: Path, answer: Identification, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(head: object, place: Path) -> None:
        raise LedgerError(f"{place}: no space")

    with monkeypatch.context() as patch:
        patch.setattr(signing_module, "write_head", full)
        with pytest.raises(LedgerError, match="no space"), open_ledger(path) as ledger, ledger.batch():
            record(answer, ledger)
    with open_ledger(path) as ledger:
        report = verify(ledger)
        assert (report.n_records, report.n_unproven, report.problems) == (6, 1, ())
        record(answer, ledger)
        assert verify(ledger).holds


def test_records_made_before_an_exception_are_kept_and_signed(tmp_path: Path, answer: Identification) -> None:
    path = tmp_path / "ledger.sqlite"

    def interrupted() -> None:
        with open_ledger(path) as ledger, ledger.batch():
            record(answer, ledger)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with open_ledger(path) as ledger:
        assert verify(ledger).holds
        assert len(ledger) == 1


def test_the_key_is_made_once_for_its_owner_only_with_the_public_half_beside_it(path: Path) -> None:
    key = data_folder() / "ledger.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    first = key.read_bytes()
    load_or_make_key(key)
    assert key.read_bytes() == first
    assert b"PUBLIC KEY" in key.with_suffix(".pub").read_bytes()


def test_a_key_may_be_named_by_the_environment(tmp_path: Path, answer: Identification, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NPS_IDENT_LEDGER_KEY", str(tmp_path / "stick" / "lab.key"))
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        record(answer, ledger)
        assert ledger.head_file.parent == tmp_path / "stick" / "heads"
        assert verify(ledger).holds
    assert not (data_folder() / "ledger.key").exists()


def test_a_key_file_without_a_key_is_refused_and_the_record_kept(tmp_path: Path, answer: Identification) -> None:
    (tmp_path / "bad.key").write_text("-----BEGIN {0}-----\nno\n-----END {0}-----\n".format("PRIVATE KEY"))
    path = tmp_path / "l.sqlite"
    with pytest.raises(LedgerError, match=r"bad\.key: no readable private key"), open_ledger(path, key=tmp_path / "bad.key") as ledger:
        record(answer, ledger)
    with open_ledger(path) as ledger:
        assert len(ledger) == 1


def test_a_full_disk_is_one_sentence_and_loses_nothing_before_it(path: Path, answer: Identification) -> None:
    huge = {"settings": {}, "result": {"filling": "x" * 10_000_000}}
    with open_ledger(path) as ledger:
        ledger._file.connection.execute("PRAGMA max_page_count = 100")
        with pytest.raises(LedgerError, match=r"^[^\n]*the disk is full[^\n]*$"):
            ledger.append(huge)
        assert len(ledger) == 5
        record(answer, ledger)
        assert verify(ledger).holds


def test_a_locked_ledger_is_one_sentence(path: Path, answer: Identification) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with open_ledger(path, timeout_s=0.05) as ledger, pytest.raises(LedgerError, match="another program keeps the ledger locked"):
            record(answer, ledger)
        other.execute("ROLLBACK")


def test_a_new_ledger_waits_for_the_program_that_makes_it_too(tmp_path: Path) -> None:
    """Two programs start on a new ledger: SQLite itself does not wait where the journal is set."""
    place = tmp_path / "ledger.sqlite"
    with closing(sqlite3.connect(place, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.2, other.execute, ("ROLLBACK",))
        release.start()
        with open_ledger(place) as ledger:
            assert len(ledger) == 0
        release.join()


def test_a_new_ledger_that_stays_locked_is_one_sentence(tmp_path: Path) -> None:
    place = tmp_path / "ledger.sqlite"
    with closing(sqlite3.connect(place, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match="another program keeps the ledger locked"):
            open_ledger(place, timeout_s=0.05)


@pytest.mark.parametrize("read", ["rows", "entries", "heads"])
def test_reading_may_stop_half_way_and_the_ledger_be_closed(path: Path, read: str) -> None:
    """As when the pipe behind it is closed; what a generator then raises while it is thrown away would be a warning, here an error."""
    ledger = open_ledger(path, read_only=True)
    reading = getattr(ledger, read)()
    assert next(reading)
    ledger.close()
    reading.close()
    assert next(reading, None) is None


def test_a_ledger_that_cannot_be_written_is_one_sentence(path: Path, answer: Identification) -> None:
    with open_ledger(path) as ledger:
        ledger._file.connection.execute("PRAGMA query_only = ON")
        with pytest.raises(LedgerError, match="cannot be opened for writing"):
            record(answer, ledger)
    with open_ledger(path, read_only=True) as ledger, pytest.raises(LedgerError, match="for reading only"):
        record(answer, ledger)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_that_cannot_be_written_is_one_sentence_and_can_still_be_verified(path: Path) -> None:
    path.parent.chmod(0o500)
    try:
        with pytest.raises(LedgerError, match="cannot be"):
            open_ledger(path.parent / "new.sqlite")
        with open_ledger(path, read_only=True) as ledger:
            assert verify(ledger).holds
    finally:
        path.parent.chmod(0o700)


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(LedgerError, match="the folder of the ledger cannot be made"):
        open_ledger(tmp_path / "file" / "ledger.sqlite")


def test_what_is_no_ledger_is_refused_and_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a database, but long enough to be taken for one " * 20)
    with pytest.raises(LedgerError, match="is not a ledger"):
        open_ledger(text)
    foreign = tmp_path / "foreign.sqlite"
    with closing(sqlite3.connect(foreign)) as db, db:
        db.execute("CREATE TABLE addresses (name TEXT)")
    before = foreign.read_bytes()
    with pytest.raises(LedgerError, match="not a ledger"):
        open_ledger(foreign)
    assert foreign.read_bytes() == before


def test_a_newer_ledger_is_refused(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA user_version = 2")
    with pytest.raises(LedgerError, match="schema version 2; this program knows version 1"):
        open_ledger(path)


def test_a_database_url_is_refused() -> None:
    with pytest.raises(LedgerError, match="expected the path of a file"):
        open_ledger("postgresql://lab/ledger")


def test_reading_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="there is no ledger"):
        open_ledger(tmp_path / "none.sqlite", read_only=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", ["", "R-1", "R-00000001-xyz-1", "'; DROP TABLE records; --", "1.5", "-1", "²", "9" * 30])
def test_what_is_no_record_id_is_refused(path: Path, wrong: str) -> None:
    with open_ledger(path, read_only=True) as ledger, pytest.raises(LedgerError, match="is no record id"):
        ledger.get(wrong)


def test_a_record_is_found_by_id_or_number_and_not_by_the_id_of_another(path: Path) -> None:
    with open_ledger(path, read_only=True) as ledger:
        third = ledger.get(3)
        assert ledger.get(third.id) == ledger.get(third.id.lower()) == ledger.get("3") == third
        with pytest.raises(LedgerError, match="there is no record 6; it holds 5"):
            ledger.get(6)
        with pytest.raises(LedgerError, match="not R-00000003-00000000"):
            ledger.get("R-00000003-00000000")
        assert [entry.sequence for entry in ledger.newest(2)] == [4, 5]


def test_recording_does_not_load_cryptography_until_it_signs(tmp_path: Path) -> None:
    code = (
        "import sys; from nps_ident.ledger import open_ledger\n"
        "with open_ledger(sys.argv[1]) as ledger, ledger.batch():\n"
        "    ledger.append({'settings': {}, 'result': {}})\n"
        "    heavy = {'cryptography', 'rdkit', 'pandas', 'scipy', 'numpy'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    root = str(Path(__file__).resolve().parents[2])
    command = [sys.executable, "-c", code, str(tmp_path / "l.sqlite")]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": root}, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
