"""Formulae, exact and nominal masses, and the arithmetic of adducts, without any package beyond the standard library.

The mass of a formula is the sum over its *neutral* atoms; electrons are counted where an ion is made, in :func:`ion_mz` and
:func:`neutral_mass`.  A permanent cation M therefore keeps the mass of its atoms, and its ion is ``[M]+``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from nps_ident.errors import ChemistryError

__all__ = [
    "ELECTRON_MASS",
    "Adduct",
    "exact_mass",
    "hill_formula",
    "ion_mz",
    "neutral_mass",
    "nominal_mass",
    "parse_adduct",
    "parse_formula",
]

ELECTRON_MASS = 5.48579909065e-4
"""In unified atomic mass units; CODATA 2018, https://physics.nist.gov/cgi-bin/cuu/Value?meu (2019)."""

# The most abundant isotope of each element met in drugs, their salts and derivatives: mass number and atomic mass in u.
# Masses and abundances: NIST, Atomic Weights and Isotopic Compositions 4.1 (2015), from AME2012 and CIAAW,
# https://www.nist.gov/pml/atomic-weights-and-isotopic-compositions-relative-atomic-masses.
_MOST_ABUNDANT: dict[str, tuple[int, float]] = {
    "H": (1, 1.00782503223),
    "Li": (7, 7.0160034366),
    "Be": (9, 9.012183065),
    "B": (11, 11.00930536),
    "C": (12, 12.0),
    "N": (14, 14.00307400443),
    "O": (16, 15.99491461957),
    "F": (19, 18.99840316273),
    "Na": (23, 22.9897692820),
    "Mg": (24, 23.985041697),
    "Al": (27, 26.98153853),
    "Si": (28, 27.97692653465),
    "P": (31, 30.97376199842),
    "S": (32, 31.9720711744),
    "Cl": (35, 34.968852682),
    "K": (39, 38.9637064864),
    "Ca": (40, 39.962590863),
    "Cr": (52, 51.94050623),
    "Mn": (55, 54.93804391),
    "Fe": (56, 55.93493633),
    "Co": (59, 58.93319429),
    "Ni": (58, 57.93534241),
    "Cu": (63, 62.92959772),
    "Zn": (64, 63.92914201),
    "As": (75, 74.92159457),
    "Se": (80, 79.9165218),
    "Br": (79, 78.9183376),
    "Ag": (107, 106.9050916),
    "Sn": (120, 119.90220163),
    "I": (127, 126.9044719),
    "Pt": (195, 194.9647917),
    "Au": (197, 196.96656879),
    "Hg": (202, 201.9706434),
    "Bi": (209, 208.9803991),
}

# Isotopes used as labels, written ``[13C]`` (D and T for hydrogen); masses as above.
_LABELS: dict[str, tuple[int, float]] = {
    "D": (2, 2.01410177812),
    "T": (3, 3.0160492779),
    "[13C]": (13, 13.00335483507),
    "[14C]": (14, 14.0032419884),
    "[15N]": (15, 15.00010889888),
    "[17O]": (17, 16.99913175650),
    "[18O]": (18, 17.99915961286),
    "[34S]": (34, 33.967867004),
    "[37Cl]": (37, 36.965902602),
    "[81Br]": (81, 80.9162897),
}
_MASSES = {**_MOST_ABUNDANT, **_LABELS}

_LONGEST = 500
"""Characters of a formula or adduct that are read; the longest real ones have under 100, and a hostile field should cost nothing."""

_TOKEN = re.compile(r"\[(\d{1,3})([A-Z][a-z]?)\](\d{0,6})|([A-Z][a-z]?)(\d{0,6})|(\()|\)(\d{0,6})")
_SEPARATOR = re.compile(r"\s*[.·•*]\s*")


def _refused(text: str, why: str) -> ChemistryError:
    return ChemistryError(f"{text[:80]!r} is no formula: {why}; expected element symbols with counts, such as C22H28N2O.")


def _element(text: str, mass_number: str | None, symbol: str) -> str:
    if mass_number is None:
        if symbol not in _MASSES:
            raise _refused(text, f"{symbol!r} is no element this program knows")
        return symbol
    name = {"[2H]": "D", "[3H]": "T"}.get(f"[{mass_number}{symbol}]", f"[{mass_number}{symbol}]")
    if name in _MASSES:
        return name
    if symbol in _MOST_ABUNDANT and _MOST_ABUNDANT[symbol][0] == int(mass_number):
        return symbol
    raise _refused(text, f"{name!r} is no isotope this program knows")


