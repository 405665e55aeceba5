"""``nps-ident compare``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from nps_ident.cli import main

if TYPE_CHECKING:
    from pathlib import Path

TWO = """Name: One
Num Peaks: 3
58 999; 91 200; 134 100

Name: Two\x1b[31m
Num Peaks: 3
72 999; 91 200; 148 100
"""


@pytest.fixture
def two(tmp_path: Path) -> str:
    (tmp_path / "two.msp").write_text(TWO, encoding="utf-8")
    return str(tmp_path / "two.msp")


def _rows(capsys: pytest.CaptureFixture[str]) -> dict[str, float]:
    return {row["measure"]: row["value"] for row in map(json.loads, capsys.readouterr().out.splitlines())}


def test_a_file_against_itself_is_a_perfect_match(two: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", two, two, "--format", "jsonl"]) == 0
    rows = _rows(capsys)
    assert rows["match factor (identity)"] == 999
    assert rows["matched peaks (at unit mass)"] == 3


def test_another_spectrum_of_a_file_is_named_by_its_number(two: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", two, f"{two}#1", "--format", "jsonl"]) == 0
    assert _rows(capsys)["matched peaks (at unit mass)"] == 1


def test_names_from_files_cannot_command_the_terminal(two: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", two, f"{two}#1"]) == 0
    captured = capsys.readouterr()
    assert "Two\\x1b[31m" in captured.out
    assert "\x1b" not in captured.out + captured.err


def test_what_had_to_be_assumed_is_said_on_stderr(two: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", two, two]) == 0
    assert "SPEC-001" in capsys.readouterr().err
    assert main(["compare", two, two, "--technique", "ei"]) == 0
    assert "SPEC-001" not in capsys.readouterr().err


def test_the_picture_is_written(two: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", two, f"{two}#1", "--plot", str(tmp_path / "mirror.svg")]) == 0
    assert (tmp_path / "mirror.svg").read_text(encoding="utf-8").startswith("<?xml")
    assert "mirror.svg" not in capsys.readouterr().out


@pytest.mark.parametrize(("place", "words"), [("#2", "no spectrum 2"), ("#-1", "no such file"), ("#one", "no such file")])
def test_a_number_that_names_no_spectrum_is_one_clear_sentence(
    two: str, place: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", two, two + place]) == 1
    captured = capsys.readouterr()
    assert words in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_a_missing_file_is_one_clear_sentence(two: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", two, "nowhere.msp"]) == 1
    assert "nowhere.msp" in capsys.readouterr().err


def test_a_file_whose_name_holds_the_mark_is_still_found(two: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = tmp_path / "exhibit#7"
    odd.write_text(TWO, encoding="utf-8")
    assert main(["compare", str(odd), two, "--format", "jsonl"]) == 0
    assert _rows(capsys)["match factor (identity)"] == 999
