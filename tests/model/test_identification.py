"""The result contract: what an answer writes, and how exactly."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from nps_ident.model import (
    Candidate,
    Finding,
    Identification,
    LibraryStamp,
    MassSpectrum,
    Proposal,
    Severity,
    Source,
    Substance,
    Technique,
    Variant,
    Verdict,
)


@pytest.fixture
def answer() -> Identification:
    substance = Substance(inchikey="PJMPHNIQZUBGLI-UHFFFAOYSA-N", name="Fentanyl", drug_class="fentanyl")
    candidate = Candidate(
        substance=substance,
        score=0.91234567,
        match_factor=911,
        reverse_match_factor=940,
        probability=0.98765432,
        log10_lr=-0.001,
        reference="DEA-1",
        source="starter",
    )
    other = Candidate(substance=Substance(inchikey=None, name="Street sample"), score=0.5, reference="", source="own.msp")
    return Identification(
        spectrum=MassSpectrum(
            name="Exhibit 17",
            mz=[58, 91],
            intensity=[1, 2],
            technique=Technique.EI_MS,
            source=Source(file="a/b.msp", index=3, sha256="e" * 64),
        ),
        verdict=Verdict.MATCH,
        characterise=False,
        matches=(candidate, other),
        library=LibraryStamp(name="starter", sha256="f" * 64),
        software=(("nps_ident", "1"), ("numpy", "2")),
        calibration="ei@0123456789ab",
        findings=(
            Finding(code="IDENT-001", severity=Severity.INFO, text="Match."),
            Finding(code="SPEC-004", severity=Severity.INFO, text="Sorted."),
        ),
    )


def test_the_answer_is_written_as_the_contract_says(answer: Identification) -> None:
    assert answer.to_dict() == {
        "schema": "nps-ident/identification/1",
        "query": {"id": "Exhibit 17", "file": "a/b.msp", "index": 3, "sha256": "e" * 64, "technique": "EI-MS", "precursor_mz": None},
        "verdict": "match",
        "characterise": False,
        "matches": [
            {
                "rank": 1,
                "inchikey": "PJMPHNIQZUBGLI-UHFFFAOYSA-N",
                "name": "Fentanyl",
                "drug_class": "fentanyl",
                "score": 0.9123,
                "match_factor": 911,
                "reverse_match_factor": 940,
                "isotope_labelled": False,
                "probability": 0.9877,
                "log10_lr": 0.0,
                "reference": "DEA-1",
                "source": "starter",
            },
            {
                "rank": 2,
                "inchikey": None,
                "name": "Street sample",
                "drug_class": None,
                "score": 0.5,
                "match_factor": None,
                "reverse_match_factor": None,
                "isotope_labelled": False,
                "probability": None,
                "log10_lr": None,
                "reference": "",
                "source": "own.msp",
            },
        ],
        "isomer_set": None,
        "isomers_without_reference": None,
        "separated_by": None,
        "components": None,
        "unexplained_fraction": None,
        "variant": None,
        "findings": [
            {"code": "IDENT-001", "severity": "info", "text": "Match."},
            {"code": "SPEC-004", "severity": "info", "text": "Sorted."},
        ],
        "library": {"name": "starter", "sha256": "f" * 64},
        "calibration": "ei@0123456789ab",
        "software": {"nps_ident": "1", "numpy": "2"},
        "record": None,
    }


def test_json_is_one_line_that_reads_back_and_writes_no_negative_zero(answer: Identification) -> None:
    text = answer.to_json()
    assert "\n" not in text
    assert "-0.0" not in text
    assert json.loads(text) == answer.to_dict()


def test_what_json_cannot_hold_is_refused_and_never_written(answer: Identification) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        replace(answer, spectrum=replace(answer.spectrum, precursor_mz=float("nan"))).to_json()


def test_the_best_is_the_first_and_there_may_be_none(answer: Identification) -> None:
    assert answer.best is answer.matches[0]
    assert replace(answer, matches=()).best is None


def test_reasons_are_the_findings_on_the_answer_alone(answer: Identification) -> None:
    assert answer.reasons == ("Match.",)


def test_the_frame_has_a_row_a_candidate(answer: Identification) -> None:
    frame = answer.to_frame()
    assert frame["rank"].tolist() == [1, 2]
    assert frame["query"].tolist() == ["Exhibit 17", "Exhibit 17"]
    assert frame["name"].tolist() == ["Fentanyl", "Street sample"]
    empty = replace(answer, matches=()).to_frame()
    assert len(empty) == 0


def test_a_variant_writes_what_is_known_and_null_for_the_rest() -> None:
    variant = Variant(nearest=("A", "B"), mass_shift_da=14.015650049, drug_class="fentanyl", predicted_mass_da=None)
    assert variant.to_dict() == {
        "nearest": ["A", "B"],
        "mass_shift_da": 14.0157,
        "drug_class": "fentanyl",
        "predicted_mass_da": None,
        "proposals": None,
    }


def test_a_variant_writes_its_proposals_in_their_order_and_an_empty_list_where_none_was_found() -> None:
    variant = Variant(nearest=("A",), mass_shift_da=None, drug_class="fentanyl", predicted_mass_da=350.2)
    proposal = Proposal(smiles="CC", inchikey="OTMSDBZUPAUEDD-UHFFFAOYSA-N", why="methyl on methane", probability=0.123456)
    written = replace(variant, proposals=(proposal,)).to_dict()["proposals"]
    assert written == [{"smiles": "CC", "inchikey": "OTMSDBZUPAUEDD-UHFFFAOYSA-N", "why": "methyl on methane", "probability": 0.1235}]
    assert replace(variant, proposals=()).to_dict()["proposals"] == []
