"""MS/MS search: by precursor and by neutral mass, scored by spectral entropy; another adduct of a reference by the hybrid form."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nps_ident.chemistry.formula import neutral_mass
from nps_ident.errors import ChemistryError
from nps_ident.library.hits import Hit
from nps_ident.model import MassSpectrum, Polarity, Tolerance
from nps_ident.similarity.entropy import clean_for_entropy, weighted_intensities
from nps_ident.similarity.match_factor import nominal
from nps_ident.spectra.peaks import MIN_PEAKS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nps_ident.library.compiled import Library

__all__ = [
    "PAIRING_DA",
    "MsmsQuery",
    "candidate_rows",
    "identity_search",
    "is_coarse",
    "precursor_tolerance",
    "prepare_msms",
    "search_msms",
    "search_relatives",
]

PAIRING_DA = 0.02
"""Fragments pair within ± 0.02 Da, the window in which Li et al. 2021 (doi:10.1038/s41592-021-01331-z) compared libraries of all instruments."""

_LN4 = float(np.log(4.0))
# The last analyser of MassBank's instrument types QQ, QQQ, QIT and IT resolves unit mass; ITFT, ITTOF, QFT and QTOF do not stop there.
_UNIT_MASS_ANALYSER = re.compile(r"(?:QQQ?|Q?IT)\s*$")
# What a precursor of unknown kind may be, most common first in the records of MassBank 2025.05.1.
_LIKELY_ADDUCTS = {
    Polarity.POSITIVE: ("[M+H]+", "[M+Na]+", "[M+NH4]+", "[M]+", "[M-H2O+H]+"),
    Polarity.NEGATIVE: ("[M-H]-", "[M+HCOO]-", "[M+Cl]-"),
}


def precursor_tolerance(spectrum: MassSpectrum) -> Tolerance:
    """The window that a precursor's own decimals allow.

    Three and more decimals: 10 ppm or 0.01 Da, whichever is wider; two from an accurate analyser: 0.05 Da; else it was set or written at
    unit mass: 0.6 Da.
    """
    decimals = spectrum.precursor_decimals
    if decimals is None or decimals >= 3:
        return Tolerance.wider(da=0.01, ppm=10)
    return Tolerance.da(0.05 if decimals == 2 and not is_coarse(spectrum) else 0.6)


@dataclass(frozen=True, slots=True, kw_only=True)
class MsmsQuery:
    """An MS/MS query ready for search: cleaned peaks, entropy weights, and the neutral masses its precursor may stand for."""

    mz: NDArray[np.float64]
    intensity: NDArray[np.float64]
    weight: NDArray[np.float64]
    coarse: bool
    precursor_mz: float | None
    tolerance: Tolerance
    polarity: int
    neutral_masses: tuple[float, ...]


def is_coarse(spectrum: MassSpectrum) -> bool:
    """Whether the fragments are known to unit mass only: a quadrupole or ion trap as last analyser, or m/z of one decimal at most."""
    if _UNIT_MASS_ANALYSER.search(spectrum.instrument_type or ""):
        return True
    return bool(np.all(np.abs(spectrum.mz * 10 - np.rint(spectrum.mz * 10)) < 1e-3))


def prepare_msms(spectrum: MassSpectrum) -> MsmsQuery:
    """Clean and weigh an MS/MS spectrum from :func:`nps_ident.spectra.peaks.prepare`."""
    mz, intensity = clean_for_entropy(spectrum.mz, spectrum.intensity, precursor_mz=spectrum.precursor_mz, merge_da=2 * PAIRING_DA)
    polarity = {Polarity.POSITIVE: 1, Polarity.NEGATIVE: -1, None: 0}[spectrum.polarity]
    return MsmsQuery(
        mz=mz,
        intensity=intensity,
        weight=weighted_intensities(intensity),
        coarse=is_coarse(spectrum),
        precursor_mz=spectrum.precursor_mz,
        tolerance=precursor_tolerance(spectrum),
        polarity=polarity,
        neutral_masses=_neutral_masses(spectrum),
    )


def _neutral_masses(spectrum: MassSpectrum) -> tuple[float, ...]:
    """What the precursor may weigh as a neutral molecule: by its adduct; by the likely ones where that is not given or not understood."""
    if spectrum.precursor_mz is None:
        return ()
    if spectrum.adduct:
        try:
            return (neutral_mass(spectrum.precursor_mz, spectrum.adduct),)
        except ChemistryError:  # "M+H", "unknown" and other words that are no adduct notation
            pass
    return tuple(neutral_mass(spectrum.precursor_mz, adduct) for adduct in _LIKELY_ADDUCTS[spectrum.polarity or Polarity.POSITIVE])


def candidate_rows(query: MsmsQuery, library: Library) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Rows whose precursor or neutral mass the query's precursor may be, and which of them by precursor.

    Without a precursor every row of the same polarity is a candidate.
    """
    polarity = library["msms.polarity"]
    if query.precursor_mz is None:
        rows = np.arange(len(polarity))
        by_precursor = np.ones(len(rows), dtype=bool)
    else:
        half = query.tolerance.at(query.precursor_mz)
        same = _same_precursor(query.precursor_mz, half, library)
        masses = np.array(query.neutral_masses)
        begin, end = np.searchsorted(library["msms.neutral_mass"], np.concatenate([masses - half, masses + half])).reshape(2, -1).tolist()
        rows = np.sort(np.concatenate([same, *(np.arange(*window) for window in zip(begin, end, strict=True))]))
        rows = rows[np.flatnonzero(np.diff(rows, prepend=-1))]
        precursor = library["msms.precursor_mz"][rows]
        by_precursor = (precursor >= query.precursor_mz - half) & (precursor < query.precursor_mz + half)
    if query.polarity:
        keep = (polarity[rows] == query.polarity) | (polarity[rows] == 0)
        rows, by_precursor = rows[keep], by_precursor[keep]
    return rows, by_precursor


