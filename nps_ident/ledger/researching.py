"""Asking an open question again: the stored spectra against today's libraries and catalogue, with before and after recorded; and closing it.

Each spectrum's new answer is an identification record like any other, so that it can be shown and replayed; the event that follows ties them to
the item.  An interrupted search leaves answers without an event, and the item is searched again the next time.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nps_ident.confidence.replicates import read_variability
from nps_ident.errors import InputError
from nps_ident.ledger.canonical import canonical
from nps_ident.ledger.entry import record_id
from nps_ident.ledger.next_measurements import known_of
from nps_ident.ledger.recording import known_substances, record
from nps_ident.ledger.unknowns import EVENT_SCHEMA
from nps_ident.library.search_msms import precursor_tolerance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nps_ident.catalogue.store import Catalogue
    from nps_ident.confidence.calibration import Calibration
    from nps_ident.ledger.store import Ledger
    from nps_ident.ledger.unknowns import Observation, UnknownItem
    from nps_ident.library.opening import Libraries
    from nps_ident.model import Substance, Technique

__all__ = ["OUTCOMES", "Today", "changed_since", "close_item", "open_today", "record_joins", "research", "settings_for"]

OUTCOMES = {
    "identified": "the substance is known now",
    "mixture": "it was more than one substance",
    "artefact": "it was no substance: a contamination, a blank, a fault of the instrument",
    "duplicate": "it is the unknown of another item",
    "not_pursued": "nobody will characterise it",
}
_INCHIKEY = re.compile(r"[A-Z]{14}-[A-Z]{10}-[A-Z]")
_UNIT_MASS_DA = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """What a question is asked of.

    Parameters
    ----------
    settings : dict
        Of the identification, as :func:`nps_ident.ledger.record` stores them.
    known : dict of str to str
        SHA-256 of catalogue and register.
    catalogue : Catalogue or None
        Another one than that which ships.
    listed : Catalogue
        Catalogue and register together.
    """

    settings: dict[str, Any]
    libraries: Libraries
    known: dict[str, str]
    catalogue: Catalogue | None
    listed: Catalogue
    calibrations: Mapping[tuple[Technique, str], Calibration] | None


def settings_for(
    item: UnknownItem, *, library: Sequence[str] = (), starter: bool | None = None, catalogue: str | None = None, top: int = 10
) -> dict[str, Any]:
    """What an item is searched with: what is named here, else what it was last searched with, at first by the identification itself."""
    first = item.researches[-1]["settings"] if item.researches else item.observations[0].settings
    named = [str(Path(path).absolute()) if Path(path).exists() else path for path in library]
    chosen = str(Path(catalogue).absolute()) if catalogue else first.get("catalogue")
    return {
        "verb": "identify",
        "library": named or list(first.get("library") or ()),
        "starter": bool(first.get("starter", True)) if starter is None else starter,
        "top": top,
        "technique": None,
        "catalogue": chosen,
        "calibration": list(first.get("calibration") or ()),
    }


def open_today(settings: dict[str, Any]) -> Today:
    """Open what the settings name.

    Raises
    ------
    LibraryError, CatalogueError, CalibrationError
        When something of it cannot be opened.
    """
    from nps_ident.catalogue.store import open_catalogue
    from nps_ident.confidence.calibration import read_calibration
    from nps_ident.identify.structure_index import open_known
    from nps_ident.library import open_library

    chosen = [read_calibration(path) for path in settings["calibration"]]
    path = settings["catalogue"]
    return Today(
        settings=settings,
        libraries=open_library(*settings["library"], starter=settings["starter"], report=lambda _: None),
        known=known_substances(path),
        catalogue=open_catalogue(path) if path else None,
        listed=open_known(path),
        calibrations={(calibration.technique, calibration.kind): calibration for calibration in chosen} or None,
    )


def changed_since(item: UnknownItem, today: Today) -> tuple[str, ...]:
    """What is other now than when the item was last searched, in words; empty when nothing is."""
    last: dict[str, Any] = item.researches[-1] if item.researches else {}
    first = item.observations[0]
    library = last.get("library") or first.result["library"]
    known = last.get("known") or first.known
    changed = []
    if library["sha256"] != today.libraries.stamp.sha256:
        changed.append(f"the libraries ({library['name']} then, {today.libraries.stamp.name} now)")
    for name in ("catalogue", "register"):
        if known is None or known[name] != today.known[name]:
            changed.append(f"the {name}")
    unasked = [o for o in item.observations if last and o.sequence not in {member["sequence"] for member in last["members"]}]
    if unasked:
        changed.append(f"{len(unasked)} more spectra")
    return tuple(changed)


def research(item: UnknownItem, ledger: Ledger, today: Today, *, analyst: str | None = None) -> dict[str, Any]:
    """Identify an item's spectra again, and record each answer, and what it was before.

    Parameters
    ----------
    item : UnknownItem
    ledger : Ledger
        Open for writing.
    today : Today
    analyst : str, optional
        Who asks.

    Returns
    -------
    dict
        The event as recorded, with its record id: ``before`` and ``after`` for each spectrum, ``listed`` (substances of the catalogue of
        that mass and class, or proposed), ``changed``.

    Raises
    ------
    InputError
        When no spectrum of the item is at hand, or it is closed.
    LedgerError
        When it cannot be recorded.
    """
    from nps_ident.identify import identify

    if item.state == "closed":
        raise InputError(f"{item.id} is closed; nothing was searched.")
    at_hand = [(observation, observation.spectrum) for observation in item.observations if observation.spectrum is not None]
    if not at_hand:
        raise InputError(f"{item.id}: no spectrum of it is at hand: {item.observations[0].missing}")
    record_joins(item, ledger, analyst=analyst)
    before, after = [], []
    for observation, spectrum in at_hand:
        answer = identify(spectrum, today.libraries, top=today.settings["top"], calibrations=today.calibrations, catalogue=today.catalogue)
        more = {"research_of": item.id, "spectrum_of": observation.record}
        recorded = record(answer, ledger, analyst=analyst, settings=today.settings | more)
        before.append(_before(item, observation))
        after.append(_in_short(recorded.to_dict(), of=observation.record, in_record=recorded.record))
    variant = next((found["variant"] for found in after if found["variant"]), None) or item.variant
    listed = _listed(item, variant, today.listed)
    last_listed = item.researches[-1]["listed"] if item.researches else None
    new = [found for found in listed if found not in (last_listed or [])] if last_listed is not None else []
    changed = any(_essence(was) != _essence(now) for was, now in zip(before, after, strict=True)) or bool(new)
    event = {
        "event": "research",
        "members": _members(item),
        "library": today.libraries.stamp.to_dict(),
        "known": today.known,
        "before": before,
        "after": after,
        "listed": listed,
        "newly_listed": new,
        "changed": changed,
    }
    return _append(ledger, item, event, analyst, today.settings)


def record_joins(item: UnknownItem, ledger: Ledger, *, analyst: str | None = None) -> dict[str, Any] | None:
    """Write down which spectra joined the item by the rule, and how alike they are; None when all are written down."""
    joined = [observation for observation in item.observations[1:] if not observation.recorded]
    if not joined:
        return None
    variability = read_variability()
    technique = joined[0].spectrum.technique if joined[0].spectrum is not None else None
    event = {
        "event": "merged",
        "members": _members(item),
        "joined": [observation.record for observation in joined],
        "threshold": variability.thresholds.get(technique) if technique else None,
        "variability": variability.stamp,
    }
    return _append(ledger, item, event, analyst, {})


def close_item(
    item: UnknownItem,
    ledger: Ledger,
    *,
    analyst: str,
    why: str,
    outcome: str,
    inchikey: str | None = None,
    name: str | None = None,
    correct: bool = False,
) -> dict[str, Any]:
    """Close an item: who, why, and what it turned out to be.

    Parameters
    ----------
    outcome : str
        One of :data:`OUTCOMES`; ``identified`` names the substance by ``inchikey``, ``name`` or both.
    correct : bool
        Whether an item that is closed already is closed otherwise; both records stay, the later holds.

    Returns
    -------
    dict
        The event as recorded, with its record id.

    Raises
    ------
    InputError
        For an outcome that is none, a missing reason or substance, a key that is none, or an item that is closed already.
    LedgerError
        When it cannot be recorded.
    """
    if outcome not in OUTCOMES:
        raise InputError(f"The outcome is {outcome[:40]!a}; expected one of {', '.join(OUTCOMES)}.")
    if not why.strip() or not analyst.strip():
        raise InputError(f"{item.id} is closed by somebody and for a reason: neither may be empty.")
    if inchikey is not None and not _INCHIKEY.fullmatch(inchikey):
        raise InputError(f"{inchikey[:40]!a} is no InChIKey; expected 14, 10 and 1 capital letters.")
    if outcome == "identified" and not (inchikey or (name or "").strip()):
        raise InputError(f"{item.id}: an unknown that was identified is some substance; expected its InChIKey or its name.")
    if item.state == "closed" and not correct:
        last = item.closings[-1]
        raise InputError(f"{item.id} was closed already ({last['record']}, {last['outcome']}); a correction must be called one.")
    record_joins(item, ledger, analyst=analyst)
    event = {"event": "closed", "members": _members(item), "why": why, "outcome": outcome, "inchikey": inchikey, "name": name}
    return _append(ledger, item, event, analyst, {})


def _append(ledger: Ledger, item: UnknownItem, event: dict[str, Any], analyst: str | None, settings: dict[str, Any]) -> dict[str, Any]:
    result = {"schema": EVENT_SCHEMA, "item": item.id, "query": {"id": item.id}, **event, "record": None}
    content = {
        "analyst": analyst,
        "input": {"of": "unknown", "sha256": hashlib.sha256(canonical(result["members"])).hexdigest()},
        "library_sha256": (event.get("library") or {}).get("sha256"),
        "calibration": None,
        "software": _software(),
        "settings": {**settings, "verb": "unknown"},
        "result": result,
    }
    entry = ledger.append(content)
    where = {"record": record_id(entry.sequence, entry.hash), "settings": content["settings"]}
    return {**result, **where, "time": entry.content["time"], "analyst": analyst}


def _software() -> dict[str, str]:
    from nps_ident import __version__

    return {"nps_ident": __version__}


def _members(item: UnknownItem) -> list[dict[str, Any]]:
    return [{"record": o.record, "sequence": o.sequence, "agreement": _rounded(o.agreement)} for o in item.observations]


def _rounded(agreement: float | None) -> float | None:
    return None if agreement is None else round(agreement, 4)


def _before(item: UnknownItem, observation: Observation) -> dict[str, Any]:
    """The last answer on a spectrum: of the last search that asked it, else the one that opened or joined the item."""
    for event in reversed(item.researches):
        for answer in event["after"]:
            if answer["of"] == observation.record:
                return dict(answer)
    return _in_short(observation.result, of=observation.record, in_record=observation.record)


def _in_short(result: dict[str, Any], *, of: str, in_record: str | None) -> dict[str, Any]:
    """What is compared between two answers on one spectrum."""
    components = result.get("components") or ()
    named = result["isomer_set"] or [part["inchikey"] for part in components]
    if result["verdict"] == "match":
        named = [result["matches"][0]["inchikey"]]
    names = {part["inchikey"]: part["name"] for part in (*result["matches"], *components)}
    return {
        "of": of,
        "record": in_record,
        "verdict": result["verdict"],
        "named": [{"inchikey": key, "name": names.get(key)} for key in named],
        "probability": result["matches"][0]["probability"] if result["matches"] else None,
        "variant": result["variant"],
        "library": result["library"],
    }


def _essence(answer: dict[str, Any]) -> tuple[Any, ...]:
    """A probability or a library that moved a little is no other answer; a verdict, a name or a class is."""
    variant = answer["variant"] or {}
    named = sorted(str(found["inchikey"]) for found in answer["named"])
    return answer["verdict"], named, variant.get("drug_class"), (variant.get("nearest") or [])[:1]


def _listed(item: UnknownItem, variant: dict[str, Any], catalogue: Catalogue) -> list[dict[str, Any]]:
    """Substances of the catalogue that the unknown may be by its hypotheses: proposed, or of the predicted mass and class."""
    proposed = {proposal["inchikey"][:14] for proposal in variant.get("proposals") or ()}
    mass, drug_class = variant.get("predicted_mass_da"), variant.get("drug_class")
    window = _UNIT_MASS_DA
    if mass is not None and "accurate_mass" in known_of(item):
        window = min(precursor_tolerance(o.spectrum).at(mass) for o in item.observations if o.spectrum is not None)

    def why(substance: Substance) -> str | None:
        if substance.inchikey and substance.inchikey[:14] in proposed:
            return "proposed"
        fits = mass is not None and substance.exact_mass is not None and abs(substance.exact_mass - mass) <= window
        return "mass and class" if fits and drug_class is not None and substance.drug_class == drug_class else None

    found = [(substance, why(substance)) for substance in catalogue.substances if substance.inchikey and not substance.isotope_labelled]
    rows = [{"inchikey": substance.inchikey, "name": substance.name, "by": reason} for substance, reason in found if reason]
    return sorted(rows, key=lambda row: (row["by"] != "proposed", str(row["name"]), str(row["inchikey"])))
