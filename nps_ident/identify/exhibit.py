"""From everything measured on an exhibit to its conclusion: what is in it, how far the evidence goes, and what is missing."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nps_ident.catalogue.claims import read_claim
from nps_ident.confidence.separation import separated_by
from nps_ident.confidence.sufficiency import Support, find_technique, read_rules, read_techniques, sufficiency
from nps_ident.errors import InputError
from nps_ident.identify.claims import answer_claim, watch_list, watch_list_limits
from nps_ident.identify.spectrum import NAMED, SEARCHED, identify, isomers_without_reference, software_versions
from nps_ident.identify.voltages import identify_voltages, samples
from nps_ident.io import scan_queries
from nps_ident.library import Libraries
from nps_ident.library.hits import NO_STEREO
from nps_ident.model import Finding, Run, Severity, Substance, Technique, Verdict
from nps_ident.model.exhibit import Conclusion, ConclusionKind, FoundSubstance, Measured, OpenQuestion

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nps_ident.catalogue.store import Catalogue
    from nps_ident.confidence.calibration import Calibration
    from nps_ident.confidence.sufficiency import MeasuringTechnique, Sufficiency
    from nps_ident.model import Candidate, Identification, MassSpectrum
    from nps_ident.model.exhibit import Claim, Exhibit, Measurement, Quantity

__all__ = ["conclude", "rerun_exhibit"]

_MOST_SPECTRA = 200
"""Of one file: the components of a street sample and their replicates are fewer."""
_ID_FIELDS = frozenset({"exhibit", "exhibitid", "exhibitno", "exhibitnumber"})
_AGAINST_LOG10_LR = -1.0
"""A likelihood ratio of 1/10, from which a spectrum is said to speak against a substance: our choice."""
# Groups of the catalogue whose members ride along: that one of them is not identified does not hold up the conclusion on the rest.
_COMPANIONS = frozenset({"cutting agent", "opiate companion"})
_INCHIKEY = re.compile(r"[A-Z]{14}-[A-Z]{10}-[A-Z]")
_LIKELIER_THAN_NOT = 0.5
_OPEN = frozenset({Verdict.UNKNOWN_VARIANT, Verdict.CLASS_ONLY})


@dataclass(slots=True)
class _Named:
    """One substance, or one set that is not told apart, as one measurement names it."""

    measured: Measured
    technique: MeasuringTechnique
    members: tuple[Substance, ...]
    log10_lr: dict[str, float] = field(default_factory=dict)
    fits: tuple[Substance, ...] = ()
    share: float | None = None
    stereo: str | None = None
    made: str | None = None
    weight: dict[str, float] = field(default_factory=dict)
    peak: tuple[float | None, int | None] = (None, None)

    @property
    def number(self) -> int:
        return self.measured.measurement.number

    @property
    def skeletons(self) -> frozenset[str]:
        return frozenset(member.skeleton for member in self.members)

    @property
    def stated(self) -> bool:
        return self.measured.measurement.result is not None

    def is_beside(self, other: _Named) -> bool:
        """Whether both are components of one measurement, seen apart by it: another peak of the run, another part of one spectrum."""
        if self.number != other.number or self.stated:
            return False
        (time, place), (other_time, other_place) = self.peak, other.peak
        return (None not in (time, other_time) and time != other_time) or (None not in (place, other_place) and place != other_place)


def conclude(
    exhibit: Exhibit,
    libraries: Libraries,
    *,
    catalogue: Catalogue | None = None,
    calibrations: Mapping[tuple[Technique, str], Calibration] | None = None,
    proposals: bool = True,
) -> Conclusion:
    """Identify every file of an exhibit and join what all techniques say.

    Parameters
    ----------
    exhibit : Exhibit
        From :func:`nps_ident.io.exhibit_file.read_exhibits`; its files are looked for beside its own.
    libraries : Libraries
        From :func:`nps_ident.library.open_library`.
    catalogue : Catalogue, optional
        By default the one that ships.
    calibrations, proposals
        As in :func:`nps_ident.identify.identify`.

    Returns
    -------
    Conclusion
        What cannot be read is named in it, and the rest is answered.

    Raises
    ------
    InputError
        When files of the exhibit say that they belong to another one.
    LibraryError
        When there is no library to search.

    Notes
    -----
    Likelihood ratios are multiplied over techniques that measure different properties; of those that share one the smallest stands.  A
    substance is ``identified`` where :func:`nps_ident.confidence.sufficiency.sufficiency` misses nothing and nothing contradicts it.
    """
    if catalogue is None:
        from nps_ident.catalogue.store import open_catalogue

        catalogue = open_catalogue()
    measured, spectra_of_others = [], []
    for measurement in exhibit.measurements:
        if measurement.file is None:
            measured.append(_stated(measurement, catalogue))
            continue
        queries, sha256, failures = _read(exhibit, measurement)
        spectra = [spectrum for query in queries for spectrum in (query.scans[:1] if isinstance(query, Run) else (query,))]
        spectra_of_others += [(measurement, other) for spectrum in spectra for other in _ids(spectrum) if other != exhibit.id]
        answers: list[Identification] = []
        how: dict[str, Any] = {"top": SEARCHED, "calibrations": calibrations, "catalogue": catalogue, "proposals": proposals}
        for together in samples(queries):
            query = together[0]
            try:
                if isinstance(query, Run):
                    answers += _run_answers(query, exhibit, measurement, libraries, how, failures)
                elif len(together) > 1:
                    answers += identify_voltages([one for one in together if not isinstance(one, Run)], libraries, **how)
                else:
                    answers.append(identify(query, libraries, **how))
            except InputError as error:
                failures.append(f"{measurement.file}: {_as_typed(error, exhibit, measurement.file)}")
        failures += _unreadable(measurement.excludes, measurement.number, catalogue)
        names = {answer.spectrum.technique.value for answer in answers if answer.spectrum.technique}
        row = find_technique(next(iter(names))) if len(names) == 1 else None
        measured.append(
            Measured(
                measurement=measurement,
                technique=row.name if row else None,
                category=row.category if row else None,
                answers=tuple(answers),
                sha256=sha256,
                failures=tuple(failures),
            )
        )
    if spectra_of_others:
        measurement, other = spectra_of_others[0]
        raise InputError(
            f"{exhibit.file}: the file {measurement.file} says that it is of exhibit {other[:60]!a}; expected {exhibit.id[:60]!a}, "
            "since nothing is concluded from files that disagree about their exhibit."
        )
    return _joined(exhibit, tuple(measured), libraries, catalogue)


def rerun_exhibit(settings: dict[str, Any]) -> dict[str, Any]:
    """Conclude again what a record's settings describe; see :func:`nps_ident.identify.replaying.rerun`.

    Raises
    ------
    InputError
        When the exhibit is no longer there.
    """
    from nps_ident.catalogue.store import open_catalogue
    from nps_ident.confidence.calibration import read_calibration
    from nps_ident.io.exhibit_file import read_exhibits
    from nps_ident.library import open_library

    place = Path(settings.get("folder", "."), settings["file"])
    exhibits = read_exhibits(place)
    if not 0 <= settings["index"] < len(exhibits):
        raise InputError(f"{place}: there is no exhibit {settings['index']}; expected the file that was recorded.")
    libraries = open_library(*settings.get("library", ()), starter=bool(settings.get("starter", True)), report=lambda _: None)
    chosen = [read_calibration(path) for path in settings.get("calibration", ())]
    conclusion = conclude(
        exhibits[settings["index"]],
        libraries,
        catalogue=open_catalogue(settings["catalogue"]) if settings.get("catalogue") else None,
        calibrations={(calibration.technique, calibration.kind): calibration for calibration in chosen} or None,
        proposals=bool(settings.get("proposals", True)),
    )
    return replace(conclusion, exhibit=replace(conclusion.exhibit, file=settings["file"])).to_dict()


def _run_answers(
    run: Run, exhibit: Exhibit, measurement: Measurement, libraries: Libraries, how: dict[str, Any], failures: list[str]
) -> tuple[Identification, ...]:
    """One answer a component, with the blank, the ladder and the reagent that the measurement names."""
    from nps_ident.identify.run import identify_run, read_run_aids

    folder = Path(exhibit.file).parent
    aids = read_run_aids(
        blank=folder / measurement.blank if measurement.blank else None,
        alkanes=folder / measurement.alkanes if measurement.alkanes else None,
        derivatised=measurement.derivatised,
        report=lambda error: failures.append(_as_typed(error, exhibit, measurement.blank, measurement.alkanes)),
    )
    return identify_run(run, libraries, aids=aids, report=lambda error: failures.append(_as_typed(error, exhibit, measurement.file)), **how)


def _read(exhibit: Exhibit, measurement: Measurement) -> tuple[list[MassSpectrum | Run], str | None, list[str]]:
    """The spectra or the run of one file, its hash, and what could not be read of it."""
    row = find_technique(measurement.technique) if measurement.technique else None
    failures: list[str] = []
    technique = Technique(row.name) if row is not None and row.name in set(Technique) else None
    if measurement.technique and technique is None:
        expected = ", ".join(technique.value for technique in Technique)
        what = f"measurement {measurement.number}: no files of {measurement.technique[:60]!a} are read"
        return [], None, [f"{what}; expected {expected}, or a 'result' that the laboratory states."]
    found: list[MassSpectrum | Run] = []
    place = Path(exhibit.file).parent / str(measurement.file)
    for query in scan_queries(place, report=lambda error: failures.append(_as_typed(error, exhibit, measurement.file)), technique=technique):
        if len(found) == _MOST_SPECTRA:
            failures.append(f"{measurement.file}: more than {_MOST_SPECTRA} spectra; the first {_MOST_SPECTRA} were answered.")
            break
        said = Technique.EI_MS if isinstance(query, Run) else query.technique
        if technique is not None and said is not technique:
            stated = said.value if said else "none"
            failures.append(f"{measurement.file}: {query.name[:60]!a} says {stated}; expected {technique.value} as the exhibit file says.")
            continue
        found.append(query)
    sha256 = found[0].source.sha256 if found and found[0].source else None
    return found, sha256, failures


def _as_typed(error: Exception, exhibit: Exhibit, *typed: str | None) -> str:
    """The error's text with its files as the exhibit file writes them, wherever the exhibit lies: a record of it must replay anywhere."""
    text = str(error)
    folder = Path(exhibit.file).parent
    for name in filter(None, typed):
        for place in (folder / name).resolve(), folder.resolve() / name, folder / name:
            text = text.replace(str(place), name)
    return text


