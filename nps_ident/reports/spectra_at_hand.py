"""The spectra behind a written answer, fetched again for its picture, or the reason why they are not at hand.

A result holds no spectra.  The query is read from its file, if that still has the recorded hash; the reference is looked up in the
libraries.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nps_ident.errors import InputError, LibraryError
from nps_ident.library.compiled import SECTIONS
from nps_ident.model import MassSpectrum, Technique

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nps_ident.library.compiled import Library
    from nps_ident.library.opening import Libraries
    from nps_ident.model import Substance

__all__ = ["find_query", "find_reference"]


def find_query(query: Mapping[str, Any], settings: Mapping[str, Any]) -> MassSpectrum:
    """Read the query of an answer again.

    Parameters
    ----------
    query : mapping
        As in the result contract.
    settings : mapping
        Of the ledger's record, if there is one: ``folder``, or ``spectrum`` for one that stands in no file: given from Python, or a component
        of a run.

    Raises
    ------
    InputError
        When it is not at hand: no file, another content, or a spectrum that cannot be read.
    """
    technique = Technique(query["technique"]) if query.get("technique") else None
    if query.get("file") is None or "area_share" in query:
        return _from_settings(settings, technique)
    from nps_ident.io import scan_spectra
    from nps_ident.spectra.peaks import prepare

    def refuse(error: InputError) -> None:
        raise error

    places = [Path(query["file"]), Path(str(settings.get("folder") or ".")) / query["file"]]
    place = next((path for path in places if path.is_file()), None)
    if place is None:
        raise InputError(f"{query['file']}: the query's file is not at hand.")
    for spectrum in scan_spectra(place, report=refuse, technique=technique):
        if spectrum.source is None or spectrum.source.sha256 != query["sha256"]:
            raise InputError(f"{query['file']}: the file has changed since the answer was given.")
        if spectrum.source.index == query["index"]:
            return prepare(spectrum)
    raise InputError(f"{query['file']}: the file has no spectrum {query['index']}.")


def _from_settings(settings: Mapping[str, Any], technique: Technique | None) -> MassSpectrum:
    kept = settings.get("spectrum")
    if not isinstance(kept, dict):
        raise InputError("The answer names no file, or is of a component of a run, and its record holds no spectrum.")
    peaks = {name: np.array([float(value) for value in kept[name]]) for name in ("mz", "intensity")}
    return MassSpectrum(
        name=str(kept["name"]),
        technique=technique,
        precursor_mz=kept.get("precursor_mz"),
        precursor_decimals=kept.get("precursor_decimals"),
        mz=peaks["mz"],
        intensity=peaks["intensity"],
    )


def find_reference(accession: str, technique: str | None, libraries: Libraries) -> tuple[MassSpectrum, Substance]:
    """Look up a reference, and the substance it is of, by its accession.

    Raises
    ------
    LibraryError
        When none of the libraries has it for that technique.
    """
    for member in libraries.members:
        for row in _rows(member, accession):
            for kind, prefix in SECTIONS.items():
                if kind.value == technique and f"{prefix}.reference" in member:
                    places = np.flatnonzero(member[f"{prefix}.reference"] == row)
                    if len(places):
                        substance = member.substance(int(member[f"{prefix}.substance"][places[0]]))
                        return _spectrum(member, prefix, int(places[0]), kind, row), substance
    raise LibraryError(f"{accession}: no library at hand holds this reference.")


def _rows(library: Library, accession: str) -> Iterable[int]:
    """Rows of the table of references that name this accession; found in the bytes, since parsing every row would take longer."""
    data, offsets = library["references.json"].tobytes(), library["references.offset"]
    wanted = json.dumps(accession, ensure_ascii=False).encode()
    at = data.find(wanted)
    while at >= 0:
        row = int(np.searchsorted(offsets, at, "right")) - 1
        if library.reference(row).get("accession") == accession:
            yield row
        at = data.find(wanted, at + 1)


def _spectrum(library: Library, prefix: str, place: int, technique: Technique, row: int) -> MassSpectrum:
    fields = library.reference(row)
    peaks = slice(*library[f"{prefix}.peak_start"][place : place + 2])
    return MassSpectrum(
        name=str(fields.get("name", fields["accession"])),
        mz=library[f"{prefix}.mz"][peaks],
        intensity=library[f"{prefix}.intensity"][peaks],
        technique=technique,
        precursor_mz=fields.get("precursor_mz"),
        accession=fields["accession"],
    )
