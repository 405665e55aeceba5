"""What was seized, what was measured on it, and what is concluded of it, in the exact form in which it is written down."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nps_ident.model.finding import Finding
    from nps_ident.model.identification import Identification, LibraryStamp
    from nps_ident.model.substance import Substance

__all__ = [
    "Claim",
    "ClaimAnswer",
    "ClaimVerdict",
    "Conclusion",
    "ConclusionKind",
    "DetectionLimit",
    "Exhibit",
    "FoundSubstance",
    "Marker",
    "Measured",
    "Measurement",
    "NotExcluded",
    "OpenQuestion",
    "Quantity",
    "QuantityFile",
    "ReferenceMaterial",
]

SCHEMA = "nps-ident/conclusion/1"


class ConclusionKind(StrEnum):
    """How far the evidence on a substance, or on a whole exhibit, goes."""

    IDENTIFIED = "identified"
    INDICATED = "indicated"
    UNDETERMINED = "undetermined"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceMaterial:
    """The reference material that a laboratory measured in the same batch; what the exhibit file leaves out is None."""

    id: str | None = None
    certificate: str | None = None
    batch: str | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """The parts that are not stated."""
        parts = (("reference_material", self.id), ("certificate", self.certificate), ("batch", self.batch))
        return tuple(name for name, value in parts if not value)

    def to_dict(self) -> dict[str, str | None]:
        """The material as the conclusion contract writes it."""
        return {"id": self.id, "certificate": self.certificate, "batch": self.batch}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One technique on one sampling of an exhibit: a file of spectra, or a result that the laboratory states.

    Parameters
    ----------
    number : int
        From 1, in the order of the exhibit file.
    technique : str or None
        As written; None only for a file that names its own.
    sampling : str
        Which portion of the exhibit it was measured on.
    file : str or None
        Of spectra or of a GC–MS run, as written: relative to the exhibit file.
    blank, alkanes, derivatised : str or None
        Beside a run: a blank run, a table of n-alkanes, the reagent; see :class:`nps_ident.identify.run.RunAids`.
    whole_sample : bool
        Whether the laboratory says that each spectrum of the file is of all that was in the sampling: no column before the instrument.
    result : str or None
        ``positive``, ``negative`` or ``inconclusive``: what the laboratory states where there is no file that is read here.
    substance : str or None
        What the stated result is about, by name.
    excludes : tuple of str
        Substances that the laboratory measured by this technique and saw to differ, by name.
    data : str or None
        Where the reviewable data of a stated result are kept.
    limit_percent : float or None
        Of a negative result: the percent by mass above which the laboratory would have seen it.
    log10_lr : float or None
        The laboratory's own, with ``lr_source``.
    exhibit : str or None
        The exhibit that this row says it belongs to.
    same_as : int or None
        The earlier measurement whose file has the same content: the two are one measurement of one sampling, whatever was written.
    """

    number: int
    technique: str | None = None
    sampling: str = "1"
    file: str | None = None
    blank: str | None = None
    alkanes: str | None = None
    derivatised: str | None = None
    whole_sample: bool = False
    result: str | None = None
    substance: str | None = None
    excludes: tuple[str, ...] = ()
    data: str | None = None
    limit_percent: float | None = None
    reference_material: ReferenceMaterial = field(default_factory=ReferenceMaterial)
    log10_lr: float | None = None
    lr_source: str | None = None
    exhibit: str | None = None
    same_as: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantityFile:
    """A quantitative calibration that the laboratory gives for one substance: see :mod:`nps_ident.confidence.quantity`.

    Parameters
    ----------
    basis : str
        What the amounts of the standards are amounts of: ``base``, or the name of a salt such as ``hydrochloride``.
    """

    file: str
    substance: str
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    """What was seized, as its file describes it; nothing of it is believed that is not measured.

    Parameters
    ----------
    claim : str or None
        What it is said to be, verbatim: a label, a street name.
    mass_g : float or None
    country : str or None
        ISO 3166-1 alpha-2.
    date : str or None
        ISO 8601, of the seizure.
    single_sampling : str or None
        Why only one sampling was possible, where that is so.
    file, sha256 : str
        Of the exhibit file as stored; ``index`` is its place among the exhibits of a sheet, from 0.
    """

    id: str
    file: str
    sha256: str
    index: int = 0
    claim: str | None = None
    description: str | None = None
    mass_g: float | None = None
    country: str | None = None
    date: str | None = None
    single_sampling: str | None = None
    measurements: tuple[Measurement, ...] = ()
    quantities: tuple[QuantityFile, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The exhibit as the conclusion contract writes it."""
        return {
            "claim": self.claim,
            "description": self.description,
            "mass_g": self.mass_g,
            "country": self.country,
            "date": self.date,
            "single_sampling": self.single_sampling,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What came of one measurement.

    Parameters
    ----------
    technique : str or None
        In the words of ``confidence/techniques.tsv``; None where it is not known.
    category : str or None
        Of SWGDRUG: A, B or C; None where the technique is in none.
    answers : tuple of Identification
        One a spectrum; empty for a stated result.
    sha256 : str or None
        Of the file.
    failures : tuple of str
        What could not be read or answered, one sentence each.
    records : tuple of str
        Ids of the answers' records, in their order; empty before they are recorded.
    """

    measurement: Measurement
    technique: str | None = None
    category: str | None = None
    answers: tuple[Identification, ...] = ()
    sha256: str | None = None
    failures: tuple[str, ...] = ()
    records: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The measurement as the conclusion contract writes it."""
        given = self.measurement
        return {
            "number": given.number,
            "technique": self.technique or given.technique,
            "category": self.category,
            "sampling": given.sampling,
            "file": given.file,
            "sha256": self.sha256,
            "stated": None if given.result is None else {"result": given.result, "substance": given.substance, "data": given.data},
            "excludes": list(given.excludes),
            "reference_material": given.reference_material.to_dict(),
            "answers": [
                {
                    "id": answer.spectrum.name,
                    "index": answer.spectrum.source.index if answer.spectrum.source else None,
                    "verdict": answer.verdict.value,
                    "best": answer.best.substance.name if answer.best else None,
                    "reason": answer.reasons[0] if answer.reasons else None,
                    "calibration": answer.calibration,
                    "record": self.records[i] if i < len(self.records) else None,
                }
                for i, answer in enumerate(self.answers)
            ],
            "failures": list(self.failures),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class NotExcluded:
    """A substance that the techniques used do not tell from the one found, and what would."""

    substance: Substance
    techniques: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """As the conclusion contract writes it."""
        return {"inchikey": self.substance.inchikey, "name": self.substance.name, "separated_by": list(self.techniques)}


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSubstance:
    """A substance found in the exhibit, with all that speaks for it.

    Parameters
    ----------
    group : str or None
        Of the catalogue, e.g. ``cutting agent``.
    measurements : tuple of int
        Numbers of the measurements that support it.
    techniques : tuple of str
        Theirs, each once.
    log10_lr : float or None
        Joined over uncorrelated techniques only; None where none is calibrated.
    log10_lr_from : str or None
        How it was joined, in words.
    share_of_signal : float or None
        The greatest in any spectrum, where a mixture was taken apart; never of mass.
    rule : str or None
        Id of the rule that is met; None where none is.
    missing : tuple of str
        What is needed for ``identified``, one sentence each.
    not_excluded : tuple of NotExcluded
        Substances that it is not told from yet.
    """

    substance: Substance
    conclusion: ConclusionKind
    group: str | None
    measurements: tuple[int, ...]
    techniques: tuple[str, ...]
    log10_lr: float | None = None
    log10_lr_from: str | None = None
    share_of_signal: float | None = None
    rule: str | None = None
    missing: tuple[str, ...] = ()
    not_excluded: tuple[NotExcluded, ...] = ()

    def to_dict(self, rank: int) -> dict[str, Any]:
        """The substance as the conclusion contract writes it."""
        return {
            "rank": rank,
            "inchikey": self.substance.inchikey,
            "name": self.substance.name,
            "drug_class": self.substance.drug_class,
            "group": self.group,
            "conclusion": self.conclusion.value,
            "measurements": list(self.measurements),
            "techniques": list(self.techniques),
            "log10_lr": None if self.log10_lr is None else round(self.log10_lr, 2) + 0.0,
            "log10_lr_from": self.log10_lr_from,
            "share_of_signal": None if self.share_of_signal is None else round(self.share_of_signal, 4) + 0.0,
            "rule": self.rule,
            "missing": list(self.missing),
            "not_excluded": [other.to_dict() for other in self.not_excluded],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenQuestion:
    """A spectrum, or a part of one, that nothing known explains.

    Parameters
    ----------
    measurement : int
        Its number.
    id : str
        Of the spectrum.
    verdict : str
    text : str
        What is known of it, in one sentence.
    item : str or None
        The open unknown in the ledger that it belongs to; None before it is recorded, and where it opens none.
    """

    measurement: int
    id: str
    verdict: str
    text: str
    item: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The question as the conclusion contract writes it."""
        return {"measurement": self.measurement, "id": self.id, "verdict": self.verdict, "text": self.text, "item": self.item}


class ClaimVerdict(StrEnum):
    """How what was found bears on what was claimed."""

    SUPPORTED = "supported"
    PARTLY = "partly"
    NOT_SUPPORTED = "not supported"
    CANNOT_BE_SAID = "cannot be said"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a label or a street name says, as far as it can be read.

    Parameters
    ----------
    text : str
        Verbatim.
    drug_classes : tuple of str
        Classes that it names in place of a substance.
    amount, amount_to : float or None
        In ``unit``; the second where it states a range.
    unit : str or None
        ``%``, ``mg``, ``g``, ``µg``, ``mg/ml`` or ``µg/h``.
    basis : str or None
        ``base`` or a salt.
    form : str or None
        ``patch``, ``tablet``, ``powder`` and so on.
    unread : tuple of str
        Words that were not understood.
    problem : str or None
        Why a part of it cannot be compared.
    comparable : bool
        False where it denies, names something other than the substance beside it, or states an amount that cannot be: whatever was found, it
        is neither supported nor refuted.
    """

    text: str
    substances: tuple[Substance, ...] = ()
    drug_classes: tuple[str, ...] = ()
    amount: float | None = None
    amount_to: float | None = None
    unit: str | None = None
    basis: str | None = None
    form: str | None = None
    unread: tuple[str, ...] = ()
    problem: str | None = None
    comparable: bool = True

    @property
    def amount_words(self) -> str | None:
        """The amount as a sentence takes it; None where there is none."""
        if self.amount is None:
            return None
        to = "" if self.amount_to is None else f" to {self.amount_to:g}"
        return f"{self.amount:g}{to} {self.unit}" + (f" as {self.basis}" if self.basis else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionLimit:
    """What one measurement can say about a substance or class that it does not show.

    Parameters
    ----------
    what : str
        A substance or a drug class.
    measurement : int or None
        None where no measurement can say anything.
    share : float or None
        The greatest share that could be hidden: of the signal of the spectrum, or of the mass where ``of`` says so.
    of : str or None
        ``signal`` or ``mass``.
    text : str
        The whole in one sentence; never that something is absent.
    """

    what: str
    text: str
    measurement: int | None = None
    share: float | None = None
    of: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The limit as the conclusion contract writes it."""
        share = None if self.share is None else round(self.share, 4) + 0.0
        return {"what": self.what, "measurement": self.measurement, "share": share, "of": self.of, "text": self.text}


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """A companion of the claimed substance that a rule table names: whether it was found.

    Parameters
    ----------
    state : str
        ``found``, ``not detected``, ``not excluded`` or ``not looked for``.
    """

    name: str
    role: str
    state: str
    text: str

    def to_dict(self) -> dict[str, str]:
        """The marker as the conclusion contract writes it."""
        return {"name": self.name, "role": self.role, "state": self.state, "text": self.text}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimAnswer:
    """The claim against what was found.

    Parameters
    ----------
    reasons : tuple of str
        One sentence each.
    markers : tuple of Marker
        Of the rule table of the claimed substance; empty where there is none.
    """

    claim: Claim
    verdict: ClaimVerdict
    reasons: tuple[str, ...]
    markers: tuple[Marker, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The answer as the conclusion contract writes it."""
        claim = self.claim
        return {
            "text": claim.text,
            "substances": [{"inchikey": substance.inchikey, "name": substance.name} for substance in claim.substances],
            "drug_classes": list(claim.drug_classes),
            "amount": claim.amount,
            "amount_to": claim.amount_to,
            "unit": claim.unit,
            "basis": claim.basis,
            "form": claim.form,
            "unread": list(claim.unread),
            "verdict": self.verdict.value,
            "reasons": list(self.reasons),
            "markers": [marker.to_dict() for marker in self.markers],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A mass fraction by the laboratory's own calibration.

    Parameters
    ----------
    percent, expanded_uncertainty : float
        In percent by mass, with the coverage factor 2.
    basis : str
        What the percentage is a percentage of.
    other_bases : tuple of (str, float, float)
        The same as other forms of the substance: basis, percent, expanded uncertainty.
    text : str
        Method, range and source of the formula in one sentence.
    """

    substance: str
    percent: float
    expanded_uncertainty: float
    basis: str
    text: str
    other_bases: tuple[tuple[str, float, float], ...] = ()

    @property
    def all_bases(self) -> tuple[tuple[str, float, float], ...]:
        """Basis, percent and expanded uncertainty: as measured, then as other forms."""
        return ((self.basis, self.percent, self.expanded_uncertainty), *self.other_bases)

    def to_dict(self) -> dict[str, Any]:
        """The quantity as the conclusion contract writes it."""
        return {
            "substance": self.substance,
            "percent": _significant(self.percent),
            "expanded_uncertainty": _significant(self.expanded_uncertainty),
            "coverage_factor": 2,
            "basis": self.basis,
            "other_bases": [
                {"basis": basis, "percent": _significant(percent), "expanded_uncertainty": _significant(expanded)}
                for basis, percent, expanded in self.other_bases
            ],
            "text": self.text,
        }


def _significant(value: float) -> float:
    return float(f"{value:.4g}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """What is concluded of an exhibit from everything measured on it.

    Parameters
    ----------
    kind : ConclusionKind
        ``identified`` when every substance that is no cutting agent or companion is, and no question is open; ``undetermined`` when none
        is even indicated; else ``indicated``.
    substances : tuple of FoundSubstance
        The best supported first.
    contradictions : tuple of str
        One sentence each; a substance that a contradiction touches is never ``identified``.
    claim : ClaimAnswer or None
        None where the exhibit has no claim.
    limits : tuple of DetectionLimit
        Of the substances on the watch list, whatever was claimed.
    not_used : tuple of str
        Quantitative calibrations that could not be used, and why.
    rules : tuple of (str, str)
        Id and source of each rule named above.
    """

    exhibit: Exhibit
    kind: ConclusionKind
    substances: tuple[FoundSubstance, ...]
    contradictions: tuple[str, ...]
    open_questions: tuple[OpenQuestion, ...]
    measured: tuple[Measured, ...]
    library: LibraryStamp
    software: tuple[tuple[str, str], ...]
    claim: ClaimAnswer | None = None
    quantities: tuple[Quantity, ...] = ()
    limits: tuple[DetectionLimit, ...] = ()
    not_used: tuple[str, ...] = ()
    rules: tuple[tuple[str, str], ...] = ()
    findings: tuple[Finding, ...] = ()
    record: str | None = None

    @property
    def failures(self) -> tuple[str, ...]:
        """What could not be read or answered, one sentence each."""
        repeated = (
            f"measurement {one.measurement.number}: {one.measurement.file} has the content of measurement {one.measurement.same_as}; "
            "expected another: the two count as one measurement of one sampling."
            for one in self.measured
            if one.measurement.same_as is not None
        )
        return (*(text for measured in self.measured for text in measured.failures), *repeated, *self.not_used)

    def to_dict(self) -> dict[str, Any]:
        """The conclusion by its contract (``nps-ident/conclusion/1``)."""
        exhibit = self.exhibit
        return {
            "schema": SCHEMA,
            "query": {"id": exhibit.id, "file": exhibit.file, "index": exhibit.index, "sha256": exhibit.sha256},
            "exhibit": exhibit.to_dict(),
            "conclusion": self.kind.value,
            "claim_not_supported": None if self.claim is None else self.claim.verdict is ClaimVerdict.NOT_SUPPORTED,
            "claim": None if self.claim is None else self.claim.to_dict(),
            "quantities": [quantity.to_dict() for quantity in self.quantities],
            "limits": [limit.to_dict() for limit in self.limits],
            "substances": [found.to_dict(rank) for rank, found in enumerate(self.substances, 1)],
            "contradictions": list(self.contradictions),
            "open_questions": [question.to_dict() for question in self.open_questions],
            "measurements": [measured.to_dict() for measured in self.measured],
            "rules": [{"id": name, "source": source} for name, source in self.rules],
            "findings": [finding.to_dict() for finding in self.findings],
            "library": self.library.to_dict(),
            "software": dict(self.software),
            "record": self.record,
        }

    def to_json(self) -> str:
        """The conclusion as one line of JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False)
