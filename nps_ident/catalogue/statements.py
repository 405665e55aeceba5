"""What an analyst gives to be registered, read and not yet believed: a structure, an SDF or MOL file, a sheet, lines of SMILES."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nps_ident.errors import CatalogueError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Statement", "read_statements"]

_LARGEST_FILE = 50_000_000
"""Bytes of a file of structures that is read: about 20,000 MOL blocks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What the analyst or a file says of one substance, unchecked.

    Parameters
    ----------
    structure : str
        SMILES, InChI or a MOL block.
    where : str
        The place it was read from, for messages; empty for the command line.
    """

    structure: str
    where: str = ""
    name: str | None = None
    synonyms: tuple[str, ...] = ()
    inchikey: str | None = None
    formula: str | None = None
    mass: float | None = None
    cas: str | None = None


def read_statements(given: str, *, name: str | None = None, cas: str | None = None) -> list[Statement | CatalogueError]:
    """Read what the analyst gives: a structure, or a file of structures.

    Parameters
    ----------
    given : str
        SMILES or InChI; or the path of an SDF or MOL file, of a sheet (CSV or TSV whose header has a ``smiles`` or ``inchi`` column), or of
        SMILES lines with the name behind a space.
    name, cas : str, optional
        For one structure: taken instead of the file's.

    Returns
    -------
    list of Statement or CatalogueError
        In the order of the file; an error where one of its records cannot be read.

    Raises
    ------
    CatalogueError
        When the file cannot be read, or ``name`` or ``cas`` are given with more than one structure.
    """
    try:
        statements = list(_statements_of(given))
    except csv.Error as error:
        raise CatalogueError(f"{given}: the sheet cannot be read ({error}); expected CSV or TSV.") from None
    if not statements:
        raise CatalogueError(f"{given}: the file holds no structure; expected at least one.")
    if (name or cas) and len(statements) != 1:
        raise CatalogueError(f"{given}: the file holds {len(statements)} structures; expected one where a name or CAS number is given.")
    only = statements[0]
    if isinstance(only, Statement):
        statements[0] = replace(only, name=name or only.name, cas=cas or only.cas)
    return statements


def _statements_of(given: str) -> Iterator[Statement | CatalogueError]:
    path = Path(given)
    try:
        is_file = path.is_file()
        looks_like_one = bool(re.search(r"\.(sdf?|mol|csv|tsv|txt|smi|smiles|xlsx?)$", given, re.IGNORECASE))
        if not is_file and not looks_like_one:
            yield Statement(structure=given)
            return
        if is_file and path.stat().st_size > _LARGEST_FILE:
            raise CatalogueError(f"{given}: the file has {path.stat().st_size:,} bytes; expected at most {_LARGEST_FILE:,}.")
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CatalogueError(f"{given}: the file is not UTF-8 text; expected SDF, MOL, CSV, TSV or SMILES.") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "no such file"
        raise CatalogueError(f"{given[:80]}: cannot be read ({why}).") from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise CatalogueError(f"{given}: the file is empty; expected at least one structure.")
    if re.search(r"^M {2}END\s*$", text, re.MULTILINE):
        yield from _from_sdf(text, given)
        return
    header = re.split(r"[,\t;]", text.lstrip().split("\n", 1)[0].lower())
    if {"smiles", "inchi"} & {cell.strip(' "') for cell in header}:
        yield from _from_sheet(text, given)
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            structure, _, rest = line.strip().partition("\t" if "\t" in line.strip() else " ")
            yield Statement(structure=structure, where=f"{given}:{number}", name=rest.strip() or None)


_SDF_FIELDS = re.compile(r"^> .*?<([^>\n]+)>.*\n(.*(?:\n.+)*)", re.MULTILINE)


def _from_sdf(text: str, given: str) -> Iterator[Statement | CatalogueError]:
    records = re.split(r"^\$\$\$\$.*\n?", text, flags=re.MULTILINE)
    for number, record in enumerate((record for record in records if record.strip()), 1):
        block, end, data = record.partition("M  END")
        if not end:
            yield CatalogueError(f"{given}: record {number} has no 'M  END'; expected a whole MOL block.")
            continue
        fields = {key.strip().lower(): value.strip() for key, value in _SDF_FIELDS.findall(data)}
        title = block.split("\n", 1)[0].strip()
        yield _from_fields({"name": title, **fields}, f"{block}M  END\n", f"{given}: record {number}")


def _from_sheet(text: str, given: str) -> Iterator[Statement | CatalogueError]:
    first = text.lstrip().split("\n", 1)[0]
    delimiter = max("\t,;", key=first.count)
    rows = csv.reader(text.lstrip("\n").split("\n"), delimiter=delimiter)
    columns = [cell.strip().lower().replace(" ", "_") for cell in next(rows)]
    for row in rows:
        where = f"{given}:{rows.line_num}"
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(columns):
            yield CatalogueError(f"{where}: the row has {len(row)} fields; expected {len(columns)}.")
            continue
        fields = {column: cell.strip() for column, cell in zip(columns, row, strict=True)}
        structure = fields.get("smiles") or fields.get("inchi") or ""
        if structure:
            yield _from_fields(fields, structure, where)
        else:
            yield CatalogueError(f"{where}: the row has no structure; expected SMILES or InChI.")


def _from_fields(fields: dict[str, str], structure: str, where: str) -> Statement | CatalogueError:
    def first(*names: str) -> str | None:
        return next((fields[name] for name in names if fields.get(name)), None)

    mass = first("exact_mass", "exactmass", "monoisotopic_mass", "mw", "molecular_weight", "mass")
    try:
        number = float(mass) if mass else None
    except ValueError:
        return CatalogueError(f"{where}: the mass is {(mass or '')[:40]!a}; expected a number.")
    return Statement(
        structure=structure,
        where=where,
        name=first("name", "preferred_name", "title"),
        synonyms=tuple(part.strip() for part in (first("synonyms", "synonym") or "").split("|") if part.strip()),
        inchikey=first("inchikey", "inchi_key"),
        formula=first("formula", "molecular_formula"),
        mass=number,
        cas=first("cas", "cas_number", "casrn", "cas_rn"),
    )
