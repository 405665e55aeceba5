"""Fitting calibrations: what accident teaches against all sense is not learnt."""

from __future__ import annotations

import numpy as np

from nps_ident.confidence.features import CANDIDATE_FEATURES, LIST_FEATURES
from nps_ident.confidence.training import Example, Settings, fit
from nps_ident.model import Technique

NAMES = CANDIDATE_FEATURES[Technique.EI_MS]


def _examples(*, scatter_of_known: float, scatter_of_unknown: float) -> list[Example]:
    """Hit lists in which known substances fit better in everything but the scatter, which is as given."""
    rng = np.random.default_rng(5)
    made = []
    for number in range(120):
        in_library = number % 2 == 0
        features = rng.uniform(0.3, 0.6, (6, len(NAMES)))
        features[0] = rng.normal(0.9 if in_library else 0.75, 0.05, len(NAMES))
        features[0, NAMES.index("intensity_scatter")] = rng.normal(scatter_of_known if in_library else scatter_of_unknown, 0.1)
        made.append(
            Example(
                features=features,
                isomers_open=np.zeros(6, dtype=np.int8),
                isomers_open_without=np.zeros(6, dtype=np.int8),
                true=0 if in_library else -1,
                in_library=in_library,
                n_query_peaks=40,
                compound=f"COMPOUND{number:06d}",
                laboratory=f"laboratory {number % 3}",
            )
        )
    return made


def _weights(examples: list[Example]) -> dict[str, float]:
    content = fit(examples, technique=Technique.EI_MS, kind="full", name="made up", settings=Settings(), about={})
    return dict(zip(LIST_FEATURES[Technique.EI_MS], content["in_library"]["weight"], strict=True))


def test_a_feature_that_counts_as_it_should_is_learnt() -> None:
    weights = _weights(_examples(scatter_of_known=0.2, scatter_of_unknown=0.8))
    assert weights["intensity_scatter"] < -0.1
    assert weights["weighted_cosine"] > 0.1


def test_a_feature_that_would_count_against_its_sign_is_left_out() -> None:
    weights = _weights(_examples(scatter_of_known=0.8, scatter_of_unknown=0.2))
    assert weights["intensity_scatter"] == 0.0
    assert weights["weighted_cosine"] > 0.1
