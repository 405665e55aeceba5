"""A SQLite file of our own: made once, told from others by its header, written in short transactions, its errors in one sentence.

What the ledger and the register have in common; only the standard library is on this path.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import TracebackType

    from nps_ident.errors import NpsIdentError

__all__ = ["TIMEOUT_S", "FileKind", "KeptInSqlite", "SqliteFile"]

TIMEOUT_S = 30.0
"""How long another program that is writing is waited for."""

_EMPTY = "SELECT count(*) = 0 FROM sqlite_schema"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileKind:
    """A kind of file.

    Parameters
    ----------
    what : str
        Its name in messages: ``ledger``.
    row, done : str
        What is stored in it and what that is called: ``record``, ``recorded``.
    application_id : int
        SQLite's header field for "whose file is this".
    schema_version : int
        Of the tables; another one is refused.
    tables : tuple of str
        The statements that make an empty file one of this kind.
    error : type of NpsIdentError
        What is raised for everything that goes wrong.
    journal : str, optional
        Journal mode that a new file gets.
    """

    what: str
    row: str
    done: str
    application_id: int
    schema_version: int
    tables: tuple[str, ...]
    error: type[NpsIdentError]
    journal: str | None = None

    def sentence(self, path: Path, error: sqlite3.Error) -> NpsIdentError:
        """What SQLite's error means to the user, in one sentence."""
        text = str(error)
        if "locked" in text or "busy" in text:
            why = f"another program keeps the {self.what} locked; nothing was {self.done}, try again when it has ended."
        elif "full" in text:
            why = f"the disk is full; the {self.row} was not stored, all before it are."
        elif "readonly" in text or "unable to open" in text:
            why = f"the {self.what} cannot be opened for writing ({text}); expected a file in a folder you may write to."
        elif "not a database" in text:
            why = f"the file is not a {self.what} (no SQLite database); expected one made by nps-ident."
        else:
            why = f"the {self.what} cannot be read or written ({text})."
        return self.error(f"{path}: {why}")


class SqliteFile:
    """An open file of a kind; every error of SQLite comes as the kind's sentence.

    Parameters
    ----------
    path : Path
    kind : FileKind
    mode : str
        ``rwc`` for reading and writing, in which case an empty file gets the kind's tables; ``ro`` for reading, and ``ro&immutable=1`` where
        SQLite may assume that nobody writes.
    timeout_s : float
        How long another program that is writing is waited for.
    fill : callable, optional
        Puts the first rows into a new file, in the transaction that makes it.

    Raises
    ------
    NpsIdentError
        The kind's error, when the file or its folder cannot be opened or made, is of another kind or of another version.
    """

    def __init__(
        self, path: Path, kind: FileKind, *, mode: str, timeout_s: float, fill: Callable[[sqlite3.Connection], None] | None = None
    ) -> None:
        self.path, self.kind = path, kind
        make = mode == "rwc"
        try:
            if make:
                path.parent.mkdir(parents=True, exist_ok=True)
            address = f"{path.resolve().as_uri()}?mode={mode}"
            with self._told():
                self.connection = sqlite3.connect(address, uri=True, timeout=timeout_s, isolation_level=None)
        except OSError as error:
            raise kind.error(f"{path.parent}: the folder of the {kind.what} cannot be made ({error.strerror}).") from None
        try:
            with self._told():
                if make:
                    self._make(timeout_s, fill)
                self._check()
        except BaseException:  # whatever stops the opening, the file is not left open; passed on
            self.connection.close()
            raise

    def close(self) -> None:
        """Close the file."""
        with self._told():
            self.connection.close()

    def select(self, query: str, *values: object) -> Iterator[tuple[Any, ...]]:
        """Give the rows of a query as they are read."""
        with self._told():
            cursor = self.connection.execute(query, values)
            try:
                for row in cursor:  # noqa: UP028 'yield from' would close the cursor itself, and not as below
                    yield row
            finally:
                # Who stops reading, because the pipe behind it was closed, may have closed the file first; the cursor went with it.
                with suppress(sqlite3.ProgrammingError):
                    cursor.close()

    @contextmanager
    def transaction(self, *, synchronous: str | None = None) -> Iterator[sqlite3.Connection]:
        """One write transaction: all of the block, or nothing of it.

        Parameters
        ----------
        synchronous : str, optional
            How far the disk is waited for: ``FULL`` or ``NORMAL``; as it is, where not given.
        """
        with self._told():
            if synchronous is not None:
                self.connection.execute(f"PRAGMA synchronous = {synchronous}")
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:  # also an interrupt must leave the old state, and is passed on
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self.kind.sentence(self.path, error) from None

    def _make(self, timeout_s: float, fill: Callable[[sqlite3.Connection], None] | None) -> None:
        kind = self.kind
        if not self.connection.execute(_EMPTY).fetchone()[0]:
            return
        if kind.journal:
            self._set_journal(kind.journal, timeout_s)
        with self.transaction() as db:
            # Another process may have made the tables between the look and the lock.
            if db.execute(_EMPTY).fetchone()[0]:
                for statement in kind.tables:
                    db.execute(statement)
                if fill:
                    fill(db)
                db.execute(f"PRAGMA application_id = {kind.application_id}")
                db.execute(f"PRAGMA user_version = {kind.schema_version}")

    def _set_journal(self, journal: str, timeout_s: float) -> None:
        """Set the journal of a new file; SQLite does not wait for the lock here, whatever its timeout says (https://sqlite.org/pragma.html)."""
        end = time.monotonic() + timeout_s
        while True:
            try:
                self.connection.execute(f"PRAGMA journal_mode = {journal}")
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > end:
                    raise
                time.sleep(0.01)
            else:
                return

    def _check(self) -> None:
        kind = self.kind
        application = self.connection.execute("PRAGMA application_id").fetchone()[0]
        version = self.connection.execute("PRAGMA user_version").fetchone()[0]
        if application != kind.application_id:
            raise kind.error(f"{self.path}: the file is a database, but not a {kind.what}; expected one made by nps-ident.")
        if version != kind.schema_version:
            known = f"this program knows version {kind.schema_version}"
            raise kind.error(f"{self.path}: the {kind.what} has schema version {version}; {known}.")


class KeptInSqlite:
    """What is kept in one file of SQLite, which may not exist yet; close it, or use it in a ``with`` statement."""

    def __init__(self, path: Path, file: SqliteFile | None) -> None:
        self.path, self._file = path, file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
