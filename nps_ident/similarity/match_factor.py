r"""NIST match factors for EI mass spectra of unit mass: identity and similarity, forward and reverse.

The identity form multiplies evidence of two kinds: how well the weighted intensities agree (the squared cosine of :math:`\sqrt{m I}`), and how
well the *ratios of neighbouring matched peaks* agree.  Stein & Scott 1994, doi:10.1016/1044-0305(94)87009-8; the exact form in use, with its
treatment of small and missing peaks, is that of mssearchr (Samokhin, "The Identity Algorithm", J. Am. Soc. Mass Spectrom. 2024), whose values
the tests reproduce.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nps_ident.model import MassSpectrum

__all__ = ["NominalSpectrum", "PeakRuns", "match_factor", "match_factors", "nominal"]

BASE_PEAK = 999.0
"""Intensity of the base peak after scaling, as in NIST MS Search."""
BIN_BOUNDARY = 0.649
"""A mass of n + 0.649 and more belongs to n + 1: hydrogen-rich ions lie above their nominal mass (mssearchr, ``PreprocessMassSpectra``)."""
_SMALL = 1.0
"""Peaks of at most 1 (of 999) neither help nor harm unless they are matched by a larger one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NominalSpectrum:
    """A spectrum on unit masses: ``mz`` int32 ascending and unique, ``intensity`` float64 with the base peak at 999; shape (n_peaks,)."""

    mz: NDArray[np.int32]
    intensity: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeakRuns:
    """The peaks of several spectra end to end: spectrum ``i`` owns ``mz[start[i]:stop[i]]``; ``start`` and ``stop`` have shape (n_spectra,)."""

    mz: NDArray[np.int32]
    intensity: NDArray[np.float64]
    start: NDArray[np.int64]
    stop: NDArray[np.int64]


def nominal(mz: NDArray[np.float64], intensity: NDArray[np.float64]) -> NominalSpectrum:
    """Sum peaks into unit-mass bins and scale the base peak to 999.

    Parameters
    ----------
    mz, intensity : ndarray of float64
        Shape (n_peaks,), in any order.  Intensities of 0 and less are left out.

    Returns
    -------
    NominalSpectrum
        Empty when no intensity is positive.
    """
    keep = intensity > 0
    bins = np.floor(mz[keep] + (1.0 - BIN_BOUNDARY)).astype(np.int32)
    masses, where = np.unique(bins, return_inverse=True)
    total = np.zeros(len(masses))
    np.add.at(total, where, intensity[keep])
    return NominalSpectrum(mz=masses, intensity=total * (BASE_PEAK / total.max()) if len(masses) else total)


def match_factor(query: MassSpectrum, reference: MassSpectrum, *, identity: bool = True) -> tuple[float, float]:
    r"""Forward and reverse match factor of two EI spectra.

    Parameters
    ----------
    query, reference : MassSpectrum
        Any mass resolution; both are put on unit masses.
    identity : bool
        True for the identity form, False for the similarity form (weights :math:`\sqrt{I}`, no ratios).

    Returns
    -------
    tuple of float
        (MF, RMF), each 0 to 999.5; 0 when no peak is shared.
    """
    a, b = nominal(query.mz, query.intensity), nominal(reference.mz, reference.intensity)
    runs = PeakRuns(mz=b.mz, intensity=b.intensity, start=np.zeros(1, np.int64), stop=np.array([len(b.mz)]))
    forward, reverse, _ = match_factors(a, runs, identity=identity)
    return float(forward[0]), float(reverse[0])


