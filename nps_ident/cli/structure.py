"""``nps-ident structure``: what a structure is, by the catalogue, its drug class and its nearest substances."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TextIO

from nps_ident.cli.answering import Failures, add_answer_options, recording
from nps_ident.cli.terminal import add_format_option, print_rows, print_table, shown
from nps_ident.errors import NpsIdentError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from nps_ident.catalogue.store import Catalogue
    from nps_ident.ledger import Ledger
    from nps_ident.model.structure import StructureIdentification

__all__ = ["configure", "run"]

_MATCH_COLUMNS = ("rank", "name", "relation", "score", "drug_class", "difference", "inchikey", "source")
_ROW_COLUMNS = ("query", "index", "verdict", "drug_class", "name", "relation", "score", "difference", "inchikey", "record")


def configure(parser: argparse.ArgumentParser) -> None:
    """Set up the arguments of ``nps-ident structure``."""
    parser.add_argument(
        "queries", metavar="STRUCTURE", nargs="+", help="SMILES, InChI, InChIKey, a MOL, SDF or SMILES file, a name or a CAS number"
    )
    add_format_option(parser)
    parser.add_argument("--catalogue", metavar="PATH", help="a table of substances (default: the catalogue that ships)")
    add_answer_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Do what ``nps-ident structure`` was asked; returns the exit status."""
    from nps_ident.identify.structure_index import open_known

    catalogue = open_known(arguments.catalogue)
    out, failures = sys.stdout, Failures()
    with recording(arguments) as ledger:
        answers = _answers(arguments, catalogue, ledger, failures)
        if arguments.format == "table":
            _print_tables(list(answers), out)
        elif arguments.format == "csv":
            print_rows(map(_row, answers), _ROW_COLUMNS, out, form="csv")
        else:
            print_rows((answer.to_dict() for answer in answers), (), out, form=arguments.format)
    return 1 if failures.n else 0


def _answers(
    arguments: argparse.Namespace, catalogue: Catalogue, ledger: Ledger | None, failures: Failures
) -> Iterator[StructureIdentification]:
    """Answer every structure in order and record each at once; what fails is said, and the rest is still answered."""
    from nps_ident.identify.structure import identify_structures
    from nps_ident.ledger import record

    for query in arguments.queries:
        settings = {"verb": "structure", "structure": query, "top": arguments.top, "catalogue": arguments.catalogue}
        try:
            for found in identify_structures(query, catalogue, top=arguments.top):
                if isinstance(found, NpsIdentError):
                    failures.add(found)
                elif ledger is None:
                    yield found
                else:
                    yield record(found, ledger, analyst=arguments.analyst, settings=settings)
        except NpsIdentError as error:
            failures.add(error)


def _row(answer: StructureIdentification) -> dict[str, Any]:
    """One structure as one row: the verdict and its first match."""
    best = answer.to_rows()[0]
    return {
        **best,
        "index": answer.query.index,
        "drug_class": answer.drug_class or best["drug_class"],
        "difference": answer.difference or best["difference"],
        "record": answer.record,
    }


def _print_tables(answers: list[StructureIdentification], out: TextIO) -> None:
    """Print one structure at length, several as one row each."""
    if len(answers) != 1:
        if answers:
            print_rows(map(_row, answers), _ROW_COLUMNS, out, form="table")
        return
    [answer] = answers
    query = answer.query
    print(f"Query:    {shown(query.title or query.input)}", file=out)
    print(f"Parent:   {shown(query.smiles)}  {query.inchikey}  {query.formula}  {query.exact_mass:.4f} Da", file=out)
    print(f"Verdict:  {answer.verdict.value}" + (f", {answer.difference}" if answer.difference else ""), file=out)
    print(f"Class:    {answer.drug_class or 'none'}", file=out)
    if answer.record:
        print(f"Record:   {answer.record}", file=out)
    if answer.matches:
        print(file=out)
        print_rows((match.to_dict(rank) for rank, match in enumerate(answer.matches, 1)), _MATCH_COLUMNS, out, form="table")
    if answer.findings:
        print(file=out)
        print_table([(f.code, f.severity.value, f.text) for f in answer.findings], ("finding", "severity", "text"), out)
