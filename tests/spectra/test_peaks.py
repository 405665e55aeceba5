"""Preparing a query: every step is done as said, and said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_ident.model import MassSpectrum, Polarity, Technique
from nps_ident.spectra.peaks import HIGHEST_MZ, is_unit_mass, prepare, principal_ions


def _spectrum(mz: object, intensity: object, **fields: object) -> MassSpectrum:
    given: dict[str, object] = {"name": "a", "technique": Technique.EI_MS, "mz": mz, "intensity": intensity}
    return MassSpectrum(**(given | fields))  # type: ignore[arg-type]


def _codes(spectrum: MassSpectrum) -> list[str]:
    return [finding.code for finding in spectrum.findings]


def test_a_good_spectrum_is_left_as_it_is() -> None:
    spectrum = _spectrum([58, 91, 134], [1, 2, 3])
    assert prepare(spectrum) == spectrum


@pytest.mark.parametrize(
    ("mz", "intensity", "expected", "code"),
    [
        ([91, 58], [1, 2], [(58, 2), (91, 1)], "SPEC-004"),
        ([58, 91, 58], [1, 2, 4], [(58, 5), (91, 2)], "SPEC-005"),
        ([58, 91], [1, -2], [(58, 1)], "SPEC-003"),
        ([58, np.nan, 91], [1, 5, 2], [(58, 1), (91, 2)], "SPEC-002"),
        ([58, 91], [1, np.inf], [(58, 1)], "SPEC-002"),
        ([58, -91, 0.5], [1, 2, 3], [(58, 1)], "SPEC-002"),
        ([58, 2 * HIGHEST_MZ], [1, 2], [(58, 1)], "SPEC-002"),
        ([58, 91], [1, 1e300], [(58, 1)], "SPEC-002"),
    ],
)
def test_each_repair_is_done_and_said(mz: list[float], intensity: list[float], expected: list[tuple[float, float]], code: str) -> None:
    prepared = prepare(_spectrum(mz, intensity))
    assert list(zip(prepared.mz.tolist(), prepared.intensity.tolist(), strict=True)) == expected
    assert code in _codes(prepared)


def test_peaks_of_no_height_go_without_a_word() -> None:
    prepared = prepare(_spectrum([58, 91], [0, 3]))
    assert (prepared.mz.tolist(), _codes(prepared)) == ([91.0], [])


@given(st.lists(st.tuples(st.floats(), st.floats()), max_size=30))
def test_whatever_it_is_given_it_gives_ascending_masses_and_positive_heights(peaks: list[tuple[float, float]]) -> None:
    prepared = prepare(_spectrum([mz for mz, _ in peaks], [height for _, height in peaks]))
    assert (np.diff(prepared.mz) > 0).all()
    assert (prepared.intensity > 0).all()
    assert np.isfinite(prepared.intensity).all()
    again = prepare(prepared)
    assert (again.mz.tolist(), again.findings) == (prepared.mz.tolist(), prepared.findings)


@pytest.mark.parametrize("precursor", [float("nan"), float("inf"), -5.0, 0.0, 1e9])
def test_a_precursor_that_no_ion_has_is_left_out_and_that_is_said(precursor: float) -> None:
    prepared = prepare(_spectrum([58], [1], precursor_mz=precursor, precursor_decimals=2))
    assert (prepared.precursor_mz, prepared.precursor_decimals, _codes(prepared)) == (None, None, ["SPEC-006"])


def test_unit_masses_without_technique_and_precursor_are_taken_for_ei_with_a_warning() -> None:
    assert prepare(_spectrum([58.0, 91.04], [1, 2], technique=None)).technique is Technique.EI_MS
    assert prepare(_spectrum([58.0, 91.06], [1, 2], technique=None)).technique is None
    assert prepare(_spectrum([58.0, 91.0], [1, 2], technique=None, precursor_mz=150.0)).technique is None
    assert prepare(_spectrum([], [], technique=None)).technique is None


def test_unit_mass_is_whole_numbers_to_a_twentieth() -> None:
    assert is_unit_mass(_spectrum([58.05, 90.96], [1, 1]))
    assert not is_unit_mass(_spectrum([58.05, 90.9], [1, 1]))
    assert not is_unit_mass(_spectrum([], []))


def test_principal_ions_are_the_twenty_highest_of_one_percent_in_order_of_mass() -> None:
    heights = np.array([*np.linspace(1000, 20, 30), 9.0, 10.0])
    spectrum = _spectrum(np.arange(100.0, 132.0), heights)
    cut = principal_ions(spectrum)
    assert cut.mz.tolist() == list(range(100, 120))
    few = principal_ions(_spectrum([50, 60, 70], [1000, 9.9, 10.0]))
    assert few.mz.tolist() == [50.0, 70.0]
    assert principal_ions(_spectrum([], [])).n_peaks == 0


@pytest.mark.parametrize(
    ("adduct", "polarity", "is_kept"),
    [
        ("[M+H]+", Polarity.NEGATIVE, False),
        ("[M-H]-", Polarity.POSITIVE, False),
        ("[M+H]+", Polarity.POSITIVE, True),
        ("[M-H]-", Polarity.NEGATIVE, True),
        ("[M+H]+", None, True),
        (None, Polarity.NEGATIVE, True),
    ],
)
def test_an_adduct_and_a_polarity_that_contradict_each_other_are_not_used(
    adduct: str | None, polarity: Polarity | None, is_kept: bool
) -> None:
    given = MassSpectrum(name="q", mz=[100.0, 120.0], intensity=[1.0, 2.0], technique=Technique.MSMS, adduct=adduct, polarity=polarity)
    prepared = prepare(given)
    assert (prepared.adduct, prepared.polarity) == ((adduct, polarity) if is_kept else (None, None))
    assert _codes(prepared) == ([] if is_kept else ["SPEC-007"])
