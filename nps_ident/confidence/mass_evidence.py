"""What an EI spectrum and the libraries say for each mass its molecule might have, as numbers.

Three kinds of evidence, as in the open prototype of NIST (https://github.com/asm3-nist/EIMS-mass-predictions, 2022): the peaks themselves, the
masses of simple-search hits, and hybrid searches under assumed masses.  Nothing here asks for a visible molecular ion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nps_ident.library.search_ei_hybrid import screened_relatives
from nps_ident.similarity.mass_scan import HIGHEST_MASS, scan_masses
from nps_ident.similarity.match_factor import BASE_PEAK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nps_ident.library.compiled import Library
    from nps_ident.library.hits import Hit
    from nps_ident.similarity.match_factor import NominalSpectrum

__all__ = [
    "FEATURES",
    "GAP_LEVELS",
    "LOSSES",
    "N_GAPS",
    "N_LEVELS",
    "N_PARITY",
    "N_RATIOS",
    "N_SHIFTS",
    "MassEvidence",
    "MassTables",
    "gap_bins",
    "mass_evidence",
    "mass_features",
    "shift_bins",
]

LOSSES = np.arange(-10, 161)
"""Distances of a peak below the assumed mass that are looked at; below 0 lie isotope peaks and what should not be there."""
_LEVELS = np.array([0.0, 3.0, 10.0, 30.0, 100.0, 300.0])
N_LEVELS = len(_LEVELS) + 1
"""Classes of intensity (of 999): none, up to 3, 10, 30, 100, 300, more."""
_LOSS_GROUPS = ((-10, -3), (-2, -2), (-1, -1), (0, 0), (1, 2), (3, 3), (4, 14), (15, 15), (16, 30), (31, 50), (51, 90), (91, 160))
# Losses of 4 to 14 are illogical (McLafferty & Turecek, Interpretation of Mass Spectra, 4th ed. 1993, ch. 3.6); the other groups divide the
# range into isotopes, losses of hydrogen, a methyl group, and small, medium and large losses.
_RATIOS = np.array([0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.7, 1.2, 3.0])
N_RATIOS = 2 * (len(_RATIOS) + 3)
"""Classes of the ratio of a neighbouring peak (M + 1, M + 2, M - 1) to that at the assumed mass, which may be weak or strong."""
_STRONG_ENOUGH = 20.0
N_PARITY = 6
"""Classes of the share of the spectrum's weight (m·I) at even m/z; with the parity of the mass it is what the nitrogen rule can say."""
GAP_LEVELS = (1.0, 3.0, 10.0, 50.0)
"""The highest peaks of at least these intensities (of 999), from which the assumed mass is so and so far away."""
_GAP_BELOW, _GAP_ABOVE = 19, 200
N_GAPS = _GAP_BELOW + _GAP_ABOVE + 1
_LARGEST_SHIFT = 150
N_SHIFTS = 2 * _LARGEST_SHIFT + 1
"""Classes of the difference between the assumed mass and that of a relative."""

