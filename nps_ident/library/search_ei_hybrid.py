"""EI hybrid search: the nearest relatives of a substance that no library holds, once its mass is known or assumed.

Moorthy, Wallace, Kearsley, Tchekhovskoi & Stein 2017, doi:10.1021/acs.analchem.7b03320: a library peak may agree at its own place or shifted by
the difference of the two molecular masses, so that relatives differing by one group are found although most of their peaks differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nps_ident.library.hits import Hit, merged
from nps_ident.library.search_ei import peaks_of, screened_cosines
from nps_ident.similarity.hybrid import hybrid_match_factors
from nps_ident.similarity.match_factor import BASE_PEAK, PeakRuns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nps_ident.library.compiled import Library
    from nps_ident.similarity.match_factor import NominalSpectrum

__all__ = ["COMPARED", "Relatives", "hybrid_cosines", "hybrid_hits", "nominal_masses", "screened_relatives"]

COMPARED = 100
"""References passed from the quick hybrid cosine to the match factor: on 36 real spectra the best one by match factor was always among the first
50, and 98 % of the best ten among the first 100."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relatives:
    """References that resemble a query, of all libraries searched, most alike first.

    ``owner`` says which of ``members`` each row belongs to; ``exact_mass`` and ``nominal_mass`` are those of its substance; all of shape
    (n_references,).
    """

    members: tuple[Library, ...]
    owner: NDArray[np.int64]
    row: NDArray[np.int64]
    cosine: NDArray[np.float64]
    exact_mass: NDArray[np.float64]
    nominal_mass: NDArray[np.int64]
    runs: PeakRuns


def nominal_masses(exact_masses: NDArray[np.float64]) -> NDArray[np.int64]:
    """Nominal masses of drug-sized molecules from their exact masses: the mass defect of organic compounds below 1000 Da is under 0.5."""
    return np.rint(exact_masses).astype(np.int64)


