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
        self.rings: list[list[Bond]] = [[bonds[index] for index in ring] for ring in mol.GetRingInfo().BondRings()]
        chain = [bond for bond, found in zip(bonds, mol.GetBonds(), strict=True) if not found.IsInRing()]
        whole = (1 << mol.GetNumAtoms()) - 1
        # Such a bond parts every connected set of atoms that holds both its ends as it parts the molecule.
        self.bridges = [(1 << one | 1 << other, self._side(one, whole, ((one, other),))) for one, other in chain]

    def mass(self, atoms: int) -> int:
        return sum(mass for index, mass in enumerate(self.masses) if atoms >> index & 1)

    def pieces(self, atoms: int) -> Iterator[int]:
        """Both sides of every cut of a connected set of atoms."""
        for ends, side in self.bridges:
            if atoms & ends == ends:
                yield atoms & side
                yield atoms & ~side
        for cut in self._ring_cuts(atoms):
            side = self._side(cut[0][0], atoms, cut)
            if side != atoms:
                yield side
                yield atoms & ~side

    def _ring_cuts(self, atoms: int) -> Iterator[tuple[Bond, ...]]:
        for ring in self.rings:
            left = [bond for bond in ring if atoms >> bond[0] & 1 and atoms >> bond[1] & 1]
            # A ring that was opened before is a chain now.
            yield from combinations(left, 2) if len(left) == len(ring) else ((bond,) for bond in left)

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
