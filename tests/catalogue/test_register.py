"""Promises of the user's own register: what is proposed is kept with who, when and why, and found again."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from proposed import BUTYRYLFENTANYL, check, spectrum

from nps_ident.catalogue.proposal import check_proposal
from nps_ident.catalogue.register import open_register
from nps_ident.catalogue.statements import Statement
from nps_ident.errors import CatalogueError
from nps_ident.folders import data_folder
from nps_ident.model import Technique

if TYPE_CHECKING:
    from nps_ident.catalogue.store import Catalogue


def test_a_proposal_is_kept_with_who_when_and_why_and_read_back_equal(known: Catalogue) -> None:
    own = spectrum((259.0, 999.5), (202, 300), (146, 500))
    proposal = check(known, BUTYRYLFENTANYL, synonyms=("BF",), cas="1169-70-6", spectra=[own])
    with open_register(create=True) as register:
        entry = register.propose(proposal, analyst="A. Chemist", reason="seen twice")
    with open_register() as register:
        assert register.path == data_folder() / "register.sqlite"
        assert register.substances() == (proposal.substance,)
        assert register.find("bf") == register.find("P-000001") == register.find("test opioid") == entry
        [event] = register.history(1)
        [read] = register.spectra()
        assert register.spectra_of(1) == [read]
    assert (event.state, event.analyst, event.reason) == ("proposed", "A. Chemist", "seen twice")
    assert event.time.endswith("Z")
    assert (read.mz.tolist(), read.intensity.tolist()) == ([146.0, 202.0, 259.0], [500.0, 300.0, 999.5])
    assert (read.label.inchikey, read.label.name, read.technique) == (proposal.substance.inchikey, "test opioid", Technique.EI_MS)
    assert read.source == own.source
    assert read.accession == "P-000001.1"


def test_the_register_serves_as_a_catalogue_of_proposed_substances(known: Catalogue) -> None:
    with open_register(create=True) as register:
        register.propose(check(known, BUTYRYLFENTANYL))
        catalogue = register.catalogue()
    [found] = catalogue.find_name("Test Opioid")
    assert found.status == "proposed"


def test_the_same_substance_again_is_refused_unless_it_brings_new_spectra(known: Catalogue) -> None:
    first, second = spectrum((259, 999), (202, 300), (146, 500)), spectrum((259, 999), (202, 310), (146, 500))
    with open_register(create=True) as register:
        register.propose(check(known, BUTYRYLFENTANYL, spectra=[first]))
        with pytest.raises(CatalogueError, match="in the register already, as P-000001"):
            register.propose(check(known, BUTYRYLFENTANYL, spectra=[first]))
        entry = register.propose(check(known, BUTYRYLFENTANYL, spectra=[first, second]))
        assert (entry.number, entry.n_spectra) == (1, 2)
        assert [event.what for event in register.history(1)] == ["proposed with 1 spectra", "added 1 spectra"]


def test_a_name_taken_in_the_register_is_refused(known: Catalogue) -> None:
    other = Statement(structure="CCCCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1", name="TEST-opioid")
    with open_register(create=True) as register:
        register.propose(check(known, BUTYRYLFENTANYL))
        with pytest.raises(CatalogueError, match="is taken by 'test opioid'"):
            check_proposal(other, known=[known], register=register.catalogue())
        with pytest.raises(CatalogueError, match="belongs to another entry"):
            register.propose(check_proposal(other, known=[known]))
        assert len(register.entries()) == 1


def test_the_content_hash_changes_with_every_addition_and_with_nothing_else(known: Catalogue) -> None:
    hashes = []
    with open_register() as missing:
        hashes.append(missing.content_hash())
    with open_register(create=True) as register:
        assert register.content_hash() == hashes[0]
        register.propose(check(known, BUTYRYLFENTANYL))
        hashes.append(register.content_hash())
        register.propose(check(known, BUTYRYLFENTANYL, spectra=[spectrum((259, 999), (202, 300), (146, 500))]))
        hashes.append(register.content_hash())
    with open_register() as register:
        assert register.content_hash() == hashes[-1]
    assert len(set(hashes)) == 3


@pytest.mark.parametrize("table", ["entries", "spectra", "events"])
def test_nothing_in_the_register_can_be_changed_or_deleted(known: Catalogue, table: str) -> None:
    with open_register(create=True) as register:
        register.propose(check(known, BUTYRYLFENTANYL, spectra=[spectrum((259, 999), (202, 300), (146, 500))]))
    with closing(sqlite3.connect(data_folder() / "register.sqlite")) as db:
        for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET entry = 2"):  # noqa: S608 - three fixed names
            with pytest.raises(sqlite3.IntegrityError, match="only added to"):
                db.execute(statement)


def test_a_missing_register_is_an_empty_one_and_is_not_made() -> None:
    with open_register() as register:
        assert register.entries() == ()
        assert register.substances() == ()
        assert register.spectra() == []
    assert not data_folder().exists()


def test_what_is_no_register_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database at all, but long enough to look at " * 9)
    with pytest.raises(CatalogueError, match="is not a register"):
        open_register(tmp_path / "text")
    with closing(sqlite3.connect(tmp_path / "foreign")) as db, db:
        db.execute("CREATE TABLE t (x)")
    with pytest.raises(CatalogueError, match="not a register"):
        open_register(tmp_path / "foreign", create=True)
    with open_register(tmp_path / "newer", create=True) as register, closing(sqlite3.connect(register.path)) as db:
        db.execute("PRAGMA user_version = 7")
    with pytest.raises(CatalogueError, match="schema version 7"):
        open_register(tmp_path / "newer")


def test_a_locked_register_is_one_sentence(known: Catalogue) -> None:
    proposal = check(known, BUTYRYLFENTANYL)
    with open_register(create=True, timeout_s=0.05) as register, closing(sqlite3.connect(register.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(CatalogueError, match="another program keeps the register locked"):
            register.propose(proposal)


def test_reading_the_register_loads_no_chemistry_toolkit(known: Catalogue) -> None:
    with open_register(create=True) as register:
        register.propose(check(known, BUTYRYLFENTANYL, spectra=[spectrum((259, 999), (202, 300), (146, 500))]))
    code = (
        "import sys; from nps_ident.catalogue.register import open_register\n"
        "with open_register() as register:\n    assert register.spectra() and register.substances() and register.content_hash()\n"
        "sys.exit(str({'rdkit', 'pandas', 'scipy', 'cryptography'} & set(sys.modules) or ''))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=False)
    assert done.stderr.strip() == b""


def test_findings_survive_the_register(known: Catalogue) -> None:
    with open_register(create=True) as register:
        entry = register.propose(check(known, "C[C@H](Cc1ccccc1)NC", "relative"))
        assert json.dumps([f.to_dict() for f in register.find(entry.id).findings]) == json.dumps([f.to_dict() for f in entry.findings])
        assert entry.findings[0].code == "REG-102"
