"""EI search of 3,000 references, beside matchms CosineGreedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.speed.measuring import Comparison, interleaved
from nps_ident.identify.spectrum import SEARCHED
from nps_ident.library.search import search
from nps_ident.spectra.peaks import prepare

if TYPE_CHECKING:
    from benchmarks.speed.data import Data
    from nps_ident.model import MassSpectrum

ROUNDS = 9
QUERIES = 12
"""A round: a batch, as a laboratory runs it, since the first query after another program has emptied the caches is not the usual one."""
TOP = 10


def measure(data: Data) -> list[Comparison]:
    from matchms import Spectrum
    from matchms.similarity import CosineGreedy

    library, references = data.ei_library(), [prepare(s) for s in data.ei_references()]
    queries = [prepare(s) for s in data.ei_queries()]
    n_asked = (ROUNDS + 1) * QUERIES
    queries = [queries[i * len(queries) // n_asked] for i in range(n_asked)]

    def as_peer(spectrum: MassSpectrum) -> Spectrum:
        mz, heights = spectrum.mz, spectrum.intensity / spectrum.intensity.max()
        return Spectrum(mz=np.array(mz), intensities=heights, metadata={}, metadata_harmonization=False)

    peer_references, peer_queries = [as_peer(s) for s in references], [as_peer(s) for s in queries]
    cosine = CosineGreedy()

    def batch(number: int) -> slice:
        return slice((number + 1) * QUERIES, (number + 2) * QUERIES)

    def peer(number: int) -> None:
        for query in peer_queries[batch(number)]:
            scores = np.array([cosine.pair(reference, query)["score"] for reference in peer_references])
            np.argsort(-scores)[:TOP]

    def ours(number: int) -> None:
        for query in queries[batch(number)]:
            search(query, (library,), most=SEARCHED)

    ours_s, peer_s = interleaved(ours, peer, rounds=ROUNDS)
    return [
        Comparison(
            name="EI search",
            peer="matchms CosineGreedy, default tolerance 0.1",
            work=f"{QUERIES} queries, others each round, one by one against {len(references):,} references; "
            f"ours: the {SEARCHED} best substances as records, "
            "by the NIST identity match factor",
            goal=100.0,
            ours_s=ours_s,
            peer_s=peer_s,
            extra={"references": len(references)},
        )
    ]
