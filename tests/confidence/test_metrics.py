"""Promises of the figures that a validation reports."""

from __future__ import annotations

import importlib.util
import math
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_ident.confidence import metrics
from nps_ident.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

P = [0.9, 0.8, 0.6, 0.3]
Y = [1, 1, 0, 0]


def test_the_brier_score_is_the_mean_squared_difference() -> None:
    assert metrics.brier(P, Y) == pytest.approx((0.01 + 0.04 + 0.36 + 0.09) / 4)


def test_the_log_loss_is_in_nats_and_a_wrong_certainty_is_finite() -> None:
    assert metrics.log_loss(P, Y) == pytest.approx(-math.log(0.9 * 0.8 * 0.4 * 0.7) / 4)
    assert metrics.log_loss([1.0], [0]) == pytest.approx(-math.log(1e-6))


def test_the_calibration_error_weighs_bins_of_equal_count() -> None:
    assert metrics.calibration_error(P, Y, n_bins=2) == pytest.approx((2 * abs(0.45 - 0.0) + 2 * abs(0.85 - 1.0)) / 4)
    assert metrics.calibration_error(P, Y) == pytest.approx((0.1 + 0.2 + 0.6 + 0.3) / 4), "fewer answers than bins: each is one"


@pytest.mark.parametrize(
    ("expected", "wrong", "right"),
    [  # likelihood ratios; expected values of lir, tests/metrics (Netherlands Forensic Institute), and by hand
        (1.0, [1, 1], [1, 1]),
        (2.0, [3, 3], [1 / 3, 1 / 3]),
        (0.4150374992788437, [1 / 3, 1 / 3], [3, 3]),
        (0.7075187496394219, [1 / 3, 1 / 3], [1]),
        (0.507177646488535, [1 / 100] * 100, [1]),
        (0.6952113122368764, [1 / 100] * 100 + [100] * 6, [1]),
        (1.0849625007211563, [2], [2, 2]),
        (1.6699250014423126, [8], [8] * 8),
    ],
)
def test_cllr_is_that_of_another_implementation(expected: float, wrong: list[float], right: list[float]) -> None:
    labels = [0] * len(wrong) + [1] * len(right)
    assert metrics.cllr(np.log10([*wrong, *right]), labels) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("expected", "wrong", "right"),
    [
        (math.inf, [math.inf, 0], [0, 0]),
        (0.5, [-math.inf, -math.inf], [0, 0]),
        (0.0, [-math.inf, -math.inf], [math.inf, math.inf]),
        (math.inf, [math.inf, math.inf], [-math.inf, -math.inf]),
    ],
)
def test_a_wrong_certainty_costs_infinitely_much_and_a_right_one_nothing(expected: float, wrong: list[float], right: list[float]) -> None:
    assert metrics.cllr([*wrong, *right], [0] * len(wrong) + [1] * len(right)) == pytest.approx(expected)


def test_one_side_alone_has_no_cllr_and_no_roc() -> None:
    assert metrics.cllr([1.0, 2.0], [1, 1]) is None
    assert metrics.cllr_min([1.0, 2.0], [0, 0]) is None
    assert metrics.auroc([1.0, 2.0], [0, 0]) is None
    with pytest.raises(InputError, match="both occur"):
        metrics.log10_lrs_of([0.4, 0.5], [1, 1])


def test_pav_pools_what_stands_in_the_wrong_order() -> None:
    assert metrics.pav([1, 2, 3, 4], [0, 1, 0, 1]).tolist() == [0.0, 0.5, 0.5, 1.0]
    assert metrics.pav([-math.inf, 0, 0, math.inf], [0, 1, 0, 1]).tolist() == [0.0, 0.5, 0.5, 1.0], "equal scores share one value"
    assert metrics.pav([3, 2, 1], [0, 0, 1]).tolist() == pytest.approx([1 / 3] * 3), "a score that ranks the wrong way says nothing"


def test_cllr_min_is_what_discrimination_alone_costs() -> None:
    # PAV 0, 1/2, 1/2, 1: one of each side at LR 1 costs a bit, the others nothing.
    assert metrics.cllr_min([1, 2, 3, 4], [0, 1, 0, 1]) == pytest.approx(0.5)
    assert metrics.cllr_min([1, 2, 3, 4], [0, 0, 1, 1]) == 0.0
    assert metrics.cllr_min([5, 5], [0, 1]) == pytest.approx(1.0)


@given(st.lists(st.tuples(st.floats(-5, 5), st.sampled_from([0, 1])), min_size=2, max_size=40))
def test_no_monotone_calibration_beats_cllr_min(rows: list[tuple[float, int]]) -> None:
    lrs, labels = [lr for lr, _ in rows], [label for _, label in rows]
    best, plain = metrics.cllr_min(lrs, labels), metrics.cllr(lrs, labels)
    assert (best is None) == (plain is None)
    if best is not None and plain is not None:
        assert best <= plain + 1e-9
        assert best <= 1.0 + 1e-9


