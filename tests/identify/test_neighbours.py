"""The substances that structure proposals start from, and those that were searched already."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

from nps_ident.chemistry.structures import inchikey_of
from nps_ident.confidence.molecular_mass import MassCandidate, MassPrediction
from nps_ident.identify.neighbours import hybrid_neighbours, searched_isomers
from nps_ident.identify.proposal_candidates import Target
from nps_ident.identify.proposing import likely_masses, propose_from_libraries, target_of
from nps_ident.library.build import build_library
from nps_ident.model import MassSpectrum, Polarity, SubstanceLabel, Technique

if TYPE_CHECKING:
    from nps_ident.library.compiled import Library

METHCATHINONE, FLEPHEDRONE, ETHCATHINONE = "CNC(C)C(=O)c1ccccc1", "CNC(C)C(=O)c1ccc(F)cc1", "CCNC(C)C(=O)c1ccccc1"
# Unit masses of the iminium and acylium ions of the three: by hand.
PEAKS = {
    METHCATHINONE: [(51, 80), (58, 999), (77, 200), (105, 150), (163, 5)],
    FLEPHEDRONE: [(58, 999), (75, 60), (95, 210), (123, 160), (181, 5)],
    ETHCATHINONE: [(44, 300), (51, 90), (72, 999), (77, 210), (105, 160), (177, 5)],
}


def _spectrum(smiles: str, *, labelled: bool = True, technique: Technique = Technique.EI_MS) -> MassSpectrum:
    mol = Chem.MolFromSmiles(smiles)
    mass = rdMolDescriptors.CalcExactMolWt(mol)
    label = SubstanceLabel(
        name=smiles, inchikey=inchikey_of(mol), smiles=smiles, formula=rdMolDescriptors.CalcMolFormula(mol), exact_mass=mass
    )
    msms = technique is Technique.MSMS
    return MassSpectrum(
        name=smiles,
        technique=technique,
        mz=[mz for mz, _ in PEAKS[smiles]],
        intensity=[height for _, height in PEAKS[smiles]],
        label=label if labelled else SubstanceLabel(),
        precursor_mz=round(mass + 1.00728, 4) if msms else None,
        precursor_decimals=4 if msms else None,
        adduct="[M+H]+" if msms else None,
        polarity=Polarity.POSITIVE if msms else None,
    )


@pytest.fixture(scope="module")
def cathinones(tmp_path_factory: pytest.TempPathFactory) -> Library:
    spectra = [_spectrum(smiles, technique=technique) for smiles in PEAKS for technique in (Technique.EI_MS, Technique.MSMS)]
    return build_library(spectra, tmp_path_factory.mktemp("cathinones") / "library", name="three cathinones")


@pytest.mark.parametrize("technique", [Technique.EI_MS, Technique.MSMS])
def test_a_left_out_substance_is_no_neighbour_and_its_relatives_are(cathinones: Library, technique: Technique) -> None:
    query = _spectrum(FLEPHEDRONE, labelled=False, technique=technique)
    hidden = frozenset({inchikey_of(Chem.MolFromSmiles(FLEPHEDRONE))[:14]})
    near = hybrid_neighbours(query, [cathinones], mass_da=181.0903, exclude=hidden)
    assert near[0].substance.smiles == METHCATHINONE
    assert FLEPHEDRONE not in {neighbour.substance.smiles for neighbour in near}
    similarities = [neighbour.similarity for neighbour in near]
    assert similarities == sorted(similarities, reverse=True)
    assert all(0 <= similarity <= 1 for similarity in similarities)


def test_other_techniques_have_no_neighbours(cathinones: Library) -> None:
    query = _spectrum(FLEPHEDRONE, labelled=False)
    dart = MassSpectrum(name="q", technique=Technique.DART_MS, mz=query.mz, intensity=query.intensity)
    assert hybrid_neighbours(dart, [cathinones], mass_da=181.0) == ()


@pytest.mark.parametrize("technique", [Technique.EI_MS, Technique.MSMS])
def test_what_was_searched_at_a_mass_is_found_unless_left_out(cathinones: Library, technique: Technique) -> None:
    nominal = technique is Technique.EI_MS
    target = Target(mass_da=181.0 if nominal else 181.0903, tolerance_da=0.5 if nominal else 0.002, nominal=nominal)
    assert [s.smiles for s in searched_isomers([cathinones], technique, target)] == [FLEPHEDRONE]
    hidden = frozenset({inchikey_of(Chem.MolFromSmiles(FLEPHEDRONE))[:14]})
    assert searched_isomers([cathinones], technique, target, exclude=hidden) == ()


def test_flephedrone_is_proposed_by_a_library_that_does_not_hold_it(cathinones: Library) -> None:
    key = inchikey_of(Chem.MolFromSmiles(FLEPHEDRONE))[:14]
    query = _spectrum(FLEPHEDRONE, labelled=False)
    proposals = propose_from_libraries(query, [cathinones], masses=[(181.0, 0.8), (900.0, 0.2)], exclude=frozenset({key}), most=10)
    assert key in {proposal.inchikey[:14] for proposal in proposals}
    assert sum(proposal.probability or 0.0 for proposal in proposals) <= 0.8
    certain = propose_from_libraries(query, [cathinones], masses=[(181.0, 1.0)], exclude=frozenset({key}), most=10)
    assert [p.inchikey for p in certain] == [p.inchikey for p in proposals]
    assert propose_from_libraries(query, [cathinones], masses=[(181.0, 0.1), (float("nan"), 0.9)]) == ()


def test_a_library_that_holds_the_substance_does_not_propose_it(cathinones: Library) -> None:
    key = inchikey_of(Chem.MolFromSmiles(FLEPHEDRONE))[:14]
    proposals = propose_from_libraries(_spectrum(FLEPHEDRONE, labelled=False), [cathinones], masses=[(181.0, 1.0)], most=50)
    assert proposals
    assert key not in {proposal.inchikey[:14] for proposal in proposals}


def test_a_precursor_of_few_decimals_allows_a_wide_mass() -> None:
    query = _spectrum(METHCATHINONE, technique=Technique.MSMS)
    coarse = MassSpectrum(name="q", technique=Technique.MSMS, mz=query.mz, intensity=query.intensity, precursor_mz=164.1, precursor_decimals=1)
    assert target_of(query, 163.0997, None, None).tolerance_da == pytest.approx(163.0997e-5)
    assert target_of(coarse, 163.1, None, None).tolerance_da == 0.6
    assert target_of(_spectrum(METHCATHINONE), 163.0997, None, None).mass_da == 163.0


def test_the_mass_comes_from_the_precursor_or_from_a_prediction_and_else_is_not_known() -> None:
    [(mass, probability)] = likely_masses(_spectrum(METHCATHINONE, technique=Technique.MSMS))
    assert mass == pytest.approx(163.0997, abs=2e-4)
    assert probability == 1.0
    candidates = (MassCandidate(nominal_mass=163, probability=0.7), MassCandidate(nominal_mass=177, probability=0.2))
    prediction = MassPrediction(mass_da=163.1, nominal_mass=163, probability=0.7, candidates=candidates, nearest=(), model="m", n_references=0)
    assert likely_masses(_spectrum(METHCATHINONE), prediction) == ((163.0, 0.7), (177.0, 0.2))
    assert likely_masses(_spectrum(METHCATHINONE)) == ()
