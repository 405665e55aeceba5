"""Fitting the coefficients of :mod:`nps_ident.confidence.molecular_mass`.  Needs scipy; no identification passes through here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nps_ident.confidence.coefficients import content_hash
from nps_ident.confidence.mass_evidence import (
    FEATURES,
    GAP_LEVELS,
    LOSSES,
    N_GAPS,
    N_LEVELS,
    N_PARITY,
    N_RATIOS,
    N_SHIFTS,
    MassEvidence,
    MassTables,
    gap_bins,
    mass_features,
    shift_bins,
)
from nps_ident.confidence.molecular_mass import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["MassExample", "conditional_logit", "fit_mass_model", "learnt_tables"]

_WRONG_MASSES = 12
"""Wrong masses of each spectrum, drawn at random, that the tables compare the true one with."""
_RELATIVES_COUNTED, _SHARPNESS = 5, 20.0
_RIDGE = 1.0
_SEED = 20261122


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MassExample:
    """The evidence of one spectrum of known nominal mass, its own compound left out of the libraries."""

    evidence: MassEvidence
    nominal_mass: int
    compound: str

    @property
    def place(self) -> int:
        """Place of the true mass among those looked at; -1 where it is not among them."""
        place = self.nominal_mass - int(self.evidence.masses[0])
        return place if 0 <= place < len(self.evidence.masses) else -1


class _Counts:
    """How often each class was seen at true masses and at wrong ones, with the pseudo-count of each cell."""

    def __init__(self, shape: tuple[int, ...], pseudo: float) -> None:
        self.true, self.wrong = np.full(shape, pseudo), np.full(shape, pseudo)

    def ratio(self) -> NDArray[np.float64]:
        """Log likelihood ratio of each class, normalised over the last axis."""
        return np.asarray(
            np.log(self.true / self.true.sum(axis=-1, keepdims=True)) - np.log(self.wrong / self.wrong.sum(axis=-1, keepdims=True))
        )


def learnt_tables(examples: Sequence[MassExample]) -> MassTables:
    """Log likelihood ratios of what is seen at the true mass and at a wrong one."""
    generator = np.random.default_rng(_SEED)
    losses, ratios = _Counts((len(LOSSES), N_LEVELS), 1.5), _Counts((3, N_RATIOS), 1.5)
    parity, gaps, shifts = _Counts((N_PARITY, 2), 1.0), _Counts((len(GAP_LEVELS), N_GAPS), 1.0), _Counts((N_SHIFTS,), 1.0)
    at_loss, at_ratio, at_gap = np.arange(len(LOSSES)), np.arange(3), np.arange(len(GAP_LEVELS))
    for example in examples:
        evidence, true = example.evidence, example.place
        if true < 0:
            continue
        others = np.delete(np.arange(len(evidence.masses)), true)
        distance, difference = gap_bins(evidence), shift_bins(evidence)
        for place in (true, *generator.choice(others, size=_WRONG_MASSES, replace=False).tolist()):
            side = "true" if place == true else "wrong"
            getattr(losses, side)[at_loss, evidence.levels[place]] += 1
            getattr(ratios, side)[at_ratio, evidence.ratios[place]] += 1
            getattr(parity, side)[evidence.even, evidence.masses[place] % 2] += 1
            getattr(gaps, side)[at_gap, distance[:, place]] += 1
            if len(evidence.cosines):
                cosines = evidence.cosines[:_RELATIVES_COUNTED, place].astype(np.float64)
                weights = np.exp(_SHARPNESS * (cosines - cosines[0]))
                np.add.at(getattr(shifts, side), difference[:_RELATIVES_COUNTED, place], weights / weights.sum())
    return MassTables(losses=losses.ratio(), ratios=ratios.ratio(), parity=parity.ratio().T, gaps=gaps.ratio(), shifts=shifts.ratio())


def fit_mass_model(examples: Sequence[MassExample], *, name: str, cut: float, about: dict[str, Any]) -> dict[str, Any]:
    """Fit the tables, then a conditional logit over the masses looked at.

    Parameters
    ----------
    examples : sequence of MassExample
    name : str
    cut : float
        Probability below which no mass is predicted.
    about : dict
        Data, date and metrics, stored verbatim.

    Returns
    -------
    dict
        The content of a file of coefficients.
    """
    tables = learnt_tables(examples)
    tables = MassTables(**{name: np.round(getattr(tables, name), 3) for name in MassTables.__slots__})
    useful = [example for example in examples if example.place >= 0]
    utility = conditional_logit([(mass_features(example.evidence, tables), example.place) for example in useful])
    fields: dict[str, Any] = {
        "schema": SCHEMA,
        "name": name,
        "features": list(FEATURES),
        "utility": [round(float(value), 5) for value in utility],
        "tables": {name: getattr(tables, name).tolist() for name in MassTables.__slots__},
        "n_examples": len(useful),
        "cut": cut,
        "about": about,
    }
    return {**fields, "sha256": content_hash(fields)}


def conditional_logit(sets: Sequence[tuple[NDArray[np.float64], int]]) -> NDArray[np.float64]:
    """Coefficients that make the true mass likely among the others (McFadden 1974), with a ridge on standardised features."""
    from scipy.optimize import minimize

    scale = np.std(np.concatenate([features for features, _ in sets]), axis=0) + 1e-9
    flat = np.concatenate([features for features, _ in sets]) / scale
    lengths = np.array([len(features) for features, _ in sets])
    begin = np.cumsum(lengths) - lengths
    chosen = begin + np.array([place for _, place in sets])
    of_chosen = flat[chosen].sum(axis=0)

    def loss(beta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        utilities = flat @ beta
        raised = np.exp(utilities - np.repeat(np.maximum.reduceat(utilities, begin), lengths))
        share = raised / np.repeat(np.add.reduceat(raised, begin), lengths)
        value = 0.5 * _RIDGE * float(beta @ beta) - float(np.log(share[chosen]).sum())
        return value, _RIDGE * beta - of_chosen + share @ flat

    return np.asarray(minimize(loss, np.zeros(len(scale)), jac=True, method="L-BFGS-B", options={"maxiter": 500}).x / scale)
