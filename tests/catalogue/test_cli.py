"""``nps-ident catalogue``: list, show, check."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from nps_ident.cli import main

Change = Callable[[Path, str, str, Callable[[str], str]], None]


def test_list_gives_the_substances_of_a_class(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalogue", "list", "--drug-class", "nitazene", "--format", "jsonl"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"Isotonitazene", "Metonitazene", "Etonitazene"} <= {row["name"] for row in rows}
    assert {row["drug_class"] for row in rows} == {"nitazene"}


def test_list_gives_the_substances_of_a_group(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalogue", "list", "--group", "cutting agent", "--format", "csv"]) == 0
    names = {row["name"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out))}
    assert {"Levamisole", "Xylazine", "Caffeine"} <= names
    assert "Heroin" not in names


def test_list_of_a_class_that_is_none_is_empty(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalogue", "list", "--drug-class", "nonsense", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.parametrize("asked", ["heroin", "Diamorphine", "561-27-3", "GVGLGOZIDCSQPN-PVHGPHFFSA-N"])
def test_show_finds_by_name_number_and_key(asked: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalogue", "show", asked]) == 0
    out = capsys.readouterr().out
    assert "GVGLGOZIDCSQPN-PVHGPHFFSA-N" in out
    assert "C21H23NO5" in out


def test_show_of_an_unknown_name_fails_in_one_sentence_without_obeying_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalogue", "show", "5% heroin\x1b[2J"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "\x1b" not in captured.err


def test_check_of_good_data_exits_0(small_copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalogue", "check", str(small_copy)]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "0 errors, 0 warnings\n"


def test_check_of_an_error_exits_1_and_names_it(small_copy: Path, change: Change, capsys: pytest.CaptureFixture[str]) -> None:
    change(small_copy / "substances.tsv", "MDMB-4en-PINACA", "formula", lambda old: "C21H29N3O3")
    assert main(["catalogue", "check", str(small_copy), "--format", "jsonl"]) == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["code"] for row in rows} == {"CAT-105", "CAT-106"}
    assert {row["subject"] for row in rows} == {"MDMB-4en-PINACA"}


def test_check_of_a_warning_exits_0(small_copy: Path, change: Change, capsys: pytest.CaptureFixture[str]) -> None:
    change(small_copy / "substances.tsv", "Fentanyl", "cas", lambda old: "561-27-3")
    assert main(["catalogue", "check", str(small_copy)]) == 0
    assert "CAT-113" in capsys.readouterr().out


def test_check_of_a_missing_folder_fails_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalogue", "check", str(tmp_path / "none")]) == 1
    assert capsys.readouterr().err.count("\n") == 1
