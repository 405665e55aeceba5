"""Street products: what is sold under one name, in several scripts, and what is known of its composition over time.

A product is no substance: "5% heroin" is registered when nobody knows what is in it, gathers the exhibits that were claimed to be it, and
keeps every statement on its composition.  A small SQLite file of events to which rows are only added.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nps_ident.errors import CatalogueError, ChemistryError
from nps_ident.folders import data_folder
from nps_ident.sqlite_files import TIMEOUT_S, FileKind, KeptInSqlite, SqliteFile

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from nps_ident.catalogue.store import Catalogue

__all__ = ["Composition", "CompositionState", "Product", "ProductExhibit", "Products", "open_products", "product_key", "products_file"]

_LONGEST = 200
# An ordinary word in capitals can be read as a chain of atoms: a structure has a ring, a branch, or a bond that is written out.
_STRUCTURE_SIGNS = frozenset("=#()[]123456789")
_KIND = FileKind(
    what="register of products",
    row="event",
    done="added",
    application_id=0x4E505350,  # "NPSP" in ASCII
    schema_version=1,
    tables=(
        """CREATE TABLE events (event INTEGER PRIMARY KEY, product INTEGER NOT NULL, kind TEXT NOT NULL, content TEXT NOT NULL,
           time TEXT NOT NULL, analyst TEXT, reason TEXT)""",
        "CREATE TABLE names (key TEXT PRIMARY KEY, product INTEGER NOT NULL, name TEXT NOT NULL)",
        *(
            f"CREATE TRIGGER {table}_{action} BEFORE {action} ON {table} BEGIN SELECT RAISE(ABORT, 'products are only added to'); END"
            for table in ("events", "names")
            for action in ("UPDATE", "DELETE")
        ),
    ),
    error=CatalogueError,
)


class CompositionState(StrEnum):
    """How far the composition of a product is known."""

    UNDETERMINED = "undetermined"
    PARTLY = "partly"
    DETERMINED = "determined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """One statement on a product's composition: the state, the substances by name, when, by whom and why."""

    state: CompositionState
    substances: tuple[str, ...]
    time: str
    analyst: str | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductExhibit:
    """An exhibit that was claimed to be the product, and what was concluded of it; ``time`` is filled in when it is gathered."""

    id: str
    conclusion: str
    substances: tuple[str, ...]
    record: str
    time: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A street product.

    Parameters
    ----------
    number : int
        From 1.
    names : tuple of str
        The first is its name, the others are synonyms, in any script.
    compositions : tuple of Composition
        Oldest first; the last one holds.  Never empty: a product begins ``undetermined``.
    exhibits : tuple of ProductExhibit
        In the order of gathering; one that was concluded on again stands once for each time.
    """

    number: int
    names: tuple[str, ...]
    compositions: tuple[Composition, ...]
    exhibits: tuple[ProductExhibit, ...] = ()

    @property
    def id(self) -> str:
        """The product's id, e.g. ``S-000001``."""
        return f"S-{self.number:06d}"

    @property
    def composition(self) -> Composition:
        """What holds now."""
        return self.compositions[-1]

    @property
    def n_exhibits(self) -> int:
        """Exhibits, each counted once."""
        return len({exhibit.id for exhibit in self.exhibits})

    def to_dict(self) -> dict[str, Any]:
        """The product as a JSON object."""
        return {
            "product": self.id,
            "name": self.names[0],
            "synonyms": list(self.names[1:]),
            "state": self.composition.state.value,
            "substances": list(self.composition.substances),
            "history": [
                {"state": c.state.value, "substances": list(c.substances), "time": c.time, "analyst": c.analyst, "reason": c.reason}
                for c in self.compositions
            ],
            "exhibits": [
                {"exhibit": e.id, "conclusion": e.conclusion, "substances": list(e.substances), "record": e.record, "time": e.time}
                for e in self.exhibits
            ],
        }


def product_key(text: str) -> str:
    """Fold a name for comparison: case, punctuation, and the order of words do not count, so that ``5% heroin`` is ``Heroin, 5 %``."""
    plain = re.sub(r"(\d)[.,](\d)", r"\1.\2", unicodedata.normalize("NFKC", text).casefold())
    plain = re.sub(r"\s*%", "% ", plain)
    return " ".join(sorted(re.findall(r"[\w.]*\w%?", plain)))


