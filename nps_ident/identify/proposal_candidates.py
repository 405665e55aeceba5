"""Structures that an unknown may have: one modification, or two, away from its nearest relatives, and what speaks for each.

The figures here are evidence, not yet a ranking: :mod:`nps_ident.identify.proposing` weighs them with fitted coefficients.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from rdkit import Chem, DataStructs, rdBase
from rdkit.Chem import rdFingerprintGenerator, rdMolDescriptors

from nps_ident.chemistry.drug_classes import drug_classes
from nps_ident.chemistry.fingerprints import flattened
from nps_ident.chemistry.formula import nominal_mass, parse_formula
from nps_ident.chemistry.fragmentation import Explained, explained_accurate, explained_nominal, pieces_of
from nps_ident.chemistry.modifications import Modification, applicable, modified
from nps_ident.model import Technique

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from nps_ident.model import Substance, Tolerance

__all__ = ["FEATURES", "Candidate", "Neighbour", "Signal", "Start", "Target", "candidates", "features", "isotope_peaks", "signal_of", "starts"]

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

_MOST_TWICE = 12
"""Nearest substances to which two modifications are applied."""
_MOST_PAIRS = 60
"""Pairs of modifications that are tried, the most frequent first."""
_FREQUENT = 4
"""Pairs of catalogue substances that a modification needs to be one of two."""
_MOST_SCORED = 300
"""Candidates whose fragments are computed."""
_KIN = 12
_MOST_PEAKS = 60
_DISTANT = 0.05
"""Similarity assumed of a substance of the class that the search did not find near."""
_ISOTOPE_SHARE = 0.05
"""A molecular ion below this share of the base peak has no isotope pattern worth reading."""
# Ratio of the peak two masses up for one atom: NIST, Atomic Weights and Isotopic Compositions 4.1 (2015).
_CARBON_13 = 0.0108
"""13C over 12C; source as below."""
_ISOTOPE_MARGIN = 1.5
"""How much stronger than the whole molecule's pattern allows an isotope peak may be: quadrupoles scatter, and fragments hold other counts."""
_ISOTOPE_RATIO = {"Cl": 0.3196, "Br": 0.9728, "S": 0.0447}


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A substance near the unknown, and how similar its spectrum is (0 to 1; hybrid search where the mass differs)."""

    substance: Substance
    similarity: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Start:
    """A substance that modifications are applied to: one of the nearest, or of the class only."""

    neighbour: Neighbour
    mol: Any
    is_near: bool


def starts(nearest: Iterable[Neighbour], relatives: Iterable[Substance] = ()) -> list[Start]:
    """Read the structures of the nearest substances, then of others of the class, each once.

    Parameters
    ----------
    nearest : iterable of Neighbour
        The nearest first; those without structure, and labelled ones, are left out.
    relatives : iterable of Substance

    Returns
    -------
    list of Start
    """
    found: list[Start] = []
    seen = set()
    near = [(neighbour, True) for neighbour in nearest]
    far = [(Neighbour(substance=substance, similarity=_DISTANT), False) for substance in relatives]
    with rdBase.BlockLogs():
        for neighbour, is_near in (*near, *far):
            substance = neighbour.substance
            if substance.smiles is None or substance.skeleton in seen or substance.isotope_labelled or "." in substance.smiles:
                continue
            seen.add(substance.skeleton)
            mol = Chem.MolFromSmiles(substance.smiles)
            if mol is not None:
                found.append(Start(neighbour=neighbour, mol=flattened(mol), is_near=is_near))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is known of the unknown's mass.

    ``formulae`` are those that accurate mass allows, in Hill order; None where nothing restricts them.
    """

    mass_da: float
    tolerance_da: float
    nominal: bool
    formulae: frozenset[str] | None = None

    def allows(self, mass_da: float, formula: str) -> bool:
        """Whether a structure has that mass."""
        if self.formulae is not None and formula not in self.formulae:
            return False
        if self.nominal:
            return abs(nominal_mass(formula) - round(self.mass_da)) <= self.tolerance_da
        return abs(mass_da - self.mass_da) <= self.tolerance_da


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


