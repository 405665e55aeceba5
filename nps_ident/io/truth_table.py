"""The table of what queries really are, and the same from the InChIKey that a spectrum carries."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nps_ident.errors import FormatError, InputError
from nps_ident.io.document import open_document, shown
from nps_ident.model.truth import Truth

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nps_ident.model import MassSpectrum

__all__ = ["KINDS", "TruthTable", "read_truth", "truth_of"]

KINDS = ("known", "unknown", "decoy")
"""The words of the column ``kind``."""
_COLUMNS = {
    "id": ("id",),
    "compound": ("inchikey", "ik14", "compound"),
    "kind": ("kind",),
    "drug_class": ("drug_class", "class"),
    "laboratory": ("laboratory", "contributor"),
    "name": ("name",),
    "accession": ("accession",),
}
"""Each field with the columns it is read from; the first that is there counts."""
_BLOCK = re.compile(r"[A-Z]{14}(-[A-Z]{10}-[A-Z])?")
"""An InChIKey or its first block (InChI Technical Manual, appendix 2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TruthTable:
    """The rows of a table of truth by query id, and which file it was."""

    file: str
    sha256: str
    rows: Mapping[str, Truth]


def read_truth(path: str | Path) -> TruthTable:
    """Read a table of truth.

    Parameters
    ----------
    path : path-like
        Text with a heading; columns by comma, semicolon or tab.  ``id`` and one of ``inchikey``, ``ik14``, ``compound`` are needed; ``kind``,
        ``drug_class`` (``class``), ``laboratory`` (``contributor``), ``name`` and ``accession`` may be there, others are passed over.

    Raises
    ------
    InputError
        When the file cannot be read, a needed column is missing, an id is empty or stands twice, or a key or kind is none.
    """
    document = open_document(path)
    text, _ = document.text()
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    columns = [name.strip().casefold() for name in next(reader, [])]
    places = {field: next((columns.index(name) for name in names if name in columns), None) for field, names in _COLUMNS.items()}
    if places["id"] is None or places["compound"] is None:
        raise FormatError(str(path), "the table of truth lacks a column", "the columns id and inchikey (or ik14)", line=1)
    found: dict[str, Truth] = {}
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                row = _row(cells, places, str(path), reader.line_num)
                if row.id in found:
                    raise FormatError(str(path), f"the id {shown(row.id)} stands twice", "one row a query", line=reader.line_num)
                found[row.id] = row
    except csv.Error as error:
        raise FormatError(str(path), f"the row cannot be read ({error})", "a table", line=reader.line_num) from None
    if not found:
        raise FormatError(str(path), "the table of truth has no rows", "at least one")
    return TruthTable(file=str(path), sha256=document.sha256, rows=found)


def _row(cells: list[str], places: dict[str, int | None], path: str, line: int) -> Truth:
    def cell(field: str) -> str:
        place = places[field]
        return cells[place].strip() if place is not None and place < len(cells) else ""

    key, kind = cell("compound").upper(), cell("kind").casefold()
    if not cell("id"):
        raise FormatError(path, "the row has no id", "the name of a query", line=line)
    if not _BLOCK.fullmatch(key):
        raise FormatError(path, f"{shown(cell('compound'))} is no InChIKey", "an InChIKey or its first block of 14 letters", line=line)
    if kind and kind not in KINDS:
        raise FormatError(path, f"the kind is {shown(kind)}", f"one of {', '.join(KINDS)}", line=line)
    more = {field: cell(field) or None for field in ("drug_class", "laboratory", "name", "accession")}
    return Truth(id=cell("id"), compound=key[:14], kind=kind or None, **more)


def truth_of(spectrum: MassSpectrum) -> Truth:
    """What the spectrum's own label says it is.

    Raises
    ------
    InputError
        When it carries no InChIKey.
    """
    key = (spectrum.label.inchikey or "").strip().upper()
    if not _BLOCK.fullmatch(key):
        raise InputError(f"{spectrum.name}: the spectrum carries no InChIKey, and no table of truth was given.")
    return Truth(
        id=spectrum.name,
        compound=key[:14],
        laboratory=spectrum.contributor or None,
        name=spectrum.label.name,
        accession=spectrum.accession or None,
    )
