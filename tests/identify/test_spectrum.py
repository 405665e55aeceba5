"""Identifying a spectrum: what is said when, and that nothing is said too surely."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import FENTANYL, ei_references, holds_the_contract, label, measured, msms_references

from nps_ident.catalogue.store import SUBSTANCE_COLUMNS, open_catalogue
from nps_ident.chemistry.structures import parent_of
from nps_ident.confidence.calibration import Calibration, shipped_calibration
from nps_ident.errors import InputError, LibraryError
from nps_ident.identify import identify
from nps_ident.library import Libraries
from nps_ident.library.build import build_library
from nps_ident.model import Identification, MassSpectrum, Polarity, SubstanceLabel, Technique, Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from nps_ident.library.compiled import Library


def _codes(answer: Identification) -> list[str]:
    return [finding.code for finding in answer.findings]


def _asked(spectrum: MassSpectrum, *libraries: Library, **options: Any) -> Identification:
    answer = identify(spectrum, Libraries(libraries), **options)
    holds_the_contract(answer.to_dict())
    return answer


def _ei(mz: Any, intensity: Any, **fields: Any) -> MassSpectrum:
    given: dict[str, Any] = {"name": "made by hand", "technique": Technique.EI_MS, "mz": mz, "intensity": intensity}
    return MassSpectrum(**(given | fields))


def test_a_replicate_from_another_laboratory_is_matched(ei_library: Library, msms_library: Library) -> None:
    for reference, library in ((ei_references()[5], ei_library), (msms_references()[5], msms_library)):
        answer = _asked(measured(reference), library)
        assert answer.verdict is Verdict.MATCH
        assert answer.best is not None
        assert answer.best.substance.inchikey == reference.label.inchikey
        assert answer.best.reference == reference.accession
        assert 0.95 < (answer.best.probability or 0) < 1.0
        assert answer.calibration == shipped_calibration(library.kind and answer.spectrum.technique, "full").stamp  # type: ignore[union-attr, arg-type]


@pytest.mark.parametrize(
    ("mz", "intensity"),
    [
        ([], []),
        ([58.0], [999.0]),
        ([58.0, 91.0], [999.0, 5.0]),
        ([58.0, 91.0, 134.0], [0.0, 0.0, 0.0]),
        ([58.0, 91.0, 134.0], [-1.0, -2.0, -3.0]),
        ([np.nan, 91.0, 134.0, 150.0], [1.0, np.nan, 2.0, 3.0]),
        ([np.inf, 91.0, 134.0], [1.0, 2.0, np.inf]),
        ([0.1, 0.2, 0.3], [1.0, 2.0, 3.0]),
        ([1e300, 1e9, 6e4], [1.0, 2.0, 3.0]),
        ([58.0, 91.0, 134.0], [1e308, 1.7e308, 1e-310]),
        ([58.0, 58.0, 58.0], [1.0, 2.0, 3.0]),
    ],
)
@pytest.mark.parametrize("technique", list(Technique))
def test_too_little_signal_is_inadequate_and_never_an_exception(
    mz: list[float], intensity: list[float], technique: Technique, ei_library: Library, msms_library: Library
) -> None:
    answer = _asked(_ei(mz, intensity, technique=technique), ei_library, msms_library)
    assert answer.verdict is Verdict.INADEQUATE
    assert not answer.characterise
    assert answer.isomer_set is None


def test_three_masses_within_one_unit_mass_are_one_peak_by_ei(ei_library: Library) -> None:
    assert _asked(_ei([58.0, 58.1, 58.2], [1.0, 2.0, 3.0]), ei_library).verdict is Verdict.INADEQUATE


def test_with_no_library_at_all_there_is_one_sentence() -> None:
    with pytest.raises(LibraryError, match="No library to search"):
        identify(measured(ei_references()[5]), Libraries(()))


@settings(max_examples=80, deadline=None)
@given(
    peaks=st.lists(st.tuples(st.floats(), st.floats()), max_size=30),
    technique=st.sampled_from(list(Technique)),
    precursor=st.none() | st.floats(),
    decimals=st.none() | st.integers(0, 5),
    adduct=st.sampled_from([None, "[M+H]+", "[2M+Na]+", "nonsense", ""]),
    polarity=st.sampled_from([None, *Polarity]),
)
def test_whatever_a_file_holds_the_answer_keeps_its_contract(
    peaks: list[tuple[float, float]], ei_library: Library, msms_library: Library, precursor: float | None, decimals: int | None, **fields: Any
) -> None:
    spectrum = _ei(
        [mz for mz, _ in peaks], [height for _, height in peaks], precursor_mz=precursor, precursor_decimals=decimals, **fields
    )
    answer = _asked(spectrum, ei_library, msms_library)
    assert holds_the_contract(json.loads(answer.to_json()))["verdict"] == answer.verdict.value


def test_fragments_all_above_the_precursor_window_are_inadequate(msms_library: Library) -> None:
    reference = msms_references()[7]
    top = reference.precursor_mz or 0.0
    query = measured(reference, mz=[top - 1.5, top - 1, top - 0.5, top], intensity=[5, 6, 7, 8])
    assert _asked(query, msms_library).verdict is Verdict.INADEQUATE


def test_the_right_mass_with_other_fragments_is_not_named(msms_library: Library) -> None:
    """It may be the only candidate in the precursor window: that is no match."""
    reference = msms_references()[7]
    answer = _asked(measured(reference, mz=np.linspace(50.111, 150.37, 12), intensity=np.ones(12)), msms_library)
    assert answer.verdict is Verdict.NO_MATCH


def test_a_spectrum_of_nothing_known_is_not_named(ei_library: Library) -> None:
    for seed in range(20):
        stranger = ei_references(1, seed=1000 + seed)[0]
        assert _asked(stranger, ei_library).verdict is Verdict.NO_MATCH


def test_without_a_technique_the_question_is_put_back_in_one_sentence(msms_library: Library) -> None:
    query = _ei([58.07, 91.05, 134.1], [1, 2, 3], technique=None)
    with pytest.raises(InputError, match="the technique is not known; name it with --technique"):
        identify(query, Libraries((msms_library,)))


def test_unit_masses_without_a_technique_are_taken_for_ei_and_that_is_said(ei_library: Library) -> None:
    answer = _asked(measured(ei_references()[5], technique=None), ei_library)
    assert answer.verdict is Verdict.MATCH
    assert "SPEC-001" in _codes(answer)
    assert answer.to_dict()["query"]["technique"] == "EI-MS"


@pytest.mark.parametrize("top", [0, -1])
def test_a_list_of_no_candidates_is_refused(top: int, ei_library: Library) -> None:
    with pytest.raises(InputError, match="'top' parameter"):
        identify(measured(ei_references()[5]), Libraries((ei_library,)), top=top)


def test_fewer_candidates_are_the_first_of_more(ei_library: Library) -> None:
    query = measured(ei_references()[5])
    three, ten = _asked(query, ei_library, top=3), _asked(query, ei_library)
    assert three.matches == ten.matches[:3]
    assert three.verdict is ten.verdict


def test_a_library_of_too_few_substances_gives_no_probability_and_names_nothing(tmp_path: Path) -> None:
    small = build_library(ei_references(199), tmp_path / "small", name="small")
    query = measured(ei_references()[5], noise=0.01)
    for libraries in ((small,), (small, small)):
        answer = _asked(query, *libraries)
        assert answer.verdict is Verdict.NO_MATCH
        assert answer.best is not None
        assert answer.best.score > 0.95
        assert {candidate.probability for candidate in answer.matches} == {None}
        assert {candidate.log10_lr for candidate in answer.matches} == {None}
        assert "IDENT-003" in _codes(answer)
        assert "IDENT-002" not in _codes(answer)  # there is a calibration, only not for so few
        assert answer.calibration is None


def test_dart_has_no_calibration_and_is_never_a_match(tmp_path: Path) -> None:
    reference = _ei(
        [105.070, 188.143, 337.227], [40, 100, 900], technique=Technique.DART_MS, label=SubstanceLabel(name="Fentanyl", smiles=FENTANYL)
    )
    library = build_library([reference], tmp_path / "dart", name="dart")
    answer = _asked(replace(reference, label=SubstanceLabel()), library)
    assert answer.best is not None
    assert (answer.best.score, answer.best.probability, answer.best.log10_lr) == (pytest.approx(1.0, abs=0.001), None, None)
    assert answer.verdict is Verdict.CLASS_ONLY
    assert "IDENT-002" in _codes(answer)


def test_no_likelihood_ratio_is_given_below_the_scores_the_calibration_has_seen(ei_library: Library) -> None:
    calibration = shipped_calibration(Technique.EI_MS, "full")
    assert calibration is not None
    answer = _asked(measured(ei_references()[5]), ei_library)
    below = [candidate for candidate in answer.matches if candidate.score < calibration.lowest_score]
    assert below
    assert all(candidate.log10_lr is None for candidate in below)
    assert all(candidate.log10_lr is not None for candidate in answer.matches if candidate not in below)


def test_another_adduct_of_a_reference_is_matched(msms_library: Library) -> None:
    reference = msms_references()[30]
    sodium = (reference.precursor_mz or 0.0) - 1.007276 + 22.989218
    answer = _asked(measured(reference, precursor_mz=sodium, adduct="[M+Na]+"), msms_library)
    assert (answer.verdict, answer.best and answer.best.substance.name) == (Verdict.MATCH, "Substance 30")


def test_negative_ions_find_nothing_among_positive_ones(msms_library: Library) -> None:
    answer = _asked(measured(msms_references()[30], polarity=Polarity.NEGATIVE, adduct=None), msms_library)
    assert (answer.verdict, answer.matches) == (Verdict.NO_MATCH, ())


def test_twice_the_same_question_gives_the_same_bytes_whatever_the_order_of_the_library(tmp_path: Path, ei_library: Library) -> None:
    query = measured(ei_references()[5], noise=0.5)
    first = _asked(query, ei_library).to_json()
    assert _asked(query, ei_library).to_json() == first
    turned = build_library(ei_references()[::-1], tmp_path / "turned", name="made-up EI")
    assert _asked(query, turned).to_json().replace(turned.sha256, ei_library.sha256) == first


def test_the_order_of_the_peaks_does_not_matter(ei_library: Library) -> None:
    query = measured(ei_references()[5])
    turned = replace(query, mz=query.mz[::-1], intensity=query.intensity[::-1])
    one, other = _asked(query, ei_library), _asked(turned, ei_library)
    assert one.matches == other.matches
    assert "SPEC-004" in _codes(other)


def test_stereochemistry_is_never_claimed_and_the_other_forms_are_named(tmp_path: Path) -> None:
    forms = open_catalogue().by_skeleton("MKXZASYAUGDDCJ")
    names = {form.name for form in forms}
    assert len(names) > 1, "the catalogue knows dextro- and levomethorphan"
    reference = replace(ei_references(1, seed=77)[0], label=SubstanceLabel(name=forms[0].name, inchikey=forms[0].inchikey))
    library = build_library([*ei_references(), reference], tmp_path / "library", name="with", catalogue=open_catalogue())
    answer = _asked(measured(reference), library)
    assert answer.verdict is Verdict.MATCH
    [text] = [finding.text for finding in answer.findings if finding.code == "IDENT-006"]
    assert all(name in text for name in names)
    assert "legal status" in text


def test_stereoisomers_and_isomers_without_reference_are_those_of_the_catalogue_given(tmp_path: Path) -> None:
    references = ei_references()
    named = references[5].label
    assert named.inchikey
    rows = [
        (named.inchikey, "flat"),
        (f"{named.inchikey[:15]}ABCDEFGHSA-N", "the other form"),
        ("QQQQQQQQQQQQQQ-UHFFFAOYSA-N", "isomer without reference"),
    ]
    table = tmp_path / "substances.tsv"
    lines = ["\t".join(SUBSTANCE_COLUMNS)]
    lines += ["\t".join((key, name, "", "", named.formula or "", str(named.exact_mass), "", "", "nps", "made up", "CC0")) for key, name in rows]
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    own = open_catalogue(table)
    library = build_library(references, tmp_path / "library", name="with")
    query = measured(references[5])
    assert "IDENT-006" not in _codes(_asked(query, library)), "the catalogue that ships does not know the made-up substance"
    answer = _asked(query, library, catalogue=own)
    assert answer.isomers_without_reference == ("QQQQQQQQQQQQQQ-UHFFFAOYSA-N",)
    [text] = [finding.text for finding in answer.findings if finding.code == "IDENT-006"]
    assert "the other form" in text


def test_a_labelled_standard_is_called_one(tmp_path: Path) -> None:
    key = "ZZZZZZZZZZZZZZ-UHFFFAOYSA-N"
    reference = replace(ei_references(1, seed=77)[0], label=SubstanceLabel(name="cocaine-d3", inchikey=key, isotope_labelled=True))
    library = build_library([*ei_references(), reference], tmp_path / "library", name="with")
    answer = _asked(measured(reference), library)
    assert answer.best is not None
    assert answer.best.substance.isotope_labelled
    assert answer.to_dict()["matches"][0]["isotope_labelled"] is True
    assert "IDENT-007" in _codes(answer)


def test_isomers_with_the_same_spectrum_are_a_set_with_what_tells_them_apart(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    one = ei_references()[0]
    twin = replace(one, label=replace(label(0, rng), name="Twin"))
    library = build_library([*ei_references(), twin], tmp_path / "library", name="twins")
    answer = _asked(measured(one), library)
    assert answer.verdict is Verdict.ISOMER_SET
    assert set(answer.isomer_set or ()) == {one.label.inchikey, twin.label.inchikey}
    assert answer.separated_by
    assert ((answer.best and answer.best.probability) or 0) == pytest.approx(0.5, abs=0.02)


def _bold() -> dict[tuple[Technique, str], Calibration]:
    """A lower cut: the made-up substances have no structures, so that none of their isomers is excluded, and the tables alone name none."""
    shipped = shipped_calibration(Technique.EI_MS, "principal_ions")
    assert shipped is not None
    return {(Technique.EI_MS, "principal_ions"): replace(shipped, match_cut=0.6)}


def _cut(spectra: list[MassSpectrum], folder: Path) -> Library:
    return build_library(spectra, folder, name="tables", kind="principal_ions")


def test_full_and_truncated_libraries_that_agree_give_the_answer_of_the_full_one(tmp_path: Path, ei_library: Library) -> None:
    answer = _asked(measured(ei_references()[5]), ei_library, _cut(ei_references(), tmp_path / "cut"))
    assert (answer.verdict, answer.best and answer.best.source) == (Verdict.MATCH, "made-up EI")
    assert "IDENT-004" in _codes(answer)


@pytest.mark.parametrize(
    ("classes", "expected"),
    [(("fentanyl", "fentanyl"), Verdict.CLASS_ONLY), (("fentanyl", None), Verdict.NO_MATCH), ((None, None), Verdict.NO_MATCH)],
)
def test_libraries_that_contradict_each_other_name_nothing(
    classes: tuple[str | None, str | None], expected: Verdict, tmp_path: Path, ei_library: Library
) -> None:
    """The same spectrum stands in the full library as one substance, in the tables as another."""
    structures = {"fentanyl": (FENTANYL, "C=CC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1"), None: ("CCO", "CCCCO")}
    spectrum = ei_references(1, seed=77)[0]
    full, cut = (
        replace(spectrum, label=SubstanceLabel(name=f"{place} says", smiles=structures[kind][place == "cut"]))
        for place, kind in zip(("full", "cut"), classes, strict=True)
    )
    libraries = (
        build_library([*ei_references(), full], tmp_path / "full", name="full"),
        _cut([*ei_references(), cut], tmp_path / "cut"),
    )
    assert [_asked(measured(spectrum), library).verdict for library in libraries] == [Verdict.MATCH, Verdict.MATCH]
    answer = _asked(measured(spectrum), *libraries)
    assert answer.verdict is expected
    assert {candidate.probability for candidate in answer.matches} == {None}
    assert "IDENT-005" in _codes(answer)
    assert "full says" in answer.reasons[0]
    assert "cut says" in answer.reasons[0]
    assert (answer.variant and answer.variant.drug_class) == (classes[0] if expected is Verdict.CLASS_ONLY else None)


def test_a_small_library_of_ones_own_that_fits_better_stops_a_name_from_the_tables(tmp_path: Path) -> None:
    new = replace(ei_references(1, seed=77)[0], label=SubstanceLabel(name="new one"))
    weakest = new.mz[np.argmin(new.intensity)]
    close = replace(new, mz=np.where(new.mz == weakest, weakest + 400, new.mz), label=SubstanceLabel(name="table one"))
    tables = _cut([*ei_references(), close], tmp_path / "cut")
    own = build_library([new], tmp_path / "own", name="own")
    query = measured(new, noise=0.05)
    assert _asked(query, tables, calibrations=_bold()).verdict is Verdict.MATCH  # wrong, and nobody could know
    answer = _asked(query, tables, own, calibrations=_bold())
    assert answer.verdict not in {Verdict.MATCH, Verdict.ISOMER_SET}
    assert "new one" in answer.reasons[0]


def test_what_whole_spectra_make_likely_is_not_overruled_by_tables_that_lack_it(tmp_path: Path) -> None:
    """A full library that holds the substance, not far enough above the cut to name it, against tables that hold its neighbour only."""
    new = replace(ei_references(1, seed=77)[0], label=SubstanceLabel(name="new one"))
    weakest = new.mz[np.argmin(new.intensity)]
    close = replace(new, mz=np.where(new.mz == weakest, weakest + 400, new.mz), label=SubstanceLabel(name="table one"))
    tables = _cut([*ei_references(), close], tmp_path / "cut")
    whole = build_library([*ei_references(), new], tmp_path / "whole", name="whole")
    shipped = shipped_calibration(Technique.EI_MS, "full")
    assert shipped is not None
    careful = {**_bold(), (Technique.EI_MS, "full"): replace(shipped, match_cut=0.9999, set_cut=0.9999)}
    query = measured(new, noise=0.05)
    assert _asked(query, tables, calibrations=careful).verdict is Verdict.MATCH  # wrong
    answer = _asked(query, tables, whole, calibrations=careful)
    assert answer.verdict not in {Verdict.MATCH, Verdict.ISOMER_SET}
    assert answer.best is not None
    assert answer.best.substance.name == "new one"
    assert (answer.best.probability or 0.0) > 0.5


def test_a_small_library_of_ones_own_that_does_not_fit_hides_nothing(tmp_path: Path) -> None:
    tables = _cut(ei_references(), tmp_path / "cut")
    own = build_library(ei_references(3, seed=50), tmp_path / "own", name="own")
    answer = _asked(measured(ei_references()[5]), tables, own, calibrations=_bold())
    assert (answer.verdict, answer.best and answer.best.substance.name) == (Verdict.MATCH, "Substance 5")
    assert "IDENT-003" in _codes(answer)
    assert "IDENT-004" in _codes(answer)


def test_the_shift_to_the_nearest_relative_gives_the_mass_of_the_unknown(tmp_path: Path) -> None:
    references = msms_references()
    scaffold = replace(
        references[3], label=SubstanceLabel(name="fentanyl", smiles=FENTANYL, formula="C22H28N2O"), precursor_mz=337.2274, name="fentanyl"
    )
    library = build_library([*references, scaffold], tmp_path / "library", name="with")
    methyl = measured(scaffold, precursor_mz=351.2431, adduct=None)
    answer = _asked(methyl, library)
    assert answer.verdict is Verdict.UNKNOWN_VARIANT
    assert answer.variant is not None
    assert answer.variant.drug_class == "fentanyl"
    assert answer.variant.mass_shift_da == pytest.approx(14.0157, abs=0.001)
    assert answer.variant.predicted_mass_da == pytest.approx(350.2358, abs=0.001)
    assert answer.characterise


def _sum(a: MassSpectrum, b: MassSpectrum, share: float) -> MassSpectrum:
    """Two spectra in one: the second with ``share`` of the first one's base peak."""
    scaled = [(s.mz, s.intensity / s.intensity.max() * weight) for s, weight in ((a, 1.0), (b, share))]
    return _ei(*(np.concatenate(parts) for parts in zip(*scaled, strict=True)))


