"""Records of spectra: verbatim, read-only, compared by value, also after travelling to another process."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from nps_ident.errors import InputError, UnitError
from nps_ident.model import Finding, MassSpectrum, Severity, Substance, Tolerance


def _spectrum(**fields: object) -> MassSpectrum:
    return MassSpectrum(**({"name": "a", "mz": [91.0, 58.0, np.nan], "intensity": [1.0, 2.0, 0.0]} | fields))  # type: ignore[arg-type]


def test_peaks_stay_in_the_order_and_with_the_values_of_the_file() -> None:
    assert _spectrum().mz.tolist()[:2] == [91.0, 58.0]
    assert _spectrum().n_peaks == 3


def test_a_spectrum_shares_no_memory_with_what_it_was_made_from() -> None:
    mz = np.array([58.0, 91.0])
    spectrum = _spectrum(mz=mz, intensity=[1, 2])
    mz[0] = 0.0
    assert spectrum.mz[0] == 58.0


def test_arrays_are_read_only_also_after_pickling() -> None:
    for spectrum in (_spectrum(), pickle.loads(pickle.dumps(_spectrum()))):  # noqa: S301 - our own bytes
        with pytest.raises(ValueError, match="read-only"):
            spectrum.mz[0] = 1.0
    with pytest.raises(FrozenInstanceError):
        _spectrum().name = "b"  # type: ignore[misc]


def test_spectra_are_compared_by_value_nan_included() -> None:
    assert _spectrum() == _spectrum()
    assert hash(_spectrum()) == hash(_spectrum())
    assert pickle.loads(pickle.dumps(_spectrum())) == _spectrum()  # noqa: S301 - our own bytes
    assert _spectrum() != _spectrum(name="b")
    assert _spectrum() != _spectrum(intensity=[1.0, 2.0, 1.0])
    assert _spectrum() != "a"


def test_lists_of_unequal_length_or_more_dimensions_are_refused() -> None:
    with pytest.raises(InputError, match=r"equal lengths\. Got 3 and 2"):
        _spectrum(intensity=[1.0, 2.0])
    with pytest.raises(InputError, match=r"one dimension\. Got 2"):
        _spectrum(mz=[[1.0]])


def test_findings_are_added_behind_those_there() -> None:
    first, second = (Finding(code=f"SPEC-00{n}", severity=Severity.INFO, text="x") for n in (1, 2))
    assert _spectrum(findings=(first,)).with_findings([second]).findings == (first, second)


@pytest.mark.parametrize(
    ("tolerance", "mass", "expected"),
    [(Tolerance.da(0.01), 500.0, 0.01), (Tolerance.ppm(10), 500.0, 0.005), (Tolerance.wider(da=0.01, ppm=10), 2000.0, 0.02)],
)
def test_a_tolerance_knows_its_width_at_a_mass(tolerance: Tolerance, mass: float, expected: float) -> None:
    assert tolerance.at(mass) == pytest.approx(expected)


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_an_impossible_tolerance_is_refused(value: float) -> None:
    with pytest.raises(UnitError):
        Tolerance.da(value)
    with pytest.raises(UnitError):
        Tolerance.ppm(value)


@pytest.mark.parametrize(
    ("substance", "skeleton"),
    [
        (Substance(inchikey="PJMPHNIQZUBGLI-UHFFFAOYSA-N", name="x"), "PJMPHNIQZUBGLI"),
        (Substance(inchikey="PJMPHNIQZUBGLI-RALIUCGRSA-N", name="x", isotope_labelled=True), "PJMPHNIQZUBGLI-RALIUCGRSA-N"),
        (Substance(inchikey=None, name="Blue Powder"), "name:blue powder"),
    ],
)
def test_a_skeleton_is_what_a_mass_spectrum_can_tell_apart_at_best(substance: Substance, skeleton: str) -> None:
    assert substance.skeleton == skeleton
