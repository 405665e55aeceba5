"""What the ledger's and the register's files have in common."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from nps_ident.errors import InputError
from nps_ident.sqlite_files import FileKind, SqliteFile

if TYPE_CHECKING:
    from pathlib import Path

KIND = FileKind(
    what="notebook",
    row="note",
    done="noted",
    application_id=0x4E505358,
    schema_version=3,
    tables=("CREATE TABLE notes (note TEXT NOT NULL)",),
    error=InputError,
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "notes.sqlite"


def opened(path: Path, kind: FileKind = KIND, mode: str = "rwc", **more: object) -> SqliteFile:
    return SqliteFile(path, kind, mode=mode, timeout_s=0.05, **more)  # type: ignore[arg-type]


def note_and_be_interrupted(file: SqliteFile) -> None:
    with file.transaction(synchronous="FULL") as db:
        db.execute("INSERT INTO notes VALUES ('lost')")
        raise KeyboardInterrupt


def test_a_new_file_gets_its_tables_and_first_rows_once(place: Path) -> None:
    for _ in range(2):
        with closing(opened(place, fill=lambda db: db.execute("INSERT INTO notes VALUES ('first')"))) as file:
            assert list(file.select("SELECT note FROM notes")) == [("first",)]


def test_what_a_transaction_wrote_is_there_and_what_an_interrupt_stopped_is_not(place: Path) -> None:
    with closing(opened(place)) as file:
        with file.transaction() as db:
            db.execute("INSERT INTO notes VALUES ('kept')")
        with pytest.raises(KeyboardInterrupt):
            note_and_be_interrupted(file)
        with file.transaction() as db:
            db.execute("INSERT INTO notes VALUES ('after')")
        assert list(file.select("SELECT note FROM notes")) == [("kept",), ("after",)]


def test_another_kind_of_file_is_refused_and_left_as_it_was(place: Path) -> None:
    opened(place).close()
    before = place.read_bytes()
    with pytest.raises(InputError, match=r"^.*a database, but not a diary; expected one made by nps-ident\.$"):
        opened(place, replace(KIND, what="diary", application_id=1))
    assert place.read_bytes() == before


def test_another_version_is_refused(place: Path) -> None:
    opened(place).close()
    with pytest.raises(InputError, match=r"the notebook has schema version 3; this program knows version 4\.$"):
        opened(place, replace(KIND, schema_version=4))


def test_text_is_no_database(place: Path) -> None:
    place.parent.mkdir()
    place.write_text("a letter, not a database\n" * 100, encoding="utf-8")
    with pytest.raises(InputError, match="not a notebook"):
        opened(place)


def test_a_locked_file_is_one_sentence(place: Path) -> None:
    with closing(opened(place)) as file, closing(sqlite3.connect(place, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(InputError, match=r"another program keeps the notebook locked; nothing was noted"), file.transaction():
            pass


def test_reading_makes_nothing(place: Path) -> None:
    with pytest.raises(InputError, match="cannot be opened"):
        opened(place, mode="ro")
    assert not place.exists()


def test_what_is_read_cannot_be_written(place: Path) -> None:
    opened(place).close()
    with (
        closing(opened(place, mode="ro")) as file,
        pytest.raises(InputError, match="cannot be opened for writing"),
        file.transaction() as db,
    ):
        db.execute("INSERT INTO notes VALUES ('no')")


def test_a_file_in_the_way_of_the_folder_is_one_sentence(place: Path) -> None:
    place.parent.write_text("in the way", encoding="utf-8")
    with pytest.raises(InputError, match=r"the folder of the notebook cannot be made \("):
        opened(place)


def test_reading_may_stop_half_way_and_the_file_be_closed(place: Path) -> None:
    file = opened(place)
    with file.transaction() as db:
        db.executemany("INSERT INTO notes VALUES (?)", [("a",), ("b",)])
    reading = file.select("SELECT note FROM notes")
    assert next(reading) == ("a",)
    file.close()
    reading.close()
