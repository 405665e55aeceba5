"""The table of modifications, and what its patterns do to structures."""

from __future__ import annotations

import math

import pytest
from rdkit import Chem
from rdkit.Chem import rdChemReactions, rdMolDescriptors

from nps_ident.catalogue.store import open_catalogue
from nps_ident.chemistry.fingerprints import flattened
from nps_ident.chemistry.modifications import (
    TABLE,
    Modification,
    applicable,
    group_mass,
    modified,
    name_of,
    pattern_of,
    read_modifications,
)

FENTANYL = "CCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1"


def _row(context: str, before: str, after: str) -> Modification:
    pattern = pattern_of(context, before, after)
    return Modification(pattern=pattern, name="", kind="", mass_shift_da=0.0, n_pairs=1, n_sites=1)


def _products(smiles: str, context: str, before: str, after: str) -> set[str]:
    return {Chem.MolToSmiles(mol) for mol in modified(Chem.MolFromSmiles(smiles), _row(context, before, after))}


def _canonical(*smiles: str) -> set[str]:
    return {Chem.MolToSmiles(Chem.MolFromSmiles(text)) for text in smiles}


def test_a_charged_nitrogen_is_not_taken_for_an_amine() -> None:
    assert _products("C[N+](C)(C)CCO", "", "[*:1]N(C)[*:2]", "[*:1]CN[*:2]") == set()
    assert _products("CCN(C)CCO", "", "[*:1]N(C)[*:2]", "[*:1]O[*:2]") == {"CCOCCO"}


def test_fluorine_goes_on_every_different_place_of_both_rings_of_fentanyl() -> None:
    rings = ("c3ccccc3F", "c3cccc(F)c3", "c3ccc(F)cc3")
    anilines = [f"CCC(=O)N({ring})C1CCN(CCc2ccccc2)CC1" for ring in rings]
    phenethyls = [f"CCC(=O)N(c1ccccc1)C1CCN(CC{ring})CC1" for ring in rings]
    assert _products(FENTANYL, "c;r6", "*[H]", "*F") == _canonical(*anilines, *phenethyls)


def test_hydrogen_on_an_aromatic_nitrogen_is_put_and_taken() -> None:
    assert _products("CCCCCn1ccc2ccccc21", "n", "*CCCCC", "*[H]") == {"c1ccc2[nH]ccc2c1"}
    assert _products("c1ccc2[nH]ccc2c1", "n", "*[H]", "*C") == {"Cn1ccc2ccccc21"}


def test_an_acyl_group_is_exchanged_whole_and_not_within_a_longer_one() -> None:
    assert _products(FENTANYL, "C;$(C=O)", "*CC", "*C") == _canonical("CC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1")
    butyryl = "CCCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1"
    assert _products(butyryl, "C;$(C=O)", "*CC", "*C") == set()


def test_a_chain_between_two_parts_is_not_looked_for_in_a_ring() -> None:
    assert _products("C1CCNCC1", "", "[*:1]CC[*:2]", "[*:1]C[*:2]") == set()
    assert _products("NCCc1ccccc1", "", "[*:1]CC[*:2]", "[*:1]C[*:2]") == {"NCc1ccccc1"}


def test_an_indole_core_becomes_an_indazole_core_the_right_way_round() -> None:
    indole = "CCCCCn1cc(C(=O)NC(C)(C)c2ccccc2)c2ccccc21"
    exchange = ("", "[*:1]c1cn([*:2])c2ccccc12", "[*:1]c1nn([*:2])c2ccccc12")
    assert _products(indole, *exchange) == _canonical("CCCCCn1nc(C(=O)NC(C)(C)c2ccccc2)c2ccccc21")


def test_products_that_break_a_valence_are_left_out() -> None:
    nitro = Modification(pattern="[N+:1]>>[N+:1]C", name="", kind="", mass_shift_da=0.0, n_pairs=1, n_sites=1)
    assert list(modified(Chem.MolFromSmiles("C[N+](=O)[O-]"), nitro)) == []


def test_a_ring_cut_open_that_was_aromatic_is_left_out() -> None:
    """RDKit refuses the product with an exception of its own kind (an aromatic atom outside a ring)."""
    cut = Modification(pattern="[c:1]1[n:2][n:3][c:4][c:5][c:6]1>>[c:1][n:2]", name="", kind="", mass_shift_da=0.0, n_pairs=1, n_sites=1)
    assert list(modified(Chem.MolFromSmiles("c1ccnnc1"), cut)) == []


