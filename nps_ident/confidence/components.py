"""Which references a mixed EI spectrum is the sum of, and which of them earn their place.

The spectrum is unmixed over the whole library (:mod:`nps_ident.spectra.unmixing`), each unit mass weighted by how much it differs between
laboratories.  What another laboratory's instrument does to a pure spectrum needs references to be explained as well, so a substance is a
component only where three things hold: without it the fit is worse by a ratio of variances (F) that misfit does not reach; most of what it
explains is explained by it; and what is left of the query when the other components are taken away is searched again, and it is the likeliest
candidate there, likelier than not with the members of its isomer set.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from nps_ident.library.search import search
from nps_ident.similarity.match_factor import NominalSpectrum
from nps_ident.spectra.unmixing import SparseColumns, sparse_columns, unmix, unmix_few

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nps_ident.confidence.calibration import Calibration
    from nps_ident.library.compiled import Library
    from nps_ident.library.hits import Hit, HitList
    from nps_ident.model import MassSpectrum

__all__ = ["Part", "SumFit", "Unmixing", "interval", "signal_share", "signal_unexplained", "unmixed"]

RELATIVE, FLOOR = 0.3, 10.0
"""Standard deviation of a peak between laboratories: this share of its intensity, and never less than this of 999.  Measured on references of 14
compounds from two laboratories and more: 0.27 to 0.29 of the intensity from 30 on, 9 of 999 below (``benchmarks.accuracy.mixtures``)."""
LEAST_F = 20.0
"""Ratio of variances from which a component is needed: below it many references of relatives \"explain\" how a laboratory differs."""
LEAST_OWN = 0.7
"""Share of a component's signal that must stand where it explains more than all other components together."""
LEAST_PROBABILITY = 0.7
"""Of the component, with its isomer set, in what the others leave.  Where a part of the sum is in no library, a relative of it stands in its
place there, mostly with less."""
LEAST_SCORE = 0.5
"""Raw score there.  What is left of a spectrum is poorer than a spectrum: 0.6 is asked of one alone."""
MOST_COMPONENTS = 5
"""More substances are not told apart in one spectrum: beyond five, in sums of known spectra, more than half went missing."""
BETWEEN_LABORATORIES = 0.4
"""Relative standard deviation of a component's whole signal beyond that of the fit: with it the 95 % interval held the true share of 95 % of 107
components of sums of development spectra; without it, of 68 %."""
_UNEXPLAINED_FROM = 3.0
"""Times what the components reach, from which a peak's rest is not explained: less is how laboratories differ."""
_LOOKED_AT, _MOST_FITTED = 10, 6
_CERTAIN = 1.96
"""Standard deviations either side of a 95 % interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A component of a mixture.

    Parameters
    ----------
    hit : Hit
        Its best reference in what the other components leave of the query.
    probability : float
        There, calibrated on whole spectra.
    members : tuple of Hit
        Substances not told apart from it there, itself first; empty where there is none but it.
    fraction, low, high : float
        Share of the query's signal, and its 95 % interval.
    f_ratio : float
        How much worse the sum fits without it.
    """

    hit: Hit
    probability: float
    members: tuple[Hit, ...]
    fraction: float
    low: float
    high: float
    f_ratio: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Unmixing:
    """A spectrum taken apart: at least two components, the largest first, and what none of them explains.

    Parameters
    ----------
    parts : tuple of Part
    unexplained : float
        Share of the query's signal.
    remainder : NominalSpectrum
        Empty where nothing is left.
    """

    parts: tuple[Part, ...]
    unexplained: float
    remainder: NominalSpectrum


