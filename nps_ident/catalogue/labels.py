"""The label that a reference spectrum gets from its substance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nps_ident.model.spectrum import SubstanceLabel

if TYPE_CHECKING:
    from nps_ident.model.substance import Substance

__all__ = ["label_of"]


def label_of(substance: Substance) -> SubstanceLabel:
    """Write a substance as the label of its spectra.

    Parameters
    ----------
    substance : Substance

    Returns
    -------
    SubstanceLabel
        The names and numbers of the substance, without its class and status.
    """
    return SubstanceLabel(
        name=substance.name,
        synonyms=substance.synonyms,
        inchikey=substance.inchikey,
        smiles=substance.smiles,
        formula=substance.formula,
        cas=substance.cas,
        exact_mass=substance.exact_mass,
        isotope_labelled=substance.isotope_labelled,
    )
