"""Molecular formulae that an accurate mass allows, ranked by what drugs are made of and by the fragments they explain.

Filters: limits of element counts, integer rings-and-double-bonds of at least 0 (Senior's theorem and the nitrogen rule at the lowest valences),
ratios to carbon and joint limits of N, O, P and S as in the Seven Golden Rules, Kind & Fiehn 2007, doi:10.1186/1471-2105-8-105 (rules 1, 2, 4,
5 and 6; rule 3, isotopes, where a pattern is given; rule 7 is about silylated compounds).  Element limits and frequencies stand in two tables
beside this file.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from nps_ident.chemistry.formula import ELECTRON_MASS, exact_mass, hill_formula, parse_formula
from nps_ident.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from nps_ident.model import Tolerance

    _Grid = tuple[NDArray[np.float64], NDArray[np.int16]]

__all__ = ["DEFAULT_LIMITS", "ELEMENTS", "FormulaCandidate", "FormulaWeights", "formula_candidates", "formula_counts", "isotope_ratios"]

ELEMENTS = ("C", "H", "N", "O", "S", "P", "F", "Cl", "Br", "I")
"""The columns of every array of atom counts here."""
_HETERO = ELEMENTS[2:]
_MASSES = np.array([exact_mass(element) for element in ELEMENTS])
_HC_COMMON = (0.2, 3.1)
"""H/C of 99.7 % of 45,000 formulae: Kind & Fiehn 2007, table 2."""
_JOINT = (
    (("N", "O", "P", "S"), 1, {"N": 10, "O": 20, "P": 4, "S": 3}),
    (("N", "O", "P"), 3, {"N": 11, "O": 22, "P": 6}),
    (("O", "P", "S"), 1, {"O": 14, "P": 3, "S": 3}),
    (("P", "S", "N"), 1, {"P": 3, "S": 3, "N": 4}),
    (("N", "O", "S"), 6, {"N": 19, "O": 14, "S": 8}),
)
"""Where all the elements named occur more often than that, each stays below its limit: Kind & Fiehn 2007, table 3."""
_HIGHEST_MASS = 1000.0
_STRONGEST_FRAGMENTS, _CHECKED_BY_FRAGMENTS = 15, 250
_GAINED_HYDROGENS = 1
"""A fragment of a protonated molecule may hold one hydrogen more than the molecule."""

# Isotope abundances relative to the lightest: NIST, Atomic Weights and Isotopic Compositions 4.1 (2015).
_PLUS_ONE = {"C": 0.010816, "H": 0.000115, "N": 0.003653, "O": 0.000381, "S": 0.007896}
_PLUS_TWO = {"O": 0.002055, "S": 0.044741, "Cl": 0.319601, "Br": 0.972775}
_ISOTOPE_DEVIATION = 0.1
"""Relative standard deviation of an isotope ratio, with the same added absolutely on a hundredth of it: Kind & Fiehn 2007 ask for 2 to 10 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormulaWeights:
    """What each kind of evidence weighs in the log plausibility of a formula: a conditional logit (``benchmarks/accuracy/formulae.py``, 2026).

    ``size`` counts against formulae that have many sub-formulae, because those explain fragments by chance.
    """

    prior: float = 0.63
    mass: float = 1.31
    explained: float = 7.64
    size: float = -1.27


@dataclass(frozen=True, slots=True, kw_only=True)
class FormulaCandidate:
    """A formula that a mass allows.

    Parameters
    ----------
    formula : str
        Hill order, of the neutral molecule.
    mass_da : float
        Its monoisotopic mass.
    error_ppm : float
        The measured mass minus it.
    rdbe : float
        Rings and double bonds.
    log_prior : float
        Log frequency among catalogued drugs of its element counts and RDBE.
    size : float
        Log number of its sub-formulae.
    explained : float or None
        Share of the square root of fragment intensities that sub-formulae explain; None without fragments.
    isotope_fit : float or None
        Log likelihood of the isotope pattern, 0 at best; None without one.
    share : float
        Of the plausibility of all candidates.  It ranks; whether it is a probability ``benchmarks/accuracy/formulae.py`` measures.
    """

    formula: str
    mass_da: float
    error_ppm: float
    rdbe: float
    log_prior: float
    size: float
    explained: float | None
    isotope_fit: float | None
    share: float


