"""``nps-ident inspect``: what was read from files, and what is odd about it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TextIO

from nps_ident.cli.terminal import add_format_option, print_rows, print_table, shown

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from nps_ident.errors import InputError
    from nps_ident.model import MassSpectrum

__all__ = ["configure", "run"]

_COLUMNS = ("file", "index", "name", "technique", "n_peaks", "mz_low", "mz_high", "base_peak_mz", "precursor_mz", "adduct", "findings")


def configure(parser: argparse.ArgumentParser) -> None:
    """Set up the arguments of ``nps-ident inspect``."""
    parser.add_argument("paths", metavar="PATH", nargs="+", help="files or folders")
    parser.add_argument("--technique", choices=("ei", "msms", "dart"), help="where the files do not say")
    add_format_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show what was read; returns the exit status, 1 when a file or a record could not be read."""
    out, messages = sys.stdout, sys.stderr
    failures: list[str] = []

    def report(error: InputError) -> None:
        failures.append(str(error))
        print(f"nps-ident: {shown(error)}", file=messages)

    rows = _rows(arguments.paths, arguments.technique, report)
    if arguments.format == "table":
        _print_for_reading(rows, out)
    elif arguments.format == "csv":
        flat = ({**row, "findings": "; ".join(f"{f['code']} {f['text']}" for f in row["findings"])} for row in rows)
        print_rows(flat, _COLUMNS, out, form="csv")
    else:
        print_rows(rows, _COLUMNS, out, form=arguments.format)
    if failures:
        print(f"nps-ident: {len(failures)} of the inputs or records could not be read.", file=messages)
    return 1 if failures else 0


def _rows(paths: list[str], technique: str | None, report: Any) -> Iterator[dict[str, Any]]:
    from nps_ident.errors import InputError
    from nps_ident.io import find_files, scan_spectra
    from nps_ident.model import Technique
    from nps_ident.reports.inspection import oddities

    wanted = {"ei": Technique.EI_MS, "msms": Technique.MSMS, "dart": Technique.DART_MS, None: None}[technique]
    for path in paths:
        try:
            for file in find_files([path]):
                for spectrum in scan_spectra(file, report=report, technique=wanted):
                    yield _row(spectrum, [finding.to_dict() for finding in oddities(spectrum)])
        except InputError as error:
            report(error)


def _row(spectrum: MassSpectrum, findings: list[dict[str, str]]) -> dict[str, Any]:
    """One spectrum as one row; numbers that a file holds as NaN are null."""
    import numpy as np

    good = np.isfinite(spectrum.mz) & np.isfinite(spectrum.intensity)
    mz, intensity = spectrum.mz[good], spectrum.intensity[good]
    label = spectrum.label
    return {
        "file": spectrum.source.file if spectrum.source else None,
        "index": spectrum.source.index if spectrum.source else None,
        "name": spectrum.name,
        "technique": spectrum.technique.value if spectrum.technique else None,
        "n_peaks": spectrum.n_peaks,
        "mz_low": float(mz.min()) if len(mz) else None,
        "mz_high": float(mz.max()) if len(mz) else None,
        "base_peak_mz": float(mz[intensity.argmax()]) if len(mz) else None,
        "precursor_mz": spectrum.precursor_mz,
        "adduct": spectrum.adduct,
        "polarity": spectrum.polarity.value if spectrum.polarity else None,
        "collision_energy": spectrum.collision_energy,
        "instrument_type": spectrum.instrument_type,
        "retention_index": spectrum.retention_index,
        "accession": spectrum.accession,
        "label": {"name": label.name, "inchikey": label.inchikey, "smiles": label.smiles, "formula": label.formula, "cas": label.cas},
        "findings": findings,
    }


def _print_for_reading(rows: Iterable[dict[str, Any]], out: TextIO) -> None:
    """One line a spectrum, and below it each kind of finding once, in words, with the number of spectra that have it."""
    from nps_ident.reports.wording import printable

    lines, counts, examples = [], dict[str, int](), dict[str, tuple[str, str]]()
    for row in rows:
        codes = list(dict.fromkeys(finding["code"] for finding in row["findings"]))
        reach = None if row["mz_low"] is None else f"{row['mz_low']:g}–{row['mz_high']:g}"
        ion = " ".join(part for part in (_number(row["precursor_mz"]), row["adduct"]) if part) or None
        place = None if row["index"] is None else f"{row['file']}#{row['index']}"
        base = _number(row["base_peak_mz"])
        lines.append((place, printable(row["name"], most=48), row["technique"], row["n_peaks"], reach, base, ion, " ".join(codes) or None))
        for finding in row["findings"]:
            examples.setdefault(finding["code"], (place or "", finding["text"]))
        for code in codes:
            counts[code] = counts.get(code, 0) + 1
    print_table(lines, ("spectrum", "name", "technique", "peaks", "m/z range", "base peak", "precursor", "findings"), out)
    if counts:
        print(file=out)
        table = [(code, counts[code], *reversed(examples[code])) for code in sorted(counts)]
        print_table(table, ("finding", "spectra", "text of the first", "in"), out)


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.10g}"
