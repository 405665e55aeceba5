"""Fitting and checking calibrations on spectra of known origin.  Needs scikit-learn and scipy; no identification passes through here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nps_ident.confidence.calibration import SCHEMA
from nps_ident.confidence.coefficients import content_hash
from nps_ident.confidence.features import CANDIDATE_FEATURES, LIST_FEATURES, SIGN, list_features
from nps_ident.confidence.molecular_mass import shipped_mass_model

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from nps_ident.model import Technique

__all__ = ["Example", "Settings", "fit", "folds", "without"]


_CONSTANT = 1e-5
"""Coefficients are written with six decimals."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Example:
    """One hit list of known origin.

    Parameters
    ----------
    features : ndarray, shape (n_candidates, n_features)
    isomers_open, isomers_open_without : ndarray of int8, shape (n_candidates,)
        Whether some isomer of each candidate has no reference (:func:`nps_ident.library.isomers.isomers_left_open`); the second, were the
        true substance's own references taken out.
    true : int
        Row of the true substance; -1 where it is not among the candidates.
    in_library : bool
        Whether the substance is in the library searched.
    compound, laboratory : str
        What splits must not cut: first InChIKey block and contributor.
    """

    features: NDArray[np.float64]
    isomers_open: NDArray[np.int8]
    isomers_open_without: NDArray[np.int8]
    true: int
    in_library: bool
    n_query_peaks: int
    compound: str
    laboratory: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is chosen, not fitted; written into the calibration.

    ``prior_in_library`` is the share of queries assumed to show a substance of the library; the cuts are explained in
    ``docs/probability.md``.
    """

    prior_in_library: float = 0.95
    smallest_library: int = 200
    match_cut: float = 0.95
    set_cut: float = 0.9
    set_ratio: float = 0.05
    ridge: float = 1.0


def without(examples: Iterable[Example], *, compounds: frozenset[str], laboratories: frozenset[str]) -> list[Example]:
    """The examples that share neither a compound nor a laboratory with those named."""
    return [e for e in examples if e.compound not in compounds and e.laboratory not in laboratories]


def folds(compounds: Iterable[str], *, n_folds: int, seed: int) -> dict[str, int]:
    """A fold for each compound, by a seeded permutation of their sorted names."""
    names = sorted(set(compounds))
    order = np.random.default_rng(seed).permutation(len(names))
    return {name: int(place) % n_folds for name, place in zip(names, order, strict=True)}


def fit(
    examples: Sequence[Example],
    *,
    technique: Technique,
    kind: str,
    name: str,
    settings: Settings,
    about: dict[str, Any],
    log10_lr_bounds: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Fit a calibration.

    Parameters
    ----------
    examples : sequence of Example
        In-library ones teach the order of candidates; each also serves once with its true substance taken out, as a query of a substance
        that is not in the library, beside those that really are not (Stein 1994).
    about : dict
        Data, date and metrics, stored verbatim.
    log10_lr_bounds : mapping, optional
        ``low`` and ``high``, the least and greatest log10 LR that held-out answers bear
        (:func:`nps_ident.confidence.metrics.elub_bounds`), among ``n_substances``.

    Returns
    -------
    dict
        The content of a calibration file.
    """
    known = [e for e in examples if e.true >= 0]
    utility = _conditional_logit(known, settings.ridge)
    rows, labels = _in_library_rows(examples, utility, technique)
    signs = np.array([SIGN.get(name, 0) for name in LIST_FEATURES[technique]])
    mean, scale, weight, intercept = _logistic(rows, labels, settings.prior_in_library, signs)
    fields: dict[str, Any] = {
        "schema": SCHEMA,
        "name": name,
        "technique": technique.value,
        "kind": kind,
        "features": list(CANDIDATE_FEATURES[technique]),
        "list_features": list(LIST_FEATURES[technique]),
        "mass_model": shipped_mass_model().stamp if "log_mass_odds" in CANDIDATE_FEATURES[technique] else None,
        "prior_in_library": settings.prior_in_library,
        "utility": _rounded(utility),
        "in_library": {"mean": _rounded(mean), "scale": _rounded(scale), "weight": _rounded(weight), "intercept": round(intercept, 6)},
        "n_known": len(known),
        "log10_lr_bounds": dict(log10_lr_bounds) if log10_lr_bounds else None,
        "lowest_score": round(float(np.quantile([e.features[e.true, 0] for e in known], 0.005)), 4),
        "smallest_library": settings.smallest_library,
        "match_cut": settings.match_cut,
        "set_cut": settings.set_cut,
        "set_ratio": settings.set_ratio,
        "about": about,
    }
    return {**fields, "sha256": content_hash(fields)}


