"""Run a record again from its inputs and compare the bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nps_ident.errors import NpsIdentError
from nps_ident.ledger.canonical import canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nps_ident.ledger.entry import LedgerEntry

__all__ = ["Difference", "ReplayReport", "replay"]

# What a difference in these fields means, before the reader looks at the rest.
_CAUSES = {
    "/query/sha256": "the input file has changed",
    "/query/file": "another input file was read",
    "/library/sha256": "the library is another one",
    "/library/name": "the library has another name",
    "/calibration": "the calibration is another one",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field that came out otherwise: its place as a JSON pointer (RFC 6901), and both values; None for "not there"."""

    field: str
    recorded: Any
    replayed: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayReport:
    """The outcome of replaying one record.

    Parameters
    ----------
    record : str
        Its id.
    same : bool
        Whether the replayed result has the recorded bytes.
    differences : tuple of Difference
        Every field that differs, in document order.
    failure : str or None
        Why it could not be run again at all, in one sentence.
    """

    record: str
    same: bool
    differences: tuple[Difference, ...] = ()
    failure: str | None = None

    @property
    def causes(self) -> tuple[str, ...]:
        """What differs in the inputs and tools, in words: the first thing to look at."""
        causes = []
        for difference in self.differences:
            if difference.field in _CAUSES:
                causes.append(_CAUSES[difference.field])
            elif difference.field.startswith("/software/"):
                name = difference.field.removeprefix("/software/")
                causes.append(f"the software is other: {name} {difference.recorded} then, {difference.replayed} now")
        return tuple(causes)

    @property
    def summary(self) -> str:
        """The outcome in one sentence."""
        if self.failure:
            return f"{self.record} cannot be replayed: {self.failure}"
        if self.same:
            return f"{self.record}: the replay gives the same bytes."
        why = f" ({'; '.join(self.causes)})" if self.causes else ""
        return f"{self.record}: the replay differs in {len(self.differences)} field(s){why}."


def replay(entry: LedgerEntry, rerun: Callable[[dict[str, Any]], dict[str, Any]]) -> ReplayReport:
    """Run a record again and compare.

    Parameters
    ----------
    entry : LedgerEntry
    rerun : callable
        Given the record's settings, does the identification again and returns the result by its contract.  What it raises of
        :class:`NpsIdentError` becomes the report's ``failure``.

    Returns
    -------
    ReplayReport
    """
    if not entry.is_intact:
        return ReplayReport(record=entry.id, same=False, failure="the record itself was changed; run 'nps-ident ledger verify'.")
    try:
        replayed = {**rerun(entry.settings), "record": None}
    except NpsIdentError as error:
        return ReplayReport(record=entry.id, same=False, failure=str(error))
    recorded = {**entry.content["result"], "record": None}
    if canonical(recorded) == canonical(replayed):
        return ReplayReport(record=entry.id, same=True)
    return ReplayReport(record=entry.id, same=False, differences=tuple(_differences("", recorded, replayed)))


def _differences(place: str, recorded: Any, replayed: Any) -> Iterator[Difference]:
    """The leaves in which two JSON values differ, keys in the order of the recorded one."""
    if isinstance(recorded, dict) and isinstance(replayed, dict):
        for key in [*recorded, *(key for key in replayed if key not in recorded)]:
            pointer = f"{place}/{str(key).replace('~', '~0').replace('/', '~1')}"
            if (key in recorded) != (key in replayed):
                yield Difference(field=pointer, recorded=recorded.get(key), replayed=replayed.get(key))
            else:
                yield from _differences(pointer, recorded[key], replayed[key])
    elif isinstance(recorded, (list, tuple)) and isinstance(replayed, (list, tuple)):
        for i in range(max(len(recorded), len(replayed))):
            if i >= len(recorded) or i >= len(replayed):
                pair = [list(values[i : i + 1]) for values in (recorded, replayed)]
                yield Difference(field=f"{place}/{i}", recorded=(pair[0] or [None])[0], replayed=(pair[1] or [None])[0])
            else:
                yield from _differences(f"{place}/{i}", recorded[i], replayed[i])
    elif canonical(recorded) != canonical(replayed):
        yield Difference(field=place, recorded=recorded, replayed=replayed)
