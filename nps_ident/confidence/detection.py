"""How much of a substance a spectrum could hide: "not detected above about x %", never "absent".

For an EI spectrum of the whole sample the answer follows from the spectrum itself.  Peaks of a mixture add, so a component gives no more to a
peak than the peak has; where a peak is missing, than the smallest one that was recorded.  Ratios of ions differ between laboratories, so that
the peak with the most room among the strongest counts: by other laboratories' spectra of one substance this is right within a factor of two
(``benchmarks/accuracy/hidden_shares.py``), where the peak with the least room is wrong by up to two hundred.  For a technique of which only a
result is stated, a published limit is quoted (``detection_limits.tsv``).
"""

from __future__ import annotations

import csv
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from nps_ident.model import Technique
from nps_ident.similarity.match_factor import nominal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from nps_ident.library.compiled import Library
    from nps_ident.model import MassSpectrum

__all__ = ["can_show_limits", "greatest_share", "hidden_shares", "published_limit"]

_STRONGEST = 3
"""Peaks of a reference that are asked for."""


def can_show_limits(spectrum: MassSpectrum) -> bool:
    """Whether a spectrum that is said to be of the whole sample can be one: by EI, no selected precursor, not from a run."""
    return spectrum.technique is Technique.EI_MS and spectrum.precursor_mz is None and spectrum.retention_time_s is None and spectrum.n_peaks > 0


def greatest_share(query: dict[int, float], reference_mz: NDArray[np.float64], reference_intensity: NDArray[np.float64]) -> float:
    """About the greatest share of the query's signal that a reference can account for.

    Parameters
    ----------
    query : dict of int to float
        Intensity at each unit mass; not empty.
    reference_mz, reference_intensity : ndarray of float64
        Shape ``(n_peaks,)``, ascending m/z.

    Returns
    -------
    float
        From 0 to 1: the greatest, over the three strongest peaks of the reference, of the query's intensity there divided by the
        reference's, both as shares of the range that both record.  A peak that the query lacks counts as its smallest recorded one.
        1, where the query's range leaves fewer than three peaks of the reference.
    """
    recorded = reference_mz >= min(query) - 0.5
    mz, intensity = reference_mz[recorded], reference_intensity[recorded]
    if len(mz) < _STRONGEST:
        return 1.0
    floor = min(query.values())
    total = sum(height for mass, height in query.items() if mass >= mz[0] - 0.5)
    reference_total = float(intensity.sum())
    strongest = np.argsort(-intensity, kind="stable")[:_STRONGEST]
    room = (max(query.get(round(float(mz[i])), 0.0), floor) / (float(intensity[i]) / reference_total) for i in strongest)
    return min(1.0, max(room) / total) if total > 0 else 1.0


def hidden_shares(
    spectrum: MassSpectrum, members: Iterable[Library], *, skeletons: frozenset[str] = frozenset(), drug_class: str | None = None
) -> dict[str, float]:
    """The greatest share that each reference of some substances could have in a spectrum.

    Parameters
    ----------
    spectrum : MassSpectrum
        One of the whole sample that :func:`can_show_limits`.
    members : iterable of Library
    skeletons : frozenset of str
        Whose references are asked for.
    drug_class : str, optional
        A class whose references are asked for as well.

    Returns
    -------
    dict of str to float
        By skeleton; the greatest over the references of one substance.  Empty where no library has one.
    """
    unit_masses = nominal(spectrum.mz, spectrum.intensity)
    query = {int(mz): float(height) for mz, height in zip(unit_masses.mz.tolist(), unit_masses.intensity.tolist(), strict=True) if height > 0}
    found: dict[str, float] = {}
    for member in members:
        if "ei.substance" not in member or not query:
            continue
        by_skeleton, by_class = _rows(member)
        asked = {skeleton: by_skeleton[skeleton] for skeleton in skeletons if skeleton in by_skeleton}
        asked |= {skeleton: by_skeleton[skeleton] for skeleton in by_class.get(drug_class or "", ())}
        for skeleton, rows in asked.items():
            for row in rows:
                peaks = slice(*member["ei.peak_start"][row : row + 2])
                share = greatest_share(query, member["ei.mz"][peaks], member["ei.intensity"][peaks])
                found[skeleton] = max(found.get(skeleton, 0.0), share)
    return found


# By the hash of a library: reading the names of all its substances takes longer than everything else here.
_ROWS: dict[str, tuple[dict[str, list[int]], dict[str, list[str]]]] = {}


def _rows(member: Library) -> tuple[dict[str, list[int]], dict[str, list[str]]]:
    """The EI references of each skeleton, and the skeletons of each drug class, labelled compounds apart."""
    if member.sha256 not in _ROWS:
        by_skeleton: dict[str, list[int]] = {}
        by_class: dict[str, list[str]] = {}
        for row, number in enumerate(member["ei.substance"].tolist()):
            substance = member.substance(int(number))
            if substance.isotope_labelled:
                continue
            if substance.skeleton not in by_skeleton and substance.drug_class is not None:
                by_class.setdefault(substance.drug_class, []).append(substance.skeleton)
            by_skeleton.setdefault(substance.skeleton, []).append(row)
        _ROWS[member.sha256] = (by_skeleton, by_class)
    return _ROWS[member.sha256]


def published_limit(technique: str) -> tuple[float, str] | None:
    """The percent by mass below which a technique is known to miss a component, and the source; None where none is at hand."""
    return next(((float(row["percent"]), row["source"]) for row in _published() if row["technique"] == technique), None)


@lru_cache(maxsize=1)
def _published() -> Sequence[dict[str, str]]:
    with (resources.files("nps_ident.confidence") / "detection_limits.tsv").open(encoding="utf-8") as lines:
        return tuple(csv.DictReader(lines, delimiter="\t"))
