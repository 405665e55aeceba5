"""Searching open unknowns again: by ``nps-ident unknown research``, and by the verbs after which there is more to search."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from nps_ident.cli.answering import Failures
from nps_ident.cli.terminal import shown
from nps_ident.errors import NpsIdentError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nps_ident.ledger import Ledger
    from nps_ident.ledger.researching import Today
    from nps_ident.ledger.unknowns import UnknownItem

__all__ = ["Opened", "login", "research_rows", "say_what_is_open", "search_due", "searched"]


class Opened:
    """What items are searched with today, opened once for all items with the same settings."""

    def __init__(self, *, library: Sequence[str] = (), starter: bool | None = None, catalogue: str | None = None, top: int = 10) -> None:
        self._named: dict[str, Any] = {"library": library, "starter": starter, "catalogue": catalogue, "top": top}
        self._opened: dict[str, Today | NpsIdentError] = {}

    def for_item(self, item: UnknownItem) -> Today:
        """Open it; what could not be opened is raised again for each item."""
        from nps_ident.ledger.researching import open_today, settings_for

        settings = settings_for(item, **self._named)
        key = repr(sorted(settings.items()))
        if key not in self._opened:
            try:
                self._opened[key] = open_today(settings)
            except NpsIdentError as error:
                self._opened[key] = error
        found = self._opened[key]
        if isinstance(found, NpsIdentError):
            raise found
        return found

    def due(self, item: UnknownItem) -> tuple[str, ...] | None:
        """What changed since the item was last searched; None for a closed item, a sentence where nobody can look."""
        from nps_ident.ledger.researching import changed_since

        if item.state == "closed":
            return None
        try:
            return changed_since(item, self.for_item(item))
        except NpsIdentError as error:
            return (f"it cannot be searched as before ({error})",)


def searched(
    items: Iterable[UnknownItem], ledger: Ledger, opened: Opened, failures: Failures, *, analyst: str | None, due_only: bool
) -> Iterator[tuple[UnknownItem, dict[str, Any]]]:
    """Search one item after the other and record each at once; what fails is said, and the rest is still searched."""
    from nps_ident.ledger.researching import changed_since, research

    for item in items:
        try:
            today = opened.for_item(item)
            if not due_only or changed_since(item, today):
                yield item, research(item, ledger, today, analyst=analyst)
        except NpsIdentError as error:
            failures.add(error)


def research_rows(event: dict[str, Any], item: UnknownItem) -> Iterator[dict[str, Any]]:
    """Each spectrum of a search as one row."""
    queries = {observation.record: observation.result["query"]["id"] for observation in item.observations}
    for before, after in zip(event["before"], event["after"], strict=True):
        yield {
            "item": item.id,
            "query": queries[after["of"]],
            "before": before["verdict"],
            "after": after["verdict"],
            "named": ", ".join(str(one["name"] or one["inchikey"]) for one in after["named"]) or None,
            "probability": after["probability"] if after["named"] else None,
            "newly_listed": ", ".join(str(one["name"]) for one in event["newly_listed"]) or None,
            "changed": "yes" if event["changed"] else "no",
            "answer": after["record"],
            "record": event["record"],
        }


def search_due(*, analyst: str | None = None) -> None:
    """Search the open items of the user's own ledger that are due, after the register gained entries; say on stderr what came of it.

    Whatever fails is said and undoes nothing; without a ledger nothing is made.
    """
    from nps_ident.ledger.store import ledger_file, open_ledger
    from nps_ident.ledger.unknowns import read_unknowns

    failures, opened, messages = Failures(), Opened(), sys.stderr
    try:
        if not ledger_file().is_file():
            return
        with open_ledger(read_only=True) as ledger:
            items = [item for item in read_unknowns(ledger) if item.state != "closed"]
        if not items:
            return
        n_searched = 0
        with open_ledger() as ledger, ledger.batch():
            for item, event in searched(items, ledger, opened, failures, analyst=analyst or login(), due_only=True):
                n_searched += 1
                if not event["changed"]:
                    continue
                for row in research_rows(event, item):
                    came = f"now {row['after']}" + (f": {row['named']}" if row["named"] else "")
                    new = f"; new in the catalogue: {row['newly_listed']}" if row["newly_listed"] else ""
                    messages.write(f"nps-ident: {item.id} ({shown(row['query'])}) {shown(came + new)} ({event['record']})\n")
        if n_searched:
            messages.write(f"nps-ident: open unknowns searched again: {n_searched}\n")
    except NpsIdentError as error:
        failures.warn(error)


def say_what_is_open(library: str) -> None:
    """Say on stderr that open items have not been searched in a new library; it is theirs only when somebody names it."""
    from nps_ident.ledger.store import ledger_file, open_ledger
    from nps_ident.ledger.unknowns import read_unknowns

    messages = sys.stderr
    try:
        if not ledger_file().is_file():
            return
        with open_ledger(read_only=True) as ledger:
            n_open = sum(1 for item in read_unknowns(ledger) if item.state != "closed")
    except NpsIdentError as error:
        Failures().warn(error)
        return
    if n_open:
        command = f"nps-ident unknown research --all --library {library}"
        messages.write(f"nps-ident: open unknowns not searched in it yet: {n_open} ('{shown(command)}')\n")


def login() -> str | None:
    """The user's login name; None where there is none."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return None
