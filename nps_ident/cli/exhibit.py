"""``nps-ident exhibit``: from everything measured on an exhibit to its conclusion."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from nps_ident.cli.answering import Failures, recording
from nps_ident.cli.identify import add_library_options
from nps_ident.cli.terminal import add_format_option, print_rows, shown
from nps_ident.errors import InputError, NpsIdentError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from nps_ident.ledger import Ledger
    from nps_ident.library import Libraries
    from nps_ident.model.exhibit import Conclusion, Exhibit, Measured

__all__ = ["configure", "run"]

_ROW_COLUMNS = ("exhibit", "claim", "claim_is", "conclusion", "substances", "open_questions", "contradictions", "file", "record")


def configure(parser: argparse.ArgumentParser) -> None:
    """Set up the arguments of ``nps-ident exhibit``."""
    parser.add_argument("files", metavar="FILE", nargs="+", help="an exhibit file: YAML of one exhibit, or a sheet (.csv, .tsv) of several")
    add_format_option(parser)
    add_library_options(parser)
    parser.add_argument("--no-proposals", action="store_true", help="propose no structures for an unknown variant (a second each)")
    parser.add_argument("--catalogue", metavar="PATH", help="a table of substances (default: the catalogue that ships)")
    parser.add_argument("--calibration", metavar="FILE", action="append", default=[], help="a calibration in place of the one that ships")
    parser.add_argument("--ledger", metavar="PATH", help="the ledger to record in (default: in your data folder)")
    parser.add_argument("--no-record", action="store_true", help="record nothing")
    parser.add_argument("--products", metavar="PATH", help="the register of street products (default: in your data folder)")
    parser.add_argument("--analyst", metavar="NAME", help="who answers for the conclusion; recorded")


def run(arguments: argparse.Namespace) -> int:
    """Do what ``nps-ident exhibit`` was asked; returns the exit status."""
    from nps_ident.library import open_library

    failures = Failures()
    libraries = open_library(
        *arguments.library,
        starter=not arguments.no_starter,
        report=failures.warn,
        progress=lambda name, n_read: failures.progress(f"compiling {name}: {n_read:,} spectra read"),
    )
    out = sys.stdout
    with recording(arguments) as ledger:
        conclusions = _conclusions(arguments, libraries, ledger, failures)
        if arguments.format == "table":
            _print_all(conclusions, out)
        elif arguments.format == "csv":
            print_rows(map(_row, conclusions), _ROW_COLUMNS, out, form="csv")
        else:
            print_rows((conclusion.to_dict() for conclusion in conclusions), (), out, form=arguments.format)
    return 1 if failures.n else 0


def _conclusions(
    arguments: argparse.Namespace, libraries: Libraries, ledger: Ledger | None, failures: Failures
) -> Iterator[Conclusion]:
    """Conclude each exhibit in order and record it at once; what fails is said, and the rest is still answered."""
    from nps_ident.catalogue.store import open_catalogue
    from nps_ident.confidence.calibration import read_calibration
    from nps_ident.identify.exhibit import conclude
    from nps_ident.io.exhibit_file import read_exhibits

    catalogue = open_catalogue(arguments.catalogue) if arguments.catalogue else None
    chosen = [read_calibration(path) for path in arguments.calibration]
    calibrations = {(calibration.technique, calibration.kind): calibration for calibration in chosen} or None
    for file in arguments.files:
        try:
            exhibits = read_exhibits(file)
        except NpsIdentError as error:
            failures.add(error)
            continue
        for exhibit in exhibits:
            try:
                conclusion = conclude(
                    exhibit, libraries, catalogue=catalogue, calibrations=calibrations, proposals=not arguments.no_proposals
                )
            except NpsIdentError as error:
                failures.add(error)
                continue
            for text in conclusion.failures:
                failures.add(InputError(f"{file}: {text}"))
            if ledger is None:
                yield conclusion
                continue
            recorded = _recorded(conclusion, exhibit, ledger, arguments)
            _gather(recorded, arguments.products)
            yield recorded


def _recorded(conclusion: Conclusion, exhibit: Exhibit, ledger: Ledger, arguments: argparse.Namespace) -> Conclusion:
    """Record the answer on each spectrum, then the conclusion; the ids, and the open unknowns that were opened, are filled in afterwards."""
    from nps_ident.ledger import record

    settings: dict[str, Any] = {
        "library": [str(Path(path).absolute()) if Path(path).exists() else path for path in arguments.library],
        "starter": not arguments.no_starter,
        "catalogue": str(Path(arguments.catalogue).absolute()) if arguments.catalogue else None,
        "proposals": not arguments.no_proposals,
        "calibration": [str(Path(path).absolute()) for path in arguments.calibration],
    }
    measured = []
    for one in conclusion.measured:
        # Each spectrum's record is one of `identify`, so that unknowns open items and each can be replayed by itself.
        of_one = {**settings, **_aids(exhibit, one), "top": _searched(), "technique": one.technique, "exhibit": exhibit.id}
        answers = tuple(
            record(answer, ledger, analyst=arguments.analyst, settings={**of_one, **how})
            for answer, how in zip(one.answers, _hows(one), strict=True)
        )
        measured.append(replace(one, answers=answers, records=tuple(str(answer.record) for answer in answers)))
    records = [name for one in measured for name in one.records]
    recorded = record(conclusion, ledger, analyst=arguments.analyst, settings={**settings, "verb": "exhibit", "records": records})
    return _with_items(replace(recorded, measured=tuple(measured)), ledger)


def _gather(conclusion: Conclusion, path: str | None) -> None:
    """Put the exhibit under the product that its claim names, and say what is known of that product."""
    from nps_ident.catalogue.products import ProductExhibit, open_products, products_file
    from nps_ident.cli.product import product_line

    if conclusion.exhibit.claim is None or not products_file(path).is_file():
        return
    with open_products(path, create=True) as products:
        product = products.claimed(conclusion.exhibit.claim)
        if product is None:
            return
        substances = tuple(found.substance.name for found in conclusion.substances if found.conclusion.value != "undetermined")
        exhibit = ProductExhibit(
            id=conclusion.exhibit.id,
            conclusion=conclusion.kind.value,
            substances=substances,
            record=str(conclusion.record),
        )
        products.gather(product, exhibit)
        product = products.find(product.id)
    sys.stderr.write(f"{shown(product_line(product))} This exhibit is judged by its own measurements alone.\n")


def _aids(exhibit: Exhibit, one: Measured) -> dict[str, str | None]:
    """What replaying a component of a run needs beside the run."""
    given, folder = one.measurement, Path(exhibit.file).absolute().parent
    blank, alkanes = (None if name is None else str(folder / name) for name in (given.blank, given.alkanes))
    return {"blank": blank, "alkanes": alkanes, "derivatised": given.derivatised}


def _hows(one: Measured) -> list[dict[str, Any]]:
    """How each answer came about: alone, as a component of a run, or together with the other voltages of its sample."""
    from nps_ident.identify.voltages import samples

    hows: list[dict[str, Any]] = []
    for together in samples(answer.spectrum for answer in one.answers):
        places = [spectrum.source.index for spectrum in together if spectrum.source is not None]
        hows += [{"verb": "identify", "together": places} if len(together) > 1 else {"verb": "identify"}] * len(together)
    return [{"verb": "run"} if answer.area_share is not None else how for answer, how in zip(one.answers, hows, strict=True)]


def _searched() -> int:
    from nps_ident.identify.spectrum import SEARCHED

    return SEARCHED


def _with_items(conclusion: Conclusion, ledger: Ledger) -> Conclusion:
    """Name the open unknown that each unexplained spectrum belongs to."""
    by_place = {
        (one.measurement.number, answer.spectrum.name): name
        for one in conclusion.measured
        for answer, name in zip(one.answers, one.records, strict=True)
        if answer.verdict.value == "unknown_variant"
    }
    if not by_place:
        return conclusion
    from nps_ident.ledger.unknowns import read_unknowns

    items = {observation.record: item.id for item in read_unknowns(ledger) for observation in item.observations}
    questions = tuple(
        replace(question, item=items.get(by_place.get((question.measurement, question.id), ""))) for question in conclusion.open_questions
    )
    return replace(conclusion, open_questions=questions)


def _row(conclusion: Conclusion) -> dict[str, Any]:
    """One exhibit as one row."""
    return {
        "exhibit": conclusion.exhibit.id,
        "claim": conclusion.exhibit.claim,
        "claim_is": conclusion.claim.verdict.value if conclusion.claim else None,
        "conclusion": conclusion.kind.value,
        "substances": "; ".join(f"{found.substance.name} ({found.conclusion.value})" for found in conclusion.substances) or None,
        "open_questions": len(conclusion.open_questions),
        "contradictions": len(conclusion.contradictions),
        "file": conclusion.exhibit.file,
        "record": conclusion.record,
    }


def _print_all(conclusions: Iterator[Conclusion], out: TextIO) -> None:
    from nps_ident.reports.conclusion import conclusion_lines

    for number, conclusion in enumerate(conclusions):
        if number:
            print(file=out)
        for line in conclusion_lines(conclusion):
            print(shown(line), file=out)
