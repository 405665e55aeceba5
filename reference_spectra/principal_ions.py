"""Which spectra enter, and which of their ions.

From each admitted record at most 20 ions of at least 1 % of the base peak, rounded to whole percent.  EI: the ions with the largest m/z
times intensity, because that product is what the match factors weigh (Stein & Scott 1994, doi:10.1016/1044-0305(94)87009-8), with the base
peak always among them.  MS/MS: the most intense ones.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from admission import folded

from nps_ident.catalogue.ion_formulae import LEAST_EXPLAINED, explained_share, is_formed
from nps_ident.chemistry.formula import ion_mz, nominal_mass, parse_formula
from nps_ident.errors import ChemistryError
from nps_ident.model import Polarity, Technique

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nps_ident.model import MassSpectrum

MOST_IONS = 20
LEAST_PERCENT = 1.0
MOST_EI_RECORDS, MOST_MSMS_RECORDS, MOST_FROM_ONE_LABORATORY = 2, 6, 3
ADMITTED_LICENCES = {"CC0": "CC0-1.0", "CC BY": "CC BY", "dl-de/by-2-0": "DL-DE-BY-2.0"}
"""Licence of a MassBank record as it stands there, and as it is written in the tables; the version is given where the record gives it."""

DEA = "SWGDRUG/DEA "
DEA_LICENCE = "US government work"
PRECURSOR_PPM = 10.0
ADMITTED_ADDUCTS = frozenset({"[M+H]+", "[M-H]-", "[M]+"})
"""Sodium adducts and losses in the source fragment little: their spectra are mostly noise."""

_HIGH_RESOLUTION = re.compile(r"TOF|FT")
_CHANGED = re.compile(r"breakdown|converts|derivat|TMS|mixture", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of an ion table."""

    accession: str
    inchikey: str
    source: str
    licence: str
    contributor: str
    peaks: str
    precursor_mz: str = ""
    adduct: str = ""
    polarity: str = ""
    collision_energy: str = ""
    instrument_type: str = ""


def principal_ions(peaks: Iterable[tuple[float, float]], *, weigh_mass: bool) -> list[tuple[float, int]]:
    """Choose the ions that enter, by ascending m/z, with their whole percent of the base peak."""
    merged: dict[float, float] = defaultdict(float)
    for mz, intensity in peaks:
        merged[round(mz, 4)] = max(merged[round(mz, 4)], intensity)
    base = max(merged.values(), default=0.0)
    if base <= 0:
        return []
    percents = {mz: 100 * intensity / base for mz, intensity in merged.items()}
    strong = [mz for mz in percents if percents[mz] >= LEAST_PERCENT]
    strong.sort(key=lambda mz: (percents[mz] < 100, -percents[mz] * (mz if weigh_mass else 1), mz))
    return [(mz, int(percents[mz] + 0.5)) for mz in sorted(strong[:MOST_IONS])]


def _written(ions: Iterable[tuple[float, int]]) -> str:
    return " ".join(f"{mz:.4f}".rstrip("0").rstrip(".") + f":{percent}" for mz, percent in ions)


def highest_ion(formula: str) -> int:
    """Give the highest nominal m/z that the isotopes of a molecule give at 1 % or more: 13C, and 2 for each of S, Si, Cl, Br."""
    counts = parse_formula(formula)
    heavy = 2 * (counts.get("Cl", 0) + counts.get("Br", 0)) + 2 * bool(counts.get("S", 0) + counts.get("Si", 0))
    return nominal_mass(formula) + heavy + 1 + (counts.get("C", 0) > 10)


def ei_admitted(spectrum: MassSpectrum) -> bool:
    """Whether licence and contributor of an EI record allow it, and nothing in its name says that it shows something else."""
    if spectrum.technique is not Technique.EI_MS or spectrum.label.isotope_labelled or _CHANGED.search(spectrum.name):
        return False
    contributor = spectrum.contributor or ""
    return contributor.startswith(DEA) or (not contributor.startswith("SWGDRUG") and spectrum.licence in ADMITTED_LICENCES)


def ei_row(spectrum: MassSpectrum, inchikey: str, formula: str) -> Row | None:
    """Make the line of an EI record; None where an ion of 2 % or more lies above the molecule, so that it shows something else."""
    top, base = highest_ion(formula), float(spectrum.intensity.max(initial=0.0))
    peaks = list(zip(spectrum.mz.tolist(), spectrum.intensity.tolist(), strict=True))
    if any(mz > top + 0.5 and intensity >= 0.02 * base for mz, intensity in peaks):
        return None
    ions = principal_ions((peak for peak in peaks if peak[0] <= top + 0.5), weigh_mass=True)
    if len(ions) < 3:
        return None
    dea = (spectrum.contributor or "").startswith(DEA)
    return Row(
        accession=re.sub(r"\s*\(.*", "", spectrum.accession or ""),
        inchikey=inchikey,
        source="SWGDRUG MS library 3.4" if dea else "MassBank 2025.05.1",
        licence=DEA_LICENCE if dea else ADMITTED_LICENCES[spectrum.licence or ""],
        contributor=(spectrum.contributor or "").removeprefix("SWGDRUG/") if dea else _authors(spectrum),
        peaks=_written(ions),
    )


def _authors(spectrum: MassSpectrum) -> str:
    copyright_line = " ".join(dict(spectrum.metadata).get("Copyright", "").split())
    return f"{spectrum.contributor}; {copyright_line}" if copyright_line else spectrum.contributor or ""


def precursor_agrees(spectrum: MassSpectrum, exact_mass: float) -> bool:
    """Whether precursor and adduct of a record agree with a molecule's mass within 10 ppm."""
    if spectrum.precursor_mz is None or not spectrum.adduct:
        return False
    try:
        expected = ion_mz(exact_mass, spectrum.adduct)
    except ChemistryError:
        return False
    return abs(spectrum.precursor_mz - expected) <= PRECURSOR_PPM * 1e-6 * expected


