"""In what two isomers differ: the question before "which technique tells them apart?".

Isomers are compared as graphs in which parts are drawn together: a ring system to one point, an alkyl group to one point.  Two molecules
that become equal when their ring systems are points differ in a position on a ring, and so on; the kinds are tried from the smallest difference
to the largest.  Equal means the same stable colours of the points (Weisfeiler and Lehman 1968); what that cannot tell apart is rare among drugs,
and costs a less apt kind, never a wrong identity.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from rdkit import Chem, rdBase

from nps_ident.chemistry.relations import canonical_tautomer_key, is_merely_less_specified
from nps_ident.chemistry.structures import connectivity_key, inchikey_of

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["Isomerism", "isomerism_of"]


class Isomerism(StrEnum):
    """In what two isomers differ, from the smallest difference to the largest."""

    ENANTIOMERS = "enantiomers"
    DIASTEREOMERS = "diastereomers"
    DOUBLE_BOND = "double-bond geometry"
    STEREOCHEMISTRY = "stereochemistry not given"
    TAUTOMERS = "tautomers"
    METHYLENEDIOXY_POSITION = "position about a methylenedioxy ring"
    RING_POSITION = "position on an aromatic ring"
    FUSED_RING_POSITION = "position on a fused ring"
    SATURATED_RING_POSITION = "position on a saturated ring"
    CHAIN_BRANCHING = "branching of an alkyl group"
    CHAIN_POSITION = "place on a chain"
    RING_AND_CHAIN = "position on a ring and form of a chain"
    CARBON_DISTRIBUTION = "carbons distributed otherwise"
    RING_ATOM = "atom of a ring moved"
    OTHER_PART = "substituent on another part"
    FUNCTIONAL_GROUPS = "functional groups"
    RING_OR_DOUBLE_BOND = "a ring or a double bond"
    SKELETON = "skeleton"


# Groups that isomers may have in each other's stead; counted, since an IR spectrum shows them.
_GROUPS = tuple(
    Chem.MolFromSmarts(smarts)
    for smarts in (
        "[CX3](=O)[OX2H1]",
        "[CX3](=O)[OX2][#6]",
        "[CX3](=O)[NX3]",
        "[CX3H1](=O)[#6]",
        "[#6][CX3](=O)[#6]",
        "[OX2H][CX4]",
        "[OX2H]c",
        "[#6;!$(C=O)][OX2][#6;!$(C=O)]",
        "[NX3;!$(NC=[O,N,S]);!$(N[a])]",
        "[NX3;$(N[a])]",
        "C#N",
        "[N+](=O)[O-]",
        "[#16]",
        "[SX2H]",
    )
)

_BENZODIOXOLE = Chem.MolFromSmarts("c1cc2OCOc2cc1")


def isomerism_of(first: Any, second: Any) -> Isomerism:
    """Name the difference of two isomers.

    Parameters
    ----------
    first, second : rdkit.Chem.Mol
        Neutral parents of the same formula, which are not the same compound.

    Returns
    -------
    Isomerism
    """
    with rdBase.BlockLogs():
        if connectivity_key(first) == connectivity_key(second):
            return _stereoisomerism(first, second)
        one, other = (Chem.MolFromSmiles(Chem.MolToSmiles(Chem.RemoveHs(mol), isomericSmiles=False)) for mol in (first, second))
        if _skeleton(one) == _skeleton(other):
            if canonical_tautomer_key(one) == canonical_tautomer_key(other):
                return Isomerism.TAUTOMERS
            return Isomerism.RING_OR_DOUBLE_BOND if _groups(one) == _groups(other) else Isomerism.FUNCTIONAL_GROUPS
        return _constitution(one, other)


def _stereoisomerism(first: Any, second: Any) -> Isomerism:
    mirrored = Chem.Mol(first)
    for atom in mirrored.GetAtoms():
        atom.InvertChirality()
    if inchikey_of(mirrored) == inchikey_of(second):
        return Isomerism.ENANTIOMERS
    if is_merely_less_specified(first, second):
        return Isomerism.STEREOCHEMISTRY
    flat = []
    for mol in (first, second):
        copy = Chem.Mol(mol)
        for atom in copy.GetAtoms():
            atom.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
        flat.append(Chem.MolToSmiles(copy))
    return Isomerism.DIASTEREOMERS if flat[0] == flat[1] else Isomerism.DOUBLE_BOND


def _constitution(one: Any, other: Any) -> Isomerism:
    def equal(**drawn: bool) -> bool:
        return _colours(one, **drawn) == _colours(other, **drawn)

    if equal(rings=True):
        return _ring_position(one, other)
    if equal(terminal_alkyls=True):
        return Isomerism.CHAIN_BRANCHING
    if equal(alkyls=True):
        return Isomerism.CHAIN_POSITION
    if equal(rings=True, alkyls=True):
        return Isomerism.RING_AND_CHAIN
    if equal(rings=True, alkyls=True, ring_atoms=False):
        return Isomerism.RING_ATOM
    if equal(rings=True, alkyls=True, sizes=False, terminal_gone=True):
        return Isomerism.CARBON_DISTRIBUTION
    if _bare(one) == _bare(other):
        return Isomerism.OTHER_PART
    if _groups(one) != _groups(other):
        return Isomerism.FUNCTIONAL_GROUPS
    rings = [mol.GetRingInfo().NumRings() for mol in (one, other)]
    return Isomerism.SKELETON if rings[0] == rings[1] else Isomerism.RING_OR_DOUBLE_BOND


def _ring_position(one: Any, other: Any) -> Isomerism:
    """Say on which ring system the place differs: the one that changes its look when its bonds outwards are marked."""
    looks = [Counter(_ring_look(mol, ring) for ring in _ring_systems(mol)) for mol in (one, other)]
    changed = sorted((looks[0] - looks[1]).keys() or (looks[1] - looks[0]).keys())
    if any(Chem.MolFromSmiles(look.replace("*", "[H]")).HasSubstructMatch(_BENZODIOXOLE) for look in changed):
        return Isomerism.METHYLENEDIOXY_POSITION
    rings = [Chem.MolFromSmiles(look) for look in changed]
    if rings and not any(atom.GetIsAromatic() for ring in rings for atom in ring.GetAtoms()):
        return Isomerism.SATURATED_RING_POSITION
    fused = any(ring.GetRingInfo().NumRings() > 1 for ring in rings)
    return Isomerism.FUSED_RING_POSITION if fused else Isomerism.RING_POSITION


def _ring_systems(mol: Any) -> list[frozenset[int]]:
    """Rings that share an atom, as sets of atoms."""
    systems: list[set[int]] = []
    for ring in map(set, mol.GetRingInfo().AtomRings()):
        joined = [system for system in systems if system & ring]
        systems = [system for system in systems if not system & ring] + [ring.union(*joined)]
    return sorted((frozenset(system) for system in systems), key=min)


def _ring_look(mol: Any, ring: frozenset[int]) -> str:
    """Write a ring system with what hangs on it as ``*``, so that places count and substituents do not."""
    part = Chem.RWMol(mol)
    for bond in mol.GetBonds():
        ends = {bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()}
        inside = ends & ring
        if len(inside) == 1 and bond.GetBondType() == Chem.BondType.SINGLE:
            [site] = inside
            part.RemoveBond(*sorted(ends))
            part.AddBond(site, part.AddAtom(Chem.Atom(0)), Chem.BondType.SINGLE)
    return next(str(Chem.MolToSmiles(_only(part, atoms))) for atoms in Chem.GetMolFrags(part) if ring & set(atoms))


def _only(mol: Any, atoms: Collection[int]) -> Any:
    """Copy some atoms of a molecule and the bonds between them."""
    part = Chem.RWMol(mol)
    part.BeginBatchEdit()
    for atom in range(mol.GetNumAtoms()):
        if atom not in atoms:
            part.RemoveAtom(atom)
    part.CommitBatchEdit()
    return part


def _skeleton(mol: Any) -> str:
    """Write a molecule with all bonds single and no hydrogens counted: what stays when only hydrogens and double bonds move."""
    copy = Chem.RWMol(mol)
    for bond in copy.GetBonds():
        bond.SetBondType(Chem.BondType.SINGLE)
        bond.SetIsAromatic(False)
    for atom in copy.GetAtoms():
        atom.SetIsAromatic(False)
        atom.SetFormalCharge(0)
        atom.SetNoImplicit(True)
        atom.SetNumExplicitHs(0)
    return str(Chem.MolToSmiles(copy))


def _alkyl_groups(mol: Any) -> list[frozenset[int]]:
    """Connected saturated carbon atoms outside rings, as sets of atoms."""
    wanted = {
        atom.GetIdx()
        for atom in mol.GetAtoms()
        if atom.GetAtomicNum() == 6 and atom.GetHybridization() == Chem.HybridizationType.SP3 and not atom.IsInRing()
    }
    groups: list[set[int]] = []
    while wanted:
        group, waiting = set(), [wanted.pop()]
        while waiting:
            group.add(atom := waiting.pop())
            near = {other.GetIdx() for other in mol.GetAtomWithIdx(atom).GetNeighbors()} & wanted
            wanted -= near
            waiting += near
        groups.append(group)
    return sorted((frozenset(group) for group in groups), key=min)


def _outside(mol: Any, atoms: frozenset[int]) -> int:
    """Count the bonds from a set of atoms to others."""
    return sum(other.GetIdx() not in atoms for atom in atoms for other in mol.GetAtomWithIdx(atom).GetNeighbors())


def _colours(
    mol: Any,
    *,
    rings: bool = False,
    alkyls: bool = False,
    terminal_alkyls: bool = False,
    ring_atoms: bool = True,
    sizes: bool = True,
    terminal_gone: bool = False,
) -> tuple[int, ...]:
    """Colour the points of a molecule in which ring systems or alkyl groups are points, until the colours are stable.

    Parameters
    ----------
    rings, alkyls, terminal_alkyls : bool
        What is drawn together; ``terminal_alkyls`` are the alkyl groups with one bond outwards.
    ring_atoms : bool
        Whether the elements of a ring have their places, or only their numbers.
    sizes : bool
        Whether the number of carbons of an alkyl group counts.
    terminal_gone : bool
        Leave out the alkyl groups with one bond outwards.
    """
    place: dict[int, int] = {}
    labels: dict[int, str] = {}
    if rings:
        for ring in _ring_systems(mol):
            labels[min(ring)] = _ring_label(mol, ring, ring_atoms=ring_atoms)
            place.update(dict.fromkeys(ring, min(ring)))
    gone: set[int] = set()
    for group in _alkyl_groups(mol):
        terminal = _outside(mol, group) == 1
        if terminal and terminal_gone:
            gone |= group
        elif alkyls or (terminal and terminal_alkyls):
            labels[min(group)] = f"alkyl {len(group) if sizes else ''}"
            place.update(dict.fromkeys(group, min(group)))
    for atom in mol.GetAtoms():
        if atom.GetIdx() not in place and atom.GetIdx() not in gone:
            place[atom.GetIdx()] = atom.GetIdx()
            hydrogens = "" if terminal_gone else atom.GetTotalNumHs()
            labels[atom.GetIdx()] = f"{atom.GetSymbol()}{hydrogens}{atom.GetFormalCharge()}{atom.GetIsAromatic()}"
    near: dict[int, list[tuple[int, str]]] = {point: [] for point in labels}
    for bond in mol.GetBonds():
        ends = (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())
        if not gone & set(ends) and place[ends[0]] != place[ends[1]]:
            for begin, end in (ends, ends[::-1]):
                near[place[begin]].append((place[end], str(bond.GetBondType())))
    return _stable(labels, near)


def _stable(labels: dict[int, str], near: dict[int, list[tuple[int, str]]]) -> tuple[int, ...]:
    """Refine colours by those of the neighbours as often as there are points, which is always enough."""
    colours = {point: _hash(label) for point, label in labels.items()}
    for _ in labels:
        colours = {point: _hash(f"{colour}{sorted((colours[other], bond) for other, bond in near[point])}") for point, colour in colours.items()}
    return tuple(sorted(colours.values()))


def _hash(text: str) -> int:
    """A hash that is the same in every process."""
    from zlib import crc32

    return crc32(text.encode())


def _ring_label(mol: Any, ring: frozenset[int], *, ring_atoms: bool) -> str:
    atoms = [mol.GetAtomWithIdx(atom) for atom in sorted(ring)]
    elements = sorted((atom.GetSymbol(), atom.GetIsAromatic()) for atom in atoms)
    if not ring_atoms:
        return f"{elements}{sorted(len(system) for system in mol.GetRingInfo().AtomRings() if ring.issuperset(system))}"
    return f"{_skeleton(_only(mol, ring))}{elements}"


def _bare(mol: Any) -> tuple[Counter[str], tuple[int, ...]]:
    """The small substituents of a molecule, and what it is without them."""
    taken: Counter[str] = Counter()
    part = Chem.RWMol(mol)
    part.BeginBatchEdit()
    for bond in mol.GetBonds():
        for site, first in (pair := (bond.GetBeginAtom(), bond.GetEndAtom())), pair[::-1]:
            small = _small_group(site, first)
            if small:
                taken[small[0]] += 1
                for atom in small[1]:
                    part.RemoveAtom(atom)
    part.CommitBatchEdit()
    return taken, _colours_without_hydrogens(part)


def _small_group(site: Any, first: Any) -> tuple[str, tuple[int, ...]] | None:
    """A halogen, hydroxyl, methyl or methoxy group on a carbon atom that is no carbonyl: its name and atoms."""
    acyl = any(bond.GetBondType() == Chem.BondType.DOUBLE and bond.GetOtherAtom(site).GetSymbol() == "O" for bond in site.GetBonds())
    if site.GetSymbol() != "C" or site.GetDegree() < 2 or acyl:
        return None
    if first.GetDegree() == 1 and first.GetSymbol() in {"F", "Cl", "Br", "I"}:
        return first.GetSymbol(), (first.GetIdx(),)
    if first.GetDegree() == 1 and first.GetTotalNumHs() == {"O": 1, "C": 3}.get(first.GetSymbol()):
        return first.GetSymbol(), (first.GetIdx(),)
    if first.GetSymbol() == "O" and first.GetDegree() == 2:
        [end] = [atom for atom in first.GetNeighbors() if atom.GetIdx() != site.GetIdx()]
        if end.GetDegree() == 1 and end.GetSymbol() == "C":
            return "OC", (first.GetIdx(), end.GetIdx())
    return None


def _colours_without_hydrogens(mol: Any) -> tuple[int, ...]:
    labels = {atom.GetIdx(): f"{atom.GetSymbol()}{atom.GetIsAromatic()}" for atom in mol.GetAtoms()}
    near: dict[int, list[tuple[int, str]]] = {point: [] for point in labels}
    for bond in mol.GetBonds():
        for begin, end in pairwise((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), bond.GetBeginAtomIdx())):
            near[begin].append((end, str(bond.GetBondType())))
    return _stable(labels, near)


def _groups(mol: Any) -> tuple[int, ...]:
    return tuple(len(mol.GetSubstructMatches(group)) for group in _GROUPS)