def _ids(spectrum: MassSpectrum) -> tuple[str, ...]:
    """What a file says which exhibit it is of."""
    return tuple(
        value.strip() for name, value in spectrum.metadata if "".join(filter(str.isalnum, name.casefold())) in _ID_FIELDS and value.strip()
    )


def _stated(measurement: Measurement, catalogue: Catalogue) -> Measured:
    row = find_technique(measurement.technique or "")
    failures = []
    if row is None:
        known = ", ".join(technique.name for technique in read_techniques())
        failures.append(f"measurement {measurement.number}: the technique {str(measurement.technique)[:60]!a} is not known; expected {known}.")
    classes = {entry.substance.drug_class for entry in catalogue.entries}
    # A screening is negative for a class; a substance is found by its own name.
    asked = () if measurement.result == "negative" and measurement.substance in classes else (measurement.substance or "",)
    failures += _unreadable((*asked, *measurement.excludes), measurement.number, catalogue)
    return Measured(
        measurement=measurement, technique=row.name if row else None, category=row.category if row else None, failures=tuple(failures)
    )


def _unreadable(names: Iterable[str], number: int, catalogue: Catalogue) -> list[str]:
    """One sentence for each name that does not mean one substance."""
    return [
        f"measurement {number}: {name[:60]!r} is the name of {'several substances' if found else 'no substance'} of the catalogue; expected one."
        for name in names
        if len(found := _found_names(name, catalogue)) != 1
    ]