def products_file(path: str | Path | None = None) -> Path:
    """Where the products are: as given, else ``products.sqlite`` in the user's data folder."""
    return Path(path) if path else data_folder() / "products.sqlite"


class Products(KeptInSqlite):
    """The open register of products; close it, or use it in a ``with`` statement.  Made by :func:`open_products`."""

    def all(self) -> tuple[Product, ...]:
        """Every product, in the order of registration.

        Raises
        ------
        CatalogueError
            When an event cannot be read.
        """
        if self._file is None:
            return ()
        names: dict[int, list[str]] = {}
        compositions: dict[int, list[Composition]] = {}
        exhibits: dict[int, list[ProductExhibit]] = {}
        for product, name in self._file.select("SELECT product, name FROM names ORDER BY rowid"):
            names.setdefault(product, []).append(name)
        try:
            for number, kind, content, time, analyst, reason in self._file.select(
                "SELECT product, kind, content, time, analyst, reason FROM events ORDER BY event"
            ):
                said = json.loads(content)
                if kind == "composition":
                    state, substances = CompositionState(said["state"]), tuple(map(str, said["substances"]))
                    one = Composition(state=state, substances=substances, time=time, analyst=analyst, reason=reason)
                    compositions.setdefault(number, []).append(one)
                elif kind == "exhibit":
                    gathered = ProductExhibit(
                        id=said["id"],
                        conclusion=said["conclusion"],
                        substances=tuple(map(str, said["substances"])),
                        record=said["record"],
                        time=time,
                    )
                    exhibits.setdefault(number, []).append(gathered)
            return tuple(
                Product(
                    number=number, names=tuple(own), compositions=tuple(compositions[number]), exhibits=tuple(exhibits.get(number, ()))
                )
                for number, own in names.items()
            )
        except (ValueError, KeyError, TypeError) as error:
            raise CatalogueError(f"{self.path}: an event on a product cannot be read ({type(error).__name__}: {error}).") from None

    def claimed(self, text: str) -> Product | None:
        """The product that a claim names; None where no product is called so."""
        key = product_key(text)
        return next((product for product in self.all() if key and key in map(product_key, product.names)), None)

    def find(self, text: str) -> Product:
        """One product by its id, number, name or synonym.

        Raises
        ------
        CatalogueError
            When there is none.
        """
        wanted = text.strip()
        for product in self.all():
            if wanted.upper() in {product.id, str(product.number)}:
                return product
        found = self.claimed(wanted)
        if found is None:
            raise CatalogueError(f"{self.path}: no product is called {text[:80]!a}; expected an id such as S-000001 or a name.")
        return found

    def register(self, names: Sequence[str], *, analyst: str | None = None, reason: str | None = None) -> Product:
        """Register a product in state *undetermined*, or give one that is there more synonyms.

        Parameters
        ----------
        names : sequence of str
            At least one; the first is its name, or that of the product that gets the others as synonyms.

        Raises
        ------
        CatalogueError
            When a name is empty, too long, holds characters that are obeyed rather than shown, belongs to another product, or nothing is new.
        """
        wanted = {product_key(name): _checked(name) for name in names}
        with self._writing() as db:
            owners = {key: product for key, product in db.execute("SELECT key, product FROM names") if key in wanted}
            if len(set(owners.values())) > 1:
                raise CatalogueError(f"The names {', '.join(map(ascii, wanted.values()))} belong to several products; expected one.")
            owner_of_first = owners.get(product_key(names[0]))
            if owners and owner_of_first is None:
                key, number = next(iter(owners.items()))
                said = f"{wanted[key]!a} is a name of the product S-{number:06d} already"
                raise CatalogueError(f"{said}; expected it first, to give that product {names[0][:60]!a} as a synonym.")
            if len(owners) == len(wanted):
                raise CatalogueError(f"{names[0]!a} is registered already; expected a new name or synonym.")
            number = owner_of_first
            if number is None:
                number = db.execute("SELECT coalesce(max(product), 0) + 1 FROM names").fetchone()[0]
                self._add(db, number, "composition", {"state": "undetermined", "substances": []}, analyst, reason)
            for key, name in wanted.items():
                if key not in owners:
                    db.execute("INSERT INTO names VALUES (?, ?, ?)", (key, number, name))
        return self.find(f"S-{number:06d}")

    def gather(self, product: Product, exhibit: ProductExhibit) -> None:
        """Note that an exhibit was claimed to be the product."""
        content = {"id": exhibit.id, "conclusion": exhibit.conclusion, "substances": exhibit.substances, "record": exhibit.record}
        with self._writing() as db:
            self._add(db, product.number, "exhibit", content, None, None)

    def determine(
        self,
        product: Product,
        state: CompositionState,
        substances: Sequence[str],
        *,
        reason: str,
        analyst: str | None = None,
        known: Sequence[Catalogue] | None = None,
    ) -> Product:
        """State what a product is composed of; what was stated before stays in its history.

        Parameters
        ----------
        substances : sequence of str
            Each a name or InChIKey that is known, or a structure as SMILES or InChI.
        known : sequence of Catalogue, optional
            By default the catalogue that ships and the user's own register.

        Raises
        ------
        CatalogueError
            When there is no reason, the substances do not go with the state, or one of them is neither known nor a structure.
        """
        if not reason.strip():
            raise CatalogueError("The reason is empty; expected on what grounds the composition is stated.")
        if bool(substances) == (state is CompositionState.UNDETERMINED):
            raise CatalogueError(f"The state '{state.value}' with {len(substances)} substances; expected some unless it is undetermined.")
        names = [_checked(name) for name in substances]
        if names and known is None:
            known = _known()
        for name in names:
            _require_substance(name, known or ())
        content = {"state": state.value, "substances": names}
        with self._writing() as db:
            self._add(db, product.number, "composition", content, analyst, reason)
        return self.find(product.id)

    def _add(
        self, db: sqlite3.Connection, product: int, kind: str, content: dict[str, Any], analyst: str | None, reason: str | None
    ) -> None:
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        values = (product, kind, json.dumps(content), now, analyst, reason)
        db.execute("INSERT INTO events (product, kind, content, time, analyst, reason) VALUES (?, ?, ?, ?, ?, ?)", values)

    def _writing(self) -> Any:
        if self._file is None:
            raise CatalogueError(f"{self.path}: the register of products is open for reading only.")
        return self._file.transaction()


