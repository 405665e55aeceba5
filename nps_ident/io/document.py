"""A file as bytes, text and hash: what every reader starts from."""

from __future__ import annotations

import hashlib
import stat
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nps_ident.errors import FormatError, InputError
from nps_ident.model import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MAX_BYTES", "Document", "LineCounter", "numbered_lines", "open_document", "shown"]

MAX_BYTES = 2 * 1024**3
"""Largest content read, in bytes, before and after decompression: five times the largest public library of 2025 as MSP."""
_HEAD_BYTES = 65_536
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The content of one file.

    Parameters
    ----------
    path : str
        As the user gave it; every message names it.
    stem : str
        The file's name without ``.gz`` and its extension: names spectra that have no name.
    suffix : str
        The extension, lower case, without ``.gz``; a hint only, content decides.
    data : bytes
        Decompressed content.
    sha256 : str
        Of the file as stored (compressed, if it is).
    """

    path: str
    stem: str
    suffix: str
    data: bytes = field(repr=False)
    sha256: str

    def head(self) -> str:
        """The first 64 KiB as text: what readers recognise their format by."""
        start = self.data[:_HEAD_BYTES]
        return start.decode("utf-16" if start[:2] in _UTF16_MARKS else "utf-8-sig", errors="replace")

    def text(self) -> tuple[str, tuple[Finding, ...]]:
        """The content as text with lines ended by a line feed alone, and a finding when it is not UTF-8.

        UTF-16 where its mark stands, else UTF-8, then Windows-1252, then Latin-1, which every byte string is: no byte is dropped.

        Raises
        ------
        FormatError
            When the text holds a NUL character, which no text format here allows, or is damaged UTF-16.
        """
        text, encoding = self._decoded()
        at = text.find("\0")
        if at >= 0:
            raise FormatError(self.path, "a NUL byte in a text file", "text", line=text.count("\n", 0, at) + 1)
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        if encoding == "utf-8":
            return text, ()
        return text, (Finding(code="FILE-001", severity=Severity.INFO, text=f"The file is not UTF-8; it was read as {encoding}."),)

    def _decoded(self) -> tuple[str, str]:
        if self.data[:2] in _UTF16_MARKS:
            try:
                return self.data.decode("utf-16"), "utf-16"
            except UnicodeDecodeError as error:
                raise FormatError(self.path, f"damaged UTF-16 at byte {error.start}", "whole characters") from None
        data = self.data.removeprefix(b"\xef\xbb\xbf")
        for encoding in ("utf-8", "cp1252"):
            try:
                return data.decode(encoding), encoding
            except UnicodeDecodeError:
                continue
        return data.decode("latin-1"), "latin-1"


class LineCounter:
    """The line, from 1, of any position in a text, at the cost of the way from the position last asked for."""

    __slots__ = ("_line", "_position", "_text")

    def __init__(self, text: str) -> None:
        self._text, self._position, self._line = text, 0, 1

    def __call__(self, position: int) -> int:
        """The line of ``position``."""
        if position >= self._position:
            self._line += self._text.count("\n", self._position, position)
        else:
            self._line -= self._text.count("\n", position, self._position)
        self._position = position
        return self._line


def numbered_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a text with their numbers from 1, one at a time: a split text takes several times the memory of the whole."""
    position, line = 0, 1
    while (end := text.find("\n", position)) >= 0:
        yield line, text[position:end]
        position, line = end + 1, line + 1
    yield line, text[position:]


def shown(text: str) -> str:
    """The beginning of ``text`` in quotes for a message: control characters escaped, at most 60 characters."""
    text = text[:400].strip()
    short = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text[:60])
    return f"'{short}{'…' if len(text) > 60 else ''}'"


def open_document(path: str | Path) -> Document:
    """Read and hash a file, decompressing gzip by content.

    Raises
    ------
    InputError
        When the file cannot be opened.
    FormatError
        When it is empty, larger than :data:`MAX_BYTES`, or a damaged gzip stream.
    """
    place = Path(path)
    try:
        status = place.stat()
        if stat.S_ISDIR(status.st_mode):
            raise InputError(f"{path}: is a folder; expected a file.")
        if not stat.S_ISREG(status.st_mode):
            # A pipe or a device can block or never end.
            raise InputError(f"{path}: is not a regular file; expected a file.")
        if status.st_size > MAX_BYTES:
            raise FormatError(str(path), f"the file has {status.st_size:,} bytes", f"at most {MAX_BYTES:,}")
        stored = place.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or type(error).__name__}).") from None
    except ValueError as error:
        raise InputError(f"{str(path)!r}: cannot be the name of a file ({error}).") from None
    if not stored:
        raise FormatError(str(path), "the file is empty", "at least one spectrum")
    name = place.name
    data = stored
    if stored[:2] == b"\x1f\x8b":
        data = _gunzip(stored, str(path))
        name = name[: -len(place.suffix)] if place.suffix.lower() in {".gz", ".gzip"} else name
        if not data:
            raise FormatError(str(path), "the gzip stream is empty", "at least one spectrum")
    inner = Path(name)
    return Document(
        path=str(path), stem=inner.stem, suffix=inner.suffix.lower(), data=data, sha256=hashlib.sha256(stored).hexdigest()
    )


def _gunzip(stored: bytes, path: str) -> bytes:
    """All members of a gzip stream, refused once they pass :data:`MAX_BYTES`, so that a bomb costs no more than that."""
    parts: list[bytes] = []
    total, rest = 0, stored
    while rest:
        if rest[:2] != b"\x1f\x8b":
            if rest.strip(b"\0"):
                raise FormatError(path, f"{len(rest)} bytes of rubbish after the gzip stream", "the end of the file")
            break
        stream = zlib.decompressobj(wbits=31)
        try:
            part = stream.decompress(rest, MAX_BYTES - total + 1)
        except zlib.error as error:
            raise FormatError(path, f"a damaged gzip stream ({error})", "a whole one") from None
        total += len(part)
        if total > MAX_BYTES:
            raise FormatError(path, f"a gzip stream of more than {MAX_BYTES:,} bytes", f"at most {MAX_BYTES:,}")
        if not stream.eof:
            raise FormatError(path, "a gzip stream that is cut off", "a whole one")
        parts.append(part)
        rest = stream.unused_data
    return b"".join(parts)
