"""Identify one spectrum: search, calibrate, decide, and say why."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from nps_ident.confidence.calibration import shipped_calibration
from nps_ident.confidence.decision import NAMED_FROM, Decision, decide, with_foreign_peaks
from nps_ident.confidence.separation import in_order, separated_by_set
from nps_ident.errors import InputError, LibraryError
from nps_ident.identify.mixture import Mixed, is_perhaps_mixed, mixture_of
from nps_ident.identify.unknown import supported, variant_of
from nps_ident.library.compiled import SECTIONS
from nps_ident.library.fragment_lists import listed_substances
from nps_ident.library.hits import NO_STEREO, name_of
from nps_ident.library.search import search
from nps_ident.library.search_ei import foreign_peaks
from nps_ident.model import Candidate, Finding, Identification, MassSpectrum, Severity, Technique, Verdict
from nps_ident.similarity.match_factor import nominal
from nps_ident.spectra.peaks import prepare, principal_ions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nps_ident.catalogue.store import Catalogue
    from nps_ident.confidence.calibration import Calibration
    from nps_ident.library.hits import Hit, HitList
    from nps_ident.library.opening import Libraries
    from nps_ident.model import Substance

__all__ = ["NAMED", "SEARCHED", "identify", "isomers_without_reference", "software_versions"]

SEARCHED = 25
"""Substances that calibration looks at; the calibrations that ship were fitted to as many."""
NAMED = {Verdict.MATCH, Verdict.ISOMER_SET}
_LIKELIER_THAN_NOT = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What the libraries of one kind say."""

    kind: str
    hits: HitList
    decision: Decision
    calibration: Calibration | None
    findings: tuple[Finding, ...] = ()
    unexplained: float | None = None

    @property
    def best(self) -> Hit:
        """The first candidate; there must be one."""
        return self.hits.hits[self.decision.order[0]]

    @property
    def skeletons(self) -> frozenset[str]:
        """What it names: the isomer set, else the first candidate."""
        members = self.decision.isomer_set or self.decision.order[:1]
        return frozenset(self.hits.hits[i].substance.skeleton for i in members)


