"""Identify a GC–MS run: take it apart into components, and answer each of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nps_ident.errors import InputError
from nps_ident.identify.run_artefacts import with_artefacts
from nps_ident.identify.spectrum import identify
from nps_ident.model import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from nps_ident.catalogue.store import Catalogue
    from nps_ident.confidence.calibration import Calibration
    from nps_ident.library.opening import Libraries
    from nps_ident.model import AlkaneLadder, Component, Identification, Run, Technique

__all__ = ["RunAids", "identify_run", "read_run_aids"]

_WORTH_SAYING = 0.05
"""Share of the signal in no component from which it is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAids:
    """What a laboratory gives beside its runs.

    Parameters
    ----------
    blank : tuple of Component
        Of a blank run by the same method; empty where none was given.
    ladder : AlkaneLadder or None
    derivatised : str or None
        A key of :data:`nps_ident.chemistry.gc_artefacts.REAGENTS`.
    findings : tuple of Finding
        Which of them could not be used, and why: they stand with every component.
    """

    blank: tuple[Component, ...] = ()
    ladder: AlkaneLadder | None = None
    derivatised: str | None = None
    findings: tuple[Finding, ...] = ()


def read_run_aids(
    *, blank: str | Path | None, alkanes: str | Path | None, derivatised: str | None, report: Callable[[InputError], None]
) -> RunAids:
    """Read the blank and the ladder; what cannot be used is reported, said in a finding, and left out.

    Parameters
    ----------
    blank, alkanes : path-like or None
        A GC–MS run, and a table of n-alkanes (:func:`nps_ident.io.read_alkane_ladder`).
    derivatised : str or None
    report : callable
        Given each fault.
    """
    findings: list[Finding] = []
    components: tuple[Component, ...] = ()
    ladder = None
    if blank is not None:
        from nps_ident.io import read_run
        from nps_ident.spectra.run_components import run_components

        try:
            components = run_components(read_run(blank, report=report)).components
        except InputError as error:
            report(error)
            findings.append(Finding(code="RUN-007", severity=Severity.WARNING, text=f"No blank was taken off: {error}"))
    if alkanes is not None:
        from nps_ident.io import read_alkane_ladder

        try:
            ladder = read_alkane_ladder(alkanes)
        except InputError as error:
            report(error)
            findings.append(Finding(code="RUN-007", severity=Severity.WARNING, text=f"No retention index is given: {error}"))
    return RunAids(blank=components, ladder=ladder, derivatised=derivatised, findings=tuple(findings))


def identify_run(
    run: Run,
    libraries: Libraries,
    *,
    aids: RunAids | None = None,
    top: int = 10,
    calibrations: Mapping[tuple[Technique, str], Calibration] | None = None,
    catalogue: Catalogue | None = None,
    proposals: bool = True,
    report: Callable[[InputError], None] | None = None,
) -> tuple[Identification, ...]:
    """Say what each component of a run is, how sure that is, and on what grounds.

    Parameters
    ----------
    run : Run
        From :func:`nps_ident.io.scan_queries`.
    libraries : Libraries
    aids : RunAids, optional
        Blank, ladder of n-alkanes, reagent.
    top, calibrations, catalogue, proposals
        As in :func:`nps_ident.identify.identify`.
    report : callable, optional
        Given the sentence on a ladder that is not of the run's method; the components are answered without retention index.

    Returns
    -------
    tuple of Identification
        One a component, by retention time, none dropped: what is background or cannot be identified is kept and says so.

    Raises
    ------
    InputError
        When nothing in the run rises above its noise.
    """
    from nps_ident.catalogue.store import open_catalogue
    from nps_ident.spectra.blank import without_blank
    from nps_ident.spectra.retention_index import refuse_foreign_ladder, retention_index
    from nps_ident.spectra.run_components import run_components

    aids = aids or RunAids()
    found = run_components(run)
    if not found.components:
        where = run.source.file if run.source else run.name
        raise InputError(f"{where}: the run has no component: nothing in its {len(run.scans)} scans rises above the noise.")
    components = without_blank(found.components, aids.blank) if aids.blank else found.components
    notes, ladder = [*aids.findings, *found.findings], aids.ladder
    if ladder is not None:
        try:
            refuse_foreign_ladder(ladder, run)
        except InputError as error:
            ladder = None
            notes.append(Finding(code="RUN-007", severity=Severity.WARNING, text=f"No retention index is given: {error}"))
            if report is not None:
                report(error)
    if found.unexplained >= _WORTH_SAYING:
        text = f"{found.unexplained:.0%} of the run's signal above its baseline is in no component."
        notes.append(Finding(code="RUN-008", severity=Severity.INFO, text=text))
    answers = []
    for component in components:
        index = None if ladder is None else retention_index(component.retention_time_s, ladder)
        own = notes
        if ladder is not None and index is None:
            text = f"No retention index: the component lies outside the ladder (C{ladder.carbon_numbers[0]} to C{ladder.carbon_numbers[-1]})."
            own = [*notes, Finding(code="RUN-009", severity=Severity.INFO, text=text)]
        spectrum = replace(component.spectrum, retention_index=None if index is None else round(index, 1)).with_findings(own)
        answer = identify(spectrum, libraries, top=top, calibrations=calibrations, catalogue=catalogue, proposals=proposals)
        answers.append(replace(answer, area_share=component.area_share))
    return with_artefacts(
        answers,
        background=[component.is_background for component in components],
        derivatised=aids.derivatised,
        catalogue=catalogue or open_catalogue(),
    )
