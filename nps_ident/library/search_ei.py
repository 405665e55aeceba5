"""EI search: every reference by an inverted index of unit masses, the best of them by the NIST match factor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nps_ident.library.hits import Hit
from nps_ident.similarity.match_factor import BASE_PEAK, NominalSpectrum, PeakRuns, match_factors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nps_ident.library.compiled import Library

__all__ = ["SCREENED", "screening_weights", "search_ei", "weighted_cosines"]

SCREENED = 150
"""References passed from the index to the match factor.  On 545 spectra from other laboratories the best ten by match factor among
13,000 references were within the best 150 of the index (tests/library/test_search_ei.py)."""
_MASS_POWER, _INTENSITY_POWER = 1.3, 0.53
"""Weights that separate compounds best in EI libraries: Kim et al. 2012, doi:10.1093/bioinformatics/bts083."""
_TOP_MASS_SHARE = 0.01 * BASE_PEAK


def screening_weights(mz: NDArray[np.int32], intensity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights m^1.3 I^0.53, normalised to length 1; shape (n_peaks,)."""
    weights = mz**_MASS_POWER * intensity**_INTENSITY_POWER
    return weights / np.linalg.norm(weights)


def weighted_cosines(query: NominalSpectrum, library: Library) -> NDArray[np.float64]:
    """Cosine with weights m^1.3 I^0.53 of the query with every EI reference; shape (n_references,)."""
    n_references = len(library["ei.substance"])
    start = library["ei.index_start"]
    known = query.mz < len(start) - 1
    mz, weights = query.mz[known], screening_weights(query.mz, query.intensity)[known]
    begin, lengths = start[mz], start[mz + 1] - start[mz]
    at = np.repeat(begin - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
    products = library["ei.index_weight"][at] * np.repeat(weights, lengths)
    return np.bincount(library["ei.index_reference"][at], weights=products, minlength=n_references).astype(np.float64)


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
    cosines = weighted_cosines(query, library)
    n_screened = min(SCREENED, len(cosines))
    rows = np.argpartition(-cosines, n_screened - 1)[:n_screened]
    rows = np.sort(rows[cosines[rows] > 0])
    peak_start = library["ei.peak_start"]
    runs = PeakRuns(mz=library["ei.mz"], intensity=library["ei.intensity"], start=peak_start[rows], stop=peak_start[rows + 1])
    forward, reverse, n_matched = match_factors(query, runs)
    substances = library["ei.substance"][rows]
    order = np.lexsort((-cosines[rows], -forward))
    _, first, counts = np.unique(substances[order], return_index=True, return_counts=True)
    chosen = order[np.sort(first)][:most]
    n_references = dict(zip(substances[order][first].tolist(), counts.tolist(), strict=True))
    top = _top_mass(query.mz, query.intensity)
    return [
        _hit(library, int(rows[i]), query, float(forward[i]), float(reverse[i]), float(cosines[rows[i]]), int(n_matched[i]), top, n_references)
        for i in chosen
    ]


def _top_mass(mz: NDArray[np.int32], intensity: NDArray[np.float64]) -> float:
    return float(mz[intensity >= _TOP_MASS_SHARE].max(initial=0))


def _hit(
    library: Library,
    row: int,
    query: NominalSpectrum,
    forward: float,
    reverse: float,
    cosine: float,
    n_matched: int,
    top_mass: float,
    n_references: dict[int, int],
) -> Hit:
    peaks = slice(*library["ei.peak_start"][row : row + 2])
    mz, intensity = library["ei.mz"][peaks], library["ei.intensity"][peaks].astype(np.float64)
    substance = int(library["ei.substance"][row])
    ours, theirs = screening_weights(query.mz, query.intensity) ** 2, screening_weights(mz, intensity) ** 2
    return Hit(
        library=library,
        row=row,
        substance=library.substance(substance),
        score=forward / BASE_PEAK if forward < BASE_PEAK else 1.0,
        match_factor=forward,
        reverse_match_factor=reverse,
        weighted_cosine=cosine,
        n_matched=n_matched,
        explained_query=float(ours[np.isin(query.mz, mz, assume_unique=True)].sum()),
        explained_reference=float(theirs[np.isin(mz, query.mz, assume_unique=True)].sum()),
        top_mass_shift_da=top_mass - _top_mass(mz, intensity),
        n_references=n_references[substance],
        support=forward / BASE_PEAK,
    )
