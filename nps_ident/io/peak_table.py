"""Peak tables: m/z and intensity in columns separated by tab, ``;`` or ``,``, as spreadsheets and instrument software export them.

One table is one spectrum.  Above it may stand ``# Key: value`` or ``Key: value`` lines, and one line of column names.  Two columns without
names are taken as m/z and intensity, with a finding; a decimal comma is read only where it cannot be anything else, with a finding.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nps_ident.errors import FormatError
from nps_ident.io.document import numbered_lines, shown
from nps_ident.io.fields import spectrum_from_fields
from nps_ident.io.numbers import finite
from nps_ident.model import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from nps_ident.io.document import Document
    from nps_ident.model import MassSpectrum

__all__ = ["read", "recognises"]

_MZ_NAMES = {"mz", "mass", "moverz", "masscharge", "masstocharge", "masstochargeratio", "mzth"}
_MZ_NAMES |= {"mzda", "mzvalue", "massmz", "centroidmz", "me"}
_INTENSITY_NAMES = (
    "intensity", "abundance", "height", "counts", "ioncount", "signal", "peakheight", "absoluteintensity", "intensitycounts", "int",
    "relativeintensity", "relintensity", "relint", "relativeabundance", "relabundance", "intensitypercent", "area", "peakarea",
)  # fmt: skip
# A column of this name tells spectra apart: more than one value in it and the file is not one spectrum.
_GROUP_NAMES = {"scan", "scannumber", "spectrum", "spectrumid", "name", "title", "sample"}
_GROUP_NAMES |= {"file", "filename", "rt", "retentiontime", "time"}
_DELIMITERS = {"\t": "tab", ";": "semicolon", ",": "comma"}
_CELL = r'"?[ ]*[-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][-+]?\d+)?[ ]*"?'
_NUMBERS = re.compile(rf"[ ]*{_CELL}(?:[\t;,]{_CELL})+[\t;, ]*", re.ASCII)
_METADATA = re.compile(r"[#%]*[ \t]*([^\W\d][^:=\t;,]{0,60}?)[ \t]*[:=][ \t]*(.*)", re.DOTALL)
_COMMA_NUMBER = re.compile(r"[-+]?\d*,\d+(?:[eE][-+]?\d+)?", re.ASCII)
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(?:,\d{3})+", re.ASCII)
_MAX_CELLS = 64


@dataclass(slots=True)
class _Sheet:
    metadata: list[tuple[str, str]] = field(default_factory=list)
    header: tuple[int, list[str]] | None = None
    rows: list[tuple[int, list[str]]] = field(default_factory=list)
    delimiter: str = ""


def recognises(head: str) -> bool:
    """Whether a line of numbers, or of column names of a peak table, follows nothing but comments and ``Key: value`` lines."""
    for line in head.replace("\r\n", "\n").replace("\r", "\n").split("\n")[:200]:
        if len(line) > 10_000:
            return False
        if not line.strip() or line.lstrip().startswith(("#", "%")):
            continue
        if _NUMBERS.fullmatch(line):
            return True
        delimiter = _delimiter(line)
        if delimiter:
            names = [_folded(name) for name in line.split(delimiter)]
            if _MZ_NAMES.intersection(names) and set(_INTENSITY_NAMES).intersection(names):
                return True
        if not _METADATA.fullmatch(line):
            return False
    return False


def read(document: Document, report: Callable[[FormatError], None]) -> Iterator[MassSpectrum]:
    """Yield the one spectrum of a peak table, verbatim, or give ``report`` the :class:`FormatError` that forbids it."""
    text, notes = document.text()
    findings = list(notes)
    try:
        sheet = _sheet(text, document.path)
        mz_at, intensity_at = _columns(sheet, document.path, findings)
        comma = _decimal_comma(sheet, (mz_at, intensity_at), document.path, findings)
        values: tuple[list[float], list[float]] = ([], [])
        for line, cells in sheet.rows:
            for column, wanted in zip(values, (mz_at, intensity_at), strict=True):
                column.append(_value(cells, wanted, line, document.path, comma=comma))
    except FormatError as error:
        report(error)
        return
    yield spectrum_from_fields(sheet.metadata, *values, document=document, index=0, findings=findings)


def _delimiter(line: str) -> str:
    """Tab before ``;`` before ``,``: the later ones occur inside numbers and names, the earlier do not."""
    return next((d for d in _DELIMITERS if d in line), "")


def _folded(name: str) -> str:
    return re.sub(r"[^a-z%]", "", name.lower()).replace("%", "percent")


def _sheet(text: str, path: str) -> _Sheet:
    sheet = _Sheet()
    for line, content in numbered_lines(text):
        if len(content) > 100_000:
            raise FormatError(path, f"a line of {len(content):,} characters", "a row of a peak table", line=line)
        bare = content.strip(" ")
        if not bare.strip():
            continue
        metadata = _METADATA.fullmatch(bare.strip())
        if bare[0] in "#%":
            if metadata:
                sheet.metadata.append((metadata[1], metadata[2].strip()))
            continue
        if not sheet.rows and not sheet.header and metadata and not _names_columns(bare):
            sheet.metadata.append((metadata[1], metadata[2].strip()))
            continue
        sheet.delimiter = sheet.delimiter or _delimiter(bare)
        if not sheet.delimiter:
            raise FormatError(path, f"the line is {shown(bare)}", "columns separated by tab, ';' or ','", line=line)
        cells = _cells(bare, sheet.delimiter, line, path)
        if not sheet.rows and not sheet.header and not _NUMBERS.fullmatch(bare):
            sheet.header = (line, cells)
        else:
            sheet.rows.append((line, cells))
    if not sheet.rows:
        raise FormatError(path, "a table without rows", "m/z and intensity in each row")
    return sheet


def _names_columns(line: str) -> bool:
    delimiter = _delimiter(line)
    return bool(delimiter) and bool(_MZ_NAMES.intersection(map(_folded, line.split(delimiter))))


def _cells(line: str, delimiter: str, number: int, path: str) -> list[str]:
    try:
        [cells] = csv.reader([line], delimiter=delimiter, strict=True)
    except (csv.Error, ValueError):
        raise FormatError(path, f"the row {shown(line)} is quoted wrongly", "a closed quotation mark", line=number) from None
    cells = [cell.strip() for cell in cells]
    while cells and not cells[-1]:
        cells.pop()
    if len(cells) > _MAX_CELLS:
        raise FormatError(path, f"a row of {len(cells)} columns", f"at most {_MAX_CELLS}", line=number)
    return cells


def _columns(sheet: _Sheet, path: str, findings: list[Finding]) -> tuple[int, int]:
    if sheet.header is None:
        widths = {len(cells) for _, cells in sheet.rows}
        if widths != {2}:
            found = f"rows of {' and '.join(map(str, sorted(widths)[:4]))} columns without column names"
            raise FormatError(path, found, "two columns, or a line of column names", line=sheet.rows[0][0])
        text = "The columns have no names; the first was taken as m/z and the second as intensity."
        findings.append(Finding(code="FILE-008", severity=Severity.WARNING, text=text))
        return 0, 1
    line, cells = sheet.header
    for number, row in sheet.rows:
        if len(row) > len(cells):
            # Most often a decimal comma in a table separated by commas: every number behind it would be another's.
            raise FormatError(path, f"a row of {len(row)} columns under {len(cells)} names", "as many columns as names", line=number)
    names = [_folded(cell) for cell in cells]
    mz = [i for i, name in enumerate(names) if name in _MZ_NAMES]
    intensity = sorted((_INTENSITY_NAMES.index(name), i) for i, name in enumerate(names) if name in _INTENSITY_NAMES)
    if len(mz) != 1 or not intensity:
        found = f"the columns are named {shown(', '.join(cells))}"
        raise FormatError(path, found, "one column of m/z and one of intensity", line=line)
    if len(intensity) > 1:
        text = f"There are {len(intensity)} columns of intensity; {shown(cells[intensity[0][1]])} was read."
        findings.append(Finding(code="FILE-010", severity=Severity.INFO, text=text))
    for at, name in enumerate(names):
        if name in _GROUP_NAMES and len({row[at] if at < len(row) else "" for _, row in sheet.rows}) > 1:
            raise FormatError(path, f"the column {shown(cells[at])} holds several values", "one spectrum a table", line=line)
    return mz[0], intensity[0][1]


def _decimal_comma(sheet: _Sheet, columns: Sequence[int], path: str, findings: list[Finding]) -> bool:
    """Whether the numbers have decimal commas: only behind another delimiter, never beside points, never where it could be thousands."""
    with_comma = [(line, row[at]) for line, row in sheet.rows for at in columns if at < len(row) and "," in row[at]]
    if not with_comma:
        return False
    line, example = with_comma[0]
    points = any("." in row[at] for _, row in sheet.rows for at in columns if at < len(row))
    all_commas = all(_COMMA_NUMBER.fullmatch(cell) for _, cell in with_comma)
    if points or not all_commas or sheet.delimiter == "," or all(_THOUSANDS.fullmatch(cell) for _, cell in with_comma):
        raise FormatError(path, f"the number {shown(example)} can be read in more than one way", "a decimal point", line=line)
    findings.append(Finding(code="FILE-007", severity=Severity.INFO, text="The numbers have decimal commas and were read so."))
    return True


def _value(cells: Sequence[str], at: int, line: int, path: str, *, comma: bool) -> float:
    cell = cells[at] if at < len(cells) else ""
    try:
        return finite(cell.replace(",", ".") if comma else cell)
    except ValueError as error:
        raise FormatError(path, f"{shown(cell)} in column {at + 1} {error}", "a number", line=line) from None
