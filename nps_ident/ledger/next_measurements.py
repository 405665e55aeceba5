"""What to measure next on an unknown, what would settle most first.

The table ``next_measurements.tsv`` beside this file is the whole of the chemistry: its order is the order of the advice, and each row says when
it applies.  Categories are those of the SWGDRUG Recommendations 8.1 (2022), part IIIB: A tells most, C least; they change between editions, so
that they stand in the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from nps_ident.catalogue.store import read_table
from nps_ident.errors import CatalogueError
from nps_ident.model import Technique

if TYPE_CHECKING:
    from nps_ident.ledger.unknowns import UnknownItem

__all__ = ["TABLE", "Measurement", "known_of", "next_measurements", "read_measurements"]

TABLE = Path(__file__).with_name("next_measurements.tsv")
_COLUMNS = ("technique", "category", "when", "settles", "why", "source")
_CONDITIONS = frozenset({"always", "no_mass", "unit_mass", "accurate_mass", "no_ei", "no_msms", "proposals"})
ACCURATE_DECIMALS = 3
"""Decimals from which a precursor counts as an accurate mass, as in the search (:func:`nps_ident.library.search_msms.precursor_tolerance`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A measurement, its SWGDRUG category, and why."""

    technique: str
    category: str
    when: str
    settles: str
    why: str
    source: str

    def to_dict(self) -> dict[str, str]:
        """As lists of them are printed."""
        return {name: getattr(self, name) for name in ("technique", "category", "settles", "why", "source")}


@cache
def read_measurements(path: Path = TABLE) -> tuple[Measurement, ...]:
    """Read and check the table.

    Raises
    ------
    CatalogueError
        With file and line, for a category or a condition that is none, or a row without a source.
    """
    rows = []
    for line, cells in read_table(path, _COLUMNS):
        row = Measurement(**dict(zip(_COLUMNS, cells, strict=True)))
        if row.category not in {"A", "B", "C"}:
            raise CatalogueError(f"{path}:{line}: the category is {row.category[:40]!r}; expected A, B or C.")
        if row.when not in _CONDITIONS:
            raise CatalogueError(f"{path}:{line}: the condition is {row.when[:40]!r}; expected one of {', '.join(sorted(_CONDITIONS))}.")
        if not all(cell.strip() for cell in cells):
            raise CatalogueError(f"{path}:{line}: a field is empty; expected technique, settles, why and source.")
        rows.append(row)
    return tuple(rows)


def known_of(item: UnknownItem) -> frozenset[str]:
    """The conditions of the table that hold for an item."""
    techniques = {observation.result["query"]["technique"] for observation in item.observations}
    holds = {"always"}
    holds |= {"no_ei"} if Technique.EI_MS.value not in techniques else set()
    holds |= {"no_msms"} if Technique.MSMS.value not in techniques else set()
    accurate = [o for o in item.observations if o.spectrum is not None and o.spectrum.precursor_mz is not None]
    decimals = [o.spectrum.precursor_decimals for o in accurate if o.spectrum is not None]
    if any(given is None or given >= ACCURATE_DECIMALS for given in decimals):
        holds.add("accurate_mass")
    elif decimals or item.variant.get("predicted_mass_da") is not None:
        holds.add("unit_mass")
    else:
        holds.add("no_mass")
    if item.variant.get("proposals"):
        holds.add("proposals")
    return frozenset(holds)


def next_measurements(item: UnknownItem) -> tuple[Measurement, ...]:
    """What would settle most of what is open about an item, first things first."""
    holds = known_of(item)
    return tuple(row for row in read_measurements() if row.when in holds)
