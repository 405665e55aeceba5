"""What was claimed against what was found: the question of the "5% heroin"."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING

import jsonschema
import numpy as np
import pytest
from made_up import measured, msp
from shipped_ions import shipped_ions

import nps_ident as nps
from nps_ident.library import Libraries
from nps_ident.library.build import build_library
from nps_ident.model import MassSpectrum, Technique
from nps_ident.model.exhibit import ClaimVerdict, ConclusionKind
from nps_ident.reports.conclusion import conclusion_lines

if TYPE_CHECKING:
    from pathlib import Path

    from nps_ident.model.exhibit import Conclusion

SCHEMA = json.loads((resources.files("nps_ident") / "schemas" / "conclusion-1.schema.json").read_text(encoding="utf-8"))
MATERIAL = "reference_material: RM-7, certificate: C-2014-3, batch: B12"
EI = f"- {{technique: EI-MS, file: q.msp, whole_sample: yes, {MATERIAL}}}\n"
IR = f"- {{technique: IR, result: positive, substance: Heroin, sampling: 2, data: LIMS 77, {MATERIAL}}}\n"
# Heroin at 0.5 mg/ml in a solution of 10 mg/ml of the exhibit: 5 %.
STANDARDS = "".join(f"standard,{x},{100 * x + d}\n" for x in (0.2, 0.4, 0.6, 0.8) for d in (-0.4, 0.4))
QUANTITY = f"kind,amount,response\n{STANDARDS}sample,10,50\n"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Libraries:
    return Libraries((build_library(shipped_ions(), tmp_path_factory.mktemp("own") / "library", name="own"),))


def concluded(folder: Path, library: Libraries, claim: str, measurements: str = EI, *, of: str = "Heroin", quantities: str = "") -> Conclusion:
    reference = next(reference for reference in shipped_ions() if reference.name == of)
    (folder / "q.msp").write_text(msp([measured(reference, noise=0.03, name="q")]), encoding="utf-8")
    (folder / "quantity.csv").write_text(QUANTITY, encoding="utf-8")
    (folder / "e.yaml").write_text(f"exhibit: X-1\nclaim: '{claim}'\nmeasurements:\n{measurements}{quantities}", encoding="utf-8")
    [exhibit] = nps.read_exhibits(folder / "e.yaml")
    conclusion = nps.conclude(exhibit, library, proposals=False)
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(conclusion.to_json()))
    assert conclusion.claim is not None
    assert conclusion.claim.reasons
    return conclusion


def verdict(conclusion: Conclusion) -> ClaimVerdict:
    assert conclusion.claim is not None
    return conclusion.claim.verdict


ASKED = "quantities: [{file: quantity.csv, substance: Heroin, basis: base}]\n"


def test_a_percentage_is_supported_by_identification_and_a_quantity_that_agrees(tmp_path: Path, library: Libraries) -> None:
    conclusion = concluded(tmp_path, library, "5% heroin", EI + IR, quantities=ASKED)
    assert conclusion.kind is ConclusionKind.IDENTIFIED
    assert verdict(conclusion) is ClaimVerdict.SUPPORTED
    [quantity] = conclusion.quantities
    assert quantity.percent == pytest.approx(5.0)
    assert {basis: round(percent, 2) for basis, percent, _ in quantity.other_bases}["hydrochloride"] == 5.49


def test_a_percentage_that_does_not_agree_supports_the_claim_in_part(tmp_path: Path, library: Libraries) -> None:
    assert verdict(concluded(tmp_path, library, "50% heroin", EI + IR, quantities=ASKED)) is ClaimVerdict.PARTLY


def test_the_basis_of_the_claim_decides_which_figure_is_compared(tmp_path: Path, library: Libraries) -> None:
    assert verdict(concluded(tmp_path, library, "5.5% heroin hydrochloride", EI + IR, quantities=ASKED)) is ClaimVerdict.SUPPORTED
    assert verdict(concluded(tmp_path, library, "5.5% heroin base", EI + IR, quantities=ASKED)) is ClaimVerdict.PARTLY


def test_quantities_that_contradict_each_other_support_no_percentage(tmp_path: Path, library: Libraries) -> None:
    (tmp_path / "other.csv").write_text(QUANTITY.replace("sample,10,50", "sample,1,50"), encoding="utf-8")
    files = [f"{{file: {name}.csv, substance: Heroin, basis: base}}" for name in ("quantity", "other")]
    for claim in ("5% heroin", "50% heroin"):
        for first, second in (files, files[::-1]):
            conclusion = concluded(tmp_path, library, claim, EI + IR, quantities=f"quantities: [{first}, {second}]\n")
            assert verdict(conclusion) is ClaimVerdict.PARTLY
            assert any("contradict each other" in text for text in conclusion.claim.reasons)  # type: ignore[union-attr]
            assert any(line.startswith("  ! Two quantities of Heroin contradict") for line in conclusion_lines(conclusion))


def test_without_a_calibration_no_percentage_of_mass_is_printed(tmp_path: Path, library: Libraries) -> None:
    conclusion = concluded(tmp_path, library, "heroin 7 %", EI + IR)
    assert verdict(conclusion) is ClaimVerdict.PARTLY
    assert conclusion.quantities == ()
    assert not any("% by mass" in line for line in conclusion_lines(conclusion))


def test_a_quantity_of_what_was_not_found_is_not_used(tmp_path: Path, library: Libraries) -> None:
    conclusion = concluded(tmp_path, library, "5% heroin", of="Ketamine", quantities=ASKED)
    assert conclusion.quantities == ()
    assert any("no percentage" in text for text in conclusion.failures)


def test_one_technique_supports_a_claim_in_part_only(tmp_path: Path, library: Libraries) -> None:
    assert verdict(concluded(tmp_path, library, "heroin")) is ClaimVerdict.PARTLY


def test_a_claim_is_not_supported_where_what_could_be_hidden_is_far_less_than_claimed(tmp_path: Path, library: Libraries) -> None:
    conclusion = concluded(tmp_path, library, "90% heroin", of="Ketamine")
    assert verdict(conclusion) is ClaimVerdict.NOT_SUPPORTED
    assert conclusion.to_dict()["claim_not_supported"] is True
    assert "not detected above about" in conclusion.claim.reasons[0]  # type: ignore[union-attr]


def test_a_spectrum_that_may_be_one_peak_of_several_says_nothing_of_what_is_not_there(tmp_path: Path, library: Libraries) -> None:
    conclusion = concluded(tmp_path, library, "90% heroin", EI.replace("whole_sample: yes, ", ""), of="Ketamine")
    assert verdict(conclusion) is ClaimVerdict.CANNOT_BE_SAID
    assert all(limit.share is None for limit in conclusion.limits)


def test_a_claim_of_little_cannot_be_refuted_by_a_spectrum_that_could_hide_it(tmp_path: Path, library: Libraries) -> None:
    conclusion = concluded(tmp_path, library, "1% heroin", of="Ketamine")
    assert verdict(conclusion) is ClaimVerdict.CANNOT_BE_SAID


def test_a_negative_infrared_result_says_nothing_of_what_infrared_misses(tmp_path: Path, library: Libraries) -> None:
    negative = "- {technique: IR, result: negative, substance: Heroin, data: LIMS 1}\n"
    assert verdict(concluded(tmp_path, library, "5% heroin", negative)) is ClaimVerdict.CANNOT_BE_SAID
    with_limit = negative.replace("data:", "limit_percent: 0.1, data:").replace("IR", "LC retention")
    assert verdict(concluded(tmp_path, library, "5% heroin", with_limit)) is ClaimVerdict.NOT_SUPPORTED


@pytest.mark.parametrize("claim", ["not heroin", "not 5% heroin", "-5% heroin", "NaN% heroin", "heroin substitute", "не героин", "0 % heroin"])
@pytest.mark.parametrize("of", ["Heroin", "Ketamine"])
def test_of_a_claim_that_denies_or_cannot_be_nothing_is_said(tmp_path: Path, library: Libraries, claim: str, of: str) -> None:
    conclusion = concluded(tmp_path, library, claim, EI + IR if of == "Heroin" else EI, of=of)
    assert verdict(conclusion) is ClaimVerdict.CANNOT_BE_SAID
    assert "cannot be compared:" in conclusion.claim.reasons[0]  # type: ignore[union-attr]


@pytest.mark.parametrize("claim", ["чистый героин", "heroin krokodil", "heroin nem"])
def test_words_that_are_not_understood_keep_a_claim_from_being_supported_or_refuted(tmp_path: Path, library: Libraries, claim: str) -> None:
    assert verdict(concluded(tmp_path, library, claim, EI + IR)) is ClaimVerdict.PARTLY
    if claim.startswith("heroin"):
        assert verdict(concluded(tmp_path, library, "90 % " + claim, of="Ketamine")) is ClaimVerdict.CANNOT_BE_SAID


@pytest.mark.parametrize("claim", ["purple rain", "??", "the good stuff 100"])
def test_of_nonsense_nothing_can_be_said_and_the_rest_is_answered(tmp_path: Path, library: Libraries, claim: str) -> None:
    conclusion = concluded(tmp_path, library, claim)
    assert verdict(conclusion) is ClaimVerdict.CANNOT_BE_SAID
    assert conclusion.substances[0].substance.name == "Heroin"


def test_companions_are_found_missing_or_not_looked_for(tmp_path: Path, library: Libraries) -> None:
    conclusion = concluded(tmp_path, library, "heroin")
    assert conclusion.claim is not None
    states = {marker.name: marker.state for marker in conclusion.claim.markers}
    assert states["Caffeine"] == "not detected"
    assert states["Acetylcodeine"] == "not looked for", "no reference ships"
    assert states["6-Monoacetylmorphine"] == "not excluded", "its ions are those of heroin too"
    assert not any("Unusual profile" in text for text in conclusion.claim.reasons)
    negative = "- {technique: LC retention, result: negative, substance: 6-MAM, limit_percent: 0.05, data: LIMS 3}\n"
    looked_for = concluded(tmp_path, library, "heroin", EI + negative)
    assert any("Unusual profile" in text for text in looked_for.claim.reasons)  # type: ignore[union-attr]
    caffeine = "- {technique: IR, result: positive, substance: Caffeine}\n"
    with_caffeine = concluded(tmp_path, library, "heroin", EI + caffeine)
    assert {marker.name: marker.state for marker in with_caffeine.claim.markers}["Caffeine"] == "found"  # type: ignore[union-attr]


def test_what_is_on_the_watch_list_is_said_first(tmp_path: Path, library: Libraries) -> None:
    conclusion = concluded(tmp_path, library, "heroin", of="Fentanyl")
    assert conclusion.findings[0].code == "EXH-008"
    assert "fentanyl" in conclusion.findings[0].text
    assert {limit.what for limit in conclusion.limits} == {"nitazene", "orphine"}


def test_a_candidate_that_is_not_set_aside_is_neither_supported_nor_refuted(tmp_path: Path) -> None:
    """The starter library gives heroin no probability that names it."""
    conclusion = concluded(tmp_path, nps.open_library(), "90% heroin")
    assert conclusion.kind is ConclusionKind.UNDETERMINED
    assert verdict(conclusion) is ClaimVerdict.CANNOT_BE_SAID
    assert "not set aside" in conclusion.claim.reasons[0]  # type: ignore[union-attr]
    fentanyl = concluded(tmp_path, nps.open_library(), "heroin", of="Fentanyl")
    assert fentanyl.findings[0].code == "EXH-008", "trace or not, a watched class that may be there is said"


def test_the_watch_list_is_never_called_absent(tmp_path: Path, library: Libraries) -> None:
    screen = "- {technique: LC retention, result: negative, substance: nitazene, limit_percent: 0.01, data: LIMS 2}\n"
    conclusion = concluded(tmp_path, library, "heroin", EI + screen)
    limits = {limit.what: limit for limit in conclusion.limits}
    assert (limits["nitazene"].share, limits["nitazene"].of) == (0.0001, "mass")
    assert limits["fentanyl"].of == "signal"
    assert "was not looked for" in limits["orphine"].text
    assert not any("absent" in limit.text or "negative" in limit.text for limit in conclusion.limits)


def test_stated_results_alone_leave_every_isomer_of_the_catalogue_open(tmp_path: Path, library: Libraries) -> None:
    by = ("GC retention", "LC retention", "colour test")
    stated = "".join(
        f"- {{technique: {name}, result: positive, substance: Mephedrone, sampling: {i}, data: x, {MATERIAL}}}\n" for i, name in enumerate(by, 1)
    )
    conclusion = concluded(tmp_path, library, "mephedrone", stated)
    assert conclusion.substances[0].rule == "SWGDRUG-B"
    assert conclusion.kind is ConclusionKind.INDICATED
    assert {"2-MMC", "3-MMC"} <= {other.substance.name for other in conclusion.substances[0].not_excluded}


def test_the_components_of_a_mixture_are_found_with_their_share_of_signal(tmp_path: Path, library: Libraries) -> None:
    parts = {reference.name: reference for reference in shipped_ions() if reference.name in {"Cocaine", "Caffeine"}}
    heights = np.zeros(500)
    for name, share in (("Cocaine", 0.6), ("Caffeine", 0.4)):
        one = parts[name]
        heights[one.mz.astype(int)] += share * one.intensity / one.intensity.sum()
    mz = np.flatnonzero(heights)
    mixture = MassSpectrum(name="mixture", technique=Technique.EI_MS, mz=mz.astype(float), intensity=1000 * heights[mz])
    (tmp_path / "m.msp").write_text(msp([mixture]), encoding="utf-8")
    conclusion = concluded(tmp_path, library, "cocaine 60 %", "- {technique: EI-MS, file: m.msp}\n")
    shares = {found.substance.name: found.share_of_signal for found in conclusion.substances}
    assert shares["Cocaine"] == pytest.approx(0.6, abs=0.1)
    assert shares["Caffeine"] == pytest.approx(0.4, abs=0.1)
    assert conclusion.contradictions == ()
    assert all(found.log10_lr is None for found in conclusion.substances)
    assert verdict(conclusion) is ClaimVerdict.PARTLY, "a share of signal is no percentage of mass"