_BELOW_TOP, _ABOVE_TOP, _TOP_LEVEL = 10, 170, 5.0
_N_RELATIVES, _N_KEPT, _N_MOVED = 300, 20, 10
_FEATURE_GROUPS = {
    "peaks": (*(f"losses_{first}_{last}" for first, last in _LOSS_GROUPS), "isotope_1", "isotope_2", "below_1", "nitrogen_rule"),
    "highest": tuple(f"highest_{level:g}" for level in GAP_LEVELS),
    "relatives": ("first", "first_3", "first_10", "all", "moved_first", "moved_first_3", "moved_first_10"),
    "shift": ("shift_of_first", "shifts_20", "shifts_40"),
    "hits": ("best_hit", "best_hit_cubed", "share_of_hits"),
}
FEATURES = tuple(f"{group}.{name}" for group, names in _FEATURE_GROUPS.items() for name in names)
"""The columns of :func:`mass_features`."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MassEvidence:
    """Evidence for each of n assumed nominal masses.

    Parameters
    ----------
    masses : ndarray of int64, shape (n,)
        Ascending.
    levels : ndarray of int8, shape (n, n_losses)
        Class of intensity at each distance of :data:`LOSSES` below the mass.
    ratios : ndarray of int8, shape (n, 3)
        Classes of the ratios of M + 1, M + 2 and M - 1 to M.
    even : int
        Class of the share of weight at even m/z.
    highest : ndarray of int64, shape (4,)
        Highest peak of each intensity in :data:`GAP_LEVELS`.
    cosines, relatives : ndarray, shape (n_kept, n)
        The best hybrid cosines, descending, and the nominal masses of their references.
    moved : ndarray, shape (n_moved, n)
        The largest contributions of shifted peaks, descending.
    hit_masses, hit_scores : ndarray, shape (n_hits,)
        Nominal masses of simple-search hits, and their scores, 0 to 1.
    """

    masses: NDArray[np.int64]
    levels: NDArray[np.int8]
    ratios: NDArray[np.int8]
    even: int
    highest: NDArray[np.int64]
    cosines: NDArray[np.float32]
    relatives: NDArray[np.int64]
    moved: NDArray[np.float32]
    hit_masses: NDArray[np.int64]
    hit_scores: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MassTables:
    """Log likelihood ratios, the true mass against a wrong one of the same spectrum, learnt from references.

    ``losses`` has shape (n_losses, N_LEVELS), ``ratios`` (3, N_RATIOS), ``parity`` (2, N_PARITY), ``gaps`` (4, N_GAPS), ``shifts`` (N_SHIFTS,).
    """

    losses: NDArray[np.float64]
    ratios: NDArray[np.float64]
    parity: NDArray[np.float64]
    gaps: NDArray[np.float64]
    shifts: NDArray[np.float64]


def mass_evidence(
    query: NominalSpectrum,
    hits: Sequence[Hit],
    members: Sequence[Library],
    *,
    left_out: frozenset[str] = frozenset(),
    only: frozenset[int] | None = None,
) -> MassEvidence:
    """Gather the evidence for every mass from a little below the highest peak above 0.5 % to 170 Da beyond.

    Parameters
    ----------
    query : NominalSpectrum
        With at least one peak.
    hits : sequence of Hit
        Of the simple search, best first.
    members : sequence of Library
    left_out : frozenset of str
        As in :func:`nps_ident.library.search_ei_hybrid.screened_relatives`; such hits are passed over too.
    only : frozenset of int, optional
        Of those masses these alone, which is quicker.
    """
    at = np.zeros(HIGHEST_MASS + 500)
    inside = query.mz < HIGHEST_MASS - _ABOVE_TOP
    at[query.mz[inside]] = query.intensity[inside]
    filled = np.flatnonzero(at)
    highest = np.array([filled[at[filled] >= min(level, at.max())].max(initial=0) for level in GAP_LEVELS])
    top = int(filled[at[filled] >= min(_TOP_LEVEL, at.max())].max(initial=0))
    masses = np.arange(max(top - _BELOW_TOP, 12), top + _ABOVE_TOP)
    if only is not None:
        masses = masses[np.isin(masses, list(only))]
    relatives = screened_relatives(query, members, most=_N_RELATIVES, left_out=left_out)
    cosines, moved = scan_masses(query, relatives.runs, relatives.nominal_mass, assumed=masses)
    order = np.argsort(-cosines, axis=0, kind="stable")[:_N_KEPT]
    kept = [hit for hit in hits if _speaks(hit, left_out)]
    weight = at * np.arange(len(at))
    even = weight[::2].sum() / max(weight.sum(), 1e-9)
    return MassEvidence(
        masses=masses,
        levels=np.searchsorted(_LEVELS, _looked_up(at, masses[:, None] - LOSSES), side="left").astype(np.int8),
        ratios=_ratio_classes(at, masses),
        even=min(int(even * N_PARITY), N_PARITY - 1),
        highest=highest,
        cosines=np.take_along_axis(cosines, order, axis=0),
        relatives=relatives.nominal_mass[order],
        moved=-np.sort(-moved, axis=0)[:_N_MOVED],
        hit_masses=np.array([round(hit.substance.exact_mass or 0.0) for hit in kept], dtype=np.int64),
        hit_scores=np.array([(hit.match_factor or 0.0) / BASE_PEAK for hit in kept]),
    )


def _speaks(hit: Hit, left_out: frozenset[str]) -> bool:
    substance = hit.substance
    return substance.exact_mass is not None and not substance.isotope_labelled and (substance.inchikey or "")[:14] not in left_out


def _looked_up(at: NDArray[np.float64], places: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.where(places > 0, at[np.clip(places, 0, len(at) - 1)], 0.0)


def _ratio_classes(at: NDArray[np.float64], masses: NDArray[np.int64]) -> NDArray[np.int8]:
    """Classes of the ratios of M + 1, M + 2 and M - 1 to M; shape (n, 3)."""
    own = at[masses]
    columns = []
    for step in (1, 2, -1):
        other = at[masses + step]
        ratio = np.divide(other, own, out=np.zeros_like(own), where=own > 0)
        without = np.where(other > 0, 0, 1)
        columns.append(2 * np.where(own > 0, 2 + np.searchsorted(_RATIOS, ratio, side="left"), without) + (own >= _STRONG_ENOUGH))
    return np.stack(columns, axis=1).astype(np.int8)


def gap_bins(evidence: MassEvidence) -> NDArray[np.int64]:
    """Columns of ``MassTables.gaps`` for each mass; shape (4, n)."""
    bins: NDArray[np.int64] = np.clip(evidence.masses - evidence.highest[:, None], -_GAP_BELOW, _GAP_ABOVE) + _GAP_BELOW
    return bins


def shift_bins(evidence: MassEvidence) -> NDArray[np.int64]:
    """Places in ``MassTables.shifts`` for each relative kept; shape (n_kept, n)."""
    bins: NDArray[np.int64] = np.clip(evidence.masses - evidence.relatives, -_LARGEST_SHIFT, _LARGEST_SHIFT) + _LARGEST_SHIFT
    return bins


def mass_features(evidence: MassEvidence, tables: MassTables) -> NDArray[np.float64]:
    """One row a mass, in the order of :data:`FEATURES`; shape (n, n_features)."""
    columns: list[NDArray[np.float64]] = []
    of_losses = tables.losses[np.arange(len(LOSSES)), evidence.levels]
    columns += [of_losses[:, (first <= LOSSES) & (last >= LOSSES)].sum(axis=1) for first, last in _LOSS_GROUPS]
    columns += list(tables.ratios[np.arange(3), evidence.ratios].T)
    columns.append(tables.parity[evidence.masses % 2, evidence.even])
    columns += [table[bins] for table, bins in zip(tables.gaps, gap_bins(evidence), strict=True)]
    columns += _of_relatives(evidence, tables.shifts)
    columns += _of_hits(evidence)
    return np.stack(columns, axis=1)


def _of_relatives(evidence: MassEvidence, shifts: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """How well relatives agree under each mass, and whether they differ by masses by which relatives differ."""
    nothing = np.zeros(len(evidence.masses))
    if not len(evidence.cosines):
        return [nothing] * (len(_FEATURE_GROUPS["relatives"]) + len(_FEATURE_GROUPS["shift"]))
    cosines, moved = 10.0 * evidence.cosines.astype(np.float64), 10.0 * evidence.moved.astype(np.float64)
    ratio = shifts[shift_bins(evidence)]
    return [
        *(cosines[:n].mean(axis=0) for n in (1, 3, 10)),
        np.logaddexp.reduce(3.0 * cosines, axis=0),
        *(moved[:n].mean(axis=0) for n in (1, 3, 10)),
        ratio[0],
        *(np.logaddexp.reduce(sharpness * cosines + ratio, axis=0) for sharpness in (2.0, 4.0)),
    ]


def _of_hits(evidence: MassEvidence) -> list[NDArray[np.float64]]:
    """The best simple-search hit of each mass, and the share of all hits by weight."""
    best, share = np.zeros((2, len(evidence.masses)))
    place = np.searchsorted(evidence.masses, evidence.hit_masses)
    inside = np.isin(evidence.hit_masses, evidence.masses)
    if inside.any():
        weights = np.exp(15.0 * (evidence.hit_scores - evidence.hit_scores.max()))
        np.maximum.at(best, place[inside], evidence.hit_scores[inside])
        np.add.at(share, place[inside], weights[inside] / weights.sum())
    return [5.0 * best, 5.0 * best**3, np.log(share + 0.003)]
