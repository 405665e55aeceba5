"""A small copy of the data that ship, to be damaged."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from proposed import small_catalogue

from nps_ident.catalogue.store import reference_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nps_ident.catalogue.store import Catalogue

SUBSTANCES = ("MDMB-4en-PINACA", "Heroin", "Cocaine", "Ketamine", "Isotonitazene", "Caffeine", "Methamphetamine", "MDMA", "Fentanyl", "GBL")
TABLES = ("substances.tsv", "ei_principal_ions.tsv", "msms_principal_ions.tsv", "fragment_lists.tsv")


@pytest.fixture(scope="module")
def known() -> Catalogue:
    """Fentanyl, methamphetamine and acetylacetone."""
    return small_catalogue()


@pytest.fixture
def small_copy(tmp_path: Path) -> Path:
    """Ten substances with all their records, without a manifest."""
    shipped = reference_folder()
    header, *rows = (shipped / "substances.tsv").read_text(encoding="utf-8").splitlines()
    kept = [row for row in rows if row.split("\t")[1] in SUBSTANCES]
    keys = {row.split("\t")[0] for row in kept}
    assert len(keys) == len(SUBSTANCES)
    (tmp_path / "substances.tsv").write_text("\n".join([header, *kept]) + "\n", encoding="utf-8")
    for table in TABLES[1:]:
        header, *rows = (shipped / table).read_text(encoding="utf-8").splitlines()
        own = [row for row in rows if row.split("\t")[1] in keys]
        assert own, table
        (tmp_path / table).write_text("\n".join([header, *own]) + "\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def whole_copy(tmp_path: Path) -> Path:
    """Everything that ships."""
    folder = tmp_path / "reference_spectra"
    folder.mkdir()
    for name in (*TABLES, "manifest.json"):
        shutil.copy(reference_folder() / name, folder / name)
    return folder


@pytest.fixture
def change() -> Callable[[Path, str, str, Callable[[str], str]], None]:
    """Change one cell of the first row whose first cells hold a word: ``change(table, word, column, new)``."""

    def change_cell(table: Path, word: str, column: str, new: Callable[[str], str]) -> None:
        header, *rows = table.read_text(encoding="utf-8").splitlines()
        place = header.split("\t").index(column)
        number = next(i for i, row in enumerate(rows) if word in row.split("\t"))
        cells = rows[number].split("\t")
        changed = new(cells[place])
        assert changed != cells[place], "the planted error changes nothing"
        cells[place] = changed
        rows[number] = "\t".join(cells)
        table.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")

    return change_cell