def _same_precursor(precursor_mz: float, half: float, library: Library) -> NDArray[np.int64]:
    """Rows whose precursor lies within ``half``, by ascending precursor."""
    order, precursor = library["msms.by_precursor"], library["msms.precursor_mz"]
    ascending = library.derived("msms.precursor_mz ascending", lambda: precursor[order])
    begin, end = np.searchsorted(ascending, (precursor_mz - half, precursor_mz + half)).tolist()
    return order[begin:end].astype(np.int64)


def identity_search(query: MsmsQuery, library: Library, *, tolerance: Tolerance, most: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The plain search: references of the query's precursor and polarity by entropy similarity, paired within :data:`PAIRING_DA`.

    :func:`search_msms` also looks for other adducts, allows for unit mass, and tells substances apart.

    Returns
    -------
    rows : ndarray of int64
        The ``most`` best at most, of any substance; ties by row.  Empty without a precursor.
    scores : ndarray of float64
        In [0, 1], descending.
    """
    if query.precursor_mz is None or not len(query.mz):
        return np.empty(0, dtype=np.int64), np.empty(0)
    rows = _same_precursor(query.precursor_mz, tolerance.at(query.precursor_mz), library)
    if query.polarity:
        rows = rows[library["msms.polarity"][rows] * query.polarity >= 0]
    at, owner = _peaks_of(library, rows)
    _, whose, ours, theirs = _paired(query.mz, query.weight, library["msms.mz"][at], library["msms.weight"], at, owner, PAIRING_DA)
    scores = np.minimum(np.bincount(whose, weights=_gain(ours, theirs), minlength=len(rows)) / _LN4, 1.0)
    best = np.lexsort((rows, -scores))[:most]
    return rows[best], scores[best]


@dataclass(frozen=True, slots=True)
class _Scores:
    direct: NDArray[np.float64]
    hybrid: NDArray[np.float64]
    n_matched: NDArray[np.int64]
    explained_query: NDArray[np.float64]
    explained_reference: NDArray[np.float64]


def search_msms(query: MsmsQuery, library: Library, *, most: int) -> list[Hit]:
    """The best references of the ``most`` best substances.

    A reference with the query's precursor is scored by entropy similarity, another adduct by the hybrid form, in which a fragment may
    also pair at the difference of the precursors.
    """
    rows, same = candidate_rows(query, library)
    if not len(rows):
        return []
    scores = _scores(query, library, rows, np.where(same, 0.0, _shift(query, library, rows)))
    score = np.where(same, scores.direct, scores.hybrid)
    return _best_of_each(query, library, rows, same, score, scores, most, neutral_masses=query.neutral_masses)


def search_relatives(query: MsmsQuery, library: Library, *, most: int) -> list[Hit]:
    """The nearest references that have a drug class, whatever their mass, by the hybrid form."""
    rows = library["msms.classified"].astype(np.int64)
    polarity = library["msms.polarity"][rows]
    rows = rows[(polarity == query.polarity) | (polarity == 0) | (query.polarity == 0)]
    if not len(rows) or not len(query.mz):
        return []
    scores = _scores(query, library, rows, _shift(query, library, rows))
    supported = scores.n_matched >= MIN_PEAKS
    score, none_same = np.where(supported, scores.hybrid, 0.0), np.zeros(len(rows), dtype=bool)
    # Of a relative nothing says which adduct was measured: the most common one is taken, not the one that makes the shift small.
    return _best_of_each(query, library, rows, none_same, score, scores, most, neutral_masses=query.neutral_masses[:1])


def _shift(query: MsmsQuery, library: Library, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Precursor of the query minus that of each reference; 0 where either is unknown."""
    if query.precursor_mz is None:
        return np.zeros(len(rows))
    shift = query.precursor_mz - library["msms.precursor_mz"][rows]
    return np.where(np.isfinite(shift), shift, 0.0)


def _best_of_each(
    query: MsmsQuery,
    library: Library,
    rows: NDArray[np.int64],
    same: NDArray[np.bool_],
    score: NDArray[np.float64],
    scores: _Scores,
    most: int,
    *,
    neutral_masses: tuple[float, ...],
) -> list[Hit]:
    """The best reference of each of the ``most`` best substances; of the query's ``neutral_masses`` the nearest gives the mass shift."""
    substances = library["msms.substance"][rows]
    order = np.lexsort((substances, -scores.n_matched, -score))
    grouped = np.argsort(substances[order], kind="stable")  # substance by substance, each from its best reference down
    in_groups = substances[order][grouped]
    begin = np.flatnonzero(np.diff(in_groups, prepend=-1))
    counts = np.diff(begin, append=len(in_groups))
    chosen = np.argsort(grouped[begin])[:most]
    best = order[grouped[begin[chosen]]]
    support = _support(score[order][grouped], begin[chosen], counts[chosen])
    columns = (
        *(rows[best], substances[best], score[best], scores.hybrid[best], scores.n_matched[best], scores.explained_query[best]),
        *(scores.explained_reference[best], library["msms.neutral_mass"][rows[best]], same[best], counts[chosen], support),
    )
    hits = []
    for row, substance, value, hybrid, n_matched, ours, theirs, neutral, is_same, count, mean in zip(
        *(column.tolist() for column in columns), strict=True
    ):
        known = bool(neutral_masses) and math.isfinite(neutral)
        hits.append(
            Hit(
                library=library,
                row=row,
                substance=library.substance(substance),
                score=value,
                weighted_cosine=hybrid,
                n_matched=n_matched,
                explained_query=ours,
                explained_reference=theirs,
                mass_shift_da=min((mass - neutral for mass in neutral_masses), key=abs) if known else 0.0,
                reference_mass_da=neutral if known else math.nan,
                same_precursor=is_same,
                n_references=count,
                support=mean,
            )
        )
    return hits


def _support(score: NDArray[np.float64], begin: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean of the best three scores of each group; ``score`` descending in each."""
    total = score[begin]
    for place in (1, 2):
        total = total + np.where(counts > place, score[np.minimum(begin + place, len(score) - 1)], 0.0)
    mean: NDArray[np.float64] = total / np.minimum(counts, 3)
    return mean


def _scores(query: MsmsQuery, library: Library, rows: NDArray[np.int64], shift: NDArray[np.float64]) -> _Scores:
    """Entropy similarity of the query with each row, fine or at unit mass as the coarser of the two allows."""
    parts = [np.zeros(len(rows)) for _ in range(5)]
    if not len(query.mz):  # nothing but the precursor: candidates by mass alone, all of score 0
        return _Scores(parts[0], parts[1], parts[2].astype(np.int64), parts[3], parts[4])
    coarse = library["msms.coarse"][rows] | query.coarse
    n_coarse = np.count_nonzero(coarse)
    if n_coarse in {0, len(rows)}:
        return _Scores(*_pair(query, library, rows, shift, at_unit_mass=bool(n_coarse)))
    for at_unit_mass in (False, True):
        chosen = np.flatnonzero(coarse == at_unit_mass)
        for whole, part in zip(parts, _pair(query, library, rows[chosen], shift[chosen], at_unit_mass=at_unit_mass), strict=True):
            whole[chosen] = part
    return _Scores(parts[0], parts[1], parts[2].astype(np.int64), parts[3], parts[4])


def _pair(
    query: MsmsQuery, library: Library, rows: NDArray[np.int64], shift: NDArray[np.float64], *, at_unit_mass: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """The columns of :class:`_Scores`."""
    at, owner = _peaks_of(library, rows)
    mz, weights = library["msms.mz"][at], library["msms.weight"]
    ours_mz, ours, tolerance = query.mz, query.weight, PAIRING_DA
    if at_unit_mass:
        binned = nominal(query.mz, query.intensity)
        ours_mz, ours = binned.mz.astype(np.float64), weighted_intensities(binned.intensity / binned.intensity.sum())
        mz, weights, owner = _unit_mass(mz, library["msms.intensity"][at], owner, len(rows))
        at, tolerance, shift = np.arange(len(mz)), 0.1, np.rint(shift)

    def total(whose: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(whose, weights=values, minlength=len(rows)).astype(np.float64, copy=False)

    partner, whose, a, b = _paired(ours_mz, ours, mz, weights, at, owner, tolerance)
    direct = total(whose, _gain(a, b))
    hybrid, n_matched = direct, np.bincount(whose, minlength=len(rows))
    explained_ours, explained_theirs = total(whose, a), total(whose, b)
    if np.any(shift):
        # Fragments left over on both sides may also pair at the difference of the precursors.
        place, near = _nearest(ours_mz, mz, tolerance)
        free = np.flatnonzero(~near & (shift[owner] != 0))
        taken = np.zeros((len(rows), len(ours)), dtype=bool)
        taken[whose, partner] = True
        place, near = _nearest(ours_mz, mz[free] + shift[owner[free]], tolerance)
        again = np.flatnonzero(near & ~taken[owner[free], place])
        whose, a, b = owner[free[again]], ours[place[again]], weights[at[free[again]]].astype(np.float64)
        hybrid = direct + total(whose, _gain(a, b))
        n_matched = n_matched + np.bincount(whose, minlength=len(rows))
        explained_ours, explained_theirs = explained_ours + total(whose, a), explained_theirs + total(whose, b)
    return np.minimum(direct / _LN4, 1.0), np.minimum(hybrid / _LN4, 1.0), n_matched, explained_ours, explained_theirs


def _peaks_of(library: Library, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The places of all peaks of some rows, end to end, and which of the rows each belongs to."""
    start = library["msms.peak_start"]
    begin = start[rows]
    lengths = start[rows + 1] - begin
    owner = np.repeat(np.arange(len(rows)), lengths)
    return (begin - np.cumsum(lengths) + lengths)[owner] + np.arange(len(owner)), owner


def _paired(
    ours_mz: NDArray[np.float64],
    ours: NDArray[np.float64],
    mz: NDArray[np.float64],
    weights: NDArray[Any],
    at: NDArray[np.int64],
    owner: NDArray[np.int64],
    tolerance: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """The pairs of peaks: place of ours, row of theirs, weight of ours, weight of theirs (``weights[at]`` belong to ``mz``)."""
    place, near = _nearest(ours_mz, mz, tolerance)
    pairs = np.flatnonzero(near)
    partner = place[pairs]
    return partner, owner[pairs], ours[partner], weights[at[pairs]].astype(np.float64)


def _nearest(ours: NDArray[np.float64], theirs: NDArray[np.float64], tolerance: float) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Our peak within the tolerance of each of theirs.  Both lists were merged at twice the tolerance, so there is one at most."""
    partner = np.minimum(np.searchsorted(ours, theirs - tolerance), len(ours) - 1)
    return partner, np.abs(ours[partner] - theirs) <= tolerance


def _gain(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    both = a + b
    return both * np.log(both) - a * np.log(a) - b * np.log(b)


def _unit_mass(
    mz: NDArray[np.float64], intensity: NDArray[np.float32], owner: NDArray[np.int64], n_rows: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Peaks summed at unit mass and weighed anew, row by row."""
    keys, where = np.unique(owner * 100_000 + np.floor(mz + 0.351).astype(np.int64), return_inverse=True)
    summed = np.bincount(where, weights=intensity)
    rows = keys // 100_000
    share = summed / np.bincount(rows, weights=summed, minlength=n_rows)[rows]
    entropy = -np.bincount(rows, weights=share * np.log(share), minlength=n_rows)
    weight = share ** np.where(entropy < 3.0, 0.25 + 0.25 * entropy, 1.0)[rows]
    return (keys % 100_000).astype(np.float64), weight / np.bincount(rows, weights=weight, minlength=n_rows)[rows], rows
