"""How well the ions of an EI record suit a molecule: the test that exposes shifted records and records filed under another substance.

Each ion adds, by the square root of its intensity, the logarithm of how much more signal the records of the starter library have (a) where so
many cuts and hydrogens away from a piece of the molecule, (b) at that m/z, (c) at that loss from the molecule, than they would by chance.
The sums for the ions as they stand, for the same ions one mass unit lower or higher, and for other molecules are compared; the score alone
says little.  The statistics are in ``ei_statistics.tsv``; ``python -m benchmarks.accuracy.planted_errors`` makes and tests them.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from nps_ident.catalogue.nominal_fragments import fewest_cuts
from nps_ident.chemistry.formula import nominal_mass, parse_formula
from nps_ident.chemistry.structures import read_structure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = [
    "Molecules",
    "Statistics",
    "impossible_losses",
    "learn",
    "molecules_of",
    "other_margin",
    "read_statistics",
    "scores",
    "shift_margin",
    "shipped_statistics",
    "statistics_rows",
]

Ions = tuple[tuple[int, float], ...]

MOST_MZ = 1200
"""m/z and losses that have a place in the tables; no ion of the starter library lies above 600."""

# Hydrogens gained or lost on the way from a piece to its ion, the likelier first: a mere cleavage needs none, a rearrangement one or two
# (McLafferty and Turecek, Interpretation of Mass Spectra, 4th ed. 1993, chapters 4 and 8).
_HYDROGENS = (0, -1, 1, -2, 2, -3, -4)
_CATEGORIES = ("none", *(f"{cuts} {hydrogens:+d}" for cuts in (0, 1, 2) for hydrogens in _HYDROGENS))

# Weight of the parts beside that of the cuts, by a conditional logit over the shifts -1, 0 and +1 on the starter library (460 compounds):
# 8.84 cuts, 8.56 m/z, 3.94 losses, 7.93 for an M+1 that carbon cannot explain.  Only their ratios matter here.
_MZ_WEIGHT, _LOSS_WEIGHT, _EXCESS_WEIGHT = 1.0, 0.45, 0.9
_CARBON_13 = 0.011  # M+1 for each carbon: 1.07 % by natural abundance (NIST 2015), rounded up
_EXCESS_ALLOWED = 3.0  # percent of the base peak: rounding of two whole percentages, and some self-protonation

_NO_SUCH_LOSS = frozenset((*range(5, 12), 22, 23))
"""Losses, in Da, that no atoms of an organic molecule add up to: above a few hydrogens the lightest is CH2 (14), above HF (20) and H2O with
three hydrogens (21) it is CN and C2H2 (26).  The classical test for a molecular ion (McLafferty and Turecek 1993, chapter 3) takes 4, 12 to 14,
21, 24 and 25 as well, which hydrogens lost one after another, or a neighbour in the spectrum, do show."""
IMPOSSIBLE_PERCENT = 5.0
"""From this share of the base peak on an impossible loss is an error: none of the records that ship shows one, and one of 1,316 other compounds
(``python -m benchmarks.accuracy.planted_errors``)."""


@dataclass(frozen=True, slots=True)
class Molecules:
    """Molecules as the test sees them.

    Parameters
    ----------
    keys : tuple of str
        InChIKeys.
    nominal_mass, n_carbon : ndarray of int64
        Shape ``(n_molecules,)``.
    categories : ndarray of int8
        Shape ``(n_molecules, MOST_MZ)``: the number of the category of each m/z, 0 where no piece of the molecule is near.
    """

    keys: tuple[str, ...]
    nominal_mass: NDArray[np.int64]
    n_carbon: NDArray[np.int64]
    categories: NDArray[np.int8]

    def place(self, key: str) -> int:
        """Row of a molecule."""
        return self.keys.index(key)


@dataclass(frozen=True, slots=True)
class Statistics:
    """Log-odds of categories, m/z and losses, in nats.

    Parameters
    ----------
    category : ndarray
        Shape ``(n_categories,)``.
    mz, loss : ndarray
        Shape ``(MOST_MZ,)``; losses are counted from -4 (isotopes) on.
    """

    category: NDArray[np.float64]
    mz: NDArray[np.float64]
    loss: NDArray[np.float64]


_LOWEST_LOSS = -4
_FIRST_LISTED = 40  # m/z near which the lists of ions begin


@lru_cache(maxsize=4096)
def _categories_of(smiles: str) -> NDArray[np.int8]:
    """Number the category of each m/z for a molecule: the likeliest where several are possible."""
    categories = np.zeros(MOST_MZ, np.int8)
    cuts = fewest_cuts(read_structure(smiles))
    for number, name in reversed(list(enumerate(_CATEGORIES[1:], 1))):  # the likeliest is written last
        n_cuts, hydrogens = map(int, name.split(" "))
        for mass, fewest in cuts.items():
            if fewest == n_cuts and 0 <= mass + hydrogens < MOST_MZ:
                categories[mass + hydrogens] = number
    categories.flags.writeable = False
    return categories


def molecules_of(structures: Mapping[str, tuple[str, str]]) -> Molecules:
    """Take molecules apart.

    Parameters
    ----------
    structures : mapping of str to (str, str)
        InChIKey to SMILES and formula.

    Raises
    ------
    ChemistryError
        When a structure or formula cannot be read.
    """
    categories = np.zeros((len(structures), MOST_MZ), np.int8)
    for row, (smiles, _) in zip(categories, structures.values(), strict=True):
        row[:] = _categories_of(smiles)
    masses = np.array([nominal_mass(formula) for _, formula in structures.values()], np.int64)
    carbons = np.array([parse_formula(formula).get("C", 0) for _, formula in structures.values()], np.int64)
    return Molecules(tuple(structures), masses, carbons, categories)


def _weights(ions: Ions) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    weight = np.sqrt(np.array([percent for _, percent in ions]))
    return np.array([mz for mz, _ in ions]), weight / weight.sum()


def learn(records: Sequence[tuple[Ions, str]], molecules: Molecules) -> Statistics:
    """Count where the records have their signal.

    Parameters
    ----------
    records : sequence of (ions, str)
        Ions as (nominal m/z, percent); the InChIKey of a molecule.

    Returns
    -------
    Statistics
        Smoothed by half a record for the categories, a twentieth of a record for m/z and losses.
    """
    seen, room, mz_seen, loss_seen = np.zeros(len(_CATEGORIES)), np.zeros(len(_CATEGORIES)), np.zeros(MOST_MZ), np.zeros(MOST_MZ)
    for ions, key in records:
        place = molecules.place(key)
        mz, weight = _weights(ions)
        np.add.at(seen, molecules.categories[place, mz], weight)
        span = molecules.categories[place, _FIRST_LISTED : mz[-1] + 2]
        room += np.bincount(span, minlength=len(_CATEGORIES)) / max(len(span), 1)
        np.add.at(mz_seen, mz, weight)
        np.add.at(loss_seen, np.clip(molecules.nominal_mass[place] - mz - _LOWEST_LOSS, 0, MOST_MZ - 1), weight)
    n = len(records)
    return Statistics(np.log((seen + 0.5) / (room + 0.5)), np.log((mz_seen + 0.05) / n), np.log((loss_seen + 0.05) / n))


@lru_cache(maxsize=1)
def shipped_statistics() -> Statistics:
    """Read ``ei_statistics.tsv``."""
    with (resources.files("nps_ident.catalogue") / "ei_statistics.tsv").open(encoding="utf-8") as lines:
        return read_statistics(lines)


def read_statistics(lines: Iterable[str]) -> Statistics:
    """Read the table: kind, value, log-odds; ``other`` is what all values without a row have."""
    rows: dict[str, dict[str, float]] = {}
    for row in csv.DictReader(lines, delimiter="\t"):
        rows.setdefault(row["kind"], {})[row["value"]] = float(row["log_odds"])
    category = np.array([rows["cuts and hydrogens"][name] for name in _CATEGORIES])
    mz, loss = (np.full(MOST_MZ, rows[kind].pop("other")) for kind in ("m/z", "loss"))
    for value, odds in rows["m/z"].items():
        mz[int(value)] = odds
    for value, odds in rows["loss"].items():
        loss[int(value) - _LOWEST_LOSS] = odds
    return Statistics(category, mz, loss)


def statistics_rows(statistics: Statistics) -> list[tuple[str, str, str]]:
    """Give the rows of the table, as :func:`read_statistics` takes them."""
    rows = [("cuts and hydrogens", name, f"{odds:.3f}") for name, odds in zip(_CATEGORIES, statistics.category, strict=True)]
    for kind, values, first in (("m/z", statistics.mz, 0), ("loss", statistics.loss, _LOWEST_LOSS)):
        least = values.min()
        rows.append((kind, "other", f"{least:.3f}"))
        rows += [(kind, str(place + first), f"{odds:.3f}") for place, odds in enumerate(values) if odds > least]
    return rows


def scores(ions: Ions, molecules: Molecules, statistics: Statistics, *, shift: int = 0) -> NDArray[np.float64]:
    """Sum the log-odds of the ions, as if each stood ``shift`` mass units higher, for every molecule.

    Parameters
    ----------
    ions : tuple of (int, float)
        Nominal m/z and percent of the base peak, ascending, at least one.

    Returns
    -------
    ndarray
        Shape ``(n_molecules,)``, in nats a unit of signal; only differences mean anything.
    """
    mz, weight = _weights(ions)
    at = np.clip(mz + shift, 0, MOST_MZ - 1)
    losses = np.clip(molecules.nominal_mass[:, None] - at - _LOWEST_LOSS, 0, MOST_MZ - 1)
    percent = np.zeros(MOST_MZ + 2)
    percent[at] = [intensity for _, intensity in ions]
    expected = _CARBON_13 * molecules.n_carbon * percent[np.clip(molecules.nominal_mass, 0, MOST_MZ)]
    excess = np.maximum(0.0, percent[np.clip(molecules.nominal_mass, 0, MOST_MZ) + 1] - expected - _EXCESS_ALLOWED) / 100
    odds = statistics.category[molecules.categories[:, at]] + _MZ_WEIGHT * statistics.mz[at] + _LOSS_WEIGHT * statistics.loss[losses]
    return odds @ weight - _EXCESS_WEIGHT * excess  # type: ignore[no-any-return]


def shift_margin(ions: Ions, key: str, molecules: Molecules, statistics: Statistics) -> tuple[float, int]:
    """Say by how much the ions suit their molecule better one mass unit off, and in which direction they would have to go.

    Returns
    -------
    margin : float
        Negative where the ions are best as they stand.
    shift : int
        -1 or +1.
    """
    only = slice(molecules.place(key), molecules.place(key) + 1)
    one = Molecules((key,), molecules.nominal_mass[only], molecules.n_carbon[only], molecules.categories[only])
    own, lower, higher = (float(scores(ions, one, statistics, shift=shift)[0]) for shift in (0, -1, 1))
    return (lower - own, -1) if lower >= higher else (higher - own, 1)


def other_margin(ions: Ions, key: str, molecules: Molecules, statistics: Statistics) -> tuple[float, str]:
    """Say by how much the likeliest other molecule suits the ions better than their own, and which it is.

    Returns
    -------
    margin : float
        Minus infinity where no other molecule is heavy enough.
    key : str
        Its InChIKey; of equal ones the first in the alphabet.
    """
    found = scores(ions, molecules, statistics)
    own = found[molecules.place(key)]
    possible = np.array([other[:14] != key[:14] for other in molecules.keys]) & (molecules.nominal_mass + 2 >= ions[-1][0])
    if not possible.any():
        return float("-inf"), key
    best = found[possible].max()
    return float(best - own), min(other for other, at, able in zip(molecules.keys, found, possible, strict=True) if able and at == best)


def impossible_losses(ions: Ions, nominal_mass_da: int) -> list[int]:
    """List the m/z of strong ions that a molecular ion would reach only by a loss for which there are no atoms."""
    return [mz for mz, percent in ions if percent >= IMPOSSIBLE_PERCENT and nominal_mass_da - mz in _NO_SUCH_LOSS]
