"""The catalogue: the substances that ship, read from their table and indexed by key, name and CAS number.

Reading needs the standard library alone, because every identification opens the catalogue first.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from nps_ident.errors import CatalogueError
from nps_ident.model.substance import Substance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = [
    "SUBSTANCE_COLUMNS",
    "Catalogue",
    "Entry",
    "fold_name",
    "open_catalogue",
    "read_entries",
    "read_table",
    "reference_folder",
    "verify_manifest",
]

SUBSTANCE_COLUMNS = ("inchikey", "name", "synonyms", "smiles", "formula", "exact_mass", "cas", "drug_class", "group", "sources", "licence")
SUBSTANCES = "substances.tsv"
_INCHIKEY = re.compile(r"[A-Z]{14}-[A-Z]{10}-[A-Z]")
_ISOTOPES = re.compile(r"\[\d+[A-Za-z]")


def fold_name(name: str) -> str:
    """Fold a name for comparison: case, spaces and hyphens of any kind do not count."""
    return re.sub(r"[\s\-\u2010-\u2015\u2212]", "", name).casefold()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row of the table: the substance, and what the catalogue keeps beside it.

    Parameters
    ----------
    group : str
        ``nps``, ``classic drug``, ``opiate companion``, ``cutting agent``, ``precursor`` or ``medicine``.
    sources : tuple of str
        Where the structure stands, and what checked it.
    licence : str
    line : int
        The line of the table, from 1.
    """

    substance: Substance
    group: str
    sources: tuple[str, ...]
    licence: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Catalogue:
    """The register of substances: an ordered, unchanging collection.

    Parameters
    ----------
    entries : tuple of Entry
        In the order of the table.
    source : str
        The file it was read from.
    sha256 : str
        Of that file.
    """

    entries: tuple[Entry, ...]
    source: str
    sha256: str
    _index: dict[str, Mapping[str, Sequence[Entry]]] = field(default_factory=dict, init=False, repr=False)

    @property
    def substances(self) -> tuple[Substance, ...]:
        """The substances, in the order of the table."""
        return tuple(entry.substance for entry in self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def by_inchikey(self, inchikey: str) -> Substance | None:
        """Return the substance with this InChIKey; None where there is none."""
        found = self._by("inchikey").get(inchikey)
        return found[0].substance if found else None

    def by_skeleton(self, skeleton: str) -> tuple[Substance, ...]:
        """Every substance whose InChIKey begins with this first block (14 letters; of a whole key the rest is ignored)."""
        return tuple(entry.substance for entry in self._by("skeleton").get(skeleton[:14], ()))

    def find_name(self, text: str) -> tuple[Substance, ...]:
        """Every substance with this name or synonym; case, spaces and hyphens do not count."""
        return tuple(entry.substance for entry in self._by("name").get(fold_name(text), ()))

    def find_cas(self, text: str) -> tuple[Substance, ...]:
        """Every substance with this CAS number."""
        return tuple(entry.substance for entry in self._by("cas").get(text.strip(), ()))

    def entry_of(self, inchikey: str) -> Entry | None:
        """Return the whole row of a substance; None where there is none."""
        found = self._by("inchikey").get(inchikey)
        return found[0] if found else None

    def _by(self, what: str) -> Mapping[str, Sequence[Entry]]:
        """One index, made when it is first asked for: an identification needs the InChIKeys only."""
        if what not in self._index:
            index: dict[str, list[Entry]] = defaultdict(list)
            for entry in self.entries:
                for key in _KEYS[what](entry.substance):
                    if entry not in index[key]:
                        index[key].append(entry)
            self._index[what] = dict(index)
        return self._index[what]


_KEYS: dict[str, Callable[[Substance], tuple[str, ...]]] = {
    "inchikey": lambda s: (s.inchikey or "",),
    "skeleton": lambda s: ((s.inchikey or "")[:14],),
    "name": lambda s: tuple(map(fold_name, (s.name, *s.synonyms))),
    "cas": lambda s: (s.cas,) if s.cas else (),
}


@lru_cache(maxsize=1)
def reference_folder() -> Path:
    """Find the folder of the reference data that ship: inside an installed package, beside it in a checkout.

    Raises
    ------
    CatalogueError
        When neither is there.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "reference_spectra", package.parent / "reference_spectra"):
        if (folder / "manifest.json").is_file():
            return folder
    raise CatalogueError(f"{package / 'reference_spectra'}: the reference data are missing; reinstall nps-ident.")


def verify_manifest(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Compare files with the SHA-256 of the folder's manifest.

    Returns
    -------
    dict of str to str
        The SHA-256 of each file.

    Raises
    ------
    CatalogueError
        For a manifest that cannot be read, and a file that is missing, unlisted or changed.
    """
    place = folder / "manifest.json"
    try:
        listed = json.loads(place.read_bytes())["files"]
        expected = {name: str(listed[name]["sha256"]) for name in names}
    except (OSError, ValueError, KeyError, TypeError) as error:
        what = f"{type(error).__name__}: {error}"
        raise CatalogueError(f"{place}: the manifest cannot be used ({what}); expected 'files' with SHA-256.") from None
    for name, digest in expected.items():
        found = hashlib.sha256(_bytes(folder / name)).hexdigest()
        if found != digest:
            where = folder / name
            raise CatalogueError(f"{where}: the file was changed: SHA-256 is {found[:12]}…; expected {digest[:12]}… as the manifest says.")
    return expected


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CatalogueError(f"{path}: cannot be read ({error.strerror or type(error).__name__}).") from None


def read_table(path: Path, columns: Sequence[str]) -> list[tuple[int, list[str]]]:
    """Read the rows of a tab-separated table with their line numbers, from 2.

    Raises
    ------
    CatalogueError
        With file and line, for text that is not UTF-8, other columns, a row of another length, or a table that is cut off.
    """
    data = _bytes(path)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise CatalogueError(f"{path}:{line}: byte {data[error.start]:#04x} is not UTF-8; expected a UTF-8 table.") from None
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[0].split("\t") != list(columns):
        raise CatalogueError(f"{path}:1: the columns are {lines[0][:80]!r}; expected {' '.join(columns)}.")
    if lines.pop():
        raise CatalogueError(f"{path}:{len(lines) + 1}: the last line has no end; expected a whole table.")
    width = len(columns)
    rows = [(number, line.split("\t")) for number, line in enumerate(lines[1:], 2)]
    for number, cells in rows:
        if len(cells) != width:
            raise CatalogueError(f"{path}:{number}: the row has {len(cells)} fields; expected {width}.")
    return rows


def read_entries(path: Path) -> tuple[Entry, ...]:
    """Read a table of substances; what the rows say about chemistry is not checked here (:mod:`nps_ident.catalogue.checks`).

    Raises
    ------
    CatalogueError
        With file and line, for a table that is damaged: see :func:`read_table`; a key or a mass that cannot be one; a nameless row.
    """
    entries = []
    for line, cells in read_table(path, SUBSTANCE_COLUMNS):
        inchikey, name, synonyms, smiles, formula, mass, cas, drug_class, group, sources, licence = cells
        if not _INCHIKEY.fullmatch(inchikey):
            raise CatalogueError(f"{path}:{line}: {inchikey[:40]!r} is no InChIKey; expected 14, 10 and 1 capital letters.")
        if not name.strip():
            raise CatalogueError(f"{path}:{line}: the substance has no name; expected one.")
        try:
            exact_mass = float(mass)
        except ValueError:
            raise CatalogueError(f"{path}:{line}: the exact mass is {mass[:40]!r}; expected a number.") from None
        substance = Substance(
            inchikey=inchikey,
            name=name,
            synonyms=tuple(synonyms.split("|")) if synonyms else (),
            smiles=smiles or None,
            formula=formula or None,
            exact_mass=exact_mass,
            cas=cas or None,
            drug_class=drug_class or None,
            isotope_labelled=bool(_ISOTOPES.search(smiles)),
        )
        entries.append(Entry(substance=substance, group=group, sources=tuple(sources.split(" | ")), licence=licence, line=line))
    return tuple(entries)


def open_catalogue(path: str | Path | None = None) -> Catalogue:
    """Open the catalogue that ships, or another table of the same form.

    Parameters
    ----------
    path : path-like, optional
        A ``substances.tsv``, or the folder of one; the folder's manifest, where there is one, is verified.

    Raises
    ------
    CatalogueError
        When the table is missing, changed or damaged.
    """
    place = reference_folder() if path is None else Path(path)
    table = place / SUBSTANCES if place.is_dir() else place
    if place.is_dir() and (place / "manifest.json").is_file():
        sha256 = verify_manifest(place, [SUBSTANCES])[SUBSTANCES]
    else:
        sha256 = hashlib.sha256(_bytes(table)).hexdigest()
    return _catalogue(table, sha256)


@lru_cache(maxsize=4)
def _catalogue(table: Path, sha256: str) -> Catalogue:
    """A table of that content, read once: identifying a thousand spectra asks for it more than a thousand times."""
    return Catalogue(entries=read_entries(table), source=str(table), sha256=sha256)
