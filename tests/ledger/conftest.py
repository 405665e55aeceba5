"""A small answer to record, and a way past the ledger's own guards, as an intruder would take it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from nps_ident.ledger import open_ledger, record
from nps_ident.model import (
    Candidate,
    Finding,
    Identification,
    LibraryStamp,
    MassSpectrum,
    Severity,
    Source,
    Substance,
    Technique,
    Verdict,
)

if TYPE_CHECKING:
    from pathlib import Path

Tamper = Callable[..., None]


@pytest.fixture
def answer() -> Identification:
    fentanyl = Substance(inchikey="PJMPHNIQZUBGLI-UHFFFAOYSA-N", name="fentanyl", drug_class="fentanyl")
    return Identification(
        spectrum=MassSpectrum(
            name="Q-1",
            mz=[245.2, 146.1],
            intensity=[999.0, 600.0],
            technique=Technique.EI_MS,
            source=Source(file="q.msp", index=0, sha256="a" * 64),
        ),
        verdict=Verdict.MATCH,
        characterise=False,
        matches=(Candidate(substance=fentanyl, score=0.93, reference="X1", source="starter", match_factor=929, probability=0.97),),
        library=LibraryStamp(name="starter", sha256="b" * 64),
        software=(("nps_ident", "0.1.0"),),
        calibration="ei-1",
        findings=(Finding(code="IDENT-001", severity=Severity.INFO, text="The precursor agrees."),),
    )


@pytest.fixture
def path(tmp_path: Path, answer: Identification) -> Path:
    """A ledger of five records, signed."""
    place = tmp_path / "ledger.sqlite"
    with open_ledger(place) as ledger, ledger.batch():
        for number in range(1, 6):
            record(answer, ledger, analyst=f"analyst {number}")
    return place


@pytest.fixture
def tamper(path: Path) -> Tamper:
    """Run SQL on the database with its triggers removed."""

    def run(*statements: str | tuple[str, tuple[object, ...]]) -> None:
        with closing(sqlite3.connect(path)) as db, db:
            for trigger in db.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
                db.execute(f"DROP TRIGGER {trigger[0]}")
            for statement in statements:
                db.execute(*([statement] if isinstance(statement, str) else statement))

    return run