def _add(into: dict[str, int], what: dict[str, int], times: int) -> None:
    for symbol, count in what.items():
        into[symbol] = into.get(symbol, 0) + count * times


def _parse_part(text: str, part: str) -> dict[str, int]:
    """One dot-separated part, whose leading number multiplies it."""
    multiplier = re.match(r"\d{0,4}", part)
    position = multiplier.end() if multiplier else 0
    times = int(part[:position] or 1)
    stack: list[dict[str, int]] = [{}]
    if position == len(part):
        raise _refused(text, "a part of it is empty")
    while position < len(part):
        token = _TOKEN.match(part, position)
        if token is None:
            raise _refused(text, f"{part[position:position + 10]!r} cannot be read")
        mass_number, labelled, labelled_count, symbol, count, opening, closing = token.groups()
        if opening:
            stack.append({})
        elif closing is not None:
            if len(stack) == 1:
                raise _refused(text, "a bracket closes that was never opened")
            inner = stack.pop()
            _add(stack[-1], inner, int(closing or 1))
        elif symbol is not None:
            _add(stack[-1], {_element(text, None, symbol): 1}, int(count or 1))
        else:
            _add(stack[-1], {_element(text, mass_number, labelled): 1}, int(labelled_count or 1))
        position = token.end()
    if len(stack) != 1:
        raise _refused(text, "a bracket is not closed")
    result: dict[str, int] = {}
    _add(result, stack[0], times)
    return result


def parse_formula(text: str) -> dict[str, int]:
    """Count the atoms of a formula.

    Parameters
    ----------
    text : str
        E.g. ``C22H28N2O``, ``C22H23D5N2O``, ``C21[13C]H28N2O``, ``(CH3)2NH``, ``C22H28N2O.HCl`` (all parts summed), ``C21H20N+``
        (the charge is not counted).

    Returns
    -------
    dict of str to int
        Symbol to count, zero counts left out; labels are ``D``, ``T`` and ``[13C]``.

    Raises
    ------
    ChemistryError
        When it is empty, holds an unknown symbol, or anything else that is not a formula.
    """
    stripped = text.strip()
    if not stripped:
        raise _refused(text, "it is empty")
    if len(stripped) > _LONGEST:
        raise _refused(text, f"it has {len(stripped)} characters")
    # A charge is a sign and what follows it ("C21H20N+", "C12H14N2+2"): a digit before it is the count of the last element.
    stripped = re.sub(r"(?:[+-]{1,4}|[+-][1-4])$", "", stripped)
    result: dict[str, int] = {}
    for part in _SEPARATOR.split(stripped):
        _add(result, _parse_part(text, part), 1)
    return {symbol: count for symbol, count in result.items() if count}


def hill_formula(counts: dict[str, int]) -> str:
    """Write atom counts in Hill order: carbon, hydrogen, deuterium, then the alphabet; without carbon the alphabet alone.

    References
    ----------
    Hill 1900, doi:10.1021/ja02046a005.
    """
    first = ["C", "[13C]", "H", "D", "T"] if "C" in counts else []
    order = [symbol for symbol in first if symbol in counts]
    order += sorted((symbol for symbol in counts if symbol not in first), key=lambda symbol: symbol.lstrip("[0123456789"))
    return "".join(f"{symbol}{counts[symbol] if counts[symbol] != 1 else ''}" for symbol in order if counts[symbol])


@lru_cache(maxsize=4096)
def exact_mass(formula: str) -> float:
    """Monoisotopic mass: the most abundant isotope of every element, labels as written, in Da; electrons of a charge not counted.

    Raises
    ------
    ChemistryError
        As :func:`parse_formula`.
    """
    return sum(_MASSES[symbol][1] * count for symbol, count in parse_formula(formula).items())


