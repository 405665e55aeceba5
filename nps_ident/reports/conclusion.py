"""The conclusion on an exhibit as a page of plain lines: what was measured, what was found, what is missing, what stays open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nps_ident.confidence.quantity import disagreements
from nps_ident.reports.wording import VERDICT_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nps_ident.model.exhibit import Conclusion, FoundSubstance, Measured

__all__ = ["CONCLUSION_WORDS", "conclusion_lines"]

CONCLUSION_WORDS = {
    "identified": "identified: the evidence suffices",
    "indicated": "indicated: more evidence is needed",
    "undetermined": "undetermined: nothing is named",
}
"""What each conclusion says."""


def conclusion_lines(conclusion: Conclusion) -> Iterator[str]:
    """Write the conclusion for reading, one line a fact.

    Yields
    ------
    str
        Text as it stands in files and names: whoever prints it escapes it.
    """
    exhibit = conclusion.exhibit
    about = [exhibit.description, f"{exhibit.mass_g:g} g" if exhibit.mass_g else None, exhibit.country, exhibit.date]
    yield f"Exhibit {exhibit.id}" + (f": {', '.join(filter(None, about))}" if any(about) else "")
    if conclusion.claim:
        yield f"Claim: {exhibit.claim}: {conclusion.claim.verdict.value}"
        yield from (f"    {text}" for text in conclusion.claim.reasons)
    yield f"Conclusion: {CONCLUSION_WORDS[conclusion.kind.value]}"
    marks = {"info": " ", "warning": "!", "error": "!!"}
    yield from (f"  {marks[finding.severity.value]} {finding.text}" for finding in conclusion.findings if finding.code != "EXH-009")
    yield ""
    yield "Measured:"
    for one in conclusion.measured:
        yield from _measured(one)
    for rank, found in enumerate(conclusion.substances, 1):
        yield ""
        yield from _found(rank, found)
    if conclusion.open_questions:
        yield ""
        yield "Open:"
        for question in conclusion.open_questions:
            item = f" [{question.item}: nps-ident unknown show {question.item}]" if question.item else ""
            yield f"  {question.id} (measurement {question.measurement}): {VERDICT_WORDS[question.verdict]}. {question.text}{item}"
    if conclusion.quantities:
        yield ""
        for quantity in conclusion.quantities:
            figures = quantity.all_bases
            said = ", or ".join(f"({percent:.3g} ± {expanded:.2g}) % by mass as {basis}" for basis, percent, expanded in figures)
            yield f"{quantity.substance}: {said} (k = 2). {quantity.text}"
        yield from (f"  ! {text}" for text in disagreements(conclusion.quantities))
    if conclusion.claim and conclusion.claim.markers:
        yield ""
        yield "Companions of the claimed substance:"
        yield from (f"  {marker.role}: {marker.text}" for marker in conclusion.claim.markers if marker.state != "not looked for")
        left = [marker.name for marker in conclusion.claim.markers if marker.state == "not looked for"]
        if left:
            yield f"  not looked for, without a spectrum said to be of the whole sample or without a reference: {', '.join(left)}"
    yield ""
    yield "Watch list:"
    yield from (f"  {limit.text}" for limit in conclusion.limits)
    yield ""
    yield from (f"Rule {name}: {source}" for name, source in conclusion.rules)
    yield f"Library {conclusion.library.name} {conclusion.library.sha256[:12]}"
    yield f"Record {conclusion.record}" if conclusion.record else "Not recorded"


def _measured(one: Measured) -> Iterator[str]:
    given = one.measurement
    category = f", category {one.category}" if one.category else ""
    head = f"  {given.number}  {one.technique or given.technique or 'technique not known'}{category}, sampling {given.sampling}"
    if given.result is not None:
        yield f"{head}: {given.result} for {given.substance}, as the laboratory states"
    elif not one.answers:
        yield f"{head}, {given.file}: not answered"
    for answer in one.answers:
        best = f": {answer.best.substance.name}" if answer.best and answer.verdict.value in {"match", "isomer_set"} else ""
        yield f"{head}, {given.file}, {answer.spectrum.name}: {answer.verdict.value.replace('_', ' ')}{best}"


def _found(rank: int, found: FoundSubstance) -> Iterator[str]:
    group = f" ({found.substance.drug_class or found.group})" if found.substance.drug_class or found.group else ""
    said = f"{found.conclusion.value} by" if found.conclusion.value != "undetermined" else "not established, named by"
    yield f"{rank}. {found.substance.name}{group}: {said} {', '.join(found.techniques)}"
    if found.rule:
        yield f"   number and kind of techniques: {found.rule} holds"
    if found.log10_lr is not None:
        yield f"   log10 likelihood ratio {found.log10_lr:+.2f}: {found.log10_lr_from}"
    if found.share_of_signal is not None:
        yield f"   at most {100 * found.share_of_signal:.0f} % of the signal of a spectrum; a share of signal is no share of mass"
    yield from (f"   missing: {text}" for text in found.missing)
