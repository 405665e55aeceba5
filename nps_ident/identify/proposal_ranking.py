"""The weights by which proposed structures are ranked: a conditional logit with "none of these", as a named and hashed JSON file.

McFadden 1974, in Frontiers in Econometrics, ISBN 0-12-776150-0; fitted by ``python -m benchmarks.accuracy.proposals`` on reference substances
that were treated as unknown.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nps_ident.confidence.coefficients import require_unaltered
from nps_ident.errors import CalibrationError
from nps_ident.identify.proposal_evidence import FEATURES
from nps_ident.model import Technique

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["RANKINGS", "SCHEMA", "Ranking", "ranking_from", "shipped_ranking"]

RANKINGS = Path(__file__).parent / "rankings"
SCHEMA = "nps-ident/proposal-ranking/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """The fitted weights of one technique.

    Parameters
    ----------
    mean, scale, weight : ndarray of float64, shape (n_features,)
        Of standardised features.
    none : float
        Utility of "none of these".
    """

    name: str
    sha256: str
    mean: NDArray[np.float64] = field(repr=False)
    scale: NDArray[np.float64] = field(repr=False)
    weight: NDArray[np.float64] = field(repr=False)
    none: float

    @property
    def stamp(self) -> str:
        """Name and hash as results carry them."""
        return f"{self.name}@{self.sha256[:12]}"

    def probabilities(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probability of each candidate; the rest to 1 is "none of these".

        Parameters
        ----------
        rows : ndarray of float64, shape (n_candidates, n_features)
        """
        utility = (rows - self.mean) / self.scale @ self.weight
        total = np.logaddexp.reduce(np.append(utility, self.none))
        shares: NDArray[np.float64] = np.exp(utility - total)
        return shares


def ranking_from(fields: Mapping[str, Any], *, where: str) -> Ranking:
    """Read the weights that the content of a file describes.

    Raises
    ------
    CalibrationError
        When it was altered, is of another schema, or was made for other features.
    """
    require_unaltered(fields, schema=SCHEMA, where=where)
    if tuple(fields["features"]) != FEATURES:
        raise CalibrationError(f"{where}: made for other features than this version computes; make it again.")
    return Ranking(
        name=fields["name"],
        sha256=fields["sha256"],
        mean=np.array(fields["mean"]),
        scale=np.array(fields["scale"]),
        weight=np.array(fields["weight"]),
        none=fields["none"],
    )


@cache
def shipped_ranking(technique: Technique) -> Ranking:
    """Read the weights that ship for a technique.

    Raises
    ------
    CalibrationError
        When there are none, or the file was altered.
    """
    short = {Technique.EI_MS: "ei", Technique.MSMS: "msms"}.get(technique)
    path = RANKINGS / f"{short}.json"
    if short is None or not path.is_file():
        raise CalibrationError(f"No weights ship for structure proposals by {technique.value}; expected EI-MS or MS/MS.")
    return ranking_from(json.loads(path.read_text(encoding="utf-8")), where=path.name)
