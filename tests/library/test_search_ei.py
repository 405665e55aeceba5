"""EI search: the answer of the index is that of comparing with everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from made_up import ei_references, measured

from nps_ident.io import scan_spectra
from nps_ident.library import Libraries, open_library
from nps_ident.library import search_ei as searching
from nps_ident.library.build import build_library
from nps_ident.library.search import search
from nps_ident.library.search_ei import screened_cosines, search_ei
from nps_ident.model import MassSpectrum, Technique
from nps_ident.similarity.match_factor import match_factor, nominal
from nps_ident.spectra.peaks import prepare

if TYPE_CHECKING:
    from pathlib import Path

    from nps_ident.library.compiled import Library


def _by_comparing_all(query: MassSpectrum, references: list[MassSpectrum]) -> dict[str, float]:
    """Best match factor of each substance, one comparison after the other."""
    best: dict[str, float] = {}
    for reference in references:
        key = reference.label.inchikey or reference.name
        best[key] = max(best.get(key, 0.0), match_factor(query, reference)[0])
    return best


def _relatives(n_families: int, n_members: int) -> list[MassSpectrum]:
    """Families of substances that share most of their ions, as homologues do."""
    rng = np.random.default_rng(7)
    labels = [reference.label for reference in ei_references(n_families * n_members)]
    spectra = []
    for base in ei_references(n_families, seed=8):
        for _ in range(n_members):
            named = labels[len(spectra)]
            new = rng.choice(np.arange(331.0, 400.0), 3, replace=False)
            kept = np.sort(rng.choice(base.n_peaks, 20, replace=False))
            mz = np.sort(np.concatenate([base.mz[kept], new]))
            intensity = np.concatenate([base.intensity[kept], rng.uniform(20, 400, 3)]) * rng.normal(1.0, 0.3, 23).clip(0.3)
            spectra.append(MassSpectrum(name=named.name or "", technique=Technique.EI_MS, mz=mz, intensity=intensity, label=named))
    return spectra


@pytest.mark.parametrize("number", [0, 17, 101, 239])
def test_the_best_ten_are_those_of_comparing_with_every_reference(number: int, tmp_path: Path) -> None:
    references = _relatives(16, 15)
    library = build_library(references, tmp_path / "families", name="families")
    query = measured(references[number], noise=0.3)
    expected = _by_comparing_all(query, references)
    hits = search_ei(nominal(query.mz, query.intensity), library, most=10)
    # Intensities are stored with 24 bits, hence the last digits.
    assert [hit.match_factor for hit in hits] == pytest.approx(sorted(expected.values(), reverse=True)[:10], abs=0.01)
    for hit in hits:
        assert hit.match_factor == pytest.approx(expected[hit.substance.inchikey or ""], abs=0.01)


def test_forward_and_reverse_agree_with_the_comparison_of_two_spectra(ei_library: Library) -> None:
    reference = ei_references()[8]
    noisy = measured(reference)
    query = MassSpectrum(name="with more", mz=np.append(noisy.mz, [331, 345]), intensity=np.append(noisy.intensity, [700, 300]))
    [hit] = search_ei(nominal(query.mz, query.intensity), ei_library, most=1)
    forward, reverse = match_factor(query, reference)
    assert (hit.match_factor, hit.reverse_match_factor) == pytest.approx((forward, reverse), abs=0.01)
    assert reverse > forward
    assert (hit.n_matched, hit.top_mass_shift_da) == (25, 345 - reference.mz.max())


def test_the_index_says_the_same_unrolled(ei_library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (3, 40, 200):
        spectrum = measured(ei_references()[number], noise=0.3)
        query = nominal(spectrum.mz, spectrum.intensity)
        unrolled = screened_cosines(query, ei_library, n_peaks=10)
        monkeypatch.setattr(searching, "_DENSE_UP_TO", 0)
        assert screened_cosines(query, ei_library, n_peaks=10) == pytest.approx(unrolled, abs=1e-6)
        assert (screened_cosines(query, ei_library) >= unrolled - 1e-6).all(), "fewer peaks give a lower bound"
        monkeypatch.undo()


def test_a_query_that_shares_no_mass_finds_nothing(ei_library: Library) -> None:
    nothing = nominal(np.arange(400.0, 420.0), np.ones(20))
    assert search_ei(nothing, ei_library, most=10) == []
    assert search_ei(nominal(np.empty(0), np.empty(0)), ei_library, most=10) == []


def test_the_order_of_the_rows_of_a_library_does_not_matter(tmp_path: Path, ei_library: Library) -> None:
    turned = build_library(ei_references()[::-1], tmp_path / "turned", name="turned")
    query = prepare(measured(ei_references()[3], noise=0.4))
    one, other = (search(query, [library], most=25).hits for library in (ei_library, turned))
    assert [(h.substance, h.score, h.weighted_cosine) for h in one] == [(h.substance, h.score, h.weighted_cosine) for h in other]


def test_equal_scores_stand_in_the_order_of_their_keys(tmp_path: Path) -> None:
    from dataclasses import replace

    first, *others = ei_references(4)
    twins = [replace(first, label=other.label, name=other.name) for other in others]
    for order in (twins, twins[::-1]):
        library = build_library(order, tmp_path / str(id(order)), name="twins")
        hits = search(prepare(measured(first)), [library], most=10).hits
        assert len({hit.score for hit in hits}) == 1
        keys = [hit.substance.inchikey or "" for hit in hits]
        assert keys == sorted(keys)
        assert len(keys) == len(twins)


@pytest.mark.realdata
def test_on_real_spectra_the_best_ten_are_those_of_comparing_with_every_reference(realdata: Path) -> None:
    folder = realdata / "ei"
    references = [prepare(spectrum) for spectrum in scan_spectra(folder / "reference.msp", report=lambda _: None)]
    libraries: Libraries = open_library(folder / "reference.msp", starter=False, report=lambda _: None)
    queries = list(scan_spectra(folder / "queries_dev.msp", report=lambda _: None))[::57]
    assert len(queries) >= 5
    for query in map(prepare, queries):
        hits = search(query, libraries.members, most=10).hits
        factors = sorted((match_factor(query, r)[0] for r in references if r.technique is Technique.EI_MS), reverse=True)
        best = [hit.match_factor or 0.0 for hit in hits]
        assert best[0] == pytest.approx(factors[0], abs=0.05)
        # Several references of one substance are one hit, so that the tenth hit is at least as good as it would be among rows.
        assert all(any(abs(value - factor) < 0.05 for factor in factors) for value in best)
        assert sum(factor > best[-1] + 0.05 for factor in factors) >= 9
        _every_better_reference_belongs_to_a_hit(query, references, {h.substance.skeleton for h in hits}, best[-1])


def _every_better_reference_belongs_to_a_hit(query: MassSpectrum, references: list[MassSpectrum], found: set[str], worst: float) -> None:
    for reference in references:
        factor = match_factor(query, reference)[0]
        key = reference.label.inchikey
        if factor > worst + 0.05 and key and not reference.label.isotope_labelled and "." not in (reference.label.smiles or ""):
            assert key[:14] in found, (query.name, reference.name, factor, worst)
