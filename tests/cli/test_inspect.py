"""``nps-ident inspect``."""

from __future__ import annotations

import csv
import json
from io import StringIO
from typing import TYPE_CHECKING

import pytest

from nps_ident.cli import main

if TYPE_CHECKING:
    from pathlib import Path

FENTANYL = "SMILES: CCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1\nInChIKey: PJMPHNIQZUBGLI-UHFFFAOYSA-N\n"
PEAKS = "Num Peaks: 3\n105.0699 300\n132.0808 50\n188.1434 999\n"
MSMS = "Spectrum_type: MS2\nPrecursorMZ: 337.2274\nPrecursor_type: [M+H]+\n"


@pytest.fixture
def codes(tmp_path: Path, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """Inspect one record and give the codes of its findings."""

    def inspected(text: str) -> set[str]:
        (tmp_path / "one.msp").write_text("Name: one\n" + text, encoding="utf-8")
        assert main(["inspect", str(tmp_path / "one.msp"), "--format", "jsonl"]) == 0
        (line,) = capsys.readouterr().out.splitlines()
        return {finding["code"] for finding in json.loads(line)["findings"]}

    return inspected


def test_a_consistent_record_has_no_findings(codes) -> None:  # type: ignore[no-untyped-def]
    assert codes(MSMS + FENTANYL + "Formula: C22H28N2O\nExactMass: 336.22016\n" + PEAKS) == set()


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ("Num Peaks: 4\n58 1\n50 2\n60 3\n70 4\n", "SPEC-004"),
        ("Num Peaks: 4\n50 1\n58 2\n58 3\n70 4\n", "SPEC-005"),
        ("Num Peaks: 4\n50 1\n58 -2\n60 3\n70 4\n", "SPEC-003"),
        ("Num Peaks: 4\n50 1\n58 0\n60 3\n70 4\n", "SPEC-021"),
        ("Num Peaks: 2\n50 1\n58 2\n", "SPEC-022"),
        ("Instrument_type: GC-EI-QTOF\nSpectrum_type: MS1\n" + PEAKS, "SPEC-023"),
        ("Spectrum_type: MS2\nInstrument_type: LC-ESI-QTOF\n" + PEAKS, "SPEC-024"),
        (MSMS + "Num Peaks: 4\n105.0699 300\n132.0808 50\n188.1434 999\n412.5 20\n", "SPEC-025"),
        (MSMS.replace("[M+H]+", "M plus H") + "Formula: C22H28N2O\n" + PEAKS, "SPEC-026"),
        (MSMS + "Formula: C21H26N2O\n" + PEAKS, "SPEC-027"),
        (MSMS + "Formula: fentanyl base\n" + PEAKS, "SPEC-031"),
        (MSMS + "Formula: C22H28N2O\nExactMass: 337.22\n" + PEAKS, "SPEC-032"),
        (MSMS + "SMILES: CCC(=O)N(c1ccccc1\n" + PEAKS, "SPEC-033"),
        (MSMS + "SMILES: C[C@H](N)Cc1ccccc1\nInChIKey: KWTSXDURSIMDCE-UHFFFAOYSA-N\n" + PEAKS, "SPEC-034"),
        (MSMS + FENTANYL.replace("PJMPHNIQZUBGLI", "AAAAAAAAAAAAAA") + PEAKS, "SPEC-035"),
        (MSMS + FENTANYL + "Formula: C22H23D5N2O\n" + PEAKS, "SPEC-036"),
    ],
)
def test_each_oddity_is_found(record: str, code: str, codes) -> None:  # type: ignore[no-untyped-def]
    assert code in codes(record)


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (MSMS + "Num Peaks: 4\n105.0699 300\n132.0808 50\n188.1434 999\n339.2 20\n", "SPEC-025"),
        (MSMS.replace("[M+H]+", "[M+2H]2+") + "Num Peaks: 4\n105.0699 300\n132.0808 50\n188.1434 999\n412.5 20\n", "SPEC-025"),
        (MSMS + "SMILES: Cl.CCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1\nInChIKey: PJMPHNIQZUBGLI-UHFFFAOYSA-N\n" + PEAKS, "SPEC-035"),
        (MSMS + "Formula: C22H28N2O\nExactMass: 336.22\n" + PEAKS, "SPEC-032"),
        ("Num Peaks: 4\n50 1\n58 2\n60 3\n70 4\n", "SPEC-023"),
    ],
)
def test_isotope_peaks_double_charges_salts_and_rounding_are_no_oddities(record: str, code: str, codes) -> None:  # type: ignore[no-untyped-def]
    assert code not in codes(record)


def test_the_table_has_one_line_a_spectrum_and_explains_its_findings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.msp").write_text(f"Name: a\n{MSMS}{PEAKS}\nName: b\x1b[2J\nNum Peaks: 1\n58 999\n", encoding="utf-8")
    assert main(["inspect", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "337.2274 [M+H]+" in lines[2]
    assert "SPEC-022" in lines[3]
    assert "\x1b" not in "".join(lines)
    assert any(line.startswith("SPEC-022") and "too few" in line for line in lines[4:])


def test_csv_has_one_line_a_spectrum(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.msp").write_text(f"Name: a\n{MSMS}{PEAKS}", encoding="utf-8")
    assert main(["inspect", str(tmp_path / "a.msp"), "--format", "csv"]) == 0
    (row,) = csv.DictReader(StringIO(capsys.readouterr().out))
    assert (row["name"], row["technique"], row["n_peaks"], row["base_peak_mz"]) == ("a", "MS/MS", "3", "188.1434")


def test_an_unreadable_file_is_named_and_the_others_are_still_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.msp").write_text(f"Name: a\n{MSMS}{PEAKS}", encoding="utf-8")
    (tmp_path / "b.msp").write_bytes(b"\x00\x01\x02 nothing that is known")
    assert main(["inspect", str(tmp_path / "nowhere"), str(tmp_path), "--format", "jsonl"]) == 1
    captured = capsys.readouterr()
    assert [json.loads(line)["name"] for line in captured.out.splitlines()] == ["a"]
    assert "b.msp" in captured.err
    assert "nowhere" in captured.err
    assert "Traceback" not in captured.err
