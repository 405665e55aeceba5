"""``nps-ident identify``: spectra, GC–MS runs, or folders of them, to verdicts."""

from __future__ import annotations

import argparse
import sys
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from nps_ident.cli.answering import Failures, add_answer_options, recording
from nps_ident.cli.terminal import add_format_option, print_rows, print_table, shown
from nps_ident.errors import InputError, NpsIdentError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nps_ident.catalogue.store import Catalogue
    from nps_ident.identify.run import RunAids
    from nps_ident.ledger import Ledger
    from nps_ident.library import Libraries
    from nps_ident.model import Identification, Run, Variant

__all__ = ["add_library_options", "configure", "run"]

_TECHNIQUES = {"ei": "EI-MS", "msms": "MS/MS", "dart": "DART-MS"}
_ROW_COLUMNS = (
    *("query", "verdict", "background", "name", "probability", "drug_class", "match_factor", "score", "components"),
    *("reason", "file", "record"),
)
_RUN_COLUMNS = ("retention_time_s", "retention_index", "area_share")
_HIT_COLUMNS = ("#", "Match", "R.Match", "Prob(%)", "Name", "Formula", "MW", "CAS", "Class", "Score", "log10 LR", "Library")
_PROGRESS_EVERY = 100
_WIDEST = 36
_PROPOSALS_SHOWN = 3


def add_library_options(parser: argparse.ArgumentParser) -> None:
    """Give a verb ``--library`` and ``--no-starter``."""
    parser.add_argument(
        "--library",
        metavar="PATH",
        action="append",
        default=[],
        help="a compiled library, the name of an installed one, or any file of reference spectra, compiled once into your cache; repeatable",
    )
    parser.add_argument("--no-starter", action="store_true", help="do not search the library that ships, nor your own register")


def _picture(text: str) -> str:
    if Path(text).suffix.lower() not in {".png", ".svg"}:
        raise argparse.ArgumentTypeError(f"must end in .png or .svg, got {text!r}")
    return text


