"""EI search: every reference by an inverted index of unit masses, the best of them by the NIST match factor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nps_ident.library.hits import Hit
from nps_ident.similarity.match_factor import BASE_PEAK, NominalSpectrum, PeakRuns, match_factors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nps_ident.library.compiled import Library

__all__ = ["SCREENED", "foreign_peaks", "peaks_of", "screened_cosines", "screening_weights", "search_ei"]

SCREENED = 64
"""References passed from the index to the match factor.  On development spectra 96 % of the best ten by match factor are among them in a
library of 2,664 references, 92 % in one of 10,703."""
_DENSE_UP_TO = 4096
"""References up to which the index is unrolled into a table of masses by references: one product of matrices is then seven times quicker, for
some 10 MB and 6 ms once a library the size of SWGDRUG's."""
_SCREENING_PEAKS = 48
"""Peaks of the query that the index is asked for: the ones with the greatest weights."""
_MASS_POWER, _INTENSITY_POWER = 1.3, 0.53
"""Weights that separate compounds best in EI libraries: Kim et al. 2012, doi:10.1093/bioinformatics/bts083."""
_TOP_MASS_SHARE = 0.01 * BASE_PEAK
_STRONG, _LACKING = 0.05 * BASE_PEAK, 0.2
_BLOCK = 1 << 14


