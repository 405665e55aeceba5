"""Spectral entropy similarity of MS/MS spectra.

Li, Kind, Folz, Vaniya, Mehta & Fiehn 2021, doi:10.1038/s41592-021-01331-z; the preparation is that of the authors' own program, MSEntropy
(https://msentropy.readthedocs.io, read 2026).  Logarithms are natural: the border of 3 below is in nats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nps_ident.similarity.pairing import candidate_pairs, one_to_one, sorted_peaks, usable_peaks

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from nps_ident.model import MassSpectrum, Tolerance

__all__ = ["clean_for_entropy", "entropy_similarity", "pair_gain", "prepared", "spectral_entropy", "weighted_intensities"]

PRECURSOR_WINDOW_DA = 1.6
"""Peaks above precursor − 1.6 Da tell the mass, not the structure (MSEntropy documentation, "clean_spectrum", 2026)."""
MIN_RELATIVE = 0.01
"""Peaks below 1 % of the base peak are noise (doi:10.1038/s41592-021-01331-z, Methods)."""
ENTROPY_BORDER = 3.0
"""Spectra with less entropy (in nats) are weighted (doi:10.1038/s41592-021-01331-z, Methods)."""


def clean_for_entropy(
    mz: ArrayLike,
    intensity: ArrayLike,
    *,
    precursor_mz: float | None = None,
    min_relative: float = MIN_RELATIVE,
    merge_da: float,
    merge_ppm: float = 0.0,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Prepare peaks for the entropy similarity.

    In this order: peaks above ``precursor_mz`` − 1.6 Da go; peaks closer than the merging window become one at their intensity-weighted
    centroid; peaks below ``min_relative`` of the base peak go; the rest is scaled to a sum of 1.

    Parameters
    ----------
    mz, intensity : array_like of float
        Shape (n_peaks,), in any order; intensities of 0 and less are left out.
    precursor_mz : float, optional
        Without it no peak is dropped for its mass.
    min_relative : float
        Share of the base peak, 0 to 1.
    merge_da, merge_ppm : float
        Twice the pairing tolerance makes pairing one to one; the wider of the two counts.

    Returns
    -------
    mz, intensity : ndarray of float64
        m/z ascending, intensities summing to 1; empty when nothing is left.

    Raises
    ------
    InputError
        When a value is NaN or infinite.
    """
    masses, heights = sorted_peaks(mz, intensity)
    if precursor_mz is not None:
        fragments = masses <= precursor_mz - PRECURSOR_WINDOW_DA
        masses, heights = masses[fragments], heights[fragments]
    while len(masses) > 1 and bool((np.diff(masses) < np.maximum(merge_da, masses[1:] * merge_ppm * 1e-6)).any()):
        masses, heights = _merged(masses, heights, merge_da, merge_ppm)
    if not len(masses):
        return masses, heights
    keep = heights >= min_relative * heights.max()
    shares: NDArray[np.float64] = heights[keep] / heights[keep].sum()
    return masses[keep], shares


def _merged(
    mz: NDArray[np.float64], intensity: NDArray[np.float64], merge_da: float, merge_ppm: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """One pass: from the highest peak down, each takes up what is left within its window.  Centroids move, so passes are repeated."""
    left_edge = mz - np.maximum(merge_da, mz * merge_ppm * 1e-6)
    first = np.searchsorted(mz, left_edge, "left")
    # The window of a pair is that of its heavier peak, hence the lighter one reaches as far as heavier ones reach back.
    last = np.searchsorted(left_edge, mz, "right")
    free = np.ones(len(mz), dtype=bool)
    centroids, sums = [], []
    for peak in np.lexsort((mz, -intensity)).tolist():
        if not free[peak]:
            continue
        taken = slice(first[peak], last[peak])
        members = free[taken]
        weights = intensity[taken][members]
        sums.append(weights.sum())
        centroids.append((weights * mz[taken][members]).sum() / weights.sum())
        free[taken] = False
    order = np.argsort(centroids)
    return np.array(centroids)[order], np.array(sums)[order]


def spectral_entropy(intensity: NDArray[np.float64]) -> float:
    """Entropy of intensities that sum to 1, in nats: −Σ p ln p.

    Parameters
    ----------
    intensity : ndarray of float64
        Shape (n_peaks,), all positive; empty gives 0.
    """
    return float(-(intensity * np.log(intensity)).sum())


def weighted_intensities(intensity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weight intensities so that a spectrum of few peaks is not judged by its highest one alone.

    Below an entropy S of 3 nats, intensities are raised to the power 0.25 + 0.25 S and scaled to a sum of 1.

    Parameters
    ----------
    intensity : ndarray of float64
        Shape (n_peaks,), all positive, sum 1.

    Returns
    -------
    ndarray of float64, shape (n_peaks,)
        Sum 1; empty stays empty.
    """
    entropy = spectral_entropy(intensity)
    if not len(intensity) or entropy >= ENTROPY_BORDER:
        return intensity
    powered: NDArray[np.float64] = intensity ** (0.25 + 0.25 * entropy)
    shares: NDArray[np.float64] = powered / powered.sum()
    return shares


def prepared(spectrum: MassSpectrum, tolerance: Tolerance) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Clean and weight a spectrum, ready to be paired at ``tolerance``: m/z ascending, intensities summing to 1."""
    mz, intensity = usable_peaks(spectrum)
    mz, intensity = clean_for_entropy(
        mz, intensity, precursor_mz=spectrum.precursor_mz, merge_da=2 * tolerance.absolute_da, merge_ppm=2 * tolerance.relative_ppm
    )
    return mz, weighted_intensities(intensity)


def pair_gain(intensity_a: NDArray[np.float64], intensity_b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute what each pair of peaks adds to the similarity: ½ [f(a + b) − f(a) − f(b)] with f(x) = x log2 x.

    Summed over the pairs this is 1 − (2 S_AB − S_A − S_B) / ln 4, since a peak that stands alone adds nothing.
    """
    both = intensity_a + intensity_b
    gain: NDArray[np.float64] = both * np.log2(both) - intensity_a * np.log2(intensity_a) - intensity_b * np.log2(intensity_b)
    return gain / 2


def entropy_similarity(query: MassSpectrum, reference: MassSpectrum, *, tolerance: Tolerance) -> float:
    """Spectral entropy similarity of two MS/MS spectra.

    Parameters
    ----------
    query, reference : MassSpectrum
        Peaks in any order.  Where a precursor is known, peaks above it − 1.6 Da are not compared.
    tolerance : Tolerance
        Pairing window; each peak pairs at most once.

    Returns
    -------
    float
        In [0, 1]; 0 when no peak pairs, and when a spectrum has no usable peak.

    Raises
    ------
    InputError
        When a peak is NaN or infinite.

    References
    ----------
    Li et al. 2021, doi:10.1038/s41592-021-01331-z.
    """
    mz_q, p_q = prepared(query, tolerance)
    mz_r, p_r = prepared(reference, tolerance)
    index_q, index_r = candidate_pairs(mz_q, mz_r, tolerance)
    gain = pair_gain(p_q[index_q], p_r[index_r])
    chosen = one_to_one(index_q, index_r, gain, distance=np.abs(mz_q[index_q] - mz_r[index_r]))
    return float(np.clip(gain[chosen].sum(), 0.0, 1.0))
