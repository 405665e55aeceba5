"""Taking the files of spectra out of a downloaded zip, which is hostile until shown otherwise."""

from __future__ import annotations

import re
import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from nps_ident.errors import LibraryError
from nps_ident.io.document import MAX_BYTES, shown

if TYPE_CHECKING:
    from zipfile import ZipInfo

__all__ = ["SPECTRUM_SUFFIXES", "is_archive", "unpack_spectra"]

SPECTRUM_SUFFIXES = frozenset(
    {".csv", ".dx", ".gz", ".hpj", ".jcamp", ".jcm", ".jdx", ".mgf", ".msp", ".msp_nist", ".msp_riken", ".mzml", ".mzxml", ".txt"}
)
"""Endings of the text forms that libraries are published in; binary libraries (Agilent, NIST) are passed over."""
_MAX_MEMBERS = 200_000
"""A zip of MassBank records holds one file a spectrum: about 130,000 in 2026."""
_NEVER = re.compile(r"[\x00-\x1f\x7f:\\]|^/|(?:^|/)\.\.?(?:/|$)|//")
"""Controls, drive letters and streams, backslashes; absolute names; steps up or on the spot; empty steps."""


def is_archive(path: Path) -> bool:
    """Whether the file is a zip, a self-extracting one included."""
    return zipfile.is_zipfile(path)


def unpack_spectra(path: Path, folder: Path) -> list[Path]:
    """Unpack the files of spectra into ``folder``, under their own last names with a number in front.

    Every member is checked before the first is written, also those that are not wanted.

    Raises
    ------
    LibraryError
        When a name is absolute, leads elsewhere, or comes twice; when a member is encrypted or a link; when there are too many members or too
        many bytes; when the zip is damaged; when it holds no file of spectra.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check(path, members)
            wanted = [member for member in members if not member.is_dir() and _suffix(member) in SPECTRUM_SUFFIXES]
            if not wanted:
                found = ", ".join(sorted({_suffix(member) or "none" for member in members if not member.is_dir()})[:8]) or "nothing"
                raise LibraryError(
                    f"{path.name}: the zip holds no file of spectra (endings found: {found}); expected MSP, MGF or JCAMP-DX, which Lib2NIST "
                    "makes of a NIST or Agilent library."
                )
            return [_write(archive, member, folder / f"{n:03d}_{PurePosixPath(member.filename).name}") for n, member in enumerate(wanted, 1)]
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise LibraryError(f"{path.name}: the zip is damaged ({type(error).__name__}: {error}).") from None
    except OSError as error:
        raise LibraryError(f"{folder}: cannot be written ({error.strerror or type(error).__name__}).") from None


def _suffix(member: ZipInfo) -> str:
    return PurePosixPath(member.filename).suffix.lower()


def _check(path: Path, members: list[ZipInfo]) -> None:
    if len(members) > _MAX_MEMBERS:
        raise LibraryError(f"{path.name}: the zip has {len(members):,} members; at most {_MAX_MEMBERS:,} are unpacked.")
    total = sum(member.file_size for member in members)
    if total > MAX_BYTES:
        raise LibraryError(f"{path.name}: the zip unpacks to {total:,} bytes; at most {MAX_BYTES:,} are unpacked.")
    seen: set[str] = set()
    for member in members:
        # The name as stored: zipfile itself cuts names at a NUL and turns the system's separator into a slash.
        name = member.orig_filename
        folded = name.rstrip("/").casefold()
        if not folded or _NEVER.search(name):
            raise LibraryError(f"{path.name}: the zip has a member {shown(name)}, which leads elsewhere; nothing of it was unpacked.")
        if folded in seen:
            raise LibraryError(f"{path.name}: the zip has {shown(name)} twice; nothing of it was unpacked.")
        seen.add(folded)
        if member.flag_bits & 0x1:
            raise LibraryError(f"{path.name}: the zip member {shown(name)} is encrypted; expected an open one.")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise LibraryError(f"{path.name}: the zip member {shown(name)} is a link; expected a file.")


def _write(archive: zipfile.ZipFile, member: ZipInfo, place: Path) -> Path:
    # A member gives no more bytes than it states, and those were summed up above.
    with archive.open(member) as source, place.open("wb") as out:
        shutil.copyfileobj(source, out)
    return place
