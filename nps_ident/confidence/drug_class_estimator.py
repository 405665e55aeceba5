"""Drug classes of EI spectra as a scikit-learn estimator, usable alone.  Needs scikit-learn and scipy; no identification passes through here.

>>> from nps_ident.confidence.drug_class_estimator import DrugClassClassifier
>>> from nps_ident.confidence.drug_class_spectra import class_rows
>>> model = DrugClassClassifier().fit(class_rows(spectra), classes)         # doctest: +SKIP
>>> model.predict_proba(class_rows([unknown]))                              # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.sparse.csgraph import connected_components
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, check_non_negative, validate_data

from nps_ident.confidence.drug_class_spectra import peak_and_loss_features

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

__all__ = ["DrugClassClassifier", "near_duplicate_groups"]

NEAR_DUPLICATE = 0.9
"""Squared cosine of intensities from which two EI spectra count as near-duplicates.  Of 891 drug spectra of SWGDRUG 3.11 a third (307) have such
a neighbour: a random split reports the accuracy of copying."""


def near_duplicate_groups(rows: NDArray[np.float64], groups: ArrayLike | None = None) -> NDArray[np.int64]:
    """Group spectra so that near-duplicates, and what is linked through them, never stand in two groups.

    Parameters
    ----------
    rows : ndarray, shape (n_spectra, n_mz)
    groups : array-like of shape (n_spectra,), optional
        Spectra of one group already, such as those of one compound, stay together.

    Returns
    -------
    ndarray of int64, shape (n_spectra,)
        The number of each spectrum's group.
    """
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = rows / np.where(length > 0, length, 1.0)
    linked = (unit @ unit.T) ** 2 >= NEAR_DUPLICATE
    if groups is not None:
        names = np.asarray(groups)
        linked |= names[:, None] == names[None, :]
    numbers: NDArray[np.int64] = connected_components(linked, directed=False)[1].astype(np.int64)
    return numbers


class DrugClassClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Multinomial logistic regression on ions and losses, its probabilities calibrated on near-duplicate-free folds.

    The probabilities of the regression are raised to one power, fitted by cross-validation in which near-duplicate spectra never sit on both
    sides (temperature scaling: Guo et al. 2017, arXiv:1706.04599).

    Parameters
    ----------
    C : float
        Inverse strength of the regularisation.
    cv : int
        Folds of the calibration; below 2 it is left out.
    max_iter : int
        Of the regression.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
    coef_ : ndarray, shape (n_classes, n_columns)
        On :func:`nps_ident.confidence.drug_class_spectra.peak_and_loss_features`, temperature included.
    intercept_ : ndarray, shape (n_classes,)
    temperature_ : float
        What the decision values were divided by; 1 where the folds were too small to tell.
    n_iter_ : int
        Iterations of the regression.
    """

    def __init__(self, C: float = 20.0, cv: int = 4, max_iter: int = 500) -> None:
        self.C = C
        self.cv = cv
        self.max_iter = max_iter

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.classifier_tags.poor_score = True  # on the checks' clouds of points: an overall factor, which a spectrum lacks, is ignored here
        return tags

    def fit(self, X: ArrayLike, y: ArrayLike) -> DrugClassClassifier:
        """Fit the model.

        Parameters
        ----------
        X : array-like, shape (n_spectra, n_mz)
            Unit-mass intensities, not negative; column j is m/z j (:func:`nps_ident.confidence.drug_class_spectra.class_rows`).
        y : array-like, shape (n_spectra,)
            Classes.

        Returns
        -------
        DrugClassClassifier
            Itself.

        Raises
        ------
        ValueError
            When X or y is malformed, negative, or holds fewer than two classes.
        """
        rows, labels = validate_data(self, X, y, dtype=np.float64)
        check_non_negative(rows, "DrugClassClassifier.fit")
        check_classification_targets(labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"Classifier can't train when only one class is present. Got {self.classes_[0]!r} alone.")
        features = peak_and_loss_features(rows)
        coef, intercept, self.n_iter_ = self._regression(features, codes, len(self.classes_))
        self.temperature_ = self._temperature(rows, features, codes)
        self.coef_, self.intercept_ = coef / self.temperature_, intercept / self.temperature_
        return self

    def _regression(
        self, features: NDArray[np.float64], codes: NDArray[np.int64], n_classes: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
        """One row of coefficients a class; a class that the examples lack gets none and is never predicted."""
        model = LogisticRegression(C=self.C, max_iter=self.max_iter).fit(features, codes)
        rows, intercepts = model.coef_, model.intercept_
        if len(model.classes_) == 2:  # scikit-learn keeps one row for two classes
            rows, intercepts = np.vstack([-rows, rows]) / 2.0, np.concatenate([-intercepts, intercepts]) / 2.0
        coef, intercept = np.zeros((n_classes, features.shape[1])), np.full(n_classes, -np.inf)
        coef[model.classes_], intercept[model.classes_] = rows, intercepts
        return coef, intercept, int(np.max(model.n_iter_))

    def _temperature(self, rows: NDArray[np.float64], features: NDArray[np.float64], codes: NDArray[np.int64]) -> float:
        decisions, true = [], []
        for train, test in _grouped_folds(near_duplicate_groups(rows), self.cv):
            seen = np.unique(codes[train])
            judged = test[np.isin(codes[test], seen)]
            if len(seen) < 2 or not len(judged):
                continue
            coef, intercept, _ = self._regression(features[train], codes[train], len(self.classes_))
            decisions.append(features[judged] @ coef.T + intercept)
            true.append(codes[judged])
        if not decisions:
            return 1.0
        values, labels = np.vstack(decisions), np.concatenate(true)
        return float(np.exp(minimize_scalar(lambda log_t: _log_loss(values / np.exp(log_t), labels), bounds=(-2.0, 2.0), method="bounded").x))

    def _values(self, X: ArrayLike) -> NDArray[np.float64]:
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float64, reset=False)
        check_non_negative(rows, "DrugClassClassifier")
        values: NDArray[np.float64] = peak_and_loss_features(rows) @ self.coef_.T + self.intercept_
        return values

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Calibrated probability of each class.

        Parameters
        ----------
        X : array-like, shape (n_spectra, n_mz)

        Returns
        -------
        ndarray, shape (n_spectra, n_classes)
            Rows sum to 1; columns as ``classes_``.
        """
        values = self._values(X)
        shares = np.exp(values - values.max(axis=1, keepdims=True))
        probabilities: NDArray[np.float64] = shares / shares.sum(axis=1, keepdims=True)
        return probabilities

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Give the likeliest class of each spectrum; shape (n_spectra,)."""
        values = self._values(X)
        found: NDArray[Any] = self.classes_[np.argmax(values, axis=1)]
        return found


def _grouped_folds(groups: NDArray[np.int64], n_folds: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Rows to train on and rows to test on; the largest groups are dealt first, each to the smallest fold."""
    sizes = np.bincount(groups)
    n_folds = min(n_folds, len(sizes))
    if n_folds < 2:
        return
    load, fold = np.zeros(n_folds, dtype=np.int64), np.zeros(len(sizes), dtype=np.int64)
    for group in np.argsort(-sizes, kind="stable"):
        fold[group] = int(np.argmin(load))
        load[fold[group]] += sizes[group]
    for number in range(n_folds):
        yield np.flatnonzero(fold[groups] != number), np.flatnonzero(fold[groups] == number)


def _log_loss(values: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    top = values.max(axis=1, keepdims=True)
    log_sum = top[:, 0] + np.log(np.exp(values - top).sum(axis=1))
    return float(np.mean(log_sum - values[np.arange(len(labels)), labels]))