def _found_names(name: str, catalogue: Catalogue) -> tuple[Substance, ...]:
    """The substances of that name, forms of one skeleton as one."""
    return tuple({substance.skeleton: substance for substance in reversed(catalogue.find_name(name))}.values())


def _joined(exhibit: Exhibit, measured: tuple[Measured, ...], libraries: Libraries, catalogue: Catalogue) -> Conclusion:
    named, findings = [], []
    for one in measured:
        for part in _named(one, libraries, catalogue):
            if all(member.isotope_labelled for member in part.members):
                text = f"Measurement {part.number} names {part.members[0].name}, which is isotope-labelled: a standard, not part of the exhibit."
                findings.append(Finding(code="EXH-005", severity=Severity.INFO, text=text))
            else:
                named.append(part)
    groups = _groups(named)
    heads = [_head(group) for group in groups]
    contradictions = _contradictions(measured, groups, heads, catalogue)
    found: list[FoundSubstance] = []
    cited: list[str] = []
    for head, group in zip(heads, groups, strict=True):
        against = tuple(text for text, touched in contradictions if head.skeleton in touched)
        substance, enough = _found(head, group, against, exhibit, catalogue)
        found.append(substance)
        cited += enough.cited
    found.sort(key=lambda one: (list(ConclusionKind).index(one.conclusion), -len(one.techniques), one.substance.name.casefold()))
    questions = tuple(_open_questions(measured, found))
    kind = _kind(found, questions)
    quantities, not_used = _quantities(exhibit, found, catalogue)
    claim = None
    if exhibit.claim is not None:
        read = read_claim(exhibit.claim, catalogue)
        mirrored = _other_forms(read, found, groups, heads)
        weaker = [replace(one, conclusion=mirrored[one.substance.skeleton][0]) if one.substance.skeleton in mirrored else one for one in found]
        claim = answer_claim(read, weaker, measured, quantities, libraries=libraries, catalogue=catalogue)
        if mirrored:
            names = tuple(f"{substance.name} is " for substance in read.substances if substance.skeleton in mirrored)
            kept = [text for text in claim.reasons if not text.startswith(names)]
            claim = replace(claim, reasons=(*(text for _, text in mirrored.values()), *kept))
    watched = [Finding(code="EXH-008", severity=Severity.WARNING, text=text) for text in watch_list(found, measured)]
    if claim is not None:
        text = f"The claim {claim.claim.text.strip()[:80]!r}: {claim.verdict.value}. {claim.reasons[0]}"
        findings.append(Finding(code="EXH-009", severity=Severity.INFO, text=text))
    findings += [Finding(code="EXH-002", severity=Severity.WARNING, text=text[0].upper() + text[1:]) for text in not_used]
    findings += _findings(kind, found, measured, questions, tuple(text for text, _ in contradictions), named)
    rules = read_rules()
    return Conclusion(
        exhibit=exhibit,
        kind=kind,
        substances=tuple(found),
        contradictions=tuple(text for text, _ in contradictions),
        open_questions=questions,
        measured=measured,
        library=libraries.stamp,
        software=software_versions(),
        claim=claim,
        quantities=quantities,
        limits=watch_list_limits(measured, found, libraries),
        not_used=not_used,
        rules=tuple((name, rule.source) for name, rule in rules.items() if name in cited),
        findings=(*watched, *sorted(findings, key=lambda finding: finding.code != "EXH-001")),
    )


