"""Similarity against RDKit's own functions, and scaffolds that count as kinship."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

from nps_ident.chemistry.fingerprints import (
    N_BITS,
    counted_tanimoto,
    flattened,
    is_trivial_scaffold,
    morgan_bits,
    murcko_scaffold,
    tanimoto,
)

MOLS = [
    Chem.MolFromSmiles(smiles)
    for smiles in (
        "CCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1",
        "CC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1",
        "CC(N)Cc1ccccc1",
        "CNC(C)Cc1ccc2c(c1)OCO2",
        "CCCCCn1cc(C(=O)c2cccc3ccccc23)c2ccccc12",
        "C",
        "OCC1OC(O)C(O)C(O)C1O",
    )
]


def test_tanimoto_agrees_with_rdkit_for_all_pairs() -> None:
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=N_BITS)
    theirs = [generator.GetFingerprint(mol) for mol in MOLS]
    ours = np.stack([morgan_bits(mol) for mol in MOLS])
    for row, fingerprint in enumerate(theirs):
        assert tanimoto(ours[row], ours) == pytest.approx(DataStructs.BulkTanimotoSimilarity(fingerprint, theirs))


def test_counted_tanimoto_agrees_with_rdkit_and_tells_chains_apart() -> None:
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=N_BITS)
    one, two = Chem.MolFromSmiles("CCCCCCCC"), Chem.MolFromSmiles("CCCCCCCCCC")
    expected = DataStructs.TanimotoSimilarity(generator.GetCountFingerprint(one), generator.GetCountFingerprint(two))
    assert counted_tanimoto(one, two) == pytest.approx(expected)
    assert tanimoto(morgan_bits(one), morgan_bits(two)[None, :])[0] == 1.0
    assert counted_tanimoto(one, two) < 1.0


@given(st.lists(st.binary(min_size=8, max_size=8), min_size=1, max_size=20), st.binary(min_size=8, max_size=8))
def test_tanimoto_is_shared_over_either_for_any_bits(rows: list[bytes], query: bytes) -> None:
    wanted = int.from_bytes(query, "big")
    packed = np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(len(rows), 8)
    for value, row in zip(tanimoto(np.frombuffer(query, dtype=np.uint8), packed), rows, strict=True):
        bits = int.from_bytes(row, "big")
        either = (bits | wanted).bit_count()
        assert value == ((bits & wanted).bit_count() / either if either else 0.0)


def test_an_empty_catalogue_has_no_similarities() -> None:
    assert tanimoto(morgan_bits(MOLS[0]), np.zeros((0, N_BITS // 8), dtype=np.uint8)).shape == (0,)


def test_stereochemistry_and_isotopes_do_not_enter() -> None:
    plain, labelled = Chem.MolFromSmiles("CNC(C)Cc1ccccc1"), Chem.MolFromSmiles("[2H]C([2H])([2H])N[C@@H](C)Cc1ccccc1")
    assert np.array_equal(morgan_bits(plain), morgan_bits(labelled))
    assert Chem.MolToSmiles(flattened(labelled)) == Chem.MolToSmiles(plain)


@pytest.mark.parametrize(
    ("smiles", "scaffold"),
    [
        ("CCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1", "c1ccc(CCN2CCC(Nc3ccccc3)CC2)cc1"),
        ("CC(N)Cc1ccccc1", "c1ccccc1"),
        ("OCCCC(=O)O", ""),
    ],
)
def test_scaffolds(smiles: str, scaffold: str) -> None:
    assert murcko_scaffold(Chem.MolFromSmiles(smiles)) == Chem.MolToSmiles(Chem.MolFromSmiles(scaffold))


@pytest.mark.parametrize(
    "scaffold", ["", "c1ccccc1", "c1ccc2[nH]ccc2c1", "c1ccc(-c2ccccc2)cc1", "O=c1[nH]c(=O)c2[nH]cnc2[nH]1", "C1CCNCC1"]
)
def test_scaffolds_that_half_of_all_drugs_have_say_nothing(scaffold: str) -> None:
    assert is_trivial_scaffold(scaffold)


@pytest.mark.parametrize("scaffold", ["c1ccc(CCN2CCC(Nc3ccccc3)CC2)cc1", "c1ccc(Cc2nc3ccccc3[nH]2)cc1"])
def test_scaffolds_of_three_rings_say_something(scaffold: str) -> None:
    assert not is_trivial_scaffold(scaffold)
