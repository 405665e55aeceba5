"""Non-negative least squares over 3,000 EI references, beside scipy.optimize.nnls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import nnls

from benchmarks.speed.measuring import Comparison, interleaved
from nps_ident.similarity.match_factor import nominal
from nps_ident.spectra.peaks import prepare
from nps_ident.spectra.unmixing import sparse_columns, unmix

if TYPE_CHECKING:
    from benchmarks.speed.data import Data

ROUNDS = 9
QUERIES = 6


def measure(data: Data) -> list[Comparison]:
    library = data.ei_library()
    start, rows, values = library["ei.peak_start"], library["ei.mz"], library["ei.intensity"]
    n_rows = int(rows.max()) + 1
    columns = sparse_columns(start, rows, values, n_rows=n_rows)
    matrix = np.zeros((n_rows, len(start) - 1))
    matrix[rows, np.repeat(np.arange(len(start) - 1), np.diff(start))] = values
    queries = [prepare(s) for s in data.ei_queries()]
    n_asked = (ROUNDS + 1) * QUERIES
    targets = np.zeros((n_asked, n_rows))
    for target, i in zip(targets, range(n_asked), strict=True):
        query = queries[i * len(queries) // n_asked]
        binned = nominal(query.mz, query.intensity)
        inside = binned.mz < n_rows
        target[binned.mz[inside]] = binned.intensity[inside]
    deviations = [0.0]

    def batch(number: int) -> slice:
        return slice((number + 1) * QUERIES, (number + 2) * QUERIES)

    def peer(number: int) -> list[float]:
        return [float(nnls(matrix, target)[1]) for target in targets[batch(number)]]

    def ours(number: int) -> list[float]:
        return [float(np.linalg.norm(unmix(columns, target).residual)) for target in targets[batch(number)]]

    for number in range(-1, ROUNDS):
        deviations += [abs(a / b - 1.0) for a, b in zip(ours(number), peer(number), strict=True)]
    ours_s, peer_s = interleaved(ours, peer, rounds=ROUNDS)
    return [
        Comparison(
            name="unmixing",
            peer="scipy.optimize.nnls",
            work=f"{QUERIES} queries, others each round, one by one over {matrix.shape[1]:,} references on unit masses",
            goal=10.0,
            ours_s=ours_s,
            peer_s=peer_s,
            extra={"references": matrix.shape[1], "largest_relative_difference_of_residuals": max(deviations)},
        )
    ]
