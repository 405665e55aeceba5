"""Searching and opening the MS/MS background of some 96,000 references, beside ms_entropy's FlashEntropySearch."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.speed.measuring import Comparison, interleaved
from nps_ident.library.compiled import open_compiled
from nps_ident.library.search_msms import PAIRING_DA, identity_search, prepare_msms, search_msms
from nps_ident.model import Tolerance
from nps_ident.spectra.peaks import prepare

if TYPE_CHECKING:
    from benchmarks.speed.data import Data

PRECURSOR_DA = 0.01
TOP = 10
N_BATCHES = 12


def measure(data: Data) -> list[Comparison]:
    from ms_entropy import FlashEntropySearch

    library = data.msms_background()
    peer_index = FlashEntropySearch()
    precursor, start = library["msms.precursor_mz"], library["msms.peak_start"]
    known = np.flatnonzero(np.isfinite(precursor))
    peer_index.build_index(
        [
            {
                "precursor_mz": float(precursor[row]),
                "peaks": np.column_stack([library[name][start[row] : start[row + 1]] for name in ("msms.mz", "msms.intensity")]),
                "row": int(row),
            }
            for row in known
        ],
        precursor_ions_removal_da=None,
        min_ms2_difference_in_da=0.05,  # its default
    )
    spectra = data.msms_queries()
    ours = [prepare_msms(prepare(s)) for s in spectra]
    theirs = [
        (s.precursor_mz, peer_index.clean_spectrum_for_search(s.precursor_mz, np.column_stack([s.mz, s.intensity]).astype(np.float32)))
        for s in spectra
    ]
    window = Tolerance.da(PRECURSOR_DA)

    def batch(number: int) -> range:
        return range(number % N_BATCHES, len(spectra), N_BATCHES)

    def peer_search(number: int) -> None:
        for i in batch(number):
            _peer_top(peer_index, *theirs[i])

    def our_identity(number: int) -> None:
        for i in batch(number):
            identity_search(ours[i], library, tolerance=window, most=TOP)

    def our_search(number: int) -> None:
        for i in batch(number):
            search_msms(ours[i], library, most=TOP)

    agreement = _agreement(peer_index, theirs, ours, library, window)
    count = len(batch(0))
    tolerances = {"precursor_tolerance_da": PRECURSOR_DA, "fragment_tolerance_da": PAIRING_DA}
    shape = {"references": len(precursor), "queries_a_round": count, **tolerances}
    ours_s, peer_s = interleaved(our_identity, peer_search, rounds=2 * N_BATCHES)
    bare = Comparison(
        name="MS/MS identity search, top 10",
        peer="ms_entropy FlashEntropySearch.identity_search and its ten best",
        work=f"{count} prepared queries, references of the same precursor within {PRECURSOR_DA} Da by entropy similarity, ten best rows",
        goal=5.0,
        ours_s=ours_s,
        peer_s=peer_s,
        extra={**shape, "scores_agree": agreement},
    )
    ours_s, peer_s = interleaved(our_search, peer_search, rounds=2 * N_BATCHES)
    whole = Comparison(
        name="MS/MS search as identify does it, beside the same peer",
        peer=bare.peer,
        work=f"{count} prepared queries; also by neutral mass with the hybrid score, at unit mass where due, ten best substances as records",
        goal=None,
        ours_s=ours_s,
        peer_s=peer_s,
        notes="More work than the peer's: no ratio was promised.",
        extra=shape,
    )
    return [bare, whole, _opening(library.folder, len(precursor))]


def _peer_top(index: object, precursor_mz: float, peaks: object) -> tuple[np.ndarray, np.ndarray]:
    scores = index.identity_search(precursor_mz, peaks, PRECURSOR_DA, PAIRING_DA)  # type: ignore[attr-defined]
    best = np.argpartition(-scores, TOP)[:TOP]
    best = best[np.argsort(-scores[best])]
    return best, scores[best]


def _agreement(index: object, theirs: list, ours: list, library: object, window: Tolerance) -> dict[str, object]:
    """How far the two best scores of each query lie apart, where both programs hold the same peaks."""
    differences = []
    for (precursor_mz, peaks), query in zip(theirs, ours, strict=True):
        if len(peaks) != len(query.mz):
            continue
        _, peer_scores = _peer_top(index, precursor_mz, peaks)
        _, our_scores = identity_search(query, library, tolerance=window, most=TOP)  # type: ignore[arg-type]
        n = min(len(our_scores), TOP)
        differences.append(float(np.abs(peer_scores[:n] - our_scores[:n]).max(initial=0.0)))
    found = np.array(differences)
    return {"queries": len(found), "median_difference": float(np.median(found)), "within_0.001": float(np.mean(found <= 1e-3))}


def _opening(folder: object, n_references: int) -> Comparison:
    times = []
    for _ in range(101):
        began = time.perf_counter()
        open_compiled(folder)  # type: ignore[arg-type]
        times.append(time.perf_counter() - began)
    work = f"{n_references:,} MS/MS references, file in the system's cache"
    return Comparison(name="opening a compiled library", peer="", work=work, goal=0.005, ours_s=times)
