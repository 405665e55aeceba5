"""What the MS/MS references say about the drug class of a query whose substance none of them shows.

Every reference with a drug class, and a fixed sample of the others, is compared by fragments and by neutral losses.  An ion that many
substances share says little, so each is weighed by how few have it among the references compared (inverse document frequency, Spärck Jones
1972, doi:10.1108/eb026526): without that, the crowded spectra of high collision energies resemble everything.  What follows is one figure a
substance and measure, then the best and the share of each class (:mod:`nps_ident.confidence.drug_class`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nps_ident.chemistry.formula import exact_mass
from nps_ident.library.compiled import skeleton_code
from nps_ident.library.search_msms import PAIRING_DA, prepare_msms
from nps_ident.similarity.match_factor import BIN_BOUNDARY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from nps_ident.library.compiled import Library
    from nps_ident.library.search_msms import MsmsQuery
    from nps_ident.model import MassSpectrum

__all__ = ["MEASURES", "Likeness", "msms_likeness", "usual_shifts"]

MEASURES = ("hybrid", "rare", "covered")
"""Figures of each substance, 0 to 1: hybrid entropy similarity of its best reference; the same with every ion weighed by its rarity; share of
the query's weighed ions found in any of its references."""
N_UNCLASSIFIED = 2000
"""References without a drug class that are compared, at most, evenly over the library: they show which ions are common."""
_EACH_UNCLASSIFIED = 4
SHIFT_DA = 0.005
"""A mass shift is a usual one within this; a precursor of three decimals is good to about 10 ppm."""
_MIN_FRAGMENTS, _MIN_SHARED = 3, 2
_LN4 = float(np.log(4.0))
_UNIT_MASS = 1.0 - BIN_BOUNDARY


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """The figures of all substances compared.

    Parameters
    ----------
    classes : tuple of (str or None)
        That may be: None, then those of the references.
    code : ndarray of int64, shape (n_substances,)
        The place of each substance's class among ``classes``.
    measures : ndarray, shape (n_substances, len(MEASURES))
    usual_shift : ndarray of bool, shape (n_substances,)
        Whether the mass of the query differs from its mass as substances of one class usually differ.
    log_odds : ndarray, shape (n_classes, 2)
        Weighed mean of log P(ion | class) / P(ion), over fragments and over fragments or losses.
    n_peaks : int
        Fragments of the query.
    """

    classes: tuple[str | None, ...]
    code: NDArray[np.int64]
    measures: NDArray[np.float64]
    usual_shift: NDArray[np.bool_]
    log_odds: NDArray[np.float64]
    n_peaks: int


@dataclass(frozen=True, slots=True)
class _Peaks:
    """Peaks of many references, ascending by m/z and by loss; ``owner`` counts the rows compared."""

    weight: NDArray[np.float64]
    owner: NDArray[np.int64]
    by_mz: NDArray[np.int64]
    mz: NDArray[np.float64]
    by_loss: NDArray[np.int64]
    loss: NDArray[np.float64]


@lru_cache(maxsize=1)
def usual_shifts() -> NDArray[np.float64]:
    """Mass differences of substances of one class, both signs, in Da, ascending; from ``drug_class_shifts.tsv``."""
    lines = (Path(__file__).parent / "drug_class_shifts.tsv").read_text(encoding="utf-8").splitlines()[1:]
    shifts = {0.0}
    for line in lines:
        gained, lost, *_ = line.split("\t")
        shift = (exact_mass(gained) if gained else 0.0) - (exact_mass(lost) if lost else 0.0)
        shifts |= {round(shift, 5), round(-shift, 5)}
    return np.array(sorted(shifts))


def msms_likeness(spectrum: MassSpectrum, members: Sequence[Library], *, without: str | None = None) -> Likeness:
    """Compare a query with the references that have a drug class and a sample of the others.

    Parameters
    ----------
    spectrum : MassSpectrum
        Prepared.
    members : sequence of Library
        Of one kind.
    without : str, optional
        First block of the InChIKey of a substance whose references are passed over: what the answer would be, were it unknown.
    """
    query = prepare_msms(spectrum)
    decimals = spectrum.precursor_decimals
    accurate = bool(query.neutral_masses) and (decimals is None or decimals >= 3)
    parts = [_Compared(query, member, without) for member in members if "msms.classified" in member]
    return _joined(query, parts, query.neutral_masses[0] if accurate else None)


