"""A substance on its way into the register: checked against itself and everything known."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nps_ident.catalogue.checks import is_cas
from nps_ident.catalogue.naming import check_name, lookalike_key
from nps_ident.catalogue.reference_check import check_reference
from nps_ident.chemistry.formula import exact_mass, hill_formula, parse_formula
from nps_ident.errors import CatalogueError, ChemistryError
from nps_ident.model import Finding, Severity, Substance

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nps_ident.catalogue.statements import Statement
    from nps_ident.catalogue.store import Catalogue
    from nps_ident.chemistry.structures import Parent
    from nps_ident.model import MassSpectrum

__all__ = ["Proposal", "check_proposal"]

_MASS_DA = 0.01
"""A stated exact mass may be rounded to two decimals, as labels and certificates do."""
_AVERAGE_MASS_DA = 0.1
"""A stated molecular weight may be rounded to one decimal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A checked substance with its spectra, ready for :meth:`nps_ident.catalogue.register.Register.propose`."""

    substance: Substance
    input: str
    spectra: tuple[MassSpectrum, ...]
    findings: tuple[Finding, ...]
    software: tuple[tuple[str, str], ...]


def check_proposal(
    statement: Statement, *, known: Sequence[Catalogue], spectra: Sequence[MassSpectrum] = (), register: Catalogue | None = None
) -> Proposal:
    """Check one substance and its spectra.

    Parameters
    ----------
    statement : Statement
    known : sequence of Catalogue
        What it must not repeat or contradict: the catalogue that ships.
    spectra : sequence of MassSpectrum
        As read.
    register : Catalogue, optional
        The user's own register; the same substance there may get more spectra.

    Returns
    -------
    Proposal
        ``findings`` say what is related, odd or assumed.

    Raises
    ------
    CatalogueError
        For an unreadable structure; an InChIKey, formula or mass of another one; a substance that is catalogued; a name or CAS number
        that is not one or belongs to another substance; a spectrum of another mass.
    """
    prefix = f"{statement.where}: " if statement.where else ""
    try:
        return _checked(statement, tuple(known), register, spectra)
    except (CatalogueError, ChemistryError) as error:
        raise CatalogueError(f"{prefix}{error}") from None


def _checked(
    statement: Statement, known: tuple[Catalogue, ...], register: Catalogue | None, spectra: Sequence[MassSpectrum]
) -> Proposal:
    from rdkit import rdBase

    from nps_ident.chemistry.drug_classes import drug_class_of
    from nps_ident.chemistry.structures import parent_of, read_structure

    mol = read_structure(statement.structure)
    parent = parent_of(mol)
    findings = [*parent.findings]
    _compare_stated(statement, mol, parent)
    for catalogue in known:
        same = catalogue.by_inchikey(parent.inchikey)
        if same:
            more = "; its salts and charged forms are the same substance" if parent.salt_removed or parent.charge_changed else ""
            way = "; its spectra can be searched from a library of your own ('nps-ident library build')" if spectra else ""
            raise CatalogueError(f"{parent.inchikey} is in the catalogue already, as {same.name!r}{more}{way}.")
    name = check_name(statement.name or parent.inchikey)
    mine = register.by_inchikey(parent.inchikey) if register else None
    if mine and not statement.name:
        name = mine.name
    elif not statement.name:
        findings.append(_finding("REG-101", Severity.WARNING, "No name was given; the InChIKey stands for it."))
    substance = Substance(
        inchikey=parent.inchikey,
        name=name,
        synonyms=tuple(check_name(synonym) for synonym in statement.synonyms),
        smiles=parent.smiles,
        formula=parent.formula,
        exact_mass=parent.exact_mass,
        cas=_cas(statement.cas),
        drug_class=drug_class_of(parent.mol),
        isotope_labelled=parent.isotope_labelled,
        status="proposed",
    )
    everything = (*known, *((register,) if register else ()))
    _refuse_taken(substance, everything)
    findings += _related(parent, everything)
    findings += _name_findings(substance, parent.mol)
    return Proposal(
        substance=substance,
        input=statement.structure,
        spectra=tuple(check_reference(spectrum, substance) for spectrum in spectra),
        findings=tuple(findings),
        software=(("rdkit", rdBase.rdkitVersion),),
    )


def _finding(code: str, severity: Severity, text: str) -> Finding:
    return Finding(code=code, severity=severity, text=text)


def _compare_stated(statement: Statement, mol: Any, parent: Parent) -> None:
    """What is stated beside the structure may describe it as drawn, salt and all, or its parent; nothing else."""
    from rdkit.Chem import Descriptors, rdMolDescriptors

    from nps_ident.chemistry.structures import inchikey_of

    if statement.inchikey:
        keys = {parent.inchikey, inchikey_of(mol)}
        if statement.inchikey.strip().upper() not in keys:
            raise CatalogueError(f"The stated InChIKey is {statement.inchikey[:40]!a}; expected {parent.inchikey} of the structure.")
    drawn = rdMolDescriptors.CalcMolFormula(mol, separateIsotopes=True, abbreviateHIsotopes=True)
    if statement.formula:
        stated = hill_formula(parse_formula(statement.formula))
        if stated not in {hill_formula(parse_formula(formula)) for formula in (parent.formula, drawn)}:
            raise CatalogueError(f"The stated formula is {statement.formula[:40]!a}; expected {parent.formula} of the structure.")
    if statement.mass is not None:
        exact = (parent.exact_mass, exact_mass(drawn))
        average = tuple(Descriptors.MolWt(each) for each in (parent.mol, mol))  # type: ignore[attr-defined]
        fits = any(abs(statement.mass - mass) <= _MASS_DA for mass in exact)
        fits = fits or any(abs(statement.mass - mass) <= _AVERAGE_MASS_DA for mass in average)
        if not fits:
            raise CatalogueError(f"The stated mass is {statement.mass:g}; expected {parent.exact_mass:.4f} of {parent.formula}.")


def _cas(text: str | None) -> str | None:
    cas = (text or "").strip()
    if cas and not is_cas(cas):
        raise CatalogueError(f"{cas[:40]!a} is no CAS number; expected one with the right check digit, such as 437-38-7.")
    return cas or None


def _refuse_taken(substance: Substance, everything: Sequence[Catalogue]) -> None:
    """A name or CAS number means one substance; so does a name that only looks like it."""
    wanted = {lookalike_key(name): name for name in (substance.name, *substance.synonyms)}
    for other in (known for catalogue in everything for known in catalogue.substances):
        if other.inchikey == substance.inchikey:
            continue
        for name in (other.name, *other.synonyms):
            taken = wanted.get(lookalike_key(name))
            if taken:
                alike = "" if taken.casefold() == name.casefold() else f", which looks like {name!r},"
                raise CatalogueError(f"The name {taken!a}{alike} is taken by {other.name!r} ({other.inchikey}); expected another one.")
        if substance.cas and other.cas == substance.cas:
            raise CatalogueError(f"CAS number {other.cas} belongs to {other.name!r} ({other.inchikey}); expected that of the structure.")


def _related(parent: Parent, everything: Sequence[Catalogue]) -> Iterator[Finding]:
    """What is known already and differs only in stereochemistry, isotopes, charge or the place of a proton."""
    from nps_ident.chemistry.relations import relation_of
    from nps_ident.chemistry.structures import parent_of

    for other in (known for catalogue in everything for known in catalogue.substances):
        near = other.inchikey and other.inchikey[:14] == parent.inchikey[:14]
        if other.inchikey == parent.inchikey or not other.smiles or not (near or other.formula == parent.formula):
            continue
        relation = relation_of(parent, parent_of(other.smiles))
        if relation:
            words = relation.value.replace("_of", "").replace("_", " ")
            article = "an" if words[0] in "aei" else "a"
            text = f"It is {article} {words} of {other.name} ({other.inchikey}), which is known already."
            yield _finding("REG-102", Severity.WARNING, text)


# Parts of names with the element that they promise; not after "des" or "de", which say that it is gone.
_PROMISED = (
    (re.compile(r"(?<!des)(?<!de)fluoro|(?<![A-Za-z])\d*F-", re.IGNORECASE), "F"),
    (re.compile(r"(?<!des)(?<!de)chloro", re.IGNORECASE), "Cl"),
    (re.compile(r"(?<!des)(?<!de)bromo", re.IGNORECASE), "Br"),
    (re.compile(r"(?<!des)(?<!de)iodo", re.IGNORECASE), "I"),
    (re.compile(r"nitro(?!gen)", re.IGNORECASE), "N"),
)
_LABELLED_NAME = re.compile(r"(?<![A-Za-z0-9])[dD]\d{1,2}(?![A-Za-z0-9])|deuter|\[2H|\(2H")


def _name_findings(substance: Substance, mol: Any) -> Iterator[Finding]:
    """Where the words of the name promise what the structure has not."""
    elements = {atom.GetSymbol() for atom in mol.GetAtoms()}
    for pattern, element in _PROMISED:
        said = pattern.search(substance.name)
        if said and element not in elements:
            text = f"The name says {said[0]!r}, but {substance.formula} holds no {element}."
            yield _finding("REG-103", Severity.WARNING, text)
    if _LABELLED_NAME.search(substance.name) and not substance.isotope_labelled:
        yield _finding("REG-104", Severity.WARNING, "The name is that of a labelled compound, but the structure names no isotope.")
