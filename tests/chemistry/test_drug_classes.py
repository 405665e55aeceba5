"""Every row of the class table proves itself, and the specific class wins over the general one."""

from __future__ import annotations

import pytest

from nps_ident.chemistry.drug_classes import DrugClass, drug_class_of, drug_classes, drug_classes_of
from nps_ident.chemistry.structures import read_structure

ROWS = drug_classes()
POSITIVE = [pytest.param(row, smiles, id=f"{row.name}-{name}") for row in ROWS for name, smiles in row.must_match]
NEGATIVE = [pytest.param(row, smiles, id=f"{row.name}-{name}") for row in ROWS for name, smiles in row.must_not_match]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_row_has_examples_counterexamples_and_a_source(row: DrugClass) -> None:
    assert len(row.must_match) >= 3
    assert len(row.must_not_match) >= 3
    assert "http" in row.source


@pytest.mark.parametrize(("row", "smiles"), POSITIVE)
def test_the_examples_of_a_class_match_and_get_its_name(row: DrugClass, smiles: str) -> None:
    assert row.matches(read_structure(smiles))
    assert drug_class_of(smiles) == row.name


@pytest.mark.parametrize(("row", "smiles"), NEGATIVE)
def test_the_counterexamples_of_a_class_do_not_match(row: DrugClass, smiles: str) -> None:
    assert row.name not in drug_classes_of(smiles)


@pytest.mark.parametrize(
    ("smiles", "expected"),
    [
        ("COc1cc(CCNCc2ccccc2OC)c(OC)cc1I", "NBOMe/NBOH"),
        ("CC(N)Cc1ccc2occc2c1", "benzofuran"),
        ("CNC(C)C(=O)c1ccccc1", "cathinone"),
        ("CNC(C)C(O)c1ccccc1", "phenethylamine/amphetamine"),  # ephedrine
        ("COc1ccc(CC2N(C)CCc3cc(OC)c(OC)cc23)cc1OC", "opium alkaloid"),
        ("CN1CC[C@]23c4c5ccc(O)c4O[C@H]2[C@@H](O)C=C[C@H]3[C@H]1C5", "morphinan/opiate"),
        ("CC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1.Cl", "fentanyl"),
    ],
)
def test_the_specific_class_wins(smiles: str, expected: str) -> None:
    assert drug_class_of(smiles) == expected


@pytest.mark.parametrize(
    "smiles",
    [
        "c1ccccc1",
        "Cn1c(=O)c2c(ncn2C)n(C)c1=O",  # caffeine
        "OCC1OC(O)C(O)C(O)C1O",  # glucose
        "CC(=O)Oc1ccccc1C(=O)O",  # aspirin
        "CC(=O)Nc1ccc(O)cc1",  # paracetamol
        "CC(C)Cc1ccc(cc1)C(C)C(=O)O",  # ibuprofen
        "CCN(CC)CC(=O)Nc1c(C)cccc1C",  # lidocaine
        "COc1cc2nccc(C(O)C3CC4CCN3CC4C=C)c2cc1",  # quinine
        "CCOC(=O)C1(c2ccccc2)CCN(C)CC1",  # pethidine
    ],
)
def test_common_medicines_and_cutting_agents_are_of_no_class(smiles: str) -> None:
    assert drug_class_of(smiles) is None
