"""``nps-ident calibrate``: a laboratory's own replicates to a calibration of its own."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nps_ident.cli.answering import Failures, count
from nps_ident.cli.evaluate import add_query_options, read_queries
from nps_ident.cli.identify import add_library_options
from nps_ident.cli.terminal import add_format_option, print_rows, shown
from nps_ident.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nps_ident.identify.evaluating import LeftOut

__all__ = ["configure", "run"]

_COLUMNS = ("queries", "figure", "value", "low", "high", "n", "compounds")


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 < value < 1.0:
        raise argparse.ArgumentTypeError(f"must be a number between 0 and 1, got {text!r}")
    return value


def configure(parser: argparse.ArgumentParser) -> None:
    """Set up the arguments of ``nps-ident calibrate``."""
    parser.add_argument("replicates", metavar="REPLICATES", nargs="+", help="files of spectra of known identity, or folders of such files")
    add_query_options(parser)
    add_library_options(parser)
    parser.add_argument("--prior", metavar="P", type=_share, help="assumed share of casework queries whose substance is in the library")
    parser.add_argument("--name", metavar="NAME", help="of the calibration (default: the name of the file)")
    parser.add_argument("--out", metavar="FILE.json", required=True, help="the calibration to write")
    parser.add_argument("--resamples", metavar="N", type=count, default=1000, help="bootstrap draws of each interval (default: 1000)")
    add_format_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Do what ``nps-ident calibrate`` was asked; returns the exit status."""
    from nps_ident.confidence.calibration import calibration_from
    from nps_ident.identify.calibrating import calibrate
    from nps_ident.identify.evaluating import with_truth
    from nps_ident.io.truth_table import read_truth
    from nps_ident.library import open_library

    failures = Failures()
    messages = sys.stderr
    out = Path(arguments.out)
    if out.exists():
        raise InputError(f"{out}: exists already; a calibration is not written over, name another file.")
    table = read_truth(arguments.truth) if arguments.truth else None
    libraries = open_library(*arguments.library, starter=not arguments.no_starter, report=failures.warn)
    replicates, files = read_queries(arguments.replicates, arguments.technique, failures)
    pairs, left_out = with_truth(replicates, table.rows if table else None)
    failures.progress(f"{len(pairs):,} replicates to search, twice each")
    named = [{**file, "file": Path(file["file"]).name} for file in files]
    about = {"date": _today(), "data": _in_words(files, table.file if table else None), "files": named, "software": _software()}
    found = calibrate(
        pairs,
        libraries,
        name=arguments.name or out.stem,
        about=about,
        prior_in_library=arguments.prior,
        n_resamples=arguments.resamples,
    )
    _say_left_out([*left_out, *found.evaluation.left_out], failures)
    for text in found.warnings:
        print(f"nps-ident: warning: {shown(text)}", file=messages)
    try:
        out.write_text(json.dumps(found.content, ensure_ascii=False, allow_nan=False, indent=1) + "\n", encoding="utf-8", newline="\n")
    except OSError as error:
        raise InputError(f"{out}: the calibration could not be written ({error.strerror or error}).") from None
    stamp = calibration_from(found.content, where=str(out)).stamp
    print(f"calibration {shown(stamp)} written; use it with: nps-ident identify --calibration {shown(out)} …", file=messages)
    print_rows(_rows(found.content["about"]["metrics"]), _COLUMNS, sys.stdout, form=arguments.format)
    return 1 if failures.n else 0


def _today() -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).date().isoformat()


def _software() -> dict[str, str]:
    from importlib.metadata import version

    from nps_ident import __version__

    return {"nps_ident": __version__, **{name: version(name) for name in ("numpy", "scikit-learn", "scipy")}}


def _in_words(files: Sequence[Mapping[str, Any]], truth: str | None) -> str:
    n = sum(file["n_spectra"] for file in files)
    source = f"the table {Path(truth).name}" if truth else "their own InChIKeys"
    return f"{n} spectra in {len(files)} files of the user's own, identity by {source}"


def _say_left_out(left_out: Sequence[LeftOut], failures: Failures) -> None:
    if left_out:
        text = f"{len(left_out)} replicates were left out; the first, {left_out[0].query}: {left_out[0].why}"
        failures.warn(InputError(text))
    for item in left_out:
        if item.failed:
            failures.add(InputError(f"{item.file}: {item.why}"))


def _rows(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a cross-validated figure."""
    rows: list[dict[str, Any]] = []
    for queries, figures in metrics.items():
        if queries == "log10_lr_bounds":
            rows += [{"queries": "all", "figure": f"log10_lr_{side}", "value": value} for side, value in figures.items()]
            continue
        for name, figure in figures.items():
            if isinstance(figure, dict):
                rows.append({"queries": queries, "figure": name, **figure, "n": figures["n"], "compounds": figures["n_compounds"]})
    return rows
