"""What was claimed of an exhibit against what was found in it; what was looked for and not seen, with its limit."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

from nps_ident.confidence.detection import can_show_limits, hidden_shares, published_limit
from nps_ident.confidence.quantity import disagreements
from nps_ident.model import Verdict
from nps_ident.model.exhibit import ClaimAnswer, ClaimVerdict, ConclusionKind, DetectionLimit, Marker

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nps_ident.catalogue.store import Catalogue
    from nps_ident.library import Libraries
    from nps_ident.model import Substance
    from nps_ident.model.exhibit import Claim, FoundSubstance, Measured, Quantity

__all__ = ["answer_claim", "watch_list", "watch_list_limits"]

_CLAIMED_AT_LEAST = 0.1
"""Share that a claim without a percentage is taken to mean at least: below it even a simple technique misses a component
(``detection_limits.tsv``), so that nobody could have known."""
_NOT_SET_ASIDE = 0.1
"""Probability from which a candidate, or a class of the watch list, is spoken of although nothing is named: one in ten; our choice."""
_HIDDEN = 0.2
"""Share of signal from which "not detected above" would mislead: it is said to be not excluded.  Our choice."""
_MARGIN = 5
"""By how many times all that could be hidden must be less than what is claimed before "not detected" speaks against the claim: substances of one
mass give signals that differ by a few times.  Our choice, on the side of saying nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Watched:
    """A row of the watch list."""

    drug_class: str
    why: str
    source: str


def answer_claim(
    claim: Claim,
    found: Sequence[FoundSubstance],
    measured: Sequence[Measured],
    quantities: Sequence[Quantity],
    *,
    libraries: Libraries,
    catalogue: Catalogue,
) -> ClaimAnswer:
    """Compare a claim with what was found.

    Parameters
    ----------
    claim : Claim
        From :func:`nps_ident.catalogue.claims.read_claim`.
    found, measured, quantities
        Of the exhibit.
    libraries : Libraries
        Those that were searched: what they hold no reference of was not looked for.
    catalogue : Catalogue

    Returns
    -------
    ClaimAnswer
        ``supported`` only where every claimed substance is identified and a claimed percentage lies within the expanded uncertainty of the
        measured one; ``not supported`` only where none was found by a measurement that would have shown it.  A claim with words that were
        not understood is ``partly`` supported at most and never refuted; one that is not ``comparable`` is neither.
    """
    reasons: list[str] = []
    if claim.problem:
        reasons.append(f"The claim cannot be compared{' in full' if claim.comparable else ''}: {claim.problem}.")
    if claim.unread:
        reasons.append(f"Not understood: {' '.join(claim.unread)[:80]!r}.")
    if not claim.substances and not claim.drug_classes:
        reasons.append("The claim names no substance and no drug class that is known here.")
        return ClaimAnswer(claim=claim, verdict=ClaimVerdict.CANNOT_BE_SAID, reasons=tuple(reasons))
    states = []
    for substance in claim.substances:
        state, said = _state(substance, claim, found, measured, libraries)
        states.append(state)
        reasons += said
    for drug_class in claim.drug_classes:
        of_class = [one for one in found if one.substance.drug_class == drug_class]
        names = ", ".join(one.substance.name for one in of_class)
        reasons.append(f"Of the class {drug_class}: {names}." if of_class else f"No substance of the class {drug_class} was named.")
        best = ConclusionKind.IDENTIFIED in {one.conclusion for one in of_class}
        states.append(ClaimVerdict.SUPPORTED if best else ClaimVerdict.PARTLY if of_class else ClaimVerdict.CANNOT_BE_SAID)
    if claim.amount is not None:
        state, text = _amount(claim, quantities)
        states.append(state)
        reasons.append(text)
    if claim.problem:
        states.append(ClaimVerdict.PARTLY)
    markers, about_markers = _markers(claim, found, measured, libraries, catalogue)
    return ClaimAnswer(claim=claim, verdict=_verdict(states, claim), reasons=(*reasons, *about_markers), markers=markers)


def _verdict(states: Sequence[ClaimVerdict], claim: Claim) -> ClaimVerdict:
    """Of the claim as a whole: what was not understood of it could turn it round, so that it bounds what is said."""
    verdict = _verdict_of_parts(states, claim)
    if not claim.comparable:
        return ClaimVerdict.CANNOT_BE_SAID
    if claim.unread:
        bounded = {ClaimVerdict.SUPPORTED: ClaimVerdict.PARTLY, ClaimVerdict.NOT_SUPPORTED: ClaimVerdict.CANNOT_BE_SAID}
        return bounded.get(verdict, verdict)
    return verdict


