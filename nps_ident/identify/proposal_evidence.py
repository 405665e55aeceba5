"""What speaks for and against a structure that is proposed: how it was reached, its kin, and the peaks that its pieces explain."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from rdkit import Chem, DataStructs, rdBase
from rdkit.Chem import rdFingerprintGenerator

from nps_ident.chemistry.drug_classes import drug_classes
from nps_ident.chemistry.fingerprints import flattened
from nps_ident.chemistry.formula import parse_formula
from nps_ident.chemistry.fragmentation import explained_accurate, explained_nominal, pieces_of
from nps_ident.model import Technique

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nps_ident.identify.proposal_candidates import Candidate, Start
    from nps_ident.model import Tolerance

__all__ = ["FEATURES", "Signal", "features", "isotope_peaks", "signal_of"]

FEATURES = (
    "frequency",
    "known_to_catalogue",
    "two_changes",
    "parent_similarity",
    "n_routes",
    "kinship",
    "same_class",
    "unusual_environments",
    "unknown_environments",
    "explained_favoured",
    "explained_once",
    "explained_twice",
    "weighted_once",
    "weighted_twice",
    "missing_favoured",
    "isotope_misfit",
)
"""What is known about a candidate, in this order; each is explained where :func:`features` computes it."""

_MOST_SCORED = 300
"""Candidates whose fragments are computed."""
_KIN = 12
"""Nearest substances that a candidate is compared with."""
_MOST_PEAKS = 60
"""Peaks that are explained, the heaviest and strongest first."""
_ISOTOPE_SHARE = 0.05
"""A molecular ion below this share of the base peak has no isotope pattern worth reading."""
_ISOTOPE_MARGIN = 1.5
"""How much stronger than the whole molecule's pattern allows an isotope peak may be: quadrupoles scatter, and fragments hold other counts."""
# Ratios for one atom of the heavier isotope to the lighter: NIST, Atomic Weights and Isotopic Compositions 4.1 (2015),
# https://www.nist.gov/pml/atomic-weights-and-isotopic-compositions-relative-atomic-masses.
_CARBON_13 = 0.0108
_ISOTOPE_RATIO = {"Cl": 0.3196, "Br": 0.9728, "S": 0.0447}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Signal:
    """The peaks that candidates must explain: the strongest, their intensities as shares of their sum, and their pairing windows."""

    technique: Technique
    mz: NDArray[np.float64]
    share: NDArray[np.float64]
    weighted: NDArray[np.float64]
    tolerance_da: NDArray[np.float64]
    polarity: int
    isotope_ratio: float | None
    """EI: the peak two masses above the molecular ion over that ion; None where it is too weak to tell."""


def signal_of(
    mz: NDArray[np.float64], intensity: NDArray[np.float64], technique: Technique, *, mass_da: float, tolerance: Tolerance, polarity: int = 1
) -> Signal:
    """Choose and weigh the peaks of a prepared spectrum; by MS/MS those below the precursor, which every candidate explains."""
    ei = technique is Technique.EI_MS
    if ei:
        masses = np.rint(mz).astype(np.int64)
        unit, where = np.unique(masses, return_inverse=True)
        intensity, mz = np.asarray(np.bincount(where, weights=intensity), dtype=np.float64), unit.astype(np.float64)
    ratio = None
    if ei and len(mz):
        at = dict(zip(mz.astype(int).tolist(), intensity.tolist(), strict=True))
        ion = at.get(round(mass_da), 0.0)
        if ion >= _ISOTOPE_SHARE * max(at.values()):
            ratio = at.get(round(mass_da) + 2, 0.0) / ion
    keep = np.argsort(-np.sqrt(intensity) * mz, kind="stable")[:_MOST_PEAKS]
    keep = np.sort(keep[mz[keep] < mass_da - 0.5] if not ei else keep)
    mz, intensity = mz[keep], intensity[keep]
    weighted = np.sqrt(intensity) * mz
    return Signal(
        technique=technique,
        mz=mz,
        share=intensity / max(intensity.sum(), 1e-12),
        weighted=weighted / max(weighted.sum(), 1e-12),
        tolerance_da=np.array([tolerance.at(value) for value in mz.tolist()]),
        polarity=polarity,
        isotope_ratio=ratio,
    )


@lru_cache(maxsize=1)
def _wide() -> Any:
    return rdFingerprintGenerator.GetMorganGenerator(radius=3)


def _environments(mol: Any) -> frozenset[int]:
    """Every atom with what is up to three bonds around it, as numbers: para and meta differ."""
    return frozenset(_wide().GetSparseCountFingerprint(mol).GetNonzeroElements())


@lru_cache(maxsize=4096)
def _known_environments(smiles: str) -> frozenset[int]:
    """The same of a substance that is started from, kept because the unknowns of one batch share them."""
    return _environments(flattened(Chem.MolFromSmiles(smiles)))


