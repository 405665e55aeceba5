"""What ``nps-ident catalogue check`` notices of errors planted in the reference data, when the manifest is made anew as well.

    python -m benchmarks.accuracy.planted_errors --data DATA          # prints, and writes results/planted_errors.json
    python -m benchmarks.accuracy.planted_errors --write-statistics   # makes nps_ident/catalogue/ei_statistics.tsv from the EI records that ship

Planted in every record in turn: all ions one mass unit higher or lower; the InChIKey of another record (a random one, a random one of the same
drug class).  EI records are judged by statistics that have not seen their compound (two halves by compound), with the limits that ship.
With the development data, also shifted whole EI spectra of compounds that the starter library does not have, judged as it ships.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.accuracy.cross_fit import RESULTS
from benchmarks.accuracy.settings import SEED
from nps_ident.catalogue import checks
from nps_ident.catalogue.ei_checks import molecules_of_rows, nominal_ions, record_faults, strongest_ions
from nps_ident.catalogue.ei_plausibility import learn, molecules_of, shipped_statistics, statistics_rows
from nps_ident.catalogue.principal_ions import EI_TABLE, MSMS_TABLE
from nps_ident.catalogue.rules import RULES
from nps_ident.catalogue.store import reference_folder
from nps_ident.io.reading import read_spectra
from nps_ident.model import Severity
from nps_ident.spectra.peaks import MIN_PEAKS

if TYPE_CHECKING:
    from collections.abc import Callable

    Row = dict[str, str]

STATISTICS = Path(checks.__file__).with_name("ei_statistics.tsv")
N_SWAPS = 10  # partners a record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write-statistics", action="store_true")
    parser.add_argument("--data", type=Path, help="folder of the development data")
    arguments = parser.parse_args()
    if arguments.write_statistics:
        write_statistics()
        return
    found = {"ei": ei(), "msms": msms()}
    if arguments.data:
        found["unseen"] = unseen(arguments.data / "ei" / "reference.msp")
    for technique, rows in found.items():
        for planted, counts in rows.items():
            n = counts["n"]
            rules = ", ".join(f"{code} {count / n:.3f}" for code, count in sorted(counts.items()) if code in RULES)
            print(f"{technique:<6} {planted:<22} n = {n:<5} error {counts['error'] / n:.3f}, or warning {counts['noticed'] / n:.3f}   ({rules})")
    if arguments.data:
        (RESULTS / "planted_errors.json").write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def table(name: str) -> list[Row]:
    with (reference_folder() / name).open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def write_statistics() -> None:
    """Learn from every EI record that ships."""
    substances = {row["inchikey"]: row for row in table("substances.tsv")}
    records = [(nominal_ions(row["peaks"]), row["inchikey"]) for row in table(EI_TABLE)]
    rows = statistics_rows(learn(records, molecules_of_rows({key: substances[key] for _, key in records})))
    text = "\n".join("\t".join(row) for row in [("kind", "value", "log_odds"), *rows]) + "\n"
    STATISTICS.write_text(text, encoding="utf-8")


def shifted(peaks: str, by: int) -> str:
    decimals = max(len(part.partition(":")[0].partition(".")[2]) for part in peaks.split(" "))
    moved = ((float(mz) + by, percent) for mz, _, percent in (part.partition(":") for part in peaks.split(" ")))
    return " ".join(f"{mz:.{decimals}f}:{percent}" for mz, percent in moved)


def ei() -> dict[str, Counter[str]]:
    substances = {row["inchikey"]: row for row in table("substances.tsv")}
    rows = table(EI_TABLE)
    molecules = molecules_of_rows(substances)
    names = {key: row["name"] for key, row in substances.items()}
    compounds = sorted({row["inchikey"][:14] for row in rows})
    half = dict(zip(compounds, np.random.default_rng(SEED).permutation(len(compounds)) % 2, strict=True))
    unseen = [
        learn([(nominal_ions(row["peaks"]), row["inchikey"]) for row in rows if half[row["inchikey"][:14]] != side], molecules)
        for side in (0, 1)
    ]

    def faults(row: Row, compound: str) -> set[str]:
        codes: set[str] = set()
        checks._check_ei(row, substances.get(row["inchikey"]), lambda code, _: codes.add(code))
        if not codes:
            statistics = unseen[half[compound]]
            codes = {code for code, _, _ in record_faults(nominal_ions(row["peaks"]), row["inchikey"], molecules, names, statistics)}
        return codes

    return planted(rows, substances, faults)


def msms() -> dict[str, Counter[str]]:
    substances = {row["inchikey"]: row for row in table("substances.tsv")}

    def faults(row: Row, _: str) -> set[str]:
        codes: set[str] = set()
        checks._check_msms(row, substances.get(row["inchikey"]), lambda code, _: codes.add(code))
        return codes

    return planted(table(MSMS_TABLE), substances, faults)


def unseen(path: Path) -> dict[str, Counter[str]]:
    """Count what is noticed of shifted whole spectra, one a compound that the starter library lacks; only rules that need no other molecule."""
    shipped = {row["inchikey"][:14] for row in table(EI_TABLE)}
    statistics = shipped_statistics()
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for spectrum in read_spectra(path):
        label = spectrum.label
        compound = (label.inchikey or "")[:14]
        if not (compound and label.smiles and label.formula) or compound in shipped or label.isotope_labelled or "." in label.smiles:
            continue
        ions = strongest_ions(spectrum)
        if len(ions) < MIN_PEAKS:
            continue
        shipped.add(compound)
        molecules = molecules_of({compound: (label.smiles, label.formula)})
        for by in (0, 1, -1):
            moved = tuple((mz + by, percent) for mz, percent in ions)
            codes = {code for code, _, _ in record_faults(moved, compound, molecules, {compound: ""}, statistics)}
            errors = [code for code in codes if RULES[code].severity is Severity.ERROR]
            what = f"shifted by {by:+d}" if by else "nothing"
            found[what].update({"n": 1, "noticed": int(bool(codes)), "error": int(bool(errors)), **dict.fromkeys(codes, 1)})
    return dict(found)


def planted(rows: list[Row], substances: dict[str, Row], faults: Callable[[Row, str], set[str]]) -> dict[str, Counter[str]]:
    """Count the records that are noticed, by what was planted: ``n``, ``noticed``, and each rule."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    chosen = np.random.default_rng(SEED)
    by_class: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        by_class[substances[row["inchikey"]]["drug_class"]].append(row["inchikey"])

    def count(what: str, row: Row, compound: str) -> None:
        codes = faults(row, compound)
        errors = [code for code in codes if RULES[code].severity is Severity.ERROR]
        found[what].update({"n": 1, "noticed": int(bool(codes)), "error": int(bool(errors)), **dict.fromkeys(codes, 1)})

    for row in rows:
        key = row["inchikey"]
        own_class = by_class[substances[key]["drug_class"]] if substances[key]["drug_class"] else []
        count("nothing", row, key[:14])
        for by in (1, -1):
            count(f"shifted by {by:+d}", {**row, "peaks": shifted(row["peaks"], by)}, key[:14])
        for what, others in (("another's key", [other["inchikey"] for other in rows]), ("another's, same class", own_class)):
            able = sorted({other for other in others if other[:14] != key[:14]})
            for other in chosen.choice(able, min(N_SWAPS, len(able)), replace=False).tolist() if able else ():
                count(what, {**row, "inchikey": other}, key[:14])
    return dict(found)


if __name__ == "__main__":
    main()
