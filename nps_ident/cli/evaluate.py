"""``nps-ident evaluate``: queries of known origin to a validation report."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nps_ident.cli.answering import Failures, count
from nps_ident.cli.identify import add_library_options
from nps_ident.cli.terminal import add_format_option, print_rows, shown
from nps_ident.errors import InputError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from nps_ident.confidence.judging import Judged
    from nps_ident.model import MassSpectrum

__all__ = ["add_query_options", "configure", "read_queries", "run"]

_TECHNIQUES = {"ei": "EI-MS", "msms": "MS/MS"}
_COLUMNS = ("technique", "queries", "figure", "value", "low", "high", "n", "compounds")
_PROGRESS_EVERY = 100
_WRITTEN = ("validation.html", "validation.json", "answers.jsonl")


def add_query_options(parser: argparse.ArgumentParser) -> None:
    """Give a verb the options that queries of known origin need."""
    parser.add_argument(
        "--truth",
        metavar="TRUTH.csv",
        help="a table with the columns id and inchikey (or ik14), and perhaps kind (known, unknown, decoy), drug_class, laboratory, name, "
        "accession; without it the InChIKey of each spectrum is believed",
    )
    parser.add_argument("--technique", choices=tuple(_TECHNIQUES), help="the technique, where a file does not say")


def configure(parser: argparse.ArgumentParser) -> None:
    """Set up the arguments of ``nps-ident evaluate``."""
    parser.add_argument("queries", metavar="QUERIES", nargs="+", help="files of spectra of known origin, or folders of such files")
    add_query_options(parser)
    add_library_options(parser)
    parser.add_argument("--catalogue", metavar="PATH", help="a table of substances to look up isomers in (default: the catalogue that ships)")
    parser.add_argument("--calibration", metavar="FILE", action="append", default=[], help="a calibration in place of the one that ships")
    parser.add_argument("--title", metavar="TEXT", default="Validation of spectrum identification", help="the heading of the report")
    parser.add_argument("--out", metavar="DIR", required=True, help="the folder for validation.html, validation.json and answers.jsonl")
    parser.add_argument("--resamples", metavar="N", type=count, default=1000, help="bootstrap draws of each interval (default: 1000)")
    add_format_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Do what ``nps-ident evaluate`` was asked; returns the exit status."""
    from nps_ident.catalogue.store import open_catalogue
    from nps_ident.confidence.calibration import read_calibration
    from nps_ident.identify.evaluating import evaluate, with_truth
    from nps_ident.io.truth_table import read_truth
    from nps_ident.library import open_library
    from nps_ident.reports.validation import Sources, validation

    failures = Failures()
    out = _folder(arguments.out)
    table = read_truth(arguments.truth) if arguments.truth else None
    chosen = [read_calibration(path) for path in arguments.calibration]
    calibrations = {(calibration.technique, calibration.kind): calibration for calibration in chosen} or None
    catalogue = open_catalogue(arguments.catalogue) if arguments.catalogue else None
    libraries = open_library(*arguments.library, starter=not arguments.no_starter, report=failures.warn)
    queries, files = read_queries(arguments.queries, arguments.technique, failures)
    pairs, left_out = with_truth(queries, table.rows if table else None)

    def progress(n_done: int) -> None:
        if n_done % _PROGRESS_EVERY == 0:
            failures.progress(f"{n_done:,} of {len(pairs):,} queries answered")

    evaluation = evaluate(pairs, libraries, calibrations=calibrations, catalogue=catalogue, progress=progress)
    for item in evaluation.left_out:
        if item.failed:
            failures.add(InputError(f"{item.file}: {item.why}"))
    if not evaluation.rows:
        first = next(iter(evaluation.left_out)).why
        raise InputError(f"None of {len(pairs)} queries can be judged; the first: {first}.")
    asked = {spectrum.name for spectrum in queries}
    sources = Sources(
        title=arguments.title,
        time=_now(),
        files=tuple(files),
        truth={"file": table.file, "sha256": table.sha256} if table else None,
        truth_without_query=tuple(sorted(set(table.rows) - asked)) if table else (),
        calibrations=_contents(arguments.calibration),
        members=libraries.members,
        n_resamples=arguments.resamples,
    )
    report = validation(evaluation, sources, left_out=left_out)
    _write(out, report, evaluation.rows)
    _say(report, failures, out)
    print_rows(_rows(report), _COLUMNS, sys.stdout, form=arguments.format)
    return 1 if failures.n else 0