def _quantities(exhibit: Exhibit, found: Sequence[FoundSubstance], catalogue: Catalogue) -> tuple[tuple[Quantity, ...], tuple[str, ...]]:
    """The laboratory's calibrations evaluated, and why some could not be used."""
    if not exhibit.quantities:
        return (), ()
    from nps_ident.confidence.quantity import quantity
    from nps_ident.io.document import open_document

    used, refused = [], []
    for given in exhibit.quantities:
        named = _found_names(given.substance, catalogue)
        one = next((one for one in found if [one.substance.skeleton] == [substance.skeleton for substance in named]), None)
        if one is None or one.conclusion is ConclusionKind.UNDETERMINED:
            refused.append(f"quantity {given.file}: {given.substance[:60]!r} was not found in the exhibit; no percentage of it is given.")
            continue
        try:
            text, _ = open_document(Path(exhibit.file).parent / given.file).text()
            result = quantity(text, substance=named[0].name, basis=given.basis)
        except InputError as error:
            refused.append(f"quantity {given.file}: {_as_typed(error, exhibit, given.file)}")
            continue
        if one.conclusion is not ConclusionKind.IDENTIFIED:
            result = replace(result, text=f"{result.text} It holds if the substance is {result.substance}, which is not identified.")
        used.append(result)
    return tuple(used), tuple(refused)


def _named(measured: Measured, libraries: Libraries, catalogue: Catalogue) -> Iterable[_Named]:
    """What one measurement names, one entry a component."""
    row = find_technique(measured.technique or "")
    given = measured.measurement
    if row is None:
        return
    stated = _found_names(given.substance or "", catalogue)
    if given.result == "positive" and len(stated) == 1:
        [substance] = stated
        lr = {} if given.log10_lr is None else {substance.skeleton: given.log10_lr}
        yield _Named(measured=measured, technique=row, members=(substance,), log10_lr=lr, stereo=_blindness(row, substance, catalogue))
    for answer in measured.answers:
        if _is_background(answer):
            continue
        by_key = {match.substance.inchikey or match.substance.name: match for match in answer.matches}

        def substance_of(key: str, known: dict[str, Candidate] = by_key) -> Substance:
            if key in known:
                return known[key].substance
            # A library record without structure goes by its name.
            return catalogue.by_inchikey(key) or Substance(inchikey=key if _INCHIKEY.fullmatch(key) else None, name=key)

        lrs = {match.substance.skeleton: match.log10_lr for match in answer.matches if match.log10_lr is not None}
        technique = answer.spectrum.technique or Technique.EI_MS
        time = answer.spectrum.retention_time_s
        stereo = next((finding.text for finding in answer.findings if finding.code == "IDENT-006"), None)
        if answer.verdict in NAMED and answer.best is not None:
            members = tuple(map(substance_of, answer.isomer_set or ())) or (answer.best.substance,)
            made = next((finding.text for finding in answer.findings if finding.code == "RUN-006"), None)
            # Of any class: a spectrum that was compared with no reference of an isomer says nothing of it.
            unseen = tuple(map(substance_of, isomers_without_reference(answer.best.substance, technique, libraries, catalogue, any_class=True)))
            weight = {match.substance.skeleton: match.probability for match in answer.matches if match.probability is not None}
            yield _Named(
                measured=measured,
                technique=row,
                members=members,
                log10_lr=lrs,
                fits=unseen,
                stereo=stereo,
                made=made,
                weight=weight,
                peak=(time, None),
            )
        for place, component in enumerate(answer.components or ()):
            members = tuple(map(substance_of, component.isomer_set or ())) or (component.substance,)
            unseen = tuple(map(substance_of, isomers_without_reference(component.substance, technique, libraries, catalogue, any_class=True)))
            # No likelihood ratio: those of the answer are of one substance for the whole spectrum.
            yield _Named(
                measured=measured,
                technique=row,
                members=members,
                share=component.fraction,
                fits=unseen,
                weight={component.substance.skeleton: component.probability or 0.0},
                peak=(time, place),
                stereo=f"Stereochemistry not established: mass spectra do not tell {component.substance.name} from its stereoisomers.",
            )