def test_likelihood_ratios_take_the_pool_out_of_the_probability() -> None:
    # three right to one wrong: prior odds 3; a probability of 0.75 is then worth nothing
    assert metrics.log10_lrs_of([0.75, 0.75, 0.9, 0.5], [1, 1, 1, 0]) == pytest.approx([0, 0, math.log10(3), math.log10(1 / 3)])


def test_the_empirical_cross_entropy_at_even_odds_is_the_cllr_and_without_evidence_the_entropy_of_the_prior() -> None:
    lrs, labels = [1.0, 0.3, -0.2, -2.0], [1, 1, 0, 0]
    assert metrics.empirical_cross_entropy(lrs, labels, [0.0])[0] == pytest.approx(metrics.cllr(lrs, labels))
    share = 1 / 11  # prior odds 1 : 10
    entropy = -share * math.log2(share) - (1 - share) * math.log2(1 - share)
    assert metrics.empirical_cross_entropy([0, 0], [0, 1], [-1.0])[0] == pytest.approx(entropy)


def test_auroc_counts_pairs_in_the_right_order_and_ties_half() -> None:
    assert metrics.auroc([0.1, 0.4, 0.4, 0.9], [0, 1, 0, 1]) == pytest.approx((1 + 0.5 + 1 + 1) / 4)


LR5 = [0.01, 0.1, 1, 10, 100]


@pytest.mark.parametrize(
    ("lrs", "labels", "low", "high"),
    [  # by hand from the definition; lir finds the same on its grid of 0.01 to 0.05
        ([math.inf, 0], [1, 0], 1, 1),
        ([math.inf] * 3 + [0] * 3, [1, 1, 1, 0, 0, 0], 1 / 3, 3),
        (LR5, [1, 1, 1, 0, 0], 1, 1),
        (LR5, [0, 0, 1, 1, 1], (1 / 4) / (2 / 3), (2 / 4) / (1 / 3)),
        (LR5, [0, 0, 0, 1, 1], (1 / 3) / (2 / 4), (2 / 3) / (1 / 4)),
        ([1, 1], [1, 0], 1, 1),
        ([10.0] * 10, [1] * 9 + [0], 1, 1),
        ([10.0] * 10 + [1], [1] * 10 + [0], 1, (10 / 11) / (1 / 2)),
        ([1000.0] * 10 + [1.1], [1] * 10 + [0], 1, 1),
    ],
)
def test_elub_bounds_by_hand(lrs: list[float], labels: list[int], low: float, high: float) -> None:
    with np.errstate(divide="ignore"):
        found = metrics.elub_bounds(np.log10(lrs), labels)
    assert found == pytest.approx((math.log10(low), math.log10(high)), abs=1e-12)


def test_elub_bounds_of_the_breath_analyser_are_those_of_the_paper() -> None:
    """Vergeer et al. 2016: 990 of 1000 sober, 90 of 100 drunk rightly told; a ratio of 1000 is claimed, and about 80 is borne."""
    lrs = [0.101] * 990 + [1000.0] * 10 + [1000.0] * 90 + [0.101] * 10
    low, high = metrics.elub_bounds(np.log10(lrs), [0] * 1000 + [1] * 100)
    assert 10**low == pytest.approx((11 / 101) / (990 / 1001))
    assert 10**high == pytest.approx((90 / 101) / (11 / 1001))


def test_more_substances_never_listed_bear_a_higher_bound() -> None:
    lrs, labels = [2.0] * 9 + [-1.0] * 9, [1] * 9 + [0] * 9
    assert metrics.elub_bounds(lrs, labels)[1] == pytest.approx(math.log10(0.9 * 10))
    assert metrics.elub_bounds(lrs, labels, n_unlisted=90)[1] == pytest.approx(math.log10(0.9 * 100))
    assert metrics.elub_bounds(lrs, labels, n_unlisted=10**6)[1] == pytest.approx(2.0), "never more than was claimed"


def test_a_weight_is_a_number_of_examples() -> None:
    lrs, labels, times = [2.0, 1.0, 0.5, -1.0, -2.0], [1, 1, 0, 1, 0], [4, 3, 2, 1, 5]
    alone = metrics.elub_bounds(lrs, labels, weights=times)
    assert alone == pytest.approx(metrics.elub_bounds(np.repeat(lrs, times), np.repeat(labels, times)))
    for wrong in ([1.0] * 4, [-1.0] * 5, [math.nan] * 5):
        with pytest.raises(InputError, match="weight"):
            metrics.elub_bounds(lrs, labels, weights=wrong)


