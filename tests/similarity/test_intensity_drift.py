"""Drift of sensitivity with mass: the slow twin, and what it must and must not forgive."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from nps_ident.similarity.intensity_drift import intensity_drift
from nps_ident.similarity.match_factor import PeakRuns, nominal

from . import twins
from .spectra import peak_lists, spectrum, unit_masses

Peaks = list[tuple[float, float]]
DRUG: Peaks = [(44, 300), (58, 999), (77, 150), (91, 400), (119, 200), (148, 90), (178, 60), (207, 120)]


def compared(query: Peaks, *references: Peaks) -> list[tuple[float, float]]:
    """Scatter and cosine against each reference, all at once."""
    spectra = [nominal(made.mz, made.intensity) for made in map(spectrum, references)]
    ends = np.cumsum([len(made.mz) for made in spectra])
    runs = PeakRuns(
        mz=np.concatenate([made.mz for made in spectra]),
        intensity=np.concatenate([made.intensity for made in spectra]),
        start=np.concatenate([[0], ends[:-1]]),
        stop=ends,
    )
    made = spectrum(query)
    return list(zip(*(column.tolist() for column in intensity_drift(nominal(made.mz, made.intensity), runs)), strict=True))


@given(peak_lists(unit_masses, min_size=1), peak_lists(unit_masses, min_size=1), peak_lists(unit_masses, min_size=1))
def test_it_agrees_with_the_slow_twin(query: Peaks, one: Peaks, other: Peaks) -> None:
    expected = [twins.intensity_drift(twins.nominal(query), twins.nominal(library)) for library in (one, other)]
    for found, wanted in zip(compared(query, one, other), expected, strict=True):
        assert found == pytest.approx(wanted, abs=1e-7)


def test_a_spectrum_has_no_scatter_from_itself() -> None:
    assert compared(DRUG, DRUG) == [(pytest.approx(0.0, abs=1e-12), pytest.approx(1.0))]


def test_a_loss_of_sensitivity_with_mass_is_forgiven_and_one_changed_peak_is_not() -> None:
    drifted = [(mz, intensity * np.exp(-0.008 * (mz - 44))) for mz, intensity in DRUG]
    changed = [(mz, intensity * (0.3 if mz == 119 else 1.0)) for mz, intensity in DRUG]
    [(of_drift, cosine_of_drift), (of_change, cosine_of_change)] = compared(DRUG, drifted, changed)
    assert of_drift < 0.05
    assert of_change > 0.15
    assert cosine_of_change < 0.99 < cosine_of_drift


def test_a_drift_steeper_than_any_instrument_is_not_taken_out() -> None:
    steep = [(mz, intensity * np.exp(-0.05 * (mz - 44))) for mz, intensity in DRUG]
    [(scatter, _)] = compared(DRUG, steep)
    assert scatter > 0.4


def test_masses_below_the_start_of_either_scan_do_not_count() -> None:
    [(scatter, _)] = compared([(28, 999), *DRUG], DRUG)
    assert scatter == pytest.approx(0.0, abs=1e-12)