def _blindness(row: MeasuringTechnique, substance: Substance, catalogue: Catalogue) -> str | None:
    """What a technique without a chiral part leaves open of the stereochemistry; None where no stereoisomers are known of."""
    key = substance.inchikey
    if key is None or "chiral" in row.name:
        return None
    forms = [other for other in catalogue.by_skeleton(key) if other.inchikey != key and not other.isotope_labelled]
    blind = [other.name for other in forms if not row.excludes_alone or row.separates_as not in _telling_forms(substance, other)]
    if not blind and key[15:23] == NO_STEREO:
        return None
    return f"Stereochemistry not established: {row.name} does not by itself tell {substance.name} from {', '.join(blind) or 'its mirror image'}."


def _is_background(answer: Identification) -> bool:
    """Whether a component of a run is the column's or the blank's, and no statement about the exhibit."""
    return any(finding.code in {"RUN-003", "RUN-004"} for finding in answer.findings)


def _groups(named: Sequence[_Named]) -> list[list[_Named]]:
    """What may be one and the same substance: entries that all have a member in common, and never two components of one measurement.

    What names one substance comes first, then the sets, those whose first member is so named before the others: a set joins where its own first
    member is, else where any other is.
    """
    single = {skeleton for part in named if len(part.skeletons) == 1 for skeleton in part.skeletons}

    def turn(part: _Named) -> tuple[int, bool, float, int]:
        first = part.members[0].skeleton
        return (len(part.skeletons), first not in single, -part.log10_lr.get(first, part.weight.get(first, 0.0)), part.number)

    groups: list[tuple[frozenset[str], list[_Named]]] = []
    for part in sorted(named, key=turn):
        order = {member.skeleton: place for place, member in reversed(list(enumerate(part.members)))}
        fitting = [
            (min(order[skeleton] for skeleton in common & part.skeletons), -len(group), place)
            for place, (common, group) in enumerate(groups)
            if common & part.skeletons and not any(part.is_beside(other) for other in group)
        ]
        if fitting:
            place = min(fitting)[2]
            groups[place] = (groups[place][0] & part.skeletons, [*groups[place][1], part])
        else:
            groups.append((part.skeletons, [part]))
    return sorted((sorted(group, key=lambda part: part.number) for _, group in groups), key=lambda group: group[0].number)


def _head(group: Sequence[_Named]) -> Substance:
    """The member that most measurements name, then the one with the greatest likelihood ratios, then the likeliest, then the first of the sets.

    Of stereoisomers it is the one that the laboratory states: a spectrum's own name is that of a reference, and tells none.
    """
    ordered = sorted(group, key=lambda part: not part.stated)
    members = {member.skeleton: member for part in reversed(ordered) for member in reversed(part.members)}

    def support(skeleton: str) -> tuple[float, float, float, int, str]:
        own = [part for part in group if skeleton in part.skeletons]
        lrs = sum(part.log10_lr.get(skeleton, 0.0) for part in own)
        weight = sum(part.weight.get(skeleton, 0.0) for part in own)
        place = sum([member.skeleton for member in part.members].index(skeleton) for part in own)
        return (-len({part.number for part in own}), -lrs, -weight, place, skeleton)

    return members[min(members, key=support)]


def _found(
    head: Substance, group: Sequence[_Named], against: tuple[str, ...], exhibit: Exhibit, catalogue: Catalogue
) -> tuple[FoundSubstance, Sufficiency]:
    own = [part for part in group if head.skeleton in part.skeletons]
    supports: dict[int, Support] = {}
    for part in own:
        given = part.measured.measurement
        fits = frozenset(member.skeleton for member in (*part.members, *part.fits)) - {head.skeleton}
        earlier = supports.get(part.number)
        supports[part.number] = Support(
            number=part.number,
            technique=part.technique,
            sampling=given.sampling,
            reference_material=given.reference_material,
            reviewable=given.file is not None or given.data is not None,
            excludes=frozenset(other.skeleton for name in given.excludes for other in _found_names(name, catalogue)),
            fits=fits | earlier.fits if earlier else fits,
        )
    ambiguous = [member for part in group for member in (*part.members, *part.fits)]
    if not any(part.measured.answers for part in own):
        # Stated results alone: no spectrum was searched, so that nothing here has set any isomer aside.
        ambiguous += _isomers(head, catalogue)
    enough = sufficiency(head, tuple(supports.values()), ambiguous, single_sampling=exhibit.single_sampling)
    missing = [*enough.missing, *(f"Resolve the contradiction: {text}" for text in against)]
    missing += list(dict.fromkeys(part.made for part in own if part.made))
    missing += _forms_left(head, own, catalogue)
    if head.status != "confirmed":
        missing.append(f"{head.name} is an entry of your own register that nobody has reviewed.")
    lr, how = _joined_lr(head, own)
    # Category C tells a class at most (SWGDRUG Recommendations, part III B), whatever the laboratory states.
    indicated = any(support.technique.category in {"A", "B"} for support in supports.values())
    conclusion = ConclusionKind.INDICATED if indicated else ConclusionKind.UNDETERMINED
    entry = catalogue.entry_of(head.inchikey) if head.inchikey else None
    shares = [part.share for part in own if part.share is not None]
    found = FoundSubstance(
        substance=head,
        conclusion=ConclusionKind.IDENTIFIED if enough.holds and not missing else conclusion,
        group=entry.group if entry else None,
        measurements=tuple(sorted(supports)),
        techniques=tuple(dict.fromkeys(part.technique.name for part in own)),
        log10_lr=lr,
        log10_lr_from=how,
        share_of_signal=max(shares, default=None),
        rule=enough.rule,
        missing=tuple(missing),
        not_excluded=enough.not_excluded,
    )
    return found, enough


