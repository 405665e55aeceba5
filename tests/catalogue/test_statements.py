"""Promises of the files and lines in which an analyst names substances."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nps_ident.catalogue.statements import Statement, read_statements
from nps_ident.chemistry.structures import inchikey_of, read_structure
from nps_ident.errors import CatalogueError, NpsIdentError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_structure_on_the_command_line_is_one_statement() -> None:
    assert read_statements("F/C=C/F", name="x", cas="1-2-3") == [Statement(structure="F/C=C/F", name="x", cas="1-2-3")]


def test_a_sheet_is_read_row_by_row_with_its_faults_named(tmp_path: Path) -> None:
    sheet = tmp_path / "new.csv"
    sheet.write_text("Name,SMILES,Formula,Exact Mass,CAS\none,CCO,C2H6O,46.0419,64-17-5\ntwo,CC\nthree,,,,\nfour,CN,,x,\n\nfive,CCN,,,\n")
    one, two, three, four, five = read_statements(str(sheet))
    assert one == Statement(structure="CCO", where=f"{sheet}:2", name="one", formula="C2H6O", mass=46.0419, cas="64-17-5")
    assert isinstance(five, Statement)
    faults = {":3: the row has 2 fields; expected 5.": two, ":4: the row has no structure": three, ":5: the mass is 'x'": four}
    for said, fault in faults.items():
        assert isinstance(fault, CatalogueError)
        assert said in str(fault)


def test_an_sdf_is_read_record_by_record_with_its_data_fields(tmp_path: Path) -> None:
    from rdkit import Chem

    block = Chem.MolToMolBlock(Chem.MolFromSmiles("CCO"))
    text = f"ethanol{block}> <CAS>\n64-17-5\n\n> <SYNONYMS>\nalcohol|spirit\n\n$$$$\nbroken\n\n\n$$$$\n{block}$$$$\n"
    sdf = tmp_path / "new.sdf"
    sdf.write_bytes(text.replace("\n", "\r\n").encode())
    first, broken, last = read_statements(str(sdf))
    assert isinstance(first, Statement)
    assert (first.name, first.cas, first.synonyms) == ("ethanol", "64-17-5", ("alcohol", "spirit"))
    assert inchikey_of(read_structure(first.structure)) == "LFQSCWFLJHTTHZ-UHFFFAOYSA-N"
    assert isinstance(broken, CatalogueError)
    assert isinstance(last, Statement)


def test_smiles_lines_carry_names(tmp_path: Path) -> None:
    lines = tmp_path / "new.smi"
    lines.write_text("# comment\nCCO ethyl alcohol\nCCN\tethyl amine\nC\n")
    assert [(s.structure, s.name) for s in read_statements(str(lines)) if isinstance(s, Statement)] == [
        ("CCO", "ethyl alcohol"), ("CCN", "ethyl amine"), ("C", None)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b""),
        ("a.csv", b"name,smiles\n"),
        ("a.sdf", b"\xff\xfe\x00\x01"),
        ("a.smi", b"# only\n"),
        ("a.csv", b'smiles\n"' + b"C" * 200_000),
    ],
)
def test_a_file_without_a_readable_structure_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(NpsIdentError):
        read_statements(str(tmp_path / name))


def test_a_missing_file_is_refused_and_not_taken_for_a_structure(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="cannot be read"):
        read_statements(str(tmp_path / "none.sdf"))


def test_one_name_cannot_be_given_to_many_structures(tmp_path: Path) -> None:
    (tmp_path / "two.smi").write_text("CCO\nCCN\n")
    with pytest.raises(CatalogueError, match="holds 2 structures"):
        read_statements(str(tmp_path / "two.smi"), name="x")
