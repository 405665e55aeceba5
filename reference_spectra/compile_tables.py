"""Make the tables of this folder from the public files, byte for byte.

Usage::

    python reference_spectra/compile_tables.py --structures nps_structures.csv --ei reference.msp massbank_background_ei.msp.gz
        --msms reference.msp massbank_background.msp.gz --ions diagnostic_ions.tsv --out reference_spectra

The inputs are public lists and libraries as MSP (SWGDRUG 3.4, MassBank 2025.05.1, the structure table; docs/reference_data.md says where
they come from).  What may enter, and why, stands in ``admission.py`` and ``principal_ions.py``; what was decided by hand, in
``curated.tsv``.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import logging
import sys
from collections import defaultdict
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING

import admission
import fragments
import principal_ions
import rdkit

from nps_ident.chemistry.drug_classes import drug_class_of
from nps_ident.io.reading import scan_spectra
from nps_ident.model import Technique

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nps_ident.model import MassSpectrum

COLUMNS = ["inchikey", "name", "synonyms", "smiles", "formula", "exact_mass", "cas", "drug_class", "group", "sources", "licence"]
EI_COLUMNS = ["accession", "inchikey", "source", "licence", "contributor", "peaks"]
MSMS_COLUMNS = [field.name for field in fields(principal_ions.Row)]
GROUP_BY_HINT = (
    ("China supplementary list of non-medical drugs", "nps"),
    ("China psychotropic list 2", "medicine"),
    ("China psychotropic list 1", "classic drug"),
    ("China narcotic drugs list", "classic drug"),
    ("schedule_four", "medicine"),
    ("schedule_three", "medicine"),
    ("schedule_five", "medicine"),
)
NEW_BY_HINT = {
    "Psychedelics",
    "Dissociatives",
    "Entactogens",
    "Cannabinoid",
    "Phenethylamine",
    "Tryptamine",
    "Lysergamide",
    "pihkal",
    "fentanyl",
    "schedule_one",
}
_LOG = logging.getLogger("compile_tables")


def read_all(paths: Sequence[Path]) -> list[MassSpectrum]:
    """Read every spectrum of the files, faults logged."""
    return [spectrum for path in paths for spectrum in scan_spectra(path, report=lambda error: _LOG.warning("%s", error))]


def read_curated(path: Path) -> dict[str, list[dict[str, str]]]:
    """Read the rows of ``curated.tsv`` by what they do."""
    rows: dict[str, list[dict[str, str]]] = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            rows[row["action"]].append(row)
    return rows


def curated_entry(row: dict[str, str]) -> admission.Entry:
    """Make the entry of a substance added or corrected by hand; its structure, key and formula must agree."""
    structure = admission.structure_of(row["smiles"])
    if structure is None or (structure.inchikey, structure.formula) != (row["inchikey"], row["formula"]):
        raise SystemExit(f"curated.tsv: {row['name']}: structure, InChIKey and formula do not agree.")
    # Where the public lists suffice, the cell is empty; else it names what was read for this row, and what was checked against it.
    parts = [part for part in row["sources"].split(" | ") if part]
    names = [row["name"], *row["synonyms"].split("|")]
    return admission.Entry(
        structure=structure,
        names=names,
        sources={part: "facts only" for part in parts if not part.startswith("check: ")},
        checks=[part for part in parts if part.startswith("check: ")],
        group=row["group"],
        cas=[row["cas"]] if row["cas"] else [],
    )


def with_evidence(entries: list[admission.Entry], ei: Iterable[MassSpectrum], msms: Iterable[MassSpectrum]) -> None:
    """Add to each entry what spectrum records say: the library as a source, and a mass or precursor that agrees as a check."""
    by_skeleton: dict[str, list[admission.Entry]] = defaultdict(list)
    for entry in entries:
        by_skeleton[entry.structure.skeleton].append(entry)
    seen: set[tuple[int, str]] = set()
    for spectrum in (*ei, *msms):
        swgdrug = (spectrum.contributor or "").startswith("SWGDRUG")
        if not swgdrug and spectrum.licence not in principal_ions.ADMITTED_LICENCES:
            continue
        for entry in by_skeleton.get((spectrum.label.inchikey or "")[:14], ()):
            kind = "SWGDRUG MS library" if swgdrug else "MassBank"
            if (id(entry), kind) in seen or spectrum.label.isotope_labelled:
                continue
            if swgdrug:
                check = admission.stated_mass_agrees(spectrum, entry.structure)
            elif principal_ions.precursor_agrees(spectrum, entry.structure.exact_mass):
                check = f"check: precursor m/z {spectrum.precursor_mz:.4f} {spectrum.adduct} of {spectrum.accession}"
            else:
                check = None
            if check:
                seen.add((id(entry), kind))
                entry.checks.append(check)
                entry.sources.setdefault(kind, "public" if swgdrug else "CC BY / CC0 / DL-DE-BY")
                if not swgdrug and spectrum.label.cas and admission.valid_cas(spectrum.label.cas):
                    entry.cas.append(spectrum.label.cas)


def group_of(entry: admission.Entry, drug_class: str | None) -> str:
    """Find the group of a substance that no one set by hand: by the list it stands in, else new if it has a drug class, else medicine."""
    for hint, group in GROUP_BY_HINT:
        if hint in entry.hints:
            return group
    return "nps" if drug_class or entry.hints & NEW_BY_HINT else "medicine"


def single_source_admitted(entry: admission.Entry, with_spectra: set[str], chosen: set[str]) -> bool:
    """Whether one source and a check suffice: for a listed drug with an admitted spectrum, of a drug class or chosen by hand."""
    if not entry.checks or entry.structure.skeleton not in with_spectra or "MassBank" in entry.sources:
        return False
    return entry.structure.inchikey in chosen or drug_class_of(entry.structure.smiles) is not None


def substance_rows(
    entries: list[admission.Entry], curated: dict[str, list[dict[str, str]]], with_spectra: set[str]
) -> list[dict[str, str]]:
    """Make the rows of ``substances.tsv``: admitted entries with their settled names and numbers."""
    fixed = {row["inchikey"]: row for row in curated["substance"]}
    dropped = {row["inchikey"] for row in curated["drop"]}
    by_hand = {row["inchikey"]: row["group"] for row in curated["group"]}
    admitted = [
        entry
        for entry in entries
        if entry.structure.inchikey in fixed
        or (
            not {entry.structure.inchikey, entry.structure.skeleton} & dropped
            and (len(entry.sources) > 1 or single_source_admitted(entry, with_spectra, set(by_hand)))
        )
    ]
    renamed = {row["inchikey"]: row for row in curated["name"] if row["name"]}
    names_by_hand = {key: row["name"] for key, row in (fixed | renamed).items()}
    names = admission.settle_names(admitted, names_by_hand)
    numbers = admission.with_cas_settled(admitted, {key: row["cas"] for key, row in fixed.items() if row["cas"]})
    rows = []
    for entry in admitted:
        key, structure = entry.structure.inchikey, entry.structure
        if key not in names:
            _LOG.warning("no name left for %s %s", key, entry.names)
            continue
        name, synonyms = names[key]
        if key in renamed:
            synonyms = tuple(filter(None, renamed[key]["synonyms"].split("|")))
        drug_class = drug_class_of(structure.smiles)
        rows.append(
            {
                "inchikey": key,
                "name": name,
                "synonyms": "|".join(synonyms),
                "smiles": structure.smiles,
                "formula": structure.formula,
                "exact_mass": f"{structure.exact_mass:.5f}",
                "cas": numbers.get(key, ""),
                "drug_class": drug_class or "",
                "group": entry.group or by_hand.get(key) or group_of(entry, drug_class),
                "sources": " | ".join([*sorted(entry.sources), *sorted(set(entry.checks))[:2]]),
                "licence": " | ".join(sorted(set(entry.sources.values()))),
            }
        )
    return sorted(rows, key=lambda row: (row["name"].casefold(), row["inchikey"]))


def write_table(path: Path, columns: Sequence[str], rows: Iterable[dict[str, str]]) -> int:
    """Write a tab-separated UTF-8 table with Unix line ends; returns the number of rows."""
    lines = ["\t".join(columns), *("\t".join(row[column] for column in columns) for row in rows)]
    path.write_bytes(("\n".join(lines) + "\n").encode())
    return len(lines) - 1


def compile_tables(arguments: argparse.Namespace) -> dict[str, int]:
    """Make all tables; returns the rows of each."""
    here = Path(__file__).parent
    curated = read_curated(here / "curated.tsv")
    ei, msms = read_all(arguments.ei), [s for s in read_all(arguments.msms) if s.technique is not Technique.EI_MS]
    with arguments.structures.open(encoding="utf-8", newline="") as lines:
        entries = admission.entries_of_table(csv.DictReader(lines))
    admitted_ei = [s for s in ei if principal_ions.ei_admitted(s)]
    admitted_msms = [s for s in msms if principal_ions.msms_admitted(s)]
    permitted = [s.label for s in (*msms, *ei) if s.licence in principal_ions.ADMITTED_LICENCES]
    structures = {label.inchikey: label.smiles for label in permitted if label.inchikey and label.smiles}
    entries += admission.entries_of_spectra((s for s in admitted_ei if (s.contributor or "").startswith(principal_ions.DEA)), structures)
    by_hand = [curated_entry(row) for row in curated["substance"]]
    apart = {row["inchikey"][:14] for row in curated["apart"]}
    entries = merged_with_curated(admission.merge(entries, apart), by_hand, apart)
    with_evidence(entries, ei, msms)
    with_spectra = {(s.label.inchikey or "")[:14] for s in (*admitted_ei, *admitted_msms)}
    rows = substance_rows(entries, curated, with_spectra)
    by_skeleton: dict[str, list[tuple[str, frozenset[str], str, float]]] = defaultdict(list)
    for row in rows:
        names = frozenset(map(admission.folded, (row["name"], *row["synonyms"].split("|"))))
        by_skeleton[row["inchikey"][:14]].append((row["inchikey"], names, row["formula"], float(row["exact_mass"])))
    ei_rows = principal_ions.chosen_ei(
        filter(None, (principal_ions.ei_row(s, key, formula) for s, key, formula, _ in principal_ions.records_of(admitted_ei, by_skeleton)))
    )
    msms_rows = principal_ions.chosen_msms(
        filter(None, (principal_ions.msms_row(s, *what) for s, *what in principal_ions.records_of(admitted_msms, by_skeleton)))
    )
    tables = {
        "substances.tsv": (COLUMNS, rows),
        "ei_principal_ions.tsv": (EI_COLUMNS, map(asdict, ei_rows)),
        "msms_principal_ions.tsv": (MSMS_COLUMNS, map(asdict, msms_rows)),
        "fragment_lists.tsv": (fragments.COLUMNS, fragments.rows(arguments.ions, here / "fragment_rules.tsv", rows)),
    }
    return {name: write_table(arguments.out / name, columns, lines) for name, (columns, lines) in tables.items()}


def merged_with_curated(entries: list[admission.Entry], by_hand: list[admission.Entry], apart: set[str]) -> list[admission.Entry]:
    """Put the hand-checked substances in place of the listed ones with the same molecule, keeping what those add."""
    listed: dict[str, list[admission.Entry]] = defaultdict(list)
    for entry in entries:
        listed[entry.structure.skeleton].append(entry)
    replaced: set[int] = set()
    for own in by_hand:
        skeleton = own.structure.skeleton
        for entry in listed.get(skeleton, ()):
            if skeleton in apart and entry.structure.inchikey != own.structure.inchikey:
                continue
            replaced.add(id(entry))
            own.names += entry.names
            own.cas += entry.cas
            own.sources |= entry.sources
            own.checks += entry.checks
            own.hints |= entry.hints
    # Where stereoisomers are kept apart, only those checked by hand stand in the table: the lists confuse them.
    return [entry for entry in entries if id(entry) not in replaced and entry.structure.skeleton not in apart] + by_hand


def write_manifest(out: Path, counts: dict[str, int], date: str) -> None:
    """Size and SHA-256 of every table, so that a changed byte is noticed."""
    files = {
        name: {"rows": counts[name], "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name in sorted(counts)
        for data in [(out / name).read_bytes()]
    }
    examples = sorted(path for path in (out / "examples").glob("*") if path.is_file())
    manifest = {
        "schema": "nps-ident/reference-data/1",
        "date": date,
        "made_by": "compile_tables.py",
        "rdkit": rdkit.__version__,
        "licence": "See LICENCES.md: public domain, CC0, CC BY and DL-DE-BY records, as cited in each row.",
        "files": files,
        "examples": {path.name: {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()} for path in examples},
    }
    (out / "manifest.json").write_bytes((json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the compilation; exit status 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--structures", type=Path, required=True)
    parser.add_argument("--ei", type=Path, nargs="+", required=True)
    parser.add_argument("--msms", type=Path, nargs="+", required=True)
    parser.add_argument("--ions", type=Path, required=True, help="diagnostic ions: class, mode, ion formula, source, mark")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--date", default="2026-11-22", help="written into the manifest")
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    counts = compile_tables(arguments)
    write_manifest(arguments.out, counts, arguments.date)
    _LOG.info("%s", counts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
