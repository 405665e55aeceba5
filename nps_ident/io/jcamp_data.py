"""The data tables of JCAMP-DX: ``(X++(Y..Y))`` in AFFN, PAC, SQZ, DIF and DUP form, and ``(XY..XY)``.

Every check that the standard offers is made, and a table that fails one is refused: the X at the head of each line, the Y check behind a
line of differences, the number of points, and FIRSTX.  Nothing is interpolated; a point whose ordinate is ``?`` is NaN.

References
----------
McDonald & Wilks 1988, Appl. Spectrosc. 42, 151, doi:10.1366/0003702884428734 (the forms and their checks).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nps_ident.errors import FormatError
from nps_ident.io.document import shown
from nps_ident.model import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

__all__ = ["MAX_POINTS", "Table", "decode_ordinates", "decode_pairs"]

MAX_POINTS = 2**24
"""Most points of one table: sixty times a long profile spectrum; a repeat count beyond it is no spectrum but an attack."""

# In (X++(Y..Y)) an "E" with a sign behind it is an exponent (AFFN); any other letter is a digit of the compressed forms.
# A second point in a number and a point in a compressed ordinate match nothing, so that they are refused as rubbish.
_NUMBER = r"(?:\d+\.?\d*|(?<![\d.])\.\d+)"
_TOKEN = re.compile(rf"([-+]?{_NUMBER}(?:[eE][-+]\d{{1,3}}(?!\d))?)|([@%A-Za-s?])(\d*+)(?!\.)", re.ASCII)
_ABSCISSA = re.compile(rf"\s*([-+]?{_NUMBER}(?:[eE][-+]\d{{1,3}}(?!\d))?)", re.ASCII)
_PAIR_TOKEN = re.compile(rf"(?:(?<![\d.])[-+])?{_NUMBER}(?:[eE][-+]?\d+)?|\?", re.ASCII)
# As a word of its own it is no number; its letters would decode as differences.
_NOT_FINITE = re.compile(r"(?<!\S)[-+]?(?:nan|inf|infinity)(?!\S)", re.IGNORECASE)
_PAIR_SEPARATORS = str.maketrans("", "", " \t,;")
# Pseudo-digits: the first digit of a squeezed ordinate, of a difference, and of a repeat count (McDonald & Wilks 1988, table VIII).
_SQZ = {**{c: str(i) for i, c in enumerate("@ABCDEFGHI")}, **{c: f"-{i}" for i, c in enumerate("abcdefghi", 1)}}
_DIF = {**{c: str(i) for i, c in enumerate("%JKLMNOPQR")}, **{c: f"-{i}" for i, c in enumerate("jklmnopqr", 1)}}
_DUP = {c: str(i) for i, c in enumerate("STUVWXYZs", 1)}
_NOT_COUNTED = "The table does not say how many points it has; their number was not checked."
# FIRSTY is often rounded, and factors are edited by hand: 1 % tells a rounded value from a wrong factor.
_FIRST_Y_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A data table before decoding: its lines with their numbers, and what the header says about it (None where it does not)."""

    path: str
    lines: Sequence[tuple[int, str]]
    n_points: int | None = None
    first_x: float | None = None
    last_x: float | None = None
    delta_x: float | None = None
    first_y: float | None = None
    x_factor: float = 1.0
    y_factor: float = 1.0

    def fault(self, found: str, expected: str, line: int | None = None) -> FormatError:
        """The error for this table; without a line, at the head of the data."""
        return FormatError(self.path, found, expected, line=line or (self.lines[0][0] if self.lines else None))


def decode_ordinates(table: Table) -> tuple[NDArray[np.float64], NDArray[np.float64], list[Finding]]:
    """Decode ``(X++(Y..Y))``.

    Returns
    -------
    x, y : ndarray of float64
        Shape ``(n_points,)``, scaled by the factors; ``y`` is NaN where the file has ``?``.
    findings : list of Finding
        Header values that disagree with the data without making it ambiguous.

    Raises
    ------
    FormatError
        When a line holds anything else, or a check fails.
    """
    findings: list[Finding] = []
    ordinates, heads = _expand(table)
    if table.n_points is None:
        findings.append(_finding("FILE-002", Severity.WARNING, _NOT_COUNTED))
    elif len(ordinates) != table.n_points:
        raise table.fault(f"{len(ordinates)} points in the data", f"NPOINTS= {table.n_points}")
    if not ordinates:
        raise table.fault("a table without points", "at least one point")
    first, step = _axis(table, heads, len(ordinates))
    if table.delta_x is not None and abs(table.delta_x - step) > 0.01 * abs(step):
        text = f"DELTAX= {table.delta_x:g} disagrees with the step of the data, {step:g}, which was used."
        findings.append(_finding("FILE-004", Severity.WARNING, text))
    _check_heads(table, heads, first, step)
    x = first + step * np.arange(len(ordinates), dtype=np.float64)
    y = np.array(ordinates, dtype=np.float64) * table.y_factor
    _require_finite(table, x, y)
    return x, y, findings + _first_y(table, y)


def decode_pairs(table: Table) -> tuple[NDArray[np.float64], NDArray[np.float64], list[Finding]]:
    """Decode ``(XY..XY)``: numbers in pairs, however they are separated and broken into lines; else as :func:`decode_ordinates`."""
    values: list[float] = []
    for line, text in table.lines:
        rubbish = _PAIR_TOKEN.sub("", text).translate(_PAIR_SEPARATORS)
        if rubbish:
            raise table.fault(f"{shown(rubbish)} in a line of pairs", "numbers in pairs", line)
        values += (math.nan if found == "?" else float(found) for found in _PAIR_TOKEN.findall(text))
    if len(values) % 2:
        raise table.fault(f"{len(values)} numbers", "an even number, in pairs of x and y")
    findings: list[Finding] = []
    if table.n_points is None:
        findings.append(_finding("FILE-002", Severity.WARNING, _NOT_COUNTED))
    elif len(values) != 2 * table.n_points:
        raise table.fault(f"{len(values) // 2} pairs in the data", f"NPOINTS= {table.n_points}")
    if not values:
        raise table.fault("a table without points", "at least one point")
    x = np.array(values[0::2]) * table.x_factor
    if np.isnan(x).any():
        raise table.fault("a missing abscissa ('?')", "a number")
    y = np.array(values[1::2]) * table.y_factor
    _require_finite(table, x, y)
    return x, y, findings


