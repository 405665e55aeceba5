"""Identify a structure: the same substance, a form of it, a relative of it, a class, or nothing.

A chemist would call the salt or the protonated form of a catalogue substance that substance: ``match``.  So is a structure that only
leaves stereochemistry out, or gives it where the catalogue does not.  Another stereoisomer, another isotope pattern or a tautomer is
another entry: its relation is named and the verdict is ``unknown_variant``.  An analogue counts only where the drug class or a scaffold of
three rings or more is shared with a substance of concern; most medicines and solvents are ``no_match``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import rdkit
from rdkit import Chem

from nps_ident.chemistry.drug_classes import drug_class_of
from nps_ident.chemistry.fingerprints import counted_tanimoto, flattened, is_trivial_scaffold, morgan_bits, murcko_scaffold, tanimoto
from nps_ident.chemistry.relations import Relation, is_merely_less_specified, relation_of
from nps_ident.chemistry.structural_changes import Difference, structural_difference
from nps_ident.chemistry.structures import parent_of
from nps_ident.errors import ChemistryError, InputError, NpsIdentError
from nps_ident.identify.structure_index import StructureIndex, index_of, open_known
from nps_ident.identify.structure_query import Question, is_file, read_file, read_question
from nps_ident.model import Finding, LibraryStamp, Severity, Substance, Verdict
from nps_ident.model.structure import StructureIdentification, StructureMatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nps_ident.catalogue.store import Catalogue
    from nps_ident.chemistry.structures import Parent

__all__ = ["identify_structure", "identify_structures", "rerun_structure"]

_NEAR = 0.40
"""Tanimoto similarity (counts) from which a substance of the same class is an analogue: of 35,000 random pairs of different classes in the
catalogue 99 % lie below 0.33 and 99.9 % below 0.45 (measured on the 1,319 substances of November 2026)."""

_LOOKED_AT = 40
"""Nearest substances that are compared in words; beyond them similarity is noise."""

_PROTOTYPES = 10
"""Substances of the class, wholly contained in the query, that are compared in words besides."""

_IS_THE_SUBSTANCE = frozenset({Relation.SAME, Relation.SALT_OF, Relation.CHARGED_FORM_OF})


@dataclass(frozen=True, slots=True)
class _Relative:
    """A related substance with what decides the verdict."""

    match: StructureMatch
    relation: Relation
    less_specified: bool = False
    difference: Difference | None = None


def identify_structure(query: str, catalogue: Catalogue | None = None, *, top: int = 10) -> StructureIdentification:
    """Identify one structure.

    Parameters
    ----------
    query : str
        SMILES, InChI, a MOL block, the path of a MOL or SDF file with one structure, an InChIKey, name or CAS number of the catalogue.
    catalogue : Catalogue, optional
        By default the one that ships, with the user's own register.
    top : int
        Most matches to return.

    Returns
    -------
    StructureIdentification
        Not recorded: :func:`nps_ident.record` does that.

    Raises
    ------
    ChemistryError
        When the query cannot be read as any of these.
    InputError
        When a file cannot be read or holds several structures.

    References
    ----------
    Identity by the parent's InChIKey: docs/structures.md.
    """
    catalogue = catalogue or open_known()
    if not is_file(query):
        return _answer(read_question(query, catalogue), catalogue, top)
    questions = list(read_file(query))
    if len(questions) != 1:
        raise InputError(f"{query}: the file holds {len(questions)} structures; expected one, or identify_structures for all of them.")
    [question] = questions
    if isinstance(question, NpsIdentError):
        raise question
    return _answer(question, catalogue, top)


def identify_structures(
    query: str, catalogue: Catalogue | None = None, *, top: int = 10
) -> Iterator[StructureIdentification | NpsIdentError]:
    """Identify every structure of a file, or the one that any other query is.

    Parameters
    ----------
    query, catalogue, top
        As :func:`identify_structure`; a file may hold any number of structures.

    Yields
    ------
    StructureIdentification or NpsIdentError
        In the order of the file; a record that cannot be read is its error, and the next ones are still answered.

    Raises
    ------
    InputError
        When a file cannot be read at all.
    """
    catalogue = catalogue or open_known()
    if not is_file(query):
        yield identify_structure(query, catalogue, top=top)
        return
    for question in read_file(query):
        if isinstance(question, NpsIdentError):
            yield question
            continue
        try:
            yield _answer(question, catalogue, top)
        except ChemistryError as error:
            yield error


def rerun_structure(settings: dict[str, Any]) -> dict[str, Any]:
    """Answer again what a record's settings say, for ``ledger replay``.

    Parameters
    ----------
    settings : dict
        ``structure`` (the query as typed), ``top``, ``catalogue`` (a path or null), and ``index`` for a record of a file.

    Returns
    -------
    dict
        The result by its contract.

    Raises
    ------
    NpsIdentError
        When the query or the catalogue can no longer be read.
    """
    index = settings.get("index") or 0
    results = identify_structures(str(settings["structure"]), open_known(settings.get("catalogue")), top=int(settings.get("top", 10)))
    for number, result in enumerate(results):
        if number == index:
            if isinstance(result, NpsIdentError):
                raise result
            return result.to_dict()
    raise InputError(f"{settings['structure']}: the file has no record {index}; expected the one that was identified.")


def _answer(question: Question, catalogue: Catalogue, top: int) -> StructureIdentification:
    if top < 1:
        raise InputError(f"The 'top' parameter must be an integer of at least 1. Got {top}.")
    parent = question.parent
    if any(finding.code == "STRUC-002" for finding in parent.findings):
        text = question.query.input[:80]
        raise ChemistryError(f"{text!r} holds several organic parts that are no usual counter-ions; identify each by itself.")
    drug_class = drug_class_of(parent.mol)
    index = index_of(catalogue.substances)
    forms = _forms(parent, catalogue, index)
    known = {form.match.substance.inchikey for form in forms}
    analogues = tuple(
        relative
        for substance, scaffold in _nearest(parent, drug_class, index)
        if substance.inchikey not in known and _is_of_concern(substance, catalogue)
        if (relative := _analogue(parent, drug_class, substance, scaffold)) is not None
    )
    analogues = tuple(sorted(analogues, key=_plainness))
    verdict = _verdict(forms, analogues, drug_class)
    relatives = () if verdict in {Verdict.NO_MATCH, Verdict.CLASS_ONLY} else (*forms, *analogues)
    nearest = relatives[0].match.difference if relatives and verdict is Verdict.UNKNOWN_VARIANT else None
    return StructureIdentification(
        query=question.query,
        verdict=verdict,
        characterise=verdict in {Verdict.UNKNOWN_VARIANT, Verdict.CLASS_ONLY},
        drug_class=drug_class,
        matches=tuple(relative.match for relative in relatives[:top]),
        difference=nearest,
        findings=(*question.findings, *_reasons(verdict, forms, analogues, drug_class, nearest)),
        library=LibraryStamp(name="catalogue", sha256=catalogue.sha256),
        software=_software(),
    )


def _software() -> tuple[tuple[str, str], ...]:
    from nps_ident import __version__

    return (("nps_ident", __version__), ("rdkit", rdkit.__version__))


def _source(substance: Substance) -> str:
    return "register (proposed)" if substance.status == "proposed" else "catalogue"


@lru_cache(maxsize=4096)
def _entry_parent(smiles: str) -> Parent:
    """Read a structure of the catalogue; the same nearest ones come up again and again."""
    return parent_of(smiles)


def _forms(parent: Parent, catalogue: Catalogue, index: StructureIndex) -> tuple[_Relative, ...]:
    """Find the substances that are this one, or the same compound but for charge, stereochemistry, isotopes or tautomerism."""
    skeleton = {substance.inchikey: substance for substance in catalogue.by_skeleton(parent.inchikey)}
    isomers = {s.inchikey: s for s in index.substances if s.formula == parent.formula and s.inchikey != parent.inchikey}
    found = []
    for substance in {**isomers, **skeleton}.values():
        if not substance.smiles:
            continue
        other = _entry_parent(substance.smiles)
        relation = relation_of(parent, other)
        if relation is None:
            continue
        same = parent.inchikey == other.inchikey
        less = relation is Relation.STEREOISOMER_OF and is_merely_less_specified(parent.mol, other.mol)
        match = StructureMatch(
            substance=substance,
            relation=relation.value,
            score=1.0 if same else counted_tanimoto(parent.mol, other.mol),
            difference=None if same else _form_in_words(relation, parent, substance, less),
            source=_source(substance),
        )
        found.append(_Relative(match, relation, less))
    order = {relation: number for number, relation in enumerate(Relation)}
    return tuple(sorted(found, key=lambda form: (order[form.relation], not form.less_specified, form.match.substance.inchikey)))


def _in_sentence(name: str) -> str:
    """Write a name in the middle of a sentence: Fentanyl becomes fentanyl; codes, locants and acronyms stay."""
    return name[0].lower() + name[1:] if re.match(r"[A-Z][a-z]{2,}(?:$|[ (])", name) else name


def _form_in_words(relation: Relation, parent: Parent, substance: Substance, less_specified: bool) -> str:
    if relation is Relation.ISOTOPOLOGUE_OF:
        labels = parent.formula if parent.isotope_labelled else substance.formula
        return f"{'isotopically labelled' if parent.isotope_labelled else 'unlabelled'} form of {_in_sentence(substance.name)} ({labels})"
    if less_specified:
        return f"{_in_sentence(substance.name)}, with stereochemistry given in only one of the two"
    words = {
        Relation.STEREOISOMER_OF: "a stereoisomer of",
        Relation.TAUTOMER_OF: "a tautomer of",
        Relation.CHARGED_FORM_OF: "another protonation state of",
    }
    return f"{words[relation]} {_in_sentence(substance.name)}"


@lru_cache(maxsize=4096)
def _flat(smiles: str) -> Any:
    """Read a structure of the catalogue as similarity sees it."""
    return flattened(Chem.MolFromSmiles(smiles))


def _nearest(parent: Parent, drug_class: str | None, index: StructureIndex) -> list[tuple[Substance, str]]:
    """Find the substances whose bits are nearest, and those of the class that the query is built upon, each with its scaffold.

    The second kind are the prototypes: a query with several groups more may be nearer to a dozen others, but is said best as theirs.
    """
    similarity = tanimoto(morgan_bits(parent.mol), index.bits)
    keys = [substance.inchikey or "" for substance in index.substances]
    order = sorted(range(len(keys)), key=lambda place: (-similarity[place], keys[place]))
    chosen, rest = order[:_LOOKED_AT], order[_LOOKED_AT:]
    query = flattened(parent.mol)
    of_class = [place for place in rest if drug_class is not None and index.substances[place].drug_class == drug_class]
    within = [place for place in of_class if query.HasSubstructMatch(_flat(index.substances[place].smiles or ""))]
    return [(index.substances[place], index.scaffolds[place]) for place in (*chosen, *within[:_PROTOTYPES])]


def _analogue(parent: Parent, drug_class: str | None, substance: Substance, scaffold: str) -> _Relative | None:
    """Take a substance as analogue, or return None.

    It is one where a telling scaffold is shared, or the class together with nearness: by similarity, or by one change that can be named.
    """
    other = _entry_parent(substance.smiles or "")
    score = counted_tanimoto(parent.mol, other.mol)
    same_scaffold = not is_trivial_scaffold(scaffold) and murcko_scaffold(parent.mol) == scaffold
    same_class = drug_class is not None and substance.drug_class == drug_class
    if not (same_scaffold or same_class):
        return None
    change = structural_difference(parent.mol, other.mol, _in_sentence(substance.name))
    if not same_scaffold and score < _NEAR and not (change.named and change.n_changes == 1):
        return None
    # The words rest on connections alone; where both structures have a configuration, nothing is said about it, and that is said.
    text = change.text + ", stereochemistry apart" * (_has_configuration(parent) and _has_configuration(other))
    text += ", isotopically labelled" * parent.isotope_labelled
    relation = Relation.ANALOGUE_OF
    match = StructureMatch(substance=substance, relation=relation.value, score=score, difference=text, source=_source(substance))
    return _Relative(match, relation, difference=change)


def _has_configuration(parent: Parent) -> bool:
    return any(mark in parent.smiles for mark in "@/\\")


def _is_of_concern(substance: Substance, catalogue: Catalogue) -> bool:
    """Whether kinship with a substance says anything: it has a drug class, or the catalogue lists it as a drug."""
    if substance.drug_class is not None:
        return True
    entry = catalogue.entry_of(substance.inchikey or "")
    return entry is not None and entry.group in {"nps", "classic drug"}


def _verdict(forms: tuple[_Relative, ...], analogues: tuple[_Relative, ...], drug_class: str | None) -> Verdict:
    if any(form.relation in _IS_THE_SUBSTANCE or form.less_specified for form in forms):
        return Verdict.MATCH
    if forms or analogues:
        return Verdict.UNKNOWN_VARIANT
    return Verdict.CLASS_ONLY if drug_class else Verdict.NO_MATCH


def _plainness(relative: _Relative) -> tuple[bool, int, bool, int, float, str]:
    """Rank analogues by how plainly the query can be said to differ: fewest changes first, additions before exchanges, then similarity."""
    change = relative.difference or Difference(text="", named=False, n_changes=0, kind=3, placed=False)
    best = (-relative.match.score, relative.match.substance.inchikey or "")
    return not change.named, change.n_changes, not change.placed, change.kind, *best


def _reasons(
    verdict: Verdict, forms: tuple[_Relative, ...], analogues: tuple[_Relative, ...], drug_class: str | None, nearest: str | None
) -> tuple[Finding, ...]:
    """Say why the verdict is what it is."""
    info, warning = Severity.INFO, Severity.WARNING
    found: list[Finding] = []
    exact = any(form.relation in _IS_THE_SUBSTANCE for form in forms)
    for form in () if exact else forms:
        found.append(_form_finding(form))
    if any(form.match.source != "catalogue" for form in forms):
        text = "The substance stands in the register as proposed; nobody has reviewed it yet."
        found.append(Finding(code="STRUC-014", severity=warning, text=text))
    if verdict is Verdict.UNKNOWN_VARIANT and not forms:
        shared = f"the drug class {drug_class}" if drug_class else "a scaffold with substances of the catalogue"
        text = f"Not in the catalogue; it shares {shared}: {nearest}."
        found.append(Finding(code="STRUC-015", severity=info, text=text))
    elif verdict is Verdict.CLASS_ONLY:
        text = f"Not in the catalogue and no substance of it is near; by its structure it is of the class {drug_class}."
        found.append(Finding(code="STRUC-016", severity=info, text=text))
    elif verdict is Verdict.NO_MATCH:
        text = "Not in the catalogue; it shares neither a drug class nor a telling scaffold with a substance of it."
        found.append(Finding(code="STRUC-017", severity=info, text=text))
    return tuple(found)


def _form_finding(form: _Relative) -> Finding:
    name, other = _in_sentence(form.match.substance.name), "it is not the same substance entry"
    if form.less_specified:
        text = f"Stereochemistry is given in only one of the two, the structure or {name} in the catalogue: it is not established."
        return Finding(code="STRUC-010", severity=Severity.WARNING, text=text)
    codes = {
        Relation.STEREOISOMER_OF: ("STRUC-011", f"A stereoisomer of {name}: {other}, and its effects and legal status may differ."),
        Relation.ISOTOPOLOGUE_OF: ("STRUC-012", f"Differs from {name} in its isotopes only: {other}; such compounds serve as standards."),
        Relation.TAUTOMER_OF: ("STRUC-013", f"A tautomer of {name}: {other}, though the two may interconvert."),
    }
    code, text = codes[form.relation]
    return Finding(code=code, severity=Severity.WARNING, text=text)
