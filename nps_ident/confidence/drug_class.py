"""The drug class of a spectrum with a calibrated probability, "no drug class" included.

A conditional logit over the classes: each gets a utility from its evidence, all classes by the same coefficients, and its share is exp(utility)
over the sum.  So a class that only the user's own library holds is judged like any other.  The evidence of a class is how near its references
are beside those of other classes; for EI also a linear model of ions and losses (:mod:`nps_ident.confidence.drug_class_spectra`),
for MS/MS ions weighed by rarity and usual mass shifts (:mod:`nps_ident.confidence.drug_class_msms`).  Coefficients lie in
``calibrations/class-*.json``; numpy only.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from nps_ident.confidence.coefficients import SHIPPED, require_unaltered
from nps_ident.confidence.drug_class_msms import MEASURES, msms_likeness
from nps_ident.confidence.drug_class_spectra import class_rows, peak_and_loss_features
from nps_ident.errors import CalibrationError
from nps_ident.model import Technique

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from nps_ident.library.compiled import Library
    from nps_ident.library.hits import Hit
    from nps_ident.model import MassSpectrum

__all__ = [
    "CLASS_FEATURES",
    "ClassModel",
    "IonModel",
    "class_evidence",
    "class_model_from",
    "class_probabilities",
    "drug_class_or_none",
    "read_class_model",
    "shipped_class_model",
]

SCHEMA = "nps-ident/class-calibration/1"
N_NEAREST = 25
"""Substances of an EI hit list that are looked at; as many as identification searches."""
_LEAST_SHARE = 0.01
"""Added to every share before its logarithm: no class is excluded by what is not in a list."""
_LEAST_LOG = -8.0
_SHARE_OF_LEAST = 2.0 / 3.0
"""A class of one in three, where classes together are likelier than none, is a guess worth saying; one of many small ones is not."""

_MSMS_COLUMNS = tuple(
    f"{column}_{measure}{suffix}"
    for suffix in ("", "_usual_shift")
    for measure in MEASURES
    for column in ("best", "absent", "log_share", "no_class_best")
)
CLASS_FEATURES: dict[Technique, tuple[str, ...]] = {
    Technique.EI_MS: (
        *("log_share_match_factor", "log_share_sharp_match_factor", "log_share_cosine", "log_share_rank", "best_match_factor", "best_cosine"),
        *("log_ions", "no_class", "no_class_match_factor", "no_class_cosine", "no_class_log_ions"),
    ),
    Technique.MSMS: (
        *_MSMS_COLUMNS,
        *("log_odds_fragments", "log_odds_fragments_or_losses", "no_class", "no_class_log_peaks", "log_substances"),
    ),
}
"""The columns of :func:`class_evidence`, by technique."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IonModel:
    """The linear model of ions and losses of EI spectra.

    Parameters
    ----------
    classes : tuple of (str or None)
    coef : ndarray, shape (n_classes, n_columns)
        On the columns of :func:`nps_ident.confidence.drug_class_spectra.peak_and_loss_features`.
    intercept : ndarray, shape (n_classes,)
    n_mz : int
    """

    classes: tuple[str | None, ...]
    coef: NDArray[np.float64] = field(repr=False)
    intercept: NDArray[np.float64] = field(repr=False)
    n_mz: int

    def log_probabilities(self, query: MassSpectrum) -> dict[str | None, float]:
        """Logarithm of the probability of each class by the ions alone, -8 at least."""
        values = (peak_and_loss_features(class_rows([query], n_mz=self.n_mz)) @ self.coef.T)[0] + self.intercept
        logs = np.maximum(values - np.logaddexp.reduce(values), _LEAST_LOG)
        return dict(zip(self.classes, logs.tolist(), strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassModel:
    """A calibration of class probabilities, ready for use.

    Parameters
    ----------
    name, sha256 : str
        Results carry ``name@first 12 of the hash``.
    technique : Technique
    kind : str
        The kind of library it holds for: ``full`` or ``principal_ions``.
    weight : ndarray, shape (n_features,)
        Coefficients of the conditional logit.
    ions : IonModel or None
        EI only.
    prior_no_class : float
        Assumed share of queries, among those that are not named, that belong to no drug class.
    """

    name: str
    sha256: str
    technique: Technique
    kind: str
    weight: NDArray[np.float64] = field(repr=False)
    ions: IonModel | None = field(repr=False)
    prior_no_class: float

    @property
    def stamp(self) -> str:
        """Name and hash as results carry them."""
        return f"{self.name}@{self.sha256[:12]}"

    def shares(self, evidence: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probability of each row of evidence; shape (n_classes,), sums to 1."""
        utility = evidence @ self.weight
        share: NDArray[np.float64] = np.exp(utility - np.logaddexp.reduce(utility))
        return share


def class_probabilities(
    query: MassSpectrum, hits: Sequence[Hit], members: Sequence[Library], model: ClassModel
) -> dict[str | None, float]:
    """How likely the substance of a query is of each drug class, or of none, were it not among the references.

    Holds for libraries like those of the calibration: hundreds of substances, most of them of no drug class.  Where nothing of no class can be
    compared, the nearest class looks likelier than it is.

    Parameters
    ----------
    query : MassSpectrum
        Prepared; cut to its principal ions where ``model.kind`` says so.
    hits : sequence of Hit
        EI: of the search, best first.  MS/MS: not looked at, since that search asks for the mass of the query.
    members : sequence of Library
        The libraries searched, of one kind.
    model : ClassModel
        Of the query's technique and the libraries' kind.

    Returns
    -------
    dict of (str or None) to float
        Likeliest first, ties by name; None is "no drug class".  Sums to 1.
    """
    classes, evidence = class_evidence(query, hits, members, technique=model.technique, ions=model.ions)
    shares = model.shares(evidence).tolist()
    return dict(sorted(zip(classes, shares, strict=True), key=lambda pair: (-round(pair[1], 12), pair[0] or "")))


def drug_class_or_none(probabilities: Mapping[str | None, float], *, least: float = 0.5) -> tuple[str | None, float]:
    """The class to name, with its probability: the likeliest, where there is likely enough to be any and it is not one guess of many.

    Parameters
    ----------
    probabilities : mapping of (str or None) to float
        From :func:`class_probabilities`.
    least : float
        The probability of all drug classes together must exceed this, that of the class two thirds of it.

    Returns
    -------
    (str or None, float)
        (None, P(no drug class)) where they do not.
    """
    none = probabilities.get(None, 0.0)
    name, best = max(((name, p) for name, p in probabilities.items() if name is not None), key=lambda pair: pair[1], default=(None, 0.0))
    return (name, best) if 1.0 - none > least and best > _SHARE_OF_LEAST * least else (None, none)


def class_evidence(
    query: MassSpectrum,
    hits: Sequence[Hit],
    members: Sequence[Library],
    *,
    technique: Technique,
    ions: IonModel | None = None,
    without: str | None = None,
) -> tuple[list[str | None], NDArray[np.float64]]:
    """The classes that may be, and the evidence for each.

    Parameters
    ----------
    query, hits, members
        As for :func:`class_probabilities`.
    technique : Technique
        EI or MS/MS.
    ions : IonModel, optional
        EI only: without it the ions say the same of each class.
    without : str, optional
        First block of the InChIKey of a substance whose references are passed over.

    Returns
    -------
    classes : list of (str or None)
    evidence : ndarray, shape (n_classes, n_features)
        Columns as :data:`CLASS_FEATURES`.
    """
    if technique is Technique.MSMS:
        return _msms_evidence(query, members, without)
    nearest = [hit for hit in hits if without is None or not hit.substance.skeleton.startswith(without)][:N_NEAREST]
    return _ei_evidence(nearest, ions.log_probabilities(query) if ions else {})


def _ei_evidence(nearest: Sequence[Hit], log_ions: Mapping[str | None, float]) -> tuple[list[str | None], NDArray[np.float64]]:
    of_hits = [hit.substance.drug_class for hit in nearest]
    classes = list(dict.fromkeys([None, *log_ions, *of_hits]))
    code = np.array([classes.index(name) for name in of_hits], dtype=np.int64)
    score, cosine = np.array([h.score for h in nearest]), np.array([h.weighted_cosine for h in nearest])
    best = np.array([_best(values, code, len(classes)) for values in (score, cosine)])
    # Two widths: a sharp one trusts the first hit, a wide one the company it keeps.  One rank weighs as much as the next two together.
    shares = [_log_share(values, code, len(classes)) for values in (12.0 * score, 30.0 * score, 30.0 * cosine)]
    shares.append(_log_share(-np.log1p(np.arange(len(nearest))), code, len(classes)))
    ions = np.array([log_ions.get(name, _LEAST_LOG if log_ions else 0.0) for name in classes])
    none = np.array([name is None for name in classes], dtype=np.float64)
    top = [float(values.max(initial=0.0)) for values in (score, cosine)]
    columns = [*shares, *best, ions, none, none * top[0], none * top[1], none * ions]
    return classes, np.array(columns).T


def _msms_evidence(
    query: MassSpectrum, members: Sequence[Library], without: str | None
) -> tuple[list[str | None], NDArray[np.float64]]:
    like = msms_likeness(query, members, without=without)
    classes, code = list(like.classes), like.code
    none = np.array([name is None for name in classes], dtype=np.float64)
    columns: list[NDArray[np.float64]] = []
    for chosen in (np.ones(len(code)), like.usual_shift.astype(np.float64)):
        for measure in like.measures.T:
            values = measure * chosen
            best = _best(values, code, len(classes))
            columns += [best, (best == 0).astype(np.float64), _log_share(15.0 * values, code, len(classes)), none * best]
    n_substances = np.bincount(code, minlength=len(classes))
    columns += [*like.log_odds.T, none, none * np.log1p(like.n_peaks), np.log1p(n_substances) * (1.0 - none)]
    return classes, np.array(columns).T


def _best(values: NDArray[np.float64], code: NDArray[np.int64], n_classes: int) -> NDArray[np.float64]:
    best = np.zeros(n_classes)
    np.maximum.at(best, code, values)
    return best


def _log_share(exponents: NDArray[np.float64], code: NDArray[np.int64], n_classes: int) -> NDArray[np.float64]:
    """Logarithm of each class's share of exp(exponents)."""
    if not len(exponents):
        return np.full(n_classes, np.log(_LEAST_SHARE))
    weights = np.exp(exponents - exponents.max())
    shares = np.bincount(code, weights=weights, minlength=n_classes) / weights.sum()
    logs: NDArray[np.float64] = np.log(shares + _LEAST_SHARE)
    return logs


def read_class_model(path: Path) -> ClassModel:
    """Read and check a calibration of class probabilities.

    Raises
    ------
    CalibrationError
        When it is missing, altered, of another schema, or made for other features.
    """
    try:
        return class_model_from(json.loads(path.read_text(encoding="utf-8")), where=str(path))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise CalibrationError(f"{path}: is no calibration of class probabilities ({type(error).__name__}: {error}).") from None


def class_model_from(fields: Mapping[str, Any], *, where: str) -> ClassModel:
    """The model that the content of a file describes; ``where`` names it in errors."""
    require_unaltered(fields, schema=SCHEMA, where=where)
    technique = Technique(fields["technique"])
    if tuple(fields["features"]) != CLASS_FEATURES[technique]:
        raise CalibrationError(f"{where}: made for other features than this version computes; make it again.")
    ions = fields["ions"]
    return ClassModel(
        name=fields["name"],
        sha256=fields["sha256"],
        technique=technique,
        kind=fields["kind"],
        weight=np.array(fields["weight"], dtype=np.float64),
        ions=None if ions is None else _ion_model(ions),
        prior_no_class=fields["prior_no_class"],
    )


def _ion_model(fields: Mapping[str, Any]) -> IonModel:
    """Coefficients are written in hundredths, a line of whole numbers a class: read and hashed a hundred times faster than floats."""
    classes, lines = zip(*sorted(fields["hundredths"].items()), strict=True)
    rows = np.array([[int(number) for number in line.split(" ")] for line in lines]) / 100.0
    return IonModel(classes=tuple(name or None for name in classes), coef=rows[:, 1:], intercept=rows[:, 0], n_mz=fields["n_mz"])


@cache
def shipped_class_model(technique: Technique, kind: str) -> ClassModel | None:
    """The model that ships for a technique and kind of library; None where there is none, and then no class is named."""
    short = {Technique.EI_MS: "ei", Technique.MSMS: "msms"}.get(technique)
    path = SHIPPED / f"class-{short}-{kind.replace('_', '-')}.json"
    return read_class_model(path) if short and path.is_file() else None