def unmixed(
    prepared: MassSpectrum, query: NominalSpectrum, members: Sequence[Library], calibration: Calibration, *, most: int
) -> Unmixing | None:
    """Take an EI spectrum apart, where it is shown to be a sum.

    Parameters
    ----------
    prepared : MassSpectrum
        The query, from :func:`nps_ident.spectra.peaks.prepare`.
    query : NominalSpectrum
        The same on unit masses.
    members : sequence of Library
        Of one kind, with EI references.
    calibration : Calibration
    most : int
        Substances that a search of what is left returns, as the calibration was fitted.

    Returns
    -------
    Unmixing or None
        None where fewer than two components earn their place.
    """
    columns = [_columns(member) for member in members]
    n_rows = max([int(query.mz[-1]) + 1, *(each.n_rows for each in columns)])
    height = np.zeros(n_rows)
    height[query.mz] = query.intensity
    weights = 1.0 / np.sqrt(FLOOR**2 + (RELATIVE * height) ** 2)
    candidates = _candidates(members, columns, height, weights)
    if len(candidates) < 2:
        return None
    fit = SumFit.of(candidates, height, weights)
    while len(fit.f_ratios) > 1:
        worst = min(fit.f_ratios, key=lambda name: (fit.f_ratios[name], name))
        if fit.f_ratios[worst] >= LEAST_F and len(fit.f_ratios) <= _MOST_FITTED:
            break
        candidates = {name: table for name, table in candidates.items() if name != worst}
        fit = SumFit.of(candidates, height, weights)
    if len(fit.f_ratios) < 2:
        return None
    parts = [part for name in fit.f_ratios if (part := _part(name, fit, height, prepared, members, calibration, most=most)) is not None]
    if not 2 <= len(parts) <= MOST_COMPONENTS:
        return None
    named = np.sum([fit.explained[part.hit.substance.skeleton] for part in parts], axis=0)
    unexplained = signal_unexplained(named, height)
    parts = [_with_share(part, fit, named, unexplained) for part in parts]
    left = _cleared(height - named, named)
    mz = np.flatnonzero(left)
    scale = 999.0 / left.max(initial=1.0)
    return Unmixing(
        parts=tuple(sorted(parts, key=lambda part: (-part.fraction, part.hit.substance.skeleton))),
        unexplained=unexplained,
        remainder=NominalSpectrum(mz=mz.astype(np.int32), intensity=left[mz] * scale),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SumFit:
    """The best sum of some substances.

    Parameters
    ----------
    explained : dict of str to ndarray of float64, shape (n_rows,)
        By substance: what of the query it explains.
    uncertainty : dict of str to float
        Standard deviation of its signal, as a share of it.
    f_ratios : dict of str to float
        How much worse the sum fits without it: increase of the weighted squares over ``variance``.
    left : float
        Weighted squares that the sum leaves.
    variance : float
        The same for each degree of freedom; at least 1.
    """

    explained: dict[str, NDArray[np.float64]]
    uncertainty: dict[str, float]
    f_ratios: dict[str, float]
    left: float
    variance: float

    @classmethod
    def of(cls, candidates: dict[str, NDArray[np.float64]], height: NDArray[np.float64], weights: NDArray[np.float64]) -> SumFit:
        """Fit the references of some substances, each ``(n_references, n_rows)``, to a query of shape ``(n_rows,)``; there must be one."""
        names = list(candidates)
        table = np.concatenate(list(candidates.values()))
        owner = np.repeat(np.arange(len(names)), [len(candidates[name]) for name in names])
        weighted, target = table * weights, height * weights

        def squares(of: NDArray[np.bool_]) -> tuple[NDArray[np.float64], float]:
            found = unmix_few(weighted[of], target)
            rest = target - found @ weighted[of]
            return found, float(rest @ rest)

        amounts, left = squares(np.ones(len(owner), dtype=bool))
        n_free = max(int(np.count_nonzero(height)) - len(names), 1)
        variance = max(left / n_free, 1.0)
        active = np.flatnonzero(amounts > 0)
        covariance = variance * np.linalg.pinv(weighted[active] @ weighted[active].T)
        total = table.sum(axis=1)
        explained, uncertainty, f_ratios = {}, {}, {}
        for place, name in enumerate(names):
            own = owner == place
            explained[name] = amounts[own] @ table[own]
            lever = total[active] * own[active]
            signal = float(explained[name].sum())
            uncertainty[name] = float(np.sqrt(max(lever @ covariance @ lever, 0.0))) / signal if signal > 0 else np.inf
            without = squares(~own)[1] if len(names) > 1 else float(target @ target)
            f_ratios[name] = (without - left) / variance
        return cls(explained=explained, uncertainty=uncertainty, f_ratios=f_ratios, left=left, variance=variance)


def _columns(member: Library) -> SparseColumns:
    rows, start = member["ei.mz"], member["ei.peak_start"]
    n_rows = int(rows.max(initial=0)) + 1
    value = member.derived("ei.columns of length 1", lambda: sparse_columns(start, rows, member["ei.intensity"], n_rows=n_rows).value)
    length = member.derived("ei.lengths of columns", lambda: sparse_columns(start, rows, member["ei.intensity"], n_rows=n_rows).length)
    row = member.derived("ei.rows of columns", lambda: rows.astype(np.intp))
    return SparseColumns(start=np.asarray(start, dtype=np.intp), row=row, value=value, length=length, n_rows=n_rows)


def _candidates(
    members: Sequence[Library], columns: list[SparseColumns], height: NDArray[np.float64], weights: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """The references of the best sum over all libraries by substance, those of the ten that explain the most."""
    whole = columns[0] if len(columns) == 1 else _joined(columns)
    whole = replace(whole, n_rows=len(height))
    found = unmix(whole, height, row_weights=weights)
    table = whole.dense(found.columns)
    signal = found.weights * whole.length[found.columns] * table.sum(axis=1)
    begins = np.cumsum([0, *(each.n_columns for each in columns)])
    places = np.searchsorted(begins, found.columns, side="right") - 1
    names = [
        members[place].substance(int(members[place]["ei.substance"][row])).skeleton
        for place, row in zip(places.tolist(), (found.columns - begins[places]).tolist(), strict=True)
    ]
    totals: dict[str, float] = {}
    for name, part in zip(names, signal.tolist(), strict=True):
        totals[name] = totals.get(name, 0.0) + part
    chosen = sorted(totals, key=lambda name: (-totals[name], name))[:_LOOKED_AT]
    return {name: table[[place for place, owner in enumerate(names) if owner == name]] for name in chosen}


def _joined(columns: list[SparseColumns]) -> SparseColumns:
    """The columns of several libraries as one matrix."""
    begins = np.cumsum([0, *(len(each.row) for each in columns)])
    starts = [each.start[:-1] + begin for each, begin in zip(columns, begins[:-1].tolist(), strict=True)]
    return SparseColumns(
        start=np.concatenate([*starts, begins[-1:]]),
        row=np.concatenate([each.row for each in columns]),
        value=np.concatenate([each.value for each in columns]),
        length=np.concatenate([each.length for each in columns]),
        n_rows=max(each.n_rows for each in columns),
    )


def _part(
    name: str,
    fit: SumFit,
    height: NDArray[np.float64],
    prepared: MassSpectrum,
    members: Sequence[Library],
    calibration: Calibration,
    *,
    most: int,
) -> Part | None:
    own = fit.explained[name]
    total = np.sum(list(fit.explained.values()), axis=0)
    others = total - own
    if own.sum() <= 0 or fit.f_ratios[name] < LEAST_F or own[own > others].sum() < LEAST_OWN * own.sum():
        return None
    hits = _searched(_cleared(height - others, others), prepared, members, most=most)
    if not hits.hits:
        return None
    probabilities = calibration.probabilities(hits, hits.n_compared)
    order = sorted(range(len(hits.hits)), key=lambda i: (-round(float(probabilities[i]), 9), hits.hits[i].substance.skeleton))
    first = hits.hits[order[0]]
    together = [i for i in order if probabilities[i] >= calibration.set_ratio * probabilities[order[0]]]
    if first.substance.skeleton != name or first.score < LEAST_SCORE or probabilities[together].sum() < LEAST_PROBABILITY:
        return None
    return Part(
        hit=first,
        probability=float(probabilities[order[0]]),
        members=tuple(hits.hits[i] for i in together) if len(together) > 1 else (),
        fraction=0.0,
        low=0.0,
        high=0.0,
        f_ratio=fit.f_ratios[name],
    )


def _with_share(part: Part, fit: SumFit, named: NDArray[np.float64], unexplained: float) -> Part:
    name = part.hit.substance.skeleton
    fraction = signal_share(fit.explained[name], named, unexplained)
    low, high = interval(fraction, fit.uncertainty[name], beyond=BETWEEN_LABORATORIES)
    return replace(part, fraction=fraction, low=low, high=high)


def signal_unexplained(named: NDArray[np.float64], height: NDArray[np.float64]) -> float:
    """Share of a query's signal that stands higher than its components reach, allowing for another laboratory."""
    return float(np.maximum(height - _UNEXPLAINED_FROM * named, 0.0).sum() / height.sum())


def signal_share(own: NDArray[np.float64], named: NDArray[np.float64], unexplained: float) -> float:
    """Share of a query's signal that is a component's: what is explained, divided as the components' references weigh in the sum."""
    return float((1.0 - unexplained) * own.sum() / named.sum())


def interval(fraction: float, uncertainty: float, *, beyond: float) -> tuple[float, float]:
    """The 95 % interval of a share of signal, from its relative standard deviation in the sum and the one that a sum does not know of."""
    off = _CERTAIN * float(np.hypot(uncertainty, beyond)) * fraction
    return max(0.0, fraction - off), min(1.0, fraction + off)


def _cleared(left: NDArray[np.float64], taken: NDArray[np.float64]) -> NDArray[np.float64]:
    """What is left of a spectrum, without what the misfit of what was taken away leaves."""
    return np.where(left > RELATIVE * taken, np.maximum(left, 0.0), 0.0)


def _searched(left: NDArray[np.float64], prepared: MassSpectrum, members: Sequence[Library], *, most: int) -> HitList:
    mz = np.flatnonzero(left)
    return search(replace(prepared, mz=mz.astype(np.float64), intensity=left[mz]), members, most=most)