def identify(
    spectrum: MassSpectrum,
    libraries: Libraries,
    *,
    top: int = 10,
    calibrations: Mapping[tuple[Technique, str], Calibration] | None = None,
    catalogue: Catalogue | None = None,
    proposals: bool = True,
) -> Identification:
    """Say what a spectrum shows, how sure that is, and on what grounds.

    Parameters
    ----------
    spectrum : MassSpectrum
        As read; it is prepared here, and what was done is in the findings.
    libraries : Libraries
        From :func:`nps_ident.library.open_library`.
    top : int
        Candidates listed at most.
    calibrations : mapping of (Technique, kind) to Calibration, optional
        In place of those that ship for the same technique and kind of library.
    catalogue : Catalogue, optional
        What stereoisomers, and isomers that no reference covers, are looked up in; by default the one that ships.
    proposals : bool
        Whether structures are proposed for an unknown variant: takes a second or three.

    Returns
    -------
    Identification

    Raises
    ------
    InputError
        When the technique is not known and cannot be taken from the spectrum, or ``top`` is below 1.
    LibraryError
        When there is no library to search.
    """
    if top < 1:
        raise InputError(f"The 'top' parameter of identify must be at least 1. Got {top}.")
    if not libraries.members:
        raise LibraryError("No library to search: name at least one.")
    prepared = prepare(spectrum)
    if prepared.technique is None:
        raise InputError(f"{prepared.name}: the technique is not known; name it with --technique.")
    kinds = [kind for kind in ("full", "principal_ions") if libraries.of_kind(kind)]
    answers = [_answer(prepared, prepared.technique, libraries, kind, calibrations) for kind in kinds]
    chosen = _chosen(answers)
    mixed = _mixed(prepared, chosen.decision, answers[0])
    if mixed is not None:
        chosen = replace(answers[0], decision=mixed.decision, unexplained=mixed.unexplained)
    hits, decision = chosen.hits, chosen.decision
    ordered = [hits.hits[i] for i in decision.order]
    matches = tuple(
        _candidate(hit, probability, chosen) for hit, probability in zip(ordered[:top], decision.probabilities, strict=False)
    )
    named = decision.verdict in NAMED
    if not any(f"{SECTIONS[prepared.technique]}.substance" in member for member in libraries.members):
        text = f"None of the libraries searched has a reference by {prepared.technique.value}."
        decision = replace(decision, findings=(*decision.findings, Finding(code="IDENT-017", severity=Severity.WARNING, text=text)))
    if not named and decision.verdict is not Verdict.INADEQUATE and any(member.kind == "principal_ions" for member in libraries.members):
        decision = _with_fragment_lists(prepared, decision)
    members = tuple(hits.hits[i] for i in decision.isomer_set)
    pairs = separated_by_set([hit.substance for hit in members], prepared.technique) if members else ()
    filed_as = ordered[0].substance.name if ordered else ""  # what the library calls all stereoisomers of that key
    variant, about_variant = variant_of(prepared, decision, hits, catalogue=catalogue, proposals=proposals)
    findings = (
        *(*decision.findings, *chosen.findings),
        *_about_best(matches, decision, catalogue, filed_as=filed_as, at_bound=_at_bound(matches, chosen)),
        *about_variant,
        *(Finding(code="IDENT-014", severity=Severity.INFO, text=pair.in_words()) for pair in pairs),
        *prepared.findings,
    )
    return Identification(
        spectrum=prepared,
        verdict=decision.verdict,
        characterise=mixed.characterise if mixed else decision.characterise,
        matches=matches,
        library=libraries.stamp,
        software=software_versions(),
        calibration=chosen.calibration.stamp if chosen.calibration else None,
        isomer_set=_keys(members) if members else None,
        isomers_without_reference=(
            isomers_without_reference(matches[0].substance, prepared.technique, libraries, catalogue) if named and matches else None
        ),
        separated_by=in_order(pairs) or None,
        components=mixed.components if mixed else None,
        variant=variant,
        unexplained_fraction=chosen.unexplained,
        findings=findings,
    )


def _answer(
    prepared: MassSpectrum,
    technique: Technique,
    libraries: Libraries,
    kind: str,
    calibrations: Mapping[tuple[Technique, str], Calibration] | None,
) -> _Answer:
    members = libraries.of_kind(kind)
    query = principal_ions(prepared) if kind == "principal_ions" else prepared
    hits = search(query, members, most=SEARCHED)
    calibration = (calibrations or {}).get((technique, kind)) or _shipped(technique, kind)
    too_small: tuple[Finding, ...] = ()
    if calibration is not None and hits.n_substances < calibration.smallest_library:
        text = (
            f"The {kind.replace('_', '-')} libraries hold {hits.n_substances} substances by {technique.value}; the calibration holds from "
            f"{calibration.smallest_library} on, so no probability is given."
        )
        too_small, calibration = (Finding(code="IDENT-003", severity=Severity.WARNING, text=text),), None
    decision = decide(hits, query.n_peaks, calibration, support=lambda: supported(query, hits, most=SEARCHED))
    foreign = None
    if technique is Technique.EI_MS and decision.verdict in NAMED:
        foreign, masses = foreign_peaks(nominal(query.mz, query.intensity), hits.hits[decision.order[0]])
        decision = with_foreign_peaks(decision, hits, foreign, masses)
    if too_small:  # there is a calibration, only not for so few
        decision = replace(decision, findings=tuple(finding for finding in decision.findings if finding.code != "IDENT-002"))
    return _Answer(kind=kind, hits=hits, decision=decision, calibration=calibration, findings=too_small, unexplained=foreign)


