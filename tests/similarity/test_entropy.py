"""Spectral entropy similarity: the slow twin and the authors' own program."""

from __future__ import annotations

import math

import ms_entropy
import numpy as np
import pytest
from hypothesis import given

from nps_ident.errors import InputError
from nps_ident.model import MassSpectrum, Tolerance
from nps_ident.similarity.entropy import clean_for_entropy, entropy_similarity, spectral_entropy, weighted_intensities

from . import twins
from .spectra import masses, peak_lists, spectrum

WINDOW = 1 / 64
TOLERANCE = Tolerance.da(WINDOW)


def test_two_equal_peaks_of_which_one_is_shared_score_one_half() -> None:
    # p = (1/2, 1/2) on both sides; S_A = S_B = ln 2, mean spectrum (1/2, 1/4, 1/4): S = 1.5 ln 2; 1 − (3 − 2) ln 2 / ln 4 = 1/2.
    a, b = spectrum([(100, 5), (120, 5)]), spectrum([(100, 8), (150, 8)])
    assert entropy_similarity(a, b, tolerance=TOLERANCE) == pytest.approx(0.5)


def test_entropy_is_in_nats_and_weighting_stops_at_three_of_them() -> None:
    assert spectral_entropy(np.full(4, 0.25)) == pytest.approx(math.log(4))
    many = np.full(21, 1 / 21)
    assert spectral_entropy(many) > 3
    assert weighted_intensities(many) is many
    assert weighted_intensities(np.array([0.9, 0.1])).tolist() == pytest.approx(twins.weighted([0.9, 0.1]))


def test_cleaning_drops_the_precursor_merges_close_peaks_and_cuts_noise_in_this_order() -> None:
    mz, intensity = clean_for_entropy(
        [200.0, 100.00, 100.02, 150.0, 150.5, 198.4, 198.5], [999, 60, 20, 0.7, 0.9, 20, 500], precursor_mz=200.0, merge_da=0.04
    )
    # 198.5 and 200 lie above 198.4 = precursor − 1.6; 100.00 and 100.02 meet at their centroid; 0.7 is below 1 % of 80, 0.9 is not.
    assert mz.tolist() == pytest.approx([(60 * 100.00 + 20 * 100.02) / 80, 150.5, 198.4])
    assert intensity.tolist() == pytest.approx([80 / 100.9, 0.9 / 100.9, 20 / 100.9])


def test_a_relative_window_merges_more_at_higher_mass() -> None:
    mz, _ = clean_for_entropy([100.0, 100.003, 500.0, 500.003], [1, 1, 1, 1], merge_da=0.0, merge_ppm=10)
    assert mz.tolist() == pytest.approx([100.0, 100.003, 500.0015])


