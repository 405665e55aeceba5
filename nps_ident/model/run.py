"""A GC–MS run: scans in the order of time, and the components found in it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from nps_ident.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nps_ident.model.finding import Finding
    from nps_ident.model.spectrum import MassSpectrum, Source, Technique

__all__ = ["AlkaneLadder", "Component", "Run"]

_MOST_UNEVEN = 2.5
"""Neighbouring alkanes of one programme stand nearly evenly; isothermally each step is longer by a factor of at most about two."""


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
    area : float
        Sum over its ions of the area above the baseline, in counts times seconds.
    area_share : float
        Share of the area of all components of the run, 0 to 1: of signal, never of mass.
    is_background : bool
        Whether it is column bleed or stands in the blank as well: shown, but no statement about the sample.
    """

    spectrum: MassSpectrum
    area: float
    area_share: float
    is_background: bool = False

    @property
    def retention_time_s(self) -> float:
        """Of its apex."""
        return float(self.spectrum.retention_time_s or 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlkaneLadder:
    """Retention times of n-alkanes, measured by the method of the runs it is used for.

    Parameters
    ----------
    name : str
        For messages: its file.
    carbon_numbers : tuple of int
        Ascending.
    times_s : tuple of float
        Retention times in seconds.

    Raises
    ------
    InputError
        When there are fewer than two, carbon numbers repeat or lie outside 1 to 100, times do not ascend with them, or the steps per
        carbon jump by more than a factor of 2.5: then a rung is misnamed.
    """

    name: str
    carbon_numbers: tuple[int, ...]
    times_s: tuple[float, ...]

    def __post_init__(self) -> None:
        def refuse(found: str, expected: str) -> None:
            raise InputError(f"{self.name}: the n-alkane ladder {found}; expected {expected}.")

        if len(self.carbon_numbers) < 2 or len(self.carbon_numbers) != len(self.times_s):
            refuse(f"has {len(self.carbon_numbers)} alkanes", "two at least, each with its time")
        if any(not 1 <= number <= 100 for number in self.carbon_numbers):
            refuse(f"names alkanes of {min(self.carbon_numbers)} to {max(self.carbon_numbers)} carbons", "1 to 100")
        for earlier, later in pairwise(zip(self.carbon_numbers, self.times_s, strict=True)):
            if later[0] <= earlier[0]:
                refuse(f"names C{later[0]} behind C{earlier[0]}", "carbon numbers that ascend")
            if not later[1] > earlier[1] >= 0:
                found = f"has C{later[0]} at {later[1]:.2f} s and C{earlier[0]} at {earlier[1]:.2f} s"
                refuse(found, "times that ascend with the carbon number")
        steps = [
            (later[1] - earlier[1]) / (later[0] - earlier[0])
            for earlier, later in pairwise(zip(self.carbon_numbers, self.times_s, strict=True))
        ]
        for i, (step, following) in enumerate(pairwise(steps)):
            if not 1 / _MOST_UNEVEN <= following / step <= _MOST_UNEVEN:
                found = f"goes {step:.1f} s a carbon up to C{self.carbon_numbers[i + 1]} and {following:.1f} s behind it"
                refuse(found, f"neighbouring steps within a factor of {_MOST_UNEVEN:g}: is an alkane misnamed")
        ratios = [following / step for step, following in pairwise(steps)]
        for i, (ratio, following) in enumerate(pairwise(ratios)):
            if not 1 / _MOST_UNEVEN <= following / ratio <= _MOST_UNEVEN:
                found = f"goes {steps[i]:.1f}, {steps[i + 1]:.1f} and {steps[i + 2]:.1f} s a carbon around C{self.carbon_numbers[i + 2]}"
                refuse(found, "steps that grow or shrink evenly: is an alkane misnamed")
