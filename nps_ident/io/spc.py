"""Galactic SPC files of mass spectra: one scan or a whole run, in the new (0x4B) and the old (0x4D) form.

A file is a header and subfiles, each with a header of its own.  The subfiles share one evenly spaced abscissa, share a table of abscissae,
or have each their own (``-XY``), which is how the scans of a run stand.  Ordinates are floats, or 16- or 32-bit integers with a power of two.
Files of other quantities than m/z (infrared, Raman …) are refused by name.

References
----------
Galactic Industries 1997, "A Brief Guide to SPC File Format and Using GSPCIO", and the header ``SPC.H`` in it: the field names below are
its own.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nps_ident.errors import FormatError
from nps_ident.io.document import shown
from nps_ident.io.fields import SECONDS_IN, spectrum_from_known
from nps_ident.model import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from nps_ident.io.document import Document
    from nps_ident.model import MassSpectrum

__all__ = ["Subfile", "read", "recognises", "subfiles"]

_NEW, _NEW_BIG_ENDIAN, _OLD = 0x4B, 0x4C, 0x4D
_HEADER = struct.Struct("<BBBbiddiBBBBi9s9sh32s130s30siiBBhf48sfifB187s")
_OLD_HEADER = struct.Struct("<BBhfffBBHBBBB8shh28s130s30s")
_SUBHEADER = struct.Struct("<BbhfffiifI")
_ENTRY = struct.Struct("<iif")
_SHORT, _MULTI, _ORDERED, _RANDOM, _OWN_X, _X_TABLE = 0x01, 0x04, 0x10, 0x08, 0x40, 0x80
_FLOAT_EXPONENT = -128
_MASS, _MINUTE = 9, 5
# Codes of the quantities on the axes (SPC.H): those that are told apart here.
_QUANTITIES = {0: "arbitrary", 1: "wavenumber", 2: "micrometre", 3: "nanometre", _MASS: "m/z", 10: "ppm", 13: "Raman shift"}
_TIME_UNITS = {4: "second", _MINUTE: "minute", 23: "millisecond", 30: "hour"}

_ASSUMED_MINUTES = Finding(
    code="FILE-016", severity=Severity.WARNING, text="An old SPC file names no unit of time; its scan times were taken as minutes."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subfile:
    """One subfile: its abscissae and ordinates, float64 of one length, and where it stands on the third axis (in the file's unit)."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    z: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    """What the two forms of the main header have in common; ``n_subfiles`` is None where only the end of the file says it."""

    flags: int
    exponent: int
    n_points: int
    first: float
    last: float
    n_subfiles: int | None
    x_unit: int
    z_unit: int
    z_step: float
    is_old: bool
    n_bytes: int
    fields: tuple[tuple[str, str], ...]


def recognises(data: bytes) -> bool:
    """Whether the version byte is one of SPC and the file is binary: text that happens to have such a second letter holds no NUL."""
    return len(data) >= _OLD_HEADER.size + _SUBHEADER.size and data[1] in {_NEW, _NEW_BIG_ENDIAN, _OLD} and b"\0" in data[:256]


def read(document: Document, report: Callable[[FormatError], None]) -> Iterator[MassSpectrum]:
    """Yield the scans of an SPC file in order, verbatim, with the retention time where the third axis is a time.

    ``report`` is given one :class:`FormatError` where the file is cut off or a scan breaks the format; what stands before is still read.
    """
    head = _head(document)
    if head.x_unit != _MASS:
        quantity = _QUANTITIES.get(head.x_unit, f"the quantity of code {head.x_unit}")
        raise FormatError(document.path, f"an SPC file whose x axis is {quantity}", "m/z (mass spectra; other techniques are not read)")
    unit = _TIME_UNITS.get(head.z_unit)
    for index, part in enumerate(subfiles(document, report)):
        if not (np.isfinite(part.x).all() and np.isfinite(part.y).all()):
            report(FormatError(document.path, f"a number that is not finite in subfile {index}", "finite numbers"))
            continue
        known = {"spectrum_type": "MS1"}
        notes = (_ASSUMED_MINUTES,) if head.is_old and head.flags & _MULTI else ()
        if unit and head.flags & _MULTI and np.isfinite(part.z):
            known["retention_time_s"] = repr(part.z * SECONDS_IN[unit])
        metadata = (*head.fields, ("Z", f"{part.z:.9g} {unit or ''}".strip()))
        yield spectrum_from_known(known, part.x, part.y, synonyms=(), metadata=metadata, document=document, index=index, findings=notes)


def subfiles(document: Document, report: Callable[[FormatError], None]) -> Iterator[Subfile]:
    """Yield the subfiles of an SPC file of any technique in the order of their directory.

    Raises
    ------
    FormatError
        When the header cannot be read.
    """
    head = _head(document)
    if head.flags & _OWN_X and not head.is_old:
        yield from _with_own_x(document, head, report)
    else:
        yield from _with_shared_x(document, head, report)


def _head(document: Document) -> _Head:
    data = document.data
    if data[1] == _NEW_BIG_ENDIAN:
        raise FormatError(document.path, "an SPC file of version 0x4C (big-endian)", "version 0x4B or 0x4D")
    return _old_head(document) if data[1] == _OLD else _new_head(document)


def _new_head(document: Document) -> _Head:
    data = document.data
    if len(data) < _HEADER.size:
        raise FormatError(document.path, f"an SPC header of {len(data)} bytes", f"{_HEADER.size}")
    values = _HEADER.unpack_from(data)
    flags, _, _, exponent, n_points, first, last, n_subfiles, x_unit, _, z_unit = values[:11]
    if n_points < 0 or n_subfiles < 0:
        raise FormatError(document.path, f"an SPC header that counts {n_points} points and {n_subfiles} subfiles", "counts from 0 on")
    return _Head(
        flags=flags,
        exponent=exponent,
        n_points=n_points,
        first=first,
        last=last,
        n_subfiles=n_subfiles if flags & _MULTI else 1,
        x_unit=x_unit,
        z_unit=z_unit,
        z_step=values[26],
        is_old=False,
        n_bytes=_HEADER.size,
        fields=_fields(memo=values[17], method=values[25], source=values[14]),
    )


def _old_head(document: Document) -> _Head:
    values = _OLD_HEADER.unpack_from(document.data)
    flags, _, exponent, n_points, first, last, x_unit = values[:7]
    if not (np.isfinite(n_points) and 0 <= n_points <= len(document.data)):
        raise FormatError(document.path, f"an SPC header that counts {n_points:g} points", f"0 to {len(document.data)}")
    return _Head(
        flags=flags & ~(_OWN_X | _X_TABLE),  # bits that the old form does not have
        exponent=int(np.clip(exponent, -128, 127)),
        n_points=int(n_points),
        first=first,
        last=last,
        n_subfiles=None if flags & _MULTI else 1,
        x_unit=x_unit,
        z_unit=_MINUTE,  # the old form names none; said in a finding
        z_step=0.0,
        is_old=True,
        n_bytes=_OLD_HEADER.size,
        fields=_fields(memo=values[17], method=b"", source=b""),
    )


def _fields(**texts: bytes) -> tuple[tuple[str, str], ...]:
    named = ((name.capitalize(), text.split(b"\0")[0].decode("latin-1").strip()) for name, text in texts.items())
    return tuple((name, value) for name, value in named if value)


def _with_own_x(document: Document, head: _Head, report: Callable[[FormatError], None]) -> Iterator[Subfile]:
    """Subfiles with abscissae of their own, found by the directory; where that is cut off, one behind the other."""
    data, count = document.data, head.n_subfiles or 0
    width = 4 + (2 if head.flags & _SHORT else 4)
    directory = head.n_points
    whole = directory and directory + count * _ENTRY.size <= len(data)
    read_points = 0
    at = head.n_bytes
    for index in range(count):
        if whole:
            at = _ENTRY.unpack_from(data, directory + index * _ENTRY.size)[0]
        if not head.n_bytes <= at <= len(data) - _SUBHEADER.size:
            report(_cut(document, index, count))
            return
        flags_and_more = _SUBHEADER.unpack_from(data, at)
        exponent, z, n_points = flags_and_more[1], flags_and_more[3], flags_and_more[6]
        start, size = at + _SUBHEADER.size, max(n_points, 0) * (width if exponent != _FLOAT_EXPONENT else 8)
        read_points += max(n_points, 0)
        # A directory may name one subfile a million times: no more points are read than the file has room for.
        if n_points < 0 or start + size > len(data) or read_points * width > len(data):
            report(_cut(document, index, count))
            return
        x = np.frombuffer(data, "<f4", n_points, start).astype(np.float64)
        yield Subfile(x=x, y=_ordinates(data, start + 4 * n_points, n_points, exponent, head), z=z)
        at = start + size
    if not whole and count:
        found = f"the directory of the {count} subfiles is cut off (they were read one behind the other)"
        report(FormatError(document.path, found, "a whole SPC file"))


def _with_shared_x(document: Document, head: _Head, report: Callable[[FormatError], None]) -> Iterator[Subfile]:
    data, at, n_points = document.data, head.n_bytes, head.n_points
    width = 2 if head.flags & _SHORT else 4
    if n_points * width > len(data) - at:
        raise FormatError(document.path, f"{n_points} points in a file of {len(data)} bytes", "as many as the header says")
    if head.flags & _X_TABLE:
        if at + 4 * n_points > len(data):
            raise FormatError(document.path, "the table of x values is cut off", f"{n_points} values")
        x = np.frombuffer(data, "<f4", n_points, at).astype(np.float64)
        at += 4 * n_points
    else:
        x = np.linspace(head.first, head.last, n_points)
    size = _SUBHEADER.size + n_points * width
    # No log follows the subfiles of the old form, so that the end of the file counts them.
    count = head.n_subfiles if head.n_subfiles is not None else max((len(data) - at) // size, 1)
    first_z = step = 0.0
    for index in range(count):
        if at + size > len(data):
            report(_cut(document, index, count))
            return
        _, exponent, _, z, next_z, *_ = _SUBHEADER.unpack_from(data, at)
        if index == 0:
            first_z, step = z, head.z_step or next_z - z
        if not head.flags & (_ORDERED | _RANDOM):
            z = first_z + index * step
        single = not head.flags & _MULTI
        y = _ordinates(data, at + _SUBHEADER.size, n_points, head.exponent if single or head.is_old else exponent, head)
        yield Subfile(x=x, y=y, z=z)
        at += size
    if head.is_old and head.n_subfiles is None and at < len(data):
        report(FormatError(document.path, f"{len(data) - at} bytes behind subfile {count - 1}", "whole subfiles"))


def _ordinates(data: bytes, at: int, n_points: int, exponent: int, head: _Head) -> NDArray[np.float64]:
    if exponent == _FLOAT_EXPONENT and not head.is_old:
        return np.frombuffer(data, "<f4", n_points, at).astype(np.float64)
    if head.flags & _SHORT:
        return np.frombuffer(data, "<i2", n_points, at).astype(np.float64) * 2.0 ** (exponent - 16)
    if head.is_old:
        # Two 16-bit words, the higher one first, each little-endian.
        words = np.frombuffer(data, "<u2", 2 * n_points, at).astype(np.uint32)
        whole = ((words[0::2] << 16) | words[1::2]).view(np.int32)
    else:
        whole = np.frombuffer(data, "<i4", n_points, at)
    return whole.astype(np.float64) * 2.0 ** (exponent - 32)


def _cut(document: Document, index: int, count: int) -> FormatError:
    found = f"the file is cut off or damaged at subfile {index} of {count} ({shown(document.stem)})"
    return FormatError(document.path, found, "whole subfiles; those before it were read")
