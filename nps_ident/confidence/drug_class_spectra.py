"""EI spectra as rows of a matrix, and the evidence that peaks and losses give for a drug class.

A linear model over unit masses says of every class how far the spectrum speaks for it: masses of class-specific ions, and losses from the
highest mass, which stay where a substituent moves the ions.  It is fitted by :mod:`nps_ident.confidence.drug_class_estimator` and applied here
with numpy only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nps_ident.errors import InputError
from nps_ident.similarity.match_factor import BASE_PEAK, nominal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from nps_ident.model import MassSpectrum

__all__ = ["N_LOSSES", "N_MZ", "class_rows", "peak_and_loss_features"]

N_MZ = 601
"""Unit masses 0 to 600: one substance of the catalogue that has a drug class is heavier (bromocriptine, 653); what lies beyond is left out."""
N_LOSSES = 200
"""Losses of 0 to 199 Da from the highest mass."""
_TOP_SHARE = 0.01
_LOSS_WEIGHT = 0.7
"""Weight of losses beside ions: the highest mass is not always the molecular ion."""


def class_rows(spectra: Iterable[MassSpectrum], *, n_mz: int = N_MZ) -> NDArray[np.float64]:
    """Spectra as rows of unit-mass intensities: what :class:`DrugClassClassifier` learns from and predicts.

    Parameters
    ----------
    spectra : iterable of MassSpectrum
    n_mz : int
        Columns: column j is m/z j.  Peaks at higher m/z are left out.

    Returns
    -------
    ndarray of float64, shape (n_spectra, n_mz)
        Base peak 999; a spectrum without peaks below ``n_mz`` is a row of zeros.
    """
    rows = []
    for spectrum in spectra:
        binned = nominal(spectrum.mz, spectrum.intensity)
        row = np.zeros(n_mz)
        known = binned.mz < n_mz
        row[binned.mz[known]] = binned.intensity[known]
        rows.append(row)
    return np.array(rows).reshape(len(rows), n_mz)


def peak_and_loss_features(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithmic intensities of ions, and of losses from the highest mass, each of length 1.

    Parameters
    ----------
    rows : ndarray, shape (n_spectra, n_mz)
        Intensities of any scale, not negative; column j is m/z j.

    Returns
    -------
    ndarray of float64, shape (n_spectra, n_mz + min(n_mz, N_LOSSES))

    Raises
    ------
    InputError
        When an intensity is negative.
    """
    if rows.size and rows.min() < 0:
        raise InputError(f"Negative values in data: intensities must be 0 or more. Got {rows.min():g}.")
    largest = rows.max(axis=1, initial=0.0)
    scaled = rows * (BASE_PEAK / np.where(largest > 0, largest, 1.0))[:, None]
    logarithms = np.log1p(scaled)
    n_mz = rows.shape[1]
    top = n_mz - 1 - np.argmax(scaled[:, ::-1] >= _TOP_SHARE * BASE_PEAK, axis=1)
    source = top[:, None] - np.arange(min(n_mz, N_LOSSES))
    losses = np.where(source >= 0, np.take_along_axis(logarithms, np.maximum(source, 0), axis=1), 0.0)
    return np.hstack([_unit(logarithms), _LOSS_WEIGHT * _unit(losses)])


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: NDArray[np.float64] = rows / np.where(length > 0, length, 1.0)
    return unit
