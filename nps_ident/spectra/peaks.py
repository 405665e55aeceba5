"""The peak recipe: from a spectrum as a file gives it to a query that can be compared."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from nps_ident.model import Finding, Polarity, Severity, Technique

if TYPE_CHECKING:
    from nps_ident.model import MassSpectrum

__all__ = ["HIGHEST_MZ", "MIN_PEAKS", "PRINCIPAL_IONS", "is_unit_mass", "prepare", "principal_ions"]

MIN_PEAKS = 3
"""Fewer positive peaks than this identify nothing: one shared peak alone can give a cosine of 0.83 (docs/probability.md)."""
PRINCIPAL_IONS = 20
"""Most ions a spectrum of a principal-ion table has, each at least 1 % of the base peak (docs/reference_data.md)."""
LOWEST_MZ, HIGHEST_MZ = 1.0, 50_000.0
"""No ion is lighter than a proton, and no substance here is near the other end; beyond it stand slips and attacks on memory."""
_WEAKEST, _STRONGEST = 1e-30, 1e30
"""No detector counts so little or so much; beyond them sums and ratios leave the range of a float."""
UNIT_MASS_DEVIATION = 0.05
"""m/z this close to whole numbers throughout were recorded or rounded to unit mass."""


def is_unit_mass(spectrum: MassSpectrum) -> bool:
    """Whether all m/z are whole numbers within 0.05: a quadrupole's spectrum, as EI libraries hold them."""
    return bool(spectrum.n_peaks) and bool(np.all(np.abs(spectrum.mz - np.rint(spectrum.mz)) <= UNIT_MASS_DEVIATION))


def prepare(spectrum: MassSpectrum) -> MassSpectrum:
    """Sort by m/z, drop what is no peak, sum peaks of equal m/z; say in findings what was done.

    Returns
    -------
    MassSpectrum
        ``mz`` ascending and unique, ``intensity`` > 0; possibly without peaks.  Where the file names no technique, unit masses without a
        precursor are taken for EI-MS, with a warning (``SPEC-001``); a precursor that no ion has is dropped with one (``SPEC-006``),
        and so are an adduct and a polarity that contradict each other (``SPEC-007``).
    """
    findings: list[Finding] = []

    def note(code: str, text: str, severity: Severity = Severity.INFO) -> None:
        findings.append(Finding(code=code, severity=severity, text=text))

    mz, intensity = spectrum.mz, spectrum.intensity
    good = (mz >= LOWEST_MZ) & (mz <= HIGHEST_MZ) & (np.abs(intensity) <= _STRONGEST)  # NaN is none of these
    if not good.all():
        text = f"{np.count_nonzero(~good)} peaks whose m/z ({LOWEST_MZ:g} to {HIGHEST_MZ:,.0f}) or intensity no instrument gives were left out."
        note("SPEC-002", text, Severity.WARNING)
    if np.any(intensity[good] < 0):
        note("SPEC-003", f"{np.count_nonzero(intensity[good] < 0)} peaks of negative intensity were left out.", Severity.WARNING)
    keep = good & (intensity >= _WEAKEST)
    mz, intensity = mz[keep], intensity[keep]
    if np.any(np.diff(mz) < 0):
        note("SPEC-004", "The peaks were not in order of m/z; they were sorted.")
        order = np.argsort(mz, kind="stable")
        mz, intensity = mz[order], intensity[order]
    if np.any(np.diff(mz) == 0):
        unique, first = np.unique(mz, return_index=True)
        note("SPEC-005", f"{len(mz) - len(unique)} peaks repeat an m/z; equal m/z were summed.", Severity.WARNING)
        mz, intensity = unique, np.add.reduceat(intensity, first)
    prepared = replace(spectrum, mz=mz, intensity=intensity)
    precursor = spectrum.precursor_mz
    if precursor is not None and not LOWEST_MZ <= precursor <= HIGHEST_MZ:
        note("SPEC-006", f"The precursor m/z {precursor:g} is that of no ion; it was left out.", Severity.WARNING)
        prepared = replace(prepared, precursor_mz=None, precursor_decimals=None)
    charge = (prepared.adduct or "").strip()[-1:]
    if charge and {"+": Polarity.NEGATIVE, "-": Polarity.POSITIVE}.get(charge) is prepared.polarity is not None:
        text = f"The adduct {prepared.adduct} and {prepared.polarity.value} polarity contradict each other; neither was used."
        note("SPEC-007", text, Severity.WARNING)
        prepared = replace(prepared, adduct=None, polarity=None)
    if prepared.technique is None and prepared.precursor_mz is None and is_unit_mass(prepared):
        note("SPEC-001", "The file names no technique; unit masses without a precursor were taken for EI-MS.", Severity.WARNING)
        prepared = replace(prepared, technique=Technique.EI_MS)
    return prepared.with_findings(findings) if findings else prepared


def principal_ions(spectrum: MassSpectrum) -> MassSpectrum:
    """Cut a prepared spectrum to its principal ions, as the tables that ship are cut: at most 20, each at least 1 % of the base peak.

    A truncated reference says nothing about small peaks, so that a query is compared with it only after the same cut.
    """
    if not spectrum.n_peaks:
        return spectrum
    keep = np.argsort(-spectrum.intensity, kind="stable")[:PRINCIPAL_IONS]
    keep = np.sort(keep[spectrum.intensity[keep] >= 0.01 * spectrum.intensity.max()])
    return replace(spectrum, mz=spectrum.mz[keep], intensity=spectrum.intensity[keep])
