"""Whether a spectrum can be that of a substance: before it becomes a reference, since a wrong one answers wrongly for ever."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nps_ident.catalogue.checks import highest_ion
from nps_ident.catalogue.ei_checks import MOST_SHIFT_MARGIN, strongest_ions
from nps_ident.catalogue.ei_plausibility import molecules_of, shift_margin, shipped_statistics
from nps_ident.chemistry.formula import ELECTRON_MASS, ion_mz
from nps_ident.errors import CatalogueError, ChemistryError
from nps_ident.model import Finding, Polarity, Severity, Technique, Tolerance
from nps_ident.spectra.peaks import MIN_PEAKS, prepare

if TYPE_CHECKING:
    from nps_ident.model import MassSpectrum, Substance

__all__ = ["check_reference"]

_FOREIGN_SHARE = 0.05
"""Above the molecule, a peak this strong (of the base peak) is of another compound: column bleed and background of routine EI spectra stay
below it, the molecular ion of a mistaken substance mostly does not.  Set by judgement.  Weaker ones are a finding from 1 % on, the share at
which the reference tables are cut (``reference_spectra/README.md``)."""
_NOTED_SHARE = 0.01

# Where a record names no adduct: the commonest ions of electrospray (Keller et al. 2008, doi:10.1016/j.aca.2008.04.043, tables of adducts).
_USUAL_ADDUCTS = {
    Polarity.POSITIVE: ("[M+H]+", "[M+Na]+", "[M+NH4]+", "[M+K]+", "[M-H2O+H]+", "[M+2H]2+", "[M]+"),
    Polarity.NEGATIVE: ("[M-H]-", "[M+Cl]-", "[M+CHO2]-", "[M+C2H3O2]-", "[M]-"),
}


def _precursor_window(decimals: int | None) -> Tolerance:
    """As wide as the file's rounding, and never narrower than mass calibration allows (20 ppm)."""
    return Tolerance.wider(da={None: 0.5, 0: 0.6, 1: 0.15, 2: 0.02}.get(decimals, 0.005), ppm=20)


def check_reference(spectrum: MassSpectrum, substance: Substance) -> MassSpectrum:
    """Check a spectrum against the substance that it is said to be of.

    Parameters
    ----------
    spectrum : MassSpectrum
        As read.
    substance : Substance
        With ``formula`` and ``exact_mass``.

    Returns
    -------
    MassSpectrum
        Its peaks prepared (:func:`nps_ident.spectra.peaks.prepare`), with the technique and adduct that were taken where the file names
        none; findings say all of it.

    Raises
    ------
    CatalogueError
        When its label names another structure, it has too few peaks, no technique, or another mass.
    """
    where = f"{spectrum.source.file} #{spectrum.source.index}" if spectrum.source else spectrum.name
    prepared = prepare(spectrum)
    if prepared.technique is None:
        raise CatalogueError(f"{where}: the spectrum names no technique; expected it in the file, or with --technique.")
    if prepared.n_peaks < MIN_PEAKS:
        raise CatalogueError(f"{where}: the spectrum has {prepared.n_peaks} peaks; expected at least {MIN_PEAKS}.")
    claimed = spectrum.label.inchikey
    if claimed and substance.inchikey and claimed[:14] != substance.inchikey[:14]:
        raise CatalogueError(f"{where}: the spectrum is labelled {claimed}; expected {substance.inchikey}, the substance proposed.")
    if prepared.technique is Technique.EI_MS:
        return prepared.with_findings(_ei(prepared, substance, where))
    if prepared.technique is Technique.MSMS:
        return _msms(prepared, substance, where)
    return prepared.with_findings(_dart(prepared, substance))


def _ei(spectrum: MassSpectrum, substance: Substance, where: str) -> list[Finding]:
    top = highest_ion(substance.formula or "") + 0.5
    above = spectrum.mz > top
    findings = _shifted(spectrum, substance)
    if not above.any():
        return findings
    share = float(spectrum.intensity[above].max() / spectrum.intensity.max())
    strongest = float(spectrum.mz[above][spectrum.intensity[above].argmax()])
    if share >= _FOREIGN_SHARE:
        raise CatalogueError(
            f"{where}: a peak of {share:.0%} stands at m/z {strongest:g}, above the molecule; "
            f"expected none above {top:.0f} for {substance.formula}."
        )
    if share < _NOTED_SHARE:
        return findings
    text = f"A peak of {share:.1%} stands at m/z {strongest:g}, above the molecule of {substance.formula}: background, or another compound."
    return [Finding(code="REG-201", severity=Severity.WARNING, text=text), *findings]


def _shifted(spectrum: MassSpectrum, substance: Substance) -> list[Finding]:
    """Whether the ions would suit the molecule far better one mass unit off: a wrong mass axis, or a wrong bin boundary in an export."""
    if not substance.smiles or not substance.formula or not substance.inchikey:
        return []
    key = substance.inchikey
    molecules = molecules_of({key: (substance.smiles, substance.formula)})
    margin, shift = shift_margin(strongest_ions(spectrum), key, molecules, shipped_statistics())
    if margin <= MOST_SHIFT_MARGIN:
        return []
    better = f"The ions would suit {substance.formula} better {shift:+d} mass unit (by {margin:.2f})"
    text = f"{better}: check the mass axis, and how m/z were rounded."
    return [Finding(code="REG-205", severity=Severity.WARNING, text=text)]


def _msms(spectrum: MassSpectrum, substance: Substance, where: str) -> MassSpectrum:
    if spectrum.precursor_mz is None:
        text = "The spectrum names no precursor, so its mass could not be checked, and no precursor search finds it."
        return spectrum.with_findings([Finding(code="REG-202", severity=Severity.WARNING, text=text)])
    mass = substance.exact_mass or 0.0
    window = _precursor_window(spectrum.precursor_decimals).at(spectrum.precursor_mz)
    adducts = (spectrum.adduct,) if spectrum.adduct else _USUAL_ADDUCTS[spectrum.polarity or Polarity.POSITIVE]
    try:
        expected = {adduct: ion_mz(mass, adduct) for adduct in adducts}
    except ChemistryError as error:
        raise CatalogueError(f"{where}: {error}") from None
    fitting = [adduct for adduct, mz in expected.items() if abs(mz - spectrum.precursor_mz) <= window]
    if not fitting:
        wanted = " or ".join(f"{mz:.4f} ({adduct})" for adduct, mz in list(expected.items())[:2])
        raise CatalogueError(
            f"{where}: the precursor is m/z {spectrum.precursor_mz:g}; expected {wanted} for {substance.formula}, so it is of another mass."
        )
    if spectrum.adduct:
        return spectrum
    text = f"The file names no adduct; {fitting[0]} was taken, which its precursor fits."
    return replace(spectrum, adduct=fitting[0]).with_findings([Finding(code="REG-203", severity=Severity.WARNING, text=text)])


def _dart(spectrum: MassSpectrum, substance: Substance) -> list[Finding]:
    """The ion of the whole molecule should be there; at high voltage it may not, so its absence is a finding."""
    mass, window = substance.exact_mass or 0.0, Tolerance.wider(da=0.02, ppm=20)
    ions = (ion_mz(mass, "[M+H]+"), mass - ELECTRON_MASS)
    if any(bool((abs(spectrum.mz - mz) <= window.at(mz)).any()) for mz in ions):
        return []
    text = f"No peak stands at m/z {ions[0]:.4f}, the protonated molecule; expected it in at least one voltage."
    return [Finding(code="REG-204", severity=Severity.WARNING, text=text)]
