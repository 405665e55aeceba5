"""What a hit list says about its candidates, as numbers: the input of every calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nps_ident.confidence.mass_evidence import mass_evidence
from nps_ident.confidence.molecular_mass import shipped_mass_model
from nps_ident.library.search_ei import peaks_of
from nps_ident.model import Technique
from nps_ident.similarity.intensity_drift import intensity_drift

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nps_ident.library.hits import Hit, HitList

__all__ = ["CANDIDATE_FEATURES", "LIST_FEATURES", "SIGN", "candidate_features", "list_features"]

CANDIDATE_FEATURES: dict[Technique, tuple[str, ...]] = {
    Technique.EI_MS: (
        "match_factor",
        "weighted_cosine",
        "corrected_cosine",
        "intensity_scatter",
        "log_matched",
        "top_mass_differs",
        "log_mass_odds",
    ),
    Technique.MSMS: (
        "similarity",
        "hybrid_similarity",
        "support",
        "explained_query",
        "explained_reference",
        "log_matched",
        "same_precursor",
        "mass_error",
        "log_references",
    ),
}
"""The columns of :func:`candidate_features`, by technique: what tells one candidate from another."""

_OF_THE_LIST = ("log_query_peaks", "isomers_open", "structure_unknown")
LIST_FEATURES: dict[Technique, tuple[str, ...]] = {
    Technique.EI_MS: ("weighted_cosine", "intensity_scatter", *_OF_THE_LIST),
    Technique.MSMS: (*CANDIDATE_FEATURES[Technique.MSMS], *_OF_THE_LIST, "log_odds_first"),
}
"""The columns of :func:`list_features`, by technique: those of the first candidate that tell whether the substance is in the library at all,
and some of the whole list."""

SIGN = {
    **dict.fromkeys(("weighted_cosine", "similarity", "hybrid_similarity", "support", "log_odds_first"), 1),
    **dict.fromkeys(("intensity_scatter", "mass_error", "isomers_open", "structure_unknown"), -1),
}
"""Which way a list feature may count: no measure of fit may count against a candidate, whatever a training set says by accident.  The others
only say of what kind a fit is, and are free."""

_LEAST = -14.0
"""Log odds of a molecular mass that the evidence does not reach, against the best supported one: one in a million."""


def candidate_features(hits: HitList, *, left_out: frozenset[str] = frozenset()) -> NDArray[np.float64]:
    """One row a candidate, in the order of the hits; shape (n_candidates, n_features).

    Parameters
    ----------
    hits : HitList
    left_out : frozenset of str
        First InChIKey blocks whose references count as absent where the molecular mass is weighed, for training.
    """
    if hits.technique is Technique.EI_MS:
        columns = zip(hits.hits, *_without_drift(hits), _log_mass_odds(hits, left_out), strict=True)
        rows = [_ei(hit, cosine, scatter, mass_odds) for hit, cosine, scatter, mass_odds in columns]
    else:
        rows = [_msms(hit) for hit in hits.hits]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(CANDIDATE_FEATURES[hits.technique]))


def _ei(hit: Hit, corrected_cosine: float, intensity_scatter: float, log_mass_odds: float) -> tuple[float, ...]:
    return (
        hit.score,
        hit.weighted_cosine,
        corrected_cosine,
        intensity_scatter,
        float(np.log1p(hit.n_matched)),
        float(abs(hit.top_mass_shift_da) > 1.5),
        log_mass_odds,
    )


def _without_drift(hits: HitList) -> tuple[list[float], list[float]]:
    """Cosine and scatter of each hit without drift of sensitivity; alike for all where no query is kept."""
    if hits.unit_masses is None or not len(hits.unit_masses.mz) or not hits.hits:
        return [0.0] * len(hits.hits), [0.0] * len(hits.hits)
    scatter, cosine = intensity_drift(hits.unit_masses, peaks_of([(hit.library, hit.row) for hit in hits.hits]))
    return cosine.tolist(), scatter.tolist()


def _log_mass_odds(hits: HitList, left_out: frozenset[str]) -> list[float]:
    """What the whole spectrum and its relatives say for the molecular mass of each candidate, against the mass they say most for.

    Alike for all where no query is kept, or none of the masses is in reach.
    """
    if hits.unit_masses is None or not len(hits.unit_masses.mz) or not hits.hits:
        return [0.0] * len(hits.hits)
    masses = [round(hit.substance.exact_mass or 0.0) for hit in hits.hits]
    evidence = mass_evidence(hits.unit_masses, hits.hits, hits.members, left_out=left_out, only=frozenset(masses))
    if not len(evidence.masses):
        return [0.0] * len(masses)
    utilities = shipped_mass_model().utilities(evidence)
    odds = dict(zip(evidence.masses.tolist(), (utilities - utilities.max()).tolist(), strict=True))
    return [max(odds.get(mass, _LEAST), _LEAST) for mass in masses]


def _msms(hit: Hit) -> tuple[float, ...]:
    return (
        hit.score,
        hit.weighted_cosine,
        hit.support,
        hit.explained_query,
        hit.explained_reference,
        float(np.log1p(hit.n_matched)),
        float(hit.same_precursor),
        min(abs(hit.mass_shift_da), 0.6),
        float(np.log(hit.n_references)),
    )


def list_features(
    candidates: NDArray[np.float64], utilities: NDArray[np.float64], *, technique: Technique, n_query_peaks: int, isomers_open: int
) -> NDArray[np.float64]:
    """What speaks for the substance being in the library at all: the first candidate's fit, its open isomers, the query's size.

    For EI the lead of the first candidate is none of them: what is *not* in the library leads as clearly over its nearest isomer's rivals.
    Nor is its molecular mass, which an isomer shares.

    Parameters
    ----------
    candidates : ndarray, shape (n_candidates, n_features)
    utilities : ndarray, shape (n_candidates,)
        Of the conditional model; the first candidate is the one of the highest.
    technique : Technique
    n_query_peaks : int
    isomers_open : int
        Of the first candidate (:func:`nps_ident.library.isomers.isomers_left_open`).

    Returns
    -------
    ndarray of float64, shape (n_list_features,)
    """
    first = int(np.argmax(utilities))
    known = dict(zip(CANDIDATE_FEATURES[technique], candidates[first].tolist(), strict=True))
    known |= {
        "log_query_peaks": float(np.log1p(n_query_peaks)),
        "isomers_open": float(isomers_open > 0),
        "structure_unknown": float(isomers_open < 0),
    }
    if "log_odds_first" in LIST_FEATURES[technique]:
        others = np.delete(utilities, first)
        lead = utilities[first] - np.logaddexp.reduce(others) if len(others) else 10.0
        known["log_odds_first"] = float(np.clip(lead, -10.0, 10.0))
    return np.array([known[name] for name in LIST_FEATURES[technique]])
