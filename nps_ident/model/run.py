"""A GC–MS run: scans in the order of time, and the components found in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nps_ident.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nps_ident.model.finding import Finding
    from nps_ident.model.spectrum import MassSpectrum, Source, Technique

__all__ = ["Component", "Run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Scans of one injection.

    Parameters
    ----------
    name : str
        The file's name without its extension.
    scans : tuple of MassSpectrum
        Each with its ``retention_time_s``, which ascend; a scan may have no peaks.
    technique : Technique
        Of all scans.
    source : Source or None
        The file; its index is 0, since a file holds one run.
    findings : tuple of Finding
        What had to be noted when it was read.

    Raises
    ------
    InputError
        When there is no scan, or the retention times are missing or do not ascend.
    """

    name: str
    scans: tuple[MassSpectrum, ...]
    technique: Technique
    source: Source | None = None
    findings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        times = [scan.retention_time_s for scan in self.scans]
        if not times or None in times:
            raise InputError(f"{self.name}: a run needs scans, each with its retention time.")
        if np.any(np.diff(self.times_s) <= 0):
            raise InputError(f"{self.name}: the retention times of a run must ascend.")

    @property
    def times_s(self) -> NDArray[np.float64]:
        """Retention time of each scan in seconds, shape ``(n_scans,)``."""
        return np.array([scan.retention_time_s for scan in self.scans], dtype=np.float64)

    @property
    def total_ion_current(self) -> NDArray[np.float64]:
        """Sum of the intensities of each scan, shape ``(n_scans,)``; 0 for a scan without peaks."""
        return np.array([float(scan.intensity.sum()) for scan in self.scans])


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """What eluted as one peak.

    Parameters
    ----------
    spectrum : MassSpectrum
        Its clean spectrum, at unit mass, with ``retention_time_s`` of the apex, ``retention_index`` where a ladder gave one, and in
        ``findings`` what was noted about it; ``source.index`` counts the components of the run from 0.
    area_share : float
        Share of the area of all components of the run, 0 to 1: of signal, never of mass.
    is_background : bool
        Whether it is column bleed or stands in the blank as well: shown, but no statement about the sample.
    """

    spectrum: MassSpectrum
    area_share: float
    is_background: bool = False

    @property
    def retention_time_s(self) -> float:
        """Of its apex."""
        return float(self.spectrum.retention_time_s or 0.0)
