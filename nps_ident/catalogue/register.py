"""The user's own register: substances proposed, with their spectra, that the next search finds.

A small SQLite file to which rows are only added: what is known of an entry, its spectra, and who did what, when and why.  Reading needs the
standard library and numpy alone, because every identification looks here; what is checked before an entry is made stands in
:mod:`nps_ident.catalogue.proposal`.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nps_ident.catalogue.store import Catalogue, Entry, fold_name
from nps_ident.errors import CatalogueError
from nps_ident.folders import data_folder
from nps_ident.model.finding import Finding, Severity
from nps_ident.model.substance import Substance
from nps_ident.sqlite_files import TIMEOUT_S, FileKind, KeptInSqlite, SqliteFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nps_ident.catalogue.proposal import Proposal
    from nps_ident.model.spectrum import MassSpectrum

__all__ = ["Event", "Register", "RegisterEntry", "open_register", "register_file"]

_KIND = FileKind(
    what="register",
    row="entry",
    done="added",
    application_id=0x4E505352,  # "NPSR" in ASCII
    schema_version=1,
    tables=(
        """CREATE TABLE entries (entry INTEGER PRIMARY KEY, inchikey TEXT NOT NULL UNIQUE, name TEXT NOT NULL, folded_name TEXT NOT NULL UNIQUE,
           synonyms TEXT NOT NULL, smiles TEXT NOT NULL, formula TEXT NOT NULL, exact_mass REAL NOT NULL, cas TEXT, drug_class TEXT,
           isotope_labelled INTEGER NOT NULL, input TEXT NOT NULL, software TEXT NOT NULL, findings TEXT NOT NULL)""",
        """CREATE TABLE spectra (spectrum INTEGER PRIMARY KEY, entry INTEGER NOT NULL REFERENCES entries, sha256 TEXT NOT NULL,
           content TEXT NOT NULL, UNIQUE (entry, sha256))""",
        """CREATE TABLE events (event INTEGER PRIMARY KEY, entry INTEGER NOT NULL REFERENCES entries, state TEXT NOT NULL, what TEXT NOT NULL,
           time TEXT NOT NULL, analyst TEXT, reason TEXT)""",
        *(
            f"CREATE TRIGGER {table}_{action} BEFORE {action} ON {table} BEGIN SELECT RAISE(ABORT, 'the register is only added to'); END"
            for table in ("entries", "spectra", "events")
            for action in ("UPDATE", "DELETE")
        ),
    ),
    error=CatalogueError,
)
_ENTRIES = """SELECT entry, inchikey, name, synonyms, smiles, formula, exact_mass, cas, drug_class, isotope_labelled, input, findings,
              (SELECT state FROM events WHERE events.entry = entries.entry ORDER BY event DESC LIMIT 1),
              (SELECT count(*) FROM spectra WHERE spectra.entry = entries.entry) FROM entries ORDER BY entry"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of an entry's history: what was done and the state after it, when, by whom and why."""

    state: str
    what: str
    time: str
    analyst: str | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterEntry:
    """An entry of the register.

    Parameters
    ----------
    number : int
        From 1.
    substance : Substance
        Its ``status`` is the state of the entry.
    input : str
        The structure as it was given.
    findings : tuple of Finding
        What the checks had to say when it was proposed.
    n_spectra : int
    """

    number: int
    substance: Substance
    input: str
    findings: tuple[Finding, ...]
    n_spectra: int

    @property
    def id(self) -> str:
        """The entry's id, e.g. ``P-000017``."""
        return f"P-{self.number:06d}"


def register_file(path: str | Path | None = None) -> Path:
    """Where the register is: as given, else ``register.sqlite`` in the user's data folder."""
    return Path(path) if path else data_folder() / "register.sqlite"