@given(st.lists(st.tuples(st.integers(-40, 40), st.sampled_from([0, 1])), min_size=1, max_size=30))
def test_elub_bounds_hold_on_a_grid_and_break_just_beyond(rows: list[tuple[int, int]]) -> None:
    """The slow, obvious version: the error rate with one misleading example on each side, at every threshold."""
    lrs, y = np.array([lr / 10 for lr, _ in rows]), np.array([label for _, label in rows])
    low, high = metrics.elub_bounds(lrs, y)

    def bears(log10_threshold: float) -> bool:
        t = 10**log10_threshold
        right = np.mean([*(lrs[y == 1] > log10_threshold), False])
        wrong = np.mean([*(lrs[y == 0] > log10_threshold), True])
        return bool(1 - right + t * wrong <= min(1.0, t) + 1e-9)

    for share in (0.02, 0.3, 0.6, 0.98):
        assert high < 1e-6 or bears(share * high)
        assert low > -1e-6 or bears(share * low)
    assert not bears(high + 1e-4) or not bears(high + 1e-7)
    assert not bears(low - 1e-4) or not bears(low - 1e-7)


def test_an_interval_draws_compounds_not_spectra() -> None:
    """Fifty spectra of one compound are one compound: the interval must not shrink with them."""
    few = metrics.rate_interval([1, 0] * 5, [f"{n}" for n in range(10)], seed=1)
    many = metrics.rate_interval(np.repeat([1, 0] * 5, 50), [f"{n}" for n in range(10) for _ in range(50)], seed=1)
    assert many == pytest.approx(few)
    assert few[0] <= 0.25
    assert few[1] >= 0.75


def test_no_error_among_few_compounds_is_no_proof_of_none() -> None:
    """Clopper-Pearson with no event among 20: 1 − 0.025^(1/20) = 0.168."""
    assert metrics.rate_interval([0] * 60, [f"{n % 20}" for n in range(60)]) == pytest.approx((0.0, 0.16843), abs=1e-5)
    assert metrics.rate_interval([1] * 60, [f"{n % 20}" for n in range(60)]) == pytest.approx((0.83157, 1.0), abs=1e-5)


def test_one_compound_has_no_interval() -> None:
    assert metrics.intervals_by_compound(lambda rows: (float(len(rows)), 1.0), ["a", "a"]) == [None, None]


def test_intervals_are_the_same_for_the_same_seed() -> None:
    values = np.arange(12.0)

    def mean(rows: Any) -> tuple[float, None]:
        return float(values[rows].mean()), None

    names = [f"{n // 2}" for n in range(12)]
    first = metrics.intervals_by_compound(mean, names, seed=5)
    assert first == metrics.intervals_by_compound(mean, names, seed=5)
    assert first[1] is None
    assert first[0] is not None
    assert first[0][0] < 5.5 < first[0][1]


def test_a_reliability_diagram_has_bins_of_equal_count_in_order() -> None:
    points = metrics.reliability(P, Y, ["a", "b", "c", "d"], n_bins=2)
    assert [point.n for point in points] == [2, 2]
    assert [point.mean_probability for point in points] == pytest.approx([0.45, 0.85])
    assert [point.share_right for point in points] == [0, 1]
    assert all(point.low <= point.share_right <= point.high for point in points)


@pytest.mark.parametrize(
    ("p", "y"), [([0.5, math.nan], [0, 1]), ([1.2], [1]), ([-0.1], [1]), ([], []), ([0.5], [0, 1]), ([0.5], [2]), ([0.5], [math.nan])]
)
def test_what_is_no_probability_or_label_is_refused(p: list[float], y: list[float]) -> None:
    for figure in (metrics.brier, metrics.log_loss, metrics.calibration_error):
        with pytest.raises(InputError):
            figure(p, y)


@pytest.mark.parametrize("figure", [metrics.cllr, metrics.cllr_min, metrics.auroc, metrics.elub_bounds, metrics.pav])
def test_nan_is_refused_by_every_figure_of_scores(figure: Any) -> None:
    with pytest.raises(InputError, match="number"):
        figure([math.nan, 1.0], [0, 1])


@pytest.mark.realdata
def test_the_figures_are_those_of_the_scorer(realdata: Path) -> None:
    """The scorer that belongs to the real spectra, where it lies beside them."""
    place = realdata.parent / "evaluate" / "score.py"
    if not place.is_file():
        pytest.skip("no scorer beside the real spectra")
    spec = importlib.util.spec_from_file_location("scorer", place)
    assert spec is not None
    assert spec.loader is not None
    scorer = importlib.util.module_from_spec(spec)
    sys.modules["scorer"] = scorer
    spec.loader.exec_module(scorer)
    rng = np.random.default_rng(4)
    p = rng.random(123)
    y = (rng.random(123) < p**2).astype(float)
    assert metrics.calibration_error(p, y) == pytest.approx(scorer.ece(p, y))
    assert metrics.cllr(metrics.log10_lrs_of(p, y), y) == pytest.approx(scorer.cllr(p, y))
    assert metrics.auroc(p, y) == pytest.approx(scorer.auroc(p[y == 1], p[y == 0]))
