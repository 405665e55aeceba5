"""Hybrid similarity: spectra of relatives that differ by one group, whose peaks agree directly or after a shift by the mass difference.

EI: Moorthy, Wallace, Kearsley, Tchekhovskoi & Stein 2017, doi:10.1021/acs.analchem.7b03320.  A library peak that could stand at both places
is divided between them in proportion to the query's intensities there; of the rules tried it is the one that reproduces the values of
NIST's own program MSPepSearch, to 4 units of 999 (``docs/similarity.md``).

MS/MS: Cooper et al. 2019, doi:10.1021/acs.analchem.9b03415; with spectral entropy Li & Fiehn 2023, doi:10.1038/s41592-023-02012-9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nps_ident.errors import InputError
from nps_ident.similarity.entropy import pair_gain, prepared
from nps_ident.similarity.match_factor import PeakRuns, match_factors, nominal
from nps_ident.similarity.pairing import candidate_pairs, one_to_one, usable_peaks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nps_ident.model import MassSpectrum, Tolerance
    from nps_ident.similarity.match_factor import NominalSpectrum

__all__ = ["divided_by_shift", "hybrid_entropy_similarity", "hybrid_match_factor", "hybrid_match_factors"]


def hybrid_match_factor(query: MassSpectrum, reference: MassSpectrum, *, mass_shift_da: float) -> float:
    """NIST-style hybrid match factor of two EI spectra.

    Parameters
    ----------
    query, reference : MassSpectrum
        Any mass resolution; both are put on unit masses.
    mass_shift_da : float
        Mass of the query's substance minus that of the reference, rounded to a whole number.

    Returns
    -------
    float
        0 to 999.5; the similarity match factor where the shift is 0.

    Raises
    ------
    InputError
        When a peak or the shift is NaN or infinite.
    """
    if not np.isfinite(mass_shift_da):
        raise InputError(f"The mass shift must be a finite number of dalton. Got {mass_shift_da}.")
    a, b = nominal(*usable_peaks(query)), nominal(*usable_peaks(reference))
    if not len(a.mz) or not len(b.mz):
        return 0.0
    runs = PeakRuns(mz=b.mz, intensity=b.intensity, start=np.zeros(1, np.int64), stop=np.array([len(b.mz)], np.int64))
    forward, _ = hybrid_match_factors(a, runs, np.array([round(mass_shift_da)]))
    return float(forward[0])


def hybrid_match_factors(
    query: NominalSpectrum, references: PeakRuns, mass_shift_da: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Hybrid match factors of one query against many references.

    Parameters
    ----------
    query : NominalSpectrum
    references : PeakRuns
    mass_shift_da : ndarray of int64, shape (n_spectra,)
        Mass of the query's substance minus that of each reference.

    Returns
    -------
    forward : ndarray of float64, shape (n_spectra,)
        0 to 999.5.
    n_matched : ndarray of int64, shape (n_spectra,)
        Places where the query and the divided reference both hold a peak.
    """
    forward, _, n_matched = match_factors(query, divided_by_shift(query, references, mass_shift_da), identity=False)
    return forward, n_matched


def divided_by_shift(query: NominalSpectrum, references: PeakRuns, mass_shift_da: NDArray[np.int64]) -> PeakRuns:
    """Each reference with every peak divided between its own place and the place ``mass_shift_da`` further.

    A peak goes to the two places in proportion to the query's intensities there; where the query has a peak at neither, it stays.  The
    sum of the intensities does not change, so each peak counts once.

    Returns
    -------
    PeakRuns
        As many spectra as given; m/z ascending in each.
    """
    lengths = references.stop - references.start
    n_spectra = len(lengths)
    owner = np.repeat(np.arange(n_spectra), lengths)
    at = np.arange(len(owner)) - np.repeat(np.cumsum(lengths) - lengths, lengths) + np.repeat(references.start, lengths)
    mz = references.mz[at].astype(np.int64)
    intensity = np.asarray(references.intensity[at], dtype=np.float64)
    moved = mz + np.asarray(mass_shift_da, dtype=np.int64)[owner]

    size = int(max(mz.max(initial=0), query.mz.max(initial=0))) + 2
    of_query = np.zeros(size)
    of_query[query.mz] = query.intensity
    here = of_query[mz]
    there = np.where((moved > 0) & (moved < size), of_query[np.clip(moved, 0, size - 1)], 0.0)
    share = np.divide(there, here + there, out=np.zeros_like(there), where=here + there > 0)

    keys = np.concatenate([owner * size + mz, (owner * size + moved)[share > 0]])
    values = np.concatenate([intensity * (1.0 - share), (intensity * share)[share > 0]])
    keys, values = keys[values > 0], values[values > 0]
    places, where = np.unique(keys, return_inverse=True)
    totals = np.bincount(where, weights=values, minlength=len(places)).astype(np.float64)
    bounds = np.searchsorted(places, np.arange(n_spectra + 1) * size)
    start, stop = bounds[:-1].astype(np.int64), bounds[1:].astype(np.int64)
    return PeakRuns(mz=(places % size).astype(np.int32), intensity=totals, start=start, stop=stop)


def hybrid_entropy_similarity(
    query: MassSpectrum, reference: MassSpectrum, *, tolerance: Tolerance, mass_shift_da: float | None = None
) -> float:
    """Spectral entropy similarity where a peak may match directly or shifted by the mass difference, each peak once.

    Parameters
    ----------
    query, reference : MassSpectrum
        Peaks in any order.
    tolerance : Tolerance
        Pairing window.
    mass_shift_da : float, optional
        Query minus reference; the difference of the precursors where it is not given.

    Returns
    -------
    float
        In [0, 1], and never below :func:`~nps_ident.similarity.entropy.entropy_similarity`; 0 when no peak pairs.

    Raises
    ------
    InputError
        When a peak is NaN or infinite, or neither the shift nor both precursors are given.
    """
    if mass_shift_da is None:
        if query.precursor_mz is None or reference.precursor_mz is None:
            names = f"{query.name!r} and {reference.name!r}"
            raise InputError(f"Spectra {names} need a precursor m/z each, or a mass shift, for a hybrid comparison.")
        mass_shift_da = query.precursor_mz - reference.precursor_mz
    if not np.isfinite(mass_shift_da):
        raise InputError(f"The mass shift must be a finite number of dalton. Got {mass_shift_da}.")
    mz_q, p_q = prepared(query, tolerance)
    mz_r, p_r = prepared(reference, tolerance)
    direct_q, direct_r = candidate_pairs(mz_q, mz_r, tolerance)
    moved_q, moved_r = candidate_pairs(mz_q, mz_r, tolerance, shift_da=mass_shift_da)

    def best(index_q: NDArray[np.intp], index_r: NDArray[np.intp], distance: NDArray[np.float64]) -> float:
        gain = pair_gain(p_q[index_q], p_r[index_r])
        return float(gain[one_to_one(index_q, index_r, gain, distance=distance)].sum())

    direct_distance = np.abs(mz_q[direct_q] - mz_r[direct_r])
    moved_distance = np.abs(mz_q[moved_q] - mz_r[moved_r] - mass_shift_da)
    mixed = best(
        np.concatenate([direct_q, moved_q]), np.concatenate([direct_r, moved_r]), np.concatenate([direct_distance, moved_distance])
    )
    # Choosing the greatest gain first is not always best as a whole; a second chance must never cost what the first one gave.
    return float(np.clip(max(mixed, best(direct_q, direct_r, direct_distance)), 0.0, 1.0))