def _verdict_of_parts(states: Sequence[ClaimVerdict], claim: Claim) -> ClaimVerdict:
    """Of what each part of the claim came to: the substances first, then the amount."""
    n_named = len(claim.substances) + len(claim.drug_classes)
    of_names, of_rest = states[:n_named], states[n_named:]
    if all(state is ClaimVerdict.NOT_SUPPORTED for state in of_names):
        return ClaimVerdict.NOT_SUPPORTED
    if not any(state in {ClaimVerdict.SUPPORTED, ClaimVerdict.PARTLY} for state in of_names):
        return ClaimVerdict.CANNOT_BE_SAID
    whole = all(state is ClaimVerdict.SUPPORTED for state in (*of_names, *of_rest))
    return ClaimVerdict.SUPPORTED if whole else ClaimVerdict.PARTLY


def _state(
    substance: Substance, claim: Claim, found: Sequence[FoundSubstance], measured: Sequence[Measured], libraries: Libraries
) -> tuple[ClaimVerdict, list[str]]:
    """How far one claimed substance was found."""
    for one in found:
        if one.substance.skeleton != substance.skeleton:
            continue
        if one.conclusion is ConclusionKind.IDENTIFIED:
            return ClaimVerdict.SUPPORTED, [f"{substance.name} is identified."]
        if one.conclusion is ConclusionKind.INDICATED:
            return ClaimVerdict.PARTLY, [f"{substance.name} is indicated, not identified: see what is missing."]
        return ClaimVerdict.CANNOT_BE_SAID, [f"{substance.name} is named by techniques of category C only, which establish nothing."]
    for one in found:
        if any(other.substance.skeleton == substance.skeleton for other in one.not_excluded):
            return ClaimVerdict.PARTLY, [f"{substance.name} is not told from {one.substance.name}, which was found."]
    if leaning := _leaning(substance, measured):
        return ClaimVerdict.CANNOT_BE_SAID, [leaning]
    limit = _limit(substance, measured, libraries)
    percent = (claim.amount / 100 if claim.unit == "%" and claim.amount is not None else None) if len(claim.substances) == 1 else None
    claimed = _CLAIMED_AT_LEAST if percent is None else percent
    reasons = [limit.text]
    if limit.share is None:
        return ClaimVerdict.CANNOT_BE_SAID, reasons
    if limit.share <= (claimed / _MARGIN if limit.of == "signal" else claimed):
        return ClaimVerdict.NOT_SUPPORTED, reasons
    return ClaimVerdict.CANNOT_BE_SAID, [*reasons, f"What could be hidden is too much to speak against {claim.text.strip()[:60]!r}."]


def _leaning(substance: Substance, measured: Sequence[Measured]) -> str | None:
    """Said of a substance that a spectrum lists as too probable to be set aside, and too improbable to be named."""
    listed = [
        (match.probability, one)
        for one in measured
        for answer in one.answers
        for match in answer.matches
        if match.substance.skeleton == substance.skeleton and match.probability is not None and match.probability >= _NOT_SET_ASIDE
    ]
    if not listed:
        return None
    probability, one = max(listed, key=lambda pair: pair[0])
    where = f"{one.technique} (measurement {one.measurement.number})"
    return f"{substance.name} is not named, but not set aside either: {where} gives it a probability of {probability:.2f}."


def _amount(claim: Claim, quantities: Sequence[Quantity]) -> tuple[ClaimVerdict, str]:
    """A claimed amount against a measured one."""
    said = claim.amount_words or ""
    names = {substance.name for substance in claim.substances}
    measured = [quantity for quantity in quantities if quantity.substance in names]
    if claim.unit != "%":
        return ClaimVerdict.PARTLY, f"The amount of {said} was not measured: it would take the mass of a unit and a quantitative calibration."
    if not measured or claim.amount is None:
        return ClaimVerdict.PARTLY, f"The {said} were not measured: there is no percentage of mass without a quantitative calibration."
    if len(names) != 1:
        return ClaimVerdict.PARTLY, f"Of which of {', '.join(sorted(names))} the {said} are is not stated."
    if contradictory := disagreements(measured):
        return ClaimVerdict.PARTLY, f"The {said} cannot be compared. {contradictory[0]}"
    answers = [_against(quantity, claim, said) for quantity in measured]
    return next((answer for answer in answers if answer[0] is not ClaimVerdict.SUPPORTED), answers[0])


