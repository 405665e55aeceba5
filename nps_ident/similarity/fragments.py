"""Coverage of a list of fragments without intensities.

For substances of which only fragment masses are published, as in the consensus lists of HighResNPS
(https://pmc.ncbi.nlm.nih.gov/articles/PMC7660508, 2020), and for diagnostic ions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nps_ident.errors import InputError
from nps_ident.similarity.pairing import candidate_pairs, one_to_one, usable_peaks

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from nps_ident.model import MassSpectrum, Tolerance

__all__ = ["FragmentCoverage", "fragment_coverage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FragmentCoverage:
    """How much of a fragment list a spectrum shows, and how much of the spectrum the list explains.

    Parameters
    ----------
    found : tuple of float
        The listed masses that were found, ascending.
    missing : tuple of float
        The others.
    share : float
        Found of listed, 0 to 1.
    explained : float
        Share of the query's intensity in the peaks that were found, 0 to 1.
    """

    found: tuple[float, ...]
    missing: tuple[float, ...]
    share: float
    explained: float


def fragment_coverage(query: MassSpectrum, fragments: ArrayLike, *, tolerance: Tolerance) -> FragmentCoverage:
    """Find listed fragments in a spectrum; each peak stands for one fragment at most.

    Parameters
    ----------
    query : MassSpectrum
        Peaks in any order.
    fragments : array_like of float
        m/z in any order; a mass listed twice counts once.
    tolerance : Tolerance
        Pairing window.

    Returns
    -------
    FragmentCoverage
        ``share`` and ``explained`` are 0 for an empty list and for a spectrum without usable peaks.

    Raises
    ------
    InputError
        When a peak or a listed mass is NaN, infinite, or a listed mass is not positive.
    """
    listed = np.unique(np.asarray(fragments, dtype=np.float64))
    if listed.ndim != 1 or not (np.isfinite(listed) & (listed > 0)).all():
        raise InputError(f"A fragment list must hold positive, finite m/z. Got {listed.tolist()}.")
    mz, intensity = usable_peaks(query)
    index_q, index_f = candidate_pairs(mz, listed, tolerance)
    distance = np.abs(mz[index_q] - listed[index_f])
    # The closest peak, not the highest, is the fragment: a list has no intensities that could outweigh a mass.
    chosen = one_to_one(index_q, index_f, -distance, distance=distance)
    hit = np.zeros(len(listed), dtype=bool)
    hit[index_f[chosen]] = True
    return FragmentCoverage(
        found=tuple(listed[hit].tolist()),
        missing=tuple(listed[~hit].tolist()),
        share=float(hit.mean()) if len(listed) else 0.0,
        explained=float(min(intensity[index_q[chosen]].sum() / intensity.sum(), 1.0)) if len(mz) else 0.0,
    )
