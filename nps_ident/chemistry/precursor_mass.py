"""The mass of the molecule behind a measured precursor, and how sure its adduct is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nps_ident.chemistry.formula import neutral_mass
from nps_ident.errors import ChemistryError
from nps_ident.model import Polarity

if TYPE_CHECKING:
    from nps_ident.model import MassSpectrum

__all__ = ["LIKELY_ADDUCTS", "NeutralMass", "neutral_mass_of"]

LIKELY_ADDUCTS: dict[Polarity, tuple[tuple[str, float], ...]] = {
    Polarity.POSITIVE: (("[M+H]+", 0.936), ("[M]+", 0.040), ("[M+Na]+", 0.015), ("[M-H2O+H]+", 0.004), ("[M+NH4]+", 0.002)),
    Polarity.NEGATIVE: (("[M-H]-", 0.905), ("[M+HCOO]-", 0.043), ("[M+CH3COO]-", 0.038), ("[M-2H]-", 0.010), ("[M+Cl]-", 0.001)),
}
"""What a precursor is where nobody says: the share of each adduct among 69,515 (positive) and 31,309 (negative) MS/MS records that name one,
MassBank 2025.05.1 (https://github.com/MassBank/MassBank-data) with Fentanyl-Hunter standards; other notations of one ion counted together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NeutralMass:
    """Monoisotopic mass of the neutral molecule behind a precursor.

    Parameters
    ----------
    mass_da : float or None
        None without a precursor.
    half_width_da : float
        Half the last decimal that the precursor is given with, or 1 mDa where that is more: the mass is known no better.
    adduct : str or None
        The one it was reckoned with.
    stated : bool
        Whether the file names the adduct, in a notation that is understood.
    probability : float
        That the adduct is right: 1 where it is stated, else its share in :data:`LIKELY_ADDUCTS`.
    alternatives : tuple of (str, float)
        The other adducts it may be, with their masses in Da, likeliest first; empty where one is stated.
    why : str
        A sentence for a finding where something was assumed or is missing; else empty.
    """

    mass_da: float | None
    half_width_da: float = 0.0
    adduct: str | None = None
    stated: bool = False
    probability: float = 0.0
    alternatives: tuple[tuple[str, float], ...] = ()
    why: str = ""


def neutral_mass_of(spectrum: MassSpectrum) -> NeutralMass:
    """What the molecule weighs by its precursor.

    The stated adduct is believed.  Where none is stated or understood, the likeliest of the polarity is taken and that is said; without a
    polarity, the likeliest of all, with half its probability.
    """
    precursor = spectrum.precursor_mz
    if precursor is None:
        return NeutralMass(mass_da=None, why="The spectrum names no precursor, so that its molecular mass is not known.")
    decimals = spectrum.precursor_decimals
    half_width = max(0.001, 0.5 * 10.0**-decimals) if decimals is not None else 0.001
    unreadable = ""
    if spectrum.adduct:
        try:
            mass = neutral_mass(precursor, spectrum.adduct)
        except ChemistryError:  # "M+H", "unknown" and other words that are no adduct notation
            unreadable = f"The adduct {spectrum.adduct[:40]!r} is not understood"
        else:
            return NeutralMass(mass_da=mass, half_width_da=half_width, adduct=spectrum.adduct, stated=True, probability=1.0)
    likely = LIKELY_ADDUCTS[spectrum.polarity or Polarity.POSITIVE]
    (first, share), *others = likely
    known_polarity = "" if spectrum.polarity else ", and no polarity"
    masses = tuple((adduct, neutral_mass(precursor, adduct)) for adduct, _ in others)
    if not spectrum.polarity:
        other = LIKELY_ADDUCTS[Polarity.NEGATIVE][0][0]
        masses, share = ((other, neutral_mass(precursor, other)), *masses), share / 2.0
    return NeutralMass(
        mass_da=neutral_mass(precursor, first),
        half_width_da=half_width,
        adduct=first,
        probability=share,
        alternatives=masses,
        why=f"{unreadable or 'The file names no adduct'}{known_polarity}; {first} was taken.",
    )
