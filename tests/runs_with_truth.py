"""Runs of known content: Gaussian peaks of known spectra with counting noise on a rising baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nps_ident.model import MassSpectrum, Run, Source, Technique

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Peak = tuple[float, float, "Mapping[int, float]"]
"""Apex in seconds, height of the base peak in counts, spectrum by unit mass with 1 as its base peak."""

FIRST = {44: 1.0, 91: 0.45, 65: 0.2, 119: 0.5, 134: 0.3, 77: 0.15, 58: 0.35}
SECOND = {58: 1.0, 91: 0.6, 148: 0.55, 77: 0.25, 105: 0.4, 163: 0.2, 65: 0.15}
"""Two made-up spectra that share m/z 58, 65, 77 and 91."""


def run_of(
    peaks: Sequence[Peak],
    *,
    step_s: float = 0.4,
    duration_s: float = 120.0,
    width_s: float = 2.4,
    background: Mapping[int, float] | None = None,
    noise: float = 1.0,
    electronic: float = 20.0,
    ceiling: float | None = None,
    seed: int = 4,
    name: str = "run",
) -> Run:
    """A run with those peaks, each ``width_s`` wide at half height.

    ``background`` gives counts at the end of the run, from which it falls to half at the beginning; ``noise`` is the standard deviation over
    the root of the counts; with ``electronic`` counts of 0 half of the noise is cut off at zero; ``ceiling`` is where the detector saturates.
    """
    rng = np.random.default_rng(seed)
    times = np.arange(60.0, 60.0 + duration_s, step_s)
    masses = sorted({mass for _, _, spectrum in peaks for mass in spectrum} | set(background or {}))
    table = np.zeros((len(times), len(masses)))
    for apex, height, spectrum in peaks:
        shape = np.exp(-4.0 * np.log(2.0) * ((times - apex) / width_s) ** 2)
        for mass, share in spectrum.items():
            table[:, masses.index(mass)] += height * share * shape
    for mass, height in (background or {}).items():
        table[:, masses.index(mass)] += height * np.linspace(0.5, 1.0, len(times))
    table += electronic
    table = np.maximum(table + noise * np.sqrt(table + 20.0 - electronic) * rng.standard_normal(table.shape), 0.0)
    if ceiling is not None:
        table = np.minimum(table, ceiling)
    scans = tuple(
        MassSpectrum(
            name=f"{name}#{i}",
            technique=Technique.EI_MS,
            mz=np.array(masses, dtype=float)[row > 0],
            intensity=row[row > 0],
            retention_time_s=float(time),
        )
        for i, (time, row) in enumerate(zip(times, table, strict=True))
    )
    return Run(name=name, scans=scans, technique=Technique.EI_MS, source=Source(file=f"{name}.cdf", index=0, sha256="0" * 64))


def likeness(spectrum: MassSpectrum, truth: Mapping[int, float]) -> float:
    """Cosine of the square roots of the intensities."""
    found = dict(zip(spectrum.mz.tolist(), spectrum.intensity.tolist(), strict=True))
    masses = sorted(set(found) | set(truth))
    a, b = (np.sqrt([given.get(mass, 0.0) for mass in masses]) for given in (found, truth))
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