@lru_cache(maxsize=1)
def _element_rows() -> dict[str, tuple[int, float]]:
    text = (files("nps_ident.chemistry") / "formula_elements.tsv").read_text(encoding="utf-8")
    return {row["element"]: (int(row["most"]), float(row["per_carbon"])) for row in csv.DictReader(text.splitlines(), delimiter="\t")}


@lru_cache(maxsize=1)
def _frequencies() -> dict[str, dict[int, int]]:
    text = (files("nps_ident.chemistry") / "formula_frequencies.tsv").read_text(encoding="utf-8")
    found: dict[str, dict[int, int]] = {}
    for row in csv.DictReader((line for line in text.splitlines() if not line.startswith("#")), delimiter="\t"):
        found.setdefault(row["what"], {})[int(row["count"])] = int(row["substances"])
    return found


DEFAULT_LIMITS: Mapping[str, int] = {element: most for element, (most, _) in _element_rows().items()}
"""Most atoms of each element but carbon and hydrogen, which the mass limits."""


@lru_cache(maxsize=8)
def _hetero_grid(limits: tuple[int, ...], highest: int) -> tuple[NDArray[np.float64], NDArray[np.int16]]:
    """Every combination of heteroatoms within the limits and below a mass: masses ascending, and counts in the order of ``_HETERO``."""
    masses, counts = np.zeros(1), np.zeros((1, 0), dtype=np.int16)
    for most, mass in zip(limits, _MASSES[2:].tolist(), strict=True):
        steps = np.arange(most + 1)
        masses = (masses[:, None] + mass * steps).ravel()
        counts = np.column_stack([np.repeat(counts, most + 1, axis=0), np.tile(steps, len(counts)).astype(np.int16)])
        counts, masses = counts[masses < highest], masses[masses < highest]
    order = np.argsort(masses, kind="stable")
    return masses[order], counts[order]


def formula_counts(
    mass_da: float, half_width_da: float, *, limits: Mapping[str, int] = DEFAULT_LIMITS, least_rdbe: float = 0.0
) -> NDArray[np.int64]:
    """Every formula CHNOSPFClBrI with at least one carbon whose mass lies within the window and whose RDBE is ``least_rdbe`` or more.

    Parameters
    ----------
    mass_da, half_width_da : float
    limits : mapping of str to int
        Most atoms of each heteroatom; one not named does not occur.
    least_rdbe : float

    Returns
    -------
    ndarray of int64, shape (n_formulae, 10)
        Atom counts in the order of :data:`ELEMENTS`, ordered by mass; integer and half-integer RDBE alike.
    """
    return _formulae_within(mass_da, half_width_da, _grid_to(mass_da, limits), least_rdbe)


