"""How a structure is related to one of the catalogue, short of being an analogue of it."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rdkit import Chem, rdBase
from rdkit.Chem.MolStandardize import rdMolStandardize

from nps_ident.chemistry.structures import connectivity_key, inchikey_of
from nps_ident.errors import ChemistryError

if TYPE_CHECKING:
    from nps_ident.chemistry.structures import Parent

__all__ = ["Relation", "canonical_tautomer_key", "is_merely_less_specified", "relation_of", "without_isotopes"]

_MOST_TAUTOMERS = 200
"""Tautomers enumerated for a group key: drugs have under 100, and a polyketone must not stall the answer."""


class Relation(StrEnum):
    """The relation of a query to a substance of the catalogue, the closest first."""

    SAME = "same"
    SALT_OF = "salt_of"
    CHARGED_FORM_OF = "charged_form_of"
    STEREOISOMER_OF = "stereoisomer_of"
    ISOTOPOLOGUE_OF = "isotopologue_of"
    TAUTOMER_OF = "tautomer_of"
    ANALOGUE_OF = "analogue_of"


def without_isotopes(mol: Any) -> Any:
    """Copy a molecule without its isotope labels; stereochemistry that rests on a label alone goes with it.

    Parameters
    ----------
    mol : rdkit.Chem.Mol

    Returns
    -------
    rdkit.Chem.Mol
    """
    with rdBase.BlockLogs():
        copy = Chem.Mol(mol)
        for atom in copy.GetAtoms():
            atom.SetIsotope(0)
        return Chem.MolFromSmiles(Chem.MolToSmiles(Chem.RemoveHs(copy)))


def is_merely_less_specified(first: Any, second: Any) -> bool:
    """Whether one of two stereoisomers is the other one drawn with fewer stereocentres given, or none: nothing contradicts.

    Parameters
    ----------
    first, second : rdkit.Chem.Mol
        Of equal connectivity.

    Returns
    -------
    bool
    """
    return bool(first.HasSubstructMatch(second, useChirality=True) or second.HasSubstructMatch(first, useChirality=True))


@lru_cache(maxsize=1)
def _enumerator() -> Any:
    enumerator = rdMolStandardize.TautomerEnumerator()
    enumerator.SetMaxTautomers(_MOST_TAUTOMERS)
    return enumerator


def canonical_tautomer_key(mol: Any) -> str:
    """Key that tautomers share.  It groups and never identifies: it forgets stereochemistry and changes between RDKit versions.

    Parameters
    ----------
    mol : rdkit.Chem.Mol

    Returns
    -------
    str
        First block of the InChIKey of RDKit's canonical tautomer; of the molecule itself where that cannot be made.
    """
    with rdBase.BlockLogs():
        try:
            return connectivity_key(_enumerator().Canonicalize(without_isotopes(mol)))
        except (RuntimeError, ValueError, ChemistryError):
            return connectivity_key(mol)


def relation_of(query: Parent, other: Parent) -> Relation | None:
    """Name the relation between a query and a substance of the catalogue.

    Parameters
    ----------
    query, other : Parent

    Returns
    -------
    Relation or None
        None where they are different compounds, which may still be analogues.
    """
    if query.inchikey == other.inchikey:
        if query.salt_removed and not other.salt_removed:
            return Relation.SALT_OF
        return Relation.CHARGED_FORM_OF if query.charge_changed and not other.charge_changed else Relation.SAME
    if query.isotope_labelled or other.isotope_labelled:
        keys = [inchikey_of(without_isotopes(parent.mol)) for parent in (query, other)]
        if keys[0][:14] == keys[1][:14] and _isotopes(query.mol) != _isotopes(other.mol):
            return Relation.ISOTOPOLOGUE_OF
    if query.inchikey[:14] == other.inchikey[:14]:
        if query.inchikey[15:25] == other.inchikey[15:25] or query.charge != other.charge:
            return Relation.CHARGED_FORM_OF
        return Relation.ISOTOPOLOGUE_OF if _isotopes(query.mol) != _isotopes(other.mol) else Relation.STEREOISOMER_OF
    if query.formula == other.formula and canonical_tautomer_key(query.mol) == canonical_tautomer_key(other.mol):
        return Relation.TAUTOMER_OF
    return None


def _isotopes(mol: Any) -> str:
    """Write a molecule without stereochemistry but with its labels: equal where labels and their places are equal."""
    copy = Chem.Mol(mol)
    Chem.RemoveStereochemistry(copy)
    return str(Chem.MolToSmiles(copy))