def test_a_mixture_is_not_named_after_its_best_part(ei_library: Library) -> None:
    a, b = ei_references()[7], ei_references()[90]
    alone = _asked(measured(a), ei_library)
    assert alone.verdict is Verdict.MATCH
    assert (alone.unexplained_fraction or 0.0) < 0.1
    assert "IDENT-011" not in _codes(alone)
    both = _asked(_sum(a, b, 1.0), ei_library)
    assert both.verdict is Verdict.MIXTURE
    assert {part.substance.inchikey for part in both.components or ()} == {a.label.inchikey, b.label.inchikey}
    # At a fifth of the base peak, beside a substance no library holds, the name may stand, but not without a word about the rest.
    [stranger] = ei_references(1, seed=77)
    little = _asked(_sum(a, stranger, 0.2), ei_library)
    assert little.verdict is not Verdict.MIXTURE
    assert little.best is not None
    named = little.verdict in {Verdict.MATCH, Verdict.ISOMER_SET}
    assert not named or ("IDENT-011" in _codes(little) and (little.unexplained_fraction or 0.0) >= 0.1)


def test_a_reference_under_a_flat_key_is_shown_by_its_own_name(tmp_path: Path) -> None:
    """Public libraries file stereoisomers under one InChIKey without stereochemistry; the first name met must not become all of them."""
    references = ei_references()
    twin = replace(references[21], label=replace(references[20].label, name="The other stereoisomer"), accession="other")
    library = build_library([*references[:21], twin, *references[22:]], tmp_path / "lib", name="flat")
    answer = _asked(measured(references[21]), library)
    assert answer.best is not None
    assert answer.best.substance.name == "The other stereoisomer"
    assert "The other stereoisomer" in answer.reasons[0], "the reason names what the table shows"
    assert any("from Substance 20" in f.text for f in answer.findings if f.code == "IDENT-006")