@dataclass(slots=True, kw_only=True)
class Candidate:
    """A structure and how it was reached."""

    smiles: str
    mol: Any
    formula: str
    known_as: Substance | None = None
    routes: list[tuple[Neighbour, tuple[Modification, ...]]] = field(default_factory=list)
    explained: Explained | None = None
    inchikey: str = ""

    @property
    def likely_routes(self) -> list[tuple[Neighbour, tuple[Modification, ...]]]:
        """The ways to it, frequent modifications of near substances first, each substance once."""
        best: dict[str, tuple[Neighbour, tuple[Modification, ...]]] = {}
        for route in sorted(self.routes, key=lambda route: (-_route_weight(route), route[0].substance.skeleton)):
            best.setdefault(route[0].substance.skeleton, route)
        return list(best.values())


def signal_of(
    mz: NDArray[np.float64], intensity: NDArray[np.float64], technique: Technique, *, mass_da: float, tolerance: Tolerance, polarity: int = 1
) -> Signal:
    """Choose and weigh the peaks of a prepared spectrum; by MS/MS those below the precursor, which every candidate explains."""
    ei = technique is Technique.EI_MS
    if ei:
        masses = np.rint(mz).astype(np.int64)
        unit, where = np.unique(masses, return_inverse=True)
        intensity, mz = np.bincount(where, weights=intensity), unit.astype(np.float64)
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


def _route_weight(route: tuple[Neighbour, tuple[Modification, ...]]) -> float:
    neighbour, changes = route
    return math.log(max(neighbour.similarity, _DISTANT)) + sum(change.log_frequency for change in changes)


class _Collection:
    """Candidates by structure, and the check whether a product may be one."""

    def __init__(self, target: Target, searched: Iterable[Substance]) -> None:
        self.target = target
        self.by_smiles: dict[str, Candidate | None] = {}
        for substance in searched:
            mol = Chem.MolFromSmiles(substance.smiles) if substance.smiles else None
            if mol is not None:
                self.by_smiles[Chem.MolToSmiles(flattened(mol))] = None

    def add(self, mol: Any, route: tuple[Neighbour, tuple[Modification, ...]] | None, known_as: Substance | None = None) -> None:
        smiles = Chem.MolToSmiles(mol)
        if smiles not in self.by_smiles:
            mol = Chem.MolFromSmiles(smiles)
            formula = rdMolDescriptors.CalcMolFormula(mol) if mol is not None else ""
            fits = mol is not None and self.target.allows(rdMolDescriptors.CalcExactMolWt(mol), formula)
            self.by_smiles[smiles] = Candidate(smiles=smiles, mol=mol, formula=formula) if fits else None
        candidate = self.by_smiles[smiles]
        if candidate is None:
            return
        if route is not None:
            candidate.routes.append(route)
        candidate.known_as = candidate.known_as or known_as


def candidates(
    parents: Sequence[Start],
    target: Target,
    modifications: Sequence[Modification],
    *,
    known: Iterable[Substance] = (),
    searched: Iterable[Substance] = (),
) -> list[Candidate]:
    """Make every structure of the right mass that frequent modifications lead to.

    Parameters
    ----------
    parents : sequence of Start
        From :func:`starts`.
    target : Target
    modifications : sequence of Modification
    known : iterable of Substance
        Catalogue substances, proposed as they are where the mass fits.
    searched : iterable of Substance
        Substances of that mass whose reference spectra were searched: they were compared already, and did not fit.

    Returns
    -------
    list of Candidate
        Those with the most likely route first.
    """
    with rdBase.BlockLogs():
        collection = _Collection(target, searched)
        ordered = sorted(modifications, key=lambda row: row.mass_shift_da)
        shifts = np.array([row.mass_shift_da for row in ordered])
        margin = target.tolerance_da + (0.5 if target.nominal else 1e-4)
        for start in parents:
            neighbour, mol = start.neighbour, start.mol
            gap = target.mass_da - rdMolDescriptors.CalcExactMolWt(mol)
            first, last = np.searchsorted(shifts, [gap - margin, gap + margin])
            for change in ordered[first:last]:
                for product in modified(mol, change):
                    collection.add(product, (neighbour, (change,)))
        _twice(parents[:_MOST_TWICE], target, [row for row in ordered if row.n_pairs >= _FREQUENT], collection, margin)
        for substance in known:
            if substance.smiles and substance.exact_mass and not substance.isotope_labelled:
                fits = abs(substance.exact_mass - target.mass_da) <= margin
                if fits and (mol := flattened(Chem.MolFromSmiles(substance.smiles))) is not None:
                    collection.add(mol, None, substance)
    found = [candidate for candidate in collection.by_smiles.values() if candidate is not None]
    found.sort(key=lambda c: (-max(map(_route_weight, c.routes), default=-math.inf if c.known_as is None else 0.0), c.smiles))
    return found


