"""Which components of a run are made by heat, by a reagent, by the column or by the blank, and are no new substance on this evidence."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nps_ident.chemistry.gc_artefacts import MOST_GROUPS, REAGENTS, artefacts
from nps_ident.model import Finding, Severity, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nps_ident.catalogue.store import Catalogue
    from nps_ident.chemistry.gc_artefacts import Artefact
    from nps_ident.model import Candidate, Identification, MassSpectrum, Substance

__all__ = ["with_artefacts"]

_NOMINAL_DA = 0.6
"""Unit-mass spectra tell masses apart by one; predicted masses are rounded to a tenth."""
_NAMED = {Verdict.MATCH, Verdict.ISOMER_SET}
_HINTED = _NAMED | {Verdict.CLASS_ONLY}


def with_artefacts(
    answers: Sequence[Identification], *, background: Sequence[bool], derivatised: str | None, catalogue: Catalogue
) -> tuple[Identification, ...]:
    """Say of each component of a run what else than a substance of the sample it may be.

    Parameters
    ----------
    answers : sequence of Identification
        Of all components of one run, by retention time.
    background : sequence of bool
        Which of them are column bleed or stand in the blank.
    derivatised : str or None
        What the laboratory derivatised with: a key of :data:`nps_ident.chemistry.gc_artefacts.REAGENTS`.
    catalogue : Catalogue
        What the nearest substances of an unknown are looked up in.

    Returns
    -------
    tuple of Identification
        As many, in their order.  A component that fits a row of the table carries ``RUN-006`` naming the parent, and one of the background
        the finding that says so; neither stays an ``unknown_variant``, which is what is announced and kept open as new: it becomes
        ``class_only`` with its reason in words.
    """
    named = _named(answers)
    told: list[Identification] = []
    for answer, is_background in zip(answers, background, strict=True):
        noted = _note_on(answer, named, derivatised=derivatised, catalogue=catalogue)
        if noted is not None:
            told.append(_not_announced(answer.with_findings([noted]), noted.text))
        elif is_background:
            why = next((f.text for f in answer.findings if f.code in {"RUN-003", "RUN-004"}), "It is background.")
            told.append(_not_announced(answer, why))
        else:
            told.append(answer)
    return tuple(told)


def _named(answers: Sequence[Identification]) -> list[tuple[Substance, float]]:
    """The substances that components of the run are named as, or of which they are the first candidate of their class, with their times."""
    return [
        (match.substance, float(answer.spectrum.retention_time_s or 0.0))
        for answer in answers
        if answer.verdict in _HINTED
        for match in _candidates(answer)
    ]


def _candidates(answer: Identification) -> tuple[Candidate, ...]:
    """What an answer names: the members of its set, else its first candidate."""
    members = [match for match in answer.matches if (match.substance.inchikey or match.substance.name) in (answer.isomer_set or ())]
    return tuple(members) or answer.matches[:1]


def _note_on(
    answer: Identification, named: Sequence[tuple[Substance, float]], *, derivatised: str | None, catalogue: Catalogue
) -> Finding | None:
    """The first row of the table that a component fits, as a finding; None where it fits none."""
    for row in artefacts():
        if row.kind == "product" and answer.verdict in _HINTED:
            parts = _as_product(answer, row, named)
        elif row.kind == "shift" and answer.verdict is Verdict.UNKNOWN_VARIANT:
            parts = _as_shifted(answer, row, named)
        elif row.kind == "derivative" and answer.verdict is Verdict.UNKNOWN_VARIANT:
            parts = _as_derivative(answer, row, derivatised, catalogue)
        else:
            parts = ""
        if parts:
            return Finding(code="RUN-006", severity=Severity.WARNING, text=parts)
    return None


def _as_product(answer: Identification, row: Artefact, named: Sequence[tuple[Substance, float]]) -> str:
    if all(match.substance.skeleton != row.product_inchikey[:14] for match in _candidates(answer)):
        return ""
    place = next((time for substance, time in named if substance.skeleton == row.parent_inchikey[:14]), None)
    if place is None:
        return f"{row.product} may have come from {row.parent} by {row.said}; no component of this run is {row.parent}."
    return f"{row.product} may have come from {row.parent}, which is at {place:.1f} s in this run, by {row.said}."


def _as_shifted(answer: Identification, row: Artefact, named: Sequence[tuple[Substance, float]]) -> str:
    mass = answer.variant.predicted_mass_da if answer.variant else None
    if mass is None:
        return ""
    for parent, time in named:
        is_parent = parent.skeleton == row.parent_inchikey[:14] if row.parent_inchikey else parent.drug_class == row.parent_class
        same_class = answer.variant is not None and answer.variant.drug_class == parent.drug_class
        if is_parent and same_class and parent.exact_mass is not None and abs(mass - parent.exact_mass - row.shift_da) <= _NOMINAL_DA:
            shift = f"its predicted mass is {row.shift_da:+.0f} Da from it" if abs(row.shift_da) >= 0.5 else "an isomer"
            return f"It may have come from {parent.name}, which is at {time:.1f} s in this run ({shift}), by {row.said}."
    return ""


def _as_derivative(answer: Identification, row: Artefact, derivatised: str | None, catalogue: Catalogue) -> str:
    variant = answer.variant
    stated = derivatised is not None and REAGENTS[derivatised] == row.product
    # Silicon announces itself by its ions; 42 and 96 Da may be many things, and are believed only where the reagent is stated.
    if variant is None or variant.predicted_mass_da is None or not (stated or row.product == REAGENTS["tms"]):
        return ""
    if not _has_ions(answer.spectrum, row.ions):
        return ""
    for key in variant.nearest:
        parent = catalogue.by_inchikey(key)
        if parent is None or parent.exact_mass is None:
            continue
        for n_groups in range(1, MOST_GROUPS + 1):
            if abs(variant.predicted_mass_da - parent.exact_mass - n_groups * row.shift_da) <= _NOMINAL_DA:
                times = {1: "", 2: "di-", 3: "tri-"}[n_groups]
                ions = " and ".join(f"m/z {mass}" for mass, _ in row.ions)
                return f"It fits a {times}{row.product} derivative of {parent.name}: {n_groups * row.shift_da:+.0f} Da, with {ions}."
    return ""


def _has_ions(spectrum: MassSpectrum, ions: Sequence[tuple[int, float]]) -> bool:
    heights = dict(zip(spectrum.mz.tolist(), spectrum.intensity.tolist(), strict=True))
    base = max(heights.values(), default=0.0)
    return base > 0 and all(100.0 * heights.get(float(mass), 0.0) / base >= share for mass, share in ions)


def _not_announced(answer: Identification, why: str) -> Identification:
    """The answer as ``class_only`` where it was ``unknown_variant``, its reason replaced."""
    if answer.verdict is not Verdict.UNKNOWN_VARIANT:
        return answer
    reason = Finding(code="IDENT-001", severity=Severity.WARNING, text=f"Not announced as a new substance. {why}")
    others = tuple(finding for finding in answer.findings if finding.code != "IDENT-001")
    variant = None if answer.variant is None else replace(answer.variant, proposals=None)
    return replace(answer, verdict=Verdict.CLASS_ONLY, variant=variant, findings=(reason, *others))
