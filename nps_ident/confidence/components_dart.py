"""Which references the DART spectra of one sample, taken at several voltages, are the sum of.

The inverted search proposes: each reference whose protonated molecule stands in the spectrum of the lowest voltage asks how much of it is in
the sample (:mod:`nps_ident.similarity.inverted`).  Isobars propose themselves together, since they share that peak; the fragments at the higher
voltages decide.  So the proposals are fitted together, over all voltages at once, and a substance is a component only where the sum fits worse
without it.  What fits as well in a component's place is not told apart from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nps_ident.confidence.components import SumFit, interval, signal_share, signal_unexplained
from nps_ident.io.fields import number
from nps_ident.library.search_dart import PAIRING
from nps_ident.model import MassSpectrum, Technique
from nps_ident.similarity.inverted import inverted_match, target_peaks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from nps_ident.library.compiled import Library
    from nps_ident.model import Substance

__all__ = ["LEAST_F_DART", "DartPart", "DartUnmixing", "unmixed_voltages"]

RELATIVE, FLOOR = 0.15, 5.0
"""Standard deviation of a peak, of its intensity and of 999 at least: as the residuals of six measured mixtures fitted by references of the same
laboratory show (``benchmarks.accuracy.mixtures``).  Another laboratory differs more, and is allowed for by the misfit itself."""
LEAST_F_DART = 5.0
"""Ratio of variances from which a substance is needed.  In those mixtures what was there reached 7 and more, what was not at most 0.5: few
spectra to choose a cut from.  The protonated molecule and four fifths of the reference are asked besides."""
LEAST_INDEX = 0.8
"""Index of the inverted search: four fifths of the reference must be there; an isobar's shared molecular ion alone gives up to 0.7."""
TARGET_SHARE = 0.01
"""Of the base peak at the lowest voltage, from which a peak asks for an explanation.  The published search takes 0.05 for a first look; the
molecule of a component with a twentieth of the signal stands below it."""
_BASE = 999.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DartPart:
    """A component: its substance, inverted-search index, share of signal over all voltages with a 95 % interval, and how much it is needed.

    ``members`` are the substances not told apart from it, itself first; empty where there is none but it.
    """

    substance: Substance
    index: float
    fraction: float
    low: float
    high: float
    f_ratio: float
    members: tuple[Substance, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DartUnmixing:
    """The components of a sample, the largest first, and the share of signal that none explains."""

    parts: tuple[DartPart, ...]
    unexplained: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Proposal:
    substance: Substance
    index: float
    spectra: Mapping[float, MassSpectrum]


def unmixed_voltages(queries: Mapping[float, MassSpectrum], members: Sequence[Library]) -> DartUnmixing | None:
    """Take the spectra of one sample apart.

    Parameters
    ----------
    queries : mapping of float to MassSpectrum
        By voltage in V, prepared; at least one.
    members : sequence of Library
        With DART references.

    Returns
    -------
    DartUnmixing or None
        None where fewer than two substances earn their place.
    """
    queries = {voltage: spectrum for voltage, spectrum in sorted(queries.items()) if spectrum.n_peaks}
    if not queries:
        return None
    proposals = _proposals(queries, members)
    if len(proposals) < 2:
        return None
    height, tables = _matrix(queries, proposals)
    weights = 1.0 / np.sqrt(FLOOR**2 + (RELATIVE * height) ** 2)
    fitted = dict(tables)
    fit = SumFit.of(fitted, height, weights)
    while len(fitted) > 1 and min(fit.f_ratios.values()) < LEAST_F_DART:
        worst = min(fit.f_ratios, key=lambda name: (fit.f_ratios[name], name))
        fitted = {name: table for name, table in fitted.items() if name != worst}
        fit = SumFit.of(fitted, height, weights)
    if len(fitted) < 2:
        return None
    total = np.sum(list(fit.explained.values()), axis=0)
    unexplained = signal_unexplained(total, height)
    parts = []
    for name in fitted:
        fraction = signal_share(fit.explained[name], total, unexplained)
        low, high = interval(fraction, fit.uncertainty[name], beyond=RELATIVE)
        parts.append(
            DartPart(
                substance=proposals[name].substance,
                index=proposals[name].index,
                fraction=fraction,
                low=low,
                high=high,
                f_ratio=fit.f_ratios[name],
                members=_as_good(name, fit, fitted, tables, proposals, height, weights),
            )
        )
    return DartUnmixing(
        parts=tuple(sorted(parts, key=lambda part: (-part.fraction, part.substance.skeleton))),
        unexplained=unexplained,
    )


def _proposals(queries: Mapping[float, MassSpectrum], members: Sequence[Library]) -> dict[str, _Proposal]:
    """The substances that the inverted search finds most of in the sample, by skeleton."""
    targets = target_peaks(queries[min(queries)], min_relative=TARGET_SHARE)
    found: dict[str, _Proposal] = {}
    for member in members:
        precursors = member["dart.precursor_mz"]
        spectra: dict[str, dict[float, MassSpectrum]] = {}
        about: dict[str, tuple[Substance, float]] = {}
        for row in np.flatnonzero(np.isfinite(precursors)).tolist():
            voltage = number(member.reference(int(member["dart.reference"][row])).get("collision_energy", ""))
            if voltage is None or voltage not in queries or np.abs(targets - precursors[row]).min(initial=np.inf) > PAIRING.absolute_da:
                continue
            substance = member.substance(int(member["dart.substance"][row]))
            about.setdefault(substance.skeleton, (substance, float(precursors[row])))
            spectra.setdefault(substance.skeleton, {}).setdefault(voltage, _reference(member, row))
        for name, (substance, precursor) in about.items():
            if name in found or len(spectra[name]) < len(queries):
                continue  # a substance without a reference at some voltage would not answer for what is there
            target = float(targets[np.abs(targets - precursor).argmin()])
            match = inverted_match(queries, spectra[name], target_mz=target, precursor_mz=precursor, tolerance=PAIRING)
            if match.index >= LEAST_INDEX:
                found[name] = _Proposal(substance=substance, index=match.index, spectra=spectra[name])
    return dict(sorted(found.items()))


def _reference(member: Library, row: int) -> MassSpectrum:
    peaks = slice(*member["dart.peak_start"][row : row + 2])
    heights = member["dart.intensity"][peaks].astype(np.float64)
    return MassSpectrum(name="reference", mz=member["dart.mz"][peaks], intensity=heights, technique=Technique.DART_MS)


def _matrix(
    queries: Mapping[float, MassSpectrum], proposals: Mapping[str, _Proposal]
) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float64]]]:
    """The query's peaks at all voltages end to end, and each proposal's at the same places; behind them what only references hold.

    Every spectrum has its base peak at 999: how much a sample gives at one voltage says nothing about another.
    """
    heights: list[NDArray[np.float64]] = []
    columns: dict[str, list[NDArray[np.float64]]] = {name: [] for name in proposals}
    for voltage, query in queries.items():
        masses = np.unique(np.concatenate([query.mz, *(proposal.spectra[voltage].mz for proposal in proposals.values())]))
        # Masses that no query peak is near become places of their own, those within the pairing window of each other one place.
        alone = masses[np.abs(masses[:, None] - query.mz[None, :]).min(axis=1) > PAIRING.absolute_da]
        begins = np.concatenate([[True], np.diff(alone) > PAIRING.absolute_da]) if len(alone) else np.zeros(0, dtype=bool)
        places = np.concatenate([query.mz, alone[begins]])
        heights.append(np.concatenate([query.intensity * (_BASE / query.intensity.max()), np.zeros(int(begins.sum()))]))
        for name, proposal in proposals.items():
            theirs = proposal.spectra[voltage]
            at = np.abs(theirs.mz[:, None] - places[None, :]).argmin(axis=1)
            scaled = theirs.intensity * (_BASE / theirs.intensity.max())
            columns[name].append(np.bincount(at, weights=scaled, minlength=len(places)).astype(np.float64))
    return np.concatenate(heights), {name: np.concatenate(parts)[None, :] for name, parts in columns.items()}


def _as_good(
    name: str,
    fit: SumFit,
    fitted: Mapping[str, NDArray[np.float64]],
    tables: Mapping[str, NDArray[np.float64]],
    proposals: Mapping[str, _Proposal],
    height: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> tuple[Substance, ...]:
    """The proposals in whose place the sum would not fit worse by more than is asked of a component."""
    others = []
    for other in tables:
        if other in fitted:
            continue
        swapped = SumFit.of({(other if each == name else each): tables[other if each == name else each] for each in fitted}, height, weights)
        if (swapped.left - fit.left) / fit.variance < LEAST_F_DART:
            others.append(proposals[other].substance)
    return (proposals[name].substance, *others) if others else ()