def configure(parser: argparse.ArgumentParser) -> None:
    """Set up the arguments of ``nps-ident identify``."""
    parser.add_argument("paths", metavar="PATH", nargs="+", help="files of spectra or GC–MS runs, or folders of such files")
    add_format_option(parser)
    add_library_options(parser)
    parser.add_argument("--no-proposals", action="store_true", help="propose no structures for an unknown variant (a second each)")
    parser.add_argument("--catalogue", metavar="PATH", help="a table of substances to look up isomers in (default: the catalogue that ships)")
    parser.add_argument("--technique", choices=tuple(_TECHNIQUES), help="the technique, where a file does not say")
    parser.add_argument(
        "--plot", metavar="FILE", type=_picture, help="draw the first spectrum's mirror plot, or the first run's chromatogram: .png or .svg"
    )
    parser.add_argument("--blank", metavar="FILE", help="a blank run by the same method: what it shows is taken off GC–MS runs, or said")
    parser.add_argument("--alkanes", metavar="FILE", help="retention times of n-alkanes, for retention indices (docs/runs.md)")
    parser.add_argument("--derivatised", choices=("tms", "acetyl", "tfa"), help="what the samples of the runs were derivatised with")
    parser.add_argument("--calibration", metavar="FILE", action="append", default=[], help="a calibration in place of the one that ships")
    add_answer_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Do what ``nps-ident identify`` was asked; returns the exit status."""
    from nps_ident.catalogue.store import open_catalogue
    from nps_ident.library import open_library

    failures = Failures()
    catalogue = open_catalogue(arguments.catalogue) if arguments.catalogue else None
    libraries = open_library(
        *arguments.library,
        starter=not arguments.no_starter,
        report=failures.warn,
        progress=lambda name, n_read: failures.progress(f"compiling {name}: {n_read:,} spectra read"),
    )
    out = sys.stdout
    with recording(arguments) as ledger:
        answers = _answers(arguments, libraries, catalogue, ledger, failures)
        if arguments.format == "table":
            _print_tables(answers, catalogue, out)
        elif arguments.format == "csv":
            print_rows(map(_row, answers), (*_ROW_COLUMNS, *_RUN_COLUMNS), out, form="csv")
        else:
            print_rows((answer.to_dict() for answer in answers), (), out, form=arguments.format)
    return 1 if failures.n else 0


def _answers(
    arguments: argparse.Namespace, libraries: Libraries, catalogue: Catalogue | None, ledger: Ledger | None, failures: Failures
) -> Iterator[Identification]:
    """Answer every spectrum in order and record each at once; what fails is said, and the rest is still answered."""
    from nps_ident.confidence.calibration import read_calibration
    from nps_ident.identify import identify
    from nps_ident.identify.voltages import identify_voltages, samples
    from nps_ident.io import find_files, scan_queries
    from nps_ident.ledger import record
    from nps_ident.model import Run, Technique

    chosen = [read_calibration(path) for path in arguments.calibration]
    calibrations = {(calibration.technique, calibration.kind): calibration for calibration in chosen} or None
    technique = Technique(_TECHNIQUES[arguments.technique]) if arguments.technique else None
    settings = _settings(arguments)
    runs = _Runs(arguments, failures)
    how: dict[str, Any] = {
        "top": arguments.top,
        "calibrations": calibrations,
        "catalogue": catalogue,
        "proposals": not arguments.no_proposals,
    }
    n_answers = 0
    for place in arguments.paths:
        try:
            files = list(find_files([place]))
        except InputError as error:
            failures.add(error)
            continue
        for file in files:
            for together in samples(scan_queries(file, report=failures.add, technique=technique)):
                query = together[0]
                try:
                    if isinstance(query, Run):
                        found = runs.answers(query, libraries, how, first=n_answers == 0)
                    elif len(together) > 1:
                        found = identify_voltages(together, libraries, **how)  # type: ignore[arg-type]
                    else:
                        found = (identify(query, libraries, **how),)
                except NpsIdentError as error:
                    failures.add(error if str(error).startswith(str(file)) else InputError(f"{file}: {error}"))
                    continue
                for answer in found:
                    n_answers += 1
                    if n_answers == 1 and arguments.plot and not isinstance(query, Run):
                        _plot(answer, arguments.plot, failures)
                    if n_answers % _PROGRESS_EVERY == 0:
                        failures.progress(f"{n_answers:,} spectra answered, {failures.n:,} failures")
                    kept = runs.settings(settings) if isinstance(query, Run) else _together(settings, together)
                    yield answer if ledger is None else record(answer, ledger, analyst=arguments.analyst, settings=kept)


def _together(settings: dict[str, Any], spectra: tuple[Any, ...]) -> dict[str, Any]:
    """The settings, with the places of the spectra that were judged together."""
    return settings if len(spectra) == 1 else {**settings, "together": [spectrum.source.index for spectrum in spectra]}


class _Runs:
    """Answers runs; the blank and the ladder are read for the first of them."""

    def __init__(self, arguments: argparse.Namespace, failures: Failures) -> None:
        self._arguments, self._failures = arguments, failures
        self._aids: RunAids | None = None

    def answers(self, run: Run, libraries: Libraries, how: dict[str, Any], *, first: bool) -> tuple[Identification, ...]:
        """One answer a component; the first of the command is drawn, where a picture was asked for."""
        from nps_ident.identify.run import identify_run, read_run_aids

        given = self._arguments
        if self._aids is None:
            self._aids = read_run_aids(blank=given.blank, alkanes=given.alkanes, derivatised=given.derivatised, report=self._failures.add)
        self._failures.progress(f"{run.name}: {len(run.scans):,} scans read")
        found = identify_run(run, libraries, aids=self._aids, report=self._failures.add, **how)
        if first and given.plot:
            from nps_ident.reports.chromatogram import plot_run

            try:
                plot_run(run, found, given.plot)
            except NpsIdentError as error:
                self._failures.add(error)
        return found

    def settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        """What replaying a component needs."""
        given = self._arguments
        blank, alkanes = (None if path is None else str(Path(path).absolute()) for path in (given.blank, given.alkanes))
        return {**settings, "verb": "run", "blank": blank, "alkanes": alkanes, "derivatised": given.derivatised}


def _settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """What ``ledger replay`` needs to do the same again."""
    return {
        "verb": "identify",
        "library": [str(Path(path).absolute()) if Path(path).exists() else path for path in arguments.library],
        "starter": not arguments.no_starter,
        "top": arguments.top,
        "technique": _TECHNIQUES[arguments.technique] if arguments.technique else None,
        "catalogue": str(Path(arguments.catalogue).absolute()) if arguments.catalogue else None,
        "proposals": not arguments.no_proposals,
        "calibration": [str(Path(path).absolute()) for path in arguments.calibration],
    }


def _plot(answer: Identification, path: str, failures: Failures) -> None:
    """Draw the answer; a picture that cannot be written costs no answer."""
    from nps_ident.reports.figures import plot

    try:
        plot(answer, path)
    except NpsIdentError as error:
        failures.add(error)


def _row(answer: Identification) -> dict[str, Any]:
    """One spectrum as one row: the verdict and its first candidate, or the components of a mixture."""
    from nps_ident.reports.hit_list import component_table_line
    from nps_ident.reports.wording import background_of

    written = answer.to_dict()
    best = written["matches"][:1]
    first = best[0] if best and not answer.components else {}  # the best part of a sum is not its answer
    return {
        "query": answer.spectrum.name,
        "verdict": answer.verdict.value,
        "background": background_of(answer),
        **{key: first.get(key) for key in ("name", "probability", "drug_class", "match_factor", "score")},
        "components": "; ".join(component_table_line(component) for component in answer.components) if answer.components else None,
        "reason": answer.reasons[0] if answer.reasons else None,
        "file": answer.spectrum.source.file if answer.spectrum.source else None,
        "record": answer.record,
        **{column: written["query"].get(column) for column in _RUN_COLUMNS},
    }


def _print_tables(answers: Iterator[Identification], catalogue: Catalogue | None, out: TextIO) -> None:
    """Print one spectrum at length, several as one row each."""
    first = next(answers, None)
    second = next(answers, None)
    if first is None:
        return
    if second is None:
        _print_one(first, catalogue, out)
        return
    rows = [{key: _cut(value) for key, value in _row(answer).items()} for answer in chain((first, second), answers)]
    left_out = {"reason", "file", *(column for column in ("components", "background") if not any(row[column] for row in rows))}
    columns = [column for column in _ROW_COLUMNS if column not in left_out]
    columns[1:1] = [column for column in _RUN_COLUMNS if any(row[column] is not None for row in rows)]
    print_rows(rows, tuple(columns), out, form="table")


def _cut(value: Any) -> Any:
    """A cell that leaves room for the others; every name is whole in the other formats."""
    return value if not isinstance(value, str) or len(value) <= _WIDEST else f"{value[: _WIDEST - 1]}…"


def _print_one(answer: Identification, catalogue: Catalogue | None, out: TextIO) -> None:
    from nps_ident.reports.hit_list import COMPONENT_COLUMNS, component_table, hit_table

    technique = answer.spectrum.technique.value if answer.spectrum.technique else "unknown technique"
    print(f"{shown(answer.spectrum.name)}  ({technique}, {answer.spectrum.n_peaks} peaks)", file=out)
    if answer.area_share is not None and answer.spectrum.retention_time_s is not None:
        index = "" if answer.spectrum.retention_index is None else f", retention index {answer.spectrum.retention_index:.0f}"
        print(f"The only component of its run, at {answer.spectrum.retention_time_s:.1f} s{index}", file=out)
    print(f"Verdict: {answer.verdict.value.replace('_', ' ')}", file=out)
    for finding in answer.findings:
        mark = {"info": " ", "warning": "!", "error": "!!"}[finding.severity.value]
        print(f"  {mark} {shown(finding.text)}", file=out)
    if answer.components:
        print(file=out)
        print_table([[row[column] for column in COMPONENT_COLUMNS] for row in component_table(answer.components)], COMPONENT_COLUMNS, out)
        print(f"Not explained by them: {answer.unexplained_fraction:.0%} of the signal", file=out)
        print("Candidates for the spectrum as one substance:", file=out)
    rows = [[row[column] for column in _HIT_COLUMNS] for row in hit_table(answer)]
    if rows:
        used = [i for i in range(len(_HIT_COLUMNS)) if any(row[i] is not None for row in rows)]
        print(file=out)
        print_table([[row[i] for i in used] for row in rows], [_HIT_COLUMNS[i] for i in used], out)
    print(file=out)
    if answer.variant is not None and answer.variant.nearest:
        _print_variant(answer.variant, answer, catalogue, out)
    if answer.isomers_without_reference:
        print(f"Not excluded, since no reference covers them: {shown(', '.join(_named(answer.isomers_without_reference, catalogue)))}", file=out)
    if answer.separated_by:
        print(f"The members of the set are told apart by: {shown(', '.join(answer.separated_by))}", file=out)
    print(f"Library {shown(answer.library.name)} {answer.library.sha256[:12]}, calibration {shown(answer.calibration or 'none')}", file=out)
    print(f"Record {shown(answer.record)}" if answer.record else "Not recorded", file=out)


def _print_variant(variant: Variant, answer: Identification, catalogue: Catalogue | None, out: TextIO) -> None:
    """The nearest references of an unknown, and the structures to test, each with its grounds: hypotheses, never matches."""
    shift = "" if variant.mass_shift_da is None else f"; mass shift to the first {variant.mass_shift_da:+.4g} Da"
    listed = {match.substance.inchikey: match.substance.name for match in answer.matches}
    keys = variant.nearest[:5]
    nearest = ", ".join(listed.get(key, name) for key, name in zip(keys, _named(keys, catalogue), strict=True))
    print(f"Nearest: {shown(nearest)}{shift}", file=out)
    for number, proposal in enumerate((variant.proposals or ())[:_PROPOSALS_SHOWN], 1):
        likely = "" if proposal.probability is None else f" ({proposal.probability:.0%})"
        print(f"Proposed structure {number}{likely}, a hypothesis: {shown(proposal.smiles)}  {shown(proposal.why)}", file=out)


def _named(keys: tuple[str, ...], catalogue: Catalogue | None) -> list[str]:
    from nps_ident.catalogue.store import open_catalogue

    catalogue = catalogue or open_catalogue()
    return [entry.name if (entry := catalogue.by_inchikey(key)) else key for key in keys]
