"""The ledger: an append-only SQLite file in which each record holds the hash of the one before it.

Each record is one short ``BEGIN IMMEDIATE`` transaction, so that several processes record at once and none loses or waits long; one
signature at the end of a batch covers them all.  Only the standard library's ``sqlite3`` is on this path.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nps_ident.errors import LedgerError
from nps_ident.folders import data_folder
from nps_ident.ledger import signing
from nps_ident.ledger.canonical import canonical
from nps_ident.ledger.entry import RECORD_SCHEMA, LedgerEntry, genesis, now
from nps_ident.sqlite_files import TIMEOUT_S, FileKind, SqliteFile

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from types import TracebackType

    from nps_ident.ledger.signing import Head

__all__ = ["LEDGER_VARIABLE", "Ledger", "ledger_file", "open_ledger"]

LEDGER_VARIABLE = "NPS_IDENT_LEDGER"
_KIND = FileKind(
    what="ledger",
    row="record",
    done="recorded",
    application_id=0x4E50534C,  # "NPSL" in ASCII
    schema_version=1,
    tables=(
        "CREATE TABLE ledger (id TEXT NOT NULL)",
        "CREATE TABLE records (sequence INTEGER PRIMARY KEY, record TEXT NOT NULL, hash TEXT NOT NULL)",
        """CREATE TABLE heads (head INTEGER PRIMARY KEY, sequence INTEGER NOT NULL, hash TEXT NOT NULL, time TEXT NOT NULL,
                    public_key TEXT NOT NULL, signature TEXT NOT NULL)""",
        "CREATE TRIGGER records_are_never_changed BEFORE UPDATE ON records BEGIN SELECT RAISE(ABORT, 'a record is never changed'); END",
        "CREATE TRIGGER records_are_never_deleted BEFORE DELETE ON records BEGIN SELECT RAISE(ABORT, 'a record is never deleted'); END",
    ),
    error=LedgerError,
    journal="WAL",
)


def ledger_file(path: str | Path | None = None) -> Path:
    """Where the ledger is: as given, else as ``NPS_IDENT_LEDGER`` says, else ``ledger.sqlite`` in the user's data folder.

    Raises
    ------
    LedgerError
        For a database URL: only files are kept so far.
    """
    named = path or os.environ.get(LEDGER_VARIABLE)
    if named and "://" in str(named):
        raise LedgerError(f"{named}: a ledger on a database server is not available; expected the path of a file.")
    return Path(named) if named else data_folder() / "ledger.sqlite"


class Ledger:
    """An open ledger; close it, or use it in a ``with`` statement.  Made by :func:`open_ledger`."""

    def __init__(self, file: SqliteFile, key: Path, *, read_only: bool) -> None:
        self.path, self.key, self.read_only = file.path, key, read_only
        self._file = file
        self._batches = 0
        self._unsigned = False
        self._head_checked = False
        self.id = self._only("SELECT id FROM ledger", "the ledger has no id")

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __len__(self) -> int:
        return int(self._only("SELECT count(*) FROM records", "no count"))

    @property
    def head_file(self) -> Path:
        """Where the newest signed head is kept outside the database."""
        return signing.head_file(self.id, self.key)

    def close(self) -> None:
        """Sign what is not signed yet, and close the file."""
        try:
            self._sign()
        finally:
            self._file.close()

    @contextmanager
    def batch(self) -> Iterator[Ledger]:
        """Many records under one signature, made when the block ends, also by an exception.  Each record is stored at once all the same."""
        self._batches += 1
        try:
            yield self
        finally:
            self._batches -= 1
            if not self._batches:
                self._sign()

    def append(self, content: dict[str, Any]) -> LedgerEntry:
        """Add one record.

        Parameters
        ----------
        content : dict
            JSON values; ``schema``, ``sequence``, ``previous`` and ``time`` are filled in here.

        Returns
        -------
        LedgerEntry

        Raises
        ------
        LedgerError
            When it cannot be stored, or the ledger no longer holds what its signed head says.
        """
        if self.read_only:
            raise LedgerError(f"{self.path}: the ledger is open for reading only.")
        if not self._head_checked:
            self._refuse_if_cut()
        with self._file.transaction(synchronous="NORMAL") as db:
            row = db.execute("SELECT sequence, hash FROM records ORDER BY sequence DESC LIMIT 1").fetchone()
            last, previous = row or (0, genesis(self.id))
            filled = {**content, "schema": RECORD_SCHEMA, "sequence": last + 1, "previous": previous, "time": now()}
            data = canonical(filled)
            entry = LedgerEntry(sequence=last + 1, hash=hashlib.sha256(data).hexdigest(), data=data, content=filled)
            db.execute("INSERT INTO records VALUES (?, ?, ?)", (entry.sequence, data.decode(), entry.hash))
        self._unsigned = True
        if not self._batches:
            self._sign()
        return entry

    def rows(self) -> Iterator[tuple[Any, bytes, Any]]:
        """Number, bytes and hash of each record as stored, by number; nothing is believed about them."""
        yield from self._file.select("SELECT sequence, CAST(record AS BLOB), hash FROM records ORDER BY sequence")

    def entries(self) -> Iterator[LedgerEntry]:
        """The records in order.

        Raises
        ------
        LedgerError
            When one cannot be read.
        """
        for row in self.rows():
            yield self._entry(row)

    def newest(self, n: int) -> list[LedgerEntry]:
        """The last ``n`` records, in order."""
        query = "SELECT sequence, CAST(record AS BLOB), hash FROM records ORDER BY sequence DESC LIMIT ?"
        return [self._entry(row) for row in self._file.select(query, n)][::-1]

    def get(self, record: str | int) -> LedgerEntry:
        """One record by its id or its number.

        Raises
        ------
        LedgerError
            When there is none, or another one has that number.
        """
        text = str(record).strip()
        _, number, digits = text.upper().split("-") if text.upper().startswith("R-") and text.count("-") == 2 else ("", text, "")
        if not (number.isascii() and number.isdigit() and len(number) < 16):
            raise LedgerError(f"{record!r} is no record id; expected R-00000017-9f2c01ab or 17.")
        query = "SELECT sequence, CAST(record AS BLOB), hash FROM records WHERE sequence = ?"
        row = next(self._file.select(query, int(number)), None)
        if row is None:
            raise LedgerError(f"{self.path}: there is no record {record}; it holds {len(self)}.")
        entry = self._entry(row)
        if digits and entry.hash[:8] != digits.lower():
            raise LedgerError(f"{self.path}: record {entry.sequence} is {entry.id}, not {record}.")
        return entry

    def heads(self) -> Iterator[Head]:
        """The signed heads stored in the database, oldest first."""
        for row in self._file.select("SELECT sequence, hash, time, public_key, signature FROM heads ORDER BY head"):
            sequence, *texts = row
            digest, time, public, signature = (str(text) for text in texts)
            yield signing.Head(ledger=self.id, sequence=sequence, hash=digest, time=time, public_key=public, signature=signature)

    def damage(self) -> str | None:
        """What SQLite's own check says is wrong with the file; None when nothing is."""
        said = str(self._only("PRAGMA integrity_check(1)", "no answer"))
        return None if said == "ok" else said

    def _sign(self) -> None:
        """Sign the end of the chain: in the table, on the disk, then outside; a crash between leaves records that the next one signs."""
        if not self._unsigned:
            return
        self._refuse_if_cut()
        key = signing.load_or_make_key(self.key)
        with self._file.transaction(synchronous="FULL") as db:  # on the disk, with all before it, when the block ends
            last, digest = db.execute("SELECT sequence, hash FROM records ORDER BY sequence DESC LIMIT 1").fetchone()
            head = signing.sign(key, ledger=self.id, sequence=last, record_hash=digest, time=now())
            db.execute(
                "INSERT INTO heads (sequence, hash, time, public_key, signature) VALUES (?, ?, ?, ?, ?)",
                (head.sequence, head.hash, head.time, head.public_key, head.signature),
            )
        # The head outside is replaced under the database's write lock, or a slower process could put an older one in its place.
        with self._file.transaction(synchronous="NORMAL"):
            *_, newest = self.heads()
            signing.write_head(newest, self.head_file)
        self._unsigned = False

    def _refuse_if_cut(self) -> None:
        """A new head would hide that records under the old one are gone."""
        self._head_checked = True
        if not self.head_file.exists():
            return
        head = signing.read_head(self.head_file)
        row = next(self._file.select("SELECT hash FROM records WHERE sequence = ?", head.sequence), (None,))
        if row[0] != head.hash:
            raise LedgerError(
                f"{self.path}: record {head.sequence} is not the one that the signed head {self.head_file} names, so nothing is added; "
                "run 'nps-ident ledger verify', and record elsewhere with --ledger."
            )

    def _entry(self, row: tuple[Any, bytes, Any]) -> LedgerEntry:
        sequence, data, digest = row
        try:
            content = json.loads(data)
            whole = isinstance(content["result"], dict) and isinstance(content["settings"], dict)
        except (ValueError, TypeError, KeyError, RecursionError):
            whole = False
        if not whole:
            raise LedgerError(f"{self.path}: record {sequence} is not readable; run 'nps-ident ledger verify'.")
        return LedgerEntry(sequence=sequence, hash=str(digest), data=data, content=content)

    def _only(self, query: str, absent: str) -> Any:
        row = next(self._file.select(query), None)
        if row is None:
            raise LedgerError(f"{self.path}: {absent}; expected a whole ledger.")
        return row[0]


