"""Runs are answered component by component, and what heat, a reagent, the column or the blank made is not announced as new."""

from __future__ import annotations

import csv
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from made_up import ei_references, holds_the_contract
from runs_with_truth import run_of

from nps_ident.catalogue.store import open_catalogue
from nps_ident.chemistry.drug_classes import drug_classes
from nps_ident.chemistry.formula import exact_mass
from nps_ident.chemistry.gc_artefacts import artefacts
from nps_ident.errors import InputError
from nps_ident.identify.run import RunAids, identify_run, read_run_aids
from nps_ident.identify.run_artefacts import with_artefacts
from nps_ident.io import read_run
from nps_ident.library import open_library
from nps_ident.model import (
    AlkaneLadder,
    Candidate,
    Finding,
    Identification,
    LibraryStamp,
    MassSpectrum,
    Severity,
    Technique,
    Variant,
    Verdict,
)
from nps_ident.reports.chromatogram import peak_name

if TYPE_CHECKING:
    from pathlib import Path

    from nps_ident.library.compiled import Library
    from nps_ident.model import Run

CATALOGUE = open_catalogue()


def spectrum_of(reference: MassSpectrum) -> dict[int, float]:
    base = reference.intensity.max()
    return {int(mass): float(height / base) for mass, height in zip(reference.mz, reference.intensity, strict=True)}


def run_with(*places: tuple[int, float], **options: Any) -> Run:
    """A run of made-up substances by number, each with its time."""
    references = ei_references()
    return run_of([(time, 60000.0, spectrum_of(references[number])) for number, time in places], **options)


@pytest.fixture
def libraries(ei_library: Library) -> Any:
    return open_library(str(ei_library.folder), starter=False)


def test_each_component_is_named_with_its_place_in_the_run(libraries: Any) -> None:
    answers = identify_run(run_with((4, 90.0), (7, 100.0), (9, 101.5)), libraries)
    assert [answer.verdict for answer in answers] == [Verdict.MATCH] * 3
    assert [answer.best.substance.name for answer in answers if answer.best] == ["Substance 4", "Substance 7", "Substance 9"]
    for number, answer in enumerate(answers):
        query = holds_the_contract(answer.to_dict())["query"]
        assert (query["id"], query["index"]) == (f"run#{number}", number)
        assert query["retention_time_s"] == pytest.approx([90.0, 100.0, 101.5][number], abs=0.3)
        assert query["retention_index"] is None
    assert sum(answer.area_share or 0.0 for answer in answers) == pytest.approx(1.0)


def test_the_ladder_gives_an_index_and_a_foreign_one_is_said_and_left_out(libraries: Any) -> None:
    ladder = AlkaneLadder(name="alkanes.csv", carbon_numbers=(10, 11, 12), times_s=(80.0, 100.0, 120.0))
    inside, outside = identify_run(run_with((4, 90.0), (7, 150.0)), libraries, aids=RunAids(ladder=ladder))
    assert inside.to_dict()["query"]["retention_index"] == pytest.approx(1050.0, abs=1.0)
    assert outside.to_dict()["query"]["retention_index"] is None
    assert "RUN-009" in [finding.code for finding in outside.findings]
    told: list[InputError] = []
    foreign = replace(ladder, times_s=(800.0, 1000.0, 1200.0))
    [answer] = identify_run(run_with((4, 90.0)), libraries, aids=RunAids(ladder=foreign), report=told.append)
    assert answer.verdict is Verdict.MATCH
    assert "RUN-007" in [finding.code for finding in answer.findings]
    assert len(told) == 1


def test_a_bleeding_baseline_marks_no_component_as_bleed(libraries: Any) -> None:
    [answer] = identify_run(run_with((4, 90.0), background={207: 3000.0, 281: 2500.0, 73: 2000.0, 355: 1000.0}), libraries)
    assert answer.verdict is Verdict.MATCH
    assert "RUN-010" in codes(answer)
    assert "RUN-003" not in codes(answer)
    assert peak_name(answer) == "Substance 4"


def test_a_run_of_noise_is_one_sentence(libraries: Any) -> None:
    with pytest.raises(InputError, match=r"run\.cdf: the run has no component: nothing in its 300 scans"):
        identify_run(run_of([], background={44: 500.0, 91: 400.0, 207: 300.0}), libraries)


def test_aids_that_cannot_be_read_are_reported_and_said(tmp_path: Path, libraries: Any) -> None:
    told: list[InputError] = []
    (tmp_path / "alkanes.csv").write_text("nonsense", encoding="utf-8")
    aids = read_run_aids(blank=tmp_path / "missing.cdf", alkanes=tmp_path / "alkanes.csv", derivatised=None, report=told.append)
    [answer] = identify_run(run_with((4, 90.0)), libraries, aids=aids)
    assert [finding.code for finding in answer.findings if finding.code == "RUN-007"] == ["RUN-007"] * 2
    assert len(told) >= 2


