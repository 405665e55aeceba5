"""Molecules taken apart into a core and named groups: the raw material of differences in words.

A molecule is cut at single bonds outside rings, and at the double bonds of oxo and thioxo groups, wherever the smaller side has a name in
``substituents.tsv``.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from itertools import combinations
from typing import TYPE_CHECKING, Any

from rdkit import Chem

from nps_ident.chemistry.sites import Place, places_in

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Cut", "Dissected", "attached", "core_smiles", "cores", "dissected", "stripped"]

_LARGEST_GROUP = 16
"""Heavy atoms of a group: the largest of ``substituents.tsv`` has 14."""

_MOST_CUTS = 16
"""Named cuts of one molecule that are combined in pairs; fentanyls and cannabinoids have up to 12."""

_DOUBLE_ENDS = frozenset({8, 16})


@dataclass(frozen=True, slots=True)
class Cut:
    """A group and where it hangs."""

    site: int
    atoms: frozenset[int]
    smiles: str
    name: str


@dataclass(frozen=True, slots=True)
class Dissected:
    """A molecule with its named cuts, and the cores they leave: core SMILES to the cuts."""

    mol: Any
    cuts: tuple[Cut, ...]
    places: dict[int, Place]
    cores: tuple[dict[str, list[tuple[Cut, ...]]], ...]


@lru_cache(maxsize=1)
def _group_names() -> dict[str, str]:
    with (resources.files("nps_ident.chemistry") / "substituents.tsv").open(encoding="utf-8") as lines:
        return {Chem.MolToSmiles(Chem.MolFromSmiles(row["smiles"])): row["name"] for row in csv.DictReader(lines, delimiter="\t")}


def _beyond(mol: Any, site: int, first: int) -> frozenset[int]:
    """Collect the atoms on the far side of the bond from ``site`` to ``first``; the bond is in no ring."""
    seen, waiting = {site, first}, [first]
    while waiting:
        for neighbour in mol.GetAtomWithIdx(waiting.pop()).GetNeighbors():
            if neighbour.GetIdx() not in seen:
                seen.add(neighbour.GetIdx())
                waiting.append(neighbour.GetIdx())
    return frozenset(seen - {site})


def _group_smiles(mol: Any, site: int, atoms: frozenset[int]) -> str:
    """Write a group with ``*`` where it hangs."""
    part = Chem.RWMol(mol)
    part.ReplaceAtom(site, Chem.Atom(0))
    part.BeginBatchEdit()
    for atom in range(mol.GetNumAtoms()):
        if atom != site and atom not in atoms:
            part.RemoveAtom(atom)
    part.CommitBatchEdit()
    return str(Chem.MolToSmiles(part))


def _named_cuts(mol: Any) -> tuple[Cut, ...]:
    names, cuts = _group_names(), []
    for bond in mol.GetBonds():
        terminal_double = bond.GetBondType() == Chem.BondType.DOUBLE and any(
            end.GetDegree() == 1 and end.GetAtomicNum() in _DOUBLE_ENDS for end in (bond.GetBeginAtom(), bond.GetEndAtom())
        )
        if bond.IsInRing() or not (bond.GetBondType() == Chem.BondType.SINGLE or terminal_double):
            continue
        for site, first in ((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()), (bond.GetEndAtomIdx(), bond.GetBeginAtomIdx())):
            atoms = _beyond(mol, site, first)
            small = len(atoms) <= min(_LARGEST_GROUP, 2 * mol.GetNumAtoms() // 3)
            if not small or mol.GetAtomWithIdx(site).GetFormalCharge():
                continue
            smiles = _group_smiles(mol, site, atoms)
            if smiles in names:
                cuts.append(Cut(site, atoms, smiles, names[smiles]))
    return tuple(sorted(cuts, key=lambda cut: (len(cut.atoms), cut.smiles, cut.site)))


def stripped(mol: Any, cuts: Sequence[Cut], *, marked: bool = False) -> Any:
    """Take groups off, hydrogens in their place; None where that leaves no molecule.

    Every atom keeps its old index in the property ``origin``; ``marked`` numbers the places in the order given.
    """
    core = Chem.RWMol(mol)
    for atom in core.GetAtoms():
        atom.SetIntProp("origin", atom.GetIdx())
    for number, cut in enumerate(cuts, 1):
        site = core.GetAtomWithIdx(cut.site)
        order = sum(int(bond.GetBondTypeAsDouble()) for bond in site.GetBonds() if bond.GetOtherAtomIdx(cut.site) in cut.atoms)
        if site.GetIsAromatic() and site.GetAtomicNum() == 7:
            site.SetNumExplicitHs(site.GetNumExplicitHs() + order)
        if marked:
            site.SetAtomMapNum(number)
    core.BeginBatchEdit()
    for removed in sorted(removed for cut in cuts for removed in cut.atoms):
        core.RemoveAtom(removed)
    core.CommitBatchEdit()
    try:
        Chem.SanitizeMol(core)
    except (Chem.AtomValenceException, Chem.KekulizeException):
        return None
    return core


def core_smiles(mol: Any, cuts: Sequence[Cut], *, marked: bool = False) -> str | None:
    """Write what is left without some groups; None where nothing sensible is."""
    core = stripped(mol, cuts, marked=marked)
    return None if core is None else str(Chem.MolToSmiles(core))


@lru_cache(maxsize=2048)
def dissected(smiles: str) -> Dissected:
    """Take a molecule apart in every way that one named group allows.

    Parameters
    ----------
    smiles : str
        Canonical, without stereochemistry and isotopes.
    """
    mol = Chem.MolFromSmiles(smiles)
    cuts = _named_cuts(mol)
    hanging: dict[int, list[str]] = defaultdict(list)
    for cut in cuts:
        hanging[cut.site].append(cut.name)
    singles: dict[str, list[tuple[Cut, ...]]] = defaultdict(list)
    for cut in cuts:
        core = core_smiles(mol, (cut,))
        if core:
            singles[core].append((cut,))
    return Dissected(mol, cuts, places_in(mol, hanging), ({smiles: [()]}, dict(singles)))


@lru_cache(maxsize=512)
def _pairs(smiles: str) -> dict[str, list[tuple[Cut, ...]]]:
    """Remove two groups at a time that do not touch."""
    molecule = dissected(smiles)
    found: dict[str, list[tuple[Cut, ...]]] = defaultdict(list)
    for first, second in combinations(molecule.cuts[:_MOST_CUTS], 2):
        apart = not first.atoms & second.atoms and first.site not in second.atoms and second.site not in first.atoms
        core = core_smiles(molecule.mol, (first, second)) if apart else None
        if core:
            found[core].append((first, second))
    return dict(found)


def cores(smiles: str, n_cuts: int) -> dict[str, list[tuple[Cut, ...]]]:
    """List the cores that removing so many groups leaves: core SMILES to the groups that were removed.

    Parameters
    ----------
    smiles : str
        As :func:`dissected` takes it.
    n_cuts : {0, 1, 2}
    """
    return _pairs(smiles) if n_cuts == 2 else dissected(smiles).cores[n_cuts]


def attached(core: Any, additions: Sequence[tuple[int, str]]) -> str | None:
    """Put groups on atoms of a core; None where a valence forbids it."""
    mol = Chem.RWMol(core)
    for site, smiles in additions:
        group = Chem.MolFromSmiles(smiles)
        dummy = next(atom for atom in group.GetAtoms() if atom.GetAtomicNum() == 0)
        bond = dummy.GetBonds()[0]
        offset = mol.GetNumAtoms()
        mol.InsertMol(group)
        mol.AddBond(site, offset + bond.GetOtherAtomIdx(dummy.GetIdx()), bond.GetBondType())
        atom = mol.GetAtomWithIdx(site)
        atom.SetNumExplicitHs(max(0, atom.GetNumExplicitHs() - int(bond.GetBondTypeAsDouble())))
        mol.RemoveAtom(offset + dummy.GetIdx())
    try:
        Chem.SanitizeMol(mol)
    except (Chem.AtomValenceException, Chem.KekulizeException):
        return None
    return str(Chem.MolToSmiles(mol))
