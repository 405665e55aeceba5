"""A file as bytes, text and hash: what every reader starts from."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from nps_ident.errors import FormatError, InputError
from nps_ident.model import Finding, Severity

__all__ = ["MAX_BYTES", "Document", "open_document"]

MAX_BYTES = 2 * 1024**3
"""Largest content read, in bytes, before and after decompression: five times the largest public library of 2025 as MSP."""


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

    def text(self) -> tuple[str, tuple[Finding, ...]]:
        """The content as text, and a finding when it is not UTF-8.

        UTF-8 first, then Windows-1252, then Latin-1, which every byte string is: no byte is dropped.
        """
        data = self.data.removeprefix(b"\xef\xbb\xbf")
        try:
            return data.decode("utf-8"), ()
        except UnicodeDecodeError:
            pass
        encoding = "cp1252"
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            encoding = "latin-1"
            text = data.decode(encoding)
        return text, (Finding(code="FILE-001", severity=Severity.INFO, text=f"The file is not UTF-8; it was read as {encoding}."),)


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
        size = place.stat().st_size
        if place.is_file() and size > MAX_BYTES:
            raise FormatError(str(path), f"the file has {size:,} bytes", f"at most {MAX_BYTES:,}")
        stored = place.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or type(error).__name__}).") from None
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
