"""Promises of what is counted as right, wrong and named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nps_ident.confidence.judging import calibration_figures, figures_of, judge, lr_sample, open_set_auroc, rates
from nps_ident.model.truth import Truth

A, B, C = "AAAAAAAAAAAAAA", "BBBBBBBBBBBBBB", "CCCCCCCCCCCCCC"
TRUTH = Truth(id="q", compound=A)


def _match(rank: int, compound: str, probability: float | None, **fields: Any) -> dict[str, Any]:
    given = {"name": compound, "drug_class": f"class of {compound[0]}", "score": 0.9, "isotope_labelled": False, "log10_lr": 1.0}
    return {"rank": rank, "inchikey": f"{compound}-UHFFFAOYSA-N", "probability": probability} | given | fields


def _answer(verdict: str, *matches: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"verdict": verdict, "matches": list(matches), "isomer_set": None, "components": None, "calibration": "c@1", **fields}


def test_a_match_is_wrong_when_its_first_candidate_is() -> None:
    row = judge(_answer("match", _match(1, B, 0.96), _match(2, A, 0.03)), TRUTH, kind="known")
    assert (row.place, row.right, row.wrong_match, row.wrong_named) == (2, False, True, True)
    assert (row.probability, row.in_set, row.set_size, row.drug_class) == (0.96, False, 1, "class of A")
    right = judge(_answer("match", _match(1, A, 0.96)), TRUTH, kind="known")
    assert (right.right, right.wrong_match, right.wrong_named) == (True, False, False)


def test_a_set_names_the_truth_wherever_it_stands_in_it() -> None:
    keys = [f"{B}-UHFFFAOYSA-N", f"{A}-UHFFFAOYSA-N"]
    row = judge(_answer("isomer_set", _match(1, B, 0.5), _match(2, A, 0.4), isomer_set=keys), TRUTH, kind="known")
    assert (row.right, row.wrong_match, row.wrong_named, row.in_set, row.set_size) == (False, False, False, True, 2)
    wrong = judge(_answer("isomer_set", _match(1, B, 0.5), isomer_set=[keys[0], f"{C}-UHFFFAOYSA-N"]), TRUTH, kind="known")
    assert (wrong.wrong_named, wrong.in_set) == (True, False)


def test_a_mixture_names_its_components() -> None:
    parts = [{"inchikey": f"{A}-UHFFFAOYSA-N"}, {"inchikey": None}]
    assert judge(_answer("mixture", _match(1, B, 0.5), components=parts), TRUTH, kind="known").named_truth
    assert judge(_answer("mixture", _match(1, A, 0.5), components=parts[1:]), TRUTH, kind="known").wrong_named


def test_a_labelled_standard_is_never_the_drug_and_stereoisomers_count_once() -> None:
    labelled = judge(_answer("match", _match(1, A, 0.99, isotope_labelled=True)), TRUTH, kind="known")
    assert (labelled.place, labelled.wrong_match) == (None, True)
    twice = _answer("no_match", _match(1, B, 0.4), _match(2, B, 0.3), _match(3, A, 0.2))
    assert judge(twice, TRUTH, kind="known").place == 2


def test_anything_named_of_a_substance_in_no_library_is_wrong_and_silence_is_not() -> None:
    named = judge(_answer("match", _match(1, B, 0.97)), TRUTH, kind="unknown")
    silent = judge(_answer("no_match", _match(1, B, 0.2)), TRUTH, kind="decoy")
    assert (named.wrong_named, silent.wrong_named) == (True, False)
    nothing = judge(_answer("inadequate"), TRUTH, kind="known")
    assert (nothing.probability, nothing.place, nothing.right) == (0.0, None, False)


def test_the_rates_asked_depend_on_the_kind() -> None:
    rows = [
        judge(_answer("match", _match(1, A, 0.9)), TRUTH, kind="known"),
        judge(_answer("no_match", _match(1, B, 0.4)), TRUTH, kind="known"),
        judge(_answer("unknown_variant", _match(1, B, 0.1)), TRUTH, kind="unknown"),
    ]
    assert rates(rows, "known")["rank1"] == [True, False]
    assert rates(rows, "unknown")["unknown_variant"] == [True]
    assert "rank1" not in rates(rows, "unknown"), "there is no right first candidate of what is in no library"
    assert open_set_auroc(rows) == 1.0
    found = figures_of(rows, kind=None, n_resamples=10)
    assert found["brier"]["value"] == pytest.approx((0.01 + 0.16 + 0.01) / 3, abs=1e-4)
    assert found["brier"]["low"] is None, "one compound has no interval"


def test_one_side_alone_has_a_brier_score_but_no_cllr() -> None:
    assert calibration_figures([0.9, 0.8], [True, True])[-2:] == (None, None)
    assert calibration_figures([], []) == (None,) * 5


def test_answers_without_a_probability_count_in_no_figure_of_probabilities() -> None:
    row = judge(_answer("no_match", _match(1, A, None), calibration=None), TRUTH, kind="known")
    found = figures_of([row, row], kind="known", n_resamples=10)
    assert found["rank1"]["value"] == 1.0
    assert "brier" not in found


def test_each_query_is_asked_of_every_substance_and_absent_ones_weigh_as_the_prior_says() -> None:
    """Two known queries and two of substances in no library, ten substances, a prior of 0.9: 4 · 0.9 / 2 = 1.8 and 4 · 0.1 / 2 = 0.2."""
    rows = [
        judge(_answer("match", _match(1, A, 0.9, log10_lr=3.0), _match(2, B, 0.1, log10_lr=-1.0)), TRUTH, kind="known"),
        judge(_answer("no_match", _match(1, B, 0.9, log10_lr=2.0)), TRUTH, kind="known"),
        judge(_answer("no_match", _match(1, C, 0.9, log10_lr=0.5), _match(2, B, 0.1, log10_lr=None)), TRUTH, kind="unknown"),
        judge(_answer("no_match", _match(1, C, 0.9, log10_lr=0.0)), TRUTH, kind="decoy"),
    ]
    sample = lr_sample(rows, 10, prior_in_library=0.9)
    assert sample.log10_lrs.tolist() == [3.0, -1.0, 2.0, -np.inf, 0.5, 0.0], "the truth that is not listed lies below all"
    assert sample.labels.tolist() == [1, 0, 0, 1, 0, 0]
    assert sample.weights.tolist() == pytest.approx([1, 1.8, 1.8, 1, 0.2, 0.2])
    assert sample.queries.tolist() == [0, 0, 1, 1, 2, 3]
    assert sample.n_unlisted == pytest.approx(1.8 * (8 + 9) + 0.2 * (8 + 9))
    assert lr_sample(rows, 10).n_unlisted == 34
