"""Writing spectra as MSP, so that reading them back gives the same records."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nps_ident.errors import InputError
from nps_ident.io.fields import meaning_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nps_ident.model import MassSpectrum

__all__ = ["write_msp"]

_KEY = re.compile(r"[^\W\d][^:\r\n\0]*")


def write_msp(spectra: Iterable[MassSpectrum], path: str | Path) -> int:
    """Write spectra as one MSP file in UTF-8, replacing it whole or not at all.

    Name, technique, precursor, conditions, label and peaks come back equal from :func:`nps_ident.io.read_spectra`; so do fields of
    ``metadata`` without a meaning of their own.  Findings and source belong to the reading, and are not written.

    Returns
    -------
    int
        How many spectra were written.

    Raises
    ------
    InputError
        When the file cannot be written, or a value holds a line break or another character that would make it two fields.
    """
    place = Path(path)
    draft = place.with_name(f".{place.name}.{secrets.token_hex(4)}.part")
    n = 0
    try:
        with draft.open("x", encoding="utf-8", newline="\n") as stream:
            for spectrum in spectra:
                stream.write("\n".join(_lines(spectrum)) + "\n\n")
                n += 1
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(place)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or type(error).__name__}).") from None
    finally:
        draft.unlink(missing_ok=True)
    return n


def _lines(spectrum: MassSpectrum) -> Iterator[str]:
    for key, value in _fields(spectrum):
        if value != value.strip() or not value.isprintable():
            raise InputError(f"{spectrum.name!r}: the field {key!r} is {value[:60]!r}; expected one line of printable text.")
        yield f"{key}: {value}"
    yield f"Num Peaks: {spectrum.n_peaks}"
    if not (np.isfinite(spectrum.mz).all() and np.isfinite(spectrum.intensity).all()):
        raise InputError(f"{spectrum.name!r}: a peak is not finite; expected finite m/z and intensity.")
    for mz, intensity in zip(spectrum.mz.tolist(), spectrum.intensity.tolist(), strict=True):
        yield f"{mz!r} {intensity!r}"


def _fields(spectrum: MassSpectrum) -> Iterator[tuple[str, str]]:
    label = spectrum.label
    named = [
        ("Name", label.name if label.name is not None else spectrum.name),
        ("Record_name", spectrum.name if label.name not in {None, spectrum.name} else None),
        ("DB#", spectrum.accession),
        ("InChIKey", label.inchikey),
        ("InChI", label.inchi),
        ("SMILES", label.smiles),
        ("Formula", label.formula),
        ("CAS#", label.cas),
        ("ExactMass", None if label.exact_mass is None else repr(label.exact_mass)),
        ("Isotope_labelled", "yes" if label.isotope_labelled else None),
        ("PrecursorMZ", _precursor(spectrum)),
        ("Precursor_type", spectrum.adduct),
        ("Technique", spectrum.technique.value if spectrum.technique else None),
        ("Ion_mode", spectrum.polarity.value if spectrum.polarity else None),
        ("Instrument_type", spectrum.instrument_type),
        ("Collision_energy", spectrum.collision_energy),
        ("Retention_index", None if spectrum.retention_index is None else repr(spectrum.retention_index)),
        ("Contributor", spectrum.contributor),
        ("License", spectrum.licence),
    ]
    yield from ((key, value) for key, value in named if value is not None)
    yield from (("Synon", synonym) for synonym in label.synonyms)
    for key, value in spectrum.metadata:
        bare = key.strip().lstrip("$#.%&@ ")
        if meaning_of(bare) is None and _KEY.fullmatch(bare) and bare.lower().replace("_", " ") not in {"num peaks", "numpeaks"}:
            yield bare, " ".join(value.split())


def _precursor(spectrum: MassSpectrum) -> str | None:
    """The precursor with the decimals its source gave, or with all of them where that would change it."""
    if spectrum.precursor_mz is None:
        return None
    rounded = f"{spectrum.precursor_mz:.{min(spectrum.precursor_decimals or 0, 17)}f}"
    return rounded if float(rounded) == spectrum.precursor_mz else repr(spectrum.precursor_mz)
