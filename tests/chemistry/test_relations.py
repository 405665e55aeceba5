"""The relation of two structures by its name, and what must not be taken for it."""

from __future__ import annotations

import pytest

from nps_ident.chemistry.relations import Relation, canonical_tautomer_key, is_merely_less_specified, relation_of, without_isotopes
from nps_ident.chemistry.structures import inchikey_of, parent_of, read_structure

FENTANYL = "CCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1"


@pytest.mark.parametrize(
    ("query", "other", "relation"),
    [
        (FENTANYL, FENTANYL, Relation.SAME),
        (FENTANYL + ".Cl", FENTANYL, Relation.SALT_OF),
        ("CCC(=O)N(c1ccccc1)C1CC[NH+](CCc2ccccc2)CC1.[Cl-]", FENTANYL, Relation.SALT_OF),
        ("CCC(=O)N(c1ccccc1)C1CC[NH+](CCc2ccccc2)CC1", FENTANYL, Relation.CHARGED_FORM_OF),
        ("OCCCC(=O)[O-]", "OCCCC(=O)O", Relation.CHARGED_FORM_OF),
        ("OCCCC(=O)[O-].[Na+]", "OCCCC(=O)O", Relation.SALT_OF),
        ("CN[C@@H](C)Cc1ccccc1", "CNC(C)Cc1ccccc1", Relation.STEREOISOMER_OF),
        ("CN[C@@H](C)Cc1ccccc1", "CN[C@H](C)Cc1ccccc1", Relation.STEREOISOMER_OF),
        ("CN[C@@H](C)Cc1ccccc1.Cl", "CN[C@H](C)Cc1ccccc1", Relation.STEREOISOMER_OF),
        ("[2H]C([2H])([2H])NC(C)Cc1ccccc1", "CNC(C)Cc1ccccc1", Relation.ISOTOPOLOGUE_OF),
        ("CNC(C)Cc1ccccc1", "[2H]C([2H])([2H])NC(C)Cc1ccccc1", Relation.ISOTOPOLOGUE_OF),
        ("[13CH3]NC(C)Cc1ccccc1", "[2H]C([2H])([2H])NC(C)Cc1ccccc1", Relation.ISOTOPOLOGUE_OF),
        ("[2H]C([2H])([2H])N[C@@H](C)Cc1ccccc1", "CNC(C)Cc1ccccc1", Relation.ISOTOPOLOGUE_OF),
        ("CC(=O)CC(C)=O", "CC(O)=CC(C)=O", Relation.TAUTOMER_OF),
    ],
)
def test_relations(query: str, other: str, relation: Relation) -> None:
    assert relation_of(parent_of(query), parent_of(other)) is relation


@pytest.mark.parametrize(
    ("query", "other"),
    [
        (FENTANYL, "CC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1"),
        ("CNC(C)C(=O)c1ccc(C)cc1", "CNC(C)C(=O)c1cccc(C)c1"),  # mephedrone and 3-MMC: isomers, nothing nearer
        ("CC(N)Cc1ccccc1", "NCC(C)c1ccccc1"),
        ("C[N+](C)(C)CCO", "CN(C)CCO"),  # a quaternary ammonium is another compound
        ("CCO", "COC"),
    ],
)
def test_isomers_and_homologues_are_not_forms_of_each_other(query: str, other: str) -> None:
    assert relation_of(parent_of(query), parent_of(other)) is None


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("CN[C@@H](C)Cc1ccccc1", "CNC(C)Cc1ccccc1", True),
        ("CN[C@@H](C)[C@H](O)c1ccccc1", "CNC(C)[C@H](O)c1ccccc1", True),
        ("CN[C@@H](C)Cc1ccccc1", "CN[C@H](C)Cc1ccccc1", False),
        ("CN[C@@H](C)[C@H](O)c1ccccc1", "CN[C@@H](C)[C@@H](O)c1ccccc1", False),
        ("CN[C@@H](C)C(O)c1ccccc1", "CNC(C)[C@H](O)c1ccccc1", False),  # each leaves out what the other gives
    ],
)
def test_leaving_stereochemistry_out_is_not_contradicting_it(first: str, second: str, expected: bool) -> None:
    assert is_merely_less_specified(read_structure(first), read_structure(second)) is expected


def test_removing_labels_gives_the_plain_compound() -> None:
    labelled = read_structure("[2H]C([2H])([2H])NC(C)Cc1ccccc1")
    assert inchikey_of(without_isotopes(labelled)) == "MYWUZJCMWCOHBA-UHFFFAOYSA-N"


def test_tautomers_group_without_identifying() -> None:
    keto, enol = read_structure("CC(=O)CC(C)=O"), read_structure("CC(O)=CC(C)=O")
    assert canonical_tautomer_key(keto) == canonical_tautomer_key(enol)
    assert parent_of(keto).inchikey != parent_of(enol).inchikey
