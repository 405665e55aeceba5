"""The open questions: every unknown variant in the ledger, what is known of it, and what became of it.

Nothing here is stored but records.  An item is opened by the record of an ``unknown_variant`` verdict and bears its number (record 17 opens
``U-00000017``); merging, searching again and closing are records of their own (:mod:`nps_ident.ledger.researching`).  Reading the ledger from
its beginning gives the state, and only from records that are intact and in order.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from nps_ident.confidence.replicates import Firsts, read_variability, same_precursor
from nps_ident.errors import InputError, LedgerError, NpsIdentError
from nps_ident.identify.replaying import stored_spectrum
from nps_ident.ledger.entry import record_id
from nps_ident.ledger.signing import read_head
from nps_ident.model import Technique

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nps_ident.confidence.replicates import Variability
    from nps_ident.ledger.entry import LedgerEntry
    from nps_ident.ledger.store import Ledger
    from nps_ident.model import MassSpectrum

__all__ = ["EVENT_SCHEMA", "Join", "Observation", "UnknownItem", "find_item", "item_id", "maybe_the_same", "read_unknowns"]

EVENT_SCHEMA = "nps-ident/unknown/1"
_IDENTIFICATION = "nps-ident/identification/1"
_ID = re.compile(r"(?:U-)?0*(\d{1,15})", re.IGNORECASE)
_SAME_MASS_DA = 0.5
"""Two predicted molecular masses further apart are two substances, whatever their fragments: half of a unit mass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One recorded spectrum of an unknown.

    Parameters
    ----------
    record : str
        Of the identification that called it an unknown variant.
    result, settings : dict
        Of that record.
    known : dict of str to str or None
        SHA-256 of the catalogue and register then; None in records of a version that did not note them.
    spectrum : MassSpectrum or None
        None where it stood in a file that is gone or has changed; ``missing`` then says so.
    agreement : float or None
        With the spectrum that opened the item; None for that one itself.
    recorded : bool
        Whether an event of the ledger says that it belongs to this item; else it follows from the rule.
    """

    record: str
    sequence: int
    time: str
    analyst: str | None
    result: dict[str, Any] = field(repr=False)
    settings: dict[str, Any] = field(repr=False)
    known: dict[str, str] | None = field(repr=False)
    spectrum: MassSpectrum | None = field(repr=False)
    missing: str | None = None
    agreement: float | None = None
    recorded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """A closed item that shows the same spectrum as this one, and how alike they are."""

    item: str
    agreement: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownItem:
    """An open question.

    Parameters
    ----------
    observations : tuple of Observation
        At least one, in the order of recording; the first opened the item.
    researches : tuple of dict
        The recorded searches, oldest first: ``before`` and ``after`` of each spectrum.
    closings : tuple of dict
        The recorded closings, oldest first; the last one holds.
    resembles : tuple of Join
        Items that were closed before this one was opened and show the same spectrum.
    """

    observations: tuple[Observation, ...]
    researches: tuple[dict[str, Any], ...] = ()
    closings: tuple[dict[str, Any], ...] = ()
    resembles: tuple[Join, ...] = ()

    @property
    def id(self) -> str:
        """The item's id, e.g. ``U-00000017``."""
        return item_id(self.observations[0].sequence)

    @property
    def technique(self) -> str | None:
        """Of its spectra."""
        technique: str | None = self.observations[0].result["query"]["technique"]
        return technique

    @property
    def state(self) -> str:
        """``open``, ``named`` when the last search named a substance but nobody has closed it, or ``closed``."""
        if self.closings:
            return "closed"
        last = self.researches[-1] if self.researches else {}
        return "named" if any(answer["verdict"] in {"match", "isomer_set", "mixture"} for answer in last.get("after", ())) else "open"

    @property
    def variant(self) -> dict[str, Any]:
        """The hypotheses of the newest answer that has any: class, nearest substances, mass shift, predicted mass, proposals."""
        for research in reversed(self.researches):
            for answer in research["after"]:
                if answer.get("variant"):
                    return dict(answer["variant"])
        for observation in reversed(self.observations):
            if observation.result.get("variant"):
                return dict(observation.result["variant"])
        return {}


def item_id(sequence: int) -> str:
    """The id of the item that a record of that number opened."""
    return f"U-{sequence:08d}"


