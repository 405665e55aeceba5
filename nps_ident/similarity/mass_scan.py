"""One EI spectrum against references at *every* mass its substance might have: the hybrid cosine as a function of the assumed mass.

A hybrid search (:mod:`nps_ident.similarity.hybrid`) needs the mass of the query's substance.  Where the spectrum shows no molecular ion, the
mass is what is sought: the assumed mass under which peaks of relatives fall on peaks of the query speaks for itself (the idea of the iterated
hybrid search in asm3-nist/EIMS-mass-predictions; Moorthy et al. 2017, doi:10.1021/acs.analchem.7b03320 for the hybrid form).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nps_ident.similarity.match_factor import NominalSpectrum, PeakRuns

__all__ = ["HIGHEST_MASS", "scan_masses"]

HIGHEST_MASS = 2000
"""Peaks and masses above it take no part: EI spectra of drugs and their derivatives end far below."""
_WEAKEST = 0.01
"""Peaks of a reference below this share of its heaviest weight (m·I) change a cosine by less than it is worth in time."""
_ROWS_AT_ONCE = 16
"""Few enough for the arrays of one step to stay in the processor's cache."""
_TINY = np.float32(1e-12)


def scan_masses(
    query: NominalSpectrum, references: PeakRuns, reference_masses: NDArray[np.int64], *, assumed: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    r"""Hybrid cosines of a query with each reference, for each assumed mass.

    A reference peak at :math:`m` agrees with the query at :math:`m` and at :math:`m + \Delta`, divided between them in proportion to the
    query's weights there; weights are :math:`m I`.  For one reference peak that gives :math:`\sqrt{w_r (w_q(m) + w_q(m+\Delta))}`.  Two
    reference peaks that fall on one query peak are not reconciled, so that the sum is an upper estimate, made for choosing masses;
    :func:`nps_ident.similarity.hybrid.hybrid_match_factors` gives the match factor.

    Parameters
    ----------
    query : NominalSpectrum
    references : PeakRuns
        Each with at least one peak.
    reference_masses : ndarray of int64, shape (n_spectra,)
        Nominal masses of the references' substances.
    assumed : ndarray of int64, shape (n_masses,)
        The assumed nominal masses, ascending.

    Returns
    -------
    cosines, moved : ndarray of float32, shape (n_spectra, n_masses)
        The whole sum, and the part of it that comes from peaks shifted by a :math:`\Delta` other than 0.
    """
    at = np.zeros(HIGHEST_MASS)
    ours = query.mz < HIGHEST_MASS
    at[query.mz[ours]] = query.mz[ours] * query.intensity[ours]
    n_spectra, total = len(references.start), float(at.sum())
    cosines, moved = np.zeros((2, n_spectra, len(assumed)), dtype=np.float32)
    if not total or not len(assumed):
        return cosines, moved
    # A window of the padded query that begins at m + Δ of the lowest assumed mass holds its weights at the shifts of all of them.
    lowest, span = int(assumed[0]), int(assumed[-1] - assumed[0]) + 1
    padding = HIGHEST_MASS + span + 1
    padded = np.concatenate([np.zeros(padding), at, np.zeros(padding)]).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(padded, span)
    columns = assumed - lowest
    for first in range(0, n_spectra, _ROWS_AT_ONCE):
        rows = slice(first, first + _ROWS_AT_ONCE)
        mz, weight, begin = _strong_peaks(references, rows)
        lengths = np.diff(begin, append=len(mz))
        masses = reference_masses[rows]
        here = at[mz].astype(np.float32)[:, None]
        of_peaks = np.repeat(masses, lengths)
        offset = np.clip(mz + lowest - of_peaks + padding, 0, len(windows) - 1)
        there = windows[offset] if len(columns) == span else windows[offset[:, None], columns]
        there[of_peaks[:, None] == assumed] = 0.0  # no shift
        both = there + here
        np.sqrt(both, out=both)
        there /= both + _TINY  # where both are 0, so is the share
        root = np.sqrt(weight).astype(np.float32)[:, None]
        scale = np.sqrt(np.add.reduceat(weight, begin) * total).astype(np.float32)[:, None]
        both *= root
        there *= root
        cosines[rows] = np.add.reduceat(both, begin, axis=0) / scale
        moved[rows] = np.add.reduceat(there, begin, axis=0) / scale
    return cosines, moved


def _strong_peaks(references: PeakRuns, rows: slice) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """The peaks that count of some references end to end: m/z, weight, and where each reference begins."""
    start, stop = references.start[rows], references.stop[rows]
    lengths = stop - start
    begin = np.cumsum(lengths) - lengths
    at = np.repeat(start - begin, lengths) + np.arange(lengths.sum())
    mz = references.mz[at].astype(np.int64)
    weight = mz * references.intensity[at].astype(np.float64)
    heaviest = np.maximum.reduceat(weight, begin)
    keep = (weight >= _WEAKEST * np.repeat(heaviest, lengths)) & (mz < HIGHEST_MASS)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    keep[begin[np.bincount(owner[keep], minlength=len(lengths)) == 0]] = True
    owner = owner[keep]
    return np.minimum(mz[keep], HIGHEST_MASS - 1), weight[keep], np.searchsorted(owner, np.arange(len(lengths))).astype(np.int64)
