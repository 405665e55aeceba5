"""MS/MS search: by precursor and by neutral mass, scored by spectral entropy; another adduct of a reference by the hybrid form."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

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

__all__ = ["PAIRING_DA", "MsmsQuery", "candidate_rows", "is_coarse", "precursor_tolerance", "prepare_msms", "search_msms", "search_relatives"]

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
    masses = []
    if spectrum.precursor_mz is not None:
        adducts = (spectrum.adduct,) if spectrum.adduct else _LIKELY_ADDUCTS[spectrum.polarity or Polarity.POSITIVE]
        for adduct in adducts:
            try:
                masses.append(neutral_mass(spectrum.precursor_mz, adduct))
            except ChemistryError:
                continue
    polarity = {Polarity.POSITIVE: 1, Polarity.NEGATIVE: -1, None: 0}[spectrum.polarity]
    return MsmsQuery(
        mz=mz,
        intensity=intensity,
        weight=weighted_intensities(intensity),
        coarse=is_coarse(spectrum),
        precursor_mz=spectrum.precursor_mz,
        tolerance=precursor_tolerance(spectrum),
        polarity=polarity,
        neutral_masses=tuple(masses),
    )


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
        order, precursor = library["msms.by_precursor"], library["msms.precursor_mz"]
        window = np.searchsorted(precursor, [query.precursor_mz - half, query.precursor_mz + half], sorter=order)
        same = order[window[0] : window[1]].astype(np.int64)
        masses = library["msms.neutral_mass"]
        other = [np.arange(*np.searchsorted(masses, [mass - half, mass + half])) for mass in query.neutral_masses]
        rows = np.unique(np.concatenate([same, *other]))
        by_precursor = np.isin(rows, same, assume_unique=True)
    if query.polarity:
        keep = (polarity[rows] == query.polarity) | (polarity[rows] == 0)
        rows, by_precursor = rows[keep], by_precursor[keep]
    return rows, by_precursor


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
    _, first, inverse, counts = np.unique(substances[order], return_index=True, return_inverse=True, return_counts=True)
    support = _support(score[order], inverse, len(first))
    chosen = np.argsort(first)[:most]
    neutral = library["msms.neutral_mass"][rows]
    best = []
    for group in chosen:
        i = order[first[group]]
        masses = [mass - neutral[i] for mass in neutral_masses if np.isfinite(neutral[i])]
        best.append(
            Hit(
                library=library,
                row=int(rows[i]),
                substance=library.substance(int(substances[i])),
                score=float(score[i]),
                weighted_cosine=float(scores.hybrid[i]),
                n_matched=int(scores.n_matched[i]),
                explained_query=float(scores.explained_query[i]),
                explained_reference=float(scores.explained_reference[i]),
                mass_shift_da=float(min(masses, key=abs)) if masses else 0.0,
                reference_mass_da=float(neutral[i]) if masses else math.nan,
                same_precursor=bool(same[i]),
                n_references=int(counts[group]),
                support=float(support[group]),
            )
        )
    return best


def _support(score: NDArray[np.float64], group: NDArray[np.int64], n_groups: int) -> NDArray[np.float64]:
    """Mean of the best three scores of each group; ``score`` descending."""
    order = np.argsort(group, kind="stable")
    sizes = np.bincount(group, minlength=n_groups)
    place = np.arange(len(group)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    first_three = place < 3
    total = np.bincount(group[order][first_three], weights=score[order][first_three], minlength=n_groups)
    return total / np.minimum(sizes, 3)


def _scores(query: MsmsQuery, library: Library, rows: NDArray[np.int64], shift: NDArray[np.float64]) -> _Scores:
    """Entropy similarity of the query with each row, fine or at unit mass as the coarser of the two allows."""
    parts = [np.zeros(len(rows)) for _ in range(5)]
    if not len(query.mz):  # nothing but the precursor: candidates by mass alone, all of score 0
        return _Scores(parts[0], parts[1], parts[2].astype(np.int64), parts[3], parts[4])
    coarse = library["msms.coarse"][rows] | query.coarse
    for at_unit_mass in (False, True):
        chosen = np.flatnonzero(coarse == at_unit_mass)
        if len(chosen):
            for whole, part in zip(parts, _pair(query, library, rows[chosen], shift[chosen], at_unit_mass=at_unit_mass), strict=True):
                whole[chosen] = part
    return _Scores(parts[0], parts[1], parts[2].astype(np.int64), parts[3], parts[4])


def _pair(
    query: MsmsQuery, library: Library, rows: NDArray[np.int64], shift: NDArray[np.float64], *, at_unit_mass: bool
) -> tuple[NDArray[np.float64], ...]:
    start = library["msms.peak_start"]
    lengths = start[rows + 1] - start[rows]
    owner = np.repeat(np.arange(len(rows)), lengths)
    at = np.repeat(start[rows] - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
    mz = library["msms.mz"][at]
    if at_unit_mass:
        binned = nominal(query.mz, query.intensity)
        ours_mz, ours = binned.mz.astype(np.float64), weighted_intensities(binned.intensity / binned.intensity.sum())
        mz, theirs, owner = _unit_mass(mz, library["msms.intensity"][at], owner, len(rows))
        tolerance, shift = 0.1, np.rint(shift)
    else:
        ours_mz, ours, theirs = query.mz, query.weight, library["msms.weight"][at].astype(np.float64)
        tolerance = PAIRING_DA

    def total(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(owner, weights=values, minlength=len(rows)).astype(np.float64)

    partner, paired = _nearest(ours_mz, mz, tolerance)
    gain = _gain(ours[partner], theirs) * paired
    direct = total(gain)
    hybrid, n_matched = direct, total(paired.astype(np.float64))
    explained_ours, explained_theirs = total(ours[partner] * paired), total(theirs * paired)
    shifted = shift[owner]
    if np.any(shifted):
        taken = np.zeros((len(rows), len(ours)), dtype=bool)
        taken[owner[paired], partner[paired]] = True
        partner, again = _nearest(ours_mz, mz + shifted, tolerance)
        again &= ~paired & (shifted != 0) & ~taken[owner, partner]
        hybrid = direct + total(_gain(ours[partner], theirs) * again)
        n_matched = n_matched + total(again.astype(np.float64))
        explained_ours = explained_ours + total(ours[partner] * again)
        explained_theirs = explained_theirs + total(theirs * again)
    return np.minimum(direct / _LN4, 1.0), np.minimum(hybrid / _LN4, 1.0), n_matched, explained_ours, explained_theirs


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
