"""Two spectra side by side: which peaks they share, and every score that applies to them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from nps_ident.library.search_msms import PAIRING_DA, is_coarse
from nps_ident.model import Technique, Tolerance
from nps_ident.similarity.entropy import entropy_similarity
from nps_ident.similarity.hybrid import hybrid_entropy_similarity, hybrid_match_factor
from nps_ident.similarity.match_factor import match_factor, nominal
from nps_ident.similarity.modified_cosine import cosine, modified_cosine
from nps_ident.similarity.pairing import candidate_pairs, one_to_one, usable_peaks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nps_ident.model import MassSpectrum

__all__ = ["Score", "SharedPeaks", "mass_shift_da", "scores_of", "shared_peaks"]

_TOLERANCE = Tolerance.da(PAIRING_DA)
_UNIT_TOLERANCE = Tolerance.da(0.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One measure's answer: its name, its value and the value of identity (1 or 999)."""

    name: str
    value: float
    best: int

    def __str__(self) -> str:
        return str(min(round(self.value), self.best)) if self.best > 1 else f"{self.value:.3f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedPeaks:
    """The usable peaks of two spectra and which of them belong together.

    Parameters
    ----------
    query_mz, query_intensity, reference_mz, reference_intensity : ndarray of float64
        m/z ascending; the highest intensity is 100.
    in_query, in_reference : ndarray of bool
        Whether each peak has its counterpart.
    basis : str
        By what peaks were paired, in words.
    """

    query_mz: NDArray[np.float64]
    query_intensity: NDArray[np.float64]
    reference_mz: NDArray[np.float64]
    reference_intensity: NDArray[np.float64]
    in_query: NDArray[np.bool_]
    in_reference: NDArray[np.bool_]
    basis: str


def _at_unit_mass(query: MassSpectrum, reference: MassSpectrum) -> bool:
    """EI is compared at unit mass, and so is everything that was measured at unit mass on either side."""
    return any(s.technique is Technique.EI_MS or (s.n_peaks > 0 and is_coarse(s)) for s in (query, reference))


def shared_peaks(query: MassSpectrum, reference: MassSpectrum) -> SharedPeaks:
    """Pair the peaks of two spectra: at unit mass for EI, else one to one within ± 0.02 Da.

    Raises
    ------
    InputError
        When a peak is NaN or infinite.
    """
    mz_q, i_q = usable_peaks(query)
    mz_r, i_r = usable_peaks(reference)
    if _at_unit_mass(query, reference):
        units_q, units_r = np.floor(mz_q + 0.351), np.floor(mz_r + 0.351)
        in_q, in_r, basis = np.isin(units_q, units_r), np.isin(units_r, units_q), "at unit mass"
    else:
        index_q, index_r = candidate_pairs(mz_q, mz_r, _TOLERANCE)
        chosen = one_to_one(index_q, index_r, i_q[index_q] * i_r[index_r], distance=np.abs(mz_q[index_q] - mz_r[index_r]))
        in_q, in_r, basis = np.zeros(len(mz_q), dtype=bool), np.zeros(len(mz_r), dtype=bool), f"within ± {PAIRING_DA:g} Da"
        in_q[index_q[chosen]], in_r[index_r[chosen]] = True, True
    return SharedPeaks(
        query_mz=mz_q,
        query_intensity=100 * i_q / i_q.max() if len(i_q) else i_q,
        reference_mz=mz_r,
        reference_intensity=100 * i_r / i_r.max() if len(i_r) else i_r,
        in_query=in_q,
        in_reference=in_r,
        basis=basis,
    )


def mass_shift_da(query: MassSpectrum, reference: MassSpectrum) -> float | None:
    """Query minus reference: of the masses their labels state, else of their precursors; None where either is unknown."""
    masses = [_stated_mass(s) for s in (query, reference)]
    if masses[0] is not None and masses[1] is not None:
        return masses[0] - masses[1]
    if query.precursor_mz is not None and reference.precursor_mz is not None:
        return query.precursor_mz - reference.precursor_mz
    return None


def _stated_mass(spectrum: MassSpectrum) -> float | None:
    from nps_ident.chemistry.formula import exact_mass
    from nps_ident.errors import ChemistryError

    if spectrum.label.exact_mass is not None:
        return spectrum.label.exact_mass
    try:
        return exact_mass(spectrum.label.formula) if spectrum.label.formula else None
    except ChemistryError:
        return None


def scores_of(query: MassSpectrum, reference: MassSpectrum) -> tuple[Score, ...]:
    """Every measure that applies to two spectra.

    EI: identity and similarity match factors, and the hybrid one where the masses of both substances are known.  MS/MS and DART: entropy,
    cosine and, with precursors, modified cosine and hybrid entropy; at unit mass where either was measured so.

    Raises
    ------
    InputError
        When a peak is NaN or infinite.
    """
    shift = mass_shift_da(query, reference)
    unit = _at_unit_mass(query, reference)
    scores = []
    if unit:
        identity, reverse = match_factor(query, reference)
        simple, simple_reverse = match_factor(query, reference, identity=False)
        scores += [
            Score(name="match factor (identity)", value=identity, best=999),
            Score(name="reverse match factor (identity)", value=reverse, best=999),
            Score(name="match factor (similarity)", value=simple, best=999),
            Score(name="reverse match factor (similarity)", value=simple_reverse, best=999),
        ]
        if shift is not None and round(shift):
            value = hybrid_match_factor(query, reference, mass_shift_da=shift)
            scores.append(Score(name=f"hybrid match factor (shift {round(shift):+d} Da)", value=value, best=999))
    if Technique.EI_MS in {query.technique, reference.technique}:
        return tuple(scores)
    a, b, tolerance = (_binned(query), _binned(reference), _UNIT_TOLERANCE) if unit else (query, reference, _TOLERANCE)
    scores.append(Score(name="spectral entropy similarity", value=entropy_similarity(a, b, tolerance=tolerance), best=1))
    scores.append(Score(name="cosine", value=cosine(a, b, tolerance=tolerance)[0], best=1))
    if a.precursor_mz is not None and b.precursor_mz is not None and abs(a.precursor_mz - b.precursor_mz) > tolerance.at(a.precursor_mz):
        scores.append(Score(name="modified cosine", value=modified_cosine(a, b, tolerance=tolerance)[0], best=1))
        scores.append(Score(name="hybrid entropy similarity", value=hybrid_entropy_similarity(a, b, tolerance=tolerance), best=1))
    return tuple(scores)


def _binned(spectrum: MassSpectrum) -> MassSpectrum:
    bins = nominal(*usable_peaks(spectrum))
    precursor = None if spectrum.precursor_mz is None else float(round(spectrum.precursor_mz))
    return replace(spectrum, mz=bins.mz.astype(np.float64), intensity=bins.intensity, precursor_mz=precursor)