def match_factors(
    query: NominalSpectrum, references: PeakRuns, *, identity: bool = True
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Forward and reverse match factors of one query against many references.

    Returns
    -------
    forward, reverse : ndarray of float64, shape (n_spectra,)
        0 to 999.5.
    n_matched : ndarray of int64, shape (n_spectra,)
        Peaks that both spectra hold.
    """
    n_spectra = len(references.start)
    if not len(query.mz) or not len(references.mz):
        return np.zeros(n_spectra), np.zeros(n_spectra), np.zeros(n_spectra, np.int64)
    lengths = references.stop - references.start
    begin = np.cumsum(lengths) - lengths
    at = np.repeat(references.start - begin, lengths) + np.arange(lengths.sum())
    mz, theirs = references.mz[at].astype(np.int64), references.intensity[at].astype(np.float64)

    ours_at = np.zeros(int(max(mz.max(initial=0), query.mz[-1])) + 2)
    ours_at[query.mz] = query.intensity
    ours = ours_at[mz]
    # Peaks of the query above 1 up to and including each mass: tells whether one of them stands unmatched between two matched ones.
    large_before: NDArray[np.int64] = np.cumsum(ours_at > _SMALL, dtype=np.int64)

    # The comparison begins where both spectra have begun: a scan that starts at m/z 40 says nothing about m/z 30.
    first_theirs = references.mz[np.minimum(references.start, len(references.mz) - 1)]
    large = (theirs > _SMALL) & (mz >= query.mz[0])
    shares_mass = ours > 0
    alone = np.cumsum((large & ~shares_mass).astype(np.int32), dtype=np.int32)

    # From here on the pairs that count: shared masses where either peak is above 1.
    counted = np.flatnonzero(shares_mass & (theirs > 0) & (large | (ours > _SMALL)))
    shared = _Shared(
        mz=mz[counted],
        ours=ours[counted],
        theirs=theirs[counted],
        alone_before=alone[counted],
        begin=np.searchsorted(counted, np.append(begin, len(mz))),
    )
    power = shared.mz.astype(np.float64) if identity else np.ones(len(counted))
    weight_ours, weight_theirs = power * shared.ours, power * shared.theirs
    sum_ul, sum_uu_matched = shared.total(np.sqrt(weight_ours * weight_theirs)), shared.total(weight_ours)
    sum_ll = _totals((mz.astype(np.float64) * theirs if identity else theirs) * large, begin, lengths)
    sum_ll += shared.total((shared.theirs <= _SMALL) * weight_theirs)
    of_large = np.where(query.intensity > _SMALL, (query.mz if identity else 1) * query.intensity, 0.0)
    from_mass = np.concatenate([np.cumsum(of_large[::-1])[::-1], [0.0]])
    # All of the query's large peaks from there on, and its small ones where a large reference peak meets them.
    sum_uu = from_mass[np.searchsorted(query.mz, first_theirs)] + shared.total((shared.ours <= _SMALL) * weight_ours)
    n_matched = np.diff(shared.begin)
    with np.errstate(invalid="ignore", divide="ignore"):
        forward = np.where(n_matched > 0, sum_ul**2 / (sum_uu * sum_ll), 0.0)
        reverse = np.where(n_matched > 0, sum_ul**2 / (sum_uu_matched * sum_ll), 0.0)
    if identity:
        ratio, n_ratios = _ratios(shared, large_before)
        forward = (forward * n_matched + ratio * n_ratios) / np.maximum(n_matched + n_ratios, 1)
        reverse = (reverse * n_matched + ratio * n_ratios) / np.maximum(n_matched + n_ratios, 1)
    return _scaled(forward, n_matched), _scaled(reverse, n_matched), n_matched.astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    """The peaks that a query and several references share, end to end: those of reference ``i`` are ``begin[i]:begin[i + 1]``.

    ``alone_before`` counts the peaks above 1 that stand in references alone, up to each peak.
    """

    mz: NDArray[np.int64]
    ours: NDArray[np.float64]
    theirs: NDArray[np.float64]
    alone_before: NDArray[np.int32]
    begin: NDArray[np.int64]

    def total(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum of a value for each peak, reference by reference."""
        return _totals(values, self.begin[:-1], np.diff(self.begin))


def _totals(values: NDArray[np.float64], begin: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sums of runs that lie end to end; those without a member are 0, which ``reduceat`` alone does not give."""
    filled = np.flatnonzero(lengths)
    sums = np.zeros(len(lengths))
    if len(filled):
        sums[filled] = np.add.reduceat(values, begin[filled])
    return sums


def _ratios(shared: _Shared, large_before: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Mass-weighted mean agreement of the ratios of neighbouring matched peaks, and their number, for each reference.

    Two matched peaks are neighbours when no peak above 1 of either spectrum stands unmatched between them; ``large_before`` counts those of
    the query up to each mass.
    """
    broken, mz = shared.alone_before, shared.mz
    neighbours = (broken[1:] == broken[:-1]) & (large_before[mz[1:] - 1] == large_before[mz[:-1]])
    ends = shared.begin[1:-1]  # the last peak of one reference and the first of the next are no neighbours
    neighbours[ends[(ends > 0) & (ends < len(mz))] - 1] = False
    right = np.flatnonzero(neighbours) + 1
    relative = shared.ours / shared.theirs
    agreement = np.sqrt(relative[right] / relative[right - 1])
    agreement = np.minimum(agreement, 1.0 / agreement)
    mass = mz[right].astype(np.float64)
    begin = np.searchsorted(right, shared.begin)
    n_ratios = np.diff(begin)
    weighted, masses = _totals(mass * agreement, begin[:-1], n_ratios), _totals(mass, begin[:-1], n_ratios)
    return weighted / np.maximum(masses, 1.0), n_ratios


def _scaled(similarity: NDArray[np.float64], n_matched: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.where(n_matched > 0, np.maximum(1000.0 * similarity - 0.5, 0.0), 0.0)
