"""A spectrum of several substances: its components, what they leave unexplained, and what that is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from nps_ident.confidence.components import LEAST_F, unmixed
from nps_ident.confidence.decision import FOREIGN_CUT, FOREIGN_SAID, Decision, decide
from nps_ident.identify.unknown import supported
from nps_ident.library.hits import name_of
from nps_ident.library.search import search
from nps_ident.model import Finding, MixtureComponent, Severity, Technique, Verdict
from nps_ident.similarity.match_factor import nominal
from nps_ident.spectra.peaks import MIN_PEAKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nps_ident.confidence.calibration import Calibration
    from nps_ident.confidence.components import Part, Unmixing
    from nps_ident.library.compiled import Library
    from nps_ident.library.hits import HitList
    from nps_ident.model import MassSpectrum, Substance

__all__ = ["Mixed", "is_perhaps_mixed", "mixture_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixed:
    """The answer that a spectrum shows several substances.

    ``decision`` keeps order and probabilities of the search for one substance; ``unexplained`` is a share of the signal.
    """

    decision: Decision
    components: tuple[MixtureComponent, ...]
    unexplained: float

    @property
    def characterise(self) -> bool:
        """Whether so much is unexplained that a laboratory should find out what it is."""
        return self.unexplained >= FOREIGN_CUT


def is_perhaps_mixed(prepared: MassSpectrum, decision: Decision) -> bool:
    """Whether one substance does not answer for the whole spectrum, so that it is worth taking apart: nothing named, or foreign peaks."""
    if prepared.technique is not Technique.EI_MS or decision.verdict is Verdict.INADEQUATE:
        return False
    named = decision.verdict in {Verdict.MATCH, Verdict.ISOMER_SET}
    return not named or any(finding.code == "IDENT-011" for finding in decision.findings)


def mixture_of(
    prepared: MassSpectrum, members: Sequence[Library], decision: Decision, calibration: Calibration, *, most: int
) -> Mixed | None:
    """Take an EI spectrum apart that one substance does not answer for.

    Parameters
    ----------
    prepared : MassSpectrum
    members : sequence of Library
        Full ones, with EI references.
    decision : Decision
        Of the search for one substance.
    calibration : Calibration
    most : int
        Substances that a search returns, as the calibration was fitted.

    Returns
    -------
    Mixed or None
        None where it is not shown to be a sum; the answer for one substance then stands.
    """
    query = nominal(prepared.mz, prepared.intensity)
    found = unmixed(prepared, query, members, calibration, most=most)
    if found is None:
        return None
    components = tuple(_component(part) for part in found.parts)
    listed = "; ".join(_in_words(component) for component in components)
    why = f"Mixture of {len(components)}: {listed}."
    findings = [
        Finding(code="IDENT-001", severity=Severity.INFO, text=why),
        Finding(code="IDENT-018", severity=Severity.INFO, text=_needed(found)),
        *(finding for finding in decision.findings if finding.code not in {"IDENT-001", "IDENT-011", "IDENT-012"}),
    ]
    if found.unexplained >= FOREIGN_SAID:
        findings.append(_about_rest(prepared, members, found, calibration, most=most))
    mixed = replace(decision, verdict=Verdict.MIXTURE, isomer_set=(), drug_class=None, nearest=(), findings=tuple(findings))
    return Mixed(decision=mixed, components=components, unexplained=found.unexplained)


def _component(part: Part) -> MixtureComponent:
    return MixtureComponent(
        substance=_named(part),
        fraction=part.fraction,
        fraction_low=part.low,
        fraction_high=part.high,
        probability=part.probability,
        isomer_set=tuple(hit.substance.inchikey or hit.substance.name for hit in part.members) or None,
        isomer_names=tuple(name_of(hit, Technique.EI_MS) for hit in part.members[1:]),
    )


def _named(part: Part) -> Substance:
    name = name_of(part.hit, Technique.EI_MS)
    return part.hit.substance if name == part.hit.substance.name else replace(part.hit.substance, name=name)


def _in_words(component: MixtureComponent) -> str:
    isomers = f", not told apart from {', '.join(component.isomer_names)}" if component.isomer_names else ""
    share = f"{component.fraction:.0%} of the signal ({component.fraction_low:.0%} to {component.fraction_high:.0%})"
    return f"{component.substance.name}, {share}, probability {component.probability:.2f}{isomers}"


def _needed(found: Unmixing) -> str:
    figures = ", ".join(f"{part.f_ratio:.0f}" for part in found.parts)
    return (
        f"Without each component in turn the sum fits worse by a ratio of variances of {figures} ({LEAST_F:g} is asked); each is the likeliest "
        "candidate in what the others leave. Shares are of signal, not of mass."
    )


def _about_rest(
    prepared: MassSpectrum, members: Sequence[Library], found: Unmixing, calibration: Calibration, *, most: int
) -> Finding:
    """What is said of the rest as a spectrum of its own."""
    share = f"{found.unexplained:.0%} of the signal is not explained by the components"
    if len(found.remainder.mz) < MIN_PEAKS:
        return Finding(code="IDENT-019", severity=Severity.WARNING, text=f"{share}; the peaks left are too few for a statement about them.")
    strongest = found.remainder.mz[np.argsort(-found.remainder.intensity, kind="stable")[:5]]
    rest = replace(prepared, mz=found.remainder.mz.astype(np.float64), intensity=found.remainder.intensity)
    hits = search(rest, members, most=most)
    decision = decide(hits, rest.n_peaks, calibration, support=lambda: supported(rest, hits, most=most))
    text = f"{share} (strongest: m/z {', '.join(map(str, strongest.tolist()))}). {_of_rest(decision, hits)}"
    return Finding(code="IDENT-019", severity=Severity.WARNING, text=text)


def _of_rest(decision: Decision, hits: HitList) -> str:
    if decision.verdict in {Verdict.MATCH, Verdict.ISOMER_SET}:
        name = name_of(hits.hits[decision.order[0]], hits.technique)
        return f"Alone it resembles {name}, which did not earn a place as a component: nothing is concluded."
    if decision.drug_class is not None:
        return f"Alone it is an unknown of the class {decision.drug_class}, as far as a rest can tell."
    return "Alone it is an unknown for which no drug class is supported."
