"""What a hit list says about its candidates, as numbers: the input of every calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nps_ident.model import Technique

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nps_ident.library.hits import Hit, HitList

__all__ = ["CANDIDATE_FEATURES", "LIST_FEATURES", "candidate_features", "list_features"]

CANDIDATE_FEATURES: dict[Technique, tuple[str, ...]] = {
    Technique.EI_MS: ("match_factor", "reverse_match_factor", "weighted_cosine", "log_matched", "explained_reference", "top_mass_differs"),
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
"""The columns of :func:`candidate_features`, by technique."""

LIST_FEATURES = {
    Technique.EI_MS: ("log_query_peaks", "isomers_open", "structure_unknown"),
    Technique.MSMS: ("log_query_peaks", "isomers_open", "structure_unknown", "log_odds_first"),
}
"""The columns that :func:`list_features` adds to the candidate features of the first candidate, by technique."""


def candidate_features(hits: HitList) -> NDArray[np.float64]:
    """One row a candidate, in the order of the hits; shape (n_candidates, n_features)."""
    rows = [_ei(hit) if hits.technique is Technique.EI_MS else _msms(hit) for hit in hits.hits]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(CANDIDATE_FEATURES[hits.technique]))


def _ei(hit: Hit) -> tuple[float, ...]:
    return (
        hit.score,
        (hit.reverse_match_factor or 0.0) / 1000.0,
        hit.weighted_cosine,
        float(np.log1p(hit.n_matched)),
        hit.explained_reference,
        float(abs(hit.top_mass_shift_da) > 1.5),
    )


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
    """What speaks for the substance being in the library at all: the first candidate's features, its open isomers, the query's size.

    The lead of the first candidate is none of them for EI: what is *not* in the library leads as clearly over its nearest isomer's rivals.

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
    ndarray of float64, shape (n_features + n_list_features,)
    """
    first = int(np.argmax(utilities))
    added = [np.log1p(n_query_peaks), float(isomers_open > 0), float(isomers_open < 0)]
    if "log_odds_first" in LIST_FEATURES[technique]:
        others = np.delete(utilities, first)
        lead = utilities[first] - np.logaddexp.reduce(others) if len(others) else 10.0
        added.append(np.clip(lead, -10.0, 10.0))
    return np.concatenate([candidates[first], added])
