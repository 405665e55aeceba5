"""Coverage of fragment lists."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_ident.errors import InputError
from nps_ident.model import Tolerance
from nps_ident.similarity.fragments import fragment_coverage

from . import twins
from .spectra import masses, peak_lists, spectrum

TOLERANCE = Tolerance.ppm(10)


def test_found_missing_and_explained_are_told_apart() -> None:
    query = spectrum([(188.1434, 60), (105.0699, 30), (77.0386, 10)])
    result = fragment_coverage(query, [188.1434, 105.0699, 216.1383, 132.0808], tolerance=TOLERANCE)
    assert result.found == (105.0699, 188.1434)
    assert result.missing == (132.0808, 216.1383)
    assert result.share == 0.5
    assert result.explained == pytest.approx(0.9)


def test_a_peak_just_outside_the_window_is_not_found() -> None:
    assert fragment_coverage(spectrum([(188.1434 * (1 + 11e-6), 1)]), [188.1434], tolerance=TOLERANCE).share == 0
    assert fragment_coverage(spectrum([(188.1434 * (1 + 9e-6), 1)]), [188.1434], tolerance=TOLERANCE).share == 1


def test_one_peak_is_not_two_fragments() -> None:
    result = fragment_coverage(spectrum([(100.0, 5)]), [99.999, 100.0005], tolerance=Tolerance.da(0.01))
    assert result.found == (100.0005,)


def test_of_two_peaks_in_the_window_the_closer_one_is_the_fragment() -> None:
    query = spectrum([(100.008, 90), (100.001, 10)])
    assert fragment_coverage(query, [100.0], tolerance=Tolerance.da(0.01)).explained == pytest.approx(0.1)


@given(peak_lists(masses), st.lists(st.integers(40, 120).map(float), unique=True, max_size=8))
def test_it_agrees_with_the_slow_twin(peaks: list[tuple[float, float]], fragments: list[float]) -> None:
    result = fragment_coverage(spectrum(peaks), fragments, tolerance=Tolerance.da(0.25))
    assert result.share == pytest.approx(twins.coverage(peaks, fragments, 0.25))
    assert 0 <= result.explained <= 1
    assert sorted(result.found + result.missing) == sorted(fragments)


@given(peak_lists(masses, min_size=1))
def test_its_own_masses_cover_a_spectrum_wholly(peaks: list[tuple[float, float]]) -> None:
    result = fragment_coverage(spectrum(peaks), [mz for mz, _ in reversed(peaks)], tolerance=Tolerance.da(0.001))
    assert (result.share, result.explained) == (1, pytest.approx(1))


def test_an_empty_list_and_an_empty_spectrum_are_0() -> None:
    assert fragment_coverage(spectrum([(100, 1)]), [], tolerance=TOLERANCE).share == 0
    assert fragment_coverage(spectrum([]), [100.0], tolerance=TOLERANCE).share == 0
    assert fragment_coverage(spectrum([(100, 0)]), [100.0], tolerance=TOLERANCE).explained == 0


@pytest.mark.parametrize("bad", [math.nan, math.inf, 0.0, -58.0])
def test_a_listed_mass_that_cannot_be_is_refused(bad: float) -> None:
    with pytest.raises(InputError, match="fragment list"):
        fragment_coverage(spectrum([(100, 1)]), [100.0, bad], tolerance=TOLERANCE)
