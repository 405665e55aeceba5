r"""How unlike two EI spectra remain once a drift of sensitivity with mass, which differs between instruments, is taken out.

Tuning and source conditions make one instrument weaker than another towards high mass, smoothly; isomers differ at single masses.  The log
ratio of intensities is fitted by a straight line in m/z, weighted least squares, and what the line leaves is the scatter.  Masses count by
:math:`\sqrt{m I}`, as in the match factor (Stein & Scott 1994, doi:10.1016/1044-0305(94)87009-8).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nps_ident.similarity.match_factor import NominalSpectrum, PeakRuns

__all__ = ["intensity_drift"]

_COMPARED_FROM = 20.0
"""Of 999: masses where neither spectrum is as intense as 2 % of its base peak are noise between laboratories."""
_FLOOR = 5.0
"""Added to both intensities of a ratio: below half a per cent a peak is as good as absent."""
_STEEPEST = 0.02
"""Drift allowed, in log units a dalton: a factor of seven over a hundred daltons; more is no tuning."""
_FEWEST = 3
"""Masses below which no line is fitted: it would pass through all of them."""
_MASS_POWER, _INTENSITY_POWER = 1.3, 0.53
"""Weights of the cosine: Kim et al. 2012, doi:10.1093/bioinformatics/bts083."""


def intensity_drift(query: NominalSpectrum, references: PeakRuns) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scatter and cosine of a query and several references, drift taken out.

    Parameters
    ----------
    query : NominalSpectrum
        With at least one peak.
    references : PeakRuns
        Each on unit masses, base peak at 999, with at least one peak.

    Returns
    -------
    scatter : ndarray of float64, shape (n_references,)
        Weighted mean of the absolute residual log ratios: 0 for equal spectra; 0.3 where intensities differ by a third.
    cosine : ndarray of float64, shape (n_references,)
        With weights m^1.3 I^0.53, the reference multiplied by the drift.
    """
    lengths = references.stop - references.start
    begin = np.cumsum(lengths) - lengths
    peaks = np.arange(int(lengths.sum())) + np.repeat(references.start - begin, lengths)
    row, mz, intensity = np.repeat(np.arange(len(lengths)), lengths), references.mz[peaks], references.intensity[peaks].astype(np.float64)
    ours = np.zeros(int(max(mz.max(), query.mz[-1])) + 1)
    ours[query.mz] = query.intensity
    theirs = np.zeros((len(lengths), len(ours)))
    theirs[row, mz] = intensity
    slope, centre, scatter = _line(ours, theirs, np.maximum(query.mz[0], references.mz[references.start]))

    corrected = mz**_MASS_POWER * intensity**_INTENSITY_POWER * np.exp(_INTENSITY_POWER * slope[row] * (mz - centre[row]))
    weighted = query.mz**_MASS_POWER * query.intensity**_INTENSITY_POWER
    ours[query.mz] = weighted / np.linalg.norm(weighted)
    cosine = np.add.reduceat(corrected * ours[mz], begin) / np.sqrt(np.add.reduceat(corrected * corrected, begin))
    return scatter, cosine


def _line(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], lowest: NDArray[np.int32]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Slope of the log ratio, the mass it turns about, and the scatter it leaves, for each row of intensities by mass.

    Masses below ``lowest``, where one of the scans begins, say nothing.
    """
    strong = np.flatnonzero((np.maximum(ours, theirs.max(axis=0)) >= _COMPARED_FROM) & (np.arange(len(ours)) >= lowest.min()))
    mass, ours, theirs = strong.astype(np.float64), ours[strong], theirs[:, strong]
    higher = np.maximum(ours, theirs)
    compared = (higher >= _COMPARED_FROM) & (mass >= lowest[:, None])
    weights = np.where(compared, np.sqrt(higher * mass), 0.0)
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)
    ratio = np.log((ours + _FLOOR) / (theirs + _FLOOR))
    ratio -= (weights * ratio).sum(axis=1, keepdims=True)
    centre = weights @ mass
    centred = mass - centre[:, None]
    spread = (weights * centred**2).sum(axis=1)
    slope = (weights * centred * ratio).sum(axis=1) / np.maximum(spread, 1e-12)
    slope = np.where(compared.sum(axis=1) < _FEWEST, 0.0, np.clip(slope, -_STEEPEST, _STEEPEST))
    scatter = (weights * np.abs(ratio - slope[:, None] * centred)).sum(axis=1)
    return slope, centre, scatter
