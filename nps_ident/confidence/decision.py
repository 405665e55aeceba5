"""From calibrated probabilities to a verdict, with the reason in words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nps_ident.chemistry.formula import parse_formula
from nps_ident.errors import ChemistryError
from nps_ident.library.hits import name_of
from nps_ident.model import Finding, Severity, Technique, Verdict
from nps_ident.spectra.peaks import MIN_PEAKS

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from nps_ident.confidence.calibration import Calibration
    from nps_ident.library.hits import Hit, HitList

__all__ = ["NAMED_FROM", "Decision", "Support", "class_support", "decide", "with_foreign_peaks"]

MAX_SET = 8
"""A longer list of candidates is no isomer set but ignorance."""
CLASS_SHARE = 0.6
"""Where no model gives the probability of a drug class, it is supported when hits of it hold this share of the squared scores of the ten
nearest, and the nearest has a raw score of ``FAR``."""
FAR = 0.45

NAMED_FROM = {Technique.EI_MS: 0.6, Technique.MSMS: 0.5, Technique.DART_MS: 0.0}
"""Raw scores below which nothing is named: an EI match factor below 600 is a very poor match (NIST Mass Spectral Search Program 2.0, user
guide); an entropy similarity below a half leaves more unsaid than said."""
FEWEST_EI_PEAKS = 7
"""Peaks of an EI query below which nothing is named: outside what the calibrations have seen rightly named (7 is the least among development
queries), and towards few peaks their probability rises, since few can contradict."""
NONE_FITS = 0.5
"""P(in library) at even odds below which none of the candidates is said to fit …"""
EXCELLENT = 0.9
"""… unless the first one's raw score is as high as this: a match factor of 900 is an excellent match (NIST Mass Spectral Search Program 2.0,
user guide), and whatever speaks against it, it fits."""
NEXT_TO_NOTHING = 0.1
"""Raw score below which a probability is said to rest on the mass."""
FOREIGN_CUT = 0.25
"""Share of an EI query's signal in strong peaks that the named reference lacks, from which nothing is named: a quarter is more than another
laboratory's instrument usually adds.  From ``FOREIGN_SAID`` on it is said.  Both are choices (docs/probability.md, "Mixtures")."""
FOREIGN_SAID = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """What the references say of a spectrum that none of them explains.

    Parameters
    ----------
    drug_class : str or None
    probability : float
        Of that class, were the substance not among the references.
    nearest : tuple of Hit
        The nearest references, best first.
    """

    drug_class: str | None
    probability: float
    nearest: tuple[Hit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A verdict, the order and probabilities of the candidates, and why."""

    verdict: Verdict
    order: tuple[int, ...]
    probabilities: tuple[float | None, ...]
    isomer_set: tuple[int, ...] = ()
    drug_class: str | None = None
    nearest: tuple[Hit, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def characterise(self) -> bool:
        """Whether an open question remains that a laboratory should settle."""
        return self.verdict in {Verdict.UNKNOWN_VARIANT, Verdict.CLASS_ONLY}


def decide(hits: HitList, n_query_peaks: int, calibration: Calibration | None, *, support: Callable[[], Support]) -> Decision:
    """Judge one query.

    Parameters
    ----------
    hits : HitList
    n_query_peaks : int
        Peaks of the prepared query.
    calibration : Calibration or None
        None: no probability is given, and nothing is named.
    support : callable
        Asked only where nothing is named: what class and relatives the references speak for.
    """
    if calibration is None:
        order = tuple(range(len(hits.hits)))
        probabilities: NDArray[np.float64] | None = None
    else:
        probabilities = calibration.probabilities(hits, n_query_peaks)
        keys = [hit.substance.inchikey or hit.substance.name for hit in hits.hits]
        order = tuple(sorted(range(len(keys)), key=lambda i: (-round(float(probabilities[i]), 9), keys[i])))
    ordered = tuple(None if probabilities is None else float(probabilities[i]) for i in order)
    findings: list[Finding] = []

    def verdict(kind: Verdict, why: str, *, severity: Severity = Severity.INFO, **more: object) -> Decision:
        findings.insert(0, Finding(code="IDENT-001", severity=severity, text=why))
        return Decision(verdict=kind, order=order, probabilities=ordered, findings=tuple(findings), **more)  # type: ignore[arg-type]

    n_needed = MIN_PEAKS - hits.precursor_agrees
    if order and probabilities is not None and (not hits.hits[order[0]].n_matched or hits.hits[order[0]].score < NEXT_TO_NOTHING):
        text = "The best candidate shares next to nothing with the query: its probability rests on the mass, and no likelihood ratio is given."
        findings.append(Finding(code="IDENT-012", severity=Severity.WARNING, text=text))
    if hits.n_compared < n_needed:
        some = "1 peak" if hits.n_compared == 1 else f"{hits.n_compared} peaks"
        why = f"Inadequate: {some} can be compared; fewer than {n_needed} identify nothing."
        return verdict(Verdict.INADEQUATE, why, severity=Severity.WARNING)
    too_few = hits.technique is Technique.EI_MS and n_query_peaks < FEWEST_EI_PEAKS
    if too_few:
        text = f"{n_query_peaks} peaks of an EI spectrum name nothing, whatever their probability: at least {FEWEST_EI_PEAKS} are needed."
        findings.append(Finding(code="IDENT-020", severity=Severity.WARNING, text=text))
    if calibration is not None and probabilities is not None and order and not too_few:
        named = _named(hits, order, probabilities, calibration)
        if named is not None:
            return verdict(*named[:2], isomer_set=named[2])
    elif calibration is None and order:
        why = f"No calibration holds for {hits.technique} searches of {hits.kind.replace('_', '-')} libraries: no probability, nothing is named."
        findings.append(Finding(code="IDENT-002", severity=Severity.WARNING, text=why))
    none_fits = calibration is not None and (
        not order
        or (
            probabilities is not None
            and hits.hits[order[0]].score < EXCELLENT
            and calibration.at_even_odds(float(probabilities.sum())) < NONE_FITS
        )
    )
    found = support()
    kind, why, drug_class = _abstain(hits, order, probabilities, found, none_fits=none_fits)
    return verdict(kind, why, drug_class=drug_class, nearest=found.nearest if kind is Verdict.UNKNOWN_VARIANT else ())


def _suffices(hits: HitList, hit: Hit) -> bool:
    """Whether a candidate shares enough with the query to be spoken of at all, whatever its probability.

    A precursor is one ion of the three: one precursor and two products suffice in residue analysis too (EU 2021/808, annex 1.2.4.2).
    """
    return hit.n_matched >= MIN_PEAKS - hits.precursor_agrees and hit.score >= NAMED_FROM[hits.technique]


def _named(
    hits: HitList, order: tuple[int, ...], probabilities: NDArray[np.float64], calibration: Calibration
) -> tuple[Verdict, str, tuple[int, ...]] | None:
    """A match or an isomer set, where the probability suffices."""
    first = order[0]
    best = float(probabilities[first])
    members = tuple(i for i in order if probabilities[i] >= calibration.set_ratio * best)
    name = name_of(hits.hits[first], hits.technique)
    hit = hits.hits[first]
    if not _suffices(hits, hit):
        return None
    if best >= calibration.match_cut:
        second = name_of(hits.hits[order[1]], hits.technique) if len(order) > 1 else None
        rest = f"next {second} with {probabilities[order[1]]:.3f}" if second else "no other candidate"
        return Verdict.MATCH, f"Match: {name} has probability {best:.3f} (cut {calibration.match_cut:g}), {rest}.", ()
    together = float(sum(probabilities[i] for i in members))
    if 1 < len(members) <= MAX_SET and together >= calibration.set_cut:
        names = ", ".join(name_of(hits.hits[i], hits.technique) for i in members)
        kind, formulae = _kind_of_set([hits.hits[i].substance.formula for i in members])
        why = f"{kind}: {names} together have probability {together:.3f} (cut {calibration.set_cut:g}; {formulae})."
        return Verdict.ISOMER_SET, why, members
    return None


def _kind_of_set(formulae: list[str | None]) -> tuple[str, str]:
    """What the members of a set are to each other, by their formulae: isomers share one, and what is not known is not claimed."""
    try:  # compared by their atoms: files write C8H10ClN and C8H10NCl
        atoms = [parse_formula(formula or "") for formula in formulae]
    except ChemistryError:
        return "Set of substances not told apart here", "not every formula is known"
    if any(others != atoms[0] for others in atoms):
        return "Set of substances not told apart here", "different formulae"
    return "Isomer set, not told apart here", "one formula"


def _abstain(
    hits: HitList,
    order: tuple[int, ...],
    probabilities: NDArray[np.float64] | None,
    support: Support,
    *,
    none_fits: bool,
) -> tuple[Verdict, str, str | None]:
    """Why nothing is named, and what is supported instead: an analogue, a class, or nothing.

    ``none_fits``: by the spectrum alone, at even odds, none of the candidates is likelier than one of them.
    """
    if probabilities is None or not order:
        short = "No candidate" if not order else "Not named"
    else:
        best = hits.hits[order[0]]
        figures = f"probability {probabilities[order[0]]:.3f} and similarity {best.score:.2f}"
        short = f"Not named: the best candidate, {name_of(best, hits.technique)}, has {figures}"
        if probabilities[order[0]] >= 0.5 and not _suffices(hits, best):
            short = f"{short}, too poor a fit to be named whatever its probability"
    drug_class, likely = support.drug_class, f"the drug class {support.drug_class} has probability {support.probability:.2f}"
    # An analogue is one only where none fits; the spectrum must say so, whatever the library usually holds.
    if none_fits and drug_class is not None and support.nearest:
        return Verdict.UNKNOWN_VARIANT, f"{short}; the spectrum alone speaks for none of them; {likely}.", drug_class
    if probabilities is not None and order and probabilities[order[0]] >= 0.5 and _suffices(hits, hits.hits[order[0]]):
        own = hits.hits[order[0]].substance.drug_class or drug_class
        return Verdict.CLASS_ONLY, f"{short}: likelier than not, but not enough to name it; confirm it or measure again.", own
    if drug_class is None:
        return Verdict.NO_MATCH, f"{short}; no drug class is supported by the references.", None
    near = "no substance can be named without a probability" if probabilities is None else "but the candidates are not excluded either"
    return Verdict.CLASS_ONLY, f"{short}; {likely}, {near}.", drug_class


def with_foreign_peaks(decision: Decision, hits: HitList, share: float, masses: tuple[int, ...]) -> Decision:
    """Say of an answer that names how much of the signal its reference lacks; name nothing where that is too much.

    Parameters
    ----------
    decision : Decision
        ``match`` or ``isomer_set``.
    share : float
        Of the query's signal, in strong peaks that the first candidate's reference lacks.
    masses : tuple of int
        Of those peaks, the strongest first.
    """
    if share < FOREIGN_SAID:
        return decision
    best = hits.hits[decision.order[0]].substance
    name = name_of(hits.hits[decision.order[0]], hits.technique)
    where = ", ".join(map(str, masses[:5]))
    text = f"{share:.0%} of the signal stands in strong peaks that the reference of {name} lacks (m/z {where}): more may be present."
    finding = Finding(code="IDENT-011", severity=Severity.WARNING, text=text)
    if share < FOREIGN_CUT:
        return replace(decision, findings=(*decision.findings, finding))
    why = f"Not named: {name} has probability {decision.probabilities[0]:.3f}, but too much of the signal is not of it; perhaps a mixture."
    reason = Finding(code="IDENT-001", severity=Severity.WARNING, text=why)
    others = tuple(found for found in decision.findings if found.code != "IDENT-001")
    return replace(decision, verdict=Verdict.CLASS_ONLY, isomer_set=(), drug_class=best.drug_class, findings=(reason, *others, finding))


def class_support(relatives: tuple[Hit, ...]) -> Support:
    """The drug class that the nearest references agree on, for techniques without a model of class probabilities.

    Returns
    -------
    Support
        Its probability is the share of the class in the squared scores of the ten nearest.
    """
    votes: dict[str | None, float] = {}
    for hit in relatives[:10]:
        votes[hit.substance.drug_class] = votes.get(hit.substance.drug_class, 0.0) + hit.score**2
    best = max(votes, key=lambda name: (votes[name], name or ""), default=None)
    share = votes[best] / sum(votes.values()) if votes.get(best) else 0.0
    is_supported = best is not None and share >= CLASS_SHARE and relatives[0].score >= FAR
    return Support(drug_class=best if is_supported else None, probability=share if is_supported else 0.0, nearest=relatives)
