"""Calibrations: named, hashed JSON files that turn the features of a hit list into probabilities.

P(substance) = P(it | it is one of the candidates) · P(in the library): Stein 1994, doi:10.1016/1044-0305(94)85022-4.  The first factor is a
conditional logit over the hit list, the second a logistic regression on its first candidate; both are coefficients in a JSON file, so that
nothing is unpickled and scikit-learn is needed for training only (:mod:`nps_ident.confidence.training`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nps_ident.confidence.coefficients import SHIPPED, require_unaltered
from nps_ident.confidence.features import CANDIDATE_FEATURES, LIST_FEATURES, candidate_features, list_features
from nps_ident.confidence.molecular_mass import shipped_mass_model
from nps_ident.errors import CalibrationError
from nps_ident.library.isomers import isomers_left_open
from nps_ident.model import Technique

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from nps_ident.library.hits import HitList

__all__ = ["Calibration", "calibration_from", "read_calibration", "shipped_calibration"]

SCHEMA = "nps-ident/calibration/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A calibration ready for use.

    Parameters
    ----------
    name : str
        Unique, with date; results carry ``name@first 12 of the hash``.
    technique : Technique
    kind : str
        The kind of library it holds for: ``full`` or ``principal_ions``.
    prior_in_library : float
        Assumed share of queries whose substance is in the library.
    utility : ndarray, shape (n_features,)
        Coefficients of the conditional logit.
    mean, scale, weight : ndarray, shape (n_features + 2,); intercept : float
        The logistic regression of P(in library) on standardised list features.
    n_known : int
        In-library examples it was fitted to: no probability leaves [1 / (n + 2), 1 − 1 / (n + 2)].
    log10_lr_bounds : mapping or None
        ``low`` and ``high``: the least and greatest log10 LR that held-out answers bore out, among ``n_substances`` (ELUB, Vergeer et al.
        2016, doi:10.1016/j.scijus.2016.06.003).
    lowest_score : float
        Below the lowest score a true candidate had, likelihood ratios are refused.
    smallest_library : int
        Substances a library must hold: among fewer there are too few rivals for the figures to hold.
    match_cut, set_cut : float
        Probability from which one substance is a match, and a set together is named.
    set_ratio : float
        Candidates within this ratio of the first one's probability belong to the isomer set.
    """

    name: str
    sha256: str
    technique: Technique
    kind: str
    prior_in_library: float
    utility: NDArray[np.float64] = field(repr=False)
    mean: NDArray[np.float64] = field(repr=False)
    scale: NDArray[np.float64] = field(repr=False)
    weight: NDArray[np.float64] = field(repr=False)
    intercept: float
    n_known: int
    log10_lr_bounds: Mapping[str, float] | None
    lowest_score: float
    smallest_library: int
    match_cut: float
    set_cut: float
    set_ratio: float

    @property
    def stamp(self) -> str:
        """Name and hash as results carry them."""
        return f"{self.name}@{self.sha256[:12]}"

    def probabilities(self, hits: HitList, n_query_peaks: int) -> NDArray[np.float64]:
        """Calibrated probability of each hit, in the order of the hits; the rest to 1 is "none of these".

        Parameters
        ----------
        hits : HitList
        n_query_peaks : int

        Returns
        -------
        ndarray of float64, shape (n_hits,)
        """
        if not hits.hits:
            return np.empty(0)
        features = candidate_features(hits)
        utilities = features @ self.utility
        share = np.exp(utilities - np.logaddexp.reduce(utilities))
        [isomers_open] = isomers_left_open((hits.hits[int(np.argmax(utilities))],), hits.members, hits.technique)
        row = list_features(features, utilities, technique=self.technique, n_query_peaks=n_query_peaks, isomers_open=isomers_open)
        row = (row - self.mean) / self.scale
        in_library = 1.0 / (1.0 + np.exp(-(row @ self.weight + self.intercept)))
        edge = 1.0 / (self.n_known + 2.0)
        probabilities: NDArray[np.float64] = share * float(np.clip(in_library, edge, 1.0 - edge))
        return probabilities

    def at_even_odds(self, in_library: float) -> float:
        """What P(in library) would be had it been as likely as not before the spectrum was seen.

        Parameters
        ----------
        in_library : float
            The sum of the candidates' probabilities, 0 to below 1.
        """
        odds = in_library / (1.0 - in_library) * (1.0 - self.prior_in_library) / self.prior_in_library
        return odds / (1.0 + odds)

    def log10_lr(self, probability: float, n_substances: int) -> float:
        """log10 of posterior odds over prior odds, the prior being that of one of ``n_substances`` equally likely ones.

        Bounded by the number of examples behind the calibration, since n cannot show more support than one error in n + 2, and by
        ``log10_lr_bounds``.  The upper one of these is a bound of posterior odds, so it grows with the number of substances.
        """
        edge = 1.0 / (self.n_known + 2.0)
        posterior = min(max(probability, edge * self.prior_in_library / n_substances), 1.0 - edge)
        prior = self.prior_in_library / n_substances
        value = float(np.log10(posterior / (1.0 - posterior)) - np.log10(prior / (1.0 - prior)))
        if self.log10_lr_bounds is None:
            return value
        return min(max(value, self.log10_lr_bounds["low"]), self.greatest_log10_lr(n_substances))

    def greatest_log10_lr(self, n_substances: int) -> float:
        """The bound of :meth:`log10_lr` from above; infinite where none was measured."""
        if self.log10_lr_bounds is None:
            return float("inf")
        return self.log10_lr_bounds["high"] + float(np.log10(n_substances / self.log10_lr_bounds["n_substances"]))