class Register(KeptInSqlite):
    """An open register; close it, or use it in a ``with`` statement.  Made by :func:`open_register`."""

    def entries(self) -> tuple[RegisterEntry, ...]:
        """Every entry, in the order of proposal."""
        return tuple(map(_entry, self._select(_ENTRIES)))

    def substances(self) -> tuple[Substance, ...]:
        """The substance of every entry, with the entry's state as its status."""
        return tuple(entry.substance for entry in self.entries())

    def catalogue(self) -> Catalogue:
        """The entries as a catalogue, to be searched like the one that ships."""
        entries = tuple(
            Entry(substance=entry.substance, group="nps", sources=(f"register {entry.id}",), licence="", line=entry.number)
            for entry in self.entries()
        )
        return Catalogue(entries=entries, source=str(self.path), sha256=self.content_hash())

    def spectra(self) -> list[MassSpectrum]:
        """Every spectrum of the register, labelled with its substance, in the order of the entries."""
        substances = {entry.number: entry.substance for entry in self.entries()}
        rows = self._select("SELECT entry, spectrum, content FROM spectra ORDER BY entry, spectrum")
        return [_spectrum(json.loads(content), substances[entry], f"P-{entry:06d}.{number}") for entry, number, content in rows]

    def spectra_of(self, number: int) -> list[MassSpectrum]:
        """Read the spectra of one entry."""
        [substance] = [entry.substance for entry in self.entries() if entry.number == number]
        rows = self._select("SELECT spectrum, content FROM spectra WHERE entry = ? ORDER BY spectrum", number)
        return [_spectrum(json.loads(content), substance, f"P-{number:06d}.{spectrum}") for spectrum, content in rows]

    def history(self, number: int) -> tuple[Event, ...]:
        """What was done to an entry, oldest first."""
        rows = self._select("SELECT state, what, time, analyst, reason FROM events WHERE entry = ? ORDER BY event", number)
        return tuple(Event(state=state, what=what, time=time, analyst=who, reason=why) for state, what, time, who, why in rows)

    def find(self, text: str) -> RegisterEntry:
        """One entry by its id, number, InChIKey, name or synonym.

        Raises
        ------
        CatalogueError
            When there is none, or a synonym that several share.
        """
        wanted = text.strip()
        folded = fold_name(wanted)
        entries = self.entries()
        for entry in entries:
            if wanted.upper() in {entry.id, str(entry.number), entry.substance.inchikey}:
                return entry
        found = [e for e in entries if folded in {fold_name(name) for name in (e.substance.name, *e.substance.synonyms)}]
        if len(found) != 1:
            what = f"{len(found)} entries are called" if found else "no entry is called"
            raise CatalogueError(f"{self.path}: {what} {text[:80]!a}; expected an id such as P-000001, an InChIKey or a name.")
        return found[0]

    def content_hash(self) -> str:
        """SHA-256 of all that a search can see: entries, their states, and spectra.  An empty or missing register has one too."""
        digest = hashlib.sha256(b"nps-ident register\n")
        for row in self._select(_ENTRIES):
            digest.update(json.dumps(row, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")
        for row in self._select("SELECT entry, spectrum, sha256 FROM spectra ORDER BY entry, spectrum"):
            digest.update(json.dumps(row).encode() + b"\n")
        return digest.hexdigest()

    def propose(self, proposal: Proposal, *, analyst: str | None = None, reason: str | None = None) -> RegisterEntry:
        """Add a checked substance in state *proposed*, or new spectra to one that is there already.

        Parameters
        ----------
        proposal : Proposal
            From :func:`nps_ident.catalogue.proposal.check_proposal`.
        analyst, reason : str, optional
            Who proposes it, and why.

        Returns
        -------
        RegisterEntry

        Raises
        ------
        CatalogueError
            When it brings nothing new, its name was taken meanwhile, or the file cannot be written.
        """
        substance = proposal.substance
        if self._file is None:
            raise CatalogueError(f"{self.path}: the register is open for reading only.")
        with self._file.transaction() as db:
            row = db.execute("SELECT entry FROM entries WHERE inchikey = ?", (substance.inchikey,)).fetchone()
            number = row[0] if row else self._insert(db, proposal)
            added = self._insert_spectra(db, number, proposal.spectra)
            if row and not added:
                raise CatalogueError(f"{substance.name!r} is in the register already, as P-{number:06d}, and nothing new comes with it.")
            what = f"added {added} spectra" if row else f"proposed with {added} spectra"
            db.execute(
                "INSERT INTO events (entry, state, what, time, analyst, reason) VALUES (?, 'proposed', ?, ?, ?, ?)",
                (number, what, datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"), analyst, reason),
            )
        return self.find(f"P-{number:06d}")

    def _insert(self, db: sqlite3.Connection, proposal: Proposal) -> int:
        s = proposal.substance
        try:
            cursor = db.execute(
                "INSERT INTO entries (inchikey, name, folded_name, synonyms, smiles, formula, exact_mass, cas, drug_class,"
                " isotope_labelled, input, software, findings) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(s.inchikey, s.name, fold_name(s.name), json.dumps(s.synonyms), s.smiles, s.formula, s.exact_mass, s.cas),
                    *(s.drug_class, int(s.isotope_labelled), proposal.input, json.dumps(dict(proposal.software))),
                    json.dumps([finding.to_dict() for finding in proposal.findings]),
                ),
            )
        except sqlite3.IntegrityError:
            raise CatalogueError(f"The name {s.name!r} belongs to another entry of the register; expected a name of its own.") from None
        return int(cursor.lastrowid or 0)

    def _insert_spectra(self, db: sqlite3.Connection, number: int, spectra: Sequence[MassSpectrum]) -> int:
        before = db.total_changes
        for spectrum in spectra:
            content = json.dumps(_content(spectrum), allow_nan=False)
            digest = hashlib.sha256(json.dumps([spectrum.mz.tolist(), spectrum.intensity.tolist()]).encode()).hexdigest()
            db.execute("INSERT OR IGNORE INTO spectra (entry, sha256, content) VALUES (?, ?, ?)", (number, digest, content))
        return db.total_changes - before

    def _select(self, query: str, *values: object) -> Iterator[tuple[Any, ...]]:
        if self._file is not None:
            yield from self._file.select(query, *values)


def open_register(path: str | Path | None = None, *, create: bool = False, timeout_s: float = TIMEOUT_S) -> Register:
    """Open the user's own register.

    Parameters
    ----------
    path : str or Path, optional
        The file; by default ``register.sqlite`` in the user's data folder.
    create : bool
        Whether it is opened for adding, and made where it is missing; without it a missing register is an empty one.
    timeout_s : float
        How long to wait for another program that is writing.

    Returns
    -------
    Register
        A context manager.

    Raises
    ------
    CatalogueError
        When the file cannot be opened, is no register, or is one of a newer version.
    """
    place = register_file(path)
    if not create and not place.is_file():
        return Register(place, None)
    return Register(place, SqliteFile(place, _KIND, mode="rwc" if create else "ro", timeout_s=timeout_s))


def _entry(row: tuple[Any, ...]) -> RegisterEntry:
    number, inchikey, name, synonyms, smiles, formula, exact_mass, cas, drug_class, labelled, given, findings, state, n_spectra = row
    return RegisterEntry(
        number=number,
        substance=Substance(
            inchikey=inchikey,
            name=name,
            synonyms=tuple(json.loads(synonyms)),
            smiles=smiles,
            formula=formula,
            exact_mass=exact_mass,
            cas=cas,
            drug_class=drug_class,
            isotope_labelled=bool(labelled),
            status=state,
        ),
        input=given,
        findings=tuple(Finding(code=f["code"], severity=Severity(f["severity"]), text=f["text"]) for f in json.loads(findings)),
        n_spectra=n_spectra,
    )


def _content(spectrum: MassSpectrum) -> dict[str, Any]:
    """A spectrum as the register keeps it: its peaks as the file gave them, and what is known of its measurement."""
    names = ("name", "precursor_mz", "precursor_decimals", "adduct", "collision_energy", "instrument_type", "retention_index", "licence")
    source = spectrum.source
    return {
        **{name: getattr(spectrum, name) for name in (*names, "accession", "contributor")},
        "technique": spectrum.technique.value if spectrum.technique else None,
        "polarity": spectrum.polarity.value if spectrum.polarity else None,
        "file": source.file if source else None,
        "index": source.index if source else None,
        "file_sha256": source.sha256 if source else None,
        "findings": [finding.to_dict() for finding in spectrum.findings],
        "mz": spectrum.mz.tolist(),
        "intensity": spectrum.intensity.tolist(),
    }


def _spectrum(content: dict[str, Any], substance: Substance, accession: str) -> MassSpectrum:
    from nps_ident.catalogue.labels import label_of
    from nps_ident.model.spectrum import MassSpectrum, Polarity, Source, Technique

    place = content["file"]
    return MassSpectrum(
        **{name: content[name] for name in ("name", "precursor_mz", "precursor_decimals", "adduct", "collision_energy", "mz", "intensity")},
        **{name: content[name] for name in ("instrument_type", "retention_index", "licence", "contributor")},
        technique=Technique(content["technique"]) if content["technique"] else None,
        polarity=Polarity(content["polarity"]) if content["polarity"] else None,
        accession=accession,
        label=label_of(substance),
        findings=tuple(Finding(code=f["code"], severity=Severity(f["severity"]), text=f["text"]) for f in content["findings"]),
        source=Source(file=place, index=content["index"], sha256=content["file_sha256"]) if place else None,
    )