def open_products(path: str | Path | None = None, *, create: bool = False, timeout_s: float = TIMEOUT_S) -> Products:
    """Open the register of street products.

    Parameters
    ----------
    path : str or Path, optional
        The file; by default ``products.sqlite`` in the user's data folder.
    create : bool
        Whether it is opened for adding, and made where it is missing; without it a missing one is empty.
    timeout_s : float
        How long to wait for another program that is writing.

    Returns
    -------
    Products
        A context manager.

    Raises
    ------
    CatalogueError
        When the file cannot be opened, is something else, or is one of a newer version.
    """
    place = products_file(path)
    if not create and not place.is_file():
        return Products(place, None)
    return Products(place, SqliteFile(place, _KIND, mode="rwc" if create else "ro", timeout_s=timeout_s))


def _known() -> tuple[Catalogue, ...]:
    from nps_ident.catalogue.register import open_register
    from nps_ident.catalogue.store import open_catalogue

    with open_register() as register:
        return open_catalogue(), register.catalogue()


def _require_substance(text: str, known: Sequence[Catalogue]) -> None:
    """Refuse what is neither a substance that is known nor a structure."""
    if any(catalogue.find_name(text) or catalogue.by_inchikey(text) for catalogue in known):
        return
    if _STRUCTURE_SIGNS & set(text):
        from nps_ident.chemistry.structures import read_structure

        try:
            read_structure(text)
        except ChemistryError:
            pass
        else:
            return
    raise CatalogueError(f"{text[:60]!a} is no substance that is known; expected a name of the catalogue or of your register, or a structure.")


def _checked(name: str) -> str:
    """A name with single spaces.

    Street names are any text, so only what is obeyed rather than shown is refused.
    """
    text = unicodedata.normalize("NFC", " ".join(name.split()))
    if not text or len(text) > _LONGEST or not any(c.isalnum() for c in text):
        raise CatalogueError(f"{text[:60]!a} is no name of a product or substance; expected letters, at most {_LONGEST} characters.")
    if not text.isprintable():
        raise CatalogueError(f"{text[:60]!a} holds a character that cannot be shown; expected letters, digits and signs.")
    return text
