"""What would tell the members of an isomer set apart, pair by pair, from a table that a chemist can review (``separation.tsv``).

A row speaks for a kind of difference, of a drug class or of any, after a technique that was measured or after any; its techniques stand in the
order in which they settle most.  The row that says most about the pair is taken.  The kind comes from the structures
(:mod:`nps_ident.chemistry.isomerism`, which loads RDKit); where that is not needed, or no structure is at hand, from masses, formulae and keys.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from itertools import combinations
from typing import TYPE_CHECKING

from nps_ident.chemistry.formula import nominal_mass, parse_formula
from nps_ident.errors import ChemistryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nps_ident.model import Substance, Technique

__all__ = ["PairSeparation", "Separation", "in_order", "separated_by", "separated_by_set"]

ANOTHER_MASS = "another molecular mass"
ANOTHER_FORMULA = "same nominal mass, other formula"
STEREO_OPEN = "stereochemistry not given"
STEREO_NOT_COMPARED = "stereoisomers, structures not compared"
NOT_COMPARED = "isomers, structures not compared"
NOT_KNOWN = "not known"
ANY = "any"

_NO_STEREO = "UHFFFAOYSA"
"""Second block of the InChIKey of a structure without stereochemistry and isotopes (InChI Trust, InChI Technical FAQ, 2020)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Separation:
    """What tells two substances apart.

    Parameters
    ----------
    kind : str
        In what they differ, in the words of :class:`nps_ident.chemistry.isomerism.Isomerism` or of this module.
    techniques : tuple of str
        What would settle it, the most telling first.
    why : str
        One clause.
    source : str
        Where it was shown.
    """

    kind: str
    techniques: tuple[str, ...]
    why: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSeparation:
    """Two substances, in the order of the set, and what tells them apart."""

    first: Substance
    second: Substance
    separation: Separation

    def to_dict(self) -> dict[str, str | list[str | None] | list[str]]:
        """Write the pair as a JSON object."""
        what = self.separation
        members = [self.first.inchikey, self.second.inchikey]
        return {"members": members, "kind": what.kind, "techniques": list(what.techniques), "why": what.why, "source": what.source}

    def in_words(self) -> str:
        """One sentence for a report."""
        what = self.separation
        return f"{self.first.name} and {self.second.name} ({what.kind}): {', '.join(what.techniques)}; {what.why}."


@lru_cache(maxsize=1)
def _table() -> dict[tuple[str, str, str], Separation]:
    with (resources.files("nps_ident.confidence") / "separation.tsv").open(encoding="utf-8") as lines:
        return {
            (row["kind"], row["drug_class"], row["measured"]): Separation(
                kind=row["kind"], techniques=tuple(row["techniques"].split("|")), why=row["why"], source=row["source"]
            )
            for row in csv.DictReader(lines, delimiter="\t")
        }


def separated_by(first: Substance, second: Substance, technique: Technique) -> Separation:
    """Say what would tell two substances apart after a technique has failed to.

    Parameters
    ----------
    first, second : Substance
    technique : Technique
        What was measured; its name is left out of the answer.

    Returns
    -------
    Separation
        The row of the table for this kind of difference: of their common drug class and this technique, else of the class, else of the
        technique, else of the kind alone.
    """
    kind = _kind(first, second)
    drug_class = first.drug_class if first.drug_class and first.drug_class == second.drug_class else ANY
    rows = _table()
    for row_class, measured in ((drug_class, technique.value), (drug_class, ANY), (ANY, technique.value), (ANY, ANY)):
        if (kind, row_class, measured) in rows:
            row = rows[kind, row_class, measured]
            others = tuple(name for name in row.techniques if name != technique.value)
            return Separation(kind=kind, techniques=others, why=row.why, source=row.source)
    raise AssertionError(kind)  # the tests hold a row for each kind against this


def separated_by_set(substances: Sequence[Substance], technique: Technique) -> tuple[PairSeparation, ...]:
    """Say it for every pair of an isomer set, in the order of the set.

    Parameters
    ----------
    substances : sequence of Substance
        Members, the most probable first; ``n`` of them give ``n (n - 1) / 2`` pairs, each some 10 ms.
    """
    return tuple(
        PairSeparation(first=first, second=second, separation=separated_by(first, second, technique))
        for first, second in combinations(substances, 2)
    )


def in_order(pairs: Iterable[PairSeparation]) -> tuple[str, ...]:
    """Merge the techniques of all pairs into one list, the one that helps with most pairs, and most, first.

    Returns
    -------
    tuple of str
        Each technique once, by the sum of ``1 / place`` over the pairs; equal ones by name.
    """
    worth: dict[str, float] = {}
    for pair in pairs:
        for place, name in enumerate(pair.separation.techniques, 1):
            worth[name] = worth.get(name, 0.0) + 1 / place
    return tuple(sorted(worth, key=lambda name: (-worth[name], name)))


def _kind(first: Substance, second: Substance) -> str:
    """In what they differ, without RDKit where masses, formulae or keys already say it."""
    if first.inchikey and second.inchikey and first.inchikey[:14] == second.inchikey[:14]:
        return _stereo_kind(first, second)
    if first.formula and second.formula:
        try:
            formulae = [parse_formula(substance.formula or "") for substance in (first, second)]
            masses = [nominal_mass(substance.formula or "") for substance in (first, second)]
        except ChemistryError:
            return NOT_KNOWN
        if masses[0] != masses[1]:
            return ANOTHER_MASS
        if formulae[0] != formulae[1]:
            return ANOTHER_FORMULA
        return _compared(first, second) or NOT_COMPARED
    if first.exact_mass and second.exact_mass and round(first.exact_mass) != round(second.exact_mass):
        return ANOTHER_MASS
    return _compared(first, second) or NOT_KNOWN


def _stereo_kind(first: Substance, second: Substance) -> str:
    if first.isotope_labelled or second.isotope_labelled:
        return ANOTHER_MASS
    blocks = [str(substance.inchikey)[15:23] for substance in (first, second)]
    if _NO_STEREO[:8] in blocks:
        return STEREO_OPEN
    return _compared(first, second) or STEREO_NOT_COMPARED


def _compared(first: Substance, second: Substance) -> str | None:
    """In what the structures differ; None where one is missing or cannot be read, or they are no isomers."""
    if not first.smiles or not second.smiles:
        return None
    from rdkit.Chem import rdMolDescriptors

    from nps_ident.chemistry.isomerism import isomerism_of
    from nps_ident.chemistry.structures import read_structure

    try:
        mols = [read_structure(first.smiles), read_structure(second.smiles)]
        if len({rdMolDescriptors.CalcMolFormula(mol) for mol in mols}) > 1:
            return None
        return isomerism_of(*mols).value
    except ChemistryError:
        return None
