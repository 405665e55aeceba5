"""The DART spectra of one sample at several voltages, judged together: in a mixture one voltage shows a molecule, another its fragments."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from nps_ident.confidence.components_dart import LEAST_F_DART, unmixed_voltages
from nps_ident.confidence.decision import FOREIGN_CUT, FOREIGN_SAID
from nps_ident.errors import InputError
from nps_ident.identify.spectrum import identify
from nps_ident.io.fields import number
from nps_ident.model import Finding, Identification, MassSpectrum, MixtureComponent, Severity, Technique, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from nps_ident.catalogue.store import Catalogue
    from nps_ident.confidence.calibration import Calibration
    from nps_ident.confidence.components_dart import DartPart, DartUnmixing
    from nps_ident.library.opening import Libraries

__all__ = ["identify_voltages", "samples"]

_VOLTAGE_AT_THE_END = re.compile(r"[\s_,;@-]*\d+(?:\.\d+)?\s*V(?:olts?)?$", re.IGNORECASE)
_NOT_OF_A_MIXTURE = {"IDENT-001", "IDENT-002", "IDENT-012"}
_Query = TypeVar("_Query")


def samples(queries: Iterable[_Query]) -> Iterator[tuple[_Query, ...]]:
    """Put DART spectra of one sample together: neighbours of one name, but for the voltage at its end, each at a voltage of its own.

    Parameters
    ----------
    queries : iterable
        Spectra, and whatever else a reader gives; everything else stays alone and is given at once, and the order is kept.
    """
    group: list[_Query] = []
    for query in queries:
        if group and _sample(group[0]) == _sample(query) and _volts(query) not in map(_volts, group):
            group.append(query)
            continue
        if group:
            yield tuple(group)
        # Held back only where another voltage may follow: an interruption must not cost an answer that was due.
        group = [query] if _sample(query) is not None else []
        if not group:
            yield (query,)
    if group:
        yield tuple(group)


def _volts(query: object) -> float | None:
    return number(query.collision_energy or "") if isinstance(query, MassSpectrum) else None


def _sample(query: object) -> tuple[str | None, str] | None:
    """The file and the name of the sample; None where the query is no DART spectrum at a known voltage."""
    if not isinstance(query, MassSpectrum) or query.technique is not Technique.DART_MS or _volts(query) is None:
        return None
    return query.source.file if query.source else None, _VOLTAGE_AT_THE_END.sub("", query.name)


def identify_voltages(
    spectra: Sequence[MassSpectrum],
    libraries: Libraries,
    *,
    top: int = 10,
    calibrations: Mapping[tuple[Technique, str], Calibration] | None = None,
    catalogue: Catalogue | None = None,
    proposals: bool = True,
) -> tuple[Identification, ...]:
    """Identify the DART spectra of one sample together.

    Parameters
    ----------
    spectra : sequence of MassSpectrum
        Of one sample, each at another voltage (``collision_energy``), as :func:`samples` puts them together.
    libraries : Libraries
    top, calibrations, catalogue, proposals
        As for :func:`nps_ident.identify.identify`.

    Returns
    -------
    tuple of Identification
        One a spectrum, in their order.  Where the sample is a mixture, each names the same components, without a probability: no calibration
        holds for DART.

    Raises
    ------
    InputError
        When a spectrum gives no voltage, or two give the same.
    """
    volts = [_volts(spectrum) for spectrum in spectra]
    if None in volts or len(set(volts)) < len(volts):
        raise InputError(f"Spectra judged together must each have a voltage of their own. Got {volts}.")
    answers = tuple(
        identify(spectrum, libraries, top=top, calibrations=calibrations, catalogue=catalogue, proposals=proposals) for spectrum in spectra
    )
    members = [member for member in libraries.of_kind("full") if "dart.substance" in member]
    if not members or not all(answer.spectrum.technique is Technique.DART_MS for answer in answers):
        return answers
    queries = {float(volt): answer.spectrum for volt, answer in zip(volts, answers, strict=True) if volt is not None}
    found = unmixed_voltages(queries, members)
    return answers if found is None else tuple(_mixture(answer, found, sorted(queries)) for answer in answers)


def _mixture(answer: Identification, found: DartUnmixing, voltages: Sequence[float]) -> Identification:
    components = tuple(_component(part) for part in found.parts)
    listed = "; ".join(_in_words(component) for component in components)
    at = ", ".join(f"{voltage:g}" for voltage in voltages)
    figures = ", ".join(f"{part.f_ratio:.0f}" for part in found.parts)
    needed = (
        f"Judged together at {at} V. Without each component in turn the sum fits worse by a ratio of variances of {figures} "
        f"({LEAST_F_DART:g} is asked). Shares are of signal, not of mass."
    )
    findings = [
        Finding(code="IDENT-001", severity=Severity.INFO, text=f"Mixture of {len(components)}: {listed}."),
        Finding(code="IDENT-018", severity=Severity.INFO, text=needed),
        Finding(
            code="IDENT-002",
            severity=Severity.WARNING,
            text="No calibration holds for DART-MS searches: the components have no probability, and confirmation is needed.",
        ),
        *(finding for finding in answer.findings if finding.code not in _NOT_OF_A_MIXTURE),
    ]
    if found.unexplained >= FOREIGN_SAID:
        text = f"{found.unexplained:.0%} of the signal is not explained by the components."
        findings.append(Finding(code="IDENT-019", severity=Severity.WARNING, text=text))
    place = {part.substance.skeleton: number for number, part in enumerate(found.parts)}
    matches = sorted(answer.matches, key=lambda match: place.get(match.substance.skeleton, len(place)))
    return replace(
        answer,
        verdict=Verdict.MIXTURE,
        characterise=found.unexplained >= FOREIGN_CUT,
        matches=tuple(matches),
        components=components,
        isomer_set=None,
        separated_by=None,
        variant=None,
        unexplained_fraction=found.unexplained,
        findings=tuple(findings),
    )


def _component(part: DartPart) -> MixtureComponent:
    return MixtureComponent(
        substance=part.substance,
        fraction=part.fraction,
        fraction_low=part.low,
        fraction_high=part.high,
        isomer_set=tuple(member.inchikey or member.name for member in part.members) or None,
        isomer_names=tuple(member.name for member in part.members[1:]),
    )


def _in_words(component: MixtureComponent) -> str:
    isomers = f", not told apart from {', '.join(component.isomer_names)}" if component.isomer_names else ""
    share = f"{component.fraction:.0%} of the signal ({component.fraction_low:.0%} to {component.fraction_high:.0%})"
    return f"{component.substance.name}, {share}{isomers}"