def _forms_left(head: Substance, own: Sequence[_Named], catalogue: Catalogue) -> list[str]:
    """One sentence for each stereoisomer of the catalogue that no measurement tells from a head of stated stereochemistry.

    Only a result that the laboratory states for this very form tells: agreement of a spectrum with a library's record does not.
    """
    if head.inchikey is None or head.isotope_labelled or head.inchikey[15:23] == NO_STEREO:
        return []
    left = []
    for other in catalogue.by_skeleton(head.inchikey):
        if other.inchikey in {None, head.inchikey} or other.isotope_labelled:
            continue
        telling = _telling_forms(head, other)
        if not any(_tells_form(part, head, other, telling, catalogue) for part in own):
            text = f"Stereochemistry not established: {head.name} is not told from its stereoisomer {other.name}"
            left.append(f"{text}: compare both by {' or '.join(telling)} [isomers].")
    return left


def _telling_forms(first: Substance, second: Substance) -> tuple[str, ...]:
    """Techniques that tell two stereoisomers apart: an achiral one only where they are known to be diastereomers."""
    row = separated_by(first, second, Technique.EI_MS)
    return tuple(name for name in row.techniques if row.kind == "diastereomers" or "chiral" in name)


def _tells_form(part: _Named, head: Substance, other: Substance, telling: Sequence[str], catalogue: Catalogue) -> bool:
    given = part.measured.measurement
    if not part.stated or part.members[0].inchikey != head.inchikey or given.data is None or given.reference_material.missing:
        return False
    compared = {substance.inchikey for name in given.excludes for substance in catalogue.find_name(name)}
    return part.technique.separates_as in telling and (part.technique.excludes_alone or other.inchikey in compared)


def _other_forms(
    claim: Claim, found: Sequence[FoundSubstance], groups: Sequence[Sequence[_Named]], heads: Sequence[Substance]
) -> dict[str, tuple[ConclusionKind, str]]:
    """Of each skeleton of which the claim names one stereoisomer and the results another: what at most is said of it."""
    others: dict[str, tuple[ConclusionKind, str]] = {}
    for claimed in claim.substances:
        for one in found:
            known = one.conclusion is not ConclusionKind.UNDETERMINED
            if known and one.substance.skeleton == claimed.skeleton and one.substance.inchikey != claimed.inchikey:
                parts = [part for head, group in zip(heads, groups, strict=True) if head.skeleton == claimed.skeleton for part in group]
                stated = any(part.stated for part in parts)
                text = f"The results name {one.substance.name}, a stereoisomer of {claimed.name}, which is not established."
                others[claimed.skeleton] = (ConclusionKind.UNDETERMINED if stated else ConclusionKind.INDICATED, text)
    return others


def _isomers(head: Substance, catalogue: Catalogue) -> list[Substance]:
    """Every catalogue substance of the same formula, of whatever drug class."""
    keys = isomers_without_reference(head, Technique.EI_MS, Libraries(()), catalogue, any_class=True)
    return [other for key in keys if (other := catalogue.by_inchikey(key)) is not None]


def _joined_lr(head: Substance, own: Sequence[_Named]) -> tuple[float | None, str | None]:
    """The sum over properties of the smallest log10 LR of each, and how it came about.

    Techniques that measure different properties are taken as independent given the substance; those of one property are not.
    """
    by_property: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for part in own:
        if head.skeleton in part.log10_lr:
            stated = ", as the laboratory states" if part.measured.measurement.result else ""
            said = f"{part.technique.name} {part.log10_lr[head.skeleton]:+.2f} (measurement {part.number}{stated})"
            by_property[part.technique.property].append((part.log10_lr[head.skeleton], said))
    if not by_property:
        return None, None
    words = []
    for name, values in sorted(by_property.items()):
        listed = ", ".join(text for _, text in values)
        words.append(f"{listed} measure one property, {name}, and are not independent: the smallest stands" if len(values) > 1 else listed)
    total = math.fsum(min(value for value, _ in values) for values in by_property.values())
    return total, ("; multiplied by " if len(words) > 1 else "").join(words) + "."


