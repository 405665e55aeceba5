"""What a user may type for a structure, and how it is read: SMILES, InChI, InChIKey, a file, a name, a CAS number."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nps_ident.chemistry.structures import Parent, parent_of, read_sdf, read_structure
from nps_ident.errors import ChemistryError, InputError, NpsIdentError
from nps_ident.io.document import open_document
from nps_ident.model import Finding, Severity
from nps_ident.model.structure import StructureQuery

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nps_ident.catalogue.store import Catalogue
    from nps_ident.model import Substance

__all__ = ["Question", "is_file", "read_file", "read_question"]

_FILE_SUFFIXES = frozenset({".mol", ".sdf", ".sd", ".mdl", ".smi", ".smiles"})
_CAS = re.compile(r"(\d{2,7})-(\d{2})-(\d)")
_INCHIKEY = re.compile(r"[A-Z]{14}-[A-Z]{10}-[A-Z]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A query as read: what is written down, the parent that is searched, and what the reading found."""

    query: StructureQuery
    parent: Parent
    findings: tuple[Finding, ...]


def _asked(text: str, kind: str, structure: Any, findings: tuple[Finding, ...] = (), **place: Any) -> Question:
    parent = parent_of(structure)
    query = StructureQuery(
        input=text,
        kind=kind,
        smiles=parent.smiles,
        inchikey=parent.inchikey,
        formula=parent.formula,
        exact_mass=parent.exact_mass,
        **place,
    )
    return Question(query=query, parent=parent, findings=(*findings, *parent.findings))


def is_file(text: str) -> bool:
    """Whether a query is a path: by its extension, or because such a file is there."""
    if "\n" in text or len(text) > 1000:
        return False
    name = Path(text.strip())
    suffix = Path(name.stem).suffix if name.suffix.lower() in {".gz", ".gzip"} else name.suffix
    if suffix.lower() in _FILE_SUFFIXES:
        return True
    try:
        return name.is_file()
    except (OSError, ValueError):
        return False


def read_file(path: str) -> Iterator[Question | NpsIdentError]:
    """Read a MOL, SDF or SMILES file, record by record.

    Yields
    ------
    Question or NpsIdentError
        A record that cannot be read is an error that names file and place; the next ones are still read.

    Raises
    ------
    InputError
        When the file cannot be opened, or holds no structure.
    """
    document = open_document(path.strip())
    text, findings = document.text()
    if re.search(r"^(?:.*V[23]000\s*|M {2}END\s*|\$\$\$\$.*)$", text, re.MULTILINE) or document.suffix not in {".smi", ".smiles"}:
        records: Iterator[tuple[str, Any]] = read_sdf(text)
        kind = "mol"
    else:
        records, kind = _smiles_lines(text), "smiles"
    n_records = 0
    for index, (title, structure) in enumerate(records):
        n_records += 1
        try:
            if isinstance(structure, ChemistryError):
                raise structure
            place = {"title": title or None, "file": document.path, "index": index, "sha256": document.sha256}
            answer: Question | NpsIdentError = _asked(path, kind, structure, findings, **place)
        except ChemistryError as error:
            answer = ChemistryError(f"{document.path}: {error}")
        yield answer
    if not n_records:
        raise InputError(f"{document.path}: the file holds no structure; expected MOL, SDF or SMILES records.")


def _smiles_lines(text: str) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split(maxsplit=1)
        if not words or line.startswith("#"):
            continue
        try:
            structure = read_structure(words[0])
        except ChemistryError as error:
            structure = ChemistryError(f"line {number}: {error}")
        yield (words[1].strip() if len(words) > 1 else ""), structure


def read_question(text: str, catalogue: Catalogue) -> Question:
    """Read one query that is no file.

    A CAS number, an InChI and an InChIKey are recognised by their form; then a name of the catalogue goes before a SMILES, because short
    names ("PCP") are valid SMILES too, and a finding says so.

    Parameters
    ----------
    text : str
    catalogue : Catalogue

    Raises
    ------
    ChemistryError
        When it is none of these, or names no one substance.
    """
    stripped = text.strip()
    if not stripped:
        raise ChemistryError("The query is empty; expected SMILES, InChI, a MOL or SDF file, a name or a CAS number.")
    if "\n" in stripped:
        return _asked(text, "mol", read_structure(text))
    if stripped.startswith("InChI="):
        return _asked(text, "inchi", read_structure(stripped))
    if _CAS.fullmatch(stripped):
        return _by_cas(text, stripped, catalogue)
    if _INCHIKEY.fullmatch(stripped):
        found = catalogue.by_inchikey(stripped)
        if found is None:
            raise ChemistryError(f"{stripped!r} is the InChIKey of no substance of the catalogue; expected one of it, or the structure.")
        return _from_catalogue(text, "inchikey", found)
    named = catalogue.find_name(stripped)
    if named:
        return _by_name(text, stripped, named)
    try:
        return _asked(text, "smiles", read_structure(stripped))
    except ChemistryError as error:
        no_smiles = "cannot be read as SMILES" in str(error) or "more than one word" in str(error)
        if no_smiles and re.fullmatch(r"[\w ,.'()+\-]+", stripped):
            expected = "SMILES, InChI, a MOL or SDF file, or a name or CAS number of the catalogue"
            raise ChemistryError(f"{stripped[:80]!r} is no name in the catalogue and no SMILES; expected {expected}.") from None
        raise


def _by_cas(text: str, number: str, catalogue: Catalogue) -> Question:
    digits = number.replace("-", "")
    check = sum(place * int(digit) for place, digit in enumerate(reversed(digits[:-1]), 1)) % 10
    if check != int(digits[-1]):
        raise ChemistryError(f"{number!r} is no CAS number: its check digit is {digits[-1]}; expected {check}.")
    found = catalogue.find_cas(number)
    if not found:
        raise ChemistryError(f"{number!r} is the CAS number of no substance of the catalogue; expected one of it, or the structure.")
    return _from_catalogue(text, "cas", _one(number, found))


def _by_name(text: str, name: str, named: tuple[Substance, ...]) -> Question:
    question = _from_catalogue(text, "name", _one(name, named))
    try:
        other = parent_of(read_structure(name))
    except ChemistryError:
        return question
    if other.inchikey == question.parent.inchikey:
        return question
    note = f"{name!r} was read as a name of the catalogue; as SMILES it would be {other.formula}."
    finding = Finding(code="STRUC-006", severity=Severity.WARNING, text=note)
    return Question(query=question.query, parent=question.parent, findings=(finding, *question.findings))


def _one(text: str, found: tuple[Substance, ...]) -> Substance:
    """The substance meant: the only one, or the only one whose main name it is."""
    if len(found) > 1:
        found = tuple(s for s in found if s.name.casefold() == text.casefold()) or found
    if len({s.inchikey for s in found}) > 1:
        names = ", ".join(sorted(s.name for s in found))
        raise ChemistryError(f"{text!r} is a name or number of {len(found)} substances ({names}); expected one, so give a structure.")
    return found[0]


def _from_catalogue(text: str, kind: str, substance: Substance) -> Question:
    if not substance.smiles:
        raise ChemistryError(f"{substance.name!r} has no structure in the catalogue; expected a substance with one.")
    return _asked(text, kind, substance.smiles)
