"""A forensic chemist in a script or notebook: read, identify, see why, record, draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from made_up import holds_the_contract

import nps_ident as nps
from nps_ident.catalogue.store import reference_folder
from nps_ident.confidence.calibration import shipped_calibration
from nps_ident.ledger.verification import verify
from nps_ident.model import Technique

if TYPE_CHECKING:
    from pathlib import Path

EXHIBIT = reference_folder() / "examples" / "exhibit_17.msp"


def test_from_a_file_to_a_recorded_answer_with_its_picture(tmp_path: Path) -> None:
    library = nps.open_library()
    [query] = nps.read_spectra(EXHIBIT)
    result = nps.identify(query, library)
    assert holds_the_contract(result.to_dict())["query"]["id"] == query.name

    assert result.verdict == "match"
    assert result.best is not None
    assert result.best.substance.name == "Atropine"
    calibration = shipped_calibration(Technique.EI_MS, "principal_ions")
    assert calibration is not None
    assert calibration.match_cut <= (result.best.probability or 0) < 1
    assert result.reasons[0].startswith("Match: Atropine has probability")
    assert result.best.source == "starter"

    frame = result.to_frame()
    assert frame.loc[0, "name"] == "Atropine"
    assert frame["rank"].tolist() == list(range(1, len(result.matches) + 1))

    nps.plot(result, tmp_path / "mirror.png")
    assert (tmp_path / "mirror.png").read_bytes().startswith(b"\x89PNG")

    with nps.open_ledger(tmp_path / "ledger.sqlite") as ledger:
        recorded = nps.record(result, ledger, analyst="A. Chemist")
        assert recorded.record
        assert recorded.matches == result.matches
        assert verify(ledger).holds


def test_a_structure_is_asked_about_in_the_same_words() -> None:
    result = nps.identify_structure("CCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1")
    assert result.verdict == "match"
    assert result.matches[0].substance.name == "Fentanyl"


def test_a_library_of_ones_own_is_searched_with_the_one_that_ships(tmp_path: Path) -> None:
    (tmp_path / "own.msp").write_bytes(EXHIBIT.read_bytes())
    library = nps.open_library(tmp_path / "own.msp")
    assert [member.name for member in library.members][:2] == ["own.msp", "starter"]
    [query] = nps.read_spectra(EXHIBIT)
    result = nps.identify(query, library)
    holds_the_contract(result.to_dict())
    assert "own.msp" in result.library.name
