"""Which peaks of a spectrum a structure explains: its pieces after one bond or ring is broken, or two.

Combinatorial bond breaking after Wolf, Schmidt, Müller-Hannemann and Neumann 2010 (MetFrag, doi:10.1186/1471-2105-11-148): single bonds
outside rings, and two bonds of a ring that is not aromatic; pieces of two breaks are the overlaps of two such pieces.  Hydrogens may move.
A piece explains the mass of a peak; it does not prove how the peak arose.

Of the breaks some are favoured (McLafferty and Tureček 1993, ISBN 0-935702-25-3, chapters 4 and 8): the charge stays on nitrogen after the
bond beside its carbon is broken (iminium), on a carbonyl group (acylium), or on the carbon beside a benzene ring (benzyl, tropylium).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from rdkit import Chem

from nps_ident.chemistry.formula import ELECTRON_MASS, exact_mass, nominal_mass

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Explained", "Pieces", "explained_accurate", "explained_nominal", "pieces_of"]

_MOST_ATOMS = 62
"""Heavy atoms whose sets fit into one integer; the largest drug of the catalogue has 45."""
_MOST_FIRST = 150
"""Pieces of one break that are combined in pairs."""
_LIGHTEST = 26
"""Lightest piece kept, in Da: C2H2."""

# Hydrogens that may move: after one break at no surprise, and those that surprise.
_SHIFTS_EI = ((0, -1, 1), (-2, 2, -3))
_SHIFTS_MSMS = ((0, -2, 1), (-1, 2, -3))

_IMINIUM = Chem.MolFromSmarts("[#6]-!@[CX4;$(C-[#7;!$(NC=[O,S]);!$(N-[#8])])]")
_ACYLIUM = Chem.MolFromSmarts("*-!@[CX3]=[O,S]")
_BENZYL = Chem.MolFromSmarts("*-!@[CX4;$(Cc)]")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pieces:
    """The pieces of a molecule.

    Parameters
    ----------
    nominal : ndarray of int64, shape (n_pieces,)
        Nominal mass of each piece with the hydrogens it has in the molecule.
    exact : ndarray of float64, shape (n_pieces,)
    level : ndarray of int64, shape (n_pieces,)
        0 for the favoured ones and the whole molecule, 1 after one break, 2 after two.
    """

    nominal: NDArray[np.int64]
    exact: NDArray[np.float64]
    level: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Explained:
    """How each peak is explained: 0 by a favoured piece, 1 by one break, 2 by two breaks or a surprising shift of hydrogen, 9 not at all."""

    level: NDArray[np.int64]
    missing: float
    """Share of the favoured pieces whose mass is not in the spectrum."""


def _bits(atoms: Any) -> int:
    return sum(1 << index for index in atoms)


def _components(mol: Any, broken: frozenset[int], neighbours: list[list[tuple[int, int]]]) -> list[int]:
    """The connected parts that are left when bonds are broken, as sets of atoms in bits."""
    left, parts = (1 << mol.GetNumAtoms()) - 1, []
    while left:
        start = (left & -left).bit_length() - 1
        seen, waiting = 1 << start, [start]
        while waiting:
            for atom, bond in neighbours[waiting.pop()]:
                if bond not in broken and not seen >> atom & 1:
                    seen |= 1 << atom
                    waiting.append(atom)
        parts.append(seen)
        left &= ~seen
    return parts


def _first_pieces(mol: Any) -> dict[int, int]:
    """Pieces of one break, with their level."""
    neighbours: list[list[tuple[int, int]]] = [[] for _ in range(mol.GetNumAtoms())]
    chain, aromatic = [], set()
    for bond in mol.GetBonds():
        index, begin, end = bond.GetIdx(), bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        neighbours[begin].append((end, index))
        neighbours[end].append((begin, index))
        if bond.GetIsAromatic():
            aromatic.add(index)
        elif bond.GetBondType() == Chem.BondType.SINGLE and not bond.IsInRing():
            chain.append((index, begin, end))
    # A match names the atom that is lost, then the atom that keeps the charge.
    favoured = {match[:2] for pattern in (_IMINIUM, _ACYLIUM, _BENZYL) for match in mol.GetSubstructMatches(pattern, uniquify=False)}
    pieces: dict[int, int] = {}
    for index, begin, end in chain:
        parts = _components(mol, frozenset({index}), neighbours)
        for near, far in ((begin, end), (end, begin)):
            part = next(part for part in parts if part >> far & 1)
            is_favoured = (near, far) in favoured
            pieces[part] = min(pieces.get(part, 1), 0 if is_favoured else 1)
    for ring in mol.GetRingInfo().BondRings():
        breakable = [index for index in ring if index not in aromatic]
        for pair in combinations(breakable, 2):
            parts = _components(mol, frozenset(pair), neighbours)
            if len(parts) > 1:
                for part in parts:
                    pieces.setdefault(part, 1)
    return pieces


def pieces_of(mol: Any) -> Pieces:
    """Break a molecule once and twice.

    Parameters
    ----------
    mol : rdkit.Chem.Mol
        Hydrogens implicit.

    Returns
    -------
    Pieces
        The whole molecule alone where it has more than 62 heavy atoms.
    """
    n_atoms = mol.GetNumAtoms()
    atoms = [(atom.GetSymbol(), atom.GetTotalNumHs()) for atom in mol.GetAtoms()]
    exact = np.array([exact_mass(symbol) + hydrogens * exact_mass("H") for symbol, hydrogens in atoms])
    nominal = np.array([nominal_mass(symbol) + hydrogens for symbol, hydrogens in atoms], dtype=np.int64)
    if n_atoms > _MOST_ATOMS:
        return Pieces(nominal=nominal.sum()[None], exact=exact.sum()[None], level=np.zeros(1, np.int64))
    first = _first_pieces(mol)
    ordered = sorted(first.items(), key=lambda item: (item[1], -item[0].bit_count(), item[0]))[:_MOST_FIRST]
    masks = np.array([mask for mask, _ in ordered], dtype=np.int64)
    whole = (1 << n_atoms) - 1
    known = np.array([whole, *first], dtype=np.int64)
    levels = np.array([0, *first.values()], dtype=np.int64)
    both = np.unique((masks[:, None] & masks[None, :]).ravel()) if len(masks) else np.empty(0, np.int64)
    second = np.setdiff1d(both[both > 0], known)
    every = np.concatenate([known, second])
    level = np.concatenate([levels, np.full(len(second), 2, np.int64)])
    has = (every[:, None] >> np.arange(n_atoms) & 1).astype(np.float64)
    masses = np.rint(has @ nominal).astype(np.int64)
    keep = masses >= _LIGHTEST
    return Pieces(nominal=masses[keep], exact=(has @ exact)[keep], level=level[keep])


def explained_nominal(pieces: Pieces, mz: NDArray[np.int64]) -> Explained:
    """Explain the peaks of an EI spectrum at unit mass.

    Parameters
    ----------
    pieces : Pieces
    mz : ndarray of int64, shape (n_peaks,)

    Returns
    -------
    Explained
    """
    size = int(max(pieces.nominal.max(initial=0), mz.max(initial=0))) + 5
    at = np.full(size, 9, np.int64)
    for surprise, shifts in enumerate(_SHIFTS_EI):
        for shift in shifts:
            places = pieces.nominal + shift
            # A favoured piece keeps its hydrogens; anything moved makes it one of many.
            level = np.where((pieces.level == 0) & (shift != 0), 1, pieces.level) if not surprise else np.full(len(places), 2, np.int64)
            good = places > 0
            np.minimum.at(at, places[good], level[good])
    favoured = np.unique(pieces.nominal[pieces.level == 0])
    here = np.zeros(size, bool)
    here[mz] = True
    missing = float(np.mean(~here[favoured])) if len(favoured) else 0.0
    return Explained(level=at[mz], missing=missing)


def explained_accurate(pieces: Pieces, mz: NDArray[np.float64], tolerance_da: NDArray[np.float64], *, polarity: int = 1) -> Explained:
    """Explain the fragments of a protonated or deprotonated molecule by accurate mass.

    Parameters
    ----------
    pieces : Pieces
    mz, tolerance_da : ndarray of float64, shape (n_peaks,)
    polarity : {1, -1}

    Returns
    -------
    Explained
    """
    hydrogen, level = exact_mass("H"), np.full(len(mz), 9, np.int64)
    for surprise, shifts in enumerate(_SHIFTS_MSMS):
        for shift in shifts:
            # Even-electron ions: a piece without its partner is short of one hydrogen, and a proton is a hydrogen without its electron.
            masses = pieces.exact + shift * hydrogen * polarity - polarity * ELECTRON_MASS
            order = np.argsort(masses, kind="stable")
            of_piece = np.where(pieces.level == 2, 2, pieces.level if not surprise else np.maximum(pieces.level, 1) + 1)[order]
            begin = np.searchsorted(masses[order], mz - tolerance_da)
            end = np.searchsorted(masses[order], mz + tolerance_da, side="right")
            for peak in np.flatnonzero(end > begin).tolist():
                level[peak] = min(level[peak], int(of_piece[begin[peak] : end[peak]].min()))
    return Explained(level=np.where(level > 2, np.where(level == 9, 9, 2), level), missing=0.0)