def _against(measured: Quantity, claim: Claim, said: str) -> tuple[ClaimVerdict, str]:
    """A claimed percentage against one quantity."""
    low = claim.amount or 0.0
    high = claim.amount_to or low
    compared = [one for one in measured.all_bases if claim.basis in {None, one[0]}]
    if not compared:
        return ClaimVerdict.PARTLY, f"The {said} cannot be compared with an amount measured as {measured.basis}."
    agrees = [basis for basis, percent, expanded in compared if low <= percent + expanded and percent - expanded <= high]
    figures = ", ".join(f"{percent:.3g} ± {expanded:.2g} % as {basis}" for basis, percent, expanded in compared)
    if claim.basis is None:
        figures += "; the claim states no basis"
    if agrees:
        return ClaimVerdict.SUPPORTED, f"The {said} agree with what was measured as {' and as '.join(agrees)}: {figures} (k = 2)."
    return ClaimVerdict.PARTLY, f"The {said} do not agree with what was measured: {figures} (k = 2)."


def _markers(
    claim: Claim, found: Sequence[FoundSubstance], measured: Sequence[Measured], libraries: Libraries, catalogue: Catalogue
) -> tuple[tuple[Marker, ...], list[str]]:
    """The companions that the rule table names for a claimed substance, and what they say together."""
    markers, reasons = [], []
    by_skeleton = {one.substance.skeleton: one for one in found if one.conclusion is not ConclusionKind.UNDETERMINED}
    for claimed in claim.substances:
        rows = [row for row in _marker_table() if row["claim"] == claimed.name]
        expected = []
        for row in rows:
            substance = next(iter(catalogue.find_name(row["companion"])), None)
            if substance is None:
                continue
            one = by_skeleton.get(substance.skeleton)
            if one is not None:
                state, text = "found", f"{substance.name} is {one.conclusion.value}."
            else:
                limit, leaning = _limit(substance, measured, libraries), _leaning(substance, measured)
                state = "not looked for" if limit.share is None else "not detected" if limit.share < _HIDDEN else "not excluded"
                state, text = ("not excluded", leaning) if leaning else (state, limit.text)
            markers.append(Marker(name=substance.name, role=row["role"], state=state, text=text))
            if row["expected"] == "one of":
                expected.append(markers[-1])
        unseen = expected and all(marker.state in {"not detected", "not looked for"} for marker in expected)
        if unseen and claimed.skeleton in by_skeleton and any(marker.state == "not detected" for marker in expected):
            names = " nor ".join(marker.name for marker in expected)
            reasons.append(f"Unusual profile: neither {names} was found beside {claimed.name}; one of them is expected.")
    return tuple(markers), reasons


def watch_list(found: Iterable[FoundSubstance], measured: Iterable[Measured]) -> tuple[str, ...]:
    """What of the watch list was seen, at whatever share: one sentence each, to be said first."""
    classes = {row.drug_class: row for row in _watch_table()}
    said = [
        f"{one.substance.name} ({one.substance.drug_class}, on the watch list: {classes[one.substance.drug_class].why}) is "
        + ("identified." if one.conclusion is ConclusionKind.IDENTIFIED else "named; confirm at once.")
        for one in found
        if one.substance.drug_class in classes
    ]
    for one in measured:
        for answer in one.answers:
            if answer.verdict not in {Verdict.UNKNOWN_VARIANT, Verdict.CLASS_ONLY, Verdict.NO_MATCH}:
                continue
            where = f"{answer.spectrum.name[:60]!r} (measurement {one.measurement.number})"
            supported = answer.variant.drug_class if answer.variant is not None else None
            for drug_class, row in classes.items():
                listed = sum(match.probability or 0.0 for match in answer.matches if match.substance.drug_class == drug_class)
                if drug_class == supported or listed >= _NOT_SET_ASIDE:
                    said.append(f"{where} may show a {drug_class}, a class on the watch list: {row.why}; confirm at once.")
    return tuple(dict.fromkeys(said))


def watch_list_limits(measured: Sequence[Measured], found: Sequence[FoundSubstance], libraries: Libraries) -> tuple[DetectionLimit, ...]:
    """How much of each class of the watch list the exhibit could hide, where none of it was named."""
    named = {one.substance.drug_class for one in found}
    limits = []
    for row in _watch_table():
        if row.drug_class in named:
            continue
        best: tuple[float, int, int] | None = None
        for number, spectrum_shares in _shares(measured, libraries, drug_class=row.drug_class):
            one = (max(spectrum_shares.values()), number, len(spectrum_shares))
            best = one if best is None else min(best, one)
        what = f"A substance of the class {row.drug_class}"
        stated = _stated_limit(what, {row.drug_class.casefold()}, measured)
        if stated is not None and (best is None or (stated.share is not None and stated.share < best[0])):
            limits.append(replace(stated, what=row.drug_class))
            continue
        if best is None:
            text = f"{what} was not looked for: no spectrum said to be of the whole sample, or no reference of it; screen by LC-MS/MS."
            limits.append(DetectionLimit(what=row.drug_class, text=text))
            continue
        share, number, n_references = best
        text = f"{what} {_hidden(share, number)} ({_references(n_references)})."
        limits.append(DetectionLimit(what=row.drug_class, measurement=number, share=share, of="signal", text=text))
    return tuple(limits)