def test_no_support_is_claimed_from_a_fit_on_which_nothing_may_be_named(ei_library: Library, msms_library: Library) -> None:
    for references, library, technique, least in (
        (ei_references(), ei_library, Technique.EI_MS, 0.6),
        (msms_references(), msms_library, Technique.MSMS, 0.5),
    ):
        answer = _asked(measured(references[3], noise=1.5), library)
        for candidate in answer.matches:
            assert candidate.log10_lr is None or candidate.log10_lr <= 0 or candidate.score >= least, technique


def test_a_library_without_the_technique_is_said_to_be_one(msms_library: Library) -> None:
    answer = _asked(measured(ei_references()[3]), msms_library)
    assert answer.verdict is Verdict.NO_MATCH
    assert "IDENT-017" in _codes(answer)


def test_few_peaks_make_no_variant(ei_library: Library) -> None:
    answer = _asked(_ei([44.0, 65.0, 77.0, 91.0, 105.0], [999.0, 120.0, 310.0, 400.0, 80.0]), ei_library)
    assert answer.verdict not in {Verdict.MATCH, Verdict.ISOMER_SET, Verdict.UNKNOWN_VARIANT}
    assert answer.variant is None or answer.variant.predicted_mass_da is None


@pytest.mark.parametrize(("smiles", "is_said"), [("CCCCCCCO", False), ("CCC(C)CCCO", True)])
def test_a_synonym_is_no_stereoisomer(tmp_path: Path, smiles: str, is_said: bool) -> None:
    """Two names under one key: of heptan-1-ol they are synonyms, of 4-methylhexan-1-ol they may be two forms."""
    parent = parent_of(smiles)
    references = ei_references()
    labels = [
        SubstanceLabel(name=name, inchikey=parent.inchikey, smiles=smiles, formula=parent.formula) for name in ("first name", "second name")
    ]
    named = [replace(references[place], label=label) for place, label in zip((20, 21), labels, strict=True)]
    library = build_library([*references[:20], *named, *references[22:]], tmp_path / "lib", name="two names")
    answer = _asked(measured(named[1]), library)
    assert answer.best is not None
    assert (answer.verdict, answer.best.substance.name) == (Verdict.MATCH, "second name")
    assert any("from first name" in finding.text for finding in answer.findings if finding.code == "IDENT-006") is is_said
