"""Hybrid similarity: the slow twin, MSPepSearch's hybrid search, and what it is for."""

from __future__ import annotations

import csv
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_ident.errors import InputError
from nps_ident.io import read_spectra
from nps_ident.model import Tolerance
from nps_ident.similarity.entropy import entropy_similarity
from nps_ident.similarity.hybrid import divided_by_shift, hybrid_entropy_similarity, hybrid_match_factor
from nps_ident.similarity.match_factor import NominalSpectrum, PeakRuns, match_factor, nominal

from . import twins
from .spectra import masses, peak_lists, spectrum, unit_masses
from .test_match_factor import swgdrug

if TYPE_CHECKING:
    from pathlib import Path

TOLERANCE = Tolerance.da(0.02)
unit_shifts = st.integers(min_value=-60, max_value=60)


def _nominal(peaks: list[tuple[float, float]]) -> NominalSpectrum:
    return nominal(np.array([m for m, _ in peaks]), np.array([i for _, i in peaks]))


def test_a_peak_is_divided_as_the_query_shows_both_places() -> None:
    query, reference = _nominal([(100, 300), (114, 100)]), _nominal([(100, 400)])
    runs = PeakRuns(mz=reference.mz, intensity=reference.intensity, start=np.array([0]), stop=np.array([1]))
    divided = divided_by_shift(query, runs, np.array([14]))
    assert divided.mz.tolist() == [100, 114]
    assert divided.intensity.tolist() == pytest.approx([0.75 * 999, 0.25 * 999])


def test_an_extra_methylene_group_is_recognised() -> None:
    reference = spectrum([(58, 999), (91, 200), (134, 150), (149, 80)])
    homologue = spectrum([(72, 999), (91, 200), (148, 150), (163, 80)])
    assert match_factor(homologue, reference, identity=False)[0] < 300
    assert hybrid_match_factor(homologue, reference, mass_shift_da=14.016) == pytest.approx(999.5)


def test_a_wrong_shift_does_not_make_strangers_relatives() -> None:
    reference = spectrum([(58, 999), (91, 200), (134, 150), (149, 80)])
    homologue = spectrum([(72, 999), (91, 200), (148, 150), (163, 80)])
    assert hybrid_match_factor(homologue, reference, mass_shift_da=28.03) < 300


@given(peak_lists(unit_masses), peak_lists(unit_masses), unit_shifts)
def test_the_hybrid_match_factor_agrees_with_the_slow_twin(
    a: list[tuple[float, float]], b: list[tuple[float, float]], shift: int
) -> None:
    query = twins.nominal(a)
    expected, _ = twins.match_factors(query, twins.divided(query, twins.nominal(b), shift), identity=False)
    assert hybrid_match_factor(spectrum(a), spectrum(b), mass_shift_da=shift) == pytest.approx(expected, abs=1e-6)


@given(peak_lists(unit_masses, min_size=1), peak_lists(unit_masses, min_size=1), unit_shifts)
def test_dividing_neither_makes_nor_loses_intensity(a: list[tuple[float, float]], b: list[tuple[float, float]], shift: int) -> None:
    query, reference = _nominal(a), _nominal(b)
    runs = PeakRuns(mz=reference.mz, intensity=reference.intensity, start=np.array([0]), stop=np.array([len(reference.mz)]))
    divided = divided_by_shift(query, runs, np.array([shift]))
    assert divided.intensity.sum() == pytest.approx(reference.intensity.sum())
    assert (np.diff(divided.mz) > 0).all()


@given(peak_lists(unit_masses), peak_lists(unit_masses))
def test_without_a_shift_it_is_the_similarity_match_factor(a: list[tuple[float, float]], b: list[tuple[float, float]]) -> None:
    plain, _ = match_factor(spectrum(a), spectrum(b), identity=False)
    assert hybrid_match_factor(spectrum(a), spectrum(b), mass_shift_da=0) == pytest.approx(plain, abs=1e-9)


def test_a_shift_below_mass_zero_leaves_the_peaks_where_they_are() -> None:
    one, other = spectrum([(58, 999), (91, 200)]), spectrum([(58, 500), (91, 999)])
    plain, _ = match_factor(one, other, identity=False)
    assert hybrid_match_factor(one, other, mass_shift_da=-500) == pytest.approx(plain)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_shift_that_is_no_number_is_refused(bad: float) -> None:
    one = spectrum([(58, 1)], precursor_mz=200.0)
    with pytest.raises(InputError, match="mass shift"):
        hybrid_match_factor(one, one, mass_shift_da=bad)
    with pytest.raises(InputError, match="mass shift"):
        hybrid_entropy_similarity(one, one, tolerance=TOLERANCE, mass_shift_da=bad)


