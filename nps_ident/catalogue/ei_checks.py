"""Whether EI records are those of their substances, by chemistry: the rules that a record with a remade manifest cannot escape.

The limits of the errors were set so that no record of the starter library, judged by statistics that had not seen its compound, breaks a rule;
what they notice of planted errors, and how often they warn in vain, is measured by ``python -m benchmarks.accuracy.planted_errors``.
"""

from __future__ import annotations

import csv
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from nps_ident.catalogue.ei_plausibility import impossible_losses, molecules_of, other_margin, shift_margin
from nps_ident.similarity.match_factor import nominal
from nps_ident.spectra.peaks import PRINCIPAL_IONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nps_ident.catalogue.ei_plausibility import Ions, Molecules, Statistics
    from nps_ident.model import MassSpectrum

__all__ = [
    "DOUBTFUL_SHIFT_MARGIN",
    "MOST_SHIFT_MARGIN",
    "improbable_records",
    "molecules_of_rows",
    "nominal_ions",
    "record_faults",
    "reviewed_records",
    "strongest_ions",
]

MOST_SHIFT_MARGIN, DOUBTFUL_SHIFT_MARGIN = 0.45, 0.2
"""Margin by which ions may suit their molecule better one mass unit off: an error above the first, a warning above the second.  The largest
of the starter library is 0.41 (cross-fitted, 469 records), of gabapentin, which loses water before it is ionised."""

MOST_OTHER_MARGIN, DOUBTFUL_OTHER_MARGIN = 1.5, 1.1
"""Margin by which another molecule may suit the ions better, likewise.  The largest is 1.46, of noscapine, whose base peak at m/z 220 has the
mass of xylazine."""


@lru_cache(maxsize=1)
def reviewed_records() -> dict[str, float]:
    """Read which records a chemist has looked at in spite of a warning: accession to the margin that the reason explains."""
    with (resources.files("nps_ident.catalogue") / "reviewed_records.tsv").open(encoding="utf-8") as lines:
        return {row["accession"]: float(row["most_margin"]) for row in csv.DictReader(lines, delimiter="\t")}


def nominal_ions(peaks: str) -> Ions:
    """Read the ions of a record whose form has been checked."""
    parts = (part.partition(":") for part in peaks.split(" "))
    return tuple((round(float(mz)), float(percent)) for mz, _, percent in parts)


def strongest_ions(spectrum: MassSpectrum) -> Ions:
    """Cut an EI spectrum as the tables that ship are cut: the 20 ions with the largest product of m/z and intensity, and the base peak.

    Parameters
    ----------
    spectrum : MassSpectrum
        Prepared, with at least one peak; summed to nominal masses here.

    Returns
    -------
    tuple of (int, float)
        Nominal m/z and percent of the base peak, each at least 1 %, ascending.
    """
    whole = nominal(spectrum.mz, spectrum.intensity)
    percent = 100 * whole.intensity / whole.intensity.max()
    listed = np.flatnonzero(percent >= 1)
    chosen = listed[np.argsort(-(whole.mz * percent)[listed], kind="stable")[:PRINCIPAL_IONS]]
    return tuple((int(whole.mz[place]), float(percent[place])) for place in sorted({*chosen.tolist(), int(percent.argmax())}))


def molecules_of_rows(substances: Mapping[str, Mapping[str, str]]) -> Molecules:
    """Take the molecules of rows of the table of substances apart.

    Raises
    ------
    ChemistryError
        When a structure or formula cannot be read.
    """
    return molecules_of({key: (row["smiles"], row["formula"]) for key, row in sorted(substances.items())})


def record_faults(
    ions: Ions, key: str, molecules: Molecules, names: Mapping[str, str], statistics: Statistics
) -> Iterator[tuple[str, float, str]]:
    """Give the rules that a record breaks.

    Parameters
    ----------
    ions : tuple of (int, float)
        Nominal m/z and percent of the base peak, ascending.
    key : str
        InChIKey of its substance, one of ``molecules``.
    molecules : Molecules
        Its own, and those that it is held against.
    names : mapping of str to str
        InChIKey to name.

    Yields
    ------
    tuple of (str, float, str)
        Code of the rule, the margin by which it is broken, and what was found.
    """
    name, mass = names[key], int(molecules.nominal_mass[molecules.place(key)])
    if lost := impossible_losses(ions, mass):
        text = f"an ion stands at m/z {lost[0]}, {mass - lost[0]} below the molecule of {name}; expected no loss that no atoms add up to"
        yield "CAT-213", float("inf"), text
    margin, shift = shift_margin(ions, key, molecules, statistics)
    if margin > DOUBTFUL_SHIFT_MARGIN:
        text = f"the ions would suit {name} better {shift:+d} mass unit (by {margin:.2f}); expected them to suit it as they stand"
        yield "CAT-214" if margin > MOST_SHIFT_MARGIN else "CAT-216", margin, text
        return
    margin, other = other_margin(ions, key, molecules, statistics)
    if margin > DOUBTFUL_OTHER_MARGIN:
        text = f"the ions suit {names[other]} better than {name} (by {margin:.2f}); expected the ions of {name}"
        yield "CAT-215" if margin > MOST_OTHER_MARGIN else "CAT-216", margin, text


def improbable_records(
    rows: Sequence[tuple[int, Mapping[str, str]]], substances: Mapping[str, Mapping[str, str]], statistics: Statistics
) -> Iterator[tuple[int, str, str, str]]:
    """Check the records of a table that have no other fault.

    Parameters
    ----------
    rows : sequence of (int, mapping)
        Line and cells of sound records, whose substances are sound and in ``substances``.

    Yields
    ------
    tuple of (int, str, str, str)
        Line, accession, code of the rule, and what was found.
    """
    molecules = molecules_of_rows(substances)
    names = {key: substances[key]["name"] for key in molecules.keys}
    for line, row in rows:
        for code, margin, text in record_faults(nominal_ions(row["peaks"]), row["inchikey"], molecules, names, statistics):
            if margin > reviewed_records().get(row["accession"], 0.0):
                yield line, row["accession"], code, text
