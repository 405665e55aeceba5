"""Doing an identification again from its record alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from made_up import ei_references, measured, msms_references, msp

import nps_ident as nps
from nps_ident.errors import InputError, LibraryError
from nps_ident.identify.replaying import rerun
from nps_ident.ledger import open_ledger, record
from nps_ident.ledger.replaying import replay
from nps_ident.library import Libraries

if TYPE_CHECKING:
    from pathlib import Path

    from nps_ident.ledger.replaying import ReplayReport
    from nps_ident.library.compiled import Library
    from nps_ident.model import Identification, MassSpectrum


def _replayed(answer: Identification, searched: Library, tmp_path: Path, **more: object) -> ReplayReport:
    """Recorded, and run again from what the record says."""
    settings = {"verb": "identify", "library": [str(searched.folder)], "starter": False, "top": 10, **more}
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        stored = record(answer, ledger, settings=settings)
        [entry] = [entry for entry in ledger.entries() if entry.id == stored.record]
    return replay(entry, rerun)


@pytest.mark.parametrize("technique", ["ei", "msms"])
def test_a_spectrum_made_in_python_replays_to_the_same_bytes(
    technique: str, ei_library: Library, msms_library: Library, tmp_path: Path
) -> None:
    library, references = (ei_library, ei_references()) if technique == "ei" else (msms_library, msms_references())
    answer = nps.identify(measured(references[5]), Libraries((library,)))
    assert _replayed(answer, library, tmp_path).same


def test_what_was_noted_and_how_it_was_measured_is_replayed_too(msms_library: Library, tmp_path: Path) -> None:
    """A triple quadrupole's masses are compared at unit mass although they are written with decimals."""
    query = measured(msms_references()[5], instrument_type="LC-ESI-QQQ")
    untidy = replace(query, mz=np.append(query.mz[::-1], np.nan), intensity=np.append(query.intensity[::-1], 1.0))
    answer = nps.identify(untidy, Libraries((msms_library,)))
    assert {"SPEC-002", "SPEC-004"} <= {finding.code for finding in answer.findings}
    report = _replayed(answer, msms_library, tmp_path)
    assert report.same, report.summary


def test_an_assumed_technique_is_assumed_again(ei_library: Library, tmp_path: Path) -> None:
    answer = nps.identify(measured(ei_references()[5], technique=None), Libraries((ei_library,)))
    assert _replayed(answer, ei_library, tmp_path).same


def _from_file(folder: Path, *spectra: MassSpectrum) -> list[MassSpectrum]:
    (folder / "some.msp").write_text(msp(spectra), encoding="utf-8")
    return nps.read_spectra(folder / "some.msp")


def test_of_a_file_the_spectrum_of_the_record_is_taken(ei_library: Library, tmp_path: Path) -> None:
    spectra = _from_file(tmp_path, *(measured(reference, name=reference.name) for reference in ei_references(3)))
    for spectrum in spectra:
        assert _replayed(nps.identify(spectrum, Libraries((ei_library,))), ei_library, tmp_path).same


def test_another_list_length_differs_in_the_matches_alone(ei_library: Library, tmp_path: Path) -> None:
    answer = nps.identify(measured(ei_references()[5]), Libraries((ei_library,)))
    report = _replayed(answer, ei_library, tmp_path, top=3)
    assert not report.same
    assert all(difference.field.startswith("/matches/") for difference in report.differences)


def test_what_is_gone_is_named(ei_library: Library, tmp_path: Path) -> None:
    [spectrum] = _from_file(tmp_path, measured(ei_references()[5]))
    answer = nps.identify(spectrum, Libraries((ei_library,)))
    assert "nowhere" in (_replayed(answer, ei_library, tmp_path, library=["nowhere"]).failure or "")
    (tmp_path / "some.msp").unlink()
    assert "some.msp" in (_replayed(answer, ei_library, tmp_path).failure or "")


def test_a_record_of_a_spectrum_that_the_file_no_longer_has_is_one_sentence(ei_library: Library, tmp_path: Path) -> None:
    _from_file(tmp_path, measured(ei_references()[5]))
    settings = {"file": "some.msp", "index": 7, "folder": str(tmp_path), "library": [str(ei_library.folder)], "starter": False}
    with pytest.raises(InputError, match="spectrum 7 cannot be read"):
        rerun(settings)
    with pytest.raises(LibraryError):
        rerun(settings | {"library": []})


def test_a_record_that_was_changed_is_not_replayed(ei_library: Library, tmp_path: Path) -> None:
    import sqlite3
    from contextlib import closing

    place = tmp_path / "ledger.sqlite"
    with open_ledger(place) as ledger:
        record(nps.identify(measured(ei_references()[5]), Libraries((ei_library,))), ledger)
    with closing(sqlite3.connect(place)) as db, db:
        for (trigger,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {trigger}")
        db.execute("UPDATE records SET record = replace(record, 'Substance 5', 'Substance 6')")
    with open_ledger(place) as ledger:
        [entry] = ledger.entries()
        assert "was changed" in (replay(entry, rerun).failure or "")
