"""Promises of ``nps-ident register``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from nps_ident.catalogue.store import SUBSTANCE_COLUMNS
from nps_ident.cli import main

if TYPE_CHECKING:
    from pathlib import Path

NEW = "CCCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1"
OTHER = "CCCCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1"
MSP = """Name: own measurement
Instrument_type: EI-B
Num Peaks: 4
105 500
146 700
202 300
259 999

"""


@pytest.fixture
def catalogue(tmp_path: Path) -> str:
    """A catalogue of fentanyl alone."""
    row = {
        "inchikey": "PJMPHNIQZUBGLI-UHFFFAOYSA-N",
        "name": "fentanyl",
        "smiles": "CCC(=O)N(c1ccccc1)C1CCN(CCc1ccccc1)CC1",
        "formula": "C22H28N2O",
        "exact_mass": "336.220164",
        "drug_class": "fentanyl",
    }
    table = tmp_path / "substances.tsv"
    cells = ("\t".join(SUBSTANCE_COLUMNS), "\t".join(row.get(column, "") for column in SUBSTANCE_COLUMNS))
    table.write_text("\n".join(cells) + "\n")
    return str(table)


def test_a_proposed_substance_with_its_spectrum_is_listed_and_shown(
    catalogue: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own.msp").write_text(MSP)
    options = ["--name", "test opioid", "--spectra", str(tmp_path / "own.msp"), "--analyst", "A. Chemist", "--why", "seen twice"]
    assert main(["register", "propose", NEW, *options, "--catalogue", catalogue, "--format", "json"]) == 0
    [row] = json.loads(capsys.readouterr().out)
    assert (row["entry"], row["state"], row["formula"], row["drug_class"], row["n_spectra"]) == (
        "P-000001", "proposed", "C23H30N2O", "fentanyl", 1,
    )  # fmt: skip
    assert main(["register", "list"]) == 0
    assert "test opioid" in capsys.readouterr().out
    assert main(["register", "show", "test opioid"]) == 0
    shown = capsys.readouterr().out
    for expected in ("P-000001.1", "A. Chemist", "seen twice", NEW):
        assert expected in shown


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["CCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1.Cl"], "in the catalogue already, as 'fentanyl'"),
        ([NEW, "--name", "Fentanyl"], "is taken by 'fentanyl'"),
        ([NEW, "--name", "<img src=x>"], "the name holds '<'"),
        (["C1CC("], "cannot be read as SMILES"),
        (["missing.sdf"], "cannot be read"),
        ([NEW, "--cas", "437-38-8"], "is no CAS number"),
    ],
)
def test_a_bad_proposal_is_one_sentence_and_adds_nothing(
    catalogue: str, given: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["register", "propose", *given, "--catalogue", catalogue]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert said in captured.err
    assert main(["register", "list", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_of_a_file_the_good_are_added_and_the_bad_and_left_over_named(
    catalogue: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "new.csv").write_text(f"name,smiles\nfirst,{NEW}\nbad,C1CC(\nsecond,{OTHER}\n")
    (tmp_path / "own.msp").write_text(MSP.replace("own measurement", "Second") + MSP.replace("own measurement", "nobody"))
    given = ["register", "propose", str(tmp_path / "new.csv"), "--spectra", str(tmp_path / "own.msp"), "--catalogue", catalogue]
    assert main([*given, "--format", "jsonl"]) == 1
    captured = capsys.readouterr()
    rows = [json.loads(line) for line in captured.out.splitlines()]
    assert [(row["name"], row["n_spectra"]) for row in rows] == [("first", 0), ("second", 1)]
    assert "new.csv:3: " in captured.err
    assert "spectrum nobody is of none of the substances" in captured.err


def test_show_of_what_is_not_there_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["register", "show", "nothing\x1b[2J"]) == 1
    error = capsys.readouterr().err
    assert "no entry is called" in error
    assert "\x1b" not in error
