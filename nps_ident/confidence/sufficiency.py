"""Whether what was measured suffices to identify a substance, by tables that a chemist can review.

``techniques.tsv`` gives each technique its SWGDRUG category, the property it measures and what it tells apart; ``sufficiency_rules.tsv`` gives
each rule its source.  Two techniques are uncorrelated when they measure different properties.  Editions of the recommendations differ in the
place of a few techniques: the lower category stands in the table.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

from nps_ident.confidence.separation import separated_by
from nps_ident.model import Technique
from nps_ident.model.exhibit import NotExcluded

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nps_ident.model import Substance
    from nps_ident.model.exhibit import ReferenceMaterial

__all__ = [
    "MeasuringTechnique",
    "Rule",
    "Sufficiency",
    "Support",
    "find_technique",
    "read_rules",
    "read_techniques",
    "sufficiency",
    "tells_apart",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuringTechnique:
    """A row of the table of techniques.

    Parameters
    ----------
    category : str or None
        A, B or C of SWGDRUG; None where it is in none and does not count.
    property : str
        What of the substance it measures; techniques of one property are correlated.
    separates_as : str or None
        Its word in ``separation.tsv``.
    excludes_alone : bool
        Whether agreeing with the reference material of one substance excludes another that the table of separations says it tells apart;
        else that other one must have been measured too.
    """

    name: str
    names: tuple[str, ...]
    category: str | None
    property: str
    separates_as: str | None
    excludes_alone: bool
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What must hold before a substance is called identified, and where that is written."""

    id: str
    demands: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """One measurement that speaks for a substance.

    Parameters
    ----------
    number : int
        Of the measurement.
    reviewable : bool
        Whether there is a file, or it is stated where the data are kept.
    excludes : frozenset of str
        Skeletons of the substances that the laboratory measured by this technique and saw to differ.
    fits : frozenset of str
        Skeletons that this measurement itself does not tell from the substance.
    """

    number: int
    technique: MeasuringTechnique
    sampling: str
    reference_material: ReferenceMaterial
    reviewable: bool
    excludes: frozenset[str] = frozenset()
    fits: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sufficiency:
    """Whether the evidence suffices, by which rule, and what is missing if not.

    Parameters
    ----------
    rule : str or None
        Id of the rule on the number and kind of techniques that is met.
    missing : tuple of str
        One sentence each, with the rule in brackets; empty when the evidence suffices.
    not_excluded : tuple of NotExcluded
    cited : tuple of str
        Ids of the rules that were applied.
    """

    rule: str | None
    missing: tuple[str, ...]
    not_excluded: tuple[NotExcluded, ...]
    cited: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing is missing."""
        return self.rule is not None and not self.missing


@lru_cache(maxsize=1)
def read_techniques() -> tuple[MeasuringTechnique, ...]:
    """The table of techniques, in its order."""
    with (resources.files("nps_ident.confidence") / "techniques.tsv").open(encoding="utf-8") as lines:
        return tuple(
            MeasuringTechnique(
                name=row["technique"],
                names=tuple(row["names"].split("|")) if row["names"] else (),
                category=row["category"] or None,
                property=row["property"],
                separates_as=row["separates_as"] or None,
                excludes_alone=row["excludes"] == "alone",
                source=row["source"],
            )
            for row in csv.DictReader(lines, delimiter="\t")
        )


@lru_cache(maxsize=1)
def read_rules() -> dict[str, Rule]:
    """The rules by their id, in the order of the table."""
    with (resources.files("nps_ident.confidence") / "sufficiency_rules.tsv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    return {row["rule"]: Rule(id=row["rule"], demands=row["demands"], source=row["source"]) for row in rows}


def find_technique(text: str) -> MeasuringTechnique | None:
    """The technique of that name; case, spaces, hyphens and strokes do not count.  None where the table has none."""
    return _by_name().get(_folded(text))


def sufficiency(
    substance: Substance, supports: Sequence[Support], ambiguous: Iterable[Substance], *, single_sampling: str | None = None
) -> Sufficiency:
    """Say whether the measurements that speak for a substance identify it.

    Parameters
    ----------
    substance : Substance
    supports : sequence of Support
        Positive results only: a negative one supports nothing.
    ambiguous : iterable of Substance
        Every other substance that fits one of the spectra, or that no reference excludes.
    single_sampling : str, optional
        Why there was no second sampling.

    Returns
    -------
    Sufficiency

    Notes
    -----
    A measurement of category A or B without reviewable data, or without the laboratory's own reference material, is not counted; what it lacks
    is named.  So is every member of ``ambiguous`` that no counted technique tells from the substance.
    """
    missing: list[str] = []
    counted: list[Support] = []
    lacking: list[str] = []
    for support in supports:
        where = f"measurement {support.number} ({support.technique.name})"
        if support.technique.category is None:
            lacking.append(f"{where} is in no category and is not counted")
            continue
        if support.technique.category in {"A", "B"}:
            if not support.reviewable:
                lacking.append(f"Name where the data of {where} are kept, as 'data' [SWGDRUG-review].")
                continue
            if parts := support.reference_material.missing:
                lacking.append(f"Name the laboratory's own {', '.join(parts)} for {where} [reference-material].")
                continue
        counted.append(support)
    rule, why = _scheme(counted)
    if rule is None:
        missing.append(why)
    missing += lacking if rule is None else []
    n_samplings = len({_sampling_key(support.sampling) for support in counted})
    if rule is not None and n_samplings < 2 and (rule == "SWGDRUG-B" or single_sampling is None):
        alone = "" if rule == "SWGDRUG-B" else ", or say as 'single_sampling' why the amount does not allow it"
        missing.append(f"All results are of one sampling: repeat one on another{alone} [SWGDRUG-sampling].")
    # Where too little counts, those that would count once completed still say what is open about isomers.
    telling = counted if rule is not None else [support for support in supports if support.technique.category is not None]
    left = _not_excluded(substance, telling, ambiguous)
    missing += [f"{substance.name} is not told from {other.substance.name}: {_advice(other)} [isomers]." for other in left]
    cited = (rule or "SWGDRUG-A", "SWGDRUG-sampling", "SWGDRUG-review", "SWGDRUG-positive", "reference-material", "isomers")
    return Sufficiency(rule=rule, missing=tuple(missing), not_excluded=left, cited=cited)


def _scheme(counted: Sequence[Support]) -> tuple[str | None, str]:
    """Which rule on number and kind is met, or what would meet one."""
    category_a = [support for support in counted if support.technique.category == "A"]
    if any(other.technique.property != support.technique.property for support in category_a for other in counted):
        return "SWGDRUG-A", ""
    different = {support.technique.name for support in counted}
    uncorrelated_b = {support.technique.property for support in counted if support.technique.category == "B"}
    if not category_a and len(different) >= 3 and len(uncorrelated_b) >= 2:
        return "SWGDRUG-B", ""
    if category_a:
        names = ", ".join(dict.fromkeys(support.technique.name for support in category_a))
        property_ = category_a[0].technique.property
        return None, f"{names} counts as category A; add a technique that measures something other than {property_} [SWGDRUG-A]."
    if counted:
        names = ", ".join(dict.fromkeys(support.technique.name for support in counted))
        return None, f"Only {names} counts; add a technique of category A and one of another property [SWGDRUG-A, SWGDRUG-B]."
    return None, "No measurement counts yet: one of category A and one of another property are needed [SWGDRUG-A]."


def tells_apart(substance: Substance, other: Substance, supports: Sequence[Support]) -> bool:
    """Whether one of the measurements that speak for ``substance`` excludes ``other``.

    One that fits both does not.  One whose technique the table of separations names for the pair does, where agreement with the reference
    material is telling by itself or the laboratory measured the other one too.
    """
    return any(
        other.skeleton not in support.fits
        and support.technique.separates_as is not None
        and support.technique.separates_as in _separating(substance, other, supports)
        and (support.technique.excludes_alone or other.skeleton in support.excludes)
        for support in supports
    )


def _not_excluded(substance: Substance, supports: Sequence[Support], ambiguous: Iterable[Substance]) -> tuple[NotExcluded, ...]:
    others = {other.skeleton: other for other in ambiguous if other.skeleton != substance.skeleton}
    return tuple(
        NotExcluded(substance=other, techniques=_separating(substance, other, supports))
        for _, other in sorted(others.items(), key=lambda item: (item[1].name.casefold(), item[0]))
        if not tells_apart(substance, other, supports)
    )


def _separating(substance: Substance, other: Substance, supports: Sequence[Support]) -> tuple[str, ...]:
    """What the table names for the pair after the mass spectra measured; after EI-MS where there is none, whose rows say most."""
    measured = [Technique(s.technique.name) for s in supports if s.technique.name in set(Technique) and other.skeleton in s.fits]
    return separated_by(substance, other, measured[0] if measured else Technique.EI_MS).techniques


def _advice(other: NotExcluded) -> str:
    alone: list[str] = []
    compared: list[str] = []
    for name in other.techniques:
        technique = next((row for row in read_techniques() if row.separates_as == name), None)
        (alone if technique is not None and technique.excludes_alone else compared).append(name)
    said = [f"measure {' or '.join(alone)}"] if alone else []
    said += [f"compare it with that substance by {' or '.join(compared)} and name it under 'excludes'"] if compared else []
    return ", or ".join(said)


def _sampling_key(text: str) -> str:
    """``1``, ``01``, ``#1`` and ``1.0`` are one sampling."""
    plain = "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum() or c == ".").strip(".")
    return re.sub(r"\.0*$", "", re.sub(r"(?<![\d.])0+(?=\d)", "", plain))


@lru_cache(maxsize=1)
def _by_name() -> dict[str, MeasuringTechnique]:
    return {_folded(name): row for row in read_techniques() for name in (row.name, *row.names, *filter(None, [row.separates_as]))}


def _folded(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())