def screening_weights(mz: NDArray[np.int32], intensity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights (m I)^½ of the match factor, normalised to length 1; shape (n_peaks,)."""
    weights: NDArray[np.float64] = np.sqrt(mz * intensity)
    return weights / np.linalg.norm(weights)


def screened_cosines(query: NominalSpectrum, library: Library, *, n_peaks: int | None = None) -> NDArray[np.float64]:
    """Cosine of the query with every EI reference, with the weights of the match factor; shape (n_references,).

    With ``n_peaks`` only so many peaks of the query, those of the greatest weights, are looked up: a lower bound, and quicker.
    """
    start, references, index_weights = library["ei.index_start"], library["ei.index_reference"], library["ei.index_weight"]
    known = query.mz < len(start) - 1
    mz, weights = query.mz[known], screening_weights(query.mz, query.intensity)[known]
    if n_peaks is not None and len(mz) > n_peaks:
        heaviest = np.argpartition(-weights, n_peaks)[:n_peaks]
        mz, weights = mz[heaviest], weights[heaviest]
    n_references = len(library["ei.substance"])
    cosines = np.zeros(n_references)
    if n_peaks is not None and n_references <= _DENSE_UP_TO:
        table = library.derived("ei.index unrolled", lambda: _unrolled(library))
        unrolled: NDArray[np.float64] = (weights.astype(np.float32) @ table[mz]).astype(np.float64)
        return unrolled
    # Runs are copied whole, which is faster than picking postings one by one, into a block that stays in the processor's cache.
    n_block = max(_BLOCK, 2 * n_references)
    where, products = np.empty(n_block, dtype=np.intp), np.empty(n_block)
    filled = 0
    for first, last, weight in zip(start[mz].tolist(), start[mz + 1].tolist(), weights.tolist(), strict=True):
        if filled + last - first > n_block:
            cosines += np.bincount(where[:filled], weights=products[:filled], minlength=n_references)
            filled = 0
        run = slice(filled, filled := filled + last - first)
        where[run] = references[first:last]
        np.multiply(index_weights[first:last], weight, out=products[run], dtype=np.float64)
    cosines += np.bincount(where[:filled], weights=products[:filled], minlength=n_references)
    return cosines


def _unrolled(library: Library) -> NDArray[np.float32]:
    start = library["ei.index_start"]
    table = np.zeros((len(start) - 1, len(library["ei.substance"])), dtype=np.float32)
    table[np.repeat(np.arange(len(table)), np.diff(start)), library["ei.index_reference"]] = library["ei.index_weight"]
    return table


def search_ei(query: NominalSpectrum, library: Library, *, most: int) -> list[Hit]:
    """The best references of the ``most`` best substances.

    Parameters
    ----------
    query : NominalSpectrum
    library : Library
        With EI references.
    most : int
        Substances returned at most, by match factor.
    """
    cosines = screened_cosines(query, library, n_peaks=_SCREENING_PEAKS)
    n_screened = min(SCREENED, len(cosines))
    rows = np.argpartition(-cosines, n_screened - 1)[:n_screened]
    rows = np.sort(rows[cosines[rows] > 0])
    peak_start = library["ei.peak_start"]
    runs = PeakRuns(mz=library["ei.mz"], intensity=library["ei.intensity"], start=peak_start[rows], stop=peak_start[rows + 1])
    forward, reverse, n_matched = match_factors(query, runs)
    substances = library["ei.substance"][rows]
    order = np.lexsort((-cosines[rows], -forward))
    counts: dict[int, int] = {}
    best = []
    for place, substance in zip(order.tolist(), substances[order].tolist(), strict=True):
        if substance not in counts:
            best.append(place)
        counts[substance] = counts.get(substance, 0) + 1
    chosen = np.array(best[:most], dtype=np.int64)
    if not len(chosen):
        return []
    weighted_cosine, explained_query, explained_reference, top_mass = _compared(query, library, rows[chosen])
    top_mass_shift = _top_mass(query.mz, query.intensity) - top_mass
    columns = (
        *(rows[chosen], substances[chosen], forward[chosen], reverse[chosen], weighted_cosine, n_matched[chosen]),
        *(explained_query, explained_reference, top_mass_shift),
    )
    return [
        Hit(
            library=library,
            row=row,
            substance=library.substance(substance),
            score=factor / BASE_PEAK if factor < BASE_PEAK else 1.0,
            match_factor=factor,
            reverse_match_factor=reverse_factor,
            weighted_cosine=cosine,
            n_matched=matched,
            explained_query=ours,
            explained_reference=theirs,
            top_mass_shift_da=shift,
            n_references=counts[substance],
            support=factor / BASE_PEAK,
        )
        for row, substance, factor, reverse_factor, cosine, matched, ours, theirs, shift in zip(
            *(column.tolist() for column in columns), strict=True
        )
    ]


def peaks_of(references: Sequence[tuple[Library, int]]) -> PeakRuns:
    """The EI peaks of some references, by library and row, copied end to end."""
    mz: list[NDArray[np.int32]] = []
    intensity: list[NDArray[np.float64]] = []
    for library, row in references:
        first, last = library["ei.peak_start"][row : row + 2].tolist()
        mz.append(library["ei.mz"][first:last])
        intensity.append(library["ei.intensity"][first:last])
    ends = np.cumsum([0, *map(len, mz)], dtype=np.int64)
    if not mz:
        return PeakRuns(mz=np.empty(0, np.int32), intensity=np.empty(0), start=ends[:-1], stop=ends[1:])
    return PeakRuns(mz=np.concatenate(mz), intensity=np.concatenate(intensity).astype(np.float64), start=ends[:-1], stop=ends[1:])


def foreign_peaks(query: NominalSpectrum, hit: Hit) -> tuple[float, tuple[int, ...]]:
    """Strong peaks of the query that the reference of a hit lacks: their share of the signal, and their masses, the strongest first.

    Strong is 5 % of the base peak and more; lacking is less than a fifth of it in the reference, both scaled to their base peaks: between
    laboratories intensities of that size differ less.
    """
    peaks = slice(*hit.library["ei.peak_start"][hit.row : hit.row + 2])
    theirs = np.zeros(int(max(query.mz[-1], hit.library["ei.mz"][peaks][-1])) + 1)
    theirs[hit.library["ei.mz"][peaks]] = hit.library["ei.intensity"][peaks]
    foreign = (query.intensity >= _STRONG) & (theirs[query.mz] < query.intensity * _LACKING)
    order = np.argsort(-query.intensity[foreign], kind="stable")
    return float(query.intensity[foreign].sum() / query.intensity.sum()), tuple(query.mz[foreign][order].tolist())


def _top_mass(mz: NDArray[np.int32], intensity: NDArray[np.float64]) -> float:
    return float(mz[intensity >= _TOP_MASS_SHARE].max(initial=0))


def _compared(
    query: NominalSpectrum, library: Library, rows: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Cosine with weights m^1.3 I^0.53; share of the query's squared weights, and of each row's, at shared masses; the row's top mass."""
    peak_start = library["ei.peak_start"]
    spans = list(zip(peak_start[rows].tolist(), peak_start[rows + 1].tolist(), strict=True))
    mz = np.concatenate([library["ei.mz"][first:last] for first, last in spans])
    intensity = np.concatenate([library["ei.intensity"][first:last] for first, last in spans]).astype(np.float64)
    lengths = np.array([last - first for first, last in spans])
    begins = np.cumsum(lengths) - lengths
    size = max(int(mz.max()), int(query.mz[-1])) + 1
    theirs: NDArray[np.float64] = (np.arange(size) ** _MASS_POWER)[mz] * intensity**_INTENSITY_POWER
    weights = query.mz**_MASS_POWER * query.intensity**_INTENSITY_POWER
    ours_at = np.zeros(size)
    ours_at[query.mz] = weights / np.linalg.norm(weights)
    ours, squares = ours_at[mz], theirs * theirs
    all_squares = np.add.reduceat(squares, begins)
    cosine = np.add.reduceat(ours * theirs, begins) / np.sqrt(all_squares)
    explained_reference = np.add.reduceat(squares * (ours > 0), begins) / all_squares
    top_mass = np.maximum.reduceat(np.where(intensity >= _TOP_MASS_SHARE, mz, 0).astype(np.float64), begins)
    return cosine, np.add.reduceat(ours * ours, begins), explained_reference, top_mass