@pytest.mark.parametrize(("group", "mass"), [("*[H]", 1.007825), ("*F", 18.998403), ("*C", 15.023475), ("[*:1]C(=O)[*:2]", 27.994915)])
def test_a_group_weighs_its_atoms_and_hydrogens(group: str, mass: float) -> None:
    assert group_mass(group) == pytest.approx(mass, abs=2e-6)


def test_an_exchange_is_named_by_its_groups_and_their_place() -> None:
    assert name_of("c;r6", "*[H]", "*F") == "fluoro instead of hydrogen on a six-membered aromatic ring"
    assert name_of("", "[*:1]C[*:2]", "[*:2]CC[*:1]") == "ethylene instead of methylene between two parts"


def test_every_row_of_the_table_is_a_pattern_whose_mass_shift_is_what_it_does() -> None:
    drugs = [flattened(Chem.MolFromSmiles(s.smiles)) for s in open_catalogue().substances[::12] if s.smiles and "." not in s.smiles]
    tried = 0
    for row in read_modifications():
        reaction = rdChemReactions.ReactionFromSmarts(row.pattern)
        assert reaction.Validate(silent=True)[1] == 0, row.pattern
        assert row.n_sites >= 1
        assert row.n_pairs >= 2
        assert row.log_frequency == math.log(row.n_pairs / max(row.n_sites, row.n_pairs))
        mol = next((mol for mol in drugs if applicable(mol, row)), None)
        for product in [] if mol is None else modified(mol, row):
            shift = rdMolDescriptors.CalcExactMolWt(product) - rdMolDescriptors.CalcExactMolWt(mol)
            assert shift == pytest.approx(row.mass_shift_da, abs=2e-5), row.pattern
            tried += 1
    assert tried > 1000


def _general() -> set[str]:
    lines = (TABLE.parent / "general_modifications.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return {line.split("\t")[0] for line in lines}


def test_every_change_written_by_hand_was_counted() -> None:
    assert _general() <= {row.pattern for row in read_modifications()}


@pytest.mark.parametrize(
    ("name", "before", "after", "never"),
    [
        ("substituent moved to the neighbouring place of an aromatic ring", "Cc1ccccc1F", "Cc1cccc(F)c1", "Cc1ccc(F)cc1"),
        ("substituent moved two places on an aromatic ring", "Cc1ccccc1F", "Cc1ccc(F)cc1", "Cc1cccc(F)c1"),
        ("methylenedioxy on two neighbouring places of an aromatic ring", "CC(N)Cc1ccccc1", "CC(N)Cc1ccc2OCOc2c1", "CC(N)CC1CC=CC=C1"),
        ("saturated ring larger by one carbon", "C1CCNC1", "C1CCNCC1", "CC1CCNC1"),
        ("saturated ring smaller by one carbon", "C1CCNCC1", "C1CCNC1", "C1CNC1"),
        ("nitrogen instead of CH in an aromatic ring", "c1ccc2[nH]ccc2c1", "c1ccc2[nH]ncc2c1", "c1ccc2[nH]nnc2c1"),
        ("CH instead of nitrogen in an aromatic ring", "c1ccc2[nH]ncc2c1", "c1ccc2[nH]ccc2c1", "c1ccc2[nH]nnc2c1"),
        ("benzofuran instead of 2,3-dihydrobenzofuran", "CC(N)Cc1ccc2OCCc2c1", "CC(N)Cc1ccc2occc2c1", "CC(N)Cc1ccc2OCCc2c1"),
        ("alcohol instead of ketone or aldehyde", "CNC(C)C(=O)c1ccccc1", "CNC(C)C(O)c1ccccc1", "CNC(C)C(=O)c1ccccc1"),
        ("pyrrolidine ring instead of a diethylamino group", "CCN(CC)CC", "CCN1CCCC1", "CCN(CC)CC"),
    ],
)
def test_a_change_written_by_hand_does_what_its_name_says(name: str, before: str, after: str, never: str) -> None:
    [row] = [row for row in read_modifications() if row.name == name]
    products = {Chem.MolToSmiles(mol) for mol in modified(Chem.MolFromSmiles(before), row)}
    assert Chem.CanonSmiles(after) in products
    assert Chem.CanonSmiles(never) not in products


def test_the_table_holds_every_exchange_both_ways_with_equal_counts() -> None:
    shifts: dict[tuple[int, float], int] = {}
    for row in read_modifications():
        if row.pattern in _general():
            continue
        key = (row.n_pairs, abs(row.mass_shift_da))
        shifts[key] = shifts.get(key, 0) + (1 if row.mass_shift_da > 0 else -1 if row.mass_shift_da < 0 else 0)
    assert set(shifts.values()) == {0}
