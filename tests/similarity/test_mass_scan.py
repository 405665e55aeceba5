"""The hybrid cosine over assumed masses: a slow twin, and what the scan is for."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_ident.similarity.mass_scan import scan_masses
from nps_ident.similarity.match_factor import NominalSpectrum, PeakRuns, nominal

from . import twins
from .spectra import peak_lists, unit_masses


def _nominal(peaks: list[tuple[float, float]]) -> NominalSpectrum:
    return nominal(np.array([m for m, _ in peaks]), np.array([i for _, i in peaks]))


def _runs(*spectra: NominalSpectrum) -> PeakRuns:
    ends = np.cumsum([0, *(len(s.mz) for s in spectra)])
    return PeakRuns(
        mz=np.concatenate([s.mz for s in spectra]), intensity=np.concatenate([s.intensity for s in spectra]), start=ends[:-1], stop=ends[1:]
    )


def _twin(query: dict[int, float], reference: dict[int, float], shift: int) -> tuple[float, float]:
    """Mass by mass, from the formula alone."""
    weights_q = {m: m * i for m, i in query.items()}
    weights_r = {m: m * i for m, i in reference.items()}
    strong = {m: w for m, w in weights_r.items() if w >= 0.01 * max(weights_r.values())}
    whole = moved = 0.0
    for m, w in strong.items():
        here, there = weights_q.get(m, 0.0), weights_q.get(m + shift, 0.0) if shift else 0.0
        if here + there:
            whole += math.sqrt(w * (here + there))
            moved += math.sqrt(w) * there / math.sqrt(here + there)
    scale = math.sqrt(sum(strong.values()) * sum(weights_q.values()))
    return whole / scale, moved / scale


@given(
    peak_lists(unit_masses, min_size=1), st.lists(peak_lists(unit_masses, min_size=1), min_size=1, max_size=4), st.integers(60, 90), st.data()
)
def test_the_scan_agrees_with_the_slow_twin(
    query: list[tuple[float, float]], references: list[list[tuple[float, float]]], lowest: int, data: st.DataObject
) -> None:
    of_references = data.draw(st.lists(st.integers(60, 110), min_size=len(references), max_size=len(references)))
    cosines, moved = scan_masses(
        _nominal(query), _runs(*map(_nominal, references)), np.array(of_references), assumed=np.arange(lowest, lowest + 20)
    )
    assert cosines.shape == moved.shape == (len(references), 20)
    for row, (peaks, mass) in enumerate(zip(references, of_references, strict=True)):
        for column in range(20):
            expected = _twin(twins.nominal(query), twins.nominal(peaks), lowest + column - mass)
            assert (cosines[row, column], moved[row, column]) == pytest.approx(expected, abs=1e-4)


def test_a_homologue_agrees_wholly_under_its_own_mass_and_under_no_other() -> None:
    reference = _nominal([(58, 999), (91, 200), (134, 150), (149, 80)])
    homologue = _nominal([(72, 999), (91, 200), (148, 150), (163, 80)])
    cosines, _ = scan_masses(homologue, _runs(reference), np.array([149]), assumed=np.arange(140, 200))
    assert 140 + int(np.argmax(cosines[0])) == 163
    assert np.sort(cosines[0])[-2] < 0.5


def test_some_masses_alone_have_the_cosines_they_have_among_all() -> None:
    query = _nominal([(58, 999), (91, 200), (134, 150), (163, 80)])
    runs, masses = _runs(_nominal([(72, 999), (91, 200), (149, 80)]), _nominal([(58, 500), (91, 999)])), np.array([149, 170])
    some = np.array([140, 149, 163, 170, 199])
    for whole, part in zip(
        scan_masses(query, runs, masses, assumed=np.arange(140, 200)), scan_masses(query, runs, masses, assumed=some), strict=True
    ):
        assert part.tolist() == whole[:, some - 140].tolist()


def test_nothing_is_moved_where_the_masses_are_equal() -> None:
    one = _nominal([(58, 999), (91, 200)])
    cosines, moved = scan_masses(one, _runs(one), np.array([149]), assumed=np.arange(149, 150))
    assert cosines[0, 0] == pytest.approx(1.0, abs=1e-6)
    assert moved[0, 0] == 0.0


@pytest.mark.parametrize("lowest", [1, 1900])
def test_masses_far_outside_the_spectrum_move_peaks_nowhere(lowest: int) -> None:
    one = _nominal([(58, 999), (91, 200)])
    _, moved = scan_masses(one, _runs(one), np.array([500]), assumed=np.arange(lowest, lowest + 5))
    assert not moved.any()
