"""Fragment lists, m/z without intensities, computed from cited diagnostic ions.

A diagnostic ion of the public sheet enters when it is marked as verified there.  For a class it is listed as such; for a substance it is
listed when a pattern of ``fragment_rules.tsv`` says that the structure can form it.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from rdkit import Chem

from nps_ident.chemistry.formula import ELECTRON_MASS, exact_mass

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

COLUMNS = ["subject", "inchikey", "technique", "polarity", "mz", "ion_formula", "meaning", "source"]
_TECHNIQUES = {"EI": "EI-MS", "ESI": "MS/MS"}


def ion_mass(ion: str) -> float:
    """Compute the m/z of a singly charged cation such as ``C7H7+`` or ``C19H21NO4+.``: the atoms less one electron."""
    return exact_mass(ion.rstrip(".").removesuffix("+")) - ELECTRON_MASS


def _cited(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [row for row in rows if row["mark"] == "verified" and row["kind"] in {"cation", "radical cation"}]


def rows(ions: Path, rules: Path, substances: Sequence[dict[str, str]]) -> Iterator[dict[str, str]]:
    """Make the lines of the table: the ions of each class, then those of each substance that the rules name."""
    cited = _cited(ions)
    for row in cited:
        yield _line(row["class"], "", row)
    by_ion = {(row["class"], row["mode"], row["ion_formula"]): row for row in cited}
    with rules.open(encoding="utf-8", newline="") as lines:
        patterns = [(by_ion[rule["class"], rule["mode"], rule["ion_formula"]], rule) for rule in csv.DictReader(lines, delimiter="\t")]
    compiled = [(row, rule["drug_class"], Chem.MolFromSmarts(rule["smarts"])) for row, rule in patterns]
    for substance in substances:
        mol = Chem.MolFromSmiles(substance["smiles"])
        found = [row for row, drug_class, pattern in compiled if drug_class == substance["drug_class"] and mol.HasSubstructMatch(pattern)]
        for row in {id(row): row for row in found}.values():
            yield _line(substance["name"], substance["inchikey"], row)


def _line(subject: str, inchikey: str, row: dict[str, str]) -> dict[str, str]:
    return {
        "subject": subject,
        "inchikey": inchikey,
        "technique": _TECHNIQUES[row["mode"]],
        "polarity": "positive",
        "mz": f"{ion_mass(row['ion_formula']):.4f}",
        "ion_formula": row["ion_formula"],
        "meaning": row["meaning"],
        "source": f"computed from the formula; ion: {row['evidence']}",
    }
