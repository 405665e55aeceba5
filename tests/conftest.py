"""Fixtures that several parts of the test suite use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from made_up import ei_references, msms_references

if TYPE_CHECKING:
    from nps_ident.library.compiled import Library


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder of real spectra, which is not part of the project; tests that need it are skipped where it is missing."""
    named = os.environ.get("NPS_IDENT_REALDATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not (folder / "ei" / "reference.msp").is_file():
        pytest.skip(f"no real spectra at {folder}: set NPS_IDENT_REALDATA to their folder")
    return folder


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's own data or cache."""
    monkeypatch.setenv("NPS_IDENT_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="session")
def ei_library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """240 made-up substances by EI, compiled."""
    from nps_ident.library.build import build_library

    return build_library(ei_references(), tmp_path_factory.mktemp("ei") / "library", name="made-up EI")


@pytest.fixture(scope="session")
def msms_library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """240 made-up substances by MS/MS, compiled."""
    from nps_ident.library.build import build_library

    return build_library(msms_references(), tmp_path_factory.mktemp("msms") / "library", name="made-up MS/MS")
