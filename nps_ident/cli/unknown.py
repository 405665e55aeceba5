"""``nps-ident unknown``: the open questions; list and show them, search them again, close them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TextIO

from nps_ident.cli.answering import Failures
from nps_ident.cli.identify import add_library_options
from nps_ident.cli.product import product_line, products_of
from nps_ident.cli.searching_again import Opened, login, research_rows, searched
from nps_ident.cli.terminal import add_format_option, print_rows, print_table, shown
from nps_ident.errors import InputError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

__all__ = ["configure", "run"]

_LIST_COLUMNS = ("item", "state", "technique", "n_spectra", "query", "drug_class", "nearest", "predicted_mass_da", "researched", "due")
_RESEARCH_COLUMNS = ("item", "query", "before", "after", "named", "newly_listed", "changed", "record")
_OUTCOMES = ("identified", "mixture", "artefact", "duplicate", "not_pursued")
_WIDEST = 60


def configure(parser: argparse.ArgumentParser) -> None:
    """Set up the arguments of ``nps-ident unknown``."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    listing = actions.add_parser("list", help="every open item, and whether libraries or catalogue have changed since it was last searched")
    listing.add_argument("--all", action="store_true", help="closed items too")

    show = actions.add_parser("show", help="one item: spectra, hypotheses, what to measure next, searches, how it was closed")
    show.add_argument("item", metavar="ID", help="an item's id or number")

    research = actions.add_parser("research", help="search items again in today's libraries and catalogue; before and after are recorded")
    research.add_argument("items", metavar="ID", nargs="*", help="items to search whatever has changed (default: every open one that is due)")
    research.add_argument("--all", action="store_true", help="every open item, due or not")
    research.add_argument("--top", metavar="N", type=int, default=10, help="candidates of each answer listed at most (default: 10)")

    close = actions.add_parser("close", help="close an item: who, why, and what it turned out to be; nothing is deleted")
    close.add_argument("item", metavar="ID", help="an item's id or number")
    close.add_argument("--outcome", choices=_OUTCOMES, required=True, help="what became of it")
    close.add_argument("--why", metavar="TEXT", required=True, help="on what grounds")
    close.add_argument("--inchikey", metavar="KEY", help="the substance it turned out to be")
    close.add_argument("--name", metavar="NAME", help="its name")
    close.add_argument("--correct", action="store_true", help="close again an item that was closed wrongly; both records stay")

    for action in (listing, show, research):
        add_library_options(action)
        action.add_argument("--catalogue", metavar="PATH", help="a table of substances (default: as when the spectrum was identified)")
    for action in (listing, show, research, close):
        action.add_argument("--ledger", metavar="PATH", help="the ledger (default: in your data folder)")
        add_format_option(action)
    for action in (research, close):
        action.add_argument("--analyst", metavar="NAME", help="who answers for it; recorded (default: your login name)")


def run(arguments: argparse.Namespace) -> int:
    """Do what ``nps-ident unknown`` was asked; returns the exit status."""
    return {"list": _list, "show": _show, "research": _research, "close": _close}[arguments.action](arguments, sys.stdout)


def _list(arguments: argparse.Namespace, out: TextIO) -> int:
    from nps_ident.ledger import open_ledger
    from nps_ident.ledger.unknowns import read_unknowns
    from nps_ident.reports.unknown_items import ROW_COLUMNS, item_row

    with open_ledger(arguments.ledger, read_only=True) as ledger:
        items = read_unknowns(ledger)
    wanted = [item for item in items if arguments.all or item.state != "closed"]
    opened, names = _opened(arguments), _names()
    rows = [item_row(item, opened.due(item), names) for item in wanted]
    if arguments.format == "table":
        print_rows(map(_cut, rows), (*_LIST_COLUMNS, "outcome", "turned_out_to_be") if arguments.all else _LIST_COLUMNS, out, form="table")
    else:
        print_rows(rows, ROW_COLUMNS, out, form=arguments.format)
    n_due = sum(1 for row in rows if row["due"])
    closed = sum(1 for item in items if item.state == "closed")
    sys.stderr.write(f"{len(items) - closed} open, {closed} closed\n")
    if n_due:
        what = "1 has not been searched" if n_due == 1 else f"{n_due} have not been searched"
        sys.stderr.write(f"{what} since libraries, catalogue or register changed: run 'nps-ident unknown research'\n")
    return 0


def _show(arguments: argparse.Namespace, out: TextIO) -> int:
    from nps_ident.ledger import open_ledger
    from nps_ident.ledger.unknowns import find_item, read_unknowns
    from nps_ident.reports.unknown_items import item_dict

    with open_ledger(arguments.ledger, read_only=True) as ledger:
        items = read_unknowns(ledger)
    item = find_item(items, arguments.item)
    whole = item_dict(item, _opened(arguments).due(item), _names(), items=items)
    if arguments.format == "table":
        _print_item(whole, out)
    else:
        print_rows([whole], tuple(whole), out, form=arguments.format)
    for exhibit in dict.fromkeys(seen.settings.get("exhibit") for seen in item.observations):
        for product in products_of(exhibit):
            sys.stderr.write(f"exhibit {shown(exhibit)}: {shown(product_line(product))}\n")
    return 0