@pytest.mark.realdata
def test_the_hybrid_search_of_mspepsearch_is_reproduced_to_four_units_with_the_same_first_hits(realdata: Path) -> None:
    folder = realdata / "oracles" / "mspepsearch"
    (query,), references = read_spectra(folder / "Query_HS.msp"), swgdrug(realdata)
    with (folder / "hits_HS.csv").open(newline="", encoding="utf-8") as table:
        hits = [(int(row["swgdrug_id"]), -int(row["DeltaMW"]), int(row["MF"])) for row in csv.DictReader(table)]
    assert len(hits) == 23
    ours = [hybrid_match_factor(query, references[number], mass_shift_da=shift) for number, shift, _ in hits]
    errors = [abs(mine - printed) for mine, (_, _, printed) in zip(ours, hits, strict=True)]
    assert max(errors) <= 4
    assert sum(errors) / len(errors) < 0.75
    assert sorted(range(10), key=lambda i: -ours[i]) == list(range(10))


@given(peak_lists(masses, max_size=5), peak_lists(masses, max_size=5), st.integers(-20, 20).map(float))
def test_hybrid_entropy_stays_between_the_direct_score_and_the_best_pairing(
    a: list[tuple[float, float]], b: list[tuple[float, float]], shift: float
) -> None:
    query, reference = spectrum(a), spectrum(b)
    score = hybrid_entropy_similarity(query, reference, tolerance=TOLERANCE, mass_shift_da=shift)
    assert entropy_similarity(query, reference, tolerance=TOLERANCE) - 1e-12 <= score <= 1


@given(peak_lists(masses, max_size=6), peak_lists(masses, max_size=6), st.integers(-3, 3).map(float))
def test_hybrid_entropy_agrees_with_the_slow_twin(a: list[tuple[float, float]], b: list[tuple[float, float]], shift: float) -> None:
    # Windows of 1/128 Da on a grid of 1/64 Da: a mass meets itself alone, so the greedy choice is only between its two places.
    a, b = [[(m, i) for m, i in peaks if i >= 0.01 * max(j for _, j in peaks)] for peaks in (a, b)]
    shares = [twins.weighted([i / sum(j for _, j in peaks) for _, i in peaks]) for peaks in (a, b)]

    def gain(i: int, j: int) -> float:
        p, q = shares[0][i], shares[1][j]
        return ((p + q) * math.log2(p + q) - p * math.log2(p) - q * math.log2(q)) / 2

    gains = {(i, j): gain(i, j) for i, (m, _) in enumerate(a) for j, (n, _) in enumerate(b) if m - n in {0.0, shift}}
    if len(set(gains.values())) < len(gains):
        return
    mixed = sum(gains[pair] for pair in twins.greedy_assignment(gains))
    direct = sum(value for (i, j), value in gains.items() if a[i][0] == b[j][0])
    score = hybrid_entropy_similarity(spectrum(a), spectrum(b), tolerance=Tolerance.da(1 / 256), mass_shift_da=shift)
    assert score == pytest.approx(max(mixed, direct), abs=1e-9)


@given(peak_lists(masses), peak_lists(masses), st.integers(-20, 20).map(float))
def test_hybrid_entropy_is_symmetric(a: list[tuple[float, float]], b: list[tuple[float, float]], shift: float) -> None:
    there = hybrid_entropy_similarity(spectrum(a), spectrum(b), tolerance=TOLERANCE, mass_shift_da=shift)
    back = hybrid_entropy_similarity(spectrum(b), spectrum(a), tolerance=TOLERANCE, mass_shift_da=-shift)
    assert there == pytest.approx(back, abs=1e-12)


def test_hybrid_entropy_uses_the_precursors_and_says_when_one_is_missing() -> None:
    fentanyl = spectrum([(105.07, 60), (188.14, 100), (216.14, 5)], precursor_mz=337.227)
    fluoro = spectrum([(105.07, 60), (188.14, 100), (234.13, 5)], precursor_mz=355.218)
    direct = entropy_similarity(fluoro, fentanyl, tolerance=TOLERANCE)
    assert direct < hybrid_entropy_similarity(fluoro, fentanyl, tolerance=TOLERANCE) == pytest.approx(1.0)
    with pytest.raises(InputError, match="need a precursor m/z each"):
        hybrid_entropy_similarity(fluoro, spectrum([(100, 1)]), tolerance=TOLERANCE)


@pytest.mark.parametrize("peaks", [[], [(100.0, 0.0)], [(100.0, -1.0)]])
def test_spectra_without_signal_score_0(peaks: list[tuple[float, float]]) -> None:
    other = spectrum([(100, 5)])
    assert hybrid_match_factor(spectrum(peaks), other, mass_shift_da=14) == 0
    assert hybrid_match_factor(other, spectrum(peaks), mass_shift_da=14) == 0
    assert hybrid_entropy_similarity(spectrum(peaks), other, tolerance=TOLERANCE, mass_shift_da=14.0) == 0
