"""A substance of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Substance"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Substance:
    """One entry of the register.

    Parameters
    ----------
    inchikey : str or None
        Of the parent: largest fragment, neutral, isotopes and stereochemistry kept.  None only for a library record without structure.
    name : str
    drug_class : str or None
        In the words of ``nps_ident/chemistry/drug_classes.tsv``; None outside every class.
    exact_mass : float or None
        Monoisotopic mass of the neutral molecule, in Da.
    status : str
        ``confirmed`` or, for an entry of the user's own register that nobody has reviewed yet, ``proposed``.
    """

    inchikey: str | None
    name: str
    synonyms: tuple[str, ...] = ()
    smiles: str | None = None
    formula: str | None = None
    exact_mass: float | None = None
    cas: str | None = None
    drug_class: str | None = None
    isotope_labelled: bool = False
    status: str = "confirmed"

    @property
    def skeleton(self) -> str:
        """What mass spectrometry can tell apart at best: the InChIKey's first block; the whole key where isotopes are labelled.

        Without an InChIKey it is the folded name, so that two unnamed structures are never merged.
        """
        if self.inchikey is None:
            return f"name:{self.name.casefold()}"
        return self.inchikey if self.isotope_labelled else self.inchikey[:14]