def features(
    found: Sequence[Candidate], parents: Sequence[Start], signal: Signal, drug_class: str | None
) -> tuple[list[Candidate], NDArray[np.float64]]:
    """What speaks for and against each candidate.

    Returns
    -------
    list of Candidate, ndarray of float64, shape (n_candidates, len(FEATURES))
        Of the most likely ones only.
    """
    chosen = list(found[:_MOST_SCORED])
    rows = np.zeros((len(chosen), len(FEATURES)))
    with rdBase.BlockLogs():
        morgan = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
        known: dict[int, int] = {}
        for start in parents:
            for environment in _known_environments(str(start.neighbour.substance.smiles)):
                known[environment] = known.get(environment, 0) + 1
        kin = [(start.neighbour.similarity, morgan.GetFingerprint(start.mol)) for start in parents[:_KIN] if start.is_near]
        weights = np.array([similarity**2 for similarity, _ in kin])
        of_class = next((row for row in drug_classes() if row.name == drug_class), None)
        for row, candidate in zip(rows, chosen, strict=True):
            row[:9] = _of_structure(candidate, known, len(parents))
            row[6] = float(of_class is not None and of_class.matches(candidate.mol))
            if kin:
                likeness = DataStructs.BulkTanimotoSimilarity(morgan.GetFingerprint(candidate.mol), [bits for _, bits in kin])
                row[5] = float(weights @ np.array(likeness) / max(weights.sum(), 1e-12))
            row[9:] = _of_spectrum(candidate, signal)
    return chosen, rows


def _of_structure(candidate: Candidate, known: dict[int, int], n_parents: int) -> list[float]:
    """Frequency of the routes together, how it was reached, and how usual the structure is among its relatives."""
    once = [route for route in candidate.routes if len(route[1]) == 1]
    routes = once or candidate.routes
    frequency = float(np.logaddexp.reduce([sum(change.log_frequency for change in changes) for _, changes in routes])) if routes else 0.0
    similarity = max((neighbour.similarity for neighbour, _ in routes), default=0.0)
    environments = _environments(candidate.mol)
    counts = [known.get(environment, 0) for environment in environments]
    return [
        frequency,
        float(candidate.known_as is not None),
        float(bool(routes) and not once),
        similarity,
        math.log1p(len(routes)),
        0.0,
        0.0,
        -float(np.mean([math.log((count + 0.5) / (n_parents + 1)) for count in counts])) if counts else 0.0,
        math.log1p(sum(count == 0 for count in counts)),
    ]


def _of_spectrum(candidate: Candidate, signal: Signal) -> list[float]:
    """Shares of the signal that pieces explain, favoured pieces that are missing, and how badly the isotope pattern fits."""
    pieces = pieces_of(candidate.mol)
    if signal.technique is Technique.EI_MS:
        explained = explained_nominal(pieces, signal.mz.astype(np.int64))
    else:
        explained = explained_accurate(pieces, signal.mz, signal.tolerance_da, polarity=signal.polarity)
    candidate.explained = explained
    level = explained.level
    misfit = 0.0
    if signal.isotope_ratio is not None:
        counts = parse_formula(candidate.formula)
        expected = sum(_ISOTOPE_RATIO[symbol] * counts.get(symbol, 0) for symbol in _ISOTOPE_RATIO)
        misfit = min(abs(math.log((signal.isotope_ratio + 0.05) / (expected + 0.05))), 2.0)
    return [
        float(signal.share[level == 0].sum()),
        float(signal.share[level <= 1].sum()),
        float(signal.share[level <= 2].sum()),
        float(signal.weighted[level <= 1].sum()),
        float(signal.weighted[level <= 2].sum()),
        explained.missing,
        misfit,
    ]


def isotope_peaks(candidate: Candidate, signal: Signal) -> frozenset[int]:
    """Find the peaks (by place) that a candidate explains as isotopes: of carbon one mass above an explained peak, of Cl, Br and S two above.

    Accurate MS/MS of a chosen precursor has none.
    """
    if signal.technique is not Technique.EI_MS or candidate.explained is None:
        return frozenset()
    counts = parse_formula(candidate.formula)
    ratio = {1: _CARBON_13 * counts.get("C", 0), 2: sum(_ISOTOPE_RATIO[symbol] * counts.get(symbol, 0) for symbol in _ISOTOPE_RATIO)}
    place_of = {round(mz): place for place, mz in enumerate(signal.mz.tolist())}
    found: set[int] = set()
    for place, mz in enumerate(signal.mz.tolist()):
        for above, most in ratio.items():
            lighter = place_of.get(round(mz) - above)
            if lighter is None or (candidate.explained.level[lighter] > 2 and lighter not in found):
                continue
            if signal.share[place] <= _ISOTOPE_MARGIN * most * signal.share[lighter]:
                found.add(place)
    return frozenset(found)