# What is noted on answers as such: made directly, since no made-up spectrum is a trimethylsilyl derivative.


def answer_on(
    verdict: Verdict,
    *,
    name: str | None = None,
    time: float = 100.0,
    variant: Variant | None = None,
    peaks: dict[int, float] | None = None,
    findings: tuple[Finding, ...] = (),
) -> Identification:
    heights = peaks or {58: 100.0, 91: 40.0, 134: 20.0}
    matches: tuple[Candidate, ...] = ()
    if name is not None:
        [substance] = CATALOGUE.find_name(name)
        matches = (Candidate(substance=substance, score=0.95, reference="r", source="s", probability=0.97),)
    return Identification(
        spectrum=MassSpectrum(
            name="run#0",
            technique=Technique.EI_MS,
            mz=np.array(list(heights), dtype=float),
            intensity=np.array(list(heights.values())),
            retention_time_s=time,
        ),
        verdict=verdict,
        characterise=verdict in {Verdict.UNKNOWN_VARIANT, Verdict.CLASS_ONLY},
        matches=matches,
        library=LibraryStamp(name="l", sha256="0" * 64),
        software=(("nps_ident", "0"),),
        calibration="c@0123456789ab",
        variant=variant,
        area_share=0.5,
        findings=(Finding(code="IDENT-001", severity=Severity.INFO, text="A relative is supported."), *findings),
    )


def noted(*answers: Identification, derivatised: str | None = None, background: tuple[bool, ...] = ()) -> tuple[Identification, ...]:
    told = with_artefacts(answers, background=background or (False,) * len(answers), derivatised=derivatised, catalogue=CATALOGUE)
    for answer in told:
        holds_the_contract(answer.to_dict())
    return told


def unknown(near: str, shift: float, **more: Any) -> Identification:
    [parent] = CATALOGUE.find_name(near)
    variant = Variant(
        nearest=(parent.inchikey or "",), mass_shift_da=shift, drug_class=parent.drug_class, predicted_mass_da=(parent.exact_mass or 0.0) + shift
    )
    return answer_on(Verdict.UNKNOWN_VARIANT, variant=variant, **more)


def codes(answer: Identification) -> list[str]:
    return [finding.code for finding in answer.findings]


def test_6_monoacetylmorphine_beside_heroin_names_heroin_and_keeps_its_verdict() -> None:
    found = answer_on(Verdict.MATCH, name="6-Monoacetylmorphine", time=300.0), answer_on(Verdict.MATCH, name="Heroin", time=330.0)
    product, parent = noted(*found)
    assert product.verdict is Verdict.MATCH
    assert codes(product) == ["IDENT-001", "RUN-006"]
    assert "may have come from Heroin, which is at 330.0 s" in product.findings[-1].text
    assert codes(parent) == ["IDENT-001"]
    [alone] = noted(answer_on(Verdict.MATCH, name="6-Monoacetylmorphine"))
    assert "no component of this run is Heroin" in alone.findings[-1].text


def test_a_substance_that_is_no_product_is_left_alone() -> None:
    for name in ("Fentanyl", "Cocaine", "Heroin"):
        assert codes(*noted(answer_on(Verdict.MATCH, name=name))) == ["IDENT-001"]
    assert codes(*noted(answer_on(Verdict.NO_MATCH, name="6-Monoacetylmorphine"))) == ["IDENT-001"], "a poor candidate is no component"


def test_a_cathinone_two_lower_beside_its_parent_is_not_announced() -> None:
    artefact, _ = noted(unknown("Mephedrone", -2.016, time=95.0), answer_on(Verdict.MATCH, name="Mephedrone", time=100.0))
    assert artefact.verdict is Verdict.CLASS_ONLY
    assert artefact.characterise
    assert codes(artefact) == ["IDENT-001", "RUN-006"]
    assert artefact.findings[0].text.startswith("Not announced as a new substance. It may have come from Mephedrone, which is at 100.0 s")


@pytest.mark.parametrize("shift", [-4.0, -1.0, 14.016, 42.011])
def test_another_shift_beside_the_parent_stays_an_unknown_variant(shift: float) -> None:
    found, _ = noted(unknown("Mephedrone", shift), answer_on(Verdict.MATCH, name="Mephedrone"))
    assert found.verdict is Verdict.UNKNOWN_VARIANT


def test_the_same_shift_without_the_parent_stays_an_unknown_variant() -> None:
    assert noted(unknown("Mephedrone", -2.016))[0].verdict is Verdict.UNKNOWN_VARIANT
    assert noted(unknown("Mephedrone", -2.016), answer_on(Verdict.MATCH, name="Heroin"))[0].verdict is Verdict.UNKNOWN_VARIANT