def _rounded(values: NDArray[np.float64]) -> list[float]:
    return [round(float(value), 6) for value in values]


def _conditional_logit(known: Sequence[Example], ridge: float) -> NDArray[np.float64]:
    """Coefficients that make the true candidate likely among its rivals (McFadden 1974), with a ridge on standardised features."""
    from scipy.optimize import minimize

    useful = [e for e in known if len(e.features) > 1]
    scale = np.std(np.concatenate([e.features for e in useful]), axis=0) + 1e-9
    scaled = [e.features / scale for e in useful]

    def loss(beta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        total, slope = 0.5 * ridge * float(beta @ beta), ridge * beta
        for features, example in zip(scaled, useful, strict=True):
            utilities = features @ beta
            log_sum = np.logaddexp.reduce(utilities)
            total -= float(utilities[example.true] - log_sum)
            slope = slope - features[example.true] + np.exp(utilities - log_sum) @ features
        return total, slope

    return np.asarray(minimize(loss, np.zeros(len(scale)), jac=True, method="L-BFGS-B").x / scale)


def _in_library_rows(
    examples: Sequence[Example], utility: NDArray[np.float64], technique: Technique
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    rows: list[NDArray[np.float64]] = []
    labels: list[int] = []

    def add(features: NDArray[np.float64], isomers_open: NDArray[np.int8], n_peaks: int, label: int) -> None:
        if len(features):
            utilities = features @ utility
            of_first = int(isomers_open[int(np.argmax(utilities))])
            rows.append(list_features(features, utilities, technique=technique, n_query_peaks=n_peaks, isomers_open=of_first))
            labels.append(label)

    for example in examples:
        if not example.in_library:
            add(example.features, example.isomers_open, example.n_query_peaks, 0)
        elif example.true >= 0:
            add(example.features, example.isomers_open, example.n_query_peaks, 1)
            without = np.delete(example.isomers_open_without, example.true)
            add(np.delete(example.features, example.true, axis=0), without, example.n_query_peaks, 0)
    return np.array(rows), np.array(labels)


def _logistic(
    rows: NDArray[np.float64], labels: NDArray[np.int64], prior: float, signs: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]:
    """Mean, scale, weights and intercept; a column that would count against its sign (1, -1; 0 is free) is left out, the worst first."""
    from sklearn.linear_model import LogisticRegression

    mean, scale = rows.mean(axis=0), rows.std(axis=0)
    scale[scale < _CONSTANT] = 1.0  # a column that is the same in all examples teaches nothing, and must not be divided by nothing
    share = labels.mean()
    sample_weights = np.where(labels == 1, prior / share, (1.0 - prior) / (1.0 - share))
    standardised = (rows - mean) / scale
    used = np.ones(rows.shape[1], dtype=bool)
    while True:
        model = LogisticRegression(C=1.0, max_iter=5000).fit(standardised[:, used], labels, sample_weight=sample_weights)
        weight = np.zeros(rows.shape[1])
        weight[used] = model.coef_[0]
        astray = weight * signs
        if astray.min() >= 0.0:
            return mean, scale, weight, float(model.intercept_[0])
        used[int(np.argmin(astray))] = False