def open_ledger(
    path: str | Path | None = None, *, key: str | Path | None = None, read_only: bool = False, timeout_s: float = TIMEOUT_S
) -> Ledger:
    """Open a ledger, making it on first use.

    Parameters
    ----------
    path : str or Path, optional
        The file; by default as ``NPS_IDENT_LEDGER`` says, else ``ledger.sqlite`` in the user's data folder.
    key : str or Path, optional
        PEM file of the Ed25519 signing key, made on first use; by default as ``NPS_IDENT_LEDGER_KEY`` says, else ``ledger.key`` there.
    read_only : bool
        Nothing is made or written.
    timeout_s : float
        How long to wait for another program that is writing.

    Returns
    -------
    Ledger
        A context manager.

    Raises
    ------
    LedgerError
        When the file cannot be opened, is no ledger, or is one of a newer version.
    """
    place = ledger_file(path)
    if read_only and not place.is_file():
        raise LedgerError(f"{place}: there is no ledger; expected the file of one, which the first recorded identification makes.")
    file = SqliteFile(place, _KIND, mode=_mode(place, read_only=read_only), timeout_s=timeout_s, fill=_name)
    try:
        return Ledger(file, signing.key_file(key), read_only=read_only)
    except BaseException:  # whatever stops the opening, the file is not left open; passed on
        file.close()
        raise


def _mode(path: Path, *, read_only: bool) -> str:
    if not read_only:
        return "rwc"
    # A ledger on a disk that cannot be written opens only when SQLite may assume that nobody writes.
    writable = os.access(path.parent, os.W_OK)
    return "ro" if writable or path.with_name(f"{path.name}-wal").exists() else "ro&immutable=1"


def _name(db: sqlite3.Connection) -> None:
    """Give a new ledger its id."""
    db.execute("INSERT INTO ledger VALUES (?)", (os.urandom(16).hex(),))
