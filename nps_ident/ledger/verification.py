"""Proof that a ledger is whole: every byte, every record, their order, and its end."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nps_ident.errors import LedgerError
from nps_ident.ledger.entry import genesis, record_id
from nps_ident.ledger.signing import Head, public_key_of, read_head

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nps_ident.ledger.store import Ledger

__all__ = ["Problem", "VerificationReport", "verify"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that does not hold: the number of the record it was found at (None: the whole ledger) and a sentence."""

    sequence: int | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationReport:
    """What a verification found.

    Parameters
    ----------
    ledger : str
        The ledger's id.
    n_records : int
        Records found.
    head : Head or None
        The signed head the end was proven against.
    n_unproven : int
        Records behind that head, or all where there is none: genuine as a chain, but nothing says that none were cut off after them.
    problems : tuple of Problem
        Signs of alteration, in the order of the records.
    """

    ledger: str
    n_records: int
    head: Head | None
    n_unproven: int
    problems: tuple[Problem, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing was altered and the end is proven."""
        return not self.problems and not self.n_unproven and self.head is not None

    @property
    def summary(self) -> str:
        """The outcome in one sentence."""
        count = "1 record" if self.n_records == 1 else f"{self.n_records} records"
        if self.problems:
            return f"The ledger does not hold: {len(self.problems)} problem(s) in {count}."
        if self.head is None:
            return f"The chain of {count} holds, but the tail is not proven: there is no signed head outside the database."
        signed = f"the head of record {self.head.sequence}, signed {self.head.time} with key {self.head.public_key[:16]}"
        if self.n_unproven:
            return f"The chain of {count} holds, but the tail is not proven: the last {self.n_unproven} are not covered by {signed}."
        return f"The ledger holds: {count}, proven by {signed}."


def verify(ledger: Ledger, head: Head | str | Path | None = None, *, keys: Sequence[str | Path] = ()) -> VerificationReport:
    """Check every record, the chain and the signed heads.

    Parameters
    ----------
    ledger : Ledger
    head : Head or path, optional
        The signed head to prove the end against; by default the newest one kept beside the key.  One that was sent elsewhere
        proves even against somebody who holds the key.
    keys : sequence of paths
        PEM files (private or public) whose signatures are trusted besides that of the ledger's own key.

    Returns
    -------
    VerificationReport

    Raises
    ------
    LedgerError
        When the ledger, the head or a key cannot be read at all.
    """
    trusted = {public_key_of(Path(key)) for key in keys}
    if ledger.key.is_file():
        trusted.add(public_key_of(ledger.key))
    if head is None and ledger.head_file.is_file():
        head = ledger.head_file
    if head is not None and not isinstance(head, Head):
        head = read_head(Path(head))

    problems: list[Problem] = []
    damage = ledger.damage()
    if damage:
        problems.append(Problem(sequence=None, text=f"SQLite finds the file damaged: {damage}."))
    hashes = _chain(ledger, problems)
    for stored in ledger.heads():
        problems.extend(_head_problems(stored, ledger.id, hashes, trusted, "The head stored in the database"))
    n_unproven = len(hashes)
    if head is not None:
        problems.extend(_head_problems(head, ledger.id, hashes, trusted, "The head kept outside"))
        n_unproven = sum(1 for sequence in hashes if sequence > head.sequence)
    return VerificationReport(ledger=ledger.id, n_records=len(hashes), head=head, n_unproven=n_unproven, problems=tuple(problems))


def _chain(ledger: Ledger, problems: list[Problem]) -> dict[int, str]:
    """Walk the records; returns the true hash of each by its number."""
    hashes: dict[int, str] = {}
    expected, previous = 1, genesis(ledger.id)

    def found(text: str) -> None:
        problems.append(Problem(sequence=sequence if type(sequence) is int else None, text=text))

    for sequence, data, stated in ledger.rows():
        if type(sequence) is not int or sequence < expected:
            found(f"A record with the number {sequence!r} stands outside the chain; expected {expected}.")
            continue
        if sequence > expected:
            missing = f"{expected}" if sequence == expected + 1 else f"{expected} to {sequence - 1}"
            found(f"Record {missing} is missing.")
        digest = hashlib.sha256(data).hexdigest()
        if digest != stated:
            found(f"Record {sequence} was changed: its content has the hash {digest[:16]}…, stored is {str(stated)[:16]}….")
        content = _parsed(data)
        if content is None:
            found(f"Record {sequence} is not readable as a record.")
        elif content.get("sequence") != sequence:
            found(f"In the place of record {sequence} stands one that calls itself {content.get('sequence')!r}: inserted or reordered.")
        elif sequence == expected and content.get("previous") != previous:
            found(f"Record {sequence} does not follow the one before it: one of the two was changed, inserted or reordered.")
        hashes[sequence] = digest
        expected, previous = sequence + 1, digest if digest == stated else str(stated)
    return hashes


def _parsed(data: bytes) -> dict[str, Any] | None:
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _head_problems(head: Head, ledger: str, hashes: dict[int, str], trusted: set[str], which: str) -> list[Problem]:
    """What is wrong with one signed head, at most one thing: the first that makes the others meaningless."""
    if head.ledger != ledger:
        text = f"{which} belongs to another ledger ({head.ledger[:8]}…, this is {ledger[:8]}…)."
    elif not head.is_genuine():
        text = f"{which} (record {head.sequence}) has a signature that does not fit it: it is forged or was changed."
    elif not trusted:
        raise LedgerError(
            "There is no key to check signatures with; expected the ledger's key in its place, or the public key given with --key."
        )
    elif head.public_key not in trusted:
        text = f"{which} (record {head.sequence}) is signed with another key, {head.public_key[:16]}…: forged, or that key must be given."
    elif head.sequence not in hashes:
        last = max(hashes, default=0)
        text = f"{which} signs record {head.sequence}, which is not there: the ledger ends at record {last}, its tail was cut off."
        if head.sequence < last:
            text = f"{which} signs record {head.sequence}, which is not there."
    elif hashes[head.sequence] != head.hash:
        expected = record_id(head.sequence, head.hash)
        text = f"{which} signs {expected}, but record {head.sequence} has another content: the chain was rewritten."
    else:
        return []
    return [Problem(sequence=head.sequence, text=text)]