@lru_cache(maxsize=4096)
def nominal_mass(formula: str) -> int:
    """Sum the mass numbers of the most abundant isotopes, labels as written: what a unit-resolution spectrum shows.

    Raises
    ------
    ChemistryError
        As :func:`parse_formula`.
    """
    return sum(_MASSES[symbol][0] * count for symbol, count in parse_formula(formula).items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Adduct:
    """How an ion is made from its molecule: ``n_molecules`` of it, ``added`` atoms (negative: lost), and a charge.

    ``added_mass`` is the mass of the neutral atoms added, in Da.  ``radical`` says that the notation marks an odd electron; masses do
    not depend on it.
    """

    n_molecules: int
    added: tuple[tuple[str, int], ...]
    added_mass: float
    charge: int
    radical: bool


# Solvent and acid abbreviations that adducts are written with: de facto notation of vendors' adduct tables, e.g.
# https://fiehnlab.ucdavis.edu/staff/kind/metabolomics/ms-adduct-calculator (2010).
_ABBREVIATIONS = {
    "FA": "CH2O2",
    "Hac": "C2H4O2",
    "HAc": "C2H4O2",
    "ACN": "C2H3N",
    "MeOH": "CH4O",
    "EtOH": "C2H6O",
    "DMSO": "C2H6OS",
    "TFA": "C2HF3O2",
    "IsoProp": "C3H8O",
    "IPA": "C3H8O",
}
_ADDUCT = re.compile(r"\[(\d{0,2})M((?:[+-][0-9A-Za-z()]+)*)\]([.*•]?)(?:(\d{1,2})([+-])|([+]{1,4}|-{1,4}))([.*•]?)")
_STEP = re.compile(r"([+-])(\d{0,2})([A-Za-z()][0-9A-Za-z()]*)")


def _refused_adduct(text: str, why: str) -> ChemistryError:
    return ChemistryError(f"{text[:80]!r} is no adduct: {why}; expected a notation such as [M+H]+, [M-H]-, [M+2H]2+ or [2M+Na]+.")


@lru_cache(maxsize=1024)
def parse_adduct(text: str) -> Adduct:
    """Read an adduct: ``[kM ± parts]charge``, with a radical mark before or after the charge.

    Parameters
    ----------
    text : str
        E.g. ``[M+H]+``, ``[M-2H2O+H]+``, ``[M+2H]2+``, ``[M-2H]--``, ``[2M-H]-``, ``[M]+*``, ``[M]+.``, ``[M]•+``, ``[M+FA-H]-``.

    Raises
    ------
    ChemistryError
        When it is not written like this, has no charge, or holds an unknown element.
    """
    stripped = re.sub(r"\s+", "", text[: _LONGEST + 1]).replace("\N{MINUS SIGN}", "-").replace("\N{EN DASH}", "-")
    match = _ADDUCT.fullmatch(stripped)
    if match is None or len(text) > _LONGEST:
        raise _refused_adduct(text, "it is not bracket notation with a charge")
    molecules, steps, mark_before, size, sign, signs, mark_after = match.groups()
    charge = int(f"{sign}{size}") if sign else len(signs) * (1 if signs[0] == "+" else -1)
    if charge == 0 or molecules == "0":
        raise _refused_adduct(text, "it has no charge" if charge == 0 else "it has no molecule")
    added: dict[str, int] = {}
    for direction, times, part in _STEP.findall(steps):
        try:
            counts = parse_formula(_ABBREVIATIONS.get(part, part))
        except ChemistryError:
            raise _refused_adduct(text, f"{part!r} is no formula") from None
        _add(added, counts, int(f"{direction}{times or 1}"))
    if "".join(f"{a}{b}{c}" for a, b, c in _STEP.findall(steps)) != steps:
        raise _refused_adduct(text, f"{steps!r} cannot be read")
    added = {symbol: count for symbol, count in added.items() if count}
    return Adduct(
        n_molecules=int(molecules or 1),
        added=tuple(sorted(added.items())),
        added_mass=sum(_MASSES[symbol][1] * count for symbol, count in added.items()),
        charge=charge,
        radical=bool(mark_before or mark_after),
    )


def ion_mz(neutral_mass: float, adduct: str) -> float:
    """m/z of the ion that a molecule makes; the electrons of the charge are counted.

    Parameters
    ----------
    neutral_mass : float
        Monoisotopic mass of the molecule (of a permanent cation: of its atoms), in Da.
    adduct : str
        As :func:`parse_adduct` reads it.

    Raises
    ------
    ChemistryError
        When the adduct cannot be read.
    """
    ion = parse_adduct(adduct)
    return (ion.n_molecules * neutral_mass + ion.added_mass - ion.charge * ELECTRON_MASS) / abs(ion.charge)


def neutral_mass(precursor_mz: float, adduct: str) -> float:
    """Monoisotopic mass of the molecule behind a precursor, in Da: the inverse of :func:`ion_mz`.

    Raises
    ------
    ChemistryError
        When the adduct cannot be read.
    """
    ion = parse_adduct(adduct)
    return (precursor_mz * abs(ion.charge) - ion.added_mass + ion.charge * ELECTRON_MASS) / ion.n_molecules
