"""Cosine and modified cosine: the slow twin, matchms, and its reference scores."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nps_ident.errors import InputError
from nps_ident.model import Tolerance
from nps_ident.similarity.modified_cosine import cosine, modified_cosine

from . import twins
from .spectra import masses, peak_lists, spectrum

if TYPE_CHECKING:
    from pathlib import Path

TOLERANCE = Tolerance.da(0.02)
shifts = st.integers(min_value=-20, max_value=20).map(float)


def test_a_cosine_worked_out_by_hand() -> None:
    score, n_matched = cosine(spectrum([(100, 3), (150, 4)]), spectrum([(100.01, 1), (160, 5)]), tolerance=TOLERANCE)
    assert score == pytest.approx(3 * 1 / (5 * np.sqrt(26)))
    assert n_matched == 1


def test_a_methylene_group_more_is_bridged_by_the_shift() -> None:
    parent = spectrum([(91, 10), (119, 5), (150, 8)], precursor_mz=150.0)
    homologue = spectrum([(91, 10), (133, 5), (164, 8)], precursor_mz=164.0)
    assert cosine(parent, homologue, tolerance=TOLERANCE)[1] == 1
    assert modified_cosine(parent, homologue, tolerance=TOLERANCE) == (pytest.approx(1.0), 3)


def test_unlike_spectra_with_the_same_precursor_do_not_match() -> None:
    one, other = spectrum([(91, 10), (119, 5)], precursor_mz=150.0), spectrum([(58, 10), (77, 5)], precursor_mz=150.0)
    assert modified_cosine(one, other, tolerance=TOLERANCE) == (0.0, 0)


def _without_ties(a: list[tuple[float, float]], b: list[tuple[float, float]]) -> bool:
    products = [x * y for _, x in a for _, y in b]
    return len(set(products)) == len(products)


@given(peak_lists(masses), peak_lists(masses), shifts)
def test_both_agree_with_the_slow_twin(a: list[tuple[float, float]], b: list[tuple[float, float]], shift: float) -> None:
    tolerance = Tolerance.da(1.0)
    query, reference = spectrum(a, precursor_mz=200.0 + shift), spectrum(b, precursor_mz=200.0)
    if not _without_ties(a, b):
        return
    assert cosine(query, reference, tolerance=tolerance)[0] == pytest.approx(twins.cosine(a, b, 1.0), abs=1e-9)
    both = (0.0, shift) if abs(shift) > 1 else (0.0,)
    assert modified_cosine(query, reference, tolerance=tolerance)[0] == pytest.approx(twins.cosine(a, b, 1.0, both), abs=1e-9)


@given(peak_lists(masses, max_size=5), peak_lists(masses, max_size=5))
def test_greedy_pairing_is_never_better_than_the_best_and_at_least_half_as_good(
    a: list[tuple[float, float]], b: list[tuple[float, float]]
) -> None:
    gains = {(i, j): x * y for i, (m, x) in enumerate(a) for j, (n, y) in enumerate(b) if abs(m - n) <= 5}
    best = twins.best_assignment(gains) / max(np.sqrt(sum(x * x for _, x in a) * sum(y * y for _, y in b)), 1e-300)
    score, _ = cosine(spectrum(a), spectrum(b), tolerance=Tolerance.da(5))
    assert best / 2 - 1e-9 <= score <= best + 1e-9


@settings(deadline=None)
@given(peak_lists(masses, min_size=1), peak_lists(masses, min_size=1), shifts)
def test_both_agree_with_matchms(a: list[tuple[float, float]], b: list[tuple[float, float]], shift: float) -> None:
    if not _without_ties(a, b):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from matchms import Spectrum
        from matchms.similarity import CosineGreedy, ModifiedCosineGreedy

    def theirs(peaks: list[tuple[float, float]], precursor: float) -> Any:
        mz, intensities = (np.array(column) for column in zip(*sorted(peaks), strict=True))
        return Spectrum(mz=mz, intensities=intensities, metadata={"precursor_mz": precursor})

    one, two = theirs(a, 200.0 + shift), theirs(b, 200.0)
    query, reference = spectrum(a, precursor_mz=200.0 + shift), spectrum(b, precursor_mz=200.0)
    expected = CosineGreedy(tolerance=1.0).pair(one, two)
    found = cosine(query, reference, tolerance=Tolerance.da(1.0))
    assert found == (pytest.approx(float(expected["score"]), abs=1e-6), int(expected["matches"]))
    expected = ModifiedCosineGreedy(tolerance=1.0).pair(one, two)
    found = modified_cosine(query, reference, tolerance=Tolerance.da(1.0))
    assert found == (pytest.approx(float(expected["score"]), abs=1e-6), int(expected["matches"]))


@given(peak_lists(masses), peak_lists(masses), shifts)
def test_the_roles_can_be_exchanged_and_the_score_stays_between_0_and_1(
    a: list[tuple[float, float]], b: list[tuple[float, float]], shift: float
) -> None:
    one, two = spectrum(a, precursor_mz=200.0 + shift), spectrum(b, precursor_mz=200.0)
    there, back = modified_cosine(one, two, tolerance=TOLERANCE), modified_cosine(two, one, tolerance=TOLERANCE)
    assert 0 <= there[0] <= 1
    assert there[0] == pytest.approx(back[0], abs=1e-12)
    assert there[1] == back[1] <= min(len(a), len(b))


@given(peak_lists(masses, min_size=1))
def test_a_spectrum_scores_1_against_itself_in_any_order_and_scale(peaks: list[tuple[float, float]]) -> None:
    again = [(mz, 3 * intensity) for mz, intensity in reversed(peaks)]
    assert cosine(spectrum(peaks), spectrum(again), tolerance=Tolerance.da(0.001))[0] == pytest.approx(1.0)


def test_a_missing_precursor_is_said_and_not_guessed() -> None:
    with pytest.raises(InputError, match="'made up' has no precursor"):
        modified_cosine(spectrum([(100, 1)]), spectrum([(100, 1)], precursor_mz=200.0), tolerance=TOLERANCE)


def test_empty_spectra_score_0_and_huge_intensities_do_not_overflow() -> None:
    assert cosine(spectrum([]), spectrum([(100, 1)]), tolerance=TOLERANCE) == (0.0, 0)
    huge = spectrum([(100, 1e300), (110, 1e299)])
    assert cosine(huge, huge, tolerance=TOLERANCE)[0] == pytest.approx(1.0)


@pytest.mark.realdata
def test_the_reference_scores_of_matchms_for_separated_peaks_are_reproduced(realdata: Path) -> None:
    published = json.loads((realdata / "oracles" / "matchms" / "cosine_linear_reference.json").read_text(encoding="utf-8"))
    checked = 0
    for settings_ in published["parameter_sets"]:
        made = {
            name: spectrum(list(zip(peaks["mz"], peaks["intensities"], strict=True)), name=name)
            for name, peaks in settings_["merged_spectra"].items()
        }
        for pair in settings_["similarities"]:
            score, n_matched = cosine(
                made[pair["left"]],
                made[pair["right"]],
                tolerance=Tolerance.da(settings_["mz_tolerance"]),
                mz_power=settings_["mz_power"],
                intensity_power=settings_["intensity_power"],
            )
            assert score == pytest.approx(pair["score"], abs=1e-6)
            assert n_matched == pair["matches"]
            checked += 1
    assert checked == sum(len(settings_["similarities"]) for settings_ in published["parameter_sets"]) > 0