def _folder(path: str) -> Path:
    """The folder to write to; a validation that stands there is never written over."""
    folder = Path(path)
    there = [name for name in _WRITTEN if (folder / name).exists()]
    if there:
        raise InputError(f"{path}: holds {there[0]} already; a validation is not written over, name another folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path}: the folder cannot be made ({error.strerror or error}).") from None
    return folder


def read_queries(
    paths: Sequence[str], technique: str | None, failures: Failures
) -> tuple[list[MassSpectrum], list[dict[str, Any]]]:
    """Every spectrum of the files, and for each file its path, hash and number of spectra; what cannot be read is said and counted."""
    from nps_ident.io import find_files, scan_spectra
    from nps_ident.model import Technique

    given = Technique(_TECHNIQUES[technique]) if technique else None
    spectra: list[MassSpectrum] = []
    files = []
    for file in find_files(paths):
        found = list(scan_spectra(file, report=failures.add, technique=given))
        source = found[0].source if found else None
        files.append({"file": str(file), "sha256": source.sha256 if source else None, "n_spectra": len(found)})
        spectra += found
    if not spectra:
        raise InputError(f"{', '.join(paths)}: holds no spectrum that can be read.")
    return spectra, files


def _contents(paths: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    """The content of every calibration that may answer, by stamp."""
    from nps_ident.confidence.coefficients import SHIPPED

    found = {}
    for path in (*sorted(SHIPPED.glob("*.json")), *map(Path, paths)):
        content = json.loads(path.read_text(encoding="utf-8"))
        if {"name", "sha256"} <= set(content):
            found[f"{content['name']}@{content['sha256'][:12]}"] = content
    return found


def _now() -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).isoformat(timespec="seconds")


def _write(out: Path, report: Mapping[str, Any], rows: Sequence[Judged]) -> None:
    from nps_ident.reports.validation_figures import PICTURES, picture_svg
    from nps_ident.reports.validation_report import validation_html

    pictures = {}
    for technique in report["techniques"]:
        part = [row for row in rows if row.answer["query"]["technique"] == technique]
        pictures.update({(technique, name): picture_svg(name, part) for name in PICTURES})
    answers = "".join(json.dumps(row.answer, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)
    written = json.dumps(report, ensure_ascii=False, allow_nan=False, indent=1) + "\n"
    try:
        for name, text in zip(_WRITTEN, (validation_html(report, pictures), written, answers), strict=True):
            (out / name).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise InputError(f"{out}: the report could not be written ({error.strerror or error}).") from None


def _say(report: Mapping[str, Any], failures: Failures, out: Path) -> None:
    data = report["data"]
    if data["left_out"]:
        first = data["left_out"][0]
        text = f"{len(data['left_out'])} of {data['n_queries']} queries count in no figure; the first, {first['query']}: {first['why']}"
        failures.warn(InputError(text))
    missing = data["truth_without_query"]
    if missing:
        failures.warn(InputError(f"{len(missing)} rows of the truth have no query; the first: {missing[0]}"))
    contradicted = data["kind_contradicted_by_library"]
    if contradicted:
        text = f"{len(contradicted)} rows of the truth and the library disagree on what the library holds; the first: {contradicted[0]}"
        failures.warn(InputError(text))
    messages = sys.stderr
    print(f"validation written to {shown(out / 'validation.html')}", file=messages)


def _rows(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a figure."""
    rows = []
    for technique, found in report["techniques"].items():
        for kind, figures in found["figures"].items():
            for name, figure in figures.items():
                if isinstance(figure, dict):
                    place = {"technique": technique, "queries": kind, "figure": name}
                    rows.append({**place, **figure, "n": figures["n"], "compounds": figures["n_compounds"]})
    return rows
