"""Hits of several libraries are merged by substance; a substance counts once, however often it stands in them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from made_up import ei_references, measured

from nps_ident.library.build import build_library
from nps_ident.library.search import search
from nps_ident.spectra.peaks import prepare

if TYPE_CHECKING:
    from pathlib import Path

    from nps_ident.library.compiled import Library
    from nps_ident.model import MassSpectrum


def _with_key(spectrum: MassSpectrum, inchikey: str, name: str) -> MassSpectrum:
    return replace(spectrum, label=replace(spectrum.label, inchikey=inchikey, name=name))


def test_a_library_given_twice_changes_nothing(ei_library: Library) -> None:
    query = prepare(measured(ei_references()[7], noise=0.4))
    once, twice = search(query, [ei_library], most=25), search(query, [ei_library, ei_library], most=25)
    assert twice.n_substances == once.n_substances == 240
    assert [(hit.substance, hit.score) for hit in twice.hits] == [(hit.substance, hit.score) for hit in once.hits]


def test_a_substance_of_two_libraries_is_one_hit_the_better_one(tmp_path: Path, ei_library: Library) -> None:
    reference = ei_references()[7]
    better = build_library([measured(reference, noise=0.02, label=reference.label)], tmp_path / "own", name="own")
    hits = search(prepare(measured(reference, noise=0.02)), [ei_library, better], most=25)
    assert [hit.substance.skeleton for hit in hits.hits].count(reference.label.inchikey[:14]) == 1  # type: ignore[index]
    assert (hits.hits[0].library.name, hits.n_substances) == ("own", 240)


def test_stereoisomers_are_one_candidate_and_a_labelled_form_another(tmp_path: Path) -> None:
    flat, *_ = ei_references(1)
    block = (flat.label.inchikey or "")[:14]
    forms = [_with_key(flat, f"{block}-{second}SA-N", name) for second, name in [("AAAAAAAA", "left"), ("BBBBBBBB", "right")]]
    labelled = replace(flat, label=replace(flat.label, inchikey=f"{block}-CCCCCCCCSA-N", name="right-d5", isotope_labelled=True))
    library = build_library([flat, *forms, labelled], tmp_path / "library", name="forms")
    found = search(prepare(flat), [library], most=10)
    assert library.counts["substances"] == 4
    assert [hit.substance.isotope_labelled for hit in found.hits] == [False, True]
    assert found.n_substances == 2


def test_a_library_without_the_technique_is_not_searched(ei_library: Library, msms_library: Library) -> None:
    found = search(prepare(measured(ei_references()[0])), [msms_library], most=10)
    assert (found.hits, found.n_substances) == ((), 0)
    both = search(prepare(measured(ei_references()[0])), [msms_library, ei_library], most=10)
    assert both.n_substances == 240
