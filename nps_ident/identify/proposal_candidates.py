"""Structures that an unknown may have: one modification, or two, away from its nearest relatives.

What speaks for each of them is gathered by :mod:`nps_ident.identify.proposal_evidence`.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import rdMolDescriptors

from nps_ident.chemistry.fingerprints import flattened
from nps_ident.chemistry.formula import nominal_mass
from nps_ident.chemistry.modifications import applicable, modified

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nps_ident.chemistry.fragmentation import Explained
    from nps_ident.chemistry.modifications import Modification
    from nps_ident.model import Substance

__all__ = ["Candidate", "Neighbour", "Start", "Target", "candidates", "starts"]

_MOST_TWICE = 12
"""Nearest substances to which two modifications are applied."""
_MOST_PAIRS = 60
"""Pairs of modifications that are tried, the most frequent first."""
_FREQUENT = 4
"""Pairs of catalogue substances that a modification needs to be one of two."""
_DISTANT = 0.05
"""Similarity assumed of a substance of the class that the search did not find near."""


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
            mol = _flat(substance.smiles)
            if mol is not None:
                found.append(Start(neighbour=neighbour, mol=mol, is_near=is_near))
    return found


@lru_cache(maxsize=4096)
def _flat(smiles: str) -> Any:
    """The structure without stereochemistry, kept because the unknowns of one batch start from the same substances; None where unreadable."""
    mol = Chem.MolFromSmiles(smiles)
    return None if mol is None else flattened(mol)


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


def _route_weight(route: tuple[Neighbour, tuple[Modification, ...]]) -> float:
    neighbour, changes = route
    return math.log(max(neighbour.similarity, _DISTANT)) + sum(change.log_frequency for change in changes)


class _Collection:
    """Candidates by structure, and the check whether a product may be one."""

    def __init__(self, target: Target, searched: Iterable[Substance]) -> None:
        self.target = target
        self.by_smiles: dict[str, Candidate | None] = {}
        for substance in searched:
            mol = _flat(substance.smiles) if substance.smiles else None
            if mol is not None:
                self.by_smiles[Chem.MolToSmiles(mol)] = None

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
                if fits and (mol := _flat(substance.smiles)) is not None:
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
