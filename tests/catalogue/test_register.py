"""Promises of the user's own register: what is proposed is checked, kept with who, when and why, and found again."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from nps_ident.catalogue.naming import check_name, lookalike_key
from nps_ident.catalogue.proposal import Proposal, check_proposal
from nps_ident.catalogue.register import open_register
from nps_ident.catalogue.statements import Statement, read_statements
from nps_ident.catalogue.store import Catalogue, Entry
from nps_ident.chemistry.structures import inchikey_of, parent_of, read_structure
from nps_ident.errors import CatalogueError, NpsIdentError
from nps_ident.folders import data_folder
from nps_ident.model import MassSpectrum, Polarity, Source, Substance, SubstanceLabel, Technique

FENTANYL = "CCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1"
METHAMPHETAMINE = "C[C@@H](Cc1ccccc1)NC"
# An analogue that is not in the small catalogue below: C23H30N2O by hand from fentanyl, C22H28N2O, and one CH2 more.
BUTYRYLFENTANYL = "CCCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1"
BUTYRYLFENTANYL_MASS = 350.235814  # 23 x 12 + 30 x 1.00782503 + 2 x 14.00307401 + 15.99491462


def catalogued(name: str, smiles: str, *, cas: str | None = None, synonyms: tuple[str, ...] = ()) -> Entry:
    parent = parent_of(smiles)
    structure = {"inchikey": parent.inchikey, "smiles": parent.smiles, "formula": parent.formula, "exact_mass": parent.exact_mass}
    substance = Substance(name=name, synonyms=synonyms, cas=cas, **structure)  # type: ignore[arg-type]
    return Entry(substance=substance, group="nps", sources=("test",), licence="", line=2)


@pytest.fixture(scope="module")
def known() -> Catalogue:
    entries = (
        catalogued("fentanyl", FENTANYL, cas="437-38-7", synonyms=("phentanyl",)),
        catalogued("methamphetamine", METHAMPHETAMINE),
        catalogued("acetylacetone", "CC(=O)CC(C)=O"),
    )
    return Catalogue(entries=entries, source="test", sha256="0" * 64)


def check(known: Catalogue, structure: str, name: str | None = "test opioid", **more: object) -> Proposal:
    spectra = more.pop("spectra", ())
    return check_proposal(Statement(structure=structure, name=name, **more), known=[known], spectra=spectra)  # type: ignore[arg-type]


def codes(proposal: Proposal) -> list[str]:
    return [finding.code for finding in proposal.findings]


def spectrum(*peaks: tuple[float, float], **fields: object) -> MassSpectrum:
    fields.setdefault("technique", Technique.EI_MS)
    source = Source(file="own.msp", index=0, sha256="c" * 64)
    return MassSpectrum(name="own", mz=[p[0] for p in peaks], intensity=[p[1] for p in peaks], source=source, **fields)  # type: ignore[arg-type]


# --- the structure and what is stated beside it


def test_a_proposed_substance_is_its_parent_with_formula_mass_and_class(known: Catalogue) -> None:
    substance = check(known, f"{BUTYRYLFENTANYL}.Cl").substance
    assert substance.inchikey == inchikey_of(read_structure(BUTYRYLFENTANYL))
    assert (substance.formula, substance.drug_class, substance.status) == ("C23H30N2O", "fentanyl", "proposed")
    assert substance.exact_mass == pytest.approx(BUTYRYLFENTANYL_MASS, abs=1e-5)


@pytest.mark.parametrize("structure", ["", "CCC(=O)N(", "C1CC", "not a structure", "*CC", "C" * 5000])
def test_a_structure_that_cannot_be_read_is_refused(known: Catalogue, structure: str) -> None:
    with pytest.raises(CatalogueError):
        check(known, structure)


@pytest.mark.parametrize("structure", [FENTANYL, f"{FENTANYL}.Cl", "CCC(=O)N(c1ccccc1)C1CC[NH+](CCc2ccccc2)CC1"])
def test_a_catalogued_substance_and_its_salts_are_refused_by_name(known: Catalogue, structure: str) -> None:
    with pytest.raises(CatalogueError, match="in the catalogue already, as 'fentanyl'"):
        check(known, structure)


@pytest.mark.parametrize(
    ("structure", "words"),
    [
        ("C[C@H](Cc1ccccc1)NC", "It is a stereoisomer of methamphetamine"),
        ("CC(Cc1ccccc1)NC", "It is a stereoisomer of methamphetamine"),
        ("CC(=O)C=C(C)O", "It is a tautomer of acetylacetone"),
        ("[2H]C([2H])([2H])CC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1", "It is an isotopologue of fentanyl"),
    ],
)
def test_a_near_relative_of_a_known_substance_is_named(known: Catalogue, structure: str, words: str) -> None:
    said = [finding.text for finding in check(known, structure, "relative").findings if finding.code == "REG-102"]
    assert len(said) == 1
    assert said[0].startswith(words)


def test_an_analogue_is_no_near_relative(known: Catalogue) -> None:
    assert codes(check(known, BUTYRYLFENTANYL)) == []


@pytest.mark.parametrize(
    "stated",
    [
        {"inchikey": "PJMPHNIQZUBGLI-UHFFFAOYSA-N"},
        {"inchikey": "nonsense"},
        {"formula": "C22H28N2O"},
        {"formula": "not a formula"},
        {"mass": 336.22},
        {"mass": 0.0},
        {"cas": "437-38-8"},
        {"cas": "437-38-7"},
        {"cas": "1; DROP TABLE entries"},
    ],
)
def test_what_contradicts_the_structure_or_the_catalogue_is_refused(known: Catalogue, stated: dict[str, object]) -> None:
    with pytest.raises(CatalogueError):
        check(known, BUTYRYLFENTANYL, **stated)


@pytest.mark.parametrize(
    "stated",
    [
        {"formula": "C23H30N2O"},
        {"formula": "C23H30N2O.HCl"},
        {"mass": 350.236},
        {"mass": 350.5},
        {"mass": 387.0},
        {"cas": "1169-70-6"},
    ],
)
def test_what_describes_the_parent_or_the_salt_as_drawn_is_accepted(known: Catalogue, stated: dict[str, object]) -> None:
    check(known, f"{BUTYRYLFENTANYL}.Cl", **stated)


@pytest.mark.parametrize(
    ("name", "code"), [("fluorofentanyl", "REG-103"), ("5F-X", "REG-103"), ("butyrylfentanyl-d5", "REG-104"), ("bromo-thing", "REG-103")]
)
def test_a_name_that_promises_what_the_structure_has_not_is_flagged(known: Catalogue, name: str, code: str) -> None:
    assert code in codes(check(known, BUTYRYLFENTANYL, name))


@pytest.mark.parametrize("name", ["deschloroketamine-like", "dechloro-X", "Nitrogen mustard", "N,N-diethyl", "(±)-α-test", "Fub"])
def test_a_name_that_promises_nothing_is_not_flagged(known: Catalogue, name: str) -> None:
    assert codes(check(known, BUTYRYLFENTANYL, name)) == []


def test_without_a_name_the_inchikey_stands_for_it_and_that_is_said(known: Catalogue) -> None:
    proposal = check(known, BUTYRYLFENTANYL, None)
    assert proposal.substance.name == proposal.substance.inchikey
    assert codes(proposal) == ["REG-101"]


# --- names


@pytest.mark.parametrize(
    "name",
    ["fentanyl", "α-PVP", "N,N-Dimethyltryptamine", "25I-NBOMe", "(±)-cis-3-methylfentanyl", "5F-MDMB-PICA", "Δ9-THC", "βk-2C-B",
     "4'-methyl", "героин", "芬太尼", "MDMB-4en-PINACA", "4,4\N{PRIME}-DMAR", "1P-LSD", "Café"],
)  # fmt: skip
def test_chemical_names_of_any_one_script_are_accepted(name: str) -> None:
    assert check_name(f"  {name} ") == name


@pytest.mark.parametrize(
    "name",
    ["", "   ", "123", "<script>alert(1)</script>", "x'; DROP TABLE entries; --", 'a"b', "=cmd()", "a\x1b[2J", "a\nb", "a\u202eb",
     "fent\u200banyl", "a\x00b", "x" * 201, "f\u0435ntanyl", "\u039cDMA", "\uff21BC-x", "100 %", "a&amp;b", "\ud800"],
)  # fmt: skip
def test_hostile_and_mixed_names_are_refused_in_one_printable_line(name: str) -> None:
    with pytest.raises(CatalogueError) as error:
        check_name(name)
    assert str(error.value).isprintable()


@pytest.mark.parametrize("name", ["Fentanyl", "FENT-ANYL", "phentanyl", "fen tanyl"])
def test_a_name_that_is_taken_is_refused(known: Catalogue, name: str) -> None:
    with pytest.raises(CatalogueError):
        check(known, BUTYRYLFENTANYL, name)


def test_names_drawn_alike_are_one_name(known: Catalogue) -> None:
    cyrillic = "\u0422\u041d\u0421"  # three Cyrillic letters
    assert lookalike_key(cyrillic) == lookalike_key("THC")
    latin = Catalogue(entries=(catalogued("THC", "CCCCCc1cc(O)c2C3C=C(C)CCC3C(C)(C)Oc2c1"),), source="t", sha256="0" * 64)
    with pytest.raises(CatalogueError, match="looks like 'THC'"):
        check(latin, BUTYRYLFENTANYL, cyrillic)


# --- spectra


def test_an_ei_spectrum_within_the_molecule_is_accepted(known: Catalogue) -> None:
    own = spectrum((146, 500), (202, 300), (259, 999), (350, 10))
    assert check(known, BUTYRYLFENTANYL, spectra=[own]).spectra == (own,)


def test_unsorted_peaks_are_prepared_and_that_is_said(known: Catalogue) -> None:
    [checked] = check(known, BUTYRYLFENTANYL, spectra=[spectrum((259, 999), (146, 500), (202, float("nan")), (105, 7))]).spectra
    assert checked.mz.tolist() == [105, 146, 259]
    assert len(checked.findings) == 2


def test_an_ei_spectrum_with_a_strong_peak_above_the_molecule_is_refused(known: Catalogue) -> None:
    with pytest.raises(CatalogueError, match=r"own\.msp #0: a peak of 30% stands at m/z 412"):
        check(known, BUTYRYLFENTANYL, spectra=[spectrum((259, 1000), (202, 300), (146, 500), (412, 300))])


def test_an_ei_spectrum_with_background_above_the_molecule_is_flagged(known: Catalogue) -> None:
    [checked] = check(known, BUTYRYLFENTANYL, spectra=[spectrum((146, 500), (202, 300), (259, 1000), (429, 20))]).spectra
    assert [finding.code for finding in checked.findings] == ["REG-201"]


# [M+H]+ by hand: 350.235814 + 1.00782503 - 0.00054858 = 351.243090; [M+2H]2+: (350.235814 + 2 x 1.00727645) / 2 = 176.125183.
@pytest.mark.parametrize(
    ("precursor", "decimals", "adduct"),
    [(351.2431, 4, "[M+H]+"), (351.2, 1, "[M+H]+"), (351.0, 0, None), (373.2250, 4, None), (176.1, 1, None)],
)
def test_a_precursor_that_fits_the_molecule_is_accepted(known: Catalogue, precursor: float, decimals: int, adduct: str | None) -> None:
    own = spectrum(
        (188.1, 999), (105.1, 500), (84.1, 100),
        technique=Technique.MSMS, precursor_mz=precursor, precursor_decimals=decimals, adduct=adduct, polarity=Polarity.POSITIVE,
    )  # fmt: skip
    [checked] = check(known, BUTYRYLFENTANYL, spectra=[own]).spectra
    assert checked.adduct
    assert ("REG-203" in [finding.code for finding in checked.findings]) is (adduct is None)


@pytest.mark.parametrize(
    ("precursor", "decimals", "adduct"),
    [(337.2274, 4, "[M+H]+"), (351.2531, 4, "[M+H]+"), (337.2, 1, None), (351.2431, 4, "[M+Na]+"), (351.2431, 4, "rubbish")],
)
def test_a_precursor_of_another_mass_is_refused(known: Catalogue, precursor: float, decimals: int, adduct: str | None) -> None:
    own = spectrum(
        (188.1, 999), (105.1, 500), (84.1, 100),
        technique=Technique.MSMS, precursor_mz=precursor, precursor_decimals=decimals, adduct=adduct,
    )  # fmt: skip
    with pytest.raises(CatalogueError, match=r"own\.msp #0"):
        check(known, BUTYRYLFENTANYL, spectra=[own])


@pytest.mark.parametrize(
    "own",
    [
        spectrum((50, 1), (60, 2)),
        spectrum(),
        spectrum((50.12, 1), (60.12, 2), (70.12, 3), technique=None),
        spectrum((50, 1), (60, 2), (70, 3), label=SubstanceLabel(inchikey="PJMPHNIQZUBGLI-UHFFFAOYSA-N")),
    ],
)
def test_a_spectrum_too_poor_or_of_another_label_or_of_no_technique_is_refused(known: Catalogue, own: MassSpectrum) -> None:
    with pytest.raises(CatalogueError):
        check(known, BUTYRYLFENTANYL, spectra=[own])


def test_a_dart_spectrum_without_the_protonated_molecule_is_flagged(known: Catalogue) -> None:
    without = spectrum((84.08, 100), (105.07, 500), (188.143, 999), technique=Technique.DART_MS)
    with_it = spectrum((105.07, 500), (188.143, 999), (351.2431, 100), technique=Technique.DART_MS)
    checked = check(known, BUTYRYLFENTANYL, spectra=[without, with_it]).spectra
    assert [[finding.code for finding in each.findings] for each in checked] == [["REG-204"], []]


# --- the store


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


# --- what an analyst gives


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


def test_findings_survive_the_register(known: Catalogue) -> None:
    with open_register(create=True) as register:
        entry = register.propose(check(known, "C[C@H](Cc1ccccc1)NC", "relative"))
        assert json.dumps([f.to_dict() for f in register.find(entry.id).findings]) == json.dumps([f.to_dict() for f in entry.findings])
        assert entry.findings[0].code == "REG-102"
