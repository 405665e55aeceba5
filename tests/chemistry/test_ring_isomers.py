"""Ring-position isomers: those a chemist would write down, and no others."""

from __future__ import annotations

import pytest
from rdkit import Chem

from nps_ident.chemistry.ring_isomers import ring_isomers
from nps_ident.errors import ChemistryError


def _keys(*smiles: str) -> set[str]:
    return {Chem.MolToInchiKey(Chem.MolFromSmiles(text))[:14] for text in smiles}


@pytest.mark.parametrize(
    ("smiles", "isomers"),
    [
        ("CC(N)Cc1ccc(F)cc1", ("CC(N)Cc1cccc(F)c1", "CC(N)Cc1ccccc1F")),  # 4-fluoroamphetamine: the 3- and the 2-isomer
        ("COC(=O)c1ccccc1C(=O)OC", ("COC(=O)c1cccc(C(=O)OC)c1", "COC(=O)c1ccc(C(=O)OC)cc1")),  # dimethyl phthalate
        ("CC(N)Cc1ccccc1", ()),  # one substituent: every place is the same
        ("CCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1", ()),  # fentanyl
        ("Cn1cnc2c1c(=O)n(C)c(=O)n2C", ()),  # caffeine: a methyl on nitrogen stays on nitrogen
        ("C1CCCCC1Cl", ()),  # no aromatic ring
    ],
)
def test_each_substituent_is_moved_to_every_other_free_carbon(smiles: str, isomers: tuple[str, ...]) -> None:
    assert ring_isomers(smiles) == _keys(*isomers)


def test_stereochemistry_makes_no_isomer_of_its_own() -> None:
    assert ring_isomers("C[C@H](N)Cc1ccc(F)cc1") == ring_isomers("CC(N)Cc1ccc(F)cc1")


def test_a_methylenedioxy_ring_stays_closed() -> None:
    """2,3- and 3,4-MDA are isomers by a fused ring, which moves no single substituent; the side chain does move."""
    assert _keys("CC(N)Cc1cccc2OCOc12") == set(ring_isomers("CC(N)Cc1ccc2OCOc2c1"))


def test_what_is_no_structure_is_refused() -> None:
    with pytest.raises(ChemistryError, match="cannot be read as SMILES"):
        ring_isomers("C1CC")
