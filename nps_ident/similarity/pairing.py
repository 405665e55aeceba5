"""Which peaks a measure may compare, and which of them belong together: each peak at most once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nps_ident.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from nps_ident.model import MassSpectrum, Tolerance

__all__ = ["candidate_pairs", "one_to_one", "sorted_peaks", "usable_peaks"]


def usable_peaks(spectrum: MassSpectrum) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Take the peaks of a spectrum that a measure may use.

    Parameters
    ----------
    spectrum : MassSpectrum
        Peaks in any order.

    Returns
    -------
    mz, intensity : ndarray of float64, shape (n_usable,)
        See :func:`sorted_peaks`.

    Raises
    ------
    InputError
        When a value is not finite; the sentence names the spectrum.
    """
    try:
        return sorted_peaks(spectrum.mz, spectrum.intensity)
    except InputError as error:
        raise InputError(f"Spectrum {spectrum.name!r}: {error}") from None


def sorted_peaks(mz: ArrayLike, intensity: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Peaks with positive m/z and intensity, m/z strictly ascending; intensities of exactly equal m/z are summed.

    Parameters
    ----------
    mz, intensity : array_like of float
        Shape (n_peaks,), in any order.

    Returns
    -------
    mz, intensity : ndarray of float64, shape (n_usable,)
        Empty when no peak is positive: an intensity of 0 or less is no observation of an ion.

    Raises
    ------
    InputError
        When a value is NaN or infinite: no similarity can be said of it.
    """
    masses, heights = np.asarray(mz, dtype=np.float64), np.asarray(intensity, dtype=np.float64)
    broken = ~(np.isfinite(masses) & np.isfinite(heights))
    if broken.any():
        at = int(np.flatnonzero(broken)[0])
        raise InputError(f"peak {at + 1} is m/z {masses[at]} with intensity {heights[at]}; expected finite numbers.")
    keep = (masses > 0) & (heights > 0)
    unique, where = np.unique(masses[keep], return_inverse=True)
    # Summed from the smallest up, so that the order of equal masses in the file cannot change the last bit of the sum.
    order = np.argsort(heights[keep], kind="stable")
    return unique, np.bincount(where[order], weights=heights[keep][order], minlength=len(unique)).astype(np.float64)


def candidate_pairs(
    mz_a: NDArray[np.float64], mz_b: NDArray[np.float64], tolerance: Tolerance, *, shift_da: float = 0.0
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """All pairs of peaks whose masses agree; a peak may stand in several of them.

    Parameters
    ----------
    mz_a, mz_b : ndarray of float64
        Ascending; shapes (n_a,) and (n_b,).
    tolerance : Tolerance
        The window at the higher of the two masses, so that the roles of a and b can be exchanged.
    shift_da : float
        Added to ``mz_b`` before the masses are compared.

    Returns
    -------
    index_a, index_b : ndarray of intp, shape (n_pairs,)
    """
    other = mz_b + shift_da
    # A little wide: the window belongs to the heavier peak, which is not known before the pair is.
    reach = np.maximum(tolerance.absolute_da, mz_a * tolerance.relative_ppm * 1e-6 * 1.001) + 1e-9
    low, high = np.searchsorted(other, mz_a - reach, "left"), np.searchsorted(other, mz_a + reach, "right")
    counts = high - low
    index_a = np.repeat(np.arange(len(mz_a)), counts)
    index_b = np.arange(len(index_a)) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(low, counts)
    heavier = np.maximum(mz_a[index_a], other[index_b])
    window = np.maximum(tolerance.absolute_da, tolerance.relative_ppm * 1e-6 * heavier)
    keep = np.abs(mz_a[index_a] - other[index_b]) <= window
    return index_a[keep], index_b[keep]


def one_to_one(
    index_a: NDArray[np.intp], index_b: NDArray[np.intp], gain: NDArray[np.float64], *, distance: NDArray[np.float64]
) -> NDArray[np.intp]:
    """Choose pairs so that no peak stands in two of them: the greatest gain first.

    Parameters
    ----------
    index_a, index_b : ndarray of intp, shape (n_pairs,)
    gain : ndarray of float64, shape (n_pairs,)
        What a pair adds to the score.
    distance : ndarray of float64, shape (n_pairs,)
        Breaks ties of gain: the closer pair first, then the lighter one, so that a and b can be exchanged.

    Returns
    -------
    ndarray of intp
        Positions of the chosen pairs, in the order of choice.
    """
    unique_a, unique_b = len(np.unique(index_a)) == len(index_a), len(np.unique(index_b)) == len(index_b)
    order = np.lexsort((index_a + index_b, distance, -gain))
    if unique_a and unique_b:
        return order
    used_a: set[int] = set()
    used_b: set[int] = set()
    chosen = []
    for position in order.tolist():
        a, b = int(index_a[position]), int(index_b[position])
        if a not in used_a and b not in used_b:
            used_a.add(a)
            used_b.add(b)
            chosen.append(position)
    return np.array(chosen, dtype=np.intp)
