"""MS/MS search: the flat arrays score as the comparison of two spectra does, and the precursor lets in what it should and no more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import label, measured, msms_references

from nps_ident.chemistry.formula import exact_mass, ion_mz
from nps_ident.library.build import build_library
from nps_ident.library.search import relatives, search
from nps_ident.library.search_msms import PAIRING_DA, prepare_msms, search_msms, search_relatives
from nps_ident.model import MassSpectrum, Polarity, SubstanceLabel, Technique, Tolerance
from nps_ident.similarity.entropy import clean_for_entropy, entropy_similarity, weighted_intensities
from nps_ident.similarity.hybrid import hybrid_entropy_similarity
from nps_ident.similarity.match_factor import nominal
from nps_ident.spectra.peaks import prepare

if TYPE_CHECKING:
    from pathlib import Path

    from nps_ident.library.compiled import Library
    from nps_ident.library.hits import Hit

WINDOW = Tolerance.da(PAIRING_DA)


def _spectrum(peaks: list[tuple[float, float]], precursor_mz: float, **fields: Any) -> MassSpectrum:
    given: dict[str, Any] = {
        "name": "made up",
        "technique": Technique.MSMS,
        "mz": [mz for mz, _ in peaks],
        "intensity": [height for _, height in peaks],
        "precursor_mz": precursor_mz,
        "precursor_decimals": 4,
        "polarity": Polarity.POSITIVE,
    }
    return MassSpectrum(**(given | fields))


def _peaks(rng: np.random.Generator, crowded: bool) -> list[tuple[float, float]]:
    """Accurate masses, many of them shared between spectra to within the window, some of them closer together than it."""
    centres = rng.choice(np.arange(60, 76) if crowded else np.arange(60, 240), rng.integers(3, 15), replace=False) + 0.0512
    mz = centres + rng.normal(0, 0.012, len(centres))
    return [(round(float(m), 4), float(h)) for m, h in zip(mz, rng.integers(5, 1000, len(mz)), strict=True)]


def _hits(query: MassSpectrum, library: Library, **options: Any) -> dict[str, Hit]:
    return {hit.substance.name: hit for hit in search(prepare(query), [library], most=50, **options).hits}


@pytest.mark.parametrize("crowded", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_every_score_is_that_of_the_two_spectra_compared(seed: int, crowded: bool, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    precursor = 260.1645
    references = [
        _spectrum(_peaks(rng, crowded), precursor, name=f"R{n}", label=replace(label(n, rng), formula=None, exact_mass=None)) for n in range(30)
    ]
    library = build_library(references, tmp_path / "library", name="random")
    for _ in range(5):
        query = _spectrum(_peaks(rng, crowded), precursor)
        hits = {hit.row: hit for hit in search_msms(prepare_msms(prepare(query)), library, most=50)}
        assert len(hits) == 30
        for hit in hits.values():
            reference = references[int(hit.substance.name.split()[1])]
            assert hit.score == pytest.approx(entropy_similarity(query, reference, tolerance=WINDOW), abs=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_the_score_of_a_relative_is_the_hybrid_one(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    references = [
        _spectrum(
            _peaks(rng, crowded=False),
            245.1 + float(rng.integers(0, 60)),
            name=f"R{n}",
            label=SubstanceLabel(name=f"Relative {n}", smiles="CCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1", inchikey=label(n, rng).inchikey),
        )
        for n in range(12)
    ]
    library = build_library(references, tmp_path / "library", name="relatives")
    # No fragment stands 14.4 Da from another, so that there is one way of pairing only.
    base, shift = references[0], 14.4
    moved = [(mz + (shift if i % 2 else 0.0), height) for i, (mz, height) in enumerate(zip(base.mz, base.intensity, strict=True))]
    query = _spectrum(moved, (base.precursor_mz or 0.0) + shift)
    hits = search_relatives(prepare_msms(prepare(query)), library, most=50)
    assert hits
    for hit in hits:
        reference = references[int(hit.substance.name.split()[1])]
        if hit.n_matched >= 3:
            # Direct pairs come first in a search; the pairwise form may choose better among crossing pairs, never worse.
            assert hit.score <= hybrid_entropy_similarity(query, reference, tolerance=WINDOW) + 1e-6
            assert hit.score >= entropy_similarity(query, reference, tolerance=WINDOW) - 1e-6
    assert hits[0].substance.name == "Relative 0"
    assert hits[0].score == pytest.approx(hybrid_entropy_similarity(query, base, tolerance=WINDOW), abs=1e-6)
    assert hits[0].score == pytest.approx(1.0, abs=0.02)


@settings(max_examples=60, deadline=None)
@given(
    ours=st.lists(st.tuples(st.integers(3000, 3400), st.integers(1, 999)), min_size=1, max_size=25),
    theirs=st.lists(st.tuples(st.integers(3000, 3400), st.integers(1, 999)), min_size=1, max_size=25),
)
def test_however_crowded_each_peak_pairs_once(
    ours: list[tuple[int, int]], theirs: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    query, reference = (_spectrum([(m / 50, float(h)) for m, h in peaks], 200.0) for peaks in (ours, theirs))
    reference = replace(reference, label=SubstanceLabel(name="crowded"))
    library = build_library([reference], tmp_path_factory.mktemp("crowded") / "library", name="crowded")
    [hit] = search_msms(prepare_msms(prepare(query)), library, most=1)
    peaks = clean_for_entropy(query.mz, query.intensity, precursor_mz=200.0, merge_da=2 * PAIRING_DA)[0]
    assert hit.n_matched <= len(peaks)
    assert 0.0 <= hit.score <= 1.0
    assert hit.explained_query <= 1.0 + 1e-6
    assert hit.explained_reference <= 1.0 + 1e-6


def test_a_unit_mass_query_is_compared_at_unit_mass(msms_library: Library) -> None:
    reference = msms_references()[9]
    query = measured(
        reference, mz=np.floor(reference.mz + 0.351), precursor_mz=float(round(reference.precursor_mz or 0)), precursor_decimals=0, adduct=None
    )
    hit = _hits(query, msms_library)["Substance 9"]
    a, b = (
        nominal(*clean_for_entropy(s.mz, s.intensity, precursor_mz=s.precursor_mz, merge_da=2 * PAIRING_DA)) for s in (query, reference)
    )
    p, q = (weighted_intensities(s.intensity / s.intensity.sum()) for s in (a, b))
    shared = [(p[i], q[j]) for i, m in enumerate(a.mz) for j, n in enumerate(b.mz) if m == n]
    expected = sum(((x + y) * np.log2(x + y) - x * np.log2(x) - y * np.log2(y)) / 2 for x, y in shared)
    assert hit.score == pytest.approx(expected, abs=1e-6)
    assert hit.score > 0.9


@pytest.mark.parametrize("adduct", ["[M+Na]+", "[M+NH4]+", None])
def test_another_adduct_of_a_reference_is_found_by_its_neutral_mass(adduct: str | None, msms_library: Library) -> None:
    reference = msms_references()[30]
    precursor = ion_mz(exact_mass(reference.label.formula or ""), adduct or "[M+Na]+")
    query = measured(reference, precursor_mz=round(precursor, 4), adduct=adduct)
    hit = _hits(query, msms_library)["Substance 30"]
    assert not hit.same_precursor
    assert abs(hit.mass_shift_da) < 0.001
    assert hit.score > 0.9


@pytest.mark.parametrize("adduct", ["[M+Unobtainium]+", "M+H", "unknown", "?"])
def test_an_adduct_that_is_not_understood_counts_as_not_given(adduct: str, msms_library: Library) -> None:
    reference = msms_references()[30]
    hits = _hits(measured(reference, adduct=adduct), msms_library)
    assert hits["Substance 30"].same_precursor
    assert abs(hits["Substance 30"].mass_shift_da) < 0.001
    assert hits.keys() == _hits(measured(reference, adduct=None), msms_library).keys()


def test_another_precursor_is_no_candidate(msms_library: Library) -> None:
    reference = msms_references()[30]
    assert "Substance 30" not in _hits(measured(reference, precursor_mz=(reference.precursor_mz or 0) + 0.02, adduct="[M+H]+"), msms_library)
    assert "Substance 30" not in _hits(measured(reference, precursor_mz=(reference.precursor_mz or 0) + 14.0157), msms_library)


def test_without_a_precursor_every_reference_of_the_polarity_is_compared(msms_library: Library) -> None:
    reference = msms_references()[30]
    query = prepare(measured(reference, precursor_mz=None, adduct=None))
    found = search(query, [msms_library], most=500)
    assert len(found.hits) == len(msms_references())
    assert found.hits[0].substance.name == "Substance 30"


@pytest.mark.parametrize(
    ("precursor", "decimals", "found"),
    [
        (0.0004, 4, True),
        (0.02, 4, False),
        (0.02, 2, True),
        (0.3, 1, True),
        (0.4, 0, True),
        (0.3, 2, False),
        (0.8, 0, False),
        (0.8, 1, False),
    ],
)
def test_the_window_is_as_wide_as_the_decimals_of_the_precursor(
    precursor: float, decimals: int, found: bool, msms_library: Library
) -> None:
    reference = msms_references()[30]
    query = measured(reference, precursor_mz=(reference.precursor_mz or 0) + precursor, precursor_decimals=decimals, adduct="[M+H]+")
    assert ("Substance 30" in _hits(query, msms_library)) is found


@pytest.mark.parametrize("adduct", ["[M-H]-", None])
def test_negative_ions_never_match_positive_ones(adduct: str | None, msms_library: Library) -> None:
    reference = msms_references()[30]
    query = measured(reference, polarity=Polarity.NEGATIVE, adduct=adduct)
    assert search(prepare(query), [msms_library], most=50).hits == ()
    without = measured(reference, polarity=Polarity.NEGATIVE, adduct=adduct, precursor_mz=None)
    assert search(prepare(without), [msms_library], most=50).hits == ()


def test_the_shift_to_a_relative_is_that_of_the_likely_adduct_not_the_smallest(tmp_path: Path) -> None:
    """Methylated: 14.0157 Da more.  As an ammonium adduct it would be 3.01 Da less, as a sodium adduct 7.97 less."""
    reference = replace(
        msms_references()[30],
        label=SubstanceLabel(name="scaffold", smiles="CCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1", formula="C22H28N2O"),
        precursor_mz=337.2274,
    )
    library = build_library([reference], tmp_path / "library", name="one")
    query = prepare(measured(reference, precursor_mz=351.2431, adduct=None))
    found = search(query, [library], most=10)
    [near] = relatives(query, [library], found, most=10)
    assert near.mass_shift_da == pytest.approx(14.0157, abs=0.001)
    assert near.reference_mass_da == pytest.approx(exact_mass("C22H28N2O"), abs=1e-6)


def test_peaks_at_and_above_the_precursor_are_not_compared(msms_library: Library) -> None:
    reference = msms_references()[30]
    precursor = reference.precursor_mz or 0.0
    query = measured(reference, mz=[precursor - 1, precursor - 0.5, precursor, precursor + 1], intensity=[5, 6, 7, 8])
    found = search(prepare(query), [msms_library], most=10)
    assert found.n_compared == 0
    assert all(hit.score == 0.0 and hit.n_matched == 0 for hit in found.hits)