def _separated(peaks: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Peaks that cleaning leaves alone: more than two windows apart, at least 1 % of the base peak."""
    kept: list[tuple[float, float]] = []
    for mz, intensity in sorted(peaks):
        if not kept or mz - kept[-1][0] > 2 * WINDOW:
            kept.append((mz, intensity))
    highest = max((i for _, i in kept), default=0)
    return [(mz, i) for mz, i in kept if i >= 0.01 * highest]


@given(peak_lists(masses), peak_lists(masses))
def test_it_agrees_with_the_slow_twin(a: list[tuple[float, float]], b: list[tuple[float, float]]) -> None:
    a, b = _separated(a), _separated(b)
    shares = [twins.weighted([i / sum(j for _, j in peaks) for _, i in peaks]) for peaks in (a, b)]
    close = {(i, j): shares[0][i] * shares[1][j] for i, (m, _) in enumerate(a) for j, (n, _) in enumerate(b) if abs(m - n) <= WINDOW}
    best = max(twins.best_assignment_pairs(close), key=lambda pairs: twins.entropy_similarity(*shares, pairs)) if close else []
    expected = twins.entropy_similarity(*shares, best)
    assert entropy_similarity(spectrum(a), spectrum(b), tolerance=TOLERANCE) == pytest.approx(expected, abs=1e-9)


@given(peak_lists(masses), peak_lists(masses))
def test_it_agrees_with_ms_entropy_to_a_millionth(a: list[tuple[float, float]], b: list[tuple[float, float]]) -> None:
    a, b = _separated(a), _separated(b)
    # A window in between the grid of masses: ms_entropy reckons in single precision, so equality at the edge would be chance.
    window = 1.25 * WINDOW / 2
    theirs = ms_entropy.calculate_entropy_similarity(a or np.empty((0, 2)), b or np.empty((0, 2)), ms2_tolerance_in_da=window)
    assert entropy_similarity(spectrum(a), spectrum(b), tolerance=Tolerance.da(window)) == pytest.approx(theirs, abs=1e-6)


@given(peak_lists(masses, min_size=1, max_size=40))
def test_cleaning_agrees_with_ms_entropy(peaks: list[tuple[float, float]]) -> None:
    distinct = list({intensity: (mz, intensity) for mz, intensity in peaks}.values())
    mz, intensity = clean_for_entropy([m for m, _ in distinct], [i for _, i in distinct], precursor_mz=121.595, merge_da=0.05)
    theirs = ms_entropy.clean_spectrum(distinct, min_ms2_difference_in_da=0.05, noise_threshold=0.01, max_mz=119.995)
    # Where two sums lie within single precision of the 1 % cut the programs may differ by that peak.
    near = [i for i in intensity if abs(i / intensity.max() - 0.01) < 1e-6]
    assert abs(len(mz) - len(theirs)) <= len(near)
    if len(mz) == len(theirs):
        assert mz.tolist() == pytest.approx(theirs[:, 0].tolist(), abs=1e-4)
        assert intensity.tolist() == pytest.approx(theirs[:, 1].tolist(), abs=1e-6)


@given(peak_lists(masses, max_size=30), peak_lists(masses, max_size=30))
def test_it_is_symmetric_and_stays_between_0_and_1(a: list[tuple[float, float]], b: list[tuple[float, float]]) -> None:
    for tolerance in (TOLERANCE, Tolerance.ppm(300), Tolerance.wider(da=0.01, ppm=100)):
        there = entropy_similarity(spectrum(a), spectrum(b), tolerance=tolerance)
        back = entropy_similarity(spectrum(b), spectrum(a), tolerance=tolerance)
        assert 0 <= there <= 1
        assert there == pytest.approx(back, abs=1e-12)


@given(peak_lists(masses, min_size=1, max_size=30))
def test_a_spectrum_scores_1_against_itself_in_any_order_and_scale(peaks: list[tuple[float, float]]) -> None:
    again = [(mz, 3 * intensity) for mz, intensity in reversed(peaks)]
    assert entropy_similarity(spectrum(peaks), spectrum(again), tolerance=TOLERANCE) == pytest.approx(1.0)


def test_two_close_peaks_never_pair_with_one_and_the_same() -> None:
    # Many-to-one pairing would give each of the two reference peaks the query's only peak.
    single, double = spectrum([(100.0, 10), (130.0, 10)]), spectrum([(100.0, 10), (100.015, 10)])
    assert entropy_similarity(single, double, tolerance=Tolerance.da(0.01)) == pytest.approx(
        entropy_similarity(single, spectrum([(100.0, 20)]), tolerance=Tolerance.da(0.01))
    )


@pytest.mark.parametrize("peaks", [[], [(100.0, 0.0)], [(100.0, -1.0)], [(-5.0, 3.0)]])
def test_a_spectrum_without_usable_peaks_scores_0(peaks: list[tuple[float, float]]) -> None:
    assert entropy_similarity(spectrum(peaks), spectrum([(100, 1)]), tolerance=TOLERANCE) == 0
    assert entropy_similarity(spectrum(peaks), spectrum(peaks), tolerance=TOLERANCE) == 0


def test_a_spectrum_of_its_precursor_alone_scores_0() -> None:
    assert entropy_similarity(spectrum([(100, 1)], precursor_mz=100.0), spectrum([(100, 1)]), tolerance=TOLERANCE) == 0


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_value_that_is_no_number_is_refused_with_its_place(bad: float) -> None:
    broken = MassSpectrum(name="exhibit 5", mz=[100.0, 110.0], intensity=[1.0, bad])
    with pytest.raises(InputError, match=r"'exhibit 5': peak 2 is m/z 110.0 with intensity (nan|inf)"):
        entropy_similarity(broken, spectrum([(100, 1)]), tolerance=TOLERANCE)