def read_calibration(path: str | Path) -> Calibration:
    """Read and check a calibration file.

    Raises
    ------
    CalibrationError
        When it is missing, altered, of another schema, or made for other features.
    """
    try:
        return calibration_from(json.loads(Path(path).read_text(encoding="utf-8")), where=str(path))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise CalibrationError(f"{path}: is no calibration ({type(error).__name__}: {error}).") from None


def calibration_from(fields: Mapping[str, Any], *, where: str) -> Calibration:
    """The calibration that the content of a file describes; ``where`` names it in errors."""
    technique = Technique(fields["technique"])
    require_unaltered(fields, schema=SCHEMA, where=where)
    if tuple(fields["features"]) != CANDIDATE_FEATURES[technique] or tuple(fields["list_features"]) != LIST_FEATURES[technique]:
        raise CalibrationError(f"{where}: made for other features than this version computes; make it again.")
    if fields["mass_model"] not in (None, shipped_mass_model().stamp):
        raise CalibrationError(f"{where}: made with the mass model {fields['mass_model']}, not the one that ships; make it again.")
    model = fields["in_library"]
    return Calibration(
        name=fields["name"],
        sha256=fields["sha256"],
        technique=technique,
        kind=fields["kind"],
        prior_in_library=fields["prior_in_library"],
        utility=np.array(fields["utility"]),
        mean=np.array(model["mean"]),
        scale=np.array(model["scale"]),
        weight=np.array(model["weight"]),
        intercept=model["intercept"],
        n_known=fields["n_known"],
        log10_lr_bounds=_bounds(fields["log10_lr_bounds"]),
        lowest_score=fields["lowest_score"],
        smallest_library=fields["smallest_library"],
        match_cut=fields["match_cut"],
        set_cut=fields["set_cut"],
        set_ratio=fields["set_ratio"],
    )


def _bounds(stored: Mapping[str, Any] | None) -> dict[str, float] | None:
    return None if stored is None else {name: float(stored[name]) for name in ("low", "high", "n_substances")}


def shipped_calibration(technique: Technique, kind: str) -> Calibration | None:
    """The calibration that ships for a technique and kind of library; None where there is none, and then no probability is given.

    A search of full and truncated libraries together has none.
    """
    short = {Technique.EI_MS: "ei", Technique.MSMS: "msms"}.get(technique)
    path = SHIPPED / f"{short}-{kind.replace('_', '-')}.json"
    return read_calibration(path) if short and path.is_file() else None
