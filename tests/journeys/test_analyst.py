"""An early-warning analyst: a new substance is proposed with its spectrum, and the next exhibit that holds it is found, marked so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from made_up import holds_the_contract, measured, msp

from nps_ident.cli import main
from nps_ident.model import MassSpectrum, Technique

if TYPE_CHECKING:
    from pathlib import Path

NEW = "CCCCCCCCCCCCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1"
PEAKS = {
    43: 200, 57: 310, 71: 420, 91: 60, 105: 300, 113: 150, 146: 850, 189: 700,
    203: 120, 219: 330, 245: 90, 315: 240, 359: 110, 441: 80, 455: 999,
}  # fmt: skip


@pytest.fixture
def measured_twice(tmp_path: Path) -> tuple[str, str]:
    """The spectrum that goes into the register, and that of a later exhibit."""
    own = MassSpectrum(name="long test opioid", technique=Technique.EI_MS, mz=list(PEAKS), intensity=list(PEAKS.values()))
    (tmp_path / "own.msp").write_text(msp([own]), encoding="utf-8")
    (tmp_path / "exhibit.msp").write_text(msp([measured(own, noise=0.05, name="Exhibit 99")]), encoding="utf-8")
    return str(tmp_path / "own.msp"), str(tmp_path / "exhibit.msp")


def _identified(place: str, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, object]:
    assert main(["identify", place, "--format", "jsonl", *options]) == 0
    return holds_the_contract(json.loads(capsys.readouterr().out))


def test_what_is_proposed_is_found_by_the_next_question_and_marked(
    measured_twice: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    own, exhibit = measured_twice
    before = _identified(exhibit, capsys)
    assert before["verdict"] not in {"match", "isomer_set"}
    assert main(["structure", NEW, "--format", "jsonl"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "unknown_variant"

    assert main(["register", "propose", NEW, "--name", "long test opioid", "--spectra", own, "--analyst", "A. Nalyst", "--why", "seizure"]) == 0
    capsys.readouterr()

    after = _identified(exhibit, capsys)
    assert after["verdict"] == "match", after["findings"]
    best = after["matches"][0]  # type: ignore[index]
    assert (best["name"], best["source"], best["drug_class"]) == ("long test opioid", "register (proposed)", "fentanyl")
    codes = {finding["code"]: finding["text"] for finding in after["findings"]}  # type: ignore[union-attr, index]
    assert "proposed" in codes["IDENT-008"]

    assert main(["structure", NEW, "--format", "jsonl"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"] == "match"
    assert "proposed" in found["matches"][0]["source"]

    assert _identified(exhibit, capsys, "--library", own)["matches"][0]["source"] == "register (proposed)"  # type: ignore[index]
    assert main(["ledger", "verify"]) == 0


def test_without_the_starter_ones_own_register_is_not_searched(
    measured_twice: tuple[str, str], ei_library: object, capsys: pytest.CaptureFixture[str]
) -> None:
    own, exhibit = measured_twice
    assert main(["register", "propose", NEW, "--name", "long test opioid", "--spectra", own, "--analyst", "A. Nalyst"]) == 0
    capsys.readouterr()
    answer = _identified(exhibit, capsys, "--no-starter", "--library", str(ei_library.folder))  # type: ignore[attr-defined]
    assert all(match["source"] == "made-up EI" for match in answer["matches"])  # type: ignore[attr-defined]