TMS_IONS = {73: 100.0, 75: 10.0, 236: 40.0}


@pytest.mark.parametrize(("n_groups", "said"), [(1, "fits a trimethylsilyl derivative of Morphine"), (2, "fits a di-trimethylsilyl")])
def test_a_trimethylsilyl_derivative_is_known_by_mass_and_ions(n_groups: int, said: str) -> None:
    [found] = noted(unknown("Morphine", 72.0395 * n_groups, peaks=TMS_IONS))
    assert found.verdict is Verdict.CLASS_ONLY
    assert said in found.findings[-1].text


def test_the_mass_alone_or_the_ions_alone_are_no_trimethylsilyl_derivative() -> None:
    assert noted(unknown("Morphine", 72.0395))[0].verdict is Verdict.UNKNOWN_VARIANT
    assert noted(unknown("Morphine", 58.04, peaks=TMS_IONS))[0].verdict is Verdict.UNKNOWN_VARIANT
    assert noted(unknown("Morphine", 72.0395, peaks={73: 100.0, 236: 40.0}))[0].verdict is Verdict.UNKNOWN_VARIANT


def test_an_acetyl_group_is_a_derivative_only_where_the_laboratory_acetylated() -> None:
    """42 Da is a propyl too, and an acetylated drug may be sold as such."""
    acetylated = unknown("Psilocin", 42.0106, peaks={43: 20.0, 58: 100.0, 160: 10.0})
    assert noted(acetylated)[0].verdict is Verdict.UNKNOWN_VARIANT
    assert noted(acetylated, derivatised="tfa")[0].verdict is Verdict.UNKNOWN_VARIANT
    assert noted(acetylated, derivatised="acetyl")[0].verdict is Verdict.CLASS_ONLY


def test_background_is_not_announced_and_keeps_its_reason() -> None:
    blank = Finding(code="RUN-004", severity=Severity.WARNING, text="The blank shows the same.")
    [found] = noted(unknown("Mephedrone", 14.016, findings=(blank,)), background=(True,))
    assert found.verdict is Verdict.CLASS_ONLY
    assert found.findings[0].text == "Not announced as a new substance. The blank shows the same."


def test_every_row_of_the_table_agrees_with_the_catalogue_and_has_a_source() -> None:
    classes = {drug_class.name for drug_class in drug_classes()}
    groups = {"trimethylsilyl": "SiC3H8", "acetyl": "C2H2O", "trifluoroacetyl": "C2F3O"}
    for row in artefacts():
        assert row.kind in {"product", "shift", "derivative"}
        assert row.status in {"confirmed", "to verify"}
        assert row.source
        assert row.process
        assert row.status == "to verify" or "general knowledge" not in row.source
        for name, key in ((row.parent, row.parent_inchikey), (row.product, row.product_inchikey)):
            if key:
                entry = CATALOGUE.by_inchikey(key)
                assert entry is not None
                assert entry.name == name
        if row.parent_class:
            assert row.parent_class in classes
        if row.kind == "product":
            parent, product = (CATALOGUE.by_inchikey(key) for key in (row.parent_inchikey, row.product_inchikey))
            assert parent is not None
            assert product is not None
            assert (product.exact_mass or 0.0) - (parent.exact_mass or 0.0) == pytest.approx(row.shift_da, abs=2e-4)
        if row.kind == "derivative":
            lost = exact_mass("H") if row.product == "trifluoroacetyl" else 0.0
            assert row.shift_da == pytest.approx(exact_mass(groups[row.product]) - lost, abs=2e-4)


@pytest.mark.realdata
def test_every_compound_of_the_real_run_is_the_first_candidate_at_its_time(realdata: Path) -> None:
    with (realdata / "gcms_runs" / "BARBITUATES_truth.csv").open(encoding="utf-8", newline="") as lines:
        truth = list(csv.DictReader(lines))
    libraries = open_library(str(realdata / "ei" / "reference.msp"), starter=False)
    answers = identify_run(read_run(realdata / "gcms_runs" / "BARBITUATES.SPC", report=lambda error: pytest.fail(str(error))), libraries)
    for row in truth:
        [answer] = [a for a in answers if abs((a.spectrum.retention_time_s or 0.0) - 60.0 * float(row["rt_min"])) <= 0.6]
        assert answer.best is not None
        assert answer.best.probability is not None
        assert answer.best.probability > 0.8
        assert not row["inchikey"] or answer.best.substance.inchikey == row["inchikey"]
    others = [a for a in answers if all(abs((a.spectrum.retention_time_s or 0.0) - 60.0 * float(row["rt_min"])) > 0.6 for row in truth)]
    assert {answer.verdict for answer in others}.isdisjoint({Verdict.MATCH, Verdict.ISOMER_SET})