def _mixed(prepared: MassSpectrum, decision: Decision, answer: _Answer) -> Mixed | None:
    """The spectrum as a sum of full references, where one substance does not answer for it; the tables of twenty ions leave too much open."""
    if answer.kind != "full" or answer.calibration is None or not answer.hits.hits or not is_perhaps_mixed(prepared, decision):
        return None
    return mixture_of(prepared, answer.hits.members, answer.decision, answer.calibration, most=SEARCHED)


@cache
def _shipped(technique: Technique, kind: str) -> Calibration | None:
    return shipped_calibration(technique, kind)


def _chosen(answers: list[_Answer]) -> _Answer:
    """Of full and truncated libraries, the answer that names with more probability; full ones where neither names.

    Where both name and share no substance, or full libraries too small for a calibration fit another substance better than the one the
    tables name, nothing is named: the disagreement is the finding.  What whole spectra make likelier than not, though not enough to name it,
    stands before a name from tables that do not hold it.
    """
    if len(answers) == 1:
        return answers[0]
    full, truncated = answers
    if not truncated.hits.hits:
        return full
    if not full.hits.hits:
        return replace(truncated, findings=(*truncated.findings, _rests_on(truncated)))
    if truncated.decision.verdict in NAMED and not full.skeletons & truncated.skeletons:
        better = full.calibration is None and full.best.score > truncated.best.score
        if full.decision.verdict in NAMED or better:
            return _contradicted(full, truncated)
        if (full.decision.probabilities[0] or 0.0) > _LIKELIER_THAN_NOT:
            return replace(full, findings=(*full.findings, _rests_on(full)))
    if full.decision.verdict not in NAMED and truncated.decision.verdict in NAMED:
        return replace(truncated, findings=(*truncated.findings, *full.findings, _rests_on(truncated)))
    # Where neither names, a small library of the laboratory's own must not hide what the tables say about class and analogues.
    blind = full.decision.verdict is Verdict.NO_MATCH and full.best.score < truncated.best.score
    if blind and truncated.decision.verdict in {Verdict.UNKNOWN_VARIANT, Verdict.CLASS_ONLY}:
        return replace(truncated, findings=(*truncated.findings, *full.findings, _rests_on(truncated)))
    return replace(full, findings=(*full.findings, _rests_on(full)))


def _contradicted(full: _Answer, truncated: _Answer) -> _Answer:
    """Nothing named and no probability: of two kinds of library one is wrong, and nothing says which.  A class both agree on remains."""
    first, other = full.best.substance, truncated.best.substance
    agreed = first.drug_class if first.drug_class == other.drug_class else None
    remains = f"; both are of the class {agreed}" if agreed else ""
    text = f"Not named: full spectra fit {first.name} best, the principal-ion tables {other.name}: they contradict each other{remains}."
    reason = Finding(code="IDENT-001", severity=Severity.WARNING, text=text)
    note = Finding(code="IDENT-005", severity=Severity.WARNING, text="The kinds of library contradict each other: no probability is given.")
    decision = replace(
        full.decision,
        verdict=Verdict.CLASS_ONLY if agreed else Verdict.NO_MATCH,
        probabilities=(None,) * len(full.decision.order),
        isomer_set=(),
        drug_class=agreed,
        nearest=(),
        findings=(reason, note),
    )
    return replace(full, decision=decision, calibration=None)


def _rests_on(answer: _Answer) -> Finding:
    text = f"Full and truncated libraries were searched; the answer rests on the {answer.kind.replace('_', '-')} ones."
    return Finding(code="IDENT-004", severity=Severity.INFO, text=text)