def _research(arguments: argparse.Namespace, out: TextIO) -> int:
    from nps_ident.ledger import open_ledger
    from nps_ident.ledger.unknowns import find_item, read_unknowns

    if arguments.top < 1:
        raise InputError(f"--top must be at least 1, got {arguments.top}.")
    open_ledger(arguments.ledger, read_only=True).close()  # a question is never asked of a ledger that this would make
    failures, opened = Failures(), _opened(arguments)
    analyst = arguments.analyst or login()
    with open_ledger(arguments.ledger) as ledger, ledger.batch():
        items = read_unknowns(ledger)
        named = dict.fromkeys(find_item(items, text).id for text in arguments.items)
        chosen = [item for item in items if (item.id in named if named else item.state != "closed")]
        events = searched(chosen, ledger, opened, failures, analyst=analyst, due_only=not (named or arguments.all))
        rows = (row for item, event in events for row in research_rows(event, item))
        if arguments.format == "table":
            listed = [_cut(row) for row in rows]
            print_rows(listed, _RESEARCH_COLUMNS, out, form="table")
            if not listed and not failures.n:
                sys.stderr.write("nothing is due: libraries, catalogue and register are those of the last search\n")
        else:
            print_rows(rows, _RESEARCH_COLUMNS, out, form=arguments.format)
    return 1 if failures.n else 0


def _opened(arguments: argparse.Namespace) -> Opened:
    return Opened(
        library=arguments.library,
        starter=False if arguments.no_starter else None,
        catalogue=arguments.catalogue,
        top=getattr(arguments, "top", 10),
    )


def _close(arguments: argparse.Namespace, out: TextIO) -> int:
    from nps_ident.ledger import open_ledger
    from nps_ident.ledger.researching import close_item
    from nps_ident.ledger.unknowns import find_item, read_unknowns

    open_ledger(arguments.ledger, read_only=True).close()  # nor closed in one
    with open_ledger(arguments.ledger) as ledger, ledger.batch():
        item = find_item(read_unknowns(ledger), arguments.item)
        event = close_item(
            item,
            ledger,
            analyst=arguments.analyst or login() or "",
            why=arguments.why,
            outcome=arguments.outcome,
            inchikey=arguments.inchikey,
            name=arguments.name or (_names().get(arguments.inchikey) if arguments.inchikey else None),
            correct=arguments.correct,
        )
    columns = ("item", "outcome", "inchikey", "name", "why", "analyst", "time", "record")
    row = {name: event[name] for name in columns}
    print_rows([row], columns, out, form=arguments.format)
    return 0


def _names() -> Mapping[str, str]:
    """InChIKey to name, of the catalogue and the register."""
    from nps_ident.identify.structure_index import open_known

    return {substance.inchikey: substance.name for substance in open_known().substances if substance.inchikey}


def _cut(row: Mapping[str, Any]) -> dict[str, Any]:
    """Cells that leave room for the others; everything is whole in the other formats."""
    return {
        key: value if not isinstance(value, str) or len(value) <= _WIDEST else f"{value[: _WIDEST - 1]}…" for key, value in row.items()
    }


def _print_item(whole: dict[str, Any], out: TextIO) -> None:
    """An item for reading."""
    hypotheses = whole["hypotheses"]
    facts = [(name, whole[name]) for name in ("item", "state", "technique", "opened", "researched", "due")]
    facts += [(name, hypotheses[name]) for name in ("drug_class", "mass_shift_da", "predicted_mass_da")]
    facts.append(("nearest", ", ".join(str(one["name"] or one["inchikey"]) for one in hypotheses["nearest"][:5]) or None))
    print_table([(name, None if value is None else str(value)) for name, value in facts], ("field", "value"), out)
    spectra = ("record", "query", "file", "index", "precursor_mz", "n_peaks", "agreement", "joined", "analyst", "time")
    searches = [{**_search_row(event), "time": event["time"], "record": event["record"]} for event in whole["research"]]
    listed = whole["research"][-1]["listed"] if whole["research"] else []
    for heading, rows, columns in (
        ("Spectra", whole["spectra"], spectra),
        ("Proposed structures (hypotheses, never matches)", hypotheses["proposals"] or [], ("inchikey", "smiles", "probability", "why")),
        ("What to measure next, what would settle most first", whole["measure_next"], ("technique", "category", "settles", "why")),
        ("Substances of the catalogue that the hypotheses allow (no verdict)", listed, ("name", "inchikey", "by")),
        ("Searches", searches, ("time", "before", "after", "named", "newly_listed", "changed", "analyst", "record")),
        ("Closed", whole["closings"], ("time", "outcome", "inchikey", "name", "why", "analyst", "record")),
        ("Findings", whole["findings"], ("code", "severity", "text")),
    ):
        if rows:
            print(f"\n{shown(heading)}", file=out)
            print_rows(rows, columns, out, form="table")


def _search_row(event: dict[str, Any]) -> dict[str, Any]:
    return {
        "before": ", ".join(dict.fromkeys(str(answer["verdict"]) for answer in event["before"])),
        "after": ", ".join(dict.fromkeys(str(answer["verdict"]) for answer in event["after"])),
        "named": ", ".join(dict.fromkeys(str(one["name"] or one["inchikey"]) for answer in event["after"] for one in answer["named"])) or None,
        "newly_listed": ", ".join(str(one["name"]) for one in event["newly_listed"]) or None,
        "changed": "yes" if event["changed"] else "no",
        "analyst": event["analyst"],
    }
