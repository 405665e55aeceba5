"""How good probabilities and likelihood ratios are: scoring rules, calibration, discrimination, bounds, and intervals by compound.

For reports and training; no identification passes through here.  Labels are 1 where the statement judged was right (the prosecution's side of a
likelihood ratio) and 0 where it was wrong.  scikit-learn does the isotonic regression and the ROC area.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nps_ident.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "ReliabilityBin",
    "auroc",
    "brier",
    "calibration_error",
    "cllr",
    "cllr_min",
    "elub_bounds",
    "empirical_cross_entropy",
    "intervals_by_compound",
    "log10_lrs_of",
    "log_loss",
    "pav",
    "rate_interval",
    "reliability",
]

N_BINS = 10
"""Bins of equal count of the calibration error and of the reliability diagram."""
_EDGE = 1e-6
"""Probabilities are held this far from 0 and 1 where a logarithm is taken: one wrong certainty must not hide every other answer."""
N_RESAMPLES = 1000
LEVEL = 0.95


def brier(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Mean squared difference of probability and truth (Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2); 0 is perfect.

    Parameters
    ----------
    probabilities : array_like, shape (n,), each 0 to 1
    labels : array_like, shape (n,), each 0 or 1

    Raises
    ------
    InputError
        When there are none, or one is not such a number.
    """
    p, y = _pairs(probabilities, labels, of_probabilities=True)
    return float(np.mean((p - y) ** 2))


