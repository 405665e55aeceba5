"""MSP, the text format of NIST MS Search, in the dialects of NIST, SWGDRUG, MoNA, MassBank, RIKEN and Golm.

There is no standard.  A record is lines ``Key: value`` up to ``Num Peaks: n`` and then n peaks: one a line or several, separated by white
space, ``;``, ``,``, ``:`` or brackets, each with an annotation in quotes behind it or none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from nps_ident.errors import FormatError
from nps_ident.io.document import LineCounter, shown
from nps_ident.io.fields import spectrum_from_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from nps_ident.io.document import Document
    from nps_ident.model import MassSpectrum

__all__ = ["read", "recognises"]

# With a newline for its first character a pattern is searched three times faster than with "^".
_NUM_PEAKS = re.compile(r"\n[ \t]*+num[ _]?peaks[ \t]*+:([^\n]*)", re.IGNORECASE)
_NUM_PEAKS_AT_ONCE = re.compile(r"[ \t]*+num[ _]?peaks[ \t]*+:([^\n]*)", re.IGNORECASE)
_LATER_NAME = re.compile(r"\n[ \t]*+name[ \t]*+:", re.IGNORECASE)
_NAME = re.compile(r"^[ \t]*name[ \t]*:", re.IGNORECASE | re.MULTILINE)
_COUNT = re.compile(r"[ \t]*([0-9]{1,7})[ \t]*")
_FAST = r"[-+]?+(?:\d++\.?+\d*+|\.\d++)(?:[eE][-+]?+\d++)?+"
# One "m/z intensity" a line and nothing else: nine records of ten, read at C speed.
_PLAIN_PEAKS = re.compile(rf"(?:[ \t]*+{_FAST}[ \t]++{_FAST}[ \t]*+(?:\n|\Z))*+", re.ASCII)
# A second point in a number and a sign inside one match nothing, so that they are refused as rubbish.
_PEAK_TOKEN = re.compile(r"(?:(?<![\d.])[-+])?(?:\d+\.?\d*|(?<![\d.])\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_ANNOTATION = re.compile(r'"[^"\n]*"?')
_SEPARATORS = str.maketrans("", "", " \t;,:()[]{}")
_FIELD = re.compile(r"^[ \t]*+([^\W\d](?:[^:\n]*[^:\s])?)[^\S\n]*+:[^\S\n]*+(.*\S|)[^\S\n]*$", re.MULTILINE)
_NEXT_RECORD = re.compile(r"\n(?:[ \t]*+\n|(?P<name>[ \t]*name[ \t]*:))", re.IGNORECASE)
_BLANK = re.compile(r"\n[ \t]*+\n")
# "CAS#: 437-38-7; NIST#: 12345" holds two fields; a ";" in any other value does not end it.
_SECOND_FIELD = re.compile(r";[ \t]*(?=NIST#?:)", re.IGNORECASE)


def recognises(head: str) -> bool:
    """Whether the beginning of a file looks like MSP: a ``Num Peaks`` line, or a ``Name`` line before anything else."""
    counted = _NUM_PEAKS_AT_ONCE.match(head) or _NUM_PEAKS.search(head.replace("\r", "\n"))
    return bool(counted or re.match(r"\s*name[ \t]*:", head, re.IGNORECASE))


def read(document: Document, report: Callable[[FormatError], None]) -> Iterator[MassSpectrum]:
    """Yield the spectra of an MSP file in order, verbatim.

    Parameters
    ----------
    document : Document
    report : callable
        Is given a :class:`FormatError` for each record that breaks the format; when it returns, reading goes on with the next record.
    """
    text, notes = document.text()
    file = _File(text, document.path, LineCounter(text), report)
    position, index = 0, 0
    at_once = _NUM_PEAKS_AT_ONCE.match(text)
    for heading in chain([at_once] if at_once else [], _NUM_PEAKS.finditer(text)):
        begin = heading.start() + (heading is not at_once)
        if begin < position:
            continue
        header_at, position = position, min(heading.end() + 1, len(text))
        try:
            fields = _fields(file, header_at, begin)
            n_peaks = _count(file, heading[1], begin)
            mz, intensity, position = _peaks(file, position, n_peaks)
        except _BrokenRecordError as broken:
            position = _next_record(text, heading.end()) if broken.resume_at is None else broken.resume_at
            report(broken.error)
            index += 1
            continue
        yield spectrum_from_fields(fields, mz, intensity, document=document, index=index, findings=notes)
        index += 1
    _report_stray(file, position, len(text))


@dataclass(frozen=True, slots=True)
class _File:
    text: str
    path: str
    line_of: LineCounter
    report: Callable[[FormatError], None]

    def fault(self, found: str, expected: str, at: int) -> FormatError:
        return FormatError(self.path, found, expected, line=self.line_of(at))


class _BrokenRecordError(Exception):
    def __init__(self, error: FormatError, resume_at: int | None = None) -> None:
        super().__init__(str(error))
        self.error, self.resume_at = error, resume_at


def _count(file: _File, stated: str, at: int) -> int:
    match = _COUNT.fullmatch(stated)
    if not match:
        raise _BrokenRecordError(file.fault(f"the number of peaks is {shown(stated)}", "a whole number", at))
    return int(match[1])


def _fields(file: _File, start: int, end: int) -> list[tuple[str, str]]:
    """The fields of the record whose peaks begin at ``end``; records before it without ``Num Peaks`` are reported."""
    text = file.text
    header = text[start:end].strip("\n")
    found: list[tuple[str, str]] = _FIELD.findall(header)
    if found and (len(found) != header.count("\n") + 1 or _LATER_NAME.search(header)):
        begin = _record_start(text, start, end)
        _report_stray(file, start, begin)
        header = text[begin:end]
        position = begin
        for line in header.split("\n"):
            if line.strip() and not _FIELD.match(line):
                raise _BrokenRecordError(file.fault(f"{shown(line)} stands before 'Num Peaks'", "'Key: value'", position))
            position += len(line) + 1
        found = _FIELD.findall(header)
    elif not found and header.strip():
        raise _BrokenRecordError(file.fault(f"{shown(header)} stands before 'Num Peaks'", "'Key: value'", start))
    return _split_second_fields(found) if "NIST" in header else found


def _record_start(text: str, start: int, end: int) -> int:
    """Where the record that ends at ``end`` begins: behind the last blank line before its fields, and at the last ``Name`` line."""
    header = text[start:end].rstrip()
    begin = max((blank.end() for blank in _BLANK.finditer(header)), default=0)
    later_names = [name.start() for name in _NAME.finditer(header, begin)][1:]
    return start + max([begin, *later_names])


def _split_second_fields(fields: list[tuple[str, str]]) -> list[tuple[str, str]]:
    split: list[tuple[str, str]] = []
    for key, value in fields:
        first, *more = _SECOND_FIELD.split(value)
        split.append((key, first.strip()))
        for extra in more:
            extra_key, _, extra_value = extra.partition(":")
            split.append((extra_key.strip(), extra_value.strip()))
    return split


def _peaks(file: _File, start: int, n_peaks: int) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    text = file.text
    end = _PLAIN_PEAKS.match(text, start).end()  # type: ignore[union-attr]
    values = np.fromstring(text[start:end], sep=" ") if end > start else np.empty(0)
    if len(values) != 2 * n_peaks or not _ends_record(text, end):
        values, end = _odd_peaks(file, start, n_peaks)
    if not np.isfinite(values).all():
        raise _BrokenRecordError(file.fault("a number that is not finite", "finite m/z and intensity", start), end)
    return values[0::2], values[1::2], end


def _ends_record(text: str, at: int) -> bool:
    if at == len(text) or text[at] == "\n":
        return True
    line_end = text.find("\n", at)
    line = text[at : line_end if line_end >= 0 else len(text)]
    return not line.strip() or bool(_FIELD.match(line))


def _odd_peaks(file: _File, start: int, n_peaks: int) -> tuple[NDArray[np.float64], int]:
    """Peaks in any of the other layouts, line by line, up to a blank line, a key line or the end of the file."""
    text = file.text
    values: list[float] = []
    position = start
    while position < len(text):
        line_end = text.find("\n", position)
        line_end = len(text) if line_end < 0 else line_end
        line = text[position:line_end]
        if not line.strip() or _FIELD.match(line):
            break
        try:
            values += _peak_line(line)
        except ValueError as error:
            raise _BrokenRecordError(file.fault(str(error), "m/z and intensity", position), _next_record(text, line_end)) from None
        position = line_end + 1
    position = min(position, len(text))
    if len(values) != 2 * n_peaks:
        found = f"{len(values) // 2} peaks follow 'Num Peaks: {n_peaks}'"
        raise _BrokenRecordError(file.fault(found, f"{n_peaks} peaks", max(start - 1, 0)), position)
    return np.array(values, dtype=np.float64), position


def _next_record(text: str, at: int) -> int:
    following = _NEXT_RECORD.search(text, at)
    if not following:
        return len(text)
    return following.start() + 1 if following["name"] else following.end()


def _peak_line(line: str) -> list[float]:
    """The numbers of one line of peaks, in pairs: every separator counts alike, so an odd number of numbers is a fault."""
    bare = _ANNOTATION.sub("", line)
    rubbish = _PEAK_TOKEN.sub("", bare).translate(_SEPARATORS)
    if rubbish:
        raise ValueError(f"peak line {shown(line)} holds {shown(rubbish)}")
    tokens = _PEAK_TOKEN.findall(bare)
    if len(tokens) % 2:
        raise ValueError(f"peak line has {len(tokens)} numbers ({shown(line)})")
    return [float(token) for token in tokens]


def _report_stray(file: _File, start: int, end: int) -> None:
    """Report records without a ``Num Peaks`` line, and lines that no record owns: once for each run of lines without a blank one."""
    text = file.text
    position, fresh = start, True
    while position < end:
        line_end = text.find("\n", position, end)
        line_end = end if line_end < 0 else line_end
        line = text[position:line_end]
        if not line.strip():
            fresh = True
        elif fresh or _NAME.match(line):
            fresh = False
            if _NAME.match(line):
                file.report(file.fault("the record has no 'Num Peaks' line", "'Num Peaks: n' before the peaks", position))
            elif not _FIELD.match(line):
                file.report(file.fault(f"{shown(line)} belongs to no record", "'Name: …' or the end of the file", position))
        position = line_end + 1
