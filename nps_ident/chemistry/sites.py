"""Names for places in a molecule: ring atoms with their locants, and chain atoms that chemists have words for.

The rows of ``ring_names.tsv`` and ``site_names.tsv`` are tried in order; in the SMARTS of a ring the atom-map number is the locant.  A name
is given only where it means one place: if a second ring would bear the same name, the next row is tried, and in the end there is no name.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from rdkit import Chem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Place", "places_in"]

_BENZENE = Chem.MolFromSmarts("[c;R1]1[c;R1][c;R1][c;R1][c;R1][c;R1]1")
_MOST_MATCHES = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A named place.

    Parameters
    ----------
    label : str
        What stands before the substituent's name: ``4-``, ``N-``, ``alpha-``.
    name : str
        ``aniline ring``, ``amine nitrogen``.
    in_ring : bool
    """

    label: str
    name: str
    in_ring: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    name: str
    name_if_only_phenyl: str
    pattern: Any
    locants: tuple[tuple[int, int], ...]


def _table(name: str) -> list[dict[str, str]]:
    with (resources.files("nps_ident.chemistry") / name).open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


@lru_cache(maxsize=1)
def _rings() -> tuple[_Row, ...]:
    rows = []
    for row in _table("ring_names.tsv"):
        pattern = Chem.MolFromSmarts(row["smarts"])
        locants = tuple((atom.GetIdx(), atom.GetAtomMapNum()) for atom in pattern.GetAtoms() if atom.GetAtomMapNum())
        rows.append(_Row(name=row["name"], name_if_only_phenyl=row["name_if_only_phenyl"], pattern=pattern, locants=locants))
    return tuple(rows)


@lru_cache(maxsize=1)
def _chain_sites() -> tuple[tuple[str, str, Any], ...]:
    return tuple((row["prefix"], row["name"], Chem.MolFromSmarts(row["smarts"])) for row in _table("site_names.tsv"))


def _matches(mol: Any, row: _Row) -> list[dict[int, int]]:
    """All ways to lay a ring's numbering over a molecule: atom to locant."""
    found = mol.GetSubstructMatches(row.pattern, uniquify=False, maxMatches=_MOST_MATCHES)
    return [{match[index]: locant for index, locant in row.locants} for match in found]


def _display_name(mol: Any, row: _Row) -> str:
    return row.name_if_only_phenyl if len(mol.GetSubstructMatches(_BENZENE)) == 1 else row.name


def _one_place(mol: Any, groups: set[frozenset[int]]) -> bool:
    """Whether all groups of atoms are one, or equal by symmetry."""
    ranks = list(Chem.CanonicalRankAtoms(mol, breakTies=False))
    return len({tuple(sorted(ranks[atom] for atom in group)) for group in groups}) == 1


def _numbered(numberings: list[dict[int, int]], substituents: Mapping[int, Sequence[str]]) -> dict[int, int]:
    """Choose the numbering with the lowest locants; between equals the substituent first in the alphabet gets the lower one."""

    def order(numbering: dict[int, int]) -> tuple[tuple[int, ...], tuple[tuple[str, int], ...]]:
        named = sorted((name, locant) for atom, locant in numbering.items() for name in substituents.get(atom, ()))
        return tuple(sorted(locant for _, locant in named)), tuple(named)

    return min(numberings, key=order)


def places_in(mol: Any, substituents: Mapping[int, Sequence[str]]) -> dict[int, Place]:
    """Name every atom of a molecule that has a name of its own.

    Parameters
    ----------
    mol : rdkit.Chem.Mol
    substituents : mapping of int to sequence of str
        Names of what hangs on each atom; decides between numberings of a symmetric ring.

    Returns
    -------
    dict of int to Place
        Atom index to place; atoms without an unambiguous name are absent.
    """
    places: dict[int, Place] = {}
    rows = _rings()
    numberings = [_matches(mol, row) for row in rows]
    names = [_display_name(mol, row) if found else "" for row, found in zip(rows, numberings, strict=True)]
    named_rings: dict[str, set[frozenset[int]]] = defaultdict(set)
    for name, found in zip(names, numberings, strict=True):
        named_rings[name].update(frozenset(numbering) for numbering in found)
    for name, found in zip(names, numberings, strict=True):
        if not found or not _one_place(mol, named_rings[name]):
            continue
        by_ring: dict[frozenset[int], list[dict[int, int]]] = defaultdict(list)
        for numbering in found:
            by_ring[frozenset(numbering)].append(numbering)
        for ways in by_ring.values():
            for atom, locant in _numbered(ways, substituents).items():
                places.setdefault(atom, Place(label=f"{locant}-", name=name, in_ring=True))
    for prefix, name, pattern in _chain_sites():
        atoms = {match[0] for match in mol.GetSubstructMatches(pattern)}
        if atoms and _one_place(mol, {frozenset({atom}) for atom in atoms}):
            for atom in sorted(atoms):
                places.setdefault(atom, Place(label=prefix, name=name, in_ring=False))
    return places