def log_loss(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Mean negative log-likelihood in nats (Good 1952, doi:10.1111/j.2517-6161.1952.tb00104.x); 0 is perfect.

    Parameters as of :func:`brier`.  Probabilities are held within 10⁻⁶ of 0 and 1.
    """
    p, y = _pairs(probabilities, labels, of_probabilities=True)
    p = np.clip(p, _EDGE, 1.0 - _EDGE)
    return float(-np.mean(y * np.log(p) + (1.0 - y) * np.log(1.0 - p)))


def calibration_error(probabilities: ArrayLike, labels: ArrayLike, *, n_bins: int = N_BINS) -> float:
    """Expected calibration error: mean distance of the mean probability from the share right, over bins of equal count.

    Parameters as of :func:`brier`; with fewer answers than bins each answer is a bin.  Naeini et al. 2015, doi:10.1609/aaai.v29i1.9602.
    """
    p, y = _pairs(probabilities, labels, of_probabilities=True)
    return float(sum(len(rows) * abs(p[rows].mean() - y[rows].mean()) for rows in _bins(p, n_bins)) / len(p))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBin:
    """One point of a reliability diagram: ``n`` answers, their mean probability, the share right and its interval by compound."""

    n: int
    mean_probability: float
    share_right: float
    low: float
    high: float


def reliability(
    probabilities: ArrayLike, labels: ArrayLike, compounds: Sequence[str], *, n_bins: int = N_BINS, seed: int = 0
) -> tuple[ReliabilityBin, ...]:
    """The points of a reliability diagram, over bins of equal count, from the least probability to the greatest.

    ``compounds`` names the true compound of each answer: see :func:`rate_interval`.
    """
    p, y = _pairs(probabilities, labels, of_probabilities=True)
    points = []
    for rows in _bins(p, n_bins):
        low, high = rate_interval(y[rows], [compounds[row] for row in rows], seed=seed)
        point = ReliabilityBin(n=len(rows), mean_probability=float(p[rows].mean()), share_right=float(y[rows].mean()), low=low, high=high)
        points.append(point)
    return tuple(points)


def auroc(scores: ArrayLike, labels: ArrayLike) -> float | None:
    """Area under the ROC curve: the chance that a score of label 1 lies above one of label 0; None where one side is empty."""
    from sklearn.metrics import roc_auc_score

    s, y = _pairs(scores, labels)
    return float(roc_auc_score(y, s)) if 0.0 < y.mean() < 1.0 else None


def log10_lrs_of(probabilities: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """log10 likelihood ratios behind probabilities: posterior odds over the odds of right to wrong in the pool itself.

    Parameters as of :func:`brier`; both labels must occur.  Probabilities are held within 10⁻⁶ of 0 and 1.
    """
    p, y = _pairs(probabilities, labels, of_probabilities=True)
    _require_both(y)
    p = np.clip(p, _EDGE, 1.0 - _EDGE)
    return np.asarray(np.log10(p / (1.0 - p)) - math.log10(float(y.sum() / (1.0 - y).sum())))


def cllr(log10_lrs: ArrayLike, labels: ArrayLike) -> float | None:
    """Log-likelihood-ratio cost in bits: 0 is perfect, 1 says nothing, more misleads; None where one side is empty.

    Parameters
    ----------
    log10_lrs : array_like, shape (n,)
        Infinite ones are allowed; a wrong certainty costs infinitely much.
    labels : array_like, shape (n,), each 0 or 1

    References
    ----------
    Brümmer & du Preez 2006, doi:10.1016/j.csl.2005.08.001.
    """
    lr, y = _pairs(log10_lrs, labels)
    if not 0.0 < y.mean() < 1.0:
        return None
    return float(empirical_cross_entropy(lr, y, [0.0])[0])


def empirical_cross_entropy(log10_lrs: ArrayLike, labels: ArrayLike, log10_prior_odds: ArrayLike) -> NDArray[np.float64]:
    """Information in bits still missing after the likelihood ratios, for each prior odds; at prior odds of 1 it is the Cllr.

    Ramos & Gonzalez-Rodriguez 2013, doi:10.1016/j.forsciint.2013.04.014.  Both labels must occur.

    Returns
    -------
    ndarray of float64, shape (n_prior_odds,)
    """
    lr, y = _pairs(log10_lrs, labels)
    _require_both(y)
    out = []
    for prior in np.asarray(log10_prior_odds, dtype=np.float64).tolist():
        posterior = (lr + prior) * math.log(10.0)
        share = 1.0 / (1.0 + 10.0**-prior)
        of_right = np.logaddexp(0.0, -posterior[y == 1.0]).mean()
        of_wrong = np.logaddexp(0.0, posterior[y == 0.0]).mean()
        # A side whose prior share underflows to 0 weighs nothing, however wrong it is.
        parts = [weight * cost for weight, cost in ((share, of_right), (1.0 - share, of_wrong)) if weight > 0.0]
        out.append(float(sum(parts)) / math.log(2.0))
    return np.array(out)


def pav(scores: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Pool-adjacent-violators: the non-decreasing probabilities that fit the labels best, one a score; equal scores get equal ones.

    Isotonic regression of the labels on the scores (Zadrozny & Elkan 2002, doi:10.1145/775047.775151).  Scores may be infinite.

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    from sklearn.isotonic import IsotonicRegression

    s, y = _pairs(scores, labels)
    order = np.unique(s, return_inverse=True)[1].astype(np.float64)  # only the order counts
    return np.asarray(IsotonicRegression(y_min=0.0, y_max=1.0).fit_transform(order, y), dtype=np.float64)


def cllr_min(scores: ArrayLike, labels: ArrayLike) -> float | None:
    """The Cllr that the best monotone calibration of these scores would have: what discrimination alone costs.

    Cllr − Cllr_min is what miscalibration costs.  PAV sees the labels, so that few examples make it look too good.  None where one side is
    empty.  Brümmer & du Preez 2006, doi:10.1016/j.csl.2005.08.001.
    """
    s, y = _pairs(scores, labels)
    if not 0.0 < y.mean() < 1.0:
        return None
    p = pav(s, y)
    with np.errstate(divide="ignore"):
        lr = np.log10(p) - np.log10(1.0 - p) - math.log10(float(y.sum() / (1.0 - y).sum()))
    return cllr(lr, y)


def elub_bounds(
    log10_lrs: ArrayLike, labels: ArrayLike, *, weights: ArrayLike | None = None, n_unlisted: float = 0.0
) -> tuple[float, float]:
    """Empirical lower and upper bound of likelihood ratios: beyond them the examples cannot carry what the ratio claims.

    Decisions taken on the ratios at a threshold t must not do worse, by the normalised Bayes error rate, than decisions taken without them,
    also when one more misleading example of each side is added.  With a(t), b(t) the shares of label 1 and 0 above t so counted, that is
    a(t) ≥ t b(t) above 1 and 1 − a(t) ≤ t (1 − b(t)) below.  Between two observed ratios the shares are constant, so the bounds are found
    exactly, not on a grid.

    Parameters
    ----------
    log10_lrs : array_like, shape (n,)
        May be infinite.
    labels : array_like, shape (n,), each 0 or 1
    weights : array_like, shape (n,), optional
        How many examples each stands for; all 1 by default.  The misleading example that is added always counts once.
    n_unlisted : float
        Further examples of label 0 whose ratio lies below all of these: the substances that a hit list leaves out.

    Returns
    -------
    (float, float)
        log10 of the lower bound, at most 0, and of the upper one, at least 0.

    References
    ----------
    Vergeer, van Es, de Jongh, Alberink & Stoel 2016, Science & Justice 56, 482–491, doi:10.1016/j.scijus.2016.06.003.
    """
    lr, y = _pairs(log10_lrs, labels)
    w = np.ones(len(lr)) if weights is None else np.asarray(weights, dtype=np.float64)
    if w.shape != lr.shape or not bool(np.all(np.isfinite(w) & (w >= 0.0))):
        raise InputError("A weight must be a number of at least 0, one for each likelihood ratio.")
    n_right, n_wrong = float(w[y == 1.0].sum()), float(w[y == 0.0].sum()) + n_unlisted

    def above(label: float, thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
        """The weight of that label above each threshold."""
        order = np.argsort(lr[y == label], kind="stable")
        beyond = np.append(np.cumsum(w[y == label][order][::-1])[::-1], 0.0)
        return np.asarray(beyond[np.searchsorted(lr[y == label][order], thresholds, side="right")])

    steps = np.unique(lr)
    # Between two steps the shares are those at the lower end; a bound is where the first such interval stops to satisfy the inequality.
    with np.errstate(divide="ignore"):
        start, end = np.append(0.0, steps[steps > 0.0]), np.append(steps[steps > 0.0], np.inf)
        allowed = np.log10(above(1.0, start) / (n_right + 1.0) * (n_wrong + 1.0) / (above(0.0, start) + 1.0))
        broken = int(np.argmax(allowed < end))  # above all of them nothing is kept, so that the last interval always is
        high = max(float(start[broken]), float(allowed[broken]))
        start, end = np.append(-np.inf, steps[steps < 0.0]), np.append(steps[steps < 0.0], 0.0)
        missed, rejected = n_right - above(1.0, start) + 1.0, n_wrong - above(0.0, start)
        needed = np.log10(missed / (n_right + 1.0)) - np.log10(np.clip(rejected, 0.0, None) / (n_wrong + 1.0))
        broken = int(len(start) - 1 - np.argmax((needed > start)[::-1]))  # below all of them one misleading example is missed for nothing
        low = min(float(end[broken]), float(needed[broken]))
    return min(low, 0.0), max(high, 0.0)


def rate_interval(hits: ArrayLike, compounds: Sequence[str], *, seed: int = 0, n_resamples: int = N_RESAMPLES) -> tuple[float, float]:
    """95 % interval of a share, compounds being drawn, since answers about one compound are alike.

    Where the share is 0 or 1 no resampling can show another: then the exact binomial bound with as many trials as there are compounds
    (Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404).

    Parameters
    ----------
    hits : array_like, shape (n,), each 0 or 1
    compounds : sequence of str, length n
    """
    h = np.asarray(hits, dtype=np.float64)
    if not len(h):
        raise InputError("A share of no answers has no interval; expected at least one answer.")
    edge = float(((1.0 - LEVEL) / 2.0) ** (1.0 / len(set(compounds))))
    if h.mean() == 0.0:
        return 0.0, 1.0 - edge
    if h.mean() == 1.0:
        return edge, 1.0
    [interval] = intervals_by_compound(lambda rows: (float(h[rows].mean()),), compounds, seed=seed, n_resamples=n_resamples)
    return interval if interval is not None else (0.0, 1.0)


def intervals_by_compound(
    statistic: Callable[[NDArray[np.intp]], Sequence[float | None]],
    compounds: Sequence[str],
    *,
    seed: int = 0,
    n_resamples: int = N_RESAMPLES,
) -> list[tuple[float, float] | None]:
    """Percentile bootstrap intervals (95 %), whole compounds being drawn with replacement (Efron & Tibshirani 1993, chapter 13).

    Parameters
    ----------
    statistic : callable
        Is given row numbers, with repetitions; returns one or more figures, None where one is not defined for these rows.
    compounds : sequence of str
        The compound of each row.

    Returns
    -------
    list of (low, high) or None
        One a figure; None where fewer than two compounds, or half of the resamples, define it.
    """
    names, member = np.unique(np.asarray(compounds, dtype=str), return_inverse=True)
    rows_of = [np.flatnonzero(member == number) for number in range(len(names))]
    rng = np.random.default_rng(seed)
    draws: list[Sequence[float | None]] = []
    if len(names) > 1:
        for _ in range(n_resamples):
            drawn = rng.integers(len(names), size=len(names))
            draws.append(statistic(np.concatenate([rows_of[number] for number in drawn])))
    tails = [(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0]
    found: list[tuple[float, float] | None] = []
    for column in zip(*draws, strict=True) if draws else [()] * len(statistic(np.arange(len(member)))):
        given = [value for value in column if value is not None]
        enough = bool(given) and len(given) >= len(column) / 2
        low, high = np.quantile(given, tails, method="inverted_cdf") if enough else (0.0, 0.0)
        found.append((float(low), float(high)) if enough else None)
    return found


def _bins(p: NDArray[np.float64], n_bins: int) -> list[NDArray[np.intp]]:
    return [rows for rows in np.array_split(np.argsort(p, kind="stable"), n_bins) if len(rows)]


def _pairs(
    values: ArrayLike, labels: ArrayLike, *, of_probabilities: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    v, y = np.asarray(values, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    if v.ndim != 1 or v.shape != y.shape or not len(v):
        raise InputError(f"Figures and labels must be two lists of one length, not empty. Got shapes {v.shape} and {y.shape}.")
    if np.isnan(v).any() or (of_probabilities and not bool(np.all((v >= 0.0) & (v <= 1.0)))):
        raise InputError(f"{'A probability must be a number from 0 to 1' if of_probabilities else 'A figure must be a number'}. Got {_odd(v)}.")
    if not bool(np.all((y == 0.0) | (y == 1.0))):
        raise InputError("A label must be 0 or 1.")
    return v, y


def _odd(values: NDArray[np.float64]) -> float:
    return float(values[~((values >= 0.0) & (values <= 1.0))][0])


def _require_both(y: NDArray[np.float64]) -> None:
    if not 0.0 < y.mean() < 1.0:
        raise InputError("Right and wrong answers must both occur; there is no likelihood ratio of one side alone.")
