"""The integer masses of the pieces of a molecule, and how many bonds must break for each: what an EI spectrum is held against.

Cuts are single bonds outside rings, or two bonds of one ring at once (as in a retro-Diels-Alder reaction); up to two cuts, one after the other.
Fragmentation by combinatorial disconnection: Heinonen et al. 2008 (FiD), doi:10.1002/rcm.3701; Ridder et al. 2012, doi:10.1002/rcm.6364.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

from nps_ident.chemistry.formula import nominal_mass

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MOST_ATOMS", "fewest_cuts"]

MOST_ATOMS = 80
"""Heavy atoms of a molecule that is cut at all; drugs have under 60, and a peptide must not stall a check."""

Bond = tuple[int, int]
_Ring = tuple[int, tuple[Bond, ...], list[tuple[tuple[Bond, ...], int | None]]]
"""Its atoms, its bonds, and the pairs of bonds with the side that each parts off the molecule; None where it stays together."""


def fewest_cuts(mol: Any) -> dict[int, int]:
    """Give the nominal mass of every piece, with its own hydrogens, and the fewest cuts that free a piece of that mass.

    Parameters
    ----------
    mol : rdkit.Chem.Mol
        Hydrogens implicit.

    Returns
    -------
    dict of int to int
        Nominal mass to 0 (the molecule), 1 or 2 cuts; empty for a molecule of more than ``MOST_ATOMS`` heavy atoms.
    """
    if mol.GetNumAtoms() > MOST_ATOMS:
        return {}
    whole = (1 << mol.GetNumAtoms()) - 1
    graph = _Graph(mol)
    once = set(graph.pieces(whole)) - {whole}
    twice = {piece for part in once for piece in graph.pieces(part)}
    cuts: dict[int, int] = {}
    for n_cuts, pieces in enumerate(({whole}, once, twice)):
        for piece in pieces:
            cuts.setdefault(graph.mass(piece), n_cuts)
    return cuts


class _Graph:
    """A molecule whose sets of atoms are the bits of integers."""

    def __init__(self, mol: Any) -> None:
        self.neighbours = [sum(1 << other.GetIdx() for other in atom.GetNeighbors()) for atom in mol.GetAtoms()]
        self.masses = [(atom.GetIsotope() or nominal_mass(atom.GetSymbol())) + atom.GetTotalNumHs() for atom in mol.GetAtoms()]
        bonds = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in mol.GetBonds()]
        chain = [bond for bond, found in zip(bonds, mol.GetBonds(), strict=True) if not found.IsInRing()]
        whole = (1 << mol.GetNumAtoms()) - 1
        # Such a bond parts every connected set of atoms that holds both its ends as it parts the molecule.
        self.bridges = [(1 << one | 1 << other, self._side(one, whole, ((one, other),))) for one, other in chain]
        # So do two bonds of a ring for every set that holds the ring; where other rings keep the molecule together, each set is looked at.
        self.rings: list[_Ring] = []
        for ring in mol.GetRingInfo().BondRings():
            own = tuple(bonds[index] for index in ring)
            pairs = [(pair, self._side(pair[0][0], whole, pair)) for pair in combinations(own, 2)]
            atoms = sum(1 << atom for atom in {atom for bond in own for atom in bond})
            self.rings.append((atoms, own, [(pair, side if side != whole else None) for pair, side in pairs]))

    def mass(self, atoms: int) -> int:
        return sum(mass for index, mass in enumerate(self.masses) if atoms >> index & 1)

    def pieces(self, atoms: int) -> Iterator[int]:
        """Both sides of every cut of a connected set of atoms."""
        for ends, side in self.bridges:
            if atoms & ends == ends:
                yield atoms & side
                yield atoms & ~side
        for ring, bonds, pairs in self.rings:
            if atoms & ring == ring:
                for cut, known in pairs:
                    yield from self._sides(atoms, self._side(cut[0][0], atoms, cut) if known is None else known)
            else:  # a ring that was opened before is a chain now
                for bond in bonds:
                    if atoms >> bond[0] & 1 and atoms >> bond[1] & 1:
                        yield from self._sides(atoms, self._side(bond[0], atoms, (bond,)))

    @staticmethod
    def _sides(atoms: int, side: int) -> Iterator[int]:
        if atoms & ~side:
            yield atoms & side
            yield atoms & ~side

    def _side(self, start: int, atoms: int, cut: tuple[Bond, ...]) -> int:
        """The atoms that still hang together with ``start`` when the bonds are cut."""
        seen = fresh = 1 << start
        while fresh:
            lowest = fresh & -fresh
            fresh ^= lowest
            index = lowest.bit_length() - 1
            new = self.neighbours[index] & atoms & ~seen
            for one, other in cut:
                if index == one:
                    new &= ~(1 << other)
                elif index == other:
                    new &= ~(1 << one)
            seen |= new
            fresh |= new
        return seen