def screened_relatives(
    query: NominalSpectrum, members: Sequence[Library], *, most: int, left_out: frozenset[str] = frozenset()
) -> Relatives:
    """The references whose spectra resemble the query's without any shift, if the mass of their substance is known.

    Half of the places are for substances of a drug class: in a large library of everything they would else be crowded out, and the relatives of
    an unknown drug are most often drugs.  Isotope-labelled references are passed over: their losses are those of no other substance.

    Parameters
    ----------
    most : int
        References returned at most, over all libraries; fewer where the best of a drug class are among the best of all.
    left_out : frozenset of str
        First blocks of InChIKeys whose references are passed over, for measuring how a substance that is not in the library fares.
    """
    present = tuple(member for member in members if "ei.substance" in member)
    cosines = [np.where(_masses(member)[0] > 0, screened_cosines(query, member), 0.0) for member in present]
    in_class = [np.where(_has_class(member), values, 0.0) for member, values in zip(present, cosines, strict=True)]
    found = sorted({*_best(present, cosines, (most + 1) // 2, left_out), *_best(present, in_class, most // 2, left_out)})
    owner, row = np.array([(place, row) for _, place, row in found], dtype=np.int64).reshape(-1, 2).T
    exact = np.array([_masses(present[place])[0][row] for _, place, row in found])
    return Relatives(
        members=present,
        owner=owner,
        row=row,
        cosine=np.array([-cosine for cosine, *_ in found]),
        exact_mass=exact,
        nominal_mass=nominal_masses(exact),
        runs=peaks_of([(present[place], at) for place, at in zip(owner.tolist(), row.tolist(), strict=True)]),
    )


def _best(
    members: Sequence[Library], cosines: Sequence[NDArray[np.float64]], most: int, left_out: frozenset[str]
) -> list[tuple[float, int, int]]:
    """The best rows of all libraries: negative cosine, place of the library, row; ascending."""
    found: list[tuple[float, int, int]] = []
    for place, (member, values) in enumerate(zip(members, cosines, strict=True)):
        n_wanted = min(most + 20 * len(left_out), len(values))
        rows = np.argpartition(-values, n_wanted - 1)[:n_wanted]
        found += [
            (-cosine, place, row)
            for row, cosine in zip(rows.tolist(), values[rows].tolist(), strict=True)
            if cosine > 0 and not _is_left_out(member, row, left_out)
        ]
    return sorted(found)[:most]


def _has_class(library: Library) -> NDArray[np.bool_]:
    """Whether the substance of each EI reference has a drug class."""

    def listed() -> NDArray[np.bool_]:
        rows, where = np.unique(library["ei.substance"], return_inverse=True)
        return np.array([library.substance(row).drug_class is not None for row in rows.tolist()])[where]

    return library.derived("ei.has drug class", listed)


def _masses(library: Library) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Exact and nominal mass of each EI reference's substance; 0 where it is unknown or the substance is isotope-labelled."""

    def exact() -> NDArray[np.float64]:
        rows, where = np.unique(library["ei.substance"], return_inverse=True)
        substances = [library.substance(row) for row in rows.tolist()]
        return np.array([0.0 if s.isotope_labelled or s.exact_mass is None else s.exact_mass for s in substances])[where]

    known = library.derived("ei.exact mass", exact)
    return known, nominal_masses(known)


def hybrid_cosines(query: NominalSpectrum, library: Library, *, nominal_mass: int) -> NDArray[np.float64]:
    """Hybrid cosine of the query with every EI reference under an assumed mass of its molecule.

    As the hybrid match factor, except that two peaks of a reference that fall on one of the query are not reconciled: quick enough for all.

    Returns
    -------
    ndarray of float64, shape (n_references,)
        0 where the mass of the reference's substance is not known or it is isotope-labelled.
    """
    _, masses = _masses(library)
    mz, start = library["ei.mz"], library["ei.peak_start"]
    root = library.derived("ei.sqrt(intensity)", lambda: np.sqrt(library["ei.intensity"]))
    owner_mass = library.derived("ei.mass of each peak's molecule", lambda: np.repeat(masses, np.diff(start)))
    total = np.add.reduceat(library["ei.intensity"], start[:-1], dtype=np.float64)
    size = int(max(mz.max(), query.mz[-1])) + 1
    ours = np.zeros(size + 1, dtype=np.float32)  # the last place stands for whatever lies outside
    ours[query.mz] = query.intensity
    moved = mz + (nominal_mass - owner_mass)
    there = ours[np.where((moved > 0) & (moved < size), moved, size)]
    there[owner_mass == nominal_mass] = 0.0
    sums = np.add.reduceat(root * np.sqrt(ours[mz] + there), start[:-1], dtype=np.float64)
    return np.where(masses > 0, sums / np.sqrt(total * query.intensity.sum()), 0.0)


def hybrid_hits(
    query: NominalSpectrum, members: Sequence[Library], *, mass_da: float, most: int = 10, left_out: frozenset[str] = frozenset()
) -> tuple[Hit, ...]:
    """The nearest substances of an unknown by hybrid search, one hit a substance, best first.

    Parameters
    ----------
    query : NominalSpectrum
    members : sequence of Library
        Those without EI references are passed over.
    mass_da : float
        Mass of the query's molecule, assumed or predicted (:func:`nps_ident.confidence.molecular_mass.predict_mass`); it counts as a
        nominal mass.
    most : int
        Substances returned at most.
    left_out : frozenset of str
        First blocks of InChIKeys whose references are passed over, for measuring how a substance that is not in the library fares.

    Returns
    -------
    tuple of Hit
        ``match_factor`` is the *hybrid* match factor and ``score`` the same over 999; ``mass_shift_da`` the whole number of Da by which the
        query's molecule is heavier; ``reference_mass_da`` the exact mass of the reference's.  Empty for a spectrum without peaks.
        Isotope-labelled references are passed over: their losses are those of no other substance.
    """
    nominal_mass = int(np.rint(mass_da))
    hits: list[Hit] = []
    for library in members:
        if len(query.mz) and "ei.substance" in library:
            hits += _hits_in(query, library, nominal_mass, left_out)
    return merged(hits, most=most)


def _hits_in(query: NominalSpectrum, library: Library, nominal_mass: int, left_out: frozenset[str]) -> list[Hit]:
    cosines = hybrid_cosines(query, library, nominal_mass=nominal_mass)
    n_wanted = min(COMPARED + 20 * len(left_out), len(cosines))
    rows = np.sort(np.argpartition(-cosines, n_wanted - 1)[:n_wanted])
    keep = [not _is_left_out(library, row, left_out) and cosines[row] > 0 for row in rows.tolist()]
    rows = rows[np.array(keep, dtype=bool)]
    start, (exact, nominal) = library["ei.peak_start"], _masses(library)
    runs = PeakRuns(mz=library["ei.mz"], intensity=library["ei.intensity"], start=start[rows], stop=start[rows + 1])
    factors, n_matched = hybrid_match_factors(query, runs, nominal_mass - nominal[rows])
    return [
        Hit(
            library=library,
            row=row,
            substance=library.substance(int(library["ei.substance"][row])),
            score=min(factor / BASE_PEAK, 1.0),
            match_factor=factor,
            weighted_cosine=float(cosines[row]),
            n_matched=matched,
            mass_shift_da=float(nominal_mass - nominal[row]),
            reference_mass_da=float(exact[row]),
            same_precursor=bool(nominal_mass == nominal[row]),
            support=min(factor / BASE_PEAK, 1.0),
        )
        for row, factor, matched in zip(rows.tolist(), factors.tolist(), n_matched.tolist(), strict=True)
    ]


def _is_left_out(library: Library, row: int, left_out: frozenset[str]) -> bool:
    return bool(left_out) and (library.substance(int(library["ei.substance"][row])).inchikey or "")[:14] in left_out
