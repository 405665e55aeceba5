"""Doing a recorded identification again, from its inputs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nps_ident.errors import InputError
from nps_ident.model import Finding, MassSpectrum, Polarity, Severity, Technique

if TYPE_CHECKING:
    from nps_ident.library.opening import Libraries
    from nps_ident.model import Identification

__all__ = ["rerun", "stored_spectrum"]


def rerun(settings: dict[str, Any]) -> dict[str, Any]:
    """Identify again what a record's settings describe.

    Parameters
    ----------
    settings : dict
        As :func:`nps_ident.ledger.record` stored them.

    Returns
    -------
    dict
        The result by its contract.

    Raises
    ------
    InputError
        When an input is no longer there; what it then contains is for the comparison to judge.
    """
    if settings.get("verb") == "unknown":
        raise InputError("the record states an event on an open unknown, not an identification; there is nothing to run again.")
    if settings.get("verb") == "structure":
        from nps_ident.identify.structure import rerun_structure

        return rerun_structure(settings)
    if settings.get("verb") == "exhibit":
        from nps_ident.identify.exhibit import rerun_exhibit

        return rerun_exhibit(settings)
    from nps_ident.catalogue.store import open_catalogue
    from nps_ident.confidence.calibration import read_calibration
    from nps_ident.identify.spectrum import identify
    from nps_ident.library import open_library

    libraries = open_library(*settings.get("library", ()), starter=bool(settings.get("starter", True)), report=lambda _: None)
    chosen = [read_calibration(path) for path in settings.get("calibration", ())]
    calibrations = {(calibration.technique, calibration.kind): calibration for calibration in chosen} or None
    catalogue = open_catalogue(settings["catalogue"]) if settings.get("catalogue") else None
    top, proposals = int(settings.get("top", 10)), bool(settings.get("proposals", True))
    if settings.get("verb") == "run":
        return _component(settings, libraries, top=top, calibrations=calibrations, catalogue=catalogue, proposals=proposals).to_dict()
    if settings.get("together"):
        from nps_ident.identify.voltages import identify_voltages

        spectra = [_query({**settings, "index": index}) for index in settings["together"]]
        how = {"top": top, "calibrations": calibrations, "catalogue": catalogue, "proposals": proposals}
        answers = identify_voltages(spectra, libraries, **how)  # type: ignore[arg-type]
        written: dict[str, Any] = answers[settings["together"].index(settings["index"])].to_dict()
        return written
    answer = identify(_query(settings), libraries, top=top, calibrations=calibrations, catalogue=catalogue, proposals=proposals)
    return answer.to_dict()


def stored_spectrum(stored: dict[str, Any]) -> MassSpectrum:
    """The spectrum that a record holds, as it was when it was identified.

    Parameters
    ----------
    stored : dict
        As :func:`nps_ident.ledger.record` wrote it.
    """
    return MassSpectrum(
        name=stored["name"],
        technique=Technique(stored["technique"]) if stored["technique"] else None,
        mz=[float(value) for value in stored["mz"]],  # type: ignore[arg-type]
        intensity=[float(value) for value in stored["intensity"]],  # type: ignore[arg-type]
        precursor_mz=stored["precursor_mz"],
        precursor_decimals=stored["precursor_decimals"],
        adduct=stored["adduct"],
        polarity=Polarity(stored["polarity"]) if stored["polarity"] else None,
        collision_energy=stored.get("collision_energy"),
        instrument_type=stored.get("instrument_type"),
        findings=tuple(
            Finding(code=finding["code"], severity=Severity(finding["severity"]), text=finding["text"]) for finding in stored.get("findings", ())
        ),
    )


def _component(settings: dict[str, Any], libraries: Libraries, **how: Any) -> Identification:
    """Answer a run again, as its components are answered together, and take the one that was recorded."""
    from nps_ident.identify.run import identify_run, read_run_aids
    from nps_ident.io import read_run

    file, index = str(settings["file"]), int(settings["index"])
    place = Path(settings.get("folder", "."), file)
    technique = Technique(settings["technique"]) if settings.get("technique") else None
    run = read_run(place, report=lambda _: None, technique=technique)
    aids = read_run_aids(
        blank=settings.get("blank"), alkanes=settings.get("alkanes"), derivatised=settings.get("derivatised"), report=lambda _: None
    )
    if run.source is not None:
        run = replace(run, source=replace(run.source, file=file))
    answers: tuple[Identification, ...] = identify_run(run, libraries, aids=aids, **how)
    if not 0 <= index < len(answers):
        raise InputError(f"{place}: the run has no component {index}; expected the file that was recorded.")
    return answers[index]


def _query(settings: dict[str, Any]) -> MassSpectrum:
    technique = Technique(settings["technique"]) if settings.get("technique") else None
    if "spectrum" in settings:
        spectrum = stored_spectrum(settings["spectrum"])
        return spectrum if spectrum.technique else replace(spectrum, technique=technique)
    from nps_ident.io import scan_spectra

    file, index = settings["file"], settings["index"]
    place = Path(settings.get("folder", "."), file)
    for spectrum in scan_spectra(place, report=lambda _: None, technique=technique):
        if spectrum.source is not None and spectrum.source.index == index:
            return replace(spectrum, source=replace(spectrum.source, file=file))
    raise InputError(f"{place}: spectrum {index} cannot be read; expected the file that was recorded.")