def _contradictions(
    measured: Sequence[Measured], groups: Sequence[Sequence[_Named]], heads: Sequence[Substance], catalogue: Catalogue
) -> list[tuple[str, frozenset[str]]]:
    """What cannot all be true, each with the skeletons that it touches."""
    found: list[tuple[str, frozenset[str]]] = []
    numbers = [{part.number for part in group} for group in groups]
    for head, group in zip(heads, groups, strict=True):
        found += _within(head, group)
    for one in measured:
        given = one.measurement
        if given.result == "negative":
            found += _denied(one, groups, heads, measured, catalogue)
        for answer in one.answers:
            found += [
                (f"Measurement {given.number}: {finding.text}", frozenset(match.substance.skeleton for match in answer.matches[:1]))
                for finding in answer.findings
                if finding.code == "IDENT-005"
            ]
        if len(one.answers) == 1:
            found += _speaking_against(one, one.answers[0], heads, numbers)
    for i, head in enumerate(heads):
        for j in range(i + 1, len(heads)):
            isomers = head.formula is not None and head.formula == heads[j].formula and head.skeleton != heads[j].skeleton
            if numbers[i] & numbers[j] and not (isomers and _stated_apart(groups[i], groups[j])):
                continue
            names = f"{_measurements(numbers[i])} names {head.name}, {_measurements(numbers[j])} names {heads[j].name}"
            if isomers:
                said = f"{names}, and these are isomers: one of the two is wrong, or the exhibit holds both."
                found.append((said, frozenset({head.skeleton, heads[j].skeleton})))
            elif _whole(groups[i]) and _whole(groups[j]):
                said = f"{names}, and neither shows the other: a mixture of which each sees a part, samplings that differ, or an error."
                found.append((said, frozenset({head.skeleton, heads[j].skeleton})))
    return found


def _within(head: Substance, group: Sequence[_Named]) -> Iterable[tuple[str, frozenset[str]]]:
    """What cannot all be true of the measurements that are joined in one group."""
    forms = {part.members[0].inchikey or "": part for part in reversed(group) if part.stated and part.members[0].inchikey}
    if len(forms) > 1:
        names = ", ".join(f"measurement {part.number} names {part.members[0].name}" for part in reversed(forms.values()))
        yield f"{names[0].upper()}{names[1:]}, and these are stereoisomers: one of the two is wrong.", frozenset({head.skeleton})
    for part in group:
        lr = part.log10_lr.get(head.skeleton, 0.0)
        if lr < 0.0:
            where = f"{part.technique.name} (measurement {part.number})"
            text = f"{where} names {head.name}, and its log10 likelihood ratio of {lr:+.2f} speaks against it."
            yield text, frozenset({head.skeleton})


def _denied(
    one: Measured, groups: Sequence[Sequence[_Named]], heads: Sequence[Substance], measured: Sequence[Measured], catalogue: Catalogue
) -> Iterable[tuple[str, frozenset[str]]]:
    """What a negative result of the laboratory, on a substance or a class, cannot be true beside."""
    asked = one.measurement.substance or ""
    denied = {substance.skeleton for substance in _found_names(asked, catalogue)}
    denied = denied if len(denied) == 1 else set()

    def touches(substance: Substance) -> bool:
        return substance.skeleton in denied or (substance.drug_class or "").casefold() == asked.casefold() != ""

    negative = f"{one.technique or one.measurement.technique} (measurement {one.measurement.number}) is negative for"
    for head, group in zip(heads, groups, strict=True):
        by = {part.number for part in group}
        if touches(head):
            what = head.name if head.skeleton in denied else f"the class {head.drug_class}, to which {head.name} belongs,"
            yield f"{negative} {what}{'' if what.endswith(',') else ','} which {_measurements(by)} supports.", frozenset({head.skeleton})
            continue
        for part in group:
            first = part.members[0]
            if touches(first) and part.weight.get(first.skeleton, 1.0) > _LIKELIER_THAN_NOT:
                text = f"{negative} {first.name}, the likeliest substance of a set in measurement {part.number}."
                yield text, frozenset({first.skeleton, head.skeleton})
    for other in measured:
        for answer in other.answers:
            best = answer.best
            likely = best is not None and best.probability is not None and best.probability > _LIKELIER_THAN_NOT
            if best is not None and likely and answer.verdict in _OPEN and touches(best.substance):
                text = f"{negative} {best.substance.name}, which is likelier than not in measurement {other.measurement.number}."
                yield text, frozenset({best.substance.skeleton})


def _stated_apart(first: Sequence[_Named], second: Sequence[_Named]) -> bool:
    """Whether techniques that each name one substance alone name another each, and none of them names both."""
    alone = [{part.technique.name for part in group if len(part.skeletons) == 1} for group in (first, second)]
    return bool(alone[0] and alone[1]) and not alone[0] & alone[1]


