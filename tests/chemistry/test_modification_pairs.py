"""The counts behind the table of modifications (``benchmarks/accuracy/modification_pairs.py``)."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from rdkit import Chem

from nps_ident.chemistry.structures import inchikey_of
from nps_ident.model import Substance

AMPHETAMINE, METHAMPHETAMINE = "CC(N)Cc1ccccc1", "CNC(C)Cc1ccccc1"
FLUORO, FLUORO_METH = "CC(N)Cc1ccc(F)cc1", "CNC(C)Cc1ccc(F)cc1"
PUT_FLUORINE = "[c;r6;!H0:1]>>[c:1]F"


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(Path(__file__).parents[2])
    return importlib.import_module("benchmarks.accuracy.modification_pairs")


def _substances(*smiles: str) -> list[Substance]:
    return [Substance(inchikey=inchikey_of(Chem.MolFromSmiles(text)), name=text, smiles=text) for text in smiles]


def _rows(counting: Any, pairs: Any, *excluded: str) -> dict[str, tuple[int, int]]:
    keys = frozenset(inchikey_of(Chem.MolFromSmiles(text))[:14] for text in excluded)
    return {row.pattern: (row.n_pairs, row.n_sites) for row in counting.without(pairs, keys)}


def test_two_pairs_that_differ_by_fluorine_make_a_row_with_the_places_it_could_be_made_at(counting: Any) -> None:
    pairs = counting.count_pairs(_substances(AMPHETAMINE, METHAMPHETAMINE, FLUORO, FLUORO_METH))
    # Places that differ by symmetry: three on each bare ring, two on each para-substituted one.
    assert _rows(counting, pairs)[PUT_FLUORINE] == (2, 10)


def test_without_one_substance_its_pairs_and_places_were_never_known(counting: Any) -> None:
    pairs = counting.count_pairs(_substances(AMPHETAMINE, METHAMPHETAMINE, FLUORO, FLUORO_METH))
    assert PUT_FLUORINE not in _rows(counting, pairs, FLUORO_METH)
    fewer = counting.count_pairs(_substances(AMPHETAMINE, METHAMPHETAMINE, FLUORO))
    assert _rows(counting, pairs, FLUORO_METH) == _rows(counting, fewer)


def test_a_pair_counts_for_its_smallest_difference_only(counting: Any) -> None:
    pairs = counting.count_pairs(_substances(AMPHETAMINE, METHAMPHETAMINE, FLUORO, FLUORO_METH))
    assert not any("c1ccc(F)cc1" in pattern.partition(">>")[2] for pattern in _rows(counting, pairs))


def test_pairs_that_were_saved_are_read_back(counting: Any, tmp_path: Path) -> None:
    substances = _substances(AMPHETAMINE, METHAMPHETAMINE, FLUORO, FLUORO_METH, "CC(N)Cc1cccc(F)c1", "CC(N)Cc1ccccc1F")
    path = tmp_path / "pairs.json"
    fresh = _rows(counting, counting.saved_pairs(substances, path))
    assert fresh == _rows(counting, counting.count_pairs(substances))
    assert fresh == _rows(counting, counting.saved_pairs([], path))


def test_a_fluorine_that_moves_on_the_ring_is_counted_by_the_rules_written_by_hand(counting: Any) -> None:
    isomers = _substances(FLUORO, "CC(N)Cc1cccc(F)c1", "CC(N)Cc1ccccc1F")
    rows = {row.name: row.n_pairs for row in counting.without(counting.count_pairs(isomers))}
    # 2 to 3 and 3 to 4 are neighbours.
    assert rows["substituent moved to the neighbouring place of an aromatic ring"] == 2
    assert "substituent moved two places on an aromatic ring" not in rows


def test_labelled_substances_and_those_without_structure_are_not_counted(counting: Any) -> None:
    labelled = Substance(inchikey="AAAAAAAAAAAAAA-UHFFFAOYSA-N", name="d", smiles="[2H]C(C)N", isotope_labelled=True)
    unknown = Substance(inchikey="BAAAAAAAAAAAAA-UHFFFAOYSA-N", name="x")
    assert counting.without(counting.count_pairs([labelled, unknown])) == ()
