"""What every verb prints with: hostile text made visible, aligned tables, and the four output formats."""

from __future__ import annotations

import csv
import json
import unicodedata
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["FORMATS", "add_format_option", "print_rows", "print_table", "shown"]

FORMATS = ("table", "json", "jsonl", "csv")
"""The choices of ``--format``, on every verb that prints rows."""

# A text cell that begins so is run as a formula by spreadsheet programs (OWASP, "CSV Injection",
# https://owasp.org/www-community/attacks/CSV_Injection, read 2026).
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def shown(text: object) -> str:
    r"""Text safe to print: every character that a terminal would obey, hide or reorder by is written as its escape.

    Escaped are control characters (C0, C1, so also line ends and escape sequences), format characters (bidirectional marks, zero-width
    characters, the byte-order mark), line and paragraph separators, lone surrogates and unassigned code points.  Letters of any script and
    spaces stay as they are; a backslash does too, since SMILES are full of them.

    Parameters
    ----------
    text : object
        Anything; what is not a string is printed by its ``str``.

    Returns
    -------
    str
        One line.

    Examples
    --------
    >>> shown("5% heroin\x1b[2J")
    '5% heroin\\x1b[2J'
    """
    text = str(text)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or unicodedata.category(c) == "Zs" else _escape(c) for c in text)


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _width(text: str) -> int:
    """Columns a terminal gives the text: combining marks none, East Asian wide characters two."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def print_table(rows: Iterable[Sequence[object]], columns: Sequence[str], file: TextIO) -> None:
    """Print rows as an aligned text table.

    Parameters
    ----------
    rows : iterable of sequences
        One value a column.  Numbers are set right, None is ``-``, everything else is :func:`shown`.
    columns : sequence of str
        The headings; a table without rows is its headings alone.
    file : text stream
    """
    values = [list(row) for row in rows]
    cells = [["-" if value is None else shown(value) for value in row] for row in values]
    given = [[row[i] for row in values if row[i] is not None] for i in range(len(columns))]
    right = [bool(column) and all(isinstance(value, (int, float)) for value in column) for column in given]
    widths = [max([_width(name), *(_width(row[i]) for row in cells)]) for i, name in enumerate(columns)]
    for row in ([str(name) for name in columns], ["-" * width for width in widths], *cells):
        padded = [
            " " * (width - _width(cell)) + cell if set_right else cell + " " * (width - _width(cell))
            for cell, width, set_right in zip(row, widths, right, strict=True)
        ]
        print("  ".join(padded).rstrip(), file=file)


def print_rows(rows: Iterable[Mapping[str, object]], columns: Sequence[str], file: TextIO, *, form: str) -> None:
    """Print rows in one of the :data:`FORMATS`.

    Parameters
    ----------
    rows : iterable of mappings
        ``jsonl`` and ``csv`` write each as it comes; ``table`` and ``json`` wait for the last.
    columns : sequence of str
        The keys that ``table`` and ``csv`` show, in order; the JSON forms write every key of the row.
    file : text stream
    form : str
        ``table``, ``json``, ``jsonl`` or ``csv``.  In CSV, text that a spreadsheet would run as a formula gets a leading apostrophe.
    """
    if form == "table":
        print_table(([row.get(name) for name in columns] for row in rows), columns, file)
    elif form == "csv":
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow([_csv_cell(row.get(name)) for name in columns])
    elif form == "json":
        print(json.dumps([dict(row) for row in rows], ensure_ascii=False, allow_nan=False, indent=1), file=file)
    else:
        for row in rows:
            print(json.dumps(dict(row), ensure_ascii=False, allow_nan=False), file=file)


def _csv_cell(value: object) -> object:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = shown(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, allow_nan=False))
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def add_format_option(parser: argparse.ArgumentParser, *, default: str = "table") -> None:
    """Give a verb the common option ``--format``; the choice arrives as ``arguments.format``."""
    parser.add_argument("--format", choices=FORMATS, default=default, help=f"how rows are printed (default: {default})")
