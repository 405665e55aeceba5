"""Fixtures that several parts of the test suite use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


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
