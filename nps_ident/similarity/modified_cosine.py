"""Cosine of two MS/MS spectra, and modified cosine, where a peak may also match after a shift by the precursor difference.

Watrous et al. 2012, doi:10.1073/pnas.1203689109 (modified cosine); pairs are chosen greedily, the greatest product first, each peak once,
as in matchms' ``CosineGreedy`` and ``ModifiedCosineGreedy`` (https://matchms.readthedocs.io, 0.33, 2026).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nps_ident.errors import InputError
from nps_ident.similarity.pairing import candidate_pairs, one_to_one, usable_peaks

if TYPE_CHECKING:
    from nps_ident.model import MassSpectrum, Tolerance

__all__ = ["cosine", "modified_cosine"]


def cosine(
    query: MassSpectrum, reference: MassSpectrum, *, tolerance: Tolerance, mz_power: float = 0.0, intensity_power: float = 1.0
) -> tuple[float, int]:
    """Cosine of two spectra whose peaks pair one to one.

    Parameters
    ----------
    query, reference : MassSpectrum
        Peaks in any order.
    tolerance : Tolerance
        Pairing window; each peak pairs at most once.
    mz_power, intensity_power : float
        A peak weighs ``mz ** mz_power * intensity ** intensity_power``.

    Returns
    -------
    score : float
        In [0, 1]; 0 when no peak pairs, and when a spectrum has no usable peak.
    n_matched : int
        A score from one or two peaks is worth little: look at both.

    Raises
    ------
    InputError
        When a peak is NaN or infinite.
    """
    return _greedy(query, reference, (0.0,), tolerance, (mz_power, intensity_power))


def modified_cosine(
    query: MassSpectrum, reference: MassSpectrum, *, tolerance: Tolerance, mz_power: float = 0.0, intensity_power: float = 1.0
) -> tuple[float, int]:
    """Cosine of two spectra where a peak may match directly or shifted by the difference of the precursors.

    Parameters, return values and errors are those of :func:`cosine`; both spectra need a ``precursor_mz``.

    Raises
    ------
    InputError
        When a precursor is missing.

    References
    ----------
    Watrous et al. 2012, doi:10.1073/pnas.1203689109.
    """
    for spectrum in (query, reference):
        if spectrum.precursor_mz is None:
            raise InputError(f"Spectrum {spectrum.name!r} has no precursor m/z; the modified cosine needs one on both sides.")
    shift = float(query.precursor_mz or 0.0) - float(reference.precursor_mz or 0.0)
    shifts = (0.0,) if abs(shift) <= tolerance.at(query.precursor_mz or 0.0) else (0.0, shift)
    return _greedy(query, reference, shifts, tolerance, (mz_power, intensity_power))


def _greedy(
    query: MassSpectrum, reference: MassSpectrum, shifts: tuple[float, ...], tolerance: Tolerance, powers: tuple[float, float]
) -> tuple[float, int]:
    mz_q, i_q = usable_peaks(query)
    mz_r, i_r = usable_peaks(reference)
    if not len(mz_q) or not len(mz_r):
        return 0.0, 0
    # Scaled before powers are taken, so that no intensity, however large, overflows.
    w_q = (mz_q / mz_q.max()) ** powers[0] * (i_q / i_q.max()) ** powers[1]
    w_r = (mz_r / mz_r.max()) ** powers[0] * (i_r / i_r.max()) ** powers[1]
    found = [(*candidate_pairs(mz_q, mz_r, tolerance, shift_da=shift), shift) for shift in shifts]
    index_q = np.concatenate([pairs[0] for pairs in found])
    index_r = np.concatenate([pairs[1] for pairs in found])
    shifted = np.concatenate([np.full(len(pairs[0]), pairs[2]) for pairs in found])
    products = w_q[index_q] * w_r[index_r]
    chosen = one_to_one(index_q, index_r, products, distance=np.abs(mz_q[index_q] - mz_r[index_r] - shifted))
    score = products[chosen].sum() / np.sqrt((w_q**2).sum() * (w_r**2).sum())
    return float(min(score, 1.0)), len(chosen)
