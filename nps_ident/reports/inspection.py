"""What is odd about a spectrum as it was read: its peaks, and what its label says against itself.

The peak findings are those of preparation (:mod:`nps_ident.spectra.peaks`); the rest are added here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from nps_ident.chemistry.formula import exact_mass, ion_mz
from nps_ident.errors import ChemistryError
from nps_ident.library.search_msms import precursor_tolerance
from nps_ident.model import Finding, Severity, Technique
from nps_ident.spectra.peaks import MIN_PEAKS, is_unit_mass, prepare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nps_ident.model import MassSpectrum

__all__ = ["oddities"]

_MASS_TOLERANCE_DA = 0.01
"""A stated monoisotopic mass and that of the stated formula agree within this: files give masses to two decimals and better."""
_ISOTOPE_DA = 4.5
"""Isotope peaks of a precursor (two chlorines or one bromine and 13C) lie up to 4 Da above it."""


def oddities(spectrum: MassSpectrum) -> tuple[Finding, ...]:
    """Find what is odd about a spectrum as read; nothing is changed.

    Returns
    -------
    tuple of Finding
        The reader's own findings, then those about the peaks, the precursor and the label; empty when nothing is odd.
    """
    return (*prepare(spectrum).findings, *_peaks(spectrum), *_precursor(spectrum), *_label(spectrum))


def _warning(code: str, text: str) -> Finding:
    return Finding(code=code, severity=Severity.WARNING, text=text)


def _peaks(spectrum: MassSpectrum) -> Iterator[Finding]:
    mz, intensity = spectrum.mz, spectrum.intensity
    n_zero, n_positive = int(np.count_nonzero(intensity == 0)), int(np.count_nonzero((intensity > 0) & (mz > 0)))
    if n_zero:
        yield Finding(code="SPEC-021", severity=Severity.INFO, text=f"{n_zero} of {len(mz)} peaks have no intensity.")
    if n_positive < MIN_PEAKS:
        yield _warning("SPEC-022", f"{n_positive} positive peaks are too few to identify anything; at least {MIN_PEAKS} are needed.")
    if spectrum.technique is Technique.EI_MS and n_positive and not is_unit_mass(spectrum):
        text = "The EI m/z are not whole numbers; they are compared at unit mass."
        yield Finding(code="SPEC-023", severity=Severity.INFO, text=text)


def _precursor(spectrum: MassSpectrum) -> Iterator[Finding]:
    precursor = spectrum.precursor_mz
    if precursor is None:
        if spectrum.technique is Technique.MSMS:
            yield _warning("SPEC-024", "The MS/MS spectrum has no precursor m/z.")
        return
    # In-source fragments of DART have no selected precursor: what lies above may be another substance, and is no fault.
    above = spectrum.mz[(spectrum.intensity > 0) & (spectrum.mz > precursor + _ISOTOPE_DA)]
    charge_may_be_higher = spectrum.adduct is not None and any(mark in spectrum.adduct for mark in ("2+", "3+", "2-", "3-"))
    if len(above) and not charge_may_be_higher and spectrum.technique is not Technique.DART_MS:
        yield _warning("SPEC-025", f"{len(above)} peaks lie above the precursor m/z {precursor:g}, the highest at {above.max():g}.")
    mass = _mass(spectrum)
    if mass is not None and spectrum.adduct is not None:
        try:
            expected = ion_mz(mass, spectrum.adduct)
        except ChemistryError:
            yield _warning("SPEC-026", f"The adduct {spectrum.adduct!r} cannot be read.")
            return
        if abs(expected - precursor) > precursor_tolerance(spectrum).at(expected):
            text = f"The precursor m/z {precursor:g} is not that of the labelled mass as {spectrum.adduct} ({expected:.4f})."
            yield _warning("SPEC-027", text)


def _mass(spectrum: MassSpectrum) -> float | None:
    """Of the formula, else as stated."""
    try:
        return exact_mass(spectrum.label.formula) if spectrum.label.formula else spectrum.label.exact_mass
    except ChemistryError:
        return spectrum.label.exact_mass


def _label(spectrum: MassSpectrum) -> Iterator[Finding]:
    label = spectrum.label
    if label.formula:
        try:
            mass = exact_mass(label.formula)
        except ChemistryError as error:
            yield _warning("SPEC-031", f"The labelled formula cannot be read: {error}")
        else:
            if label.exact_mass is not None and abs(mass - label.exact_mass) > _MASS_TOLERANCE_DA:
                text = f"The labelled mass {label.exact_mass:g} is not that of the labelled formula {label.formula} ({mass:.4f})."
                yield _warning("SPEC-032", text)
    written = label.smiles or label.inchi
    if not written:
        return
    kind = "SMILES" if label.smiles else "InChI"
    formula, keys, problem = _of_structure(written)
    if problem is not None:
        yield _warning("SPEC-033", f"The labelled {kind} cannot be read: {problem}")
        return
    if label.inchikey and label.inchikey not in keys:
        if label.inchikey[:14] in {key[:14] for key in keys}:
            text = f"The labelled InChIKey {label.inchikey} and {kind} ({keys[0]}) differ in stereochemistry, isotopes or charge."
            yield Finding(code="SPEC-034", severity=Severity.INFO, text=text)
        else:
            yield _warning("SPEC-035", f"The labelled InChIKey {label.inchikey} is not that of the labelled {kind} ({keys[0]}).")
    if label.formula and formula:
        try:
            differs = abs(exact_mass(label.formula) - exact_mass(formula)) > _MASS_TOLERANCE_DA
        except ChemistryError:
            return
        if differs:
            yield _warning("SPEC-036", f"The labelled formula {label.formula} is not that of the labelled {kind} ({formula}).")


@lru_cache(maxsize=4096)
def _of_structure(text: str) -> tuple[str | None, tuple[str, ...], str | None]:
    """Formula, the InChIKeys of the structure and of its parent, and what is wrong with it."""
    from rdkit.Chem import rdMolDescriptors

    from nps_ident.chemistry.structures import inchikey_of, parent_of, read_structure

    try:
        molecule = read_structure(text)
        return rdMolDescriptors.CalcMolFormula(molecule), (inchikey_of(molecule), parent_of(molecule).inchikey), None
    except ChemistryError as error:
        return None, (), str(error)