def _twice(
    parents: Sequence[Start], target: Target, frequent: Sequence[Modification], collection: _Collection, margin: float
) -> None:
    """Two modifications of one substance, the most frequent pairs first, as many as time allows."""
    best: list[tuple[float, int, int, int]] = []
    usable: list[list[Modification]] = []
    for number, start in enumerate(parents):
        neighbour, mol = start.neighbour, start.mol
        here = [change for change in frequent if applicable(mol, change)]
        usable.append(here)
        gap = target.mass_da - rdMolDescriptors.CalcExactMolWt(mol)
        shifts = np.array([change.mass_shift_da for change in here])
        weights = np.array([change.log_frequency for change in here])
        near = math.log(max(neighbour.similarity, _DISTANT))
        if not here:
            continue
        one, two = np.nonzero(np.triu(np.abs(shifts[:, None] + shifts[None, :] - gap) <= margin))
        total = weights[one] + weights[two] + near
        for place in np.argsort(-total, kind="stable")[:_MOST_PAIRS].tolist():
            entry = (float(total[place]), -number, int(one[place]), int(two[place]))
            if len(best) < _MOST_PAIRS:
                heapq.heappush(best, entry)
            else:
                heapq.heappushpop(best, entry)
    for _, negative, one_place, two_place in sorted(best, reverse=True):
        neighbour, mol = parents[-negative].neighbour, parents[-negative].mol
        first, second = usable[-negative][one_place], usable[-negative][two_place]
        for between in modified(mol, first):
            for product in modified(between, second):
                collection.add(product, (neighbour, (first, second)))


def _environments(mol: Any, generator: Any) -> set[int]:
    return set(generator.GetSparseCountFingerprint(mol).GetNonzeroElements())


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
        wide = rdFingerprintGenerator.GetMorganGenerator(radius=3)
        known: dict[int, int] = {}
        for start in parents:
            for environment in _environments(start.mol, wide):
                known[environment] = known.get(environment, 0) + 1
        kin = [(start.neighbour.similarity, morgan.GetFingerprint(start.mol)) for start in parents[:_KIN] if start.is_near]
        weights = np.array([similarity**2 for similarity, _ in kin])
        of_class = next((row for row in drug_classes() if row.name == drug_class), None)
        for row, candidate in zip(rows, chosen, strict=True):
            row[:9] = _of_structure(candidate, known, len(parents), wide)
            row[6] = float(of_class is not None and of_class.matches(candidate.mol))
            if kin:
                likeness = DataStructs.BulkTanimotoSimilarity(morgan.GetFingerprint(candidate.mol), [bits for _, bits in kin])
                row[5] = float(weights @ np.array(likeness) / max(weights.sum(), 1e-12))
            row[9:] = _of_spectrum(candidate, signal)
    return chosen, rows


def _of_structure(candidate: Candidate, known: dict[int, int], n_parents: int, wide: Any) -> list[float]:
    """Frequency of the routes together, how it was reached, and how usual the structure is among its relatives."""
    once = [route for route in candidate.routes if len(route[1]) == 1]
    routes = once or candidate.routes
    frequency = float(np.logaddexp.reduce([sum(change.log_frequency for change in changes) for _, changes in routes])) if routes else 0.0
    similarity = max((neighbour.similarity for neighbour, _ in routes), default=0.0)
    environments = _environments(candidate.mol, wide)
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
