"""Parents: what is set aside, what is kept, and what is refused."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem

from nps_ident.chemistry.formula import exact_mass, ion_mz
from nps_ident.chemistry.structures import inchikey_of, parent_of, read_sdf, read_structure
from nps_ident.errors import ChemistryError

FENTANYL = "CCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1"
FENTANYL_KEY = "PJMPHNIQZUBGLI-UHFFFAOYSA-N"  # PubChem CID 3345


def codes(structure: str) -> list[str]:
    return [finding.code for finding in parent_of(structure).findings]


@pytest.mark.parametrize(
    "text",
    [
        FENTANYL,
        FENTANYL + ".Cl",
        "CCC(=O)N(c1ccccc1)C1CC[NH+](CCc2ccccc2)CC1.[Cl-]",
        "CCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1.OC(=O)CC(O)(C(=O)O)CC(=O)O",
        "CCC(=O)N(c1ccccc1)C1CC[NH+](CCc2ccccc2)CC1",
        "O.CCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1.O",
        "InChI=1S/C22H28N2O/c1-2-22(25)24(20-11-7-4-8-12-20)21-14-17-23(18-15-21)16-13-19-9-5-3-6-10-19/h3-12,21H,2,13-18H2,1H3",
        Chem.MolToMolBlock(Chem.MolFromSmiles(FENTANYL)),
        Chem.MolToV3KMolBlock(Chem.MolFromSmiles(FENTANYL)),
        Chem.MolToMolBlock(Chem.AddHs(Chem.MolFromSmiles(FENTANYL + ".Cl"))) + "$$$$\n",
        Chem.MolToMolBlock(Chem.MolFromSmiles(FENTANYL)).replace("\n", "\r\n"),
    ],
)
def test_every_form_of_fentanyl_has_the_parent_fentanyl(text: str) -> None:
    parent = parent_of(text)
    assert (parent.inchikey, parent.formula, parent.charge) == (FENTANYL_KEY, "C22H28N2O", 0)
    assert parent.exact_mass == pytest.approx(336.220164, abs=1e-5)


def test_amphetamine_citrate_is_amphetamine_although_the_acid_is_larger() -> None:
    assert parent_of("CC(N)Cc1ccccc1.OC(=O)CC(O)(CC(=O)O)C(=O)O").inchikey == "KWTSXDURSIMDCE-UHFFFAOYSA-N"


def test_citric_acid_alone_stays_citric_acid() -> None:
    assert parent_of("OC(=O)CC(O)(CC(=O)O)C(=O)O").formula == "C6H8O7"
    assert parent_of("[Na+].OC(=O)CC(O)(CC(=O)[O-])C(=O)O").formula == "C6H8O7"


def test_the_two_amphetamines_of_the_sulfate_are_one() -> None:
    parent = parent_of("CC([NH3+])Cc1ccccc1.CC([NH3+])Cc1ccccc1.[O-]S(=O)(=O)[O-]")
    assert parent.inchikey == "KWTSXDURSIMDCE-UHFFFAOYSA-N"
    assert parent.salt_removed
    assert "STRUC-002" not in [finding.code for finding in parent.findings]


def test_two_drugs_in_one_structure_are_said() -> None:
    assert "STRUC-002" in codes(FENTANYL + ".CNC(C)Cc1ccccc1")


def test_isotopes_are_kept() -> None:
    parent = parent_of("CCC(=O)N(c1ccccc1)C1CCN(CCc2c([2H])c([2H])c([2H])c([2H])c2[2H])CC1.Cl")
    assert parent.isotope_labelled
    assert parent.formula == "C22H23D5N2O"
    assert parent.inchikey[:14] == FENTANYL_KEY[:14]
    assert parent.inchikey != FENTANYL_KEY


def test_stereochemistry_is_kept() -> None:
    left, right = parent_of("C[NH2+][C@@H](C)Cc1ccccc1.[Cl-]"), parent_of("C[NH2+][C@H](C)Cc1ccccc1.[Cl-]")
    assert left.inchikey == "MYWUZJCMWCOHBA-VIFPVBQESA-N"  # (S)-methamphetamine, PubChem CID 10836
    assert right.inchikey == "MYWUZJCMWCOHBA-SECBINFHSA-N"  # (R)-methamphetamine, PubChem CID 36604


def test_tautomers_are_not_merged_by_us_and_keep_their_stereochemistry() -> None:
    # An enolised cathinone would lose its stereocentre.
    assert parent_of("CN[C@@H](C)C(=O)c1ccccc1").smiles.count("@") >= 1


def test_a_permanent_cation_stays_charged() -> None:
    parent = parent_of("C[N+](C)(C)CCOC(C)=O.[Cl-]")
    assert parent.charge == 1
    assert parent.formula == "C7H16NO2+"
    assert "STRUC-004" in [finding.code for finding in parent.findings]


def test_the_mass_of_a_permanent_cation_is_that_of_its_atoms() -> None:
    # Tetramethylammonium C4H12N+: 4 x 12 + 12 x 1.007825032 + 14.003074004 by hand; its ion weighs one electron less.
    parent = parent_of("C[N+](C)(C)C.[I-]")
    assert parent.exact_mass == pytest.approx(74.096974, abs=2e-6)
    assert parent.exact_mass == pytest.approx(exact_mass(parent.formula), abs=2e-6)
    assert ion_mz(parent.exact_mass, "[M]+") == pytest.approx(74.096426, abs=2e-6)


def test_a_salt_drawn_with_a_bond_to_the_metal_is_taken_apart() -> None:
    assert parent_of("OCCCC(=O)O[Na]").inchikey == parent_of("OCCCC(=O)O").inchikey


def test_a_zwitterion_is_neutralised_and_says_so() -> None:
    parent = parent_of("C[NH+](C)CCc1c[nH]c2cccc(OP(=O)([O-])O)c12")
    assert parent.inchikey == "QVDSEJDULKLHCG-UHFFFAOYSA-N"  # psilocybin, PubChem CID 10624
    assert parent.charge_changed


@pytest.mark.parametrize(
    ("text", "formula"), [("[Na+].[Cl-]", "ClNa"), ("[Na+].OC(=O)[O-]", "CHNaO3"), ("[Mg+2].[O-]S(=O)(=O)[O-]", "MgO4S")]
)
def test_an_inorganic_cutting_agent_keeps_its_ions(text: str, formula: str) -> None:
    assert parent_of(text).formula == formula
    assert codes(text) == ["STRUC-005"]


def test_the_order_of_writing_does_not_matter() -> None:
    assert parent_of("Cl.C(C)C(=O)N(c1ccccc1)C1CCN(CC1)CCc1ccccc1") == parent_of("C1CN(CCC1N(C(CC)=O)c1ccccc1)CCc1ccccc1.Cl")


def test_a_parent_survives_pickling() -> None:
    parent = parent_of(FENTANYL)
    assert pickle.loads(pickle.dumps(parent)) == parent  # noqa: S301


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("   \n ", "empty"),
        ("fentanyl", "cannot be read as SMILES"),
        ("C1CC", "cannot be read as SMILES"),
        ("CC(C", "cannot be read as SMILES"),
        ("C(C)(C)(C)(C)C", "valence"),
        ("c1cccc1", "kekulize"),
        ("*CC", "wildcard"),
        ("[R1]CC", "SMILES"),
        ("CCO>>CC=O", "reaction"),
        ("InChI=1S/foo", "InChI"),
        ("CCO ethanol", "more than one word"),
        ("C" * 5000, "5000 characters"),
        ("C\n  x\n\n  3  2  0  0  0  0  0  0  0  0999 V2000\nM  END\n", "MOL block"),
        ("x\n\n\n  0  0  0  0  0  0  0  0  0  0999 V2000\nM  END\n", "no atoms"),
        ("\x1b[31mCC", "SMILES"),
    ],
)
def test_what_is_no_structure_is_refused_in_one_sentence(text: str, says: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ChemistryError, match=says) as caught:
        read_structure(text)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_several_structures_where_one_is_expected_are_refused() -> None:
    block = Chem.MolToMolBlock(Chem.MolFromSmiles("CCO")) + "$$$$\n"
    with pytest.raises(ChemistryError, match="holds 2 structures"):
        read_structure(block + block)


def test_an_sdf_is_read_past_a_bad_record() -> None:
    good = Chem.MolToMolBlock(Chem.MolFromSmiles(FENTANYL))
    bad = good.replace(" N ", " Qx", 1)
    records = list(read_sdf(f"{good}> <X>\n1\n\n$$$$\n{bad}$$$$\n{good}$$$$\n"))
    assert [isinstance(mol, ChemistryError) for _, mol in records] == [False, True, False]
    assert str(records[1][1]).startswith("Record 2 of the SDF")
    assert inchikey_of(records[2][1]) == FENTANYL_KEY


_ALPHABET = "CNOFclBrI[]()=#+-@123456%.H*/\\\\ ~:>\n\x00é"


@given(st.one_of(st.text(max_size=60), st.text(alphabet=_ALPHABET, max_size=60)))
def test_any_text_is_a_structure_with_a_parent_or_one_sentence(text: str) -> None:
    refusal = ""
    try:
        parent = parent_of(text)
    except ChemistryError as error:
        refusal = str(error)
    assert "\n" not in refusal
    assert refusal or parent_of(parent.smiles).inchikey == parent.inchikey


_SDF = Chem.MolToMolBlock(Chem.MolFromSmiles(FENTANYL)) + "> <X>\n1\n\n$$$$\n"


@given(st.integers(0, len(_SDF)), st.integers(0, len(_SDF)), st.text(alphabet="0129 \nCNX$MV", max_size=6))
def test_a_damaged_sdf_gives_structures_or_one_sentence_each(start: int, end: int, instead: str) -> None:
    damaged = _SDF[: min(start, end)] + instead + _SDF[max(start, end) :]
    try:
        records = [mol for _, mol in read_sdf(damaged)]
    except ChemistryError as error:
        records = [error]
    assert records
    for mol in records:
        assert "\n" not in str(mol) if isinstance(mol, ChemistryError) else mol.GetNumAtoms() > 0


def test_the_package_and_the_formulae_load_without_rdkit() -> None:
    code = "import sys, nps_ident, nps_ident.chemistry.formula; sys.exit('rdkit' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
