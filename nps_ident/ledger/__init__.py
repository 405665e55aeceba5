"""The record of every identification: an append-only, hash-chained, signed ledger.

:func:`record` writes an answer down, :func:`verify` proves that nothing was altered, lost or cut off, :func:`replay` runs a record again.
"""

from nps_ident.ledger.entry import LedgerEntry
from nps_ident.ledger.recording import record
from nps_ident.ledger.replaying import Difference, ReplayReport, replay
from nps_ident.ledger.signing import Head, read_head
from nps_ident.ledger.store import Ledger, open_ledger
from nps_ident.ledger.verification import Problem, VerificationReport, verify

__all__ = [
    "Difference",
    "Head",
    "Ledger",
    "LedgerEntry",
    "Problem",
    "ReplayReport",
    "VerificationReport",
    "open_ledger",
    "read_head",
    "record",
    "replay",
    "verify",
]
