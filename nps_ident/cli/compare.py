"""``nps-ident compare``: two spectra head to tail, with every score that applies."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nps_ident.cli.terminal import add_format_option, print_rows, shown
from nps_ident.errors import InputError

if TYPE_CHECKING:
    import argparse

    from nps_ident.model import MassSpectrum

__all__ = ["configure", "run"]

_COLUMNS = ("measure", "value", "best")


def configure(parser: argparse.ArgumentParser) -> None:
    """Set up the arguments of ``nps-ident compare``."""
    parser.add_argument("first", metavar="A", help="a file (its first spectrum), or FILE#N for spectrum N, counted from 0")
    parser.add_argument("second", metavar="B", help="the same for the other spectrum")
    parser.add_argument("--technique", choices=("ei", "msms", "dart"), help="where the files do not say")
    parser.add_argument("--plot", metavar="FILE", help="also draw the mirror plot: .png or .svg")
    add_format_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Compare two spectra; returns the exit status."""
    from nps_ident.reports.comparison import scores_of, shared_peaks

    out, messages = sys.stdout, sys.stderr
    query, reference = (_one(place, arguments.technique) for place in (arguments.first, arguments.second))
    for spectrum in (query, reference):
        for finding in spectrum.findings:
            print(f"{shown(spectrum.name)}: {finding.severity.value} {finding.code}: {shown(finding.text)}", file=messages)
    if query.technique is not reference.technique:
        techniques = " and ".join(s.technique.value if s.technique else "not given" for s in (query, reference))
        print(f"nps-ident: the techniques differ ({techniques}); a low score says little.", file=messages)
    rows: list[dict[str, object]] = [
        {"measure": score.name, "value": int(str(score)) if score.best > 1 else round(score.value, 4), "best": score.best}
        for score in scores_of(query, reference)
    ]
    shared = shared_peaks(query, reference)
    rows.append({"measure": f"matched peaks ({shared.basis})", "value": int(shared.in_query.sum()), "best": len(shared.query_mz)})
    if arguments.format == "table":
        print(f"A  {shown(query.name)}\nB  {shown(reference.name)}\n", file=out)
    print_rows(rows, _COLUMNS, out, form=arguments.format)
    if arguments.plot is not None:
        from nps_ident.reports.figures import plot

        plot((query, reference), arguments.plot)
        print(f"picture written to {shown(arguments.plot)}", file=messages)
    return 0


def _one(place: str, technique: str | None) -> MassSpectrum:
    """The spectrum that FILE or FILE#N names, prepared as for a search."""
    from itertools import islice

    from nps_ident.io import scan_spectra
    from nps_ident.model import Technique
    from nps_ident.spectra.peaks import prepare

    path, index = place, 0
    stem, mark, number = place.rpartition("#")
    if mark and not Path(place).exists():
        if not number.isascii() or not number.isdigit():
            raise InputError(f"{shown(place)}: no such file; a spectrum of a file is named FILE#N with N counted from 0.")
        path, index = stem, int(number)

    def refuse(error: InputError) -> None:
        raise error

    wanted = {"ei": Technique.EI_MS, "msms": Technique.MSMS, "dart": Technique.DART_MS, None: None}[technique]
    for spectrum in islice(scan_spectra(path, report=refuse, technique=wanted), index, None):
        return prepare(spectrum)
    raise InputError(f"{shown(path)}: the file has no spectrum {index}; they are counted from 0.")