def msms_admitted(spectrum: MassSpectrum) -> bool:
    """Whether an MS/MS record's licence allows it, and its m/z are good to four decimals."""
    return (
        spectrum.technique is Technique.MSMS
        and spectrum.licence in ADMITTED_LICENCES
        and not spectrum.label.isotope_labelled
        and spectrum.polarity is not None
        and spectrum.adduct in ADMITTED_ADDUCTS
        and bool(_HIGH_RESOLUTION.search(spectrum.instrument_type or ""))
    )


def msms_row(spectrum: MassSpectrum, inchikey: str, formula: str, exact_mass: float) -> Row | None:
    """Make the line of an MS/MS record; None where precursor or ions contradict the structure or only the precursor is seen."""
    if not precursor_agrees(spectrum, exact_mass):
        return None
    precursor = ion_mz(exact_mass, spectrum.adduct or "")
    peaks = zip(spectrum.mz.tolist(), spectrum.intensity.tolist(), strict=True)
    ions = principal_ions((peak for peak in peaks if peak[0] <= precursor + 0.01), weigh_mass=False)
    adduct = spectrum.adduct or ""
    if sum(abs(mz - precursor) > 0.01 for mz, _ in ions) < 2:
        return None
    base_is_formed = all(is_formed(mz, formula, adduct) for mz, percent in ions if percent == 100)
    if not base_is_formed or explained_share(ions, formula, adduct) < LEAST_EXPLAINED:
        return None
    return Row(
        accession=spectrum.accession or "",
        inchikey=inchikey,
        source="MassBank 2025.05.1",
        licence=ADMITTED_LICENCES[spectrum.licence or ""],
        contributor=_authors(spectrum),
        peaks=_written(ions),
        precursor_mz=f"{spectrum.precursor_mz:.4f}",
        adduct=spectrum.adduct or "",
        polarity="positive" if spectrum.polarity is Polarity.POSITIVE else "negative",
        collision_energy=" ".join((spectrum.collision_energy or "").split()),
        instrument_type=spectrum.instrument_type or "",
    )


def chosen_ei(rows: Iterable[Row]) -> list[Row]:
    """Choose at most two EI records a substance, DEA's before others."""
    by_substance: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_substance[row.inchikey].append(row)
    chosen = []
    for group in by_substance.values():
        group.sort(key=lambda row: (row.licence != DEA_LICENCE, row.accession))
        chosen += group[:MOST_EI_RECORDS]
    return sorted(chosen, key=lambda row: (row.inchikey, row.accession))


def chosen_msms(rows: Iterable[Row]) -> list[Row]:
    """Choose at most six MS/MS records a substance: [M+H]+ first, then spread over laboratories and energies."""
    by_substance: dict[str, dict[tuple[str, str], list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        by_substance[row.inchikey][row.adduct, row.contributor.partition(";")[0]].append(row)
    chosen = []
    for groups in by_substance.values():
        spread = {key: _spread(group) for key, group in groups.items()}
        order = sorted(spread, key=lambda key: (key[0] != "[M+H]+", key[0] != "[M-H]-", "FT" not in spread[key][0].instrument_type, key))
        queue = [row for turn in range(MOST_FROM_ONE_LABORATORY) for key in order for row in spread[key][turn : turn + 1]]
        # Other adducts fill up what [M+H]+ leaves free.
        queue.sort(key=lambda row: row.adduct != "[M+H]+")
        chosen += queue[:MOST_MSMS_RECORDS]
    return sorted(chosen, key=lambda row: (row.inchikey, row.accession))


def _energy(row: Row) -> float:
    number = re.search(r"\d+(\.\d+)?", row.collision_energy)
    return float(number[0]) if number else 0.0


def _spread(group: list[Row]) -> list[Row]:
    """Up to three records of one laboratory: the middle energy first, then a high and a low one."""
    ordered = sorted(group, key=lambda row: (_energy(row), row.accession))
    places = [len(ordered) // 2, len(ordered) - 1, 0]
    return [ordered[place] for place in dict.fromkeys(places)]


def records_of(
    spectra: Iterable[MassSpectrum], entries: Mapping[str, list[tuple[str, frozenset[str], str, float]]]
) -> list[tuple[MassSpectrum, str, str, float]]:
    """Pair each record with the InChIKey, formula and mass of its substance; a record that fits several stereoisomers alike is left out.

    Parameters
    ----------
    entries : mapping
        By skeleton: InChIKey, folded names, formula and mass of the substances with it.
    """
    found = []
    seen: set[str | None] = set()
    for spectrum in spectra:
        # A record may stand in two of the files.
        if spectrum.accession in seen:
            continue
        seen.add(spectrum.accession)
        inchikey = spectrum.label.inchikey or ""
        candidates = entries.get(inchikey[:14], [])
        # The name decides before the key: records of one substance carry keys of several stereoisomers.
        own = [entry for entry in candidates if folded(spectrum.name) in entry[1]]
        own = own or [entry for entry in candidates if _same_stereo(entry[0], inchikey)]
        own = [entry for entry in own if entry[0] == inchikey] or own
        if len(own) == 1:
            key, _, formula, mass = own[0]
            found.append((spectrum, key, formula, mass))
    return found


def _same_stereo(entry: str, record: str) -> bool:
    """Whether a record can be of an entry: a diastereomer has its own spectrum, a key without stereochemistry (UHFFFAOY) excludes none."""
    return entry[15:23] == record[15:23] or "UHFFFAOY" in (entry[15:23], record[15:23])
