"""One record of the ledger, its id and its place in the chain."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

__all__ = ["RECORD_SCHEMA", "LedgerEntry", "genesis", "now", "record_id"]

RECORD_SCHEMA = "nps-ident/record/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One record as the ledger holds it.

    Parameters
    ----------
    sequence : int
        From 1.
    hash : str
        SHA-256 of ``data`` as the ledger states it; whether it is true, :func:`nps_ident.ledger.verify` says.
    data : bytes
        The record in canonical JSON, as stored.
    content : dict
        The same, parsed.
    """

    sequence: int
    hash: str
    data: bytes = field(repr=False)
    content: dict[str, Any] = field(repr=False)

    @property
    def id(self) -> str:
        """The record's id, e.g. ``R-00000017-9f2c01ab``."""
        return record_id(self.sequence, self.hash)

    @property
    def is_intact(self) -> bool:
        """Whether the content still has the stated hash."""
        return hashlib.sha256(self.data).hexdigest() == self.hash

    @property
    def result(self) -> dict[str, Any]:
        """The answer that was recorded, by its result contract, with its record id filled in."""
        return {**self.content["result"], "record": self.id}

    @property
    def settings(self) -> dict[str, Any]:
        """All that replaying needs."""
        return dict(self.content["settings"])


def record_id(sequence: int, record_hash: str) -> str:
    """``R-`` and the number in eight digits and the first eight of the hash: two ledgers hardly ever share one."""
    return f"R-{sequence:08d}-{record_hash[:8]}"


def genesis(ledger: str) -> str:
    """What stands as the previous hash in the first record: the hash of the ledger's own id, so that chains cannot be exchanged."""
    return hashlib.sha256(f"{RECORD_SCHEMA}\n{ledger}".encode()).hexdigest()


def now() -> str:
    """The time as records state it: UTC, ISO 8601, microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
