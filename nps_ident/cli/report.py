"""``nps-ident report``: a readable page of one record or result."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nps_ident.cli.terminal import shown
from nps_ident.errors import CatalogueError, InputError, LibraryError, NpsIdentError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from nps_ident.model import MassSpectrum, Substance

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Set up the arguments of ``nps-ident report``."""
    parser.add_argument(
        "source",
        metavar="RECORD_OR_RESULT",
        help="a record's id or number in the ledger; or a file of results (JSON or JSON Lines), FILE#N for result N of it, counted from 0",
    )
    parser.add_argument("--out", metavar="FILE.html", required=True, help="the page to write")
    parser.add_argument("--library", metavar="PATH", action="append", default=[], help="where the reference of the picture may stand")
    parser.add_argument("--no-starter", action="store_true", help="do not look in the library that ships")
    parser.add_argument("--ledger", metavar="PATH", help="the ledger (default: in the user's data folder)")


def run(arguments: argparse.Namespace) -> int:
    """Write the report; returns the exit status."""
    from nps_ident.reports.report import report_html
    from nps_ident.reports.written_answer import IDENTIFICATION, require_answer

    messages = sys.stderr
    result, settings, record = _source(arguments.source, arguments.ledger)
    substances: Mapping[str, Substance] = {}
    picture, problem = None, None
    require_answer(result)
    if result["schema"] == IDENTIFICATION:
        reference, substances, problem = _behind(result, settings, arguments)
        picture, missing = _picture(result, settings, reference, substances)
        problem = missing or problem
        if problem:
            print(f"nps-ident: {shown(problem)}", file=messages)
    page = report_html(result, picture=picture, without_picture=problem, substances=substances, record=record)
    try:
        Path(arguments.out).write_text(page, encoding="utf-8", newline="\n")
    except OSError as error:
        raise InputError(f"{arguments.out}: the report could not be written: {error.strerror or error}.") from error
    print(f"report written to {shown(arguments.out)}", file=messages)
    return 0


def _source(source: str, ledger: str | None) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The result, the settings and the facts of its record: from a file, else from the ledger."""
    stem, mark, number = source.rpartition("#")
    if Path(source).is_file():
        return _from_file(source, None), {}, {}
    if mark and number.isascii() and number.isdigit() and Path(stem).is_file():
        return _from_file(stem, int(number)), {}, {}
    if Path(source).suffix or "/" in source or "#" in source:
        raise InputError(f"{source}: no such file; a report is made of a record's id, a file of results, or FILE#N.")
    from nps_ident.ledger import open_ledger

    with open_ledger(ledger, read_only=True) as opened:
        entry = opened.get(source)
    if not entry.is_intact:
        raise InputError(f"{entry.id}: the record was changed after it was written; run 'nps-ident ledger verify'.")
    content = entry.content
    facts = {"time": content.get("time"), "analyst": content.get("analyst"), "hash": entry.hash}
    return entry.result, entry.settings, {**facts, "input_sha256": (content.get("input") or {}).get("sha256")}


def _from_file(path: str, index: int | None) -> dict[str, Any]:
    """One result of a JSON or JSON Lines file."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: the results could not be read: {error}.") from None
    try:
        whole = json.loads(text)
        results = whole if isinstance(whole, list) else [whole]
    except RecursionError:
        raise InputError(f"{path}: the JSON is nested too deeply to be a result.") from None
    except json.JSONDecodeError:
        results = [_line(path, number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if index is None and len(results) > 1:
        raise InputError(f"{path}: the file holds {len(results)} results; name one as {path}#N, counted from 0.")
    if not 0 <= (index or 0) < len(results):
        raise InputError(f"{path}: the file has no result {index or 0}; it holds {len(results)}, counted from 0.")
    chosen = results[index or 0]
    if not isinstance(chosen, dict):
        raise InputError(f"{path}: result {index or 0} is no JSON object; expected one as 'nps-ident identify --format jsonl' writes it.")
    return chosen


def _line(path: str, number: int, line: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}:{number}: the line is no JSON: {error.msg}; expected one result a line.") from None
    except RecursionError:
        raise InputError(f"{path}:{number}: the JSON is nested too deeply to be a result.") from None


def _from_catalogue(result: Mapping[str, Any]) -> dict[str, Substance]:
    """What the catalogue knows of the candidates; without a catalogue the report only lacks formulae and CAS numbers."""
    from nps_ident.catalogue.store import open_catalogue

    try:
        catalogue = open_catalogue()
    except CatalogueError as error:
        messages = sys.stderr
        print(f"nps-ident: formulae and CAS numbers may be missing from the report: {shown(error)}", file=messages)
        return {}
    keys = [match.get("inchikey") for match in result.get("matches") or [] if isinstance(match, dict)]
    found = ((key, catalogue.by_inchikey(key)) for key in keys if isinstance(key, str))
    return {key: substance for key, substance in found if substance is not None}


def _behind(
    result: dict[str, Any], settings: dict[str, Any], arguments: argparse.Namespace
) -> tuple[MassSpectrum | None, dict[str, Substance], str | None]:
    """The best candidate's reference, the substances of all candidates by InChIKey, and why the reference is missing."""
    from nps_ident.library.opening import open_library
    from nps_ident.reports.spectra_at_hand import find_reference

    substances = _from_catalogue(result)
    if not result.get("matches"):
        return None, substances, None
    starter = not arguments.no_starter and settings.get("starter") is not False
    try:
        libraries = open_library(*(arguments.library or _recorded_libraries(settings)), starter=starter)
    except (LibraryError, InputError, CatalogueError) as error:
        return None, substances, f"The picture shows the query alone: {error}"
    best, problem = None, None
    for match in result["matches"]:
        try:
            reference, substance = find_reference(match["reference"], result["query"]["technique"], libraries)
        except LibraryError as error:
            problem = f"The picture shows the query alone: {error}" if match is result["matches"][0] else problem
            continue
        best = reference if match is result["matches"][0] else best
        if match["inchikey"]:
            substances.setdefault(match["inchikey"], substance)
    return best, substances, problem


def _recorded_libraries(settings: Mapping[str, Any]) -> list[str]:
    """The libraries that the record names, also where the working folder is another one now."""
    named = [path for path in settings.get("library") or [] if isinstance(path, str)]
    folder = Path(str(settings.get("folder") or "."))
    return [path if Path(path).exists() or not (folder / path).exists() else str(folder / path) for path in named]


def _picture(
    result: dict[str, Any], settings: dict[str, Any], reference: MassSpectrum | None, substances: Mapping[str, Substance]
) -> tuple[str | None, str | None]:
    """The mirror plot, or why there is none."""
    from nps_ident.reports.figures import drawing_of, figure_svg
    from nps_ident.reports.spectra_at_hand import find_query

    try:
        query = find_query(result["query"], settings)
    except NpsIdentError as error:
        return None, f"The report has no picture: {error}"
    best = result["matches"][0] if result["matches"] else {}
    return figure_svg(drawing_of(result, query, reference, substances.get(best.get("inchikey") or ""))), None