def _limit(substance: Substance, measured: Sequence[Measured], libraries: Libraries) -> DetectionLimit:
    """The best that any measurement says about a substance that was not found: the smallest share that could be hidden."""
    best: tuple[float, int] | None = None
    for number, shares in _shares(measured, libraries, skeletons=frozenset({substance.skeleton})):
        one = (max(shares.values()), number)
        best = one if best is None else min(best, one)
    stated = _stated_limit(substance.name, {name.casefold() for name in (substance.name, *substance.synonyms)}, measured)
    if best is not None and (stated is None or stated.share is None or best[0] <= stated.share):
        share, number = best
        text = f"{substance.name} {_hidden(share, number)}; a share of signal is none of mass."
        return DetectionLimit(what=substance.name, measurement=number, share=share, of="signal", text=text)
    if stated is not None:
        return stated
    text = f"{substance.name} was not looked for: no spectrum said to be of the whole sample, or no reference of it."
    return DetectionLimit(what=substance.name, text=text)


def _stated_limit(what: str, names: set[str], measured: Sequence[Measured]) -> DetectionLimit | None:
    """What the laboratory states as negative: with its own limit, else a published one; None where it states nothing."""
    found = []
    for one in measured:
        given, published = one.measurement, published_limit(one.technique or "")
        if given.result != "negative" or str(given.substance).casefold() not in names or one.category not in {"A", "B"}:
            continue
        by = f"by {one.technique} (measurement {given.number}), as the laboratory states"
        percent = given.limit_percent if given.limit_percent is not None else published[0] if published else None
        if percent is None:
            found.append(DetectionLimit(what=what, measurement=given.number, text=f"{what} was not detected {by}; its limit is not stated."))
            continue
        where = f" ({published[1]})" if published and given.limit_percent is None else ""
        text = f"{what} was not detected above about {percent:g} % by mass {by}{where}."
        found.append(DetectionLimit(what=what, measurement=given.number, share=percent / 100, of="mass", text=text))
    return min(found, key=lambda limit: 2.0 if limit.share is None else limit.share, default=None)


def _shares(
    measured: Sequence[Measured], libraries: Libraries, *, skeletons: frozenset[str] = frozenset(), drug_class: str | None = None
) -> Iterable[tuple[int, dict[str, float]]]:
    """For each measurement of the whole sample, what each reference asked for could have of it: of several spectra the greatest."""
    for one in measured:
        usable = one.answers and all(can_show_limits(answer.spectrum) and answer.verdict is not Verdict.INADEQUATE for answer in one.answers)
        if not one.measurement.whole_sample or not usable:
            continue
        shares: dict[str, float] = {}
        for answer in one.answers:
            for skeleton, share in hidden_shares(answer.spectrum, libraries.members, skeletons=skeletons, drug_class=drug_class).items():
                shares[skeleton] = max(share, shares.get(skeleton, 0.0))
        if shares:
            yield one.measurement.number, shares


def _hidden(share: float, number: int) -> str:
    if share < _HIDDEN:
        return f"was not detected above about {_percent(share)} of the signal of measurement {number}"
    return f"is not excluded: it could account for up to about {_percent(share)} of the signal of measurement {number}"


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.995 else "100 %"


def _references(n: int) -> str:
    return f"{n} reference{'s' * (n != 1)} compared, the one that could hide most"


@lru_cache(maxsize=1)
def _watch_table() -> tuple[_Watched, ...]:
    with (resources.files("nps_ident.confidence") / "watch_list.tsv").open(encoding="utf-8") as lines:
        return tuple(_Watched(**row) for row in csv.DictReader(lines, delimiter="\t"))


@lru_cache(maxsize=1)
def _marker_table() -> tuple[dict[str, str], ...]:
    with (resources.files("nps_ident.confidence") / "claim_markers.tsv").open(encoding="utf-8") as lines:
        return tuple(csv.DictReader(lines, delimiter="\t"))
