"""The retention times of n-alkanes, from a small table: ``carbon_number`` and ``retention_time_s`` or ``retention_time_min``."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from nps_ident.errors import FormatError
from nps_ident.io.document import open_document, shown
from nps_ident.io.numbers import finite
from nps_ident.model import AlkaneLadder

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_alkane_ladder"]

_TIME_COLUMNS = {"retention_time_s": 1.0, "retention_time_min": 60.0}
_MOST_ROWS = 200


def read_alkane_ladder(path: str | Path) -> AlkaneLadder:
    """Read an n-alkane ladder.

    Parameters
    ----------
    path : path-like
        CSV, separated by ``,``, ``;`` or tab, with a line of column names; behind ``;`` or tab a decimal comma is read.  Lines that begin
        with ``#`` are comments.

    Raises
    ------
    InputError
        When it cannot be read, or is no ladder: see :class:`nps_ident.model.AlkaneLadder`.
    """
    document = open_document(path)
    text, _ = document.text()
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip() and not line.startswith("#")]
    if not lines:
        raise FormatError(document.path, "no table", "columns carbon_number and retention_time_s or retention_time_min")
    separator = next((mark for mark in "\t;," if mark in lines[0][1]), ",")
    names = [name.strip().lower() for name in lines[0][1].split(separator)]
    time_names = [name for name in names if name in _TIME_COLUMNS]
    if "carbon_number" not in names or len(time_names) != 1:
        found = f"the columns {shown(', '.join(names))}"
        expected = "carbon_number, and one of retention_time_s and retention_time_min: the unit is never guessed"
        raise FormatError(document.path, found, expected, line=lines[0][0])
    if len(lines) > _MOST_ROWS:
        raise FormatError(document.path, f"{len(lines)} lines", f"at most {_MOST_ROWS}")
    carbons, times = [], []
    for number, row in zip((n for n, _ in lines[1:]), csv.reader((line for _, line in lines[1:]), delimiter=separator), strict=True):
        if len(row) != len(names):
            raise FormatError(document.path, f"{len(row)} cells", f"{len(names)}, as the line of names has", line=number)
        cells = dict(zip(names, (cell.strip() for cell in row), strict=True))
        try:
            time = finite(cells[time_names[0]] if separator == "," else cells[time_names[0]].replace(",", "."))
            carbon = int(cells["carbon_number"])
        except ValueError:
            expected = "a whole number of carbons and a time"
            raise FormatError(document.path, f"the row {shown(separator.join(row))}", expected, line=number) from None
        carbons.append(carbon)
        times.append(time * _TIME_COLUMNS[time_names[0]])
    return AlkaneLadder(name=document.path, carbon_numbers=tuple(carbons), times_s=tuple(times))