def _speaking_against(
    one: Measured, answer: Identification, heads: Sequence[Substance], numbers: Sequence[set[int]]
) -> Iterable[tuple[str, frozenset[str]]]:
    """The substances that a single adequate spectrum names too little of, though it lists them."""
    for head, by in zip(heads, numbers, strict=True):
        lr = next((match.log10_lr for match in answer.matches if match.substance.skeleton == head.skeleton), None)
        number = one.measurement.number
        if number not in by and lr is not None and lr <= _AGAINST_LOG10_LR and answer.verdict not in {*NAMED, Verdict.MIXTURE}:
            text = f"{one.technique} (measurement {number}) speaks against {head.name}: log10 likelihood ratio {lr:+.2f}."
            yield text, frozenset({head.skeleton})


def _whole(group: Sequence[_Named]) -> bool:
    """Whether each measurement that names it is of all that was in its sampling, as the laboratory says of a file."""
    return all(part.measured.measurement.whole_sample and part.measured.answers for part in group)


def _measurements(numbers: Iterable[int]) -> str:
    listed = sorted(numbers)
    return f"measurement {listed[0]}" if len(listed) == 1 else f"measurements {', '.join(map(str, listed))}"


def _open_questions(measured: Sequence[Measured], found: Sequence[FoundSubstance]) -> Iterable[OpenQuestion]:
    """The spectra that stay unexplained; one that leans to what another technique establishes is no question, and no support either."""
    established = {one.substance.skeleton for one in found if one.conclusion is not ConclusionKind.UNDETERMINED}
    for one in measured:
        for answer in one.answers:
            if _is_background(answer):
                continue
            best = answer.best
            likely = best is not None and best.probability is not None and best.probability > _LIKELIER_THAN_NOT
            if answer.verdict is Verdict.CLASS_ONLY and likely and best is not None and best.substance.skeleton in established:
                continue
            if answer.verdict in _OPEN or answer.characterise:
                rest = [finding.text for finding in answer.findings if finding.code == "IDENT-019"]
                reason = next(iter((*rest, *answer.reasons)), "Nothing known explains it.")
                yield OpenQuestion(
                    measurement=one.measurement.number, id=answer.spectrum.name, verdict=answer.verdict.value, text=reason
                )


def _kind(found: Sequence[FoundSubstance], questions: Sequence[OpenQuestion]) -> ConclusionKind:
    if all(one.conclusion is ConclusionKind.UNDETERMINED for one in found):
        return ConclusionKind.UNDETERMINED
    principal = [one for one in found if one.group not in _COMPANIONS] or found
    whole = all(one.conclusion is ConclusionKind.IDENTIFIED for one in principal) and not questions
    return ConclusionKind.IDENTIFIED if whole else ConclusionKind.INDICATED


def _findings(
    kind: ConclusionKind,
    found: Sequence[FoundSubstance],
    measured: Sequence[Measured],
    questions: Sequence[OpenQuestion],
    contradictions: Sequence[str],
    named: Sequence[_Named],
) -> Iterable[Finding]:
    def note(code: str, text: str, severity: Severity = Severity.WARNING) -> Finding:
        return Finding(code=code, severity=severity, text=text)

    reached = [one.substance.name for one in found if one.conclusion is ConclusionKind.IDENTIFIED]
    if kind is ConclusionKind.UNDETERMINED:
        answered = any(one.answers or one.measurement.result for one in measured if not one.failures or one.answers)
        text = "No technique of category A or B names a substance" if answered else "No measurement could be used"
        yield note("EXH-001", f"{text}: the composition is undetermined{', and the question stays open' if questions else ''}.", Severity.INFO)
    elif kind is ConclusionKind.IDENTIFIED:
        yield note("EXH-001", f"The evidence suffices for {', '.join(reached)}.", Severity.INFO)
    else:
        n_open = sum(one.conclusion is not ConclusionKind.IDENTIFIED for one in found)
        parts = [f"the evidence suffices for {', '.join(reached)}"] if reached else []
        parts += [f"of {len(found)} named, {n_open} need{'s' * (n_open == 1)} more evidence"] if n_open else []
        parts += [f"open questions on spectra: {len(questions)}"] if questions else []
        text = "; ".join(parts)
        yield note("EXH-001", f"{text[0].upper()}{text[1:]}.", Severity.INFO)
    for one in measured:
        for text in one.failures:
            where = "" if text.startswith("measurement") else f"measurement {one.measurement.number}: "
            said = where + text
            yield note("EXH-002", said[0].upper() + said[1:])
    yield from (note("EXH-003", text) for text in contradictions)
    stated = [one.measurement.number for one in measured if one.measurement.result is not None]
    if stated:
        text = f"The result of {_measurements(stated)} is as the laboratory states it; nothing of it was checked here."
        yield note("EXH-004", text, Severity.INFO)
    yield from (note("EXH-006", text, Severity.INFO) for text in dict.fromkeys(part.stereo for part in named if part.stereo))
    if questions:
        where = ", ".join(dict.fromkeys(f"{question.id[:60]!r} of measurement {question.measurement}" for question in questions))
        yield note("EXH-007", f"Not explained by anything known: {where}; to be characterised.")