def read_unknowns(ledger: Ledger) -> tuple[UnknownItem, ...]:
    """Every item of a ledger, in the order of opening.

    A spectrum joins the earliest-opened item, still open then, whose first spectrum it agrees with best, where that agreement is within the
    variability of replicates (:mod:`nps_ident.confidence.replicates`) and no predicted mass speaks against it.  Spectra are compared with the
    first of an item only, so that items do not grow into one another through a chain of likenesses.  What a recorded event says of an item's
    spectra holds, whatever this version would say.

    Raises
    ------
    LedgerError
        When a record was changed, is missing or stands in the wrong place, or the end that was signed is not there.
    CalibrationError
        When the measured variability of replicates cannot be used.
    """
    variability = read_variability()
    entries = list(_relevant(ledger))
    state = _State(variability)
    try:
        pinned = _pinned(entries)
        for entry in entries:
            if entry.content["result"].get("schema") == EVENT_SCHEMA:
                state.apply(entry)
            else:
                state.add(_observation(entry), pinned.get(entry.sequence))
    except (KeyError, TypeError, ValueError) as error:
        raise LedgerError(f"{ledger.path}: an event on an unknown is not of this form ({type(error).__name__}: {error}).") from None
    return tuple(state.items)


def find_item(items: Sequence[UnknownItem], text: str) -> UnknownItem:
    """The item of that id or number, also by the number of a spectrum that joined it.

    Raises
    ------
    InputError
        When there is none.
    """
    shape = _ID.fullmatch(text.strip())
    parts = text.strip().upper().split("-")
    number = int(shape[1]) if shape else int(parts[1]) if len(parts) == 3 and parts[0] == "R" and parts[1].isdigit() else 0
    for item in items:
        if number in {observation.sequence for observation in item.observations}:
            return item
    raise InputError(f"{text[:80]!a}: there is no such unknown; expected the id of one of {len(items)}, such as U-00000017.")


def maybe_the_same(item: UnknownItem, items: Sequence[UnknownItem]) -> tuple[tuple[str, str], ...]:
    """Other open items that may be of the same substance although their spectra were not merged: their ids, and what they share.

    One precursor with other fragments is another collision energy or an isomer; one class and predicted mass by another technique may be the
    same exhibit.
    """
    found = []
    for other in items:
        if other.id == item.id or other.state == "closed":
            continue
        one, two = item.observations[0], other.observations[0]
        if one.spectrum is not None and two.spectrum is not None and same_precursor(one.spectrum, two.spectrum):
            found.append((other.id, "precursor"))
        elif other.technique != item.technique and _hypotheses_agree(item.variant, other.variant):
            found.append((other.id, "class and predicted mass"))
    return tuple(found)


def _hypotheses_agree(one: dict[str, Any], other: dict[str, Any]) -> bool:
    masses = [mass for variant in (one, other) if (mass := variant.get("predicted_mass_da")) is not None]
    if len(masses) < 2 or one.get("drug_class") is None or one.get("drug_class") != other.get("drug_class"):
        return False
    return bool(abs(masses[0] - masses[1]) <= _SAME_MASS_DA)


def _relevant(ledger: Ledger) -> Iterator[LedgerEntry]:
    """The records that open an item or are an event on one; every record is checked on the way."""
    from nps_ident.ledger.entry import LedgerEntry, genesis

    head = read_head(ledger.head_file) if ledger.head_file.exists() else None
    expected, previous = 1, genesis(ledger.id)
    for sequence, data, digest in ledger.rows():
        # A string in canonical JSON has its quotes escaped, so that these bytes are the record's own field.
        follows = f'"previous":"{previous}"'.encode() in data
        if sequence != expected or hashlib.sha256(data).hexdigest() != digest or not follows:
            raise LedgerError(f"{ledger.path}: record {expected} is missing, was changed or is out of place; run 'nps-ident ledger verify'.")
        if head is not None and head.sequence == sequence and head.hash != digest:
            raise LedgerError(f"{ledger.path}: record {sequence} is not the one that was signed; run 'nps-ident ledger verify'.")
        expected, previous = sequence + 1, digest
        if b'"verdict":"unknown_variant"' not in data and f'"schema":"{EVENT_SCHEMA}"'.encode() not in data:
            continue
        entry = LedgerEntry(sequence=sequence, hash=digest, data=data, content=json.loads(data))
        result, settings = entry.content.get("result") or {}, entry.content.get("settings") or {}
        opens = result.get("schema") == _IDENTIFICATION and result.get("verdict") == "unknown_variant" and "research_of" not in settings
        if opens or result.get("schema") == EVENT_SCHEMA:
            yield entry
    if head is not None and head.sequence >= expected:
        raise LedgerError(f"{ledger.path}: the signed record {head.sequence} is not there; run 'nps-ident ledger verify'.")


def _observation(entry: LedgerEntry) -> Observation:
    content = entry.content
    settings = content["settings"]
    spectrum, missing = None, None
    try:
        spectrum = _spectrum(content, settings)
    except NpsIdentError as error:
        missing = str(error)
    except (KeyError, TypeError, ValueError) as error:
        missing = f"the record's spectrum cannot be read ({type(error).__name__})."
    return Observation(
        record=record_id(entry.sequence, entry.hash),
        sequence=entry.sequence,
        time=str(content.get("time")),
        analyst=content.get("analyst"),
        result=content["result"],
        settings=settings,
        known=content.get("known"),
        spectrum=spectrum,
        missing=missing,
    )


