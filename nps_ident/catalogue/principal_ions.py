"""The tables of principal ions that ship, read as spectra.

Each record is the strongest ions of one published spectrum, truncated and rounded (``reference_spectra/README.md``): good enough to name a
substance, and a kind of library of its own for every calibration.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from nps_ident.catalogue.labels import label_of
from nps_ident.catalogue.store import open_catalogue, read_table, verify_manifest
from nps_ident.errors import CatalogueError
from nps_ident.model import MassSpectrum, Polarity, Source, Technique

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nps_ident.catalogue.store import Catalogue

__all__ = ["EI_COLUMNS", "EI_TABLE", "MSMS_COLUMNS", "MSMS_TABLE", "parse_peaks", "read_principal_ions"]

EI_TABLE, MSMS_TABLE = "ei_principal_ions.tsv", "msms_principal_ions.tsv"
EI_COLUMNS = ("accession", "inchikey", "source", "licence", "contributor", "peaks")
MSMS_COLUMNS = (*EI_COLUMNS, "precursor_mz", "adduct", "polarity", "collision_energy", "instrument_type")


def parse_peaks(text: str, where: str) -> tuple[list[float], list[float]]:
    """Read the m/z and percents of ``58:100 91:12``.

    Raises
    ------
    CatalogueError
        When a part is no pair of numbers, or m/z does not ascend.
    """
    mz: list[float] = []
    percent: list[float] = []
    for part in text.split(" "):
        left, colon, right = part.partition(":")
        try:
            mz.append(float(left))
            percent.append(float(right if colon else "?"))
        except ValueError:
            raise CatalogueError(f"{where}: the peak is {part[:40]!r}; expected 'm/z:percent'.") from None
    if any(a >= b for a, b in pairwise(mz)):
        raise CatalogueError(f"{where}: m/z does not ascend; expected peaks by ascending m/z, each once.")
    return mz, percent


def read_principal_ions(path: str | Path, catalogue: Catalogue | None = None) -> Iterator[MassSpectrum]:
    """Read a table of principal ions as spectra, in its order.

    Parameters
    ----------
    path : path-like
        ``ei_principal_ions.tsv`` or ``msms_principal_ions.tsv``: the name of the columns decides.
    catalogue : Catalogue, optional
        Where the names, structures and classes come from; without it, the catalogue in the same folder.

    Yields
    ------
    MassSpectrum
        Intensities in percent of the base peak; ``label`` from the catalogue.

    Raises
    ------
    CatalogueError
        With file and line, for a damaged table, an unknown substance or a peak that cannot be read; also when the folder's manifest says
        that the table was changed.
    """
    place = Path(path)
    if (place.parent / "manifest.json").is_file() and place.name in {EI_TABLE, MSMS_TABLE}:
        sha256 = verify_manifest(place.parent, [place.name])[place.name]
    else:
        sha256 = ""
    catalogue = catalogue if catalogue is not None else open_catalogue(place.parent)
    ei = place.name != MSMS_TABLE
    for index, (line, cells) in enumerate(read_table(place, EI_COLUMNS if ei else MSMS_COLUMNS)):
        where = f"{place}:{line}"
        accession, inchikey, source, licence, contributor, peaks, *more = cells
        substance = catalogue.by_inchikey(inchikey)
        if substance is None:
            raise CatalogueError(f"{where}: {inchikey[:40]!r} is not in the catalogue; expected the InChIKey of a substance.")
        mz, percent = parse_peaks(peaks, where)
        precursor, adduct, polarity, energy, instrument = more or ("", "", "positive", "", "EI")
        yield MassSpectrum(
            name=f"{substance.name}, {accession}",
            mz=mz,  # type: ignore[arg-type]
            intensity=percent,  # type: ignore[arg-type]
            technique=Technique.EI_MS if ei else Technique.MSMS,
            precursor_mz=_precursor(precursor, where) if precursor else None,
            precursor_decimals=len(precursor.partition(".")[2]) if precursor else None,
            adduct=adduct or None,
            polarity=_polarity(polarity, where),
            collision_energy=energy or None,
            instrument_type=instrument or None,
            accession=accession,
            contributor=contributor,
            licence=licence,
            label=label_of(substance),
            metadata=(("Source", source),),
            source=Source(file=place.name, index=index, sha256=sha256),
        )


def _precursor(text: str, where: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise CatalogueError(f"{where}: the precursor is {text[:40]!r}; expected an m/z.") from None


def _polarity(text: str, where: str) -> Polarity:
    try:
        return Polarity(text)
    except ValueError:
        raise CatalogueError(f"{where}: the polarity is {text[:40]!r}; expected positive or negative.") from None
