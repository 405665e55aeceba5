"""Which reader reads a file: chosen by what is in it, never by its name alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from nps_ident.errors import FormatError, InputError
from nps_ident.io import andi, jcamp, massbank, mgf, msp, mzml, peak_table, spc
from nps_ident.io.document import Document, open_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from nps_ident.model import MassSpectrum, Technique

__all__ = ["find_files", "read_spectra", "scan_spectra"]


_KNOWN_FORMATS = "MSP, MGF, MassBank, JCAMP-DX, a CSV peak table, mzML, mzXML, Galactic SPC or ANDI netCDF"


class _Reader(Protocol):
    """What each module of one format offers."""

    @staticmethod
    def recognises(head: str) -> bool:
        """Whether the beginning of a file is of this format."""

    @staticmethod
    def read(document: Document, report: Callable[[FormatError], None]) -> Iterator[MassSpectrum]:
        """Yield what can be read, report what cannot."""


class _BinaryReader(Protocol):
    """What each module of one binary format offers."""

    @staticmethod
    def recognises(data: bytes) -> bool:
        """Whether a file is of this format."""

    @staticmethod
    def read(document: Document, report: Callable[[FormatError], None]) -> Iterator[MassSpectrum]:
        """Yield what can be read, report what cannot."""


# Asked first: their bytes are no text.
_BINARY_READERS = cast("tuple[_BinaryReader, ...]", (andi, spc))
# In the order they are asked: the formats that announce themselves first, the bare table of numbers last.
_READERS = cast("tuple[_Reader, ...]", (mzml, jcamp, mgf, massbank, msp, peak_table))


def find_files(paths: Iterable[str | Path]) -> Iterator[Path]:
    """The files below ``paths`` in a fixed order: files as given, folders by sorted name, hidden files left out.

    Raises
    ------
    InputError
        For a path that does not exist.
    """
    for given in paths:
        if not str(given):
            raise InputError("An empty path names no file or folder; expected one of either.")
        path = Path(given)
        if path.is_dir():
            for found in sorted(path.rglob("*")):
                if found.is_file() and not any(part.startswith(".") for part in found.relative_to(path).parts):
                    yield found
        elif path.exists():
            yield path
        else:
            raise InputError(f"{path}: no such file or folder.")


def read_spectra(path: str | Path, *, technique: Technique | None = None) -> list[MassSpectrum]:
    """Read every spectrum of a file, verbatim and in order.

    Parameters
    ----------
    path : path-like
        MSP, MGF, MassBank record, JCAMP-DX, CSV peak table, mzML, mzXML, Galactic SPC or ANDI/AIA netCDF; also gzipped.
    technique : Technique, optional
        Used where the file does not say.

    Raises
    ------
    InputError
        When the file cannot be read, and at the first record that breaks the format (:class:`FormatError`).
    """

    def refuse(error: InputError) -> None:
        raise error

    return list(scan_spectra(path, report=refuse, technique=technique))


def scan_spectra(
    path: str | Path, *, report: Callable[[InputError], None], technique: Technique | None = None
) -> Iterator[MassSpectrum]:
    """Read a file spectrum by spectrum, handing each fault to ``report`` and going on with what can still be read."""
    silent = True

    def told(error: InputError) -> None:
        nonlocal silent
        silent = False
        report(error)

    try:
        document = open_document(path)
        for spectrum in _reader(document).read(document, told):
            silent = False
            yield replace(spectrum, technique=technique) if spectrum.technique is None and technique else spectrum
    except InputError as error:
        told(error)
    if silent:
        report(FormatError(str(path), "no spectrum could be read", "at least one"))


def _reader(document: Document) -> _Reader | _BinaryReader:
    for binary in _BINARY_READERS:
        if binary.recognises(document.data):
            return binary
    head = document.head()
    for reader in _READERS:
        if reader.recognises(head):
            return reader
    raise FormatError(document.path, "the content is of no known format", _KNOWN_FORMATS)
