"""The modifications by which known substances differ from each other, counted: what a maker of variants has been seen to change.

``modifications.tsv`` is counted from the catalogue by ``python -m benchmarks.accuracy.modification_pairs``; each row is a pattern that RDKit
applies (a reaction SMARTS in the formal sense: one structure in, one out), its name in words, and how many pairs of catalogue substances
differ by exactly it.  The rows are hypotheses for identification: which structure to look for, never how anything is made.
"""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rdkit import Chem, rdBase
from rdkit.Chem import rdChemReactions

from nps_ident.chemistry.formula import exact_mass
from nps_ident.errors import ChemistryError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["COLUMNS", "TABLE", "Modification", "applicable", "group_mass", "kind_of", "modified", "name_of", "pattern_of", "read_modifications"]

TABLE = Path(__file__).parent / "modifications.tsv"
COLUMNS = ("pattern", "name", "kind", "mass_shift_da", "n_pairs", "n_sites")

_HYDROGEN = "*[H]"
_MOST_PRODUCTS = 64
"""Products of one modification of one molecule: a drug has under 30 places of a kind."""

_NEUTRAL = re.compile(r"\[([A-Za-z][a-z]?(?:H\d?)?)\]")

_PLACES = {
    "c;r6": "on a six-membered aromatic ring",
    "c;r5": "on a five-membered aromatic ring",
    "n": "on an aromatic nitrogen",
    "N;R": "on a ring nitrogen",
    "N;!R;$(NC=[O,S])": "on an amide nitrogen",
    "N;!R": "on an amine nitrogen",
    "O": "on oxygen",
    "S": "on sulfur",
    "C;$(C=O)": "on a carbonyl carbon",
    "C;X4;R": "on a carbon of a saturated ring",
    "C;X4;!R;$(C[#7])": "on a chain carbon beside nitrogen",
    "C;X4;!R;$(C[c])": "on a chain carbon beside an aromatic ring",
    "C;X4;!R;$(C[#8,#16])": "on a chain carbon beside oxygen or sulfur",
    "C;X4;!R;D2": "at the end of a chain",
    "C;X4;!R;D3": "within a chain",
    "C;X4;!R;D4": "on a branched carbon of a chain",
    "*": "elsewhere",
    "": "between two parts",
}
"""Where a group hangs, in words; the keys are SMARTS of the atom that keeps it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Modification:
    """One row of the table.

    Parameters
    ----------
    pattern : str
        RDKit reaction SMARTS: the group with the atoms it hangs on, and what stands there instead.
    name : str
        In words: ``fluoro instead of hydrogen on a six-membered aromatic ring``.
    kind : str
        ``halogen``, ``alkyl``, ``oxygen``, ``nitrogen``, ``sulfur``, ``ring``, ``linker`` or ``position``: for those who review the table.
    mass_shift_da : float
        Monoisotopic.
    n_pairs : int
        Pairs of catalogue substances that differ by exactly this.
    n_sites : int
        Places in catalogue substances where it could be made, those equal by symmetry counted once.
    """

    pattern: str
    name: str
    kind: str
    mass_shift_da: float
    n_pairs: int
    n_sites: int

    @property
    def log_frequency(self) -> float:
        """Natural logarithm of the share of places at which the catalogue knows the changed substance too."""
        return math.log(self.n_pairs / max(self.n_sites, self.n_pairs))


@lru_cache(maxsize=1)
def read_modifications() -> tuple[Modification, ...]:
    """Read the table that ships, the most frequent modification first.

    Raises
    ------
    ChemistryError
        When a row is not in the form of the table.
    """
    with TABLE.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines, delimiter="\t")
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ChemistryError(f"{TABLE.name}: the columns are {reader.fieldnames}; expected {', '.join(COLUMNS)}.")
        return tuple(
            Modification(
                pattern=row["pattern"],
                name=row["name"],
                kind=row["kind"],
                mass_shift_da=float(row["mass_shift_da"]),
                n_pairs=int(row["n_pairs"]),
                n_sites=int(row["n_sites"]),
            )
            for row in reader
        )


@lru_cache(maxsize=8192)
def _compiled(pattern: str) -> Any:
    reaction = rdChemReactions.ReactionFromSmarts(pattern)
    reaction.Initialize()
    return reaction


@lru_cache(maxsize=8192)
def _needed(pattern: str) -> Any:
    return _compiled(pattern).GetReactantTemplate(0)


def applicable(mol: Any, modification: Modification) -> bool:
    """Whether a molecule has a place for a modification.

    Parameters
    ----------
    mol : rdkit.Chem.Mol
    modification : Modification
    """
    return bool(mol.HasSubstructMatch(_needed(modification.pattern)))


def modified(mol: Any, modification: Modification) -> Iterator[Any]:
    """Make every molecule that a modification turns another one into, each once.

    Parameters
    ----------
    mol : rdkit.Chem.Mol
        Without stereochemistry and isotopes (:func:`nps_ident.chemistry.fingerprints.flattened`).
    modification : Modification

    Yields
    ------
    rdkit.Chem.Mol
        Sanitised; products that break a valence are left out.
    """
    if not applicable(mol, modification):
        return
    reaction, seen = _compiled(modification.pattern), set()
    with rdBase.BlockLogs():
        for (product,) in reaction.RunReactants((mol,), maxProducts=_MOST_PRODUCTS):
            try:
                Chem.SanitizeMol(product)
            except Chem.MolSanitizeException:  # a valence broken, or a ring cut open that was aromatic
                continue
            smiles = Chem.MolToSmiles(product)
            if smiles in seen or "." in smiles:
                continue
            seen.add(smiles)
            yield product


@lru_cache(maxsize=1 << 16)
def pattern_of(context: str, before: str, after: str) -> str:
    """Write an exchange of groups as a reaction SMARTS.

    Parameters
    ----------
    context : str
        SMARTS of the atom that keeps the group, without brackets; empty where the group joins two parts.
    before, after : str
        SMILES with ``*`` where the group hangs (``[*:1]`` and ``[*:2]`` where it joins two parts); ``*[H]`` for hydrogen.
    """
    if not context:
        return f"{_exact(before, '')}>>{_rooted(after, exact=False)}"
    if before == _HYDROGEN:
        # A hydrogen is no bond to SMARTS: an end of a chain has one bond fewer before the group comes.
        degree = context.rpartition(";D")[2]
        here = context.replace(f";D{degree}", f";D{int(degree) - 1}") if degree.isdigit() else context
        return f"[{here};!H0:1]>>{_free(after, _kept(context))}"
    return f"{_exact(before, f'[{context}:1]')}>>{_free(after, _kept(context))}"


def _kept(context: str) -> str:
    """Element of the atom that keeps the group; the rest of it is not changed."""
    return context.partition(";")[0]


def _rooted(group: str, *, exact: bool) -> str:
    mol = Chem.MolFromSmiles(group)
    root = min((atom.GetAtomMapNum(), atom.GetIdx()) for atom in mol.GetAtoms() if atom.GetAtomicNum() == 0)[1]
    return str(Chem.MolToSmiles(mol, allHsExplicit=exact, rootedAtAtom=root))


def _exact(group: str, place: str) -> str:
    """A group as SMARTS whose atoms have exactly its hydrogens."""
    # Without a charge written, SMARTS would take the ammonium ion for the amine and lose a substituent.
    smarts = _NEUTRAL.sub(r"[\1+0]", _rooted(group, exact=True))
    if place:
        return smarts.replace("[*]", place, 1)
    # What joins two parts hangs on bonds outside rings: two carbons of a piperidine are no chain between two parts.
    return smarts.replace("[*:1]", "[*:1]!@", 1).replace("[*:2]", "!@[*:2]", 1)


def _free(group: str, kept: str) -> str:
    """A group as the product side writes it; hydrogen is put on the atom that is left."""
    if group == _HYDROGEN:
        return "[nH:1]" if kept == "n" else f"[{kept}:1]"
    return _rooted(group, exact=False).replace("*", "[n;H0:1]" if kept == "n" else f"[{kept}:1]", 1)


@lru_cache(maxsize=4096)
def group_mass(group: str) -> float:
    """Monoisotopic mass of a group in Da, without the atoms it hangs on.

    Parameters
    ----------
    group : str
        SMILES with dummies, as in :func:`pattern_of`.
    """
    if group == _HYDROGEN:
        return exact_mass("H")
    mol = Chem.MolFromSmiles(group)
    return math.fsum(
        exact_mass(atom.GetSymbol()) + atom.GetTotalNumHs() * exact_mass("H") for atom in mol.GetAtoms() if atom.GetAtomicNum() > 0
    )


@lru_cache(maxsize=1)
def _group_names() -> dict[str, str]:
    with (Path(__file__).parent / "substituents.tsv").open(encoding="utf-8") as lines:
        rows = csv.DictReader(lines, delimiter="\t")
        return {Chem.MolToSmiles(Chem.MolFromSmiles(row["smiles"])): row["name"] for row in rows}


# Groups between two parts, written from the first part on; names by IUPAC (Recommendations 2013, P-29.3, doi:10.1039/9781849733069).
_BETWEEN = {
    "[*:1]C[*:2]": "methylene",
    "[*:1]CC[*:2]": "ethylene",
    "[*:1]CCC[*:2]": "propylene",
    "[*:1]CCCC[*:2]": "butylene",
    "[*:1]C(C)[*:2]": "ethylidene",
    "[*:1]C(=O)[*:2]": "carbonyl",
    "[*:1]C(O)[*:2]": "hydroxymethylene",
    "[*:1]O[*:2]": "oxygen",
    "[*:1]S[*:2]": "sulfur",
    "[*:1]N[*:2]": "NH",
    "[*:1]c1ccc([*:2])cc1": "1,4-phenylene",
    "[*:1]c1cccc([*:2])c1": "1,3-phenylene",
    "[*:1]c1ccccc1[*:2]": "1,2-phenylene",
}


def _called(group: str) -> str:
    if group == _HYDROGEN:
        return "hydrogen"
    if "*:2" in group:
        written = _rooted(group, exact=False)
        return _BETWEEN.get(written) or f"the group {written}"
    return _group_names().get(group) or f"the group {group}"


@lru_cache(maxsize=1 << 16)
def name_of(context: str, before: str, after: str) -> str:
    """Name an exchange in words; a group that has no name of its own is told by its SMILES."""
    return f"{_called(after)} instead of {_called(before)} {_PLACES[context]}"


@lru_cache(maxsize=1 << 16)
def kind_of(before: str, after: str) -> str:
    """Sort an exchange for review, by what is exchanged."""
    if "*:2" in before:
        return "ring" if any(_rings(group) for group in (before, after)) else "linker"
    atoms = {atom.GetSymbol() for group in (before, after) if group != _HYDROGEN for atom in Chem.MolFromSmiles(group).GetAtoms()} - {"*"}
    if any(_rings(group) for group in (before, after)):
        return "ring"
    if atoms & {"F", "Cl", "Br", "I"}:
        return "halogen"
    for symbol, kind in (("S", "sulfur"), ("N", "nitrogen"), ("O", "oxygen")):
        if symbol in atoms:
            return kind
    return "alkyl"


def _rings(group: str) -> bool:
    mol = Chem.MolFromSmiles("*" if group == _HYDROGEN else group)  # named, because the ring information dies with it
    return bool(mol.GetRingInfo().NumRings() > 0)
