"""What the verbs that answer queries share: their options, how failures are said, and where answers are recorded."""

from __future__ import annotations

import argparse
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nps_ident.cli.terminal import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nps_ident.errors import NpsIdentError
    from nps_ident.ledger import Ledger

__all__ = ["Failures", "add_answer_options", "count", "recording"]


def count(text: str) -> int:
    """Read an argument that must be an integer of at least 1."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be an integer of at least 1, got {text!r}")
    return int(text)


def add_answer_options(parser: argparse.ArgumentParser) -> None:
    """Give a verb ``--top``, ``--ledger``, ``--no-record`` and ``--analyst``."""
    parser.add_argument("--top", metavar="N", type=count, default=10, help="candidates of each answer listed at most (default: 10)")
    parser.add_argument("--ledger", metavar="PATH", help="the ledger to record in (default: in your data folder)")
    parser.add_argument("--no-record", action="store_true", help="record nothing")
    parser.add_argument("--analyst", metavar="NAME", help="who answers for the identification; recorded")


class Failures:
    """Says on stderr what failed, and counts it; says progress on a terminal only."""

    def __init__(self) -> None:
        self.n = 0
        self._messages = sys.stderr

    def add(self, error: NpsIdentError) -> None:
        """Say and count an input that failed."""
        self.n += 1
        self.warn(error)

    def warn(self, error: NpsIdentError) -> None:
        """Say what no input depends on: a record of a library that cannot be read."""
        print(f"nps-ident: {shown(error)}", file=self._messages)

    def progress(self, text: str) -> None:
        """Say how far it is, on a terminal only."""
        if self._messages.isatty():
            print(f"nps-ident: {shown(text)}", file=self._messages)


@contextmanager
def recording(arguments: argparse.Namespace) -> Iterator[Ledger | None]:
    """The ledger that the answers of one command go into, under one signature; None with ``--no-record``."""
    if arguments.no_record:
        yield None
        return
    from nps_ident.ledger import open_ledger

    with open_ledger(arguments.ledger) as ledger, ledger.batch():
        yield ledger