class _Compared:
    """One library's rows against the query: which ions each substance shows, and the figures of its best reference."""

    def __init__(self, query: MsmsQuery, library: Library, without: str | None) -> None:
        rows = library.derived("drug class: rows", lambda: _rows_compared(library))
        self.ids, self.owner = np.unique(library["msms.substance"][rows], return_inverse=True)
        self.library = library
        self.n_classified = len(library["msms.classified"])
        polarity = library["msms.polarity"][rows]
        self.usable = (polarity == query.polarity) | (polarity == 0) | (query.polarity == 0)
        if without is not None:
            codes = library.derived("drug class: first blocks", lambda: _first_blocks(library, self.ids))
            self.usable &= codes[self.owner] != skeleton_code(without)
        self.classified = np.zeros(len(self.ids), dtype=bool)
        self.classified[np.unique(self.owner[: self.n_classified])] = True
        self.compared = np.zeros(len(self.ids), dtype=bool)
        self.compared[self.owner[self.usable]] = True
        self.n_rows = len(rows)
        self.coarse = library["msms.coarse"][rows] | query.coarse
        self.pairs = [_pairs(query, library, rows, unit) for unit in ((True,) if query.coarse else (False, True))] if len(query.mz) else []
        self.masses = np.full(len(self.ids), np.nan)
        self.masses[self.owner] = library["msms.neutral_mass"][rows]


