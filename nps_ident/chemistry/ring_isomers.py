"""Ring-position isomers of a structure: what a mass spectrum hardly tells from it, whether or not anybody has ever met them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rdkit import Chem, rdBase

from nps_ident.errors import ChemistryError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ring_isomers"]

_MOST_ATOMS = 70
"""Heavy atoms of a structure whose isomers are written out; peptides and other giants have too many, and no library holds them."""
_TO_INCHIKEY: Any = Chem.MolToInchiKey


@lru_cache(maxsize=1 << 15)
def ring_isomers(smiles: str) -> frozenset[str]:
    """The isomers in which one substituent of an aromatic ring stands at another free carbon of that ring.

    Parameters
    ----------
    smiles : str
        Stereochemistry is not looked at.

    Returns
    -------
    frozenset of str
        First blocks of InChIKeys, without the structure's own; empty where no ring has a substituent that could stand elsewhere.

    Raises
    ------
    ChemistryError
        When the SMILES cannot be read.
    """
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
        if mol is None:
            raise ChemistryError(f"{smiles[:80]!r} cannot be read as SMILES.")
        if mol.GetNumHeavyAtoms() > _MOST_ATOMS:
            return frozenset()
        Chem.RemoveStereochemistry(mol)
        flat = {Chem.MolToSmiles(moved): moved for moved in _moved(mol)}
        flat.pop(Chem.MolToSmiles(mol), None)
        return frozenset(_TO_INCHIKEY(moved)[:14] for moved in flat.values()) - {_TO_INCHIKEY(mol)[:14]}


def _moved(mol: Any) -> Iterator[Any]:
    rings = [ring for ring in mol.GetRingInfo().AtomRings() if all(mol.GetAtomWithIdx(i).GetIsAromatic() for i in ring)]
    for bond in mol.GetBonds():
        if bond.IsInRing() or bond.GetBondType() != Chem.BondType.SINGLE:
            continue
        ends = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        for site, group in (ends, ends[::-1]):
            if mol.GetAtomWithIdx(site).GetSymbol() != "C":  # a group on a ring's nitrogen is another kind of substance on its carbon
                continue
            for other in {i for ring in rings if site in ring for i in ring if _is_free(mol.GetAtomWithIdx(i))}:
                edited = Chem.RWMol(mol)
                edited.RemoveBond(site, group)
                edited.AddBond(other, group, Chem.BondType.SINGLE)
                moved = edited.GetMol()
                if Chem.SanitizeMol(moved, catchErrors=True) == Chem.SanitizeFlags.SANITIZE_NONE:
                    yield moved


def _is_free(atom: Any) -> bool:
    return bool(atom.GetSymbol() == "C" and atom.GetTotalNumHs() == 1)
