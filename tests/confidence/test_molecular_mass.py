"""The molecular mass of an unknown: right without a molecular ion, never surer than learnt, and silent where it cannot say."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from made_up import ei_references, measured

from nps_ident.confidence.coefficients import SHIPPED, content_hash
from nps_ident.confidence.mass_evidence import FEATURES, LOSSES, gap_bins, mass_evidence, mass_features
from nps_ident.confidence.mass_training import MassExample, fit_mass_model, learnt_tables
from nps_ident.confidence.molecular_mass import MassModel, mass_model_from, predict_mass, read_mass_model, shipped_mass_model
from nps_ident.errors import CalibrationError
from nps_ident.io import read_spectra
from nps_ident.library.build import build_library
from nps_ident.library.search_ei import search_ei
from nps_ident.model import MassSpectrum, SubstanceLabel, Technique
from nps_ident.similarity.match_factor import NominalSpectrum, nominal

if TYPE_CHECKING:
    from pathlib import Path

    from nps_ident.library.compiled import Library

FILE = SHIPPED / "mass-ei.json"


def _query(peaks: dict[int, float]) -> NominalSpectrum:
    return nominal(np.array([float(m) for m in peaks]), np.array(list(peaks.values())))


def _family(n: int, amine: int) -> tuple[dict[int, float], int]:
    """A cathinone of n carbons more on the ring side and an amine of that mass: acylium, ring ions, the amine, no molecular ion."""
    ring = 119 + 14 * n
    return {ring - 28: 400.0, ring: 700.0, ring + 1: 80.0, 65: 120.0, amine: 999.0, amine + 1: 50.0, 42: 60.0}, ring + amine


def _family_library(folder: Path) -> Library:
    spectra = []
    for n in range(4):
        peaks, mass = _family(n, 86)
        label = SubstanceLabel(name=f"with {n}", inchikey=f"{'ABCD'[n] * 14}-UHFFFAOYSA-N", exact_mass=mass + 0.1)
        mz, intensity = list(map(float, peaks)), list(peaks.values())
        spectra.append(MassSpectrum(name=label.name or "", technique=Technique.EI_MS, mz=mz, intensity=intensity, label=label))
    return build_library(spectra, folder, name="cathinones")


def test_the_model_that_ships_is_intact_and_made_for_these_features() -> None:
    model = shipped_mass_model()
    assert len(model.utility) == len(FEATURES)
    assert model.n_examples > 2000
    assert 0 < model.cut < 0.5
    assert model.stamp == f"{model.name}@{json.loads(FILE.read_text(encoding='utf-8'))['sha256'][:12]}"


def test_a_visible_molecular_ion_with_its_isotopes_is_the_mass(ei_library: Library) -> None:
    """Papaverine by its strongest ions, of which m/z 338 is M - 1: made-up references know nothing of it."""
    peaks = {339: 780.0, 340: 170.0, 341: 22.0, 338: 999.0, 324: 800.0, 325: 150.0, 308: 210.0, 293: 60.0, 220: 70.0, 154: 90.0, 162: 60.0}
    found = predict_mass(_query(peaks), (), [ei_library])
    assert found.nominal_mass == 339
    assert found.mass_da == pytest.approx(339.15, abs=0.4)
    assert found.n_references == 240


def test_relatives_speak_for_the_mass_that_no_peak_shows(tmp_path: Path) -> None:
    library = _family_library(tmp_path / "family")
    peaks, mass = _family(4, 86)  # one more methylene than any of them
    assert max(peaks) < mass - 60
    evidence = mass_evidence(_query(peaks), (), [library])
    assert evidence.masses[np.argmax(evidence.cosines[:5].mean(axis=0))] == mass
    feature = FEATURES.index("relatives.moved_first_3")
    assert evidence.masses[np.argmax(mass_features(evidence, shipped_mass_model().tables)[:, feature])] == mass


def test_without_references_enough_nothing_is_predicted_and_the_reason_is_given(tmp_path: Path) -> None:
    peaks, _ = _family(2, 58)
    found = predict_mass(_query(peaks), (), [_family_library(tmp_path / "family")])
    assert found.mass_da is None
    assert "4 references; 200 are needed" in found.why_none
    assert predict_mass(_query(peaks), (), ()).mass_da is None


def test_below_the_cut_nothing_is_predicted_and_the_candidates_are_named(ei_library: Library) -> None:
    peaks = {43: 999.0, 57: 800.0, 71: 500.0}
    careful = replace(shipped_mass_model(), cut=0.99)
    found = predict_mass(_query(peaks), (), [ei_library], model=careful)
    assert found.mass_da is None
    assert f"{found.candidates[0].nominal_mass} ({found.probability:.0%})" in found.why_none


def test_without_peaks_nothing_is_predicted(ei_library: Library) -> None:
    empty = predict_mass(nominal(np.empty(0), np.empty(0)), (), [ei_library])
    assert (empty.mass_da, empty.candidates, empty.probability) == (None, (), 0.0)
    assert "no peak" in empty.why_none


def test_probabilities_add_up_to_less_than_one_by_what_n_examples_cannot_show(ei_library: Library) -> None:
    model = shipped_mass_model()
    reference = ei_references()[5]
    query = nominal(reference.mz, reference.intensity)
    evidence = mass_evidence(query, search_ei(query, ei_library, most=10), [ei_library])
    probabilities = model.probabilities(evidence)
    assert (probabilities >= 0).all()
    assert probabilities.sum() == pytest.approx(1 - 1 / (model.n_examples + 2))


def test_candidates_are_the_likeliest_masses_in_order(ei_library: Library) -> None:
    reference = ei_references()[5]
    found = predict_mass(nominal(reference.mz, reference.intensity), (), [ei_library])
    shares = [c.probability for c in found.candidates]
    assert shares == sorted(shares, reverse=True)
    assert (found.candidates[0].nominal_mass, shares[0]) == (found.nominal_mass, found.probability)


def test_what_is_left_out_has_no_say(ei_library: Library) -> None:
    reference = ei_references()[5]
    query = nominal(reference.mz, reference.intensity)
    hits = search_ei(query, ei_library, most=10)
    left_out = frozenset([str(reference.label.inchikey)[:14]])
    evidence = mass_evidence(query, hits, [ei_library], left_out=left_out)
    assert len(evidence.hit_masses) == len(hits) - 1
    assert evidence.cosines.max() < mass_evidence(query, hits, [ei_library]).cosines.max()


def test_the_evidence_for_some_masses_is_that_among_all(ei_library: Library) -> None:
    spectrum = measured(ei_references()[12], noise=0.3)
    query = nominal(spectrum.mz, spectrum.intensity)
    hits = search_ei(query, ei_library, most=10)
    whole = mass_evidence(query, hits, [ei_library])
    chosen = whole.masses[[3, 40, 41, 120]]
    part = mass_evidence(query, hits, [ei_library], only=frozenset([*chosen.tolist(), 1, 1999]))
    assert part.masses.tolist() == chosen.tolist()
    model = shipped_mass_model()
    assert model.utilities(part) == pytest.approx(model.utilities(whole)[[3, 40, 41, 120]])
    assert not len(mass_evidence(query, hits, [ei_library], only=frozenset([1])).masses)


def test_evidence_lies_at_the_distances_it_names() -> None:
    evidence = mass_evidence(_query({100: 999.0, 115: 20.0, 116: 2.0}), (), ())
    place = int(np.flatnonzero(evidence.masses == 130)[0])
    level = dict(zip(LOSSES.tolist(), evidence.levels[place].tolist(), strict=True))
    assert (level[30], level[15], level[14], level[0], level[-1]) == (6, 3, 1, 0, 0)
    assert evidence.highest.tolist() == [116, 115, 115, 100]
    assert (gap_bins(evidence)[:, place] - gap_bins(evidence)[0, place]).tolist() == [0, 1, 1, 16]


@pytest.mark.parametrize("peaks", [{1: 999.0}, {12: 5.0, 13: 999.0}, {1990: 999.0, 58: 1.0}, {2000: 999.0}, {100: 1e-9}])
def test_odd_spectra_give_finite_evidence(peaks: dict[int, float], ei_library: Library) -> None:
    for members in ((), (ei_library,)):
        evidence = mass_evidence(_query(peaks), (), members)
        assert np.isfinite(mass_features(evidence, shipped_mass_model().tables)).all()


def test_the_same_query_gives_the_same_answer(ei_library: Library) -> None:
    reference = ei_references()[9]
    query = nominal(reference.mz, reference.intensity)
    hits = search_ei(query, ei_library, most=10)
    assert predict_mass(query, hits, [ei_library]) == predict_mass(query, hits, [ei_library])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cut": 0.01}, "does not agree with its hash"),
        ({"schema": "other"}, "expected 'nps-ident/mass-model/1'"),
        ({"features": ["a"], "sha256": None}, "other features"),
    ],
)
def test_an_altered_model_is_refused(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    fields = json.loads(FILE.read_text(encoding="utf-8")) | change
    if fields["sha256"] is None:
        fields["sha256"] = content_hash(fields)
    (tmp_path / "model.json").write_text(json.dumps(fields), encoding="utf-8")
    with pytest.raises(CalibrationError, match=message):
        read_mass_model(tmp_path / "model.json")


def test_a_missing_or_broken_file_is_no_model(tmp_path: Path) -> None:
    for text in ("", "{}", "[1]"):
        (tmp_path / "model.json").write_text(text, encoding="utf-8")
        with pytest.raises(CalibrationError, match="is no mass model"):
            read_mass_model(tmp_path / "model.json")
    with pytest.raises(CalibrationError, match="is no mass model"):
        read_mass_model(tmp_path / "nothing.json")


def _examples() -> list[MassExample]:
    """Spectra whose highest peak is always M - 15: nothing else is to be learnt from them."""
    generator = np.random.default_rng(5)
    made = []
    for number in range(60):
        mass = int(generator.integers(180, 320))
        peaks = {mass - 15: 999.0, int(generator.integers(50, 100)): 500.0, int(generator.integers(100, 150)): 200.0}
        made.append(MassExample(evidence=mass_evidence(_query(peaks), (), ()), nominal_mass=mass, compound=str(number)))
    return made


def _fitted(examples: list[MassExample]) -> MassModel:
    return mass_model_from(fit_mass_model(examples, name="m-15", cut=0.3, about={}), where="test")


def test_training_finds_the_loss_that_the_examples_share() -> None:
    examples = _examples()
    tables = learnt_tables(examples)
    strongest = int(np.argmax(tables.losses[:, 6]))
    assert LOSSES[strongest] == 15
    model = _fitted(examples)
    found = predict_mass(_query({185: 999.0, 77: 500.0, 120: 200.0}), (), (), model=model)
    assert found.nominal_mass == 200
    assert found.probability > 0.9


def test_training_is_the_same_each_time_and_its_hash_holds() -> None:
    first, second = (fit_mass_model(_examples(), name="x", cut=0.3, about={}) for _ in range(2))
    assert first == second
    assert first["sha256"] == content_hash(first)


def test_a_spectrum_whose_mass_is_out_of_reach_teaches_nothing() -> None:
    examples = _examples()
    lost = replace(examples[0], nominal_mass=900)
    assert lost.place == -1
    assert _fitted([*examples, lost]).n_examples == len(examples)


@pytest.mark.realdata
def test_listed_drugs_without_a_reference_get_their_mass_mostly_right(realdata: Path, tmp_path: Path) -> None:
    """A regression guard below the committed figures (benchmarks/accuracy/results/molecular_mass.json)."""
    import csv

    with (realdata / "ei" / "unknowns_dev_truth.csv").open(newline="", encoding="utf-8") as table:
        truth = {row["id"]: float(row["exact_mass"]) for row in csv.DictReader(table)}
    library = build_library(read_spectra(realdata / "ei" / "reference.msp"), tmp_path / "ei", name="reference")
    right = []
    for spectrum in read_spectra(realdata / "ei" / "unknowns_dev.msp"):
        query = nominal(spectrum.mz, spectrum.intensity)
        found = predict_mass(query, search_ei(query, library, most=25), [library])
        right.append(found.mass_da is not None and abs(found.mass_da - truth[spectrum.name]) <= 0.6)
    assert np.mean(right) >= 0.8
