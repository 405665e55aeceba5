"""Fitting calibrations of class probabilities on spectra of known class.  Needs scipy; no identification passes through here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nps_ident.confidence.coefficients import content_hash
from nps_ident.confidence.drug_class import CLASS_FEATURES, SCHEMA, IonModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nps_ident.confidence.drug_class_estimator import DrugClassClassifier
    from nps_ident.model import Technique

__all__ = ["ClassExample", "class_model_fields", "fit_weights", "ion_model_of"]

NO_CLASS = ""
"""How "no drug class" is written among the labels of the ion model."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClassExample:
    """The evidence of one spectrum, its own substance left out of the references.

    Parameters
    ----------
    classes : tuple of (str or None)
    evidence : ndarray, shape (n_classes, n_features)
    true : str or None
        Its drug class; None for none.
    compound : str
        First InChIKey block.
    """

    classes: tuple[str | None, ...]
    evidence: NDArray[np.float64]
    true: str | None
    compound: str


def fit_weights(examples: Sequence[ClassExample], *, prior_no_class: float, ridge: float = 1.0) -> NDArray[np.float64]:
    """Coefficients of the conditional logit (McFadden 1974), with a ridge on standardised features.

    Parameters
    ----------
    examples : sequence of ClassExample
        Each compound weighs the same, however many spectra it has.  Those whose class is none of ``classes`` teach nothing and are passed over.
    prior_no_class : float
        Share of the weight that goes to compounds without a drug class.

    Returns
    -------
    ndarray, shape (n_features,)
    """
    from scipy.optimize import minimize

    usable = [example for example in examples if example.true in example.classes]
    widest = max(len(example.classes) for example in usable)
    evidence = np.zeros((len(usable), widest, usable[0].evidence.shape[1]))
    absent = np.ones((len(usable), widest), dtype=bool)
    for row, example in enumerate(usable):
        evidence[row, : len(example.classes)] = example.evidence
        absent[row, : len(example.classes)] = False
    true = np.array([example.classes.index(example.true) for example in usable])
    weight = _weights(usable, prior_no_class)
    scale = evidence[~absent].std(axis=0) + 1e-9
    scaled = evidence / scale
    of_true = scaled[np.arange(len(true)), true]

    def loss(beta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        utility = np.where(absent, -np.inf, scaled @ beta)
        log_sum = np.logaddexp.reduce(utility, axis=1)
        share = np.exp(utility - log_sum[:, None])
        expected = np.einsum("nc,ncf->nf", share, scaled)
        value = weight @ (log_sum - utility[np.arange(len(true)), true]) + 0.5 * ridge * float(beta @ beta)
        return float(value), weight @ (expected - of_true) + ridge * beta

    return np.asarray(minimize(loss, np.zeros(len(scale)), jac=True, method="L-BFGS-B").x / scale)


def _weights(examples: Sequence[ClassExample], prior_no_class: float) -> NDArray[np.float64]:
    n_spectra = Counter(example.compound for example in examples)
    weight = np.array([1.0 / n_spectra[example.compound] for example in examples])
    none = np.array([example.true is None for example in examples])
    share = weight[none].sum() / weight.sum()
    if 0.0 < share < 1.0:
        weight *= np.where(none, prior_no_class / share, (1.0 - prior_no_class) / (1.0 - share))
    return weight


def ion_model_of(classifier: DrugClassClassifier) -> IonModel:
    """The fitted estimator as coefficients, rounded as a file holds them."""
    return IonModel(
        classes=tuple(str(name) or None for name in classifier.classes_),
        coef=np.round(classifier.coef_, 2),
        intercept=np.round(classifier.intercept_, 2),
        n_mz=int(classifier.n_features_in_),
    )


def class_model_fields(
    weight: NDArray[np.float64],
    ions: IonModel | None,
    *,
    technique: Technique,
    kind: str,
    name: str,
    prior_no_class: float,
    about: dict[str, Any],
) -> dict[str, Any]:
    """The content of a calibration file; ``about`` (data, date, metrics) is stored verbatim."""
    fields: dict[str, Any] = {
        "schema": SCHEMA,
        "name": name,
        "technique": technique.value,
        "kind": kind,
        "features": list(CLASS_FEATURES[technique]),
        "weight": [round(float(value), 5) for value in weight],
        "prior_no_class": prior_no_class,
        "ions": None if ions is None else {"n_mz": ions.n_mz, "hundredths": _hundredths(ions)},
        "about": about,
    }
    return {**fields, "sha256": content_hash(fields)}


def _hundredths(ions: IonModel) -> dict[str, str]:
    rows = np.rint(np.column_stack([ions.intercept, ions.coef]) * 100.0).astype(np.int64).tolist()
    return {name or NO_CLASS: " ".join(map(str, row)) for name, row in zip(ions.classes, rows, strict=True)}
