"""The chemical class of a structure, by the patterns of ``drug_classes.tsv``.

Several patterns may match one structure: an NBOMe is also a phenethylamine.  The row that stands first wins, and the rows stand from the
specific to the general: opioid skeletons, ring systems, substituted phenethylamines, and the plain phenethylamines last.  A class is a
statement about structure, never about law.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from rdkit import Chem, rdBase

from nps_ident.chemistry.structures import parent_of
from nps_ident.errors import ChemistryError

__all__ = ["DrugClass", "drug_class_of", "drug_classes", "drug_classes_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DrugClass:
    """One row of the table, with its patterns compiled.

    Parameters
    ----------
    name : str
        The word used in results.
    effect_group : str
        The UNODC effect group.
    any_of, none_of : tuple of rdkit.Chem.Mol
        Compiled SMARTS: one of the first and none of the second must match.
    must_match, must_not_match : tuple of (str, str)
        Name and SMILES of structures that prove the row; the tests try all of them.
    source : str
    """

    name: str
    effect_group: str
    any_of: tuple[Any, ...]
    none_of: tuple[Any, ...]
    must_match: tuple[tuple[str, str], ...]
    must_not_match: tuple[tuple[str, str], ...]
    source: str

    def matches(self, mol: Any) -> bool:
        """Whether the structure is of this class, whatever other classes match too."""
        return any(mol.HasSubstructMatch(pattern) for pattern in self.any_of) and not any(
            mol.HasSubstructMatch(pattern) for pattern in self.none_of
        )


def _patterns(cell: str, row: str) -> tuple[Any, ...]:
    patterns = []
    for smarts in filter(None, (part.strip() for part in cell.split(" || "))):
        pattern = Chem.MolFromSmarts(smarts)
        if pattern is None:
            raise ChemistryError(f"drug_classes.tsv: {row}: {smarts!r} is no SMARTS.")
        patterns.append(pattern)
    return tuple(patterns)


def _examples(cell: str) -> tuple[tuple[str, str], ...]:
    pairs = (part.strip().partition("=") for part in cell.split("; ") if part.strip())
    return tuple((name, smiles) for name, _, smiles in pairs)


@lru_cache(maxsize=1)
def drug_classes() -> tuple[DrugClass, ...]:
    """Read the classes, in order of priority.

    Raises
    ------
    ChemistryError
        When a pattern of the table cannot be read.
    """
    with rdBase.BlockLogs(), (resources.files("nps_ident.chemistry") / "drug_classes.tsv").open(encoding="utf-8") as lines:
        rows = sorted(csv.DictReader(lines, delimiter="\t"), key=lambda row: int(row["priority"]))
        return tuple(
            DrugClass(
                name=row["class"],
                effect_group=row["effect_group"],
                any_of=_patterns(row["smarts_any_of"], row["class"]),
                none_of=_patterns(row["smarts_none_of"], row["class"]),
                must_match=_examples(row["must_match"]),
                must_not_match=_examples(row["must_not_match"]),
                source=row["source"],
            )
            for row in rows
        )


def drug_classes_of(structure: Any) -> tuple[str, ...]:
    """All classes that match the parent of a structure, the most specific first.

    Parameters
    ----------
    structure : str or rdkit.Chem.Mol
        As :func:`nps_ident.chemistry.structures.parent_of` takes it.

    Raises
    ------
    ChemistryError
        When the structure cannot be read.
    """
    mol = parent_of(structure).mol
    return tuple(drug_class.name for drug_class in drug_classes() if drug_class.matches(mol))


def drug_class_of(structure: Any) -> str | None:
    """Name the most specific class that matches the parent of a structure; None outside every class.

    Parameters
    ----------
    structure : str or rdkit.Chem.Mol
        As :func:`nps_ident.chemistry.structures.parent_of` takes it.

    Raises
    ------
    ChemistryError
        When the structure cannot be read.
    """
    return next(iter(drug_classes_of(structure)), None)
