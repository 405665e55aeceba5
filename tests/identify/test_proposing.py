"""Structure proposals for a measured unknown."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

from nps_ident.chemistry.structures import connectivity_key, inchikey_of
from nps_ident.confidence.coefficients import content_hash
from nps_ident.errors import CalibrationError
from nps_ident.identify.neighbours import class_of_neighbours
from nps_ident.identify.proposal_candidates import Neighbour, Target
from nps_ident.identify.proposal_evidence import FEATURES
from nps_ident.identify.proposal_ranking import SCHEMA, Ranking, ranking_from, shipped_ranking
from nps_ident.identify.proposing import propose
from nps_ident.model import MassSpectrum, Polarity, Substance, Technique

METHCATHINONE = "CNC(C)C(=O)c1ccccc1"
FLEPHEDRONE = "CNC(C)C(=O)c1ccc(F)cc1"


def _substance(name: str, smiles: str, drug_class: str | None = None) -> Substance:
    mol = Chem.MolFromSmiles(smiles)
    return Substance(
        inchikey=inchikey_of(mol),
        name=name,
        smiles=smiles,
        formula=rdMolDescriptors.CalcMolFormula(mol),
        exact_mass=rdMolDescriptors.CalcExactMolWt(mol),
        drug_class=drug_class,
    )


def _flat_ranking(**weights: float) -> Ranking:
    """Weights for the features named, none for the others."""
    n = len(FEATURES)
    weight = np.array([weights.get(name, 0.0) for name in FEATURES])
    return Ranking(name="test", sha256="0" * 64, mean=np.zeros(n), scale=np.ones(n), weight=weight, none=0.0)


EVIDENCE = _flat_ranking(frequency=1.0, weighted_once=10.0)
NEAREST = (Neighbour(substance=_substance("Methcathinone", METHCATHINONE, "cathinone"), similarity=0.9),)


def _spectrum(*peaks: tuple[float, float], technique: Technique = Technique.EI_MS, **more: Any) -> MassSpectrum:
    return MassSpectrum(name="q", mz=[mz for mz, _ in peaks], intensity=[i for _, i in peaks], technique=technique, **more)


# The iminium ion 58 and the fluorobenzoyl ions 123 and 95: the fluorine sits on the ring.
FLUORO_ON_RING = _spectrum((42, 50), (56, 60), (58, 999), (75, 80), (95, 250), (123, 300), (181, 10))


def _proposed(spectrum: MassSpectrum = FLUORO_ON_RING, **options: Any) -> tuple[Any, ...]:
    settings: dict[str, Any] = {"mass_da": 181.0, "catalogue": (), "ranking": EVIDENCE, **options}
    return propose(spectrum, settings.pop("nearest", NEAREST), **settings)


def test_a_fluorine_that_the_fragments_place_on_the_ring_is_proposed_there() -> None:
    proposals = _proposed()
    ring = {connectivity_key(Chem.MolFromSmiles(s)) for s in (FLEPHEDRONE, "CNC(C)C(=O)c1cccc(F)c1", "CNC(C)C(=O)c1ccccc1F")}
    assert {proposal.inchikey[:14] for proposal in proposals[:3]} == ring
    first = proposals[0].why
    assert "fluoro on the phenyl ring of Methcathinone" in first
    assert "58 (100 %)" in first
    assert "123 (30 %)" in first


def test_peaks_that_a_structure_does_not_explain_are_said_to_speak_against_it() -> None:
    strange = _spectrum((58, 999), (123, 300), (171, 400), (181, 10))
    assert all("against it: m/z 171 (40 %)" in proposal.why for proposal in _proposed(strange)[:3])


def test_every_proposal_has_the_mass_and_probabilities_leave_room_for_none_of_these() -> None:
    proposals = _proposed(most=50)
    masses = {round(rdMolDescriptors.CalcExactMolWt(Chem.MolFromSmiles(proposal.smiles))) for proposal in proposals}
    assert masses == {181}
    probabilities = [proposal.probability or 0.0 for proposal in proposals]
    assert probabilities == sorted(probabilities, reverse=True)
    assert 0 < sum(probabilities) < 1
    assert len({proposal.inchikey[:14] for proposal in proposals}) == len(proposals)


def test_a_formula_excludes_what_only_shares_the_nominal_mass() -> None:
    assert _proposed(formulae=frozenset({"C10H12FNO"}))
    for proposal in _proposed(formulae=frozenset({"C10H12FNO"}), most=50):
        assert rdMolDescriptors.CalcMolFormula(Chem.MolFromSmiles(proposal.smiles)) == "C10H12FNO"


def test_a_substance_that_was_searched_is_not_proposed() -> None:
    keys = {proposal.inchikey[:14] for proposal in _proposed(searched=[_substance("Flephedrone", FLEPHEDRONE)], most=50)}
    assert connectivity_key(Chem.MolFromSmiles(FLEPHEDRONE)) not in keys
    assert connectivity_key(Chem.MolFromSmiles("CNC(C)C(=O)c1cccc(F)c1")) in keys


def test_a_catalogue_substance_without_spectrum_is_proposed_by_its_name() -> None:
    known = _substance("Flephedrone", FLEPHEDRONE, "cathinone")
    why = {proposal.smiles: proposal.why for proposal in _proposed(catalogue=[known])}
    assert "known to the catalogue as Flephedrone" in why[Chem.CanonSmiles(FLEPHEDRONE)]


def test_an_excluded_substance_is_neither_known_nor_a_place_to_start_from() -> None:
    known = _substance("Flephedrone", FLEPHEDRONE, "cathinone")
    nearest = (*NEAREST, Neighbour(substance=known, similarity=1.0))
    hidden = frozenset({known.skeleton})
    assert _proposed(catalogue=[known], nearest=nearest, exclude=hidden, most=50) == _proposed(most=50)


def test_accurate_mass_leaves_out_what_only_the_whole_number_allows() -> None:
    spectrum = _spectrum((163.0918, 100), (145.0812, 80), technique=Technique.MSMS, polarity=Polarity.POSITIVE)
    # 4-methylmethcathinone is C11H15NO, 177.1154 Da; the same nominal mass belongs to C10H11NO2 too.
    proposals = _proposed(spectrum, mass_da=177.1154, most=50)
    assert {rdMolDescriptors.CalcMolFormula(Chem.MolFromSmiles(proposal.smiles)) for proposal in proposals} == {"C11H15NO"}


def test_two_modifications_reach_what_one_does_not() -> None:
    # 4-fluoro and N-ethyl instead of N-methyl: 195 Da.
    spectrum = _spectrum((44, 300), (72, 999), (95, 200), (123, 250))
    keys = {proposal.inchikey[:14] for proposal in _proposed(spectrum, mass_da=195.0, most=200)}
    assert connectivity_key(Chem.MolFromSmiles("CCNC(C)C(=O)c1ccc(F)cc1")) in keys


@pytest.mark.parametrize(
    ("spectrum", "mass_da"),
    [
        (_spectrum(), 181.0),
        (FLUORO_ON_RING, float("nan")),
        (FLUORO_ON_RING, 5000.0),
        (_spectrum((58, 1), technique=Technique.DART_MS), 181.0),
    ],
)
def test_nothing_is_proposed_without_peaks_mass_or_technique(spectrum: MassSpectrum, mass_da: float) -> None:
    assert _proposed(spectrum, mass_da=mass_da) == ()


def test_the_same_question_gets_the_same_answer() -> None:
    assert _proposed() == _proposed()


def test_a_target_by_nominal_mass_ignores_the_decimals_and_by_accurate_mass_does_not() -> None:
    nominal = Target(mass_da=181.0, tolerance_da=0.5, nominal=True)
    accurate = Target(mass_da=181.09, tolerance_da=0.002, nominal=False)
    assert nominal.allows(181.0903, "C10H12FNO")
    assert not nominal.allows(182.0, "C10H14O3")
    assert accurate.allows(181.0903, "C10H12FNO")
    assert not accurate.allows(181.1103, "C10H15NO2")


def test_the_class_of_the_neighbours_is_the_one_the_nearest_speak_for() -> None:
    far = Neighbour(substance=_substance("Fentanyl", "CCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1", "fentanyl"), similarity=0.3)
    assert class_of_neighbours((*NEAREST, far, far)) == "cathinone"
    assert class_of_neighbours(()) is None


def _fields() -> dict[str, Any]:
    n = len(FEATURES)
    fields: dict[str, Any] = {"schema": SCHEMA, "name": "x", "features": list(FEATURES), "none": 0.5}
    fields |= {"mean": [0.0] * n, "scale": [1.0] * n, "weight": [1.0] * n}
    return {**fields, "sha256": content_hash(fields)}


def test_weights_that_were_altered_are_refused() -> None:
    assert ranking_from(_fields(), where="x").none == 0.5
    with pytest.raises(CalibrationError, match="altered"):
        ranking_from({**_fields(), "none": -5.0}, where="x")
    with pytest.raises(CalibrationError, match="schema"):
        ranking_from({**_fields(), "schema": "nps-ident/calibration/1"}, where="x")
    other = {**_fields(), "features": ["charm"]}
    with pytest.raises(CalibrationError, match="other features"):
        ranking_from({**other, "sha256": content_hash(other)}, where="x")


@pytest.mark.parametrize("technique", [Technique.EI_MS, Technique.MSMS])
def test_weights_ship_for_both_techniques_and_for_no_other(technique: Technique) -> None:
    assert shipped_ranking(technique).weight.shape == (len(FEATURES),)
    with pytest.raises(CalibrationError, match="DART"):
        shipped_ranking(Technique.DART_MS)
