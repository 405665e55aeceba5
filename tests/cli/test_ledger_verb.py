"""Promises of ``nps-ident ledger``."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest

from nps_ident.cli import main
from nps_ident.ledger import open_ledger
from nps_ident.ledger.canonical import canonical

RESULT = {
    "schema": "nps-ident/identification/1",
    "query": {"id": "5% heroin\x1b[2J", "file": "=cmd()", "index": 0, "sha256": "a" * 64, "technique": "EI-MS", "precursor_mz": None},
    "verdict": "match",
    "characterise": False,
    "matches": [{"rank": 1, "name": "heroin", "inchikey": "GVGLGOZIDCSQPN-PVHGPHFFSA-N", "score": 0.97, "probability": 0.9}],
    "findings": [{"code": "SPEC-003", "severity": "warning", "text": "Few peaks."}],
    "library": {"name": "starter", "sha256": "b" * 64},
    "software": {"nps_ident": "0.1.0"},
    "record": None,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    place = tmp_path / "ledger.sqlite"
    with open_ledger(place) as ledger, ledger.batch():
        for number in range(3):
            ledger.append({"analyst": f"analyst {number}", "settings": {"top": 10}, "software": {"nps_ident": "0.1.0"}, "result": RESULT})
    return place


def change(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DROP TRIGGER records_are_never_changed")
        db.execute("UPDATE records SET record = replace(record, 'analyst 1', 'analyst 9')")


def test_verify_exits_0_when_the_ledger_holds_and_1_when_a_byte_was_changed(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ledger", "verify", "--ledger", str(path)]) == 0
    assert "The ledger holds: 3 records" in capsys.readouterr().out
    change(path)
    assert main(["ledger", "verify", "--ledger", str(path)]) == 1
    assert "Record 2 was changed" in capsys.readouterr().out


def test_verify_against_a_head_from_elsewhere(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_ledger(path) as ledger:
        sent = tmp_path / "sent.json"
        ledger.head_file.rename(sent)
    assert main(["ledger", "verify", "--ledger", str(path)]) == 1
    assert "tail is not proven" in capsys.readouterr().out
    assert main(["ledger", "verify", "--ledger", str(path), "--head", str(sent), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["holds"] is True


def test_export_into_a_pipe_that_is_closed_early_says_nothing(tmp_path: Path) -> None:
    place = tmp_path / "long.sqlite"
    with open_ledger(place) as ledger, ledger.batch():
        for _ in range(40):  # more than a pipe holds, so that the writer meets the closed end
            ledger.append({"settings": {}, "result": {**RESULT, "filling": "x" * 20_000}})
    program = "import sys; from nps_ident.cli import main; sys.exit(main(sys.argv[1:]))"
    root = str(Path(__file__).resolve().parents[2])
    command = [sys.executable, "-c", program, "ledger", "export", "--ledger", str(place)]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": root})
    assert running.stdout is not None
    assert running.stderr is not None
    assert running.stdout.readline().startswith(b'{"id":"R-00000001')
    running.stdout.close()
    said = running.stderr.read()
    running.stderr.close()
    assert (running.wait(timeout=60), said) == (1, b"")


def test_show_lists_the_newest_with_hostile_names_made_visible(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ledger", "show", "--ledger", str(path), "--last", "2"]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert r"5% heroin\x1b[2J" in out
    assert out.count("R-0000000") == 2


def test_show_of_one_record_gives_facts_hits_and_findings(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ledger", "show", "2", "--ledger", str(path)]) == 0
    out = capsys.readouterr().out
    for expected in ("R-00000002-", "analyst 1", "heroin", "0.97", "SPEC-003", "b" * 64):
        assert expected in out
    assert main(["ledger", "show", "2", "--ledger", str(path), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["record"]["result"] == RESULT


def test_show_says_when_the_record_was_changed(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(path)
    assert main(["ledger", "show", "2", "--ledger", str(path)]) == 1
    assert "was changed after it was written" in capsys.readouterr().err


def test_exported_json_lines_carry_bytes_whose_hash_can_be_checked(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ledger", "export", "--ledger", str(path)]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 3
    for line in lines:
        assert hashlib.sha256(canonical(line["record"])).hexdigest() == line["hash"]


def test_exported_csv_has_a_row_a_record_and_runs_no_formula(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ledger", "export", "--ledger", str(path), "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["analyst"] for row in rows] == ["analyst 0", "analyst 1", "analyst 2"]
    assert rows[0]["file"] == "'=cmd()"
    assert (rows[0]["name"], rows[0]["score"], rows[0]["technique"]) == ("heroin", "0.97", "EI-MS")


def test_replay_exits_0_for_the_same_bytes_and_1_with_the_field_that_differs(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([RESULT, {**RESULT, "verdict": "no_match"}])
    fake = ModuleType("nps_ident.identify.replaying")
    fake.rerun = lambda settings: next(answers)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "nps_ident.identify.replaying", fake)
    assert main(["ledger", "replay", "1", "--ledger", str(path)]) == 0
    assert "the replay gives the same bytes" in capsys.readouterr().out
    assert main(["ledger", "replay", "2", "--ledger", str(path)]) == 1
    assert "/verdict  match     no_match" in capsys.readouterr().out


@pytest.mark.parametrize("action", [["verify"], ["show"], ["show", "1"], ["export"]])
def test_a_missing_ledger_is_one_sentence(action: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ledger", *action, "--ledger", str(tmp_path / "none.sqlite")]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "there is no ledger" in captured.err
