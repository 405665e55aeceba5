"""The plain MS/MS search: the same precursor and polarity, the entropy similarity of the two spectra, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from nps_ident.library.build import build_library
from nps_ident.library.search_msms import PAIRING_DA, identity_search, prepare_msms
from nps_ident.model import MassSpectrum, Polarity, SubstanceLabel, Technique, Tolerance
from nps_ident.similarity.entropy import entropy_similarity
from nps_ident.spectra.peaks import prepare

if TYPE_CHECKING:
    from pathlib import Path

WINDOW = Tolerance.da(0.01)


def _spectrum(rng: np.random.Generator, name: str, precursor_mz: float | None, polarity: Polarity = Polarity.POSITIVE) -> MassSpectrum:
    n_peaks = int(rng.integers(3, 15))
    mz = rng.choice(np.arange(60, 100), n_peaks, replace=False) + 0.0512 + rng.normal(0, 0.008, n_peaks)
    return MassSpectrum(
        name=name,
        technique=Technique.MSMS,
        mz=np.round(mz, 4),
        intensity=rng.integers(5, 1000, n_peaks),
        precursor_mz=precursor_mz,
        precursor_decimals=4,
        polarity=polarity,
        label=SubstanceLabel(name=f"substance {name}"),
    )


@pytest.mark.parametrize("seed", range(4))
def test_rows_and_scores_are_those_of_comparing_with_every_reference(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    places = [260.1645, 260.1700, 260.1560, 260.1800, 260.1500, 310.2]
    references = [
        _spectrum(rng, f"{n}", places[n % len(places)], Polarity.NEGATIVE if n % 5 == 0 else Polarity.POSITIVE) for n in range(60)
    ]
    library = build_library(references, tmp_path / "library", name="random")
    query = _spectrum(rng, "query", 260.1645)
    rows, scores = identity_search(prepare_msms(prepare(query)), library, tolerance=WINDOW, most=100)
    found = {library.reference(int(library["msms.reference"][row]))["name"]: score for row, score in zip(rows, scores, strict=True)}
    expected = {
        reference.name: entropy_similarity(query, reference, tolerance=Tolerance.da(PAIRING_DA))
        for reference in references
        if abs((reference.precursor_mz or 0.0) - 260.1645) <= 0.01 and reference.polarity is Polarity.POSITIVE
    }
    assert found == pytest.approx(expected, abs=1e-6)
    assert list(scores) == sorted(scores, reverse=True)
    best_rows, best_scores = identity_search(prepare_msms(prepare(query)), library, tolerance=WINDOW, most=3)
    assert list(best_rows) == list(rows[:3])
    assert list(best_scores) == list(scores[:3])


def test_without_a_precursor_nothing_is_found(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    library = build_library([_spectrum(rng, "0", 260.1645)], tmp_path / "library", name="one")
    rows, scores = identity_search(prepare_msms(prepare(_spectrum(rng, "query", None))), library, tolerance=WINDOW, most=10)
    assert len(rows) == len(scores) == 0


def test_another_precursor_is_not_found(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    reference = _spectrum(rng, "0", 260.1645)
    library = build_library([reference], tmp_path / "library", name="one")
    rows, _ = identity_search(prepare_msms(prepare(_spectrum(rng, "query", 260.1765))), library, tolerance=WINDOW, most=10)
    assert len(rows) == 0
