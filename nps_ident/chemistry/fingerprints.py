"""Morgan fingerprints, Tanimoto similarity over a whole catalogue, and Murcko scaffolds.

Stereochemistry, isotopes and charges do not enter: they are compared by name of the relation, never by similarity.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import rdFingerprintGenerator
from rdkit.Chem.Scaffolds import MurckoScaffold

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FINGERPRINT", "N_BITS", "counted_tanimoto", "flattened", "is_trivial_scaffold", "morgan_bits", "murcko_scaffold", "tanimoto"]

N_BITS = 2048
"""Length of a fingerprint; the usual folding of Morgan fingerprints of drugs (Riniker and Landrum 2013, doi:10.1186/1758-2946-5-26)."""

# RDKit types this one as an untyped function.
_SCAFFOLD: Any = MurckoScaffold.GetScaffoldForMol

_RADIUS = 2
"""Bonds around each atom: ECFP4 (Rogers and Hahn 2010, doi:10.1021/ci100050t)."""

FINGERPRINT = f"morgan{_RADIUS}-{N_BITS}"
"""Name of the recipe; part of every cached file's key."""


@lru_cache(maxsize=1)
def _generator() -> Any:
    return rdFingerprintGenerator.GetMorganGenerator(radius=_RADIUS, fpSize=N_BITS, includeChirality=False)


def flattened(mol: Any) -> Any:
    """Copy a molecule without isotopes and stereochemistry, as similarity and structural changes see it.

    Parameters
    ----------
    mol : rdkit.Chem.Mol

    Returns
    -------
    rdkit.Chem.Mol
        Read anew from its SMILES, labelled hydrogens made implicit.
    """
    with rdBase.BlockLogs():
        copy = Chem.Mol(mol)
        for atom in copy.GetAtoms():
            atom.SetIsotope(0)
            atom.SetAtomMapNum(0)
        Chem.RemoveStereochemistry(copy)
        return Chem.MolFromSmiles(Chem.MolToSmiles(Chem.RemoveHs(copy)))


def morgan_bits(mol: Any) -> NDArray[np.uint8]:
    """Compute the packed bit fingerprint of a molecule.

    Parameters
    ----------
    mol : rdkit.Chem.Mol

    Returns
    -------
    numpy.ndarray
        uint8, shape ``(N_BITS // 8,)``.
    """
    bits: NDArray[np.uint8] = np.packbits(_generator().GetFingerprintAsNumPy(flattened(mol)).astype(bool))
    return bits


def tanimoto(query: NDArray[np.uint8], catalogue: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Tanimoto similarity of one fingerprint to each of many.

    Parameters
    ----------
    query : numpy.ndarray
        Packed bits, uint8, shape ``(n_bytes,)``.
    catalogue : numpy.ndarray
        Packed bits, uint8, shape ``(n, n_bytes)``.

    Returns
    -------
    numpy.ndarray
        float64, shape ``(n,)``, in [0, 1]; 0 where both are empty.
    """
    if query.shape[-1] % 8 == 0 and catalogue.flags.c_contiguous:  # eight bytes at a time
        query, catalogue = np.ascontiguousarray(query).view(np.uint64), catalogue.view(np.uint64)
    shared = _counted(query & catalogue)
    either = _counted(catalogue) + _counted(query[None, :]) - shared
    similarity: NDArray[np.float64] = np.divide(shared, either, out=np.zeros(len(catalogue)), where=either > 0)
    return similarity


_SET_BITS = np.array([bin(byte).count("1") for byte in range(256)], dtype=np.uint8)


def _counted(packed: NDArray[Any]) -> NDArray[np.int64]:
    """Count set bits a row; by a table of 256 entries where numpy is older than 2.0 and cannot count bits."""
    of_each = np.bitwise_count(packed) if hasattr(np, "bitwise_count") else _SET_BITS[packed.view(np.uint8)]
    counts: NDArray[np.int64] = of_each.sum(axis=1, dtype=np.int64)
    return counts


def counted_tanimoto(first: Any, second: Any) -> float:
    """Tanimoto similarity of the two count fingerprints, which bits alone make 1 for chains of different length.

    Parameters
    ----------
    first, second : rdkit.Chem.Mol

    Returns
    -------
    float
        In [0, 1]: the sum of the smaller counts over the sum of the larger ones.
    """
    one, two = (_generator().GetCountFingerprint(flattened(mol)).GetNonzeroElements() for mol in (first, second))
    keys = one.keys() | two.keys()
    larger = sum(max(one.get(key, 0), two.get(key, 0)) for key in keys)
    return sum(min(one.get(key, 0), two.get(key, 0)) for key in keys) / larger if larger else 0.0


def murcko_scaffold(mol: Any) -> str:
    """Find the ring systems and their linkers (Bemis and Murcko 1996, doi:10.1021/jm9602928) as canonical SMILES.

    Parameters
    ----------
    mol : rdkit.Chem.Mol

    Returns
    -------
    str
        Empty for a molecule without rings.
    """
    with rdBase.BlockLogs():
        return str(Chem.MolToSmiles(_SCAFFOLD(flattened(mol))))


@lru_cache(maxsize=8192)
def is_trivial_scaffold(scaffold: str) -> bool:
    """Whether a scaffold says nothing about kinship: no ring, one ring, or two.

    Half of all drugs share 32 such frameworks, benzene first (Bemis and Murcko 1996, doi:10.1021/jm9602928); kinship of small drugs is
    what the drug classes are for.
    """
    if not scaffold:
        return True
    mol = Chem.MolFromSmiles(scaffold)  # named, because the ring information dies with it
    return int(mol.GetRingInfo().NumRings()) < 3
