"""The catalogue: finding substances, and refusing tables that are damaged."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nps_ident.catalogue.store import fold_name, open_catalogue, reference_folder, verify_manifest
from nps_ident.errors import CatalogueError

Change = Callable[[Path, str, str, Callable[[str], str]], None]


@pytest.mark.parametrize("text", ["MDMB-4en-PINACA", "mdmb 4EN pinaca", "MDMB4enPINACA", "MDMB‑4en‑PINACA"])
def test_case_spaces_and_hyphens_do_not_count_in_a_name(text: str) -> None:
    [found] = open_catalogue().find_name(text)
    assert found.formula == "C20H27N3O3"


@pytest.mark.parametrize(
    ("synonym", "name"), [("5F-ADB", "5F-MDMB-PINACA"), ("acetaminophen", "Paracetamol"), ("6-MAM", "6-Monoacetylmorphine")]
)
def test_a_synonym_finds_its_substance(synonym: str, name: str) -> None:
    [found] = open_catalogue().find_name(synonym)
    assert found.name == name


@pytest.mark.parametrize("text", ["", "5% heroin", "MDMB-4en", "no such thing"])
def test_a_name_that_is_none_finds_nothing(text: str) -> None:
    assert open_catalogue().find_name(text) == ()


def test_an_ambiguous_name_finds_all(small_copy: Path, change: Change) -> None:
    change(small_copy / "substances.tsv", "Cocaine", "synonyms", lambda old: "Powder")
    change(small_copy / "substances.tsv", "Caffeine", "synonyms", lambda old: "powder")
    found = open_catalogue(small_copy).find_name("POWDER")
    assert {substance.name for substance in found} == {"Cocaine", "Caffeine"}


# InChIKeys and CAS numbers as public registers give them.
@pytest.mark.parametrize(
    ("name", "inchikey", "cas"),
    [
        ("Heroin", "GVGLGOZIDCSQPN-PVHGPHFFSA-N", "561-27-3"),
        ("Cocaine", "ZPUCINDJVBIVPJ-LJISPDSOSA-N", "50-36-2"),
        ("Fentanyl", "PJMPHNIQZUBGLI-UHFFFAOYSA-N", "437-38-7"),
        ("Dextromethorphan", "MKXZASYAUGDDCJ-NJAFHUGGSA-N", "125-71-3"),
        ("Xylazine", "BPICBUSOMSTKRF-UHFFFAOYSA-N", "7361-61-7"),
        ("Delta-9-THC", "CYQFCXCEBYINGO-IAGOWNOFSA-N", "1972-08-3"),
        ("Levamisole", "HLFSDGLLUJUHTE-SNVBAGLBSA-N", "14769-73-4"),
        ("Bromazolam", "KCEIOBKDDQAYCM-UHFFFAOYSA-N", "71368-80-4"),
    ],
)
def test_a_substance_is_found_by_key_and_number(name: str, inchikey: str, cas: str) -> None:
    catalogue = open_catalogue()
    found = catalogue.by_inchikey(inchikey)
    assert found is not None
    assert found.name == name
    assert catalogue.find_cas(cas) == (found,)


def test_a_skeleton_finds_every_stereoisomer() -> None:
    names = {substance.name for substance in open_catalogue().by_skeleton("MKXZASYAUGDDCJ")}
    assert names == {"Dextromethorphan", "Levomethorphan"}


def test_what_is_not_there_is_not_found() -> None:
    catalogue = open_catalogue()
    assert catalogue.by_inchikey("AAAAAAAAAAAAAA-UHFFFAOYSA-N") is None
    assert catalogue.by_skeleton("AAAAAAAAAAAAAA") == ()
    assert catalogue.find_cas("1-00-0") == ()
    assert catalogue.entry_of("AAAAAAAAAAAAAA-UHFFFAOYSA-N") is None


@pytest.mark.parametrize("dash", list("-\u2010\u2011\u2012\u2013\u2014\u2212 \t"))
def test_every_dash_and_blank_folds_away(dash: str) -> None:
    assert fold_name(f"2C{dash}B") == "2cb"


def test_a_changed_table_is_refused(whole_copy: Path) -> None:
    table = whole_copy / "substances.tsv"
    table.write_bytes(table.read_bytes().replace(b"Heroin", b"Heroix", 1))
    with pytest.raises(CatalogueError, match=r"substances\.tsv: the file was changed"):
        open_catalogue(whole_copy)


@pytest.mark.parametrize("manifest", ["", "{}", '{"files": {}}', '{"files": {"substances.tsv": 3}}', "[1]"])
def test_a_manifest_that_cannot_be_used_is_refused(whole_copy: Path, manifest: str) -> None:
    (whole_copy / "manifest.json").write_text(manifest)
    with pytest.raises(CatalogueError, match=r"manifest\.json: the manifest cannot be used"):
        open_catalogue(whole_copy)


def test_a_listed_file_that_is_missing_is_named(whole_copy: Path) -> None:
    (whole_copy / "fragment_lists.tsv").unlink()
    with pytest.raises(CatalogueError, match=r"fragment_lists\.tsv: cannot be read"):
        verify_manifest(whole_copy, ["fragment_lists.tsv"])


def _lines(table: Path) -> list[str]:
    return table.read_text(encoding="utf-8").splitlines()


def test_a_row_of_another_length_is_named_by_its_line(small_copy: Path) -> None:
    table = small_copy / "substances.tsv"
    lines = _lines(table)
    lines[3] = lines[3].replace("\t", " ", 1)
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"substances\.tsv:4: the row has 10 fields; expected 11"):
        open_catalogue(table)


def test_a_table_cut_off_in_its_last_line_is_refused(small_copy: Path) -> None:
    table = small_copy / "substances.tsv"
    table.write_text(table.read_text(encoding="utf-8")[:-20], encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"substances\.tsv:11: the last line has no end"):
        open_catalogue(table)


def test_a_table_of_another_form_is_refused(small_copy: Path) -> None:
    with pytest.raises(CatalogueError, match=r"ei_principal_ions\.tsv:1: the columns are"):
        open_catalogue(small_copy / "ei_principal_ions.tsv")


def test_a_byte_that_is_no_text_is_named_by_its_line(small_copy: Path) -> None:
    table = small_copy / "substances.tsv"
    first, second, *rest = table.read_bytes().split(b"\n")
    table.write_bytes(b"\n".join([first, second, b"\xff" + rest[0], *rest[1:]]))
    with pytest.raises(CatalogueError, match=r"substances\.tsv:3: byte 0xff is not UTF-8"):
        open_catalogue(table)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("inchikey", "heroin", "'heroin' is no InChIKey"),
        ("inchikey", "gvglgozidcsqpn-pvhgphffsa-n", "is no InChIKey"),
        ("name", " ", "the substance has no name"),
        ("exact_mass", "heavy", "the exact mass is 'heavy'; expected a number"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named_by_its_line(small_copy: Path, change: Change, column: str, value: str, message: str) -> None:
    table = small_copy / "substances.tsv"
    number = next(i for i, line in enumerate(_lines(table), 1) if "\tHeroin\t" in line)
    change(table, "Heroin", column, lambda old: value)
    with pytest.raises(CatalogueError, match=rf"substances\.tsv:{number}: .*{message}"):
        open_catalogue(table)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="cannot be read"):
        open_catalogue(tmp_path / "nothing.tsv")


def test_line_ends_of_another_system_change_nothing(small_copy: Path) -> None:
    table = small_copy / "substances.tsv"
    before = open_catalogue(table).entries
    table.write_bytes(table.read_bytes().replace(b"\n", b"\r\n"))
    assert open_catalogue(table).entries == before


def test_opening_needs_no_chemistry_toolkit() -> None:
    program = (
        "import sys; from nps_ident.catalogue.store import open_catalogue; open_catalogue();"
        "print(sorted({'rdkit', 'pandas', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_manifest_counts_the_rows_that_are_there() -> None:
    files = json.loads((reference_folder() / "manifest.json").read_bytes())["files"]
    assert set(files) == {"substances.tsv", "ei_principal_ions.tsv", "msms_principal_ions.tsv", "fragment_lists.tsv"}
    for name, entry in files.items():
        assert entry["rows"] == len((reference_folder() / name).read_text(encoding="utf-8").splitlines()) - 1
