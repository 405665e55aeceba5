"""Which peaks the pieces of a structure explain."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem

from nps_ident.chemistry.fragmentation import explained_accurate, explained_nominal, pieces_of


def _levels(smiles: str, *masses: int) -> list[int]:
    return explained_nominal(pieces_of(Chem.MolFromSmiles(smiles)), np.array(masses, dtype=np.int64)).level.tolist()


def test_the_iminium_and_benzoyl_ions_of_methcathinone_are_favoured() -> None:
    # CH3-CH=NH-CH3+ is 58, C6H5-CO+ is 105: McLafferty and Turecek 1993, chapters 4 and 9.
    assert _levels("CNC(C)C(=O)c1ccccc1", 58, 105) == [0, 0]


def test_the_benzyl_and_iminium_ions_of_methamphetamine_are_favoured() -> None:
    assert _levels("CNC(C)Cc1ccccc1", 91, 58) == [0, 0]


def test_a_ring_substituent_moves_the_acylium_and_leaves_the_iminium() -> None:
    para = _levels("CNC(C)C(=O)c1ccc(C)cc1", 119, 58, 105)
    assert para[:2] == [0, 0]
    assert para[2] > 0


def test_a_saturated_ring_is_cut_at_two_bonds_and_an_aromatic_one_is_not() -> None:
    # Ethylene (28) leaves the piperidine; half a benzene ring (39) does not.
    piperidine, benzene = pieces_of(Chem.MolFromSmiles("C1CCNCC1")), pieces_of(Chem.MolFromSmiles("Fc1ccccc1"))
    assert 28 in piperidine.nominal
    assert set(benzene.nominal.tolist()) == {77, 96}


def test_a_mass_that_no_piece_has_stays_unexplained() -> None:
    assert _levels("CNC(C)Cc1ccccc1", 200, 128) == [9, 9]


def test_a_favoured_piece_that_is_not_seen_counts_as_missing() -> None:
    pieces = pieces_of(Chem.MolFromSmiles("CNC(C)Cc1ccccc1"))
    assert explained_nominal(pieces, np.array(sorted(set(pieces.nominal.tolist())))).missing == 0.0
    assert explained_nominal(pieces, np.array([40])).missing == 1.0


@pytest.mark.parametrize(("mz", "level"), [(188.1434, 1), (105.0699, 1), (188.1620, 9)])
def test_the_ions_of_fentanyl_are_explained_by_accurate_mass(mz: float, level: int) -> None:
    # m/z 188.1434 (C13H18N+) and 105.0699 (C8H9+): MassBank fentanyl records, formula masses by hand.
    mol = Chem.MolFromSmiles("CCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1")
    found = explained_accurate(pieces_of(mol), np.array([mz]), np.array([0.002]))
    assert (found.level[0] <= level) if level < 9 else (found.level[0] == 9)


def test_a_giant_molecule_is_not_taken_apart() -> None:
    pieces = pieces_of(Chem.MolFromSmiles("C" * 70))
    assert pieces.nominal.tolist() == [70 * 12 + 142]
