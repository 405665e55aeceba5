"""Whether the scans of a file are spectra to be answered one by one, or a run to be taken apart into components."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from nps_ident.errors import FormatError, InputError
from nps_ident.io import andi, mzml
from nps_ident.io.reading import scan_spectra
from nps_ident.model import Finding, MassSpectrum, Run, Severity, Technique

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["LEAST_SCANS", "read_run", "scan_queries"]

LEAST_SCANS = 12
"""Scans of a run at least: a chromatographic peak alone takes about ten (Stein 1999 looks at windows of 12 on each side)."""
QUADRUPOLE_STEP = 0.05
"""Quadrupoles of GC–MS write m/z in steps of 0.05 or 0.1; accurate masses fall on no such grid."""
_MOST_OUT_OF_ORDER = 0.1


def scan_queries(
    path: str | Path, *, report: Callable[[InputError], None], technique: Technique | None = None
) -> Iterator[MassSpectrum | Run]:
    """Read what a file asks: spectrum by spectrum, or as one run where its scans are those of a GC–MS run by EI.

    A run is at least :data:`LEAST_SCANS` scans of the first stage with ascending retention times, by EI-MS as the file or ``technique``
    says; where neither says, m/z in steps of 0.05 are taken for those of a quadrupole with electron ionisation, with a finding.  Where a
    run is cut off, what could be read of it is given, with a finding.

    Parameters
    ----------
    path : path-like
    report : callable
        Given each fault; reading goes on with what can still be read.
    technique : Technique, optional
        Used where the file does not say.
    """
    faults: list[InputError] = []

    def told(error: InputError) -> None:
        faults.append(error)
        report(error)

    scans: list[MassSpectrum] = []
    collecting = True
    for spectrum in scan_spectra(path, report=told, technique=technique):
        if collecting and _is_scan(spectrum):
            scans.append(spectrum)
            continue
        if collecting:
            collecting = False
            yield from scans
            scans = []
        yield spectrum
    if not scans:
        return
    run = _run(scans, faults, report)
    if run is None:
        yield from scans
    else:
        yield run


def read_run(path: str | Path, *, report: Callable[[InputError], None], technique: Technique | None = None) -> Run:
    """Read a file that must be a GC–MS run.

    Raises
    ------
    InputError
        When its scans are none.
    """
    found = next(scan_queries(path, report=report, technique=technique), None)
    if not isinstance(found, Run):
        raise InputError(f"{path}: is no GC–MS run; expected {LEAST_SCANS} scans or more by EI-MS with ascending retention times.")
    return found


def _is_scan(spectrum: MassSpectrum) -> bool:
    return spectrum.retention_time_s is not None and spectrum.precursor_mz is None and spectrum.technique in {Technique.EI_MS, None}


def _run(scans: list[MassSpectrum], faults: list[InputError], report: Callable[[InputError], None]) -> Run | None:
    """The run that scans make, or None where they are no run."""
    times = np.array([scan.retention_time_s for scan in scans])
    latest = np.maximum.accumulate(times)
    in_order = np.concatenate([[True], times[1:] > latest[:-1]])
    kept = [scan for scan, keep in zip(scans, in_order, strict=True) if keep]
    if len(kept) < LEAST_SCANS or len(kept) < (1.0 - _MOST_OUT_OF_ORDER) * len(scans):
        return None
    findings: list[Finding] = []
    if any(scan.technique is None for scan in kept):
        if _names_another_source(kept) or not _on_quadrupole_grid(kept):
            return None
        text = "The run names no technique; m/z in steps of 0.05 were taken for those of a quadrupole with electron ionisation (EI-MS)."
        findings.append(Finding(code="SPEC-001", severity=Severity.WARNING, text=text))
    source = scans[0].source
    path = source.file if source else scans[0].name
    if len(kept) < len(scans):
        fault = FormatError(path, f"{len(scans) - len(kept)} scans whose time does not ascend (they were left out)", "ascending times")
        faults.append(fault)
        report(fault)
    if faults:
        text = f"The run could not be read whole: {len(kept)} scans up to {times.max():.1f} s were; the first fault: {faults[0]}"
        findings.append(Finding(code="FILE-015", severity=Severity.WARNING, text=text))
    for note in dict.fromkeys(finding for scan in kept for finding in scan.findings):
        findings.append(note)
    return Run(
        name=scans[0].name.rpartition("#")[0] or scans[0].name if source is None else _stem(source.file),
        scans=tuple(kept),
        technique=Technique.EI_MS,
        source=None if source is None else replace(source, index=0),
        findings=tuple(findings),
    )


def _stem(file: str) -> str:
    from pathlib import Path

    path = Path(file)
    return Path(path.stem).stem if path.suffix.lower() in {".gz", ".gzip"} else path.stem


def _names_another_source(scans: list[MassSpectrum]) -> bool:
    """Whether the file states an ion source, and not electron ionisation, of scans that are not known to be by EI."""
    fields = {andi.IONISATION_FIELD, mzml.IONISATION_FIELD}
    return any(name in fields and value for scan in scans if scan.technique is None for name, value in scan.metadata)


def _on_quadrupole_grid(scans: list[MassSpectrum]) -> bool:
    mz = np.concatenate([scan.mz for scan in scans])
    steps = mz / QUADRUPOLE_STEP
    return bool(len(mz)) and bool(np.all(np.abs(steps - np.rint(steps)) * QUADRUPOLE_STEP < 2e-3))
