"""The spectra and compiled libraries that the measurements work on; the folder of real spectra is not part of the project."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from nps_ident.io import read_spectra, scan_spectra
from nps_ident.library.build import build_library
from nps_ident.library.compiled import Library, open_compiled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from nps_ident.errors import InputError
    from nps_ident.model import MassSpectrum

EI_REFERENCES = 3000


@dataclass(frozen=True)
class Data:
    """Where the spectra are, and where compiled libraries are kept between runs."""

    folder: Path
    work: Path

    @property
    def msms_background_file(self) -> Path:
        return self.folder / "msms" / "massbank_background.msp.gz"

    def msms_background(self) -> Library:
        """About 96,000 MS/MS references."""
        return self._compiled("msms-background", lambda: scan_spectra(self.msms_background_file, report=_refuse))

    def msms_queries(self) -> list[MassSpectrum]:
        """Those with a precursor."""
        return [s for s in read_spectra(self.folder / "msms" / "queries_dev.msp") if s.precursor_mz]

    def ei_references(self) -> list[MassSpectrum]:
        """The drug references and, up to 3,000, the first background records that are not among them."""
        background = scan_spectra(self.folder / "ei" / "massbank_background_ei.msp.gz", report=_refuse)
        others = (s for s in background if ("In_reference", "yes") not in s.metadata)
        return list(islice(_chained(read_spectra(self.folder / "ei" / "reference.msp"), others), EI_REFERENCES))

    def ei_library(self) -> Library:
        return self._compiled(f"ei-{EI_REFERENCES}", self.ei_references)

    def ei_queries(self) -> list[MassSpectrum]:
        return read_spectra(self.folder / "ei" / "queries_dev.msp")

    def _compiled(self, name: str, spectra: object) -> Library:
        folder = self.work / name
        if not (folder / "manifest.json").is_file():
            print(f"compiling {name} …", file=sys.stderr)
            build_library(spectra(), folder, name=name)  # type: ignore[operator]
        return open_compiled(folder)


def _chained(first: Iterable[MassSpectrum], then: Iterable[MassSpectrum]) -> Iterator[MassSpectrum]:
    yield from first
    yield from then


def _refuse(error: InputError) -> None:
    raise error