def _grid_to(mass_da: float, limits: Mapping[str, int]) -> _Grid:
    # By steps of 100 Da, so that few grids are made and none is larger than it need be.
    return _hetero_grid(tuple(int(limits.get(element, 0)) for element in _HETERO), 100 * int(mass_da // 100 + 1))


def _formulae_within(mass_da: float, half_width_da: float, grid: _Grid, least_rdbe: float) -> NDArray[np.int64]:
    masses, counts = grid
    n_below = int(np.searchsorted(masses, mass_da + half_width_da - _MASSES[0], side="right"))
    rest = mass_da - masses[:n_below]
    hydrogen = _MASSES[1]
    # RDBE = C + 1 + (N + P - H - F - Cl - Br - I) / 2 is at least the limit: that bounds the hydrogens of each carbon skeleton.
    spare = 2.0 - 2.0 * least_rdbe + counts[:n_below] @ np.array([1, 0, 0, 1, -1, -1, -1, -1])
    most_carbons = np.floor((rest + half_width_da) / _MASSES[0]).astype(np.int64)
    fewest = np.ceil((rest - half_width_da - hydrogen * np.maximum(spare, 0.0)) / (_MASSES[0] + 2.0 * hydrogen)).astype(np.int64)
    found: list[NDArray[np.int64]] = []
    for fewer in range(int((most_carbons - np.maximum(fewest, 1)).max(initial=-1)) + 1):
        carbons = most_carbons - fewer
        left = rest - _MASSES[0] * carbons
        hydrogens = np.rint(left / hydrogen)
        good = (np.abs(left - hydrogens * hydrogen) <= half_width_da) & (carbons >= 1) & (hydrogens >= 0)
        good &= hydrogens <= 2 * carbons + spare
        at = np.flatnonzero(good)
        found.append(np.column_stack([carbons[at], hydrogens[at].astype(np.int64), counts[at].astype(np.int64)]))
    every = np.concatenate(found) if found else np.empty((0, len(ELEMENTS)), dtype=np.int64)
    return every[np.lexsort((*every.T[::-1], np.round(every @ _MASSES, 9)))]


def _rdbe(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    values: NDArray[np.float64] = 1.0 + counts @ np.array([1, -0.5, 0.5, 0, 0, 0.5, -0.5, -0.5, -0.5, -0.5])
    return values


def _is_plausible(counts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Rules 4, 5 and 6 of Kind & Fiehn; shape (n_formulae,)."""
    carbon = counts[:, 0]
    halogens = counts[:, 6:].sum(axis=1)
    # Halogens stand where hydrogens stood: a perhalogenated skeleton is no hydrogen-poor one.
    good: NDArray[np.bool_] = (counts[:, 1] + halogens >= _HC_COMMON[0] * carbon) & (counts[:, 1] <= _HC_COMMON[1] * carbon)
    for column, element in enumerate(_HETERO, start=2):
        good &= counts[:, column] <= _element_rows()[element][1] * carbon
    for elements, above, below in _JOINT:
        all_present = np.all([counts[:, ELEMENTS.index(element)] > above for element in elements], axis=0)
        too_many = np.any([counts[:, ELEMENTS.index(element)] >= limit for element, limit in below.items()], axis=0)
        good &= ~(all_present & too_many)
    return good


def _log_prior(counts: NDArray[np.int64], without: str | None) -> NDArray[np.float64]:
    """Log frequency among catalogued drugs of each element's count and of the RDBE, taken as independent; unseen counts as half a substance."""
    left_out = dict(zip(ELEMENTS, [0] * len(ELEMENTS), strict=True)) | (parse_formula(without) if without else {})
    values = {element: counts[:, ELEMENTS.index(element)] for element in _HETERO} | {"RDBE": np.floor(_rdbe(counts)).astype(np.int64)}
    own_rdbe = int(_rdbe(np.array([[left_out[element] for element in ELEMENTS]]))[0]) if without else None
    total = np.zeros(len(counts))
    for what, column in values.items():
        seen = _frequencies()[what]
        table = np.full(max(*seen, int(column.max(initial=0))) + 1, 0.5)
        for count, substances in seen.items():
            table[count] += substances - (without is not None and count == (own_rdbe if what == "RDBE" else left_out[what]))
        total += np.log(table / table.sum())[column]
    return total


def isotope_ratios(formula: str) -> tuple[float, float]:
    """Intensities of M + 1 and M + 2 relative to M, at unit mass."""
    counts = parse_formula(formula)
    one = sum(_PLUS_ONE.get(element, 0.0) * n for element, n in counts.items())
    two = sum(_PLUS_TWO.get(element, 0.0) * n for element, n in counts.items())
    pairs = sum(_PLUS_ONE.get(element, 0.0) ** 2 * n for element, n in counts.items())
    return one, two + (one * one - pairs) / 2.0


def _isotope_fit(formula: str, isotopes: tuple[float, float]) -> float:
    return -0.5 * sum(
        ((seen - expected) / (_ISOTOPE_DEVIATION * max(expected, seen) + _ISOTOPE_DEVIATION / 100)) ** 2
        for seen, expected in zip(isotopes, isotope_ratios(formula), strict=True)
    )


def _explained(
    candidates: NDArray[np.int64], grid: _Grid, mz: NDArray[np.float64], intensity: NDArray[np.float64], tolerance: Tolerance, charge: int
) -> NDArray[np.float64]:
    """Share of the square roots of the strongest fragments' intensities that have a sub-formula; shape (n_candidates,)."""
    order = np.argsort(-intensity, kind="stable")[:_STRONGEST_FRAGMENTS]
    weight = np.sqrt(intensity[order])
    most = candidates.max(axis=0)
    masses, hetero = grid
    allowed = np.all(hetero <= most[2:], axis=1)
    grid = masses[allowed], hetero[allowed]
    room = candidates.copy()
    room[:, 1] += _GAINED_HYDROGENS
    total = np.zeros(len(candidates))
    for place, share in zip(order.tolist(), (weight / weight.sum()).tolist(), strict=True):
        ion = float(mz[place])
        parts = _formulae_within(ion + charge * ELECTRON_MASS, tolerance.at(ion), grid, -0.5)
        parts = parts[np.all(parts <= most + (np.arange(len(ELEMENTS)) == 1), axis=1)]
        fits = np.zeros(len(candidates), dtype=bool)
        for part in parts:
            fits |= np.all(room >= part, axis=1)
        total += share * fits
    return total


def formula_candidates(
    mass_da: float,
    *,
    tolerance: Tolerance,
    fragments: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
    fragment_tolerance: Tolerance | None = None,
    charge: int = 1,
    isotopes: tuple[float, float] | None = None,
    limits: Mapping[str, int] = DEFAULT_LIMITS,
    permanent_ion: bool = False,
    most: int = 10,
    weights: FormulaWeights = FormulaWeights(),
    without: str | None = None,
) -> tuple[FormulaCandidate, ...]:
    """The likeliest molecular formulae of a measured mass.

    Parameters
    ----------
    mass_da : float
        Monoisotopic mass of the neutral molecule (:func:`nps_ident.chemistry.precursor_mass.neutral_mass_of`).
    tolerance : Tolerance
        Of that mass.
    fragments : tuple of (mz, intensity), optional
        Accurate MS/MS peaks of the singly charged ion; the 15 strongest count.
    fragment_tolerance : Tolerance, optional
        Needed with ``fragments``.
    charge : int
        +1 or -1, of the fragments.
    isotopes : tuple of float, optional
        Measured intensities of M + 1 and M + 2 relative to M.
    limits : mapping of str to int
        Most atoms of each element but C and H.
    permanent_ion : bool
        Also formulae of odd valence sum: the atoms of a permanent cation ([M]+).
    most : int
        Candidates returned at most, the likeliest first; ties by formula.
    weights : FormulaWeights
    without : str, optional
        A formula whose substance is taken out of the frequencies, for measuring.

    Raises
    ------
    InputError
        When the mass is not between 12 and 1000 Da, or fragments come without a tolerance.
    """
    if not 12.0 <= mass_da <= _HIGHEST_MASS:
        raise InputError(f"A mass for formulae must be between 12 and {_HIGHEST_MASS:g} Da. Got {mass_da:g}.")
    if fragments is not None and fragment_tolerance is None:
        raise InputError("Fragments need a fragment_tolerance. Got none.")
    half = tolerance.at(mass_da)
    grid = _grid_to(mass_da, limits)
    counts = _formulae_within(mass_da, half, grid, 0.0)
    counts = counts[_is_plausible(counts) & (permanent_ion | (_rdbe(counts) % 1.0 == 0.0))]
    if not len(counts):
        return ()
    deviation = (mass_da - counts @ _MASSES) / max(half / 2.0, 1e-9)
    prior = _log_prior(counts, without)
    size = np.log1p(counts).sum(axis=1)
    score = weights.prior * prior - 0.5 * weights.mass * deviation**2 + weights.size * size
    kept = np.argsort(-score, kind="stable")[:_CHECKED_BY_FRAGMENTS]
    counts, score, prior, size = counts[kept], score[kept], prior[kept], size[kept]
    explained: list[float | None] = [None] * len(counts)
    if fragments is not None and fragment_tolerance is not None and len(fragments[0]):
        shares = _explained(counts, grid, *fragments, fragment_tolerance, charge)
        score, explained = score + weights.explained * shares, [*shares.tolist()]
    formulae = [hill_formula(dict(zip(ELEMENTS, row, strict=True))) for row in counts.tolist()]
    fit: list[float | None] = [None] * len(counts)
    if isotopes is not None:
        fits = [_isotope_fit(formula, isotopes) for formula in formulae]
        score, fit = score + np.array(fits), [*fits]
    share = np.exp(score - np.logaddexp.reduce(score))
    order = sorted(range(len(counts)), key=lambda i: (-score[i], formulae[i]))[:most]
    exact, rdbe = counts @ _MASSES, _rdbe(counts)
    return tuple(
        FormulaCandidate(
            formula=formulae[i],
            mass_da=float(exact[i]),
            error_ppm=float((mass_da - exact[i]) / exact[i] * 1e6),
            rdbe=float(rdbe[i]),
            log_prior=float(prior[i]),
            size=float(size[i]),
            explained=explained[i],
            isotope_fit=fit[i],
            share=float(share[i]),
        )
        for i in order
    )
