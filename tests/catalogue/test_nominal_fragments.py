"""Pieces of molecules, counted by hand."""

from __future__ import annotations

import pytest
from rdkit import Chem

from nps_ident.catalogue.nominal_fragments import MOST_ATOMS, fewest_cuts


def pieces(smiles: str) -> dict[int, int]:
    return fewest_cuts(Chem.MolFromSmiles(smiles))


def test_ethanol_falls_apart_at_its_two_bonds() -> None:
    # CH3-CH2-OH, 46: one cut gives 15 and 31, or 29 and 17; two give CH2 (14).
    assert pieces("CCO") == {46: 0, 15: 1, 31: 1, 29: 1, 17: 1, 14: 2}


def test_the_base_peaks_of_methamphetamine_take_one_cut() -> None:
    # C10H15N, 149: alpha-cleavage gives C3H8N (58) and C7H7 (91).
    found = pieces("CNC(C)Cc1ccccc1")
    assert (found[149], found[58], found[91]) == (0, 1, 1)


def test_a_ring_takes_two_bonds_at_once() -> None:
    # Cyclohexene, 82: the retro-Diels-Alder reaction gives butadiene (54) and ethene (28).
    found = pieces("C1=CCCCC1")
    assert (found[54], found[28]) == (1, 1)


def test_labels_count_with_their_own_mass() -> None:
    assert set(pieces("[2H]C")) >= {17, 15, 2}


def test_a_mass_that_is_no_piece_is_absent() -> None:
    assert 16 not in pieces("CCO")  # O alone would need the H of the hydroxyl group to stay


@pytest.mark.parametrize(("smiles", "expected"), [("C", {16: 0}), ("C" * (MOST_ATOMS + 1), {})])
def test_what_cannot_or_should_not_be_cut(smiles: str, expected: dict[int, int]) -> None:
    assert pieces(smiles) == expected
