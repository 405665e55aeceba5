r"""NIST match factors for EI mass spectra of unit mass: identity and similarity, forward and reverse.

The identity form multiplies evidence of two kinds: how well the weighted intensities agree (the squared cosine of :math:`\sqrt{m I}`), and how
well the *ratios of neighbouring matched peaks* agree.  Stein & Scott 1994, doi:10.1016/1044-0305(94)87009-8; the exact form in use, with its
treatment of small and missing peaks, is that of mssearchr (Samokhin, "The Identity Algorithm", J. Am. Soc. Mass Spectrom. 2024), whose values the
tests reproduce.
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
    owner = np.repeat(np.arange(n_spectra), lengths)
    offset = np.arange(len(owner)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    at = np.repeat(references.start, lengths) + offset
    mz, theirs = references.mz[at].astype(np.int64), np.asarray(references.intensity[at], dtype=np.float64)

    size = int(max(mz.max(initial=0), query.mz.max(initial=0))) + 2
    ours_at = np.zeros(size)
    ours_at[query.mz] = query.intensity
    ours = ours_at[mz]
    # Peaks of the query above 1 up to and including each mass: tells whether one of them stands unmatched between two matched ones.
    large_before: NDArray[np.int64] = np.cumsum(ours_at > _SMALL, dtype=np.int64)

    # The comparison begins where both spectra have begun: a scan that starts at m/z 40 says nothing about m/z 30.
    first_theirs = references.mz[np.minimum(references.start, len(references.mz) - 1)]
    theirs = np.where(mz >= query.mz[0], theirs, 0.0)

    matched = (ours > 0) & (theirs > 0)
    counted = matched & ((ours > _SMALL) | (theirs > _SMALL))
    alone = ~matched & (theirs > _SMALL)
    power = mz if identity else np.ones_like(mz)
    weight = np.sqrt(power * ours) * counted
    weight_theirs = np.sqrt(power * theirs) * (counted | alone)

    def total(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(owner, weights=values, minlength=n_spectra).astype(np.float64)

    sum_ul, sum_ll = total(weight * weight_theirs), total(weight_theirs**2)
    sum_uu_matched = total(weight**2)
    large = np.where(query.intensity > _SMALL, (query.mz if identity else 1) * query.intensity, 0.0)
    from_mass = np.concatenate([np.cumsum(large[::-1])[::-1], [0.0]])
    # All of the query's large peaks from there on, and its small ones where a large reference peak meets them.
    sum_uu = from_mass[np.searchsorted(query.mz, first_theirs)] + total(np.where(ours > _SMALL, 0.0, weight**2))
    n_matched = total(counted.astype(np.float64))
    with np.errstate(invalid="ignore", divide="ignore"):
        forward = np.where(n_matched > 0, sum_ul**2 / (sum_uu * sum_ll), 0.0)
        reverse = np.where(n_matched > 0, sum_ul**2 / (sum_uu_matched * sum_ll), 0.0)
    if identity:
        apart = np.cumsum(alone), large_before
        ratio, n_ratios = _ratios(mz, ours, theirs, owner, counted=counted, apart=apart, n_spectra=n_spectra)
        forward = (forward * n_matched + ratio * n_ratios) / np.maximum(n_matched + n_ratios, 1)
        reverse = (reverse * n_matched + ratio * n_ratios) / np.maximum(n_matched + n_ratios, 1)
    return _scaled(forward, n_matched), _scaled(reverse, n_matched), n_matched.astype(np.int64)


def _ratios(
    mz: NDArray[np.int64],
    ours: NDArray[np.float64],
    theirs: NDArray[np.float64],
    owner: NDArray[np.int64],
    *,
    counted: NDArray[np.bool_],
    apart: tuple[NDArray[np.int64], NDArray[np.int64]],
    n_spectra: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mass-weighted mean agreement of the ratios of neighbouring matched peaks, and their number, for each reference.

    Two matched peaks are neighbours when no peak above 1 of either spectrum stands unmatched between them: ``apart`` counts those of the
    references along the flat peaks, and those of the query along the masses.
    """
    where = np.flatnonzero(counted)
    left, right = where[:-1], where[1:]
    broken, large_before = apart
    neighbours = (owner[left] == owner[right]) & (broken[left] == broken[right])
    neighbours &= large_before[mz[right] - 1] == large_before[mz[left]]
    left, right = left[neighbours], right[neighbours]
    agreement = np.sqrt((ours[right] * theirs[left]) / (ours[left] * theirs[right]))
    agreement = np.minimum(agreement, 1.0 / agreement)
    mass = mz[right].astype(np.float64)
    weighted = np.bincount(owner[right], weights=mass * agreement, minlength=n_spectra)
    masses = np.bincount(owner[right], weights=mass, minlength=n_spectra)
    return weighted / np.maximum(masses, 1.0), np.bincount(owner[right], minlength=n_spectra).astype(np.float64)


def _scaled(similarity: NDArray[np.float64], n_matched: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(n_matched > 0, np.maximum(1000.0 * similarity - 0.5, 0.0), 0.0)
