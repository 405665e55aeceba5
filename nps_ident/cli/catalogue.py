"""``nps-ident catalogue``: list, show or check the substances."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from nps_ident.cli.terminal import add_format_option, print_rows, shown

if TYPE_CHECKING:
    import argparse

    from nps_ident.catalogue.store import Catalogue, Entry

__all__ = ["configure", "run"]

_LIST_COLUMNS = ("name", "formula", "exact_mass", "cas", "drug_class", "group", "inchikey")
_CHECK_COLUMNS = ("code", "severity", "file", "line", "subject", "text")


def configure(parser: argparse.ArgumentParser) -> None:
    """Set up the arguments of the verb."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="all substances", description="List all substances.")
    listing.add_argument("--drug-class", metavar="CLASS", help="only this drug class, e.g. nitazene")
    listing.add_argument("--group", metavar="GROUP", help="only this group: nps, classic drug, cutting agent, precursor …")
    showing = actions.add_parser("show", help="one substance", description="Show a substance by its name, CAS number or InChIKey.")
    showing.add_argument("name", metavar="NAME")
    for action in (listing, showing):
        action.add_argument("--catalogue", metavar="PATH", help="another table or folder than the one that ships")
        add_format_option(action)
    checking = actions.add_parser(
        "check",
        help="prove that names, structures, numbers and ions agree",
        description="Prove that names, structures, numbers and ions agree; exit status 1 when an error is found.",
    )
    checking.add_argument("path", metavar="PATH", nargs="?", help="a folder of tables or one table (default: the data that ship)")
    add_format_option(checking)


def run(arguments: argparse.Namespace) -> int:
    """Run the verb; the exit status."""
    return {"list": _list, "show": _show, "check": _check}[arguments.action](arguments)


def _row(entry: Entry) -> dict[str, object]:
    substance = entry.substance
    return {
        "name": substance.name,
        "synonyms": list(substance.synonyms),
        "formula": substance.formula,
        "exact_mass": substance.exact_mass,
        "cas": substance.cas,
        "drug_class": substance.drug_class,
        "group": entry.group,
        "inchikey": substance.inchikey,
        "smiles": substance.smiles,
        "sources": list(entry.sources),
        "licence": entry.licence,
    }


def _open(arguments: argparse.Namespace) -> Catalogue:
    from nps_ident.catalogue.store import open_catalogue

    return open_catalogue(arguments.catalogue)


def _list(arguments: argparse.Namespace) -> int:
    wanted = [
        entry
        for entry in _open(arguments).entries
        if arguments.drug_class in {None, entry.substance.drug_class} and arguments.group in {None, entry.group}
    ]
    print_rows(map(_row, wanted), _LIST_COLUMNS, sys.stdout, form=arguments.format)
    sys.stderr.write(f"{len(wanted)} substances\n")
    return 0


def _show(arguments: argparse.Namespace) -> int:
    catalogue = _open(arguments)
    text = arguments.name.strip()
    by_key = catalogue.by_inchikey(text.upper())
    found = (by_key,) if by_key else catalogue.find_name(text) or catalogue.find_cas(text)
    if not found:
        sys.stderr.write(f"nps-ident: no substance of the catalogue is called {shown(text)!r}; expected a name, CAS number or InChIKey.\n")
        return 1
    entries = [entry for entry in (catalogue.entry_of(s.inchikey or "") for s in found) if entry]
    if arguments.format != "table":
        print_rows(map(_row, entries), _LIST_COLUMNS, sys.stdout, form=arguments.format)
        return 0
    for entry in entries:
        for key, value in _row(entry).items():
            content = "; ".join(map(str, value)) if isinstance(value, list) else value
            sys.stdout.write(f"{key.replace('_', ' '):<12}  {shown(content) if content else '-'}\n")
        sys.stdout.write("\n" if len(entries) > 1 else "")
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from nps_ident.catalogue.checks import check_reference_data
    from nps_ident.catalogue.store import reference_folder
    from nps_ident.model.finding import Severity

    problems = check_reference_data(arguments.path or reference_folder())
    errors = sum(problem.rule.severity is Severity.ERROR for problem in problems)
    if problems or arguments.format != "table":
        print_rows((problem.to_dict() for problem in problems), _CHECK_COLUMNS, sys.stdout, form=arguments.format)
    sys.stderr.write(f"{errors} errors, {len(problems) - errors} warnings\n")
    return 1 if errors else 0
