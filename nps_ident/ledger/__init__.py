"""The record of every identification: an append-only, hash-chained, signed ledger.

:func:`record` writes an answer down, :func:`verify` proves that nothing was altered, lost or cut off, :func:`replay` runs a record again.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nps_ident.ledger.recording import record
from nps_ident.ledger.store import Ledger, open_ledger

if TYPE_CHECKING:
    from nps_ident.ledger.entry import LedgerEntry
    from nps_ident.ledger.replaying import Difference, ReplayReport, replay
    from nps_ident.ledger.signing import Head, read_head
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

# Loaded when first named: whoever only records does not wait for them.
_LATER = {
    "LedgerEntry": "entry",
    "Difference": "replaying",
    "ReplayReport": "replaying",
    "replay": "replaying",
    "Head": "signing",
    "read_head": "signing",
    "Problem": "verification",
    "VerificationReport": "verification",
    "verify": "verification",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(f"nps_ident.ledger.{_LATER[name]}"), name)
    raise AttributeError(f"module 'nps_ident.ledger' has no attribute '{name}'")
