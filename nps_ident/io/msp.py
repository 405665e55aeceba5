"""MSP, the text format of NIST MS Search, in the dialects of NIST, SWGDRUG, MoNA, MassBank, RIKEN and Golm.

There is no standard.  A record is lines ``Key: value`` up to ``Num Peaks: n`` and then n peaks: one a line or several, separated by white
space, ``;``, ``,``, ``:`` or brackets, each with an annotation in quotes behind it or none.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from nps_ident.errors import FormatError
from nps_ident.io.fields import spectrum_from_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from nps_ident.io.document import Document
    from nps_ident.model import MassSpectrum

__all__ = ["read", "recognises"]

_NUM_PEAKS = re.compile(r"^[ \t]*num[ _]?peaks[ \t]*:(.*)$", re.IGNORECASE | re.MULTILINE)
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
# One "m/z intensity" a line and nothing else: nine records of ten, read at C speed.
_PLAIN_PEAKS = re.compile(rf"(?:[ \t]*{_NUMBER}[ \t]+{_NUMBER}[ \t]*\r?(?:\n|\Z))*+")
_PEAK_TOKEN = re.compile(_NUMBER)
_ANNOTATION = re.compile(r'"[^"\r\n]*"?')
_SEPARATORS = str.maketrans("", "", " \t\r;,:()[]{}")
_KEY_LINE = re.compile(r"[ \t]*[^\W\d][^:\r\n]*:")
# "CAS#: 437-38-7; NIST#: 12345" holds two fields; a ";" in any other value does not end it.
_SECOND_FIELD = re.compile(r";\s*(?=NIST#?:)", re.IGNORECASE)


def recognises(head: str) -> bool:
    """Whether the beginning of a file looks like MSP: a ``Num Peaks`` line, or a ``Name`` line before anything else."""
    return bool(_NUM_PEAKS.search(head)) or bool(re.match(r"\s*name[ \t]*:", head, re.IGNORECASE))


def read(document: Document, report: Callable[[FormatError], None]) -> Iterator[MassSpectrum]:
    """Yield the spectra of an MSP file in order, verbatim.

    Parameters
    ----------
    document : Document
    report : callable
        Is given a :class:`FormatError` for each record that breaks the format; when it returns, reading goes on with the next record.
    """
    text, notes = document.text()
    position, index = 0, 0
    for heading in _NUM_PEAKS.finditer(text):
        if heading.start() < position:
            continue
        header_at, position = position, heading.end() + 1
        try:
            fields = _fields(text, header_at, heading.start(), document.path, report)
            n_peaks = _count(heading[1], document.path, text, heading.start())
            mz, intensity, position = _peaks(text, position, n_peaks, document.path)
        except _BrokenRecordError as broken:
            position = broken.resume_at or position
            report(broken.error)
            index += 1
            continue
        yield spectrum_from_fields(fields, mz, intensity, document=document, index=index, findings=notes)
        index += 1
    for error in _stray(text, position, document.path):
        report(error)


class _BrokenRecordError(Exception):
    def __init__(self, error: FormatError, resume_at: int | None = None) -> None:
        super().__init__(str(error))
        self.error, self.resume_at = error, resume_at


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _shown(line: str) -> str:
    line = line.strip()
    return f"'{line[:60]}{'…' if len(line) > 60 else ''}'"


def _count(text: str, path: str, whole: str, at: int) -> int:
    match = re.fullmatch(r"\s*(\d{1,7})\s*", text)
    if not match:
        raise _BrokenRecordError(FormatError(path, f"the number of peaks is {_shown(text)}", "a whole number", line=_line(whole, at)))
    return int(match[1])


def _fields(text: str, start: int, end: int, path: str, report: Callable[[FormatError], None]) -> list[tuple[str, str]]:
    """The fields of the record whose peaks begin at ``end``; a record before it without ``Num Peaks`` is reported."""
    header = text[start:end]
    last = max(header.rstrip().rfind("\n\n"), header.rstrip().rfind("\n\r\n"))
    if last >= 0:
        for error in _stray(text[: start + last + 1], start, path):
            report(error)
        header, start = header[last + 1 :], start + last + 1
    fields: list[tuple[str, str]] = []
    for number, line in enumerate(header.splitlines()):
        if not line.strip():
            continue
        key, colon, value = line.partition(":")
        if not colon or not _KEY_LINE.match(line):
            where = _line(text, start) + number
            raise _BrokenRecordError(FormatError(path, f"{_shown(line)} stands before 'Num Peaks'", "'Key: value'", line=where))
        first, *more = _SECOND_FIELD.split(value.strip())
        fields.append((key.strip(), first.strip()))
        for extra in more:
            extra_key, _, extra_value = extra.partition(":")
            fields.append((extra_key.strip(), extra_value.strip()))
    return fields


def _peaks(text: str, start: int, n_peaks: int, path: str) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    end = _PLAIN_PEAKS.match(text, start).end()  # type: ignore[union-attr]
    block = text[start:end]
    values = np.fromstring(block, sep=" ") if block.strip() else np.empty(0)
    if len(values) != 2 * n_peaks or not _ends_record(text, end):
        values, end = _odd_peaks(text, start, n_peaks, path)
    return values[0::2], values[1::2], end


def _ends_record(text: str, at: int) -> bool:
    line_end = text.find("\n", at)
    line = text[at : line_end if line_end >= 0 else len(text)]
    return not line.strip() or bool(_KEY_LINE.match(line))


def _odd_peaks(text: str, start: int, n_peaks: int, path: str) -> tuple[NDArray[np.float64], int]:
    """Peaks in any of the other layouts, line by line, up to a blank line, a key line or the end of the file."""
    values: list[float] = []
    position, first_line = start, _line(text, start)
    offset = 0
    while position < len(text):
        line_end = text.find("\n", position)
        line_end = len(text) if line_end < 0 else line_end
        line = text[position:line_end]
        if not line.strip() or _KEY_LINE.match(line):
            break
        try:
            values += _peak_line(line)
        except ValueError as error:
            resume = _next_record(text, line_end)
            raise _BrokenRecordError(FormatError(path, str(error), "m/z and intensity", line=first_line + offset), resume) from None
        position, offset = line_end + 1, offset + 1
    if len(values) != 2 * n_peaks:
        error = FormatError(path, f"{len(values) // 2} peaks follow 'Num Peaks: {n_peaks}'", f"{n_peaks} peaks", line=max(first_line - 1, 1))
        raise _BrokenRecordError(error, position)
    return np.array(values, dtype=np.float64), position


def _next_record(text: str, at: int) -> int:
    blank = re.compile(r"\n[ \t]*\r?\n").search(text, at)
    return blank.end() if blank else len(text)


def _peak_line(line: str) -> list[float]:
    """The numbers of one line of peaks, in pairs: every separator counts alike, so an odd number of numbers is a fault."""
    bare = _ANNOTATION.sub("", line)
    rubbish = _PEAK_TOKEN.sub("", bare).translate(_SEPARATORS)
    if rubbish:
        raise ValueError(f"peak line {_shown(line)} holds {_shown(rubbish)}")
    tokens = _PEAK_TOKEN.findall(bare)
    if len(tokens) % 2:
        raise ValueError(f"peak line has {len(tokens)} numbers ({_shown(line)})")
    return [float(token) for token in tokens]


def _stray(text: str, start: int, path: str) -> Iterator[FormatError]:
    """Records without a ``Num Peaks`` line, and peaks that no record owns."""
    for block in re.finditer(r"(?:[^\n]*\S[^\n]*(?:\n|\Z))+", text[start:]):
        line = _line(text, start + block.start())
        if re.match(r"\s*name[ \t]*:", block[0], re.IGNORECASE):
            yield FormatError(path, "the record has no 'Num Peaks' line", "'Num Peaks: n' before the peaks", line=line)
        elif not _KEY_LINE.match(block[0]):
            yield FormatError(path, f"{_shown(block[0].splitlines()[0])} belongs to no record", "'Name: …' or the end of the file", line=line)