def _with_fragment_lists(prepared: MassSpectrum, decision: Decision) -> Decision:
    """Say which catalogue substances without a reference spectrum the query's mass and fragments agree with."""
    listed = listed_substances(prepared)
    if not listed:
        return decision
    names = ", ".join(f"{item.substance.name} ({item.n_found} of {item.n_listed} listed fragments)" for item in listed[:5])
    text = f"Mass and fragments agree with {names}: known by a list of ions only, not by a reference spectrum; hence not named."
    finding = Finding(code="IDENT-010", severity=Severity.WARNING, text=text)
    classes = {item.substance.drug_class for item in listed}
    if decision.verdict is Verdict.NO_MATCH and len(classes) == 1 and (drug_class := next(iter(classes))) is not None:
        why = f"Not named; only substances of the class {drug_class} that have no reference spectrum agree in mass and fragments."
        reason = replace(decision.findings[0], text=why)
        decision = replace(decision, verdict=Verdict.CLASS_ONLY, drug_class=drug_class, findings=(reason, *decision.findings[1:]))
    return replace(decision, findings=(*decision.findings, finding))


def _candidate(hit: Hit, probability: float | None, answer: _Answer) -> Candidate:
    calibration = answer.calibration
    lr = None
    # Where no peak is shared, or too little can be compared, the probability rests on the mass: too thin for a likelihood ratio.
    comparable = answer.decision.verdict is not Verdict.INADEQUATE and hit.n_matched > 0
    if calibration is not None and probability is not None and comparable and hit.score >= calibration.lowest_score:
        lr = calibration.log10_lr(probability, max(answer.hits.n_substances, 1))
        if lr > 0.0 and hit.score < NAMED_FROM[answer.hits.technique]:
            lr = None  # no support is claimed from a fit on which nothing may be named
    fields = hit.library.reference(int(hit.library[f"{SECTIONS[answer.hits.technique]}.reference"][hit.row]))
    proposed = hit.substance.status != "confirmed"
    name = name_of(hit, answer.hits.technique)
    substance = hit.substance if name == hit.substance.name else replace(hit.substance, name=name)
    return Candidate(
        substance=substance,
        score=hit.score,
        match_factor=None if hit.match_factor is None else round(min(hit.match_factor, 999.0)),
        reverse_match_factor=None if hit.reverse_match_factor is None else round(min(hit.reverse_match_factor, 999.0)),
        probability=probability,
        log10_lr=lr,
        reference=fields.get("accession", ""),
        source=f"register ({hit.substance.status})" if proposed else hit.library.name,
        n_matched=hit.n_matched,
        explained=hit.explained_query,
        mass_shift_da=hit.mass_shift_da,
        reference_spectrum=_reference_spectrum(hit, answer.hits.technique, fields),
    )


def _reference_spectrum(hit: Hit, technique: Technique, fields: Mapping[str, object]) -> MassSpectrum:
    prefix = SECTIONS[technique]
    peaks = slice(*hit.library[f"{prefix}.peak_start"][hit.row : hit.row + 2])
    precursor = fields.get("precursor_mz")
    return MassSpectrum(
        name=str(fields.get("name", hit.substance.name)),
        mz=hit.library[f"{prefix}.mz"][peaks],
        intensity=hit.library[f"{prefix}.intensity"][peaks],
        technique=technique,
        precursor_mz=float(precursor) if isinstance(precursor, int | float) else None,
        accession=str(fields.get("accession", "")),
    )


def _keys(hits: tuple[Hit, ...]) -> tuple[str, ...]:
    return tuple(hit.substance.inchikey or hit.substance.name for hit in hits)


