"""Reading structures, and the parent that identifies a substance.

The parent is the largest organic fragment, neutralised, with its isotopes and stereochemistry kept.  Tautomers are not canonicalised: that
destroys stereochemistry (docs/structures.md).  Acids, bases and solvents of ``counter_ions.tsv`` are removed before the largest fragment is
taken, because amphetamine citrate is amphetamine although the acid is larger.  A permanent cation stays charged.

Of RDKit's log nothing is shown; what it says of a bad structure is put into the error.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from rdkit import Chem, rdBase
from rdkit.Chem import rdMolDescriptors
from rdkit.Chem.MolStandardize import rdMolStandardize

from nps_ident.chemistry.formula import ELECTRON_MASS
from nps_ident.errors import ChemistryError
from nps_ident.model import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Parent", "connectivity_key", "inchikey_of", "may_have_stereoisomers", "parent_of", "read_sdf", "read_structure"]

_LONGEST_LINE = 4000
"""Characters of a SMILES or InChI that are read; the longest of a drug has under 500, and a hostile one must not stall the reader."""

_MOST_ATOMS = 999
"""Heavy atoms of a structure that is read: the limit of the V2000 connection table (CTfile formats, BIOVIA 2020)."""

# RDKit types these two as untyped functions.
_FROM_INCHI: Any = Chem.MolFromInchi
_TO_INCHIKEY: Any = Chem.MolToInchiKey

# Covalently drawn salts: a bond between one of these metals and N, O, S or halogen is an ionic one.
_SALT_METALS = frozenset({3, 11, 19, 37, 55, 4, 12, 20, 38, 56, 13, 26, 29, 30, 47, 83})

# Carbonic, hydrocyanic, cyanic and thiocyanic acid, CO2 and CO: inorganic by convention (IUPAC Red Book 2005, ISBN 0-85404-438-8).
_INORGANIC_CARBON = frozenset({"CH2O3", "CHN", "CHNO", "CHNS", "CO2", "CO"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """What identifies a substance, and what was done to get there.

    Parameters
    ----------
    smiles : str
        Canonical isomeric SMILES of the toolkit version at hand.
    inchikey : str
    formula : str
        Hill order, isotopes apart (``C22H23D5N2O``), with the sign of a permanent charge.
    exact_mass : float
        Monoisotopic mass of its atoms, in Da; the electrons of a permanent charge are not counted, as in
        :func:`nps_ident.chemistry.formula.exact_mass`.
    charge : int
        0 but for permanent ions.
    isotope_labelled : bool
        Whether the structure names isotopes.
    salt_removed : bool
        Whether the structure had other fragments.
    charge_changed : bool
        Whether protons were added or removed to neutralise it.
    removed : tuple of str
        The other fragments, neutralised, as SMILES.
    findings : tuple of Finding
    mol : rdkit.Chem.Mol
        Not compared, not printed.
    """

    smiles: str
    inchikey: str
    formula: str
    exact_mass: float
    charge: int = 0
    isotope_labelled: bool = False
    salt_removed: bool = False
    charge_changed: bool = False
    removed: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    mol: Any = field(compare=False, repr=False, default=None)


def _shown(text: str) -> str:
    first = text.strip().splitlines()[0] if text.strip() else ""
    return repr(first[:60] + ("…" if len(first) > 60 else ""))


def _refused(text: str, why: str, expected: str) -> ChemistryError:
    why = " ".join(why.split())
    return ChemistryError(f"{_shown(text)}: {why}; expected {expected}.")


def _checked(mol: Any, text: str, expected: str) -> Any:
    """Return the molecule, or raise one sentence saying what is wrong with it."""
    if mol.GetNumAtoms() == 0:
        raise _refused(text, "the structure has no atoms", expected)
    if mol.GetNumHeavyAtoms() > _MOST_ATOMS:
        raise _refused(text, f"the structure has {mol.GetNumHeavyAtoms()} heavy atoms", f"at most {_MOST_ATOMS}")
    if any(atom.GetAtomicNum() == 0 or (atom.HasQuery() and not atom.GetSmarts()) for atom in mol.GetAtoms()):
        raise _refused(text, "the structure holds a wildcard or R-group, which is no one substance", "a complete structure")
    return mol


def _problem(unsanitised: Any) -> str:
    """Say what RDKit finds wrong with a structure whose syntax is good."""
    problems = Chem.DetectChemistryProblems(unsanitised)
    return problems[0].Message() if problems else "it cannot be made into a molecule"


def _from_smiles(text: str) -> Any:
    expected = "a SMILES such as CCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1"
    if ">" in text:
        raise _refused(text, "this is a reaction", expected)
    mol = Chem.MolFromSmiles(text)
    if mol is None:
        raw = Chem.MolFromSmiles(text, sanitize=False)
        raise _refused(text, _problem(raw) if raw is not None else "this cannot be read as SMILES", expected)
    return _checked(mol, text, expected)


def _from_inchi(text: str) -> Any:
    mol = _FROM_INCHI(text)
    expected = "an InChI such as InChI=1S/C8H10N4O2/c1-10-4-9-6-5(10)7(13)12(3)8(14)11(6)2/h4H,1-3H3"
    if mol is None:
        raise _refused(text, "this cannot be read as InChI", expected)
    return _checked(mol, text, expected)


def _from_mol_block(text: str) -> Any:
    expected = "a MOL block, V2000 or V3000"
    try:
        mol = Chem.MolFromMolBlock(text)
        if mol is None:
            raw = Chem.MolFromMolBlock(text, sanitize=False)
            raise _refused(text, _problem(raw) if raw is not None else "the MOL block cannot be read", expected)
    except (RuntimeError, ValueError, IndexError):
        raise _refused(text, "the MOL block cannot be read", expected) from None
    return _checked(mol, text, expected)


def _is_mol_block(text: str) -> bool:
    return re.search(r"^(?:.*V[23]000\s*|M {2}END\s*)$", text, re.MULTILINE) is not None


def read_sdf(text: str) -> Iterator[tuple[str, Any]]:
    """Read a MOL or SDF text, record by record.

    Parameters
    ----------
    text : str
        The content of the file, with any line ends.

    Yields
    ------
    tuple of (str, rdkit.Chem.Mol or ChemistryError)
        The record's title (its first line) and the structure, or the error that names its place; a bad record does not end the reading.

    Raises
    ------
    ChemistryError
        When there is no record at all.
    """
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    parts = re.split(r"^\$\$\$\$.*$", lines, flags=re.MULTILINE)
    records = [part.removeprefix("\n") if number else part for number, part in enumerate(parts)]
    if records and not records[-1].strip():
        records.pop()
    if not records:
        raise ChemistryError("The text is empty; expected a MOL block or an SDF.")
    for number, record in enumerate(records, 1):
        title = record.split("\n", 1)[0].strip()
        result: Any
        try:
            with rdBase.BlockLogs():
                result = _from_mol_block(record)
        except ChemistryError as error:
            result = error if len(records) == 1 else ChemistryError(f"Record {number} of the SDF: {error}")
        yield title, result


def read_structure(text: str) -> Any:
    """Read one structure: SMILES, InChI, a MOL block, or the only record of an SDF.

    Parameters
    ----------
    text : str

    Returns
    -------
    rdkit.Chem.Mol

    Raises
    ------
    ChemistryError
        In one sentence, when it is none of these, holds wildcards, breaks a valence, or is too large.
    """
    stripped = text.strip()
    if not stripped:
        raise ChemistryError("The structure is empty; expected SMILES, InChI or a MOL block.")
    if "\n" in stripped and _is_mol_block(text):
        records = list(read_sdf(text))
        if len(records) != 1:
            raise ChemistryError(f"The SDF holds {len(records)} structures; expected one.")
        [(_, mol)] = records
        if isinstance(mol, ChemistryError):
            raise mol
        return mol
    if len(stripped) > _LONGEST_LINE:
        raise _refused(text, f"the text has {len(stripped)} characters", f"at most {_LONGEST_LINE}")
    with rdBase.BlockLogs():
        if stripped.startswith("InChI="):
            return _from_inchi(stripped)
        if len(stripped.split()) > 1:
            raise _refused(text, "this is more than one word", "one SMILES, InChI or MOL block")
        return _from_smiles(stripped)


def inchikey_of(mol: Any) -> str:
    """Compute the standard InChIKey of a molecule as it stands: salt, charge, isotopes and all.

    Raises
    ------
    ChemistryError
        When InChI cannot describe it.
    """
    with rdBase.BlockLogs():
        key = str(_TO_INCHIKEY(mol))
    if not key:
        raise ChemistryError(f"{Chem.MolToSmiles(mol)[:60]!r} has no InChI; expected a structure of organic elements.")
    return key


def connectivity_key(mol: Any) -> str:
    """Compute the first block of the InChIKey: the connections and mobile hydrogens, without stereochemistry, isotopes and protonation."""
    return inchikey_of(mol)[:14]


def may_have_stereoisomers(smiles: str) -> bool:
    """Whether a structure has an atom or a double bond about which its parts can be arranged in two ways, stated or not."""
    return bool(len(Chem.FindPotentialStereo(read_structure(smiles))))


@lru_cache(maxsize=1)
def _counter_ions() -> dict[str, str]:
    """Map the connectivity of each acid, base and solvent that is removed to its name."""
    with (resources.files("nps_ident.chemistry") / "counter_ions.tsv").open(encoding="utf-8") as lines:
        return {connectivity_key(Chem.MolFromSmiles(row["smiles"])): row["name"] for row in csv.DictReader(lines, delimiter="\t")}


def _neutralised(mol: Any) -> Any:
    """Add or remove protons; permanent charges, and the ions that balance them inside one molecule, stay."""
    neutral = rdMolStandardize.Uncharger(canonicalOrder=True).uncharge(mol)
    Chem.SanitizeMol(neutral)
    return neutral


def _disconnected(mol: Any) -> Any:
    """Take apart a salt that is drawn with a bond to its metal."""
    if any(atom.GetAtomicNum() in _SALT_METALS and atom.GetDegree() for atom in mol.GetAtoms()):
        return rdMolStandardize.MetalDisconnector().Disconnect(mol)
    return mol


def _is_organic(mol: Any) -> bool:
    carbon = any(atom.GetAtomicNum() == 6 for atom in mol.GetAtoms())
    return carbon and rdMolDescriptors.CalcMolFormula(mol) not in _INORGANIC_CARBON


def _rank(mol: Any) -> tuple[bool, int, float, str]:
    """Organic before inorganic, then by heavy atoms, then mass, then SMILES, so that the order of writing does not matter."""
    return _is_organic(mol), mol.GetNumHeavyAtoms(), rdMolDescriptors.CalcExactMolWt(mol), Chem.MolToSmiles(mol)


def _chosen(fragments: list[Any]) -> tuple[Any, list[Any], tuple[Finding, ...]]:
    """Choose the fragment that is the substance; return it, the others, and what must be said about the choice."""
    if len(fragments) == 1:
        return fragments[0], [], ()
    known = _counter_ions()
    ordered = sorted(fragments, key=_rank, reverse=True)
    substances = [fragment for fragment in ordered if _rank(fragment)[0] and connectivity_key(fragment) not in known]
    parent = (substances or ordered)[0]
    others = [fragment for fragment in ordered if fragment is not parent]
    different = {connectivity_key(fragment) for fragment in substances if fragment.GetNumHeavyAtoms() > 4} - {connectivity_key(parent)}
    removed = ", ".join(sorted({known.get(connectivity_key(f)) or Chem.MolToSmiles(f) for f in others}))
    text = f"The other parts of the salt or solvate were set aside: {removed}."
    findings = [Finding(code="STRUC-001", severity=Severity.INFO, text=text)]
    if different:
        text = f"The structure holds {len(different) + 1} different organic parts that are no usual counter-ions; the largest was taken."
        findings.append(Finding(code="STRUC-002", severity=Severity.WARNING, text=text))
    return parent, others, tuple(findings)


_KEPT_WHOLE = Finding(code="STRUC-005", severity=Severity.INFO, text="An inorganic compound is kept whole, with its ions.")


def parent_of(structure: Any) -> Parent:
    """Find the parent of a structure: what the catalogue is keyed by.

    Parameters
    ----------
    structure : str or rdkit.Chem.Mol
        Anything :func:`read_structure` reads, or a molecule.

    Returns
    -------
    Parent

    Raises
    ------
    ChemistryError
        When the structure cannot be read, or has no InChI.
    """
    mol = read_structure(structure) if isinstance(structure, str) else structure
    with rdBase.BlockLogs():
        mol = Chem.RemoveHs(mol)
        parts = _disconnected(mol)
        pieces = list(Chem.GetMolFrags(parts, asMols=True, sanitizeFrags=True))
        neutral = [_neutralised(piece) for piece in pieces]
        changed, parent = False, parts
        others: list[Any] = []
        findings: tuple[Finding, ...] = (_KEPT_WHOLE,)
        if any(_is_organic(piece) for piece in neutral):
            parent, others, findings = _chosen(neutral)
            drawn = next(piece for piece, made in zip(pieces, neutral, strict=True) if made is parent)
            changed = Chem.MolToSmiles(drawn) != Chem.MolToSmiles(parent)
        # Through SMILES once, so that the answer does not depend on atom order or on leftovers of the way it was drawn.
        smiles = Chem.MolToSmiles(parent)
        parent = Chem.MolFromSmiles(smiles)
        if parent is None:
            raise ChemistryError(f"{smiles[:60]!r} cannot be made into a molecule again; expected a structure of organic elements.")
        smiles = Chem.MolToSmiles(parent)
        labelled = any(atom.GetIsotope() for atom in parent.GetAtoms())
        charge = Chem.GetFormalCharge(parent)
        if changed and not others:
            text = "The charged form was neutralised."
            findings = (*findings, Finding(code="STRUC-003", severity=Severity.INFO, text=text))
        if charge:
            text = "The structure is a permanent ion; it stays charged."
            findings = (*findings, Finding(code="STRUC-004", severity=Severity.INFO, text=text))
        return Parent(
            smiles=smiles,
            inchikey=inchikey_of(parent),
            formula=rdMolDescriptors.CalcMolFormula(parent, separateIsotopes=True, abbreviateHIsotopes=True),
            # RDKit leaves out the electrons that an ion lacks; here they are counted where an ion is made (formula.ion_mz).
            exact_mass=round(rdMolDescriptors.CalcExactMolWt(parent) + charge * ELECTRON_MASS, 6),
            charge=charge,
            isotope_labelled=labelled,
            salt_removed=bool(others),
            charge_changed=changed,
            removed=tuple(sorted(Chem.MolToSmiles(other) for other in others)),
            findings=findings,
            mol=parent,
        )
