"""Promises of ``replay``: the same bytes, or exactly what differs."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nps_ident.errors import InputError
from nps_ident.ledger import open_ledger, replay

if TYPE_CHECKING:
    from nps_ident.ledger.entry import LedgerEntry
    from nps_ident.model import Identification


@pytest.fixture
def entry(path: Path) -> LedgerEntry:
    with open_ledger(path, read_only=True) as ledger:
        return ledger.get(2)


def changed(answer: Identification, *keys: Any, to: Any) -> dict[str, Any]:
    result = copy.deepcopy(answer.to_dict())
    inner = result
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = to
    return result


def test_the_same_result_is_the_same_whatever_its_record_and_key_order(entry: LedgerEntry, answer: Identification) -> None:
    again = dict(reversed(list({**answer.to_dict(), "record": "R-00000009-12345678"}.items())))
    report = replay(entry, lambda settings: again)
    assert report.same
    assert report.differences == ()
    assert report.summary.endswith("the replay gives the same bytes.")


def test_the_rerun_is_given_the_recorded_settings(entry: LedgerEntry, answer: Identification) -> None:
    seen: list[dict[str, Any]] = []
    replay(entry, lambda settings: seen.append(settings) or answer.to_dict())  # type: ignore[func-returns-value]
    assert seen == [{"file": "q.msp", "index": 0, "file_sha256": "a" * 64, "folder": str(Path.cwd())}]


def test_a_difference_names_the_field_and_both_values(entry: LedgerEntry, answer: Identification) -> None:
    report = replay(entry, lambda _: changed(answer, "matches", 0, "probability", to=0.96))
    assert not report.same
    assert [(d.field, d.recorded, d.replayed) for d in report.differences] == [("/matches/0/probability", 0.97, 0.96)]


@pytest.mark.parametrize(
    ("keys", "to", "cause"),
    [
        (("query", "sha256"), "c" * 64, "the input file has changed"),
        (("library", "sha256"), "c" * 64, "the library is another one"),
        (("software", "nps_ident"), "0.2.0", "the software is other: nps_ident 0.1.0 then, 0.2.0 now"),
        (("calibration",), "ei-2", "the calibration is another one"),
    ],
)
def test_a_changed_input_or_tool_is_named_as_the_cause(
    entry: LedgerEntry, answer: Identification, keys: tuple[str, ...], to: str, cause: str
) -> None:
    report = replay(entry, lambda _: changed(answer, *keys, to=to))
    assert report.causes == (cause,)
    assert cause in report.summary


def test_lists_of_other_length_and_new_fields_are_differences(entry: LedgerEntry, answer: Identification) -> None:
    report = replay(entry, lambda _: {**answer.to_dict(), "findings": [], "a/b~c": 1})
    assert [(d.field, d.replayed) for d in report.differences] == [("/findings/0", None), ("/a~1b~0c", 1)]


def test_a_missing_input_is_said_and_is_not_the_same(entry: LedgerEntry) -> None:
    def missing(settings: dict[str, Any]) -> dict[str, Any]:
        raise InputError("q.msp: cannot be read (No such file or directory).")

    report = replay(entry, missing)
    assert not report.same
    assert report.summary == f"{entry.id} cannot be replayed: q.msp: cannot be read (No such file or directory)."


def test_a_record_that_was_changed_is_not_replayed(path: Path, tamper, answer: Identification) -> None:
    tamper("UPDATE records SET record = replace(record, 'analyst 2', 'analyst 9') WHERE sequence = 2")
    with open_ledger(path, read_only=True) as ledger:
        report = replay(ledger.get(2), lambda _: answer.to_dict())
    assert not report.same
    assert "the record itself was changed" in report.summary