def _first_blocks(library: Library, ids: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.array([skeleton_code(library.substance(int(i)).skeleton[:14]) for i in ids], dtype=np.int64)


def _rows_compared(library: Library) -> NDArray[np.int64]:
    """Rows with a drug class, then others: evenly over substances and over their references."""
    classified = library["msms.classified"].astype(np.int64)
    others = np.setdiff1d(np.arange(len(library["msms.substance"])), classified)
    substances = library["msms.substance"][others]
    order = np.argsort(substances, kind="stable")
    begin = np.flatnonzero(np.diff(substances[order], prepend=-1))
    counts = np.diff(begin, append=len(order))
    place = np.arange(len(order)) - np.repeat(begin, counts)
    each = np.repeat(counts, counts)
    kept = np.minimum(each, _EACH_UNCLASSIFIED)
    # The references of a substance stand by mass, then as read: evenly spaced ones differ most in collision energy.
    chosen = order[(place * kept) // each != ((place - 1) * kept) // each]
    if len(chosen) > N_UNCLASSIFIED:
        chosen = chosen[np.linspace(0, len(chosen) - 1, N_UNCLASSIFIED).astype(np.int64)]
    return np.concatenate([classified, np.sort(others[chosen])])


def _peaks(library: Library, rows: NDArray[np.int64], *, unit: bool) -> _Peaks:
    """The peaks of the rows: fine ones, or all at unit mass; made once while the library is open."""
    prefix = f"drug class: {'unit' if unit else 'fine'}"

    def flat() -> NDArray[np.float64]:
        start = library["msms.peak_start"]
        lengths = start[rows + 1] - start[rows]
        owner = np.repeat(np.arange(len(rows)), lengths)
        at = np.repeat(start[rows] - np.cumsum(lengths) + lengths, lengths) + np.arange(len(owner))
        mz, weight = library["msms.mz"][at], library["msms.weight"][at].astype(np.float64)
        if unit:
            keys, where = np.unique(owner * 100_000 + np.floor(mz + _UNIT_MASS).astype(np.int64), return_inverse=True)
            owner, mz, weight = keys // 100_000, (keys % 100_000).astype(np.float64), _summed(where, weight)
        else:
            fine = ~library["msms.coarse"][rows][owner]
            owner, mz, weight = owner[fine], mz[fine], weight[fine]
        precursor = library["msms.precursor_mz"][rows][owner]
        loss = np.rint(precursor) - mz if unit else precursor - mz
        return np.vstack([owner, mz, weight, loss])

    owner, mz, weight, loss = library.derived(f"{prefix} peaks", flat)
    by_mz = library.derived(f"{prefix} by m/z", lambda: np.argsort(mz, kind="stable"))
    by_loss = library.derived(f"{prefix} by loss", lambda: np.argsort(loss, kind="stable"))  # nan, no precursor, stands last
    ascending = library.derived(f"{prefix} m/z", lambda: mz[by_mz])
    losses = library.derived(f"{prefix} loss", lambda: np.nan_to_num(loss[by_loss], nan=np.inf))
    whose = library.derived(f"{prefix} owner", lambda: owner.astype(np.int64))
    return _Peaks(weight, whose, by_mz, ascending, by_loss, losses)


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Pairs of a query's ions with reference peaks, by m/z first and by loss where neither is paired yet."""

    unit: bool
    weight: NDArray[np.float64]
    ion: NDArray[np.int64]
    row: NDArray[np.int64]
    gain: NDArray[np.float64]
    by_loss: NDArray[np.bool_]


def _pairs(query: MsmsQuery, library: Library, rows: NDArray[np.int64], unit: bool) -> _Pairs:
    peaks = _peaks(library, rows, unit=unit)
    mz, weight, tolerance = query.mz, query.weight, PAIRING_DA
    precursor = query.precursor_mz
    if unit:
        mz, where = np.unique(np.floor(query.mz + _UNIT_MASS), return_inverse=True)
        weight, tolerance = _summed(where, query.weight), 0.1
        precursor = None if precursor is None else float(np.rint(precursor))
    ion, at = _windows(peaks.mz, peaks.by_mz, mz, tolerance)
    used = np.zeros(len(peaks.owner), dtype=bool)
    used[at] = True
    by_loss = np.zeros(len(ion), dtype=bool)
    if precursor is not None:
        taken = np.zeros((len(rows), len(mz)), dtype=bool)
        taken[peaks.owner[at], ion] = True
        again, place = _windows(peaks.loss, peaks.by_loss, precursor - mz, tolerance)
        free = ~used[place] & ~taken[peaks.owner[place], again]
        ion, at = np.concatenate([ion, again[free]]), np.concatenate([at, place[free]])
        by_loss = np.concatenate([by_loss, np.ones(np.count_nonzero(free), dtype=bool)])
    ours, theirs = weight[ion], peaks.weight[at]
    both = ours + theirs
    gain = (both * np.log(both) - ours * np.log(ours) - theirs * np.log(theirs)) / _LN4
    return _Pairs(unit, weight, ion, peaks.owner[at], gain, by_loss)


def _summed(where: NDArray[np.int64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    total: NDArray[np.float64] = np.bincount(where, weights=weight).astype(np.float64, copy=False)
    return total


def _windows(
    ascending: NDArray[np.float64], order: NDArray[np.int64], centres: NDArray[np.float64], half: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each centre the members of the ascending array within the window: (centre, member)."""
    begin, end = np.searchsorted(ascending, centres - half), np.searchsorted(ascending, centres + half, side="right")
    counts = end - begin
    which = np.repeat(np.arange(len(centres)), counts)
    return which, order[np.repeat(begin - np.cumsum(counts) + counts, counts) + np.arange(len(which))]


def _joined(query: MsmsQuery, parts: list[_Compared], mass: float | None) -> Likeness:
    """The figures of the substances of all libraries; one that stands in two counts once, by its better figures."""
    names: dict[str, int] = {}
    kinds: dict[str | None, int] = {None: 0}
    classified: list[int] = []
    places = [np.full(len(part.ids), -1) for part in parts]
    for part, place in zip(parts, places, strict=True):
        for i in np.flatnonzero(part.compared & part.classified).tolist():
            substance = part.library.substance(int(part.ids[i]))
            place[i] = names.setdefault(substance.skeleton, len(names))
            if place[i] == len(classified):
                classified.append(kinds.setdefault(substance.drug_class, len(kinds)))
    n_substances = len(classified)
    for part, place in zip(parts, places, strict=True):
        others = np.flatnonzero(part.compared & ~part.classified)
        place[others] = n_substances + np.arange(len(others))
        n_substances += len(others)
    codes = np.zeros(n_substances, dtype=np.int64)
    codes[: len(classified)] = classified
    measures = np.zeros((n_substances, len(MEASURES)))
    shift = np.zeros(n_substances, dtype=bool)
    log_odds = np.zeros((len(kinds), 2))
    if mass is not None:
        for part, place in zip(parts, places, strict=True):
            near = np.searchsorted(usual_shifts(), (mass - part.masses)[:, None] + np.array([-SHIFT_DA, SHIFT_DA]))
            shift[place[(place >= 0) & np.isfinite(part.masses) & (near[:, 0] != near[:, 1])]] = True
    for unit in (False, True):
        log_odds += _scored(unit, parts, places, codes, len(kinds), measures)
    return Likeness(
        classes=tuple(kinds),
        code=codes,
        measures=measures,
        usual_shift=shift,
        log_odds=log_odds,
        n_peaks=len(query.mz),
    )


def _scored(
    unit: bool,
    parts: list[_Compared],
    places: list[NDArray[np.int64]],
    codes: NDArray[np.int64],
    n_kinds: int,
    measures: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Fill in the measures from the pairs at one resolution; returns the log-odds of each class, shape (n_kinds, 2)."""
    chosen = [(part, place, pairs) for part, place in zip(parts, places, strict=True) for pairs in part.pairs if pairs.unit == unit]
    nothing = np.zeros((n_kinds, 2))
    if not chosen or not len(codes):
        return nothing
    weight = chosen[0][2].weight
    present = np.zeros(len(codes), dtype=bool)
    shown = np.zeros((2, len(codes), len(weight)), dtype=bool)
    kept = []
    for part, place, pairs in chosen:
        rows = np.flatnonzero(part.usable & (part.coarse == unit))
        present[place[part.owner[rows]]] = True
        keep = (part.usable & (part.coarse == unit))[pairs.row]
        substance = place[part.owner[pairs.row[keep]]]
        ion, by_loss = pairs.ion[keep], pairs.by_loss[keep]
        shown[0, substance[~by_loss], ion[~by_loss]] = True
        shown[1, substance[by_loss], ion[by_loss]] = True
        kept.append((part, place, ion, pairs.row[keep], pairs.gain[keep], by_loss))
    n_present = int(present.sum())
    if not n_present:
        return nothing
    either = shown[0] | shown[1]
    frequency = np.array([shown[0].sum(axis=0), shown[1].sum(axis=0), either.sum(axis=0)])
    rarity = np.log((n_present + 1.0) / (frequency + 1.0))
    _best_references(kept, rarity, weight, measures)
    own = weight * rarity[2]
    covered = either @ own / max(float(own.sum()), 1e-9)
    measures[:, 2] = np.maximum(measures[:, 2], covered)
    return _log_odds(shown[0], either, frequency, weight, codes, n_kinds, present)


def _best_references(
    kept: Iterable[tuple[_Compared, NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]],
    rarity: NDArray[np.float64],
    weight: NDArray[np.float64],
    measures: NDArray[np.float64],
) -> None:
    """The first two measures of each substance: those of its best reference."""
    own = max(float((weight * rarity[0]).sum()), 1e-9)
    for part, place, ion, row, gain, by_loss in kept:
        weighed = gain * np.where(by_loss, rarity[1][ion], rarity[0][ion])
        n_shared = np.bincount(row, minlength=part.n_rows)
        hybrid = np.bincount(row, weights=gain, minlength=part.n_rows) * (n_shared >= _MIN_FRAGMENTS)
        rare = np.bincount(row, weights=weighed, minlength=part.n_rows) / own * (n_shared >= _MIN_SHARED)
        found = np.flatnonzero(n_shared)
        np.maximum.at(measures[:, 0], place[part.owner[found]], np.minimum(hybrid[found], 1.0))
        np.maximum.at(measures[:, 1], place[part.owner[found]], np.minimum(rare[found], 1.5))


def _log_odds(
    shown: NDArray[np.bool_],
    either: NDArray[np.bool_],
    frequency: NDArray[np.int64],
    weight: NDArray[np.float64],
    codes: NDArray[np.int64],
    n_kinds: int,
    present: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Weighed mean of log P(ion | class) / P(ion); a class's frequency is drawn towards the overall one by one substance's worth."""
    n_present = present.sum()
    members = np.bincount(codes[present], minlength=n_kinds).astype(np.float64)
    order = np.argsort(codes, kind="stable")
    begin = np.searchsorted(codes[order], np.arange(n_kinds))
    found = np.zeros((n_kinds, 2))
    for column, (table, counts) in enumerate(((shown, frequency[0]), (either, frequency[2]))):
        overall = (counts + 0.5) / (n_present + 1.0)
        of_class = np.add.reduceat(table[order].astype(np.int64), begin, axis=0) * (members > 0)[:, None]
        within = (of_class + overall) / (members[:, None] + 1.0)
        found[:, column] = np.log(within / overall) @ weight
    log_odds: NDArray[np.float64] = found * (n_present / len(codes))
    return log_odds
