"""In what isomers differ: pairs of drugs, by name, as a chemist would say it."""

from __future__ import annotations

import pytest
from rdkit import Chem

from nps_ident.catalogue.store import open_catalogue
from nps_ident.chemistry.isomerism import Isomerism, isomerism_of

PAIRS = [
    ("Dextromethorphan", "Levomethorphan", Isomerism.ENANTIOMERS),
    ("Ephedrine", "Pseudoephedrine", Isomerism.DIASTEREOMERS),
    ("Tetramisole", "Levamisole", Isomerism.STEREOCHEMISTRY),
    ("MMDA", "MMDA-2", Isomerism.METHYLENEDIOXY_POSITION),
    ("2-MMC", "3-MMC", Isomerism.RING_POSITION),
    ("ortho-Fluorofentanyl", "para-Fluorofentanyl", Isomerism.RING_POSITION),
    ("Psilocin", "Bufotenine", Isomerism.FUSED_RING_POSITION),
    ("5-APB", "6-APB", Isomerism.FUSED_RING_POSITION),
    ("Mesterolone", "Drostanolone", Isomerism.SATURATED_RING_POSITION),
    ("Butyryl fentanyl", "Isobutyryl fentanyl", Isomerism.CHAIN_BRANCHING),
    ("Protonitazene", "Isotonitazene", Isomerism.CHAIN_BRANCHING),
    ("Methadone", "Isomethadone", Isomerism.CHAIN_POSITION),
    ("ortho-Fluorobutyryl fentanyl", "para-Fluoroisobutyryl fentanyl", Isomerism.RING_AND_CHAIN),
    ("Mephedrone", "N-Ethylcathinone", Isomerism.CARBON_DISTRIBUTION),
    ("Methamphetamine", "Phentermine", Isomerism.CARBON_DISTRIBUTION),
    ("MBDB", "MDEA", Isomerism.CARBON_DISTRIBUTION),
    ("CUMYL-5F-PINACA", "CUMYL-5F-P7AICA", Isomerism.RING_ATOM),
    ("para-Fluorofentanyl", "3'-Fluoro Fentanyl", Isomerism.OTHER_PART),
    ("Cyclopropyl fentanyl", "Crotonyl fentanyl", Isomerism.RING_OR_DOUBLE_BOND),
    ("Delta-8-THC", "Delta-9-THC", Isomerism.RING_OR_DOUBLE_BOND),
    ("Morphine", "Hydromorphone", Isomerism.FUNCTIONAL_GROUPS),
    ("Ethylphenidate", "Methoxetamine", Isomerism.FUNCTIONAL_GROUPS),
    ("U-47700", "AH-7921", Isomerism.SKELETON),
]


@pytest.mark.parametrize(("one", "other", "expected"), PAIRS, ids=[f"{one}, {other}" for one, other, _ in PAIRS])
def test_real_pairs_differ_as_a_chemist_says_in_either_order(one: str, other: str, expected: Isomerism) -> None:
    catalogue = open_catalogue()
    mols = []
    for name in (one, other):
        [substance] = catalogue.find_name(name)
        mols.append(Chem.MolFromSmiles(substance.smiles))
    assert isomerism_of(*mols) is expected
    assert isomerism_of(*reversed(mols)) is expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("CC(N)Cc1cccc2OCOc12", "CC(N)Cc1ccc2OCOc2c1", Isomerism.METHYLENEDIOXY_POSITION),  # 2,3-MDA and MDA
        ("CCCCCn1nc(C(N)=O)c2ccccc21", "CCCCCn1nc2ccccc2c1C(N)=O", Isomerism.FUSED_RING_POSITION),  # 1H- and 2H-indazole
        ("C/C=C/C(=O)N", "C/C=C\\C(=O)N", Isomerism.DOUBLE_BOND),
        ("CC(=O)CC(C)=O", "CC(O)=CC(C)=O", Isomerism.TAUTOMERS),
        ("OC(=O)c1ccccc1", "O=Cc1ccc(O)cc1", Isomerism.FUNCTIONAL_GROUPS),  # benzoic acid, 4-hydroxybenzaldehyde
        ("FCCCCCn1ccc2ccccc12", "CC(F)CCCn1ccc2ccccc12", Isomerism.CHAIN_POSITION),  # 5- and 4-fluoropentyl
    ],
)
def test_pairs_written_as_structures(one: str, other: str, expected: Isomerism) -> None:
    assert isomerism_of(Chem.MolFromSmiles(one), Chem.MolFromSmiles(other)) is expected


def test_the_number_of_atoms_in_another_order_changes_nothing() -> None:
    mephedrone, ethcathinone = "CNC(C)C(=O)c1ccc(C)cc1", "CCNC(C)C(=O)c1ccccc1"
    mol, other = Chem.MolFromSmiles(mephedrone), Chem.MolFromSmiles(ethcathinone)
    turned = Chem.RenumberAtoms(mol, list(reversed(range(mol.GetNumAtoms()))))
    assert isomerism_of(turned, other) is isomerism_of(mol, other)
