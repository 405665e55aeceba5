"""The inverted library search (ILSA) of DART mass spectra with in-source fragmentation at several voltages.

A mixture shows the ions of all its components, so the question is turned round: how much of the reference is in the query?  Moorthy &
Sisco 2021, doi:10.1021/jasms.1c00097, updated by Moorthy, Tennyson & Sisco 2022, doi:10.1021/jasms.2c00090; the index is that of the first
paper's public prototype, DART-MS-DST (https://github.com/asm3-nist/DART-MS-DST, 2021).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nps_ident.errors import InputError
from nps_ident.similarity.pairing import candidate_pairs, one_to_one, usable_peaks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from nps_ident.model import MassSpectrum, Tolerance

__all__ = ["InvertedMatch", "VoltageMatch", "inverted_match", "target_peaks"]

NO_PEAK_BIAS_DA = 0.99
"""Mass bias where no reference peak was found: the voltage then adds next to nothing (DART-MS-DST prototype, 2021)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoltageMatch:
    """The comparison at one voltage.

    Parameters
    ----------
    explained : float
        FPIE, share of the reference's intensity whose peaks are in the query, 0 to 1.
    reverse : float
        Cosine over the reference's peaks alone, 0 to 1.
    mass_bias_da : float
        Standard deviation of the mass errors (absolute values) of the peaks found; the error itself for a single peak, 0.99 for none.
    n_found, n_peaks : int
        Reference peaks found, and all of them.
    """

    explained: float
    reverse: float
    mass_bias_da: float
    n_found: int
    n_peaks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InvertedMatch:
    """How well one reference substance explains a target peak of the query.

    Parameters
    ----------
    index : float
        With FPIE: max(0, 1 − |Δm|) · mean FPIE · (1 − mean bias), 0 to 1.
    reverse_index : float
        The same with the reverse cosine in place of FPIE.
    precursor_found : bool
        Whether the protonated molecule of the reference stands in the query of the lowest voltage.
    voltages : tuple of (float, VoltageMatch)
        Ascending.
    """

    index: float
    reverse_index: float
    precursor_found: bool
    voltages: tuple[tuple[float, VoltageMatch], ...]


def target_peaks(spectrum: MassSpectrum, *, min_relative: float) -> NDArray[np.float64]:
    """m/z of the peaks that ask for an explanation: those of at least ``min_relative`` of the base peak, ascending.

    Parameters
    ----------
    spectrum : MassSpectrum
        The query at its lowest voltage.
    min_relative : float
        In (0, 1].
    """
    if not 0 < min_relative <= 1:
        raise InputError(f"The 'min_relative' parameter of target_peaks must be in (0, 1]. Got {min_relative}.")
    mz, intensity = usable_peaks(spectrum)
    targets: NDArray[np.float64] = mz[intensity >= min_relative * intensity.max(initial=0.0)]
    return targets


def inverted_match(
    queries: Mapping[float, MassSpectrum],
    references: Mapping[float, MassSpectrum],
    *,
    target_mz: float,
    precursor_mz: float,
    tolerance: Tolerance,
) -> InvertedMatch:
    """Compare the spectra of one substance with those of a sample, voltage by voltage.

    Parameters
    ----------
    queries, references : mapping of float to MassSpectrum
        By voltage in V; the voltages that both have are compared.
    target_mz : float
        The peak of the query (see :func:`target_peaks`) that the substance is to explain.
    precursor_mz : float
        m/z of the substance's protonated molecule.
    tolerance : Tolerance
        Pairing window; each peak pairs at most once.

    Returns
    -------
    InvertedMatch
        The index is 0 where nothing of the reference is found.

    Raises
    ------
    InputError
        When no voltage is common, or a value is NaN or infinite.
    """
    common = sorted(set(queries) & set(references))
    if not common:
        raise InputError(f"Query voltages {sorted(queries)} and reference voltages {sorted(references)} have none in common.")
    if not (np.isfinite(target_mz) and np.isfinite(precursor_mz)):
        raise InputError(f"Target and precursor must be finite m/z. Got {target_mz} and {precursor_mz}.")
    matches = tuple((voltage, _at_one_voltage(queries[voltage], references[voltage], tolerance)) for voltage in common)
    nearness = max(0.0, 1.0 - abs(target_mz - precursor_mz))
    steadiness = max(0.0, 1.0 - float(np.mean([match.mass_bias_da for _, match in matches])))
    lowest, _ = usable_peaks(queries[common[0]])
    return InvertedMatch(
        index=nearness * float(np.mean([match.explained for _, match in matches])) * steadiness,
        reverse_index=nearness * float(np.mean([match.reverse for _, match in matches])) * steadiness,
        precursor_found=bool((np.abs(lowest - precursor_mz) <= tolerance.at(precursor_mz)).any()),
        voltages=matches,
    )


def _at_one_voltage(query: MassSpectrum, reference: MassSpectrum, tolerance: Tolerance) -> VoltageMatch:
    mz_q, i_q = usable_peaks(query)
    mz_r, i_r = usable_peaks(reference)
    index_q, index_r = candidate_pairs(mz_q, mz_r, tolerance)
    distance = np.abs(mz_q[index_q] - mz_r[index_r])
    chosen = one_to_one(index_q, index_r, -distance, distance=distance)
    found_q, found_r, errors = index_q[chosen], index_r[chosen], distance[chosen]
    if not len(chosen):
        return VoltageMatch(explained=0.0, reverse=0.0, mass_bias_da=NO_PEAK_BIAS_DA, n_found=0, n_peaks=len(mz_r))
    q, r = i_q[found_q] / i_q.max(), i_r / i_r.max()
    return VoltageMatch(
        explained=float(min(i_r[found_r].sum() / i_r.sum(), 1.0)),
        reverse=float(min((q * r[found_r]).sum() / np.sqrt((q**2).sum() * (r**2).sum()), 1.0)),
        mass_bias_da=float(np.std(errors, ddof=1)) if len(errors) > 1 else float(errors[0]),
        n_found=len(chosen),
        n_peaks=len(mz_r),
    )
