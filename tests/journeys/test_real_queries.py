"""Real spectra through the command line against a real library."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pytest
from made_up import holds_the_contract

from nps_ident.cli import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.realdata
@pytest.mark.parametrize("technique", ["ei", "msms"])
def test_real_queries_are_answered_by_the_contract_and_mostly_right(
    technique: str, realdata: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = realdata / technique
    records = (folder / "queries_dev.msp").read_text(encoding="utf-8").split("\n\n")
    some = [record for record in records if record.strip()][::12]
    (tmp_path / "some.msp").write_text("\n\n".join(some) + "\n\n", encoding="utf-8")
    with (folder / "queries_dev_truth.csv").open(encoding="utf-8") as file:
        truth = {row["id"]: row["ik14"] for row in csv.DictReader(file)}
    given = ["--no-starter", "--library", str(folder / "reference.msp"), "--format", "jsonl", "--no-record"]
    assert main(["identify", str(tmp_path / "some.msp"), *given]) == 0
    answers = [holds_the_contract(json.loads(line)) for line in capsys.readouterr().out.splitlines()]
    assert len(answers) == len(some)
    right = [a["matches"][0]["inchikey"][:14] == truth[a["query"]["id"]] for a in answers if a["matches"] and a["matches"][0]["inchikey"]]
    named = [a for a in answers if a["verdict"] == "match"]
    wrong = [a["query"]["id"] for a in named if a["matches"][0]["inchikey"][:14] != truth[a["query"]["id"]]]
    # These are spectra that the calibration was fitted to: a check that nothing is broken, no figure of accuracy.
    assert sum(right) > 0.6 * len(answers)
    assert len(named) > 0.2 * len(answers)
    assert len(wrong) <= 1 + 0.05 * len(named), wrong
