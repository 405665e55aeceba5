"""From an answer to its record."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from nps_ident.ledger.canonical import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nps_ident.ledger.store import Ledger
    from nps_ident.model import MassSpectrum

__all__ = ["Recordable", "known_substances", "record"]


class Recordable(Protocol):
    """A frozen answer that can be written down: an Identification, a StructureIdentification."""

    # What dataclasses.replace asks for.
    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def record(self) -> str | None:
        """Its record's id; None before."""

    def to_dict(self) -> dict[str, Any]:
        """The answer by its result contract."""


_Answer = TypeVar("_Answer", bound=Recordable)


def record(result: _Answer, ledger: Ledger, *, analyst: str | None = None, settings: Mapping[str, Any] | None = None) -> _Answer:
    """Write an answer into the ledger.

    Parameters
    ----------
    result : Identification or StructureIdentification
        It is stored with its ``record`` null.
    ledger : Ledger
        Open for writing; inside ``with ledger.batch():`` many answers share one signature.
    analyst : str, optional
        Who answers for it.
    settings : mapping, optional
        What replaying needs, in JSON values: command options, technique, paths and hashes of libraries and catalogue.  The query's
        file, index, hash and working folder are added here; so are the peaks of a spectrum that came from no file.

    Returns
    -------
    Identification or StructureIdentification
        The same answer with its record id.

    Raises
    ------
    LedgerError
        When it cannot be stored.
    """
    answer = {**result.to_dict(), "record": None}
    query = answer.get("query") or {}
    library = answer.get("library") or {}
    spectrum: MassSpectrum | None = getattr(result, "spectrum", None)
    place: dict[str, Any] = {}
    if query.get("file") is not None:
        place = {"file": query["file"], "index": query.get("index"), "file_sha256": query.get("sha256"), "folder": str(Path.cwd())}
        inputs = {"of": "file", "sha256": query.get("sha256")}
        if "area_share" in query and spectrum is not None:
            # Its file holds scans; the component that was taken from them is drawn and asked again from here.
            place["spectrum"] = _verbatim(spectrum)
    elif spectrum is not None:
        place = {"spectrum": _verbatim(spectrum)}
        inputs = {"of": "spectrum", "sha256": hashlib.sha256(canonical(place["spectrum"])).hexdigest()}
    else:
        inputs = {"of": "query", "sha256": hashlib.sha256(canonical(query)).hexdigest()}
    content = {
        "analyst": analyst,
        "input": inputs,
        "library_sha256": library.get("sha256"),
        "calibration": answer.get("calibration"),
        "software": answer.get("software") or {},
        "settings": {**place, **(settings or {})},
        "result": answer,
    }
    if spectrum is not None and answer.get("verdict") == "unknown_variant":
        # An unknown is asked again when its file may long be gone, and against what was known by then.
        content["known"] = known_substances((settings or {}).get("catalogue"))
        if "spectrum" not in place:
            content["spectrum"] = _verbatim(spectrum)
    return replace(result, record=ledger.append(content).id)


def known_substances(catalogue: str | None = None) -> dict[str, str]:
    """SHA-256 of the catalogue and of the user's own register: what of them an answer could know of.

    Parameters
    ----------
    catalogue : str, optional
        Its path; by default the one that ships.

    Raises
    ------
    CatalogueError
        When either cannot be read.
    """
    from nps_ident.catalogue.register import open_register
    from nps_ident.catalogue.store import open_catalogue

    with open_register() as register:
        return {"catalogue": open_catalogue(catalogue).sha256, "register": register.content_hash()}


def _verbatim(spectrum: MassSpectrum) -> dict[str, Any]:
    """A spectrum that stands in no file, with what was noted about it, so that its record can be replayed.

    A number that JSON does not have is written as text.
    """
    mz, intensity = ([v if math.isfinite(v) else str(v) for v in array.tolist()] for array in (spectrum.mz, spectrum.intensity))
    return {
        "name": spectrum.name,
        "technique": spectrum.technique.value if spectrum.technique else None,
        "precursor_mz": spectrum.precursor_mz,
        "precursor_decimals": spectrum.precursor_decimals,
        "adduct": spectrum.adduct,
        "polarity": spectrum.polarity.value if spectrum.polarity else None,
        "collision_energy": spectrum.collision_energy,
        "instrument_type": spectrum.instrument_type,
        "findings": [finding.to_dict() for finding in spectrum.findings],
        "mz": mz,
        "intensity": intensity,
    }
