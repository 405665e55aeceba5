"""Which reader reads a file: chosen by what is in it, never by its name alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nps_ident.errors import FormatError, InputError
from nps_ident.io import msp
from nps_ident.io.document import Document, open_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from nps_ident.model import MassSpectrum, Technique

__all__ = ["find_files", "read_spectra", "scan_spectra"]

_READERS = (msp,)
_HEAD = 65_536


def find_files(paths: Iterable[str | Path]) -> Iterator[Path]:
    """The files below ``paths`` in a fixed order: files as given, folders by sorted name, hidden files left out.

    Raises
    ------
    InputError
        For a path that does not exist.
    """
    for path in map(Path, paths):
        if path.is_dir():
            yield from (p for p in sorted(path.rglob("*")) if p.is_file() and not any(part.startswith(".") for part in p.relative_to(path).parts))
        elif path.exists():
            yield path
        else:
            raise InputError(f"{path}: no such file or folder.")


def read_spectra(path: str | Path, *, technique: Technique | None = None) -> list[MassSpectrum]:
    """Read every spectrum of a file, verbatim and in order.

    Parameters
    ----------
    path : path-like
        MSP, MGF, MassBank record, JCAMP-DX, CSV peak table, mzML or mzXML; also gzipped.
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
    try:
        document = open_document(path)
        found = False
        for spectrum in _reader(document).read(document, report):
            found = True
            yield replace(spectrum, technique=technique) if spectrum.technique is None and technique else spectrum
    except InputError as error:
        report(error)
        return
    if not found:
        report(FormatError(str(path), "no spectrum could be read", "at least one"))


def _reader(document: Document):  # type: ignore[no-untyped-def]
    head = document.data[:_HEAD].decode("utf-8", errors="replace")
    for reader in _READERS:
        if reader.recognises(head):
            return reader
    raise FormatError(document.path, "the content is of no known format", "MSP, MGF, MassBank, JCAMP-DX, a CSV peak table, mzML or mzXML")