def _about_best(
    matches: tuple[Candidate, ...], decision: Decision, catalogue: Catalogue | None, *, filed_as: str, at_bound: bool
) -> tuple[Finding, ...]:
    """What must be said about the first candidate of an answer that names."""
    if not matches or decision.verdict not in NAMED:
        return ()
    best = matches[0].substance
    findings = []

    def note(code: str, text: str, severity: Severity = Severity.WARNING) -> None:
        findings.append(Finding(code=code, severity=severity, text=text))

    if best.inchikey and not best.isotope_labelled:
        forms = [name for _, name in _stereoisomers(best.inchikey, catalogue)]
        if filed_as.casefold() != best.name.casefold() and _may_have_stereoisomers(best.smiles):
            forms.append(filed_as)
        others = ", ".join(dict.fromkeys(name for name in forms if name.casefold() != best.name.casefold()))
        if others or best.inchikey[15:23] != NO_STEREO:
            others = f"{others}, which may differ in their legal status" if others else "its stereoisomers"
            note("IDENT-006", f"Stereochemistry not established: mass spectra do not tell {best.name} from {others}.", Severity.INFO)
    if best.isotope_labelled:
        note("IDENT-007", f"{best.name} is isotope-labelled: a standard added in the laboratory, not the drug.")
    if best.status != "confirmed":
        note("IDENT-008", f"{best.name} is an entry of your own register in state '{best.status}': nobody has reviewed it.")
    if at_bound:
        note("IDENT-015", "The likelihood ratio stands at its bound: the spectra behind the calibration bear no more.", Severity.INFO)
    if matches[0].log10_lr is None and matches[0].probability is not None:
        note("IDENT-009", "The score lies below those on which something may be named; no likelihood ratio is given.")
    return tuple(findings)


def _may_have_stereoisomers(smiles: str | None) -> bool:
    """Another name under one key is a stereoisomer's only where the structure can have one; else it is a synonym."""
    if smiles is None:
        return True
    from nps_ident.chemistry.structures import may_have_stereoisomers

    return may_have_stereoisomers(smiles)


def _at_bound(matches: tuple[Candidate, ...], answer: _Answer) -> bool:
    """Whether the first candidate's likelihood ratio was cut to the greatest that the calibration allows."""
    lr, calibration = matches[0].log10_lr if matches else None, answer.calibration
    return lr is not None and calibration is not None and lr >= calibration.greatest_log10_lr(max(answer.hits.n_substances, 1))


def _stereoisomers(inchikey: str, catalogue: Catalogue | None) -> tuple[tuple[str, str], ...]:
    """Keys and names of the catalogue's other forms of a structure: the same skeleton, without labels."""
    from nps_ident.catalogue.store import open_catalogue

    same = (catalogue or open_catalogue()).by_skeleton(inchikey)
    return tuple((other.inchikey, other.name) for other in same if other.inchikey and not other.isotope_labelled)


def isomers_without_reference(
    substance: Substance, technique: Technique, libraries: Libraries, catalogue: Catalogue | None, *, any_class: bool = False
) -> tuple[str, ...]:
    """Catalogue substances of the same formula and drug class that no reference covers: not excluded by any spectrum searched.

    With ``any_class`` those of every class: what a conclusion on an exhibit must hold open.
    """
    if substance.formula is None or substance.inchikey is None:
        return ()
    from nps_ident.catalogue.store import open_catalogue

    return tuple(
        other.inchikey
        for other in (catalogue or open_catalogue()).substances
        if other.inchikey
        and other.formula == substance.formula
        and (any_class or other.drug_class == substance.drug_class)
        and other.skeleton != substance.skeleton
        and not any(member.covers(technique, other.skeleton) for member in libraries.members)
    )


@cache
def software_versions() -> tuple[tuple[str, str], ...]:
    """Versions that decide the answer's bytes, without importing what was not needed.

    Read from the names of the installed packages' folders (``rdkit-2026.9.1.dist-info``, PyPA specification "Recording installed projects"):
    ``importlib.metadata`` opens them with a parser of e-mail, which takes longer than the search.
    """
    from nps_ident import __version__

    found = [("nps_ident", __version__)]
    for package in ("numpy", "rdkit"):
        version = _installed_version(package)
        if version:
            found.append((package, version))
    return tuple(found)


def _installed_version(package: str) -> str | None:
    for place in filter(None, sys.path):
        folders = sorted(Path(place).glob(f"{package}-*.dist-info"))
        if folders:
            return folders[-1].stem.removeprefix(f"{package}-")
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)  # installed in another way
    except PackageNotFoundError:
        return None