def _spectrum(content: dict[str, Any], settings: dict[str, Any]) -> MassSpectrum:
    """From the record; of a version that kept none, from its file, if that is still the one."""
    kept = content.get("spectrum") or settings.get("spectrum")
    if kept:
        return stored_spectrum(kept)
    from pathlib import Path

    from nps_ident.io import scan_spectra
    from nps_ident.spectra.peaks import prepare

    file = Path(str(settings.get("folder") or "."), str(settings["file"]))
    technique = Technique(settings["technique"]) if settings.get("technique") else None
    for spectrum in scan_spectra(file, report=lambda _: None, technique=technique):
        if spectrum.source is None or spectrum.source.sha256 != settings.get("file_sha256"):
            raise InputError(f"{file}: the file has changed since it was identified.")
        if spectrum.source.index == settings.get("index"):
            return replace(prepare(spectrum), source=None)
    raise InputError(f"{file}: spectrum {settings.get('index')} cannot be read.")


def _pinned(entries: Sequence[LedgerEntry]) -> dict[int, tuple[str, float | None]]:
    """Which item each spectrum was recorded to belong to, and how alike it is to the first, by its record's number."""
    pinned: dict[int, tuple[str, float | None]] = {}
    for entry in entries:
        event = entry.content["result"]
        if event.get("schema") == EVENT_SCHEMA:
            for member in event.get("members", ()):
                pinned.setdefault(int(member["sequence"]), (str(event.get("item")), member["agreement"]))
    return pinned


class _State:
    """The items while the records are read one after the other."""

    def __init__(self, variability: Variability) -> None:
        self.items: list[UnknownItem] = []
        self._place: dict[str, int] = {}
        self._firsts = Firsts()
        self._thresholds = variability.thresholds

    def add(self, seen: Observation, pinned: tuple[str, float | None] | None) -> None:
        """Let an observation join an item, or open one; where it was recorded to belong, there it belongs."""
        own = item_id(seen.sequence)
        seen = replace(seen, recorded=pinned is not None)
        if pinned is not None and pinned[0] != own:
            self._join(seen, pinned[0], pinned[1])
            return
        alike = sorted(self._alike(seen), key=lambda found: (-found[0], found[1]))
        still_open = [(agreed, i) for agreed, i in alike if not self.items[i].closings]
        if still_open and pinned is None:
            self._join(seen, self.items[still_open[0][1]].id, still_open[0][0])
            return
        resembles = tuple(Join(item=self.items[i].id, agreement=agreed) for agreed, i in alike if self.items[i].closings)
        self._place[own] = len(self.items)
        self._firsts.add(seen.spectrum)
        self.items.append(UnknownItem(observations=(seen,), resembles=resembles))

    def apply(self, entry: LedgerEntry) -> None:
        """One event on the item it names; a merge has no other content than the members, which were read before."""
        event = {
            **entry.content["result"],
            "settings": entry.content["settings"],
            "record": record_id(entry.sequence, entry.hash),
            "time": entry.content.get("time"),
            "analyst": entry.content.get("analyst"),
        }
        i = self._placed(str(event.get("item")), entry.sequence)
        if event["event"] == "research":
            self.items[i] = replace(self.items[i], researches=(*self.items[i].researches, event))
        elif event["event"] == "closed":
            self.items[i] = replace(self.items[i], closings=(*self.items[i].closings, event))

    def _join(self, seen: Observation, item: str, agreed: float | None) -> None:
        i = self._placed(item, seen.sequence)
        self.items[i] = replace(self.items[i], observations=(*self.items[i].observations, replace(seen, agreement=agreed)))

    def _placed(self, item: str, sequence: int) -> int:
        if item not in self._place:
            raise LedgerError(f"Record {sequence} belongs to {item[:40]!a}, which no record before it opened; run 'nps-ident ledger verify'.")
        return self._place[item]

    def _alike(self, seen: Observation) -> list[tuple[float, int]]:
        """The items whose first spectrum agrees as replicates do, with the agreement."""
        spectrum = seen.spectrum
        threshold = self._thresholds.get(spectrum.technique) if spectrum is not None and spectrum.technique else None
        if spectrum is None or threshold is None:
            return []
        found = self._firsts.agreements(spectrum)
        near = [(float(found[i]), i) for i in (found >= threshold).nonzero()[0].tolist()]
        return [(agreed, i) for agreed, i in near if _masses_agree(seen, self.items[i].observations[0])]


def _masses_agree(one: Observation, other: Observation) -> bool:
    """Whether two predicted molecular masses, where both are known, may be of one substance."""
    masses = [mass for seen in (one, other) if (mass := (seen.result.get("variant") or {}).get("predicted_mass_da")) is not None]
    return len(masses) < 2 or abs(masses[0] - masses[1]) <= _SAME_MASS_DA
