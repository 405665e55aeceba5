"""Class probabilities: what the references show decides, nothing is said of what is like no class, and the files are what they say."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from nps_ident.chemistry.formula import exact_mass, ion_mz
from nps_ident.confidence.coefficients import SHIPPED, content_hash
from nps_ident.confidence.drug_class import (
    CLASS_FEATURES,
    ClassModel,
    class_evidence,
    class_model_from,
    class_probabilities,
    drug_class_or_none,
    read_class_model,
    shipped_class_model,
)
from nps_ident.confidence.drug_class_msms import SHIFT_DA, msms_likeness, usual_shifts
from nps_ident.confidence.drug_class_training import ClassExample, class_model_fields, fit_weights
from nps_ident.errors import CalibrationError
from nps_ident.library.build import build_library
from nps_ident.library.search import search
from nps_ident.model import MassSpectrum, Polarity, SubstanceLabel, Technique, Tolerance
from nps_ident.similarity.entropy import entropy_similarity
from nps_ident.spectra.peaks import prepare

if TYPE_CHECKING:
    from pathlib import Path

    from nps_ident.library.compiled import Library

FILES = sorted(SHIPPED.glob("class-*.json"))
FENTANYL_IONS = {
    Technique.EI_MS: (42.0, 77.0, 105.0, 132.0, 146.0, 189.0),
    Technique.MSMS: (84.0808, 105.0699, 134.0964, 146.0964, 188.1434, 216.1383),
}
"""Made up after the ions that fentanyls share (``reference_spectra/fragment_lists.tsv``), by electron ionisation and in MS/MS."""
HEIGHTS = (300.0, 150.0, 350.0, 150.0, 900.0, 500.0)
FORMULAS = {
    "CCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1": "C22H28N2O",
    "CCCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1": "C23H30N2O",
    "CC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1": "C21H26N2O",
    "CCCCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1": "C24H32N2O",
    "C=CC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1": "C22H26N2O",
}
"""Structures of the class "fentanyl" and their formulae; the spectra given to them below are made up."""


def _spectrum(name: str, formula: str, mz: list[float], intensity: list[float], smiles: str | None, technique: Technique) -> MassSpectrum:
    return MassSpectrum(
        name=name,
        technique=technique,
        mz=np.array(mz),
        intensity=np.array(intensity),
        precursor_mz=None if technique is Technique.EI_MS else round(ion_mz(exact_mass(formula), "[M+H]+"), 4),
        precursor_decimals=None if technique is Technique.EI_MS else 4,
        adduct=None if technique is Technique.EI_MS else "[M+H]+",
        polarity=Polarity.POSITIVE,
        label=SubstanceLabel(name=name, smiles=smiles, formula=formula),
    )


def _references(technique: Technique) -> list[MassSpectrum]:
    """Five fentanyls that share ions, and forty alcohols and acids that share none with them."""
    rng = np.random.default_rng(5)
    found = []
    for number, (smiles, formula) in enumerate(FORMULAS.items()):
        own = rng.uniform(50, 200, 3).round(4).tolist()
        intensity = [*(np.array(HEIGHTS) + rng.random(6) * 90).tolist(), 60.0, 50.0, 40.0]
        found.append(_spectrum(f"F{number}", formula, [*FENTANYL_IONS[technique], *own], intensity, smiles, technique))
    for n in range(5, 25):
        for end, formula in (("O", f"C{n}H{2 * n + 2}O"), ("C(=O)O", f"C{n + 1}H{2 * n + 2}O2")):
            mz = np.sort(rng.uniform(40, min(120.0, exact_mass(formula) - 3), 8)).round(4).tolist()
            found.append(_spectrum(f"A{n}{end}", formula, mz, (rng.random(8) * 900 + 50).tolist(), "C" * n + end, technique))
    return found


@pytest.fixture(scope="module", params=[Technique.EI_MS, Technique.MSMS], ids=["EI", "MS/MS"])
def technique(request: pytest.FixtureRequest) -> Technique:
    return Technique(request.param)


@pytest.fixture(scope="module")
def library(technique: Technique, tmp_path_factory: pytest.TempPathFactory) -> Library:
    return build_library(_references(technique), tmp_path_factory.mktemp("class") / "library", name="made up")


def _unknown(technique: Technique) -> MassSpectrum:
    """A homologue that no reference shows: the ions of the class, a mass that is a CH2 above one of its members."""
    return prepare(_spectrum("unknown", "C25H34N2O", [*FENTANYL_IONS[technique], 99.0], [*HEIGHTS, 30.0], None, technique))


def _model(technique: Technique) -> ClassModel:
    model = shipped_class_model(technique, "full")
    assert model is not None
    return model


def _answer(query: MassSpectrum, library: Library) -> dict[str | None, float]:
    assert query.technique is not None
    hits = search(query, [library], most=25).hits
    return class_probabilities(query, hits, [library], _model(query.technique))


def test_probabilities_sum_to_one_and_the_likeliest_stands_first(technique: Technique, library: Library) -> None:
    found = _answer(_unknown(technique), library)
    assert math.fsum(found.values()) == pytest.approx(1.0)
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert None in found
    assert "fentanyl" in found


def test_an_unknown_homologue_is_given_the_class_of_its_ions(technique: Technique, library: Library) -> None:
    assert drug_class_or_none(_answer(_unknown(technique), library))[0] == "fentanyl"


def test_a_spectrum_like_no_class_is_given_none(technique: Technique, library: Library) -> None:
    mz = [41.0, 43.0, 55.0, 57.0, 69.0, 71.0, 83.0, 85.0]
    query = prepare(_spectrum("oil", "C30H62", mz, [400, 900, 500, 999, 300, 600, 150, 350], None, technique))
    name, probability = drug_class_or_none(_answer(query, library))
    assert name is None
    assert probability >= 0.5


def test_a_query_without_peaks_is_given_no_class(library: Library, technique: Technique) -> None:
    query = _spectrum("empty", "C20H20N2O", [309.0], [1.0], None, technique)
    found = _answer(query, library)
    assert math.fsum(found.values()) == pytest.approx(1.0)
    assert drug_class_or_none(found)[0] is None


def test_a_substance_passed_over_leaves_the_evidence_of_a_library_without_it(
    technique: Technique, library: Library, tmp_path: Path
) -> None:
    """The simulation that the calibration is trained on is exact: leaving out and never having had are the same."""
    query = prepare(_references(technique)[1])
    own = search(query, [library], most=1).hits[0].substance.skeleton
    rest = [s for s in _references(technique) if s.name != query.name]
    smaller = build_library(rest, tmp_path / "smaller", name="made up")
    assert not smaller.covers(technique, own)
    with_hits = search(query, [library], most=30).hits
    fewer_hits = search(query, [smaller], most=30).hits
    classes, evidence = class_evidence(query, with_hits, [library], technique=technique, without=own)
    names, expected = class_evidence(query, fewer_hits, [smaller], technique=technique)
    assert classes == names
    np.testing.assert_allclose(evidence, expected, atol=1e-12)


def test_a_library_in_two_parts_says_what_the_whole_says(tmp_path: Path) -> None:
    spectra = _references(Technique.MSMS)
    whole = build_library(spectra, tmp_path / "whole", name="whole")
    parts = [build_library(spectra[i::2], tmp_path / f"part{i}", name=f"part {i}") for i in (0, 1)]
    query = _unknown(Technique.MSMS)
    names, one = class_evidence(query, (), [whole], technique=Technique.MSMS)
    others, two = class_evidence(query, (), parts, technique=Technique.MSMS)
    assert sorted(names, key=str) == sorted(others, key=str)
    order = [others.index(name) for name in names]
    np.testing.assert_allclose(one, two[order], atol=1e-12)


def test_the_first_measure_is_the_entropy_similarity_of_the_best_reference(tmp_path: Path) -> None:
    """Against the plain form, which pairs two spectra at a time; the precursors are equal, so that no loss can pair."""
    first, second = _references(Technique.MSMS)[:2]
    mz, intensity = first.mz + 0.001, first.intensity[::-1]
    query = prepare(_spectrum("q", "C22H28N2O", mz.tolist(), intensity.tolist(), None, Technique.MSMS))
    reference = _spectrum(second.name, "C22H28N2O", second.mz.tolist(), second.intensity.tolist(), second.label.smiles, Technique.MSMS)
    library = build_library([reference], tmp_path / "one", name="one")
    found = msms_likeness(query, [library])
    assert found.classes == (None, "fentanyl")
    assert found.measures[0, 0] == pytest.approx(entropy_similarity(query, reference, tolerance=Tolerance.da(0.02)), abs=1e-6)
    assert found.usual_shift.tolist() == [True]


def test_a_coarse_query_pairs_at_unit_mass(tmp_path: Path) -> None:
    library = build_library(_references(Technique.MSMS), tmp_path / "fine", name="fine")
    fine = _unknown(Technique.MSMS)
    coarse = prepare(
        _spectrum("coarse", "C25H34N2O", np.rint(fine.mz).tolist(), fine.intensity.tolist(), None, Technique.MSMS)
    )
    found = msms_likeness(coarse, [library])
    assert max(found.measures[found.code == found.classes.index("fentanyl"), 0]) > 0.5


def test_an_ion_of_every_substance_says_nothing(tmp_path: Path) -> None:
    """Two queries that differ by an ion all references have: the share of rare ions found does not change."""
    spectra = [
        _spectrum(s.name, str(s.label.formula), [*s.mz.tolist(), 30.0339], [*s.intensity.tolist(), 500.0], s.label.smiles, Technique.MSMS)
        for s in _references(Technique.MSMS)
    ]
    library = build_library(spectra, tmp_path / "shared", name="shared")
    base = list(FENTANYL_IONS[Technique.MSMS][:4])
    plain = prepare(_spectrum("plain", "C25H34N2O", base, [500.0] * 4, None, Technique.MSMS))
    more = prepare(_spectrum("more", "C25H34N2O", [30.0339, *base], [500.0] * 5, None, Technique.MSMS))
    np.testing.assert_allclose(msms_likeness(plain, [library]).measures[:, 2], msms_likeness(more, [library]).measures[:, 2], atol=1e-9)


def test_usual_shifts_are_those_of_homologues_and_halogens_not_of_chance() -> None:
    shifts = usual_shifts()
    assert np.all(np.diff(shifts) > 0)
    np.testing.assert_allclose(shifts, -shifts[::-1], atol=1e-9)

    def usual(mass: float) -> bool:
        return bool(np.abs(shifts - mass).min() < SHIFT_DA)

    assert usual(0.0)
    assert usual(14.01565)  # CH2
    assert usual(-33.96103)  # H for Cl
    assert usual(17.99058)  # F for H
    assert not usual(14.05)
    assert not usual(3.14159)
    assert not usual(100.2)


@pytest.mark.parametrize(
    ("probabilities", "expected"),
    [
        ({None: 0.6, "fentanyl": 0.4}, (None, 0.6)),
        ({None: 0.4, "fentanyl": 0.35, "cathinone": 0.25}, ("fentanyl", 0.35)),
        ({None: 0.5, "fentanyl": 0.5}, (None, 0.5)),
        ({None: 0.2, "fentanyl": 0.3, "cathinone": 0.3, "tryptamine": 0.2}, (None, 0.2)),
        ({None: 1.0}, (None, 1.0)),
        ({}, (None, 0.0)),
    ],
)
def test_a_class_is_named_where_some_class_is_likelier_than_none(
    probabilities: dict[str | None, float], expected: tuple[str | None, float]
) -> None:
    assert drug_class_or_none(probabilities) == expected


def test_shares_are_the_softmax_of_utilities() -> None:
    weight = np.zeros(len(CLASS_FEATURES[Technique.EI_MS]))
    weight[0] = 1.0
    model = ClassModel(
        name="m", sha256="0" * 64, technique=Technique.EI_MS, kind="full", weight=weight, ions=None, prior_no_class=0.5
    )
    evidence = np.zeros((2, len(weight)))
    evidence[1, 0] = math.log(3.0)
    np.testing.assert_allclose(model.shares(evidence), [0.25, 0.75])


def _examples(rng: np.random.Generator, n: int) -> list[ClassExample]:
    """The class of the larger first column is true four times in five; the second column is noise."""
    found = []
    for number in range(n):
        evidence = rng.normal(size=(3, 2))
        best = int(np.argmax(evidence[:, 0]))
        place = best if rng.random() < 0.8 else int(rng.integers(3))
        classes = (None, "fentanyl", "cathinone")
        found.append(ClassExample(classes=classes, evidence=evidence, true=classes[place], compound=str(number)))
    return found


def test_fitting_finds_what_tells_and_ignores_noise() -> None:
    weight = fit_weights(_examples(np.random.default_rng(3), 400), prior_no_class=1 / 3)
    assert weight[0] > 1.0
    assert abs(weight[1]) < 0.3 * weight[0]


def test_an_example_whose_class_cannot_be_chosen_teaches_nothing() -> None:
    examples = _examples(np.random.default_rng(3), 100)
    stranger = ClassExample(classes=(None, "fentanyl"), evidence=np.full((2, 2), 9.0), true="nitazene", compound="x")
    np.testing.assert_array_equal(
        fit_weights(examples, prior_no_class=0.5), fit_weights([*examples, stranger], prior_no_class=0.5)
    )


def test_many_spectra_of_one_compound_weigh_as_much_as_one() -> None:
    """Up to the ridge, whose unit is the spread of the evidence; sixty compounds that said so would be heard."""
    examples = _examples(np.random.default_rng(4), 60)
    against = next(e for e in examples if e.classes[int(np.argmax(e.evidence[:, 0]))] != e.true)
    once = fit_weights(examples, prior_no_class=0.5)
    np.testing.assert_allclose(once, fit_weights([*examples, *[against] * 60], prior_no_class=0.5), rtol=0.05)
    others = [replace(against, compound=f"copy {number}") for number in range(60)]
    assert fit_weights([*examples, *others], prior_no_class=0.5)[0] < 0.5 * once[0]


def test_those_that_ship_are_intact_and_named_for_what_they_hold() -> None:
    assert {path.stem for path in FILES} == {"class-ei-full", "class-ei-principal-ions", "class-msms-full", "class-msms-principal-ions"}
    for path in FILES:
        model = read_class_model(path)
        found = shipped_class_model(model.technique, model.kind)
        assert found is not None
        assert found.sha256 == model.sha256
        assert (model.ions is None) == (model.technique is Technique.MSMS)
        assert 0.0 < model.prior_no_class < 1.0


def test_there_is_none_for_dart() -> None:
    assert shipped_class_model(Technique.DART_MS, "full") is None
    assert shipped_class_model(Technique.EI_MS, "no") is None


def _fields(technique: Technique) -> dict[str, Any]:
    weight = np.arange(len(CLASS_FEATURES[technique]), dtype=np.float64)
    return class_model_fields(weight, None, technique=technique, kind="full", name="made-up", prior_no_class=0.5, about={})


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "class.json"
    path.write_text(json.dumps(_fields(Technique.MSMS)), encoding="utf-8")
    model = read_class_model(path)
    assert model.weight.tolist() == list(range(len(CLASS_FEATURES[Technique.MSMS])))
    assert model.stamp.startswith("made-up@")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"prior_no_class": 0.4}, "altered"),
        ({"schema": "nps-ident/calibration/1"}, "schema"),
        ({"features": ["best_cosine"], "sha256": None}, "other features"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused(change: dict[str, Any], complaint: str) -> None:
    fields = {**_fields(Technique.EI_MS), **change}
    if fields["sha256"] is None:
        fields["sha256"] = content_hash(fields)
    with pytest.raises(CalibrationError, match=complaint):
        class_model_from(fields, where="made-up")


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match=r"nothing\.json: is no calibration of class probabilities"):
        read_class_model(tmp_path / "nothing.json")
    broken = tmp_path / "broken.json"
    broken.write_text("{", encoding="utf-8")
    with pytest.raises(CalibrationError, match=r"broken\.json"):
        read_class_model(broken)