def _expand(table: Table) -> tuple[list[float], list[tuple[int, int, float, float]]]:
    """All ordinates unscaled, and for each line: its number, the index of its first ordinate, its X, and the last place of that X."""
    ordinates: list[float] = []
    heads: list[tuple[int, int, float, float]] = []
    limit = MAX_POINTS if table.n_points is None else min(MAX_POINTS, table.n_points)
    check: float | None = None
    for line, text in table.lines:
        head = _ABSCISSA.match(text)
        if not head:
            raise table.fault(f"the line begins with {shown(text)}", "its abscissa", line)
        values, ends_in_difference = _line_values(table, line, text[head.end() :], room=limit + 1 - len(ordinates))
        index = len(ordinates)
        if check is not None and values:
            index -= 1
            if not math.isclose(values[0], check, rel_tol=1e-9, abs_tol=1e-9):
                raise table.fault(f"the Y check is {values[0]:g}", f"{check:g}, the last ordinate of the line before", line)
            values = values[1:]
        heads.append((line, index, float(head[1]), _last_place(head[1])))
        ordinates += values
        check = ordinates[-1] if ends_in_difference else None
        if len(ordinates) > limit:
            raise table.fault(f"more than {limit} points in the data", f"NPOINTS= {limit}", line)
    return ordinates, heads


def _line_values(table: Table, line: int, text: str, *, room: int) -> tuple[list[float], bool]:
    """The ordinates of one line behind its X, and whether the last of them was given as a difference."""
    rubbish = _TOKEN.sub("", text).strip()
    word = _NOT_FINITE.search(text)
    if rubbish or word:
        rubbish = rubbish or (word[0] if word else "")
        raise table.fault(f"{shown(rubbish)} in a line of ordinates", "AFFN, PAC, SQZ, DIF or DUP numbers", line)
    values: list[float] = []
    difference: float | None = None
    for number, letter, digits in _TOKEN.findall(text):
        if number or letter in _SQZ:
            values.append(float(number or _SQZ[letter] + digits))
            difference = None
        elif letter in _DIF:
            if not values or math.isnan(values[-1]):
                raise table.fault(f"a difference ({letter}{digits}) with nothing before it", "an ordinate first", line)
            difference = float(_DIF[letter] + digits)
            values.append(values[-1] + difference)
        elif letter == "?":
            if digits:
                raise table.fault(f"'?{digits}'", "'?' for a missing value", line)
            values.append(math.nan)
            difference = None
        else:
            count = int(_DUP[letter] + digits[:12])
            if not values:
                raise table.fault(f"a repeat count ({letter}{digits[:12]}) with nothing before it", "an ordinate first", line)
            if count > room - len(values) + 1:
                raise table.fault(f"a value repeated {count} times", "no more points than the table holds", line)
            if difference is None:
                values += values[-1:] * (count - 1)
            else:
                last = values[-1]
                values += (last + difference * k for k in range(1, count))
    return values, difference is not None


def _last_place(number: str) -> float:
    mantissa, _, exponent = number.upper().partition("E")
    return float(10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2])))


def _axis(table: Table, heads: Sequence[tuple[int, int, float, float]], n: int) -> tuple[float, float]:
    """FIRSTX and the step: from both ends where the header gives them (DELTAX is often rounded), else from DELTAX."""
    first = table.first_x if table.first_x is not None else heads[0][2] * table.x_factor
    if table.first_x is not None and table.last_x is not None and n > 1:
        return first, (table.last_x - first) / (n - 1)
    if table.delta_x is not None:
        return first, table.delta_x
    if n == 1:
        return first, 0.0
    raise table.fault("neither FIRSTX and LASTX nor DELTAX", "the step of the abscissa")


def _check_heads(table: Table, heads: Iterable[tuple[int, int, float, float]], first: float, step: float) -> None:
    for line, index, head, last_place in heads:
        # A lost or doubled point moves all that follow by a whole step: room for rounding, not for that.
        tolerance = 0.45 * abs(step) + 0.5 * last_place * abs(table.x_factor)
        expected = first + index * step
        if not abs(head * table.x_factor - expected) <= tolerance:
            raise table.fault(f"the line begins at X = {head * table.x_factor:g}", f"{expected:g} by FIRSTX and the step", line)


def _require_finite(table: Table, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    if not np.isfinite(x).all() or np.isinf(y).any():
        raise table.fault("a number that is not finite", "finite numbers")


def _first_y(table: Table, y: NDArray[np.float64]) -> list[Finding]:
    if table.first_y is None or math.isnan(y[0]):
        return []
    if abs(table.first_y - y[0]) <= _FIRST_Y_TOLERANCE * max(abs(y[0]), abs(table.first_y)) + 1e-12:
        return []
    text = f"FIRSTY= {table.first_y:g} disagrees with the first ordinate times YFACTOR, {y[0]:g}; the scale of the ordinates is uncertain."
    return [_finding("FILE-005", Severity.WARNING, text)]


def _finding(code: str, severity: Severity, text: str) -> Finding:
    return Finding(code=code, severity=severity, text=text)
