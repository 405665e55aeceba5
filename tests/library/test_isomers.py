"""Isomers left open: a reference closes the question for its own technique, and only there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from made_up import ei_references
from rdkit import Chem

from nps_ident.catalogue.store import open_catalogue
from nps_ident.library.build import build_library
from nps_ident.library.compiled import skeleton_code
from nps_ident.library.isomers import isomers_left_open
from nps_ident.library.search import search
from nps_ident.model import MassSpectrum, SubstanceLabel, Technique

if TYPE_CHECKING:
    from pathlib import Path

    from nps_ident.catalogue.store import Catalogue
    from nps_ident.library.compiled import Library

PARA, META, ORTHO = "CC(N)Cc1ccc(F)cc1", "CC(N)Cc1cccc(F)c1", "CC(N)Cc1ccccc1F"
SEROTONIN_LIKE = "CC(=O)NCCc1c[nH]c2ccc(OC)cc12"


def _reference(smiles: str | None, number: int, technique: Technique = Technique.EI_MS) -> MassSpectrum:
    made_up = ei_references(40)[number]
    key = Chem.MolToInchiKey(Chem.MolFromSmiles(smiles)) if smiles else None
    formula = "C9H12FN" if smiles in {PARA, META, ORTHO} else None
    label = SubstanceLabel(name=smiles or f"Unnamed {number}", inchikey=key, smiles=smiles, formula=formula)
    precursor = 154.1027 if technique is Technique.MSMS else None
    return MassSpectrum(
        name=f"reference {number}", technique=technique, mz=made_up.mz, intensity=made_up.intensity, label=label, precursor_mz=precursor
    )


def _library(folder: Path, *references: MassSpectrum, catalogue: Catalogue | None = None) -> Library:
    return build_library(references, folder / "isomers", name="isomers", catalogue=catalogue)


def _open(library: Library, query: MassSpectrum, **withheld: int) -> dict[str, int]:
    found = search(query, (library,), most=10)
    answers = isomers_left_open(found.hits, found.members, found.technique, **withheld)
    return {hit.substance.smiles or "": answer for hit, answer in zip(found.hits, answers, strict=True)}


def test_an_isomer_without_a_reference_is_left_open(tmp_path: Path) -> None:
    references = [_reference(PARA, 0), _reference(META, 0)]
    assert _open(_library(tmp_path, *references), references[0]) == {PARA: 1, META: 1}


def test_references_of_all_ring_positions_leave_none_open(tmp_path: Path) -> None:
    references = [_reference(PARA, 0), _reference(META, 0), _reference(ORTHO, 0)]
    assert set(_open(_library(tmp_path, *references), references[0]).values()) == {0}


def test_a_withheld_reference_does_not_count(tmp_path: Path) -> None:
    library = _library(tmp_path, _reference(PARA, 0), _reference(META, 0), _reference(ORTHO, 0))
    withheld = skeleton_code(Chem.MolToInchiKey(Chem.MolFromSmiles(ORTHO))[:14])
    assert _open(library, _reference(PARA, 0), withheld=withheld) == {PARA: 1, META: 1, ORTHO: 0}


def test_a_reference_by_another_technique_closes_nothing(tmp_path: Path) -> None:
    library = _library(tmp_path, _reference(PARA, 0), *(_reference(each, 0, Technique.MSMS) for each in (META, ORTHO)))
    assert _open(library, _reference(PARA, 0)) == {PARA: 1}


def test_the_catalogue_knows_isomers_that_are_no_ring_isomers(tmp_path: Path) -> None:
    """N-Methylphenethylamine is no ring isomer of amphetamine, but one of its formula and class."""
    amphetamine = _reference("CC(N)Cc1ccccc1", 0)
    plain = build_library([amphetamine], tmp_path / "plain", name="plain")
    assert set(_open(plain, amphetamine).values()) == {0}
    catalogue = open_catalogue()
    entry = next(s for s in catalogue.substances if s.name.casefold() == "amphetamine")
    same = {s.skeleton for s in catalogue.substances if (s.formula, s.drug_class) == (entry.formula, entry.drug_class)} - {entry.skeleton}
    informed = build_library([amphetamine], tmp_path / "informed", name="informed", catalogue=catalogue)
    assert set(_open(informed, amphetamine).values()) == {int(bool(same))}


@pytest.mark.parametrize("smiles", [None, SEROTONIN_LIKE])
def test_an_unknown_structure_is_said_to_be_unknown(smiles: str | None, tmp_path: Path) -> None:
    reference = _reference(smiles, 0)
    [answer] = _open(_library(tmp_path, reference), reference).values()
    assert answer == (-1 if smiles is None else 1)


def test_no_hits_have_no_answers(tmp_path: Path) -> None:
    library = _library(tmp_path, _reference(PARA, 0))
    assert isomers_left_open((), (library,), Technique.EI_MS) == ()
    nothing = MassSpectrum(name="far", technique=Technique.EI_MS, mz=np.array([900.0, 910.0, 920.0]), intensity=np.ones(3))
    assert _open(library, nothing) == {}
