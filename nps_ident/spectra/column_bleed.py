"""Column bleed: siloxanes of the stationary phase and of the septum, known by their ions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BLEED_IONS", "bleed_share"]

BLEED_IONS = (73, 147, 207, 221, 281, 295, 355, 369, 429, 503)
"""Ions of methylsiloxanes, [M-CH3]+ of the cyclic ones and (CH3)3Si+: D3 207, D4 281, D5 355 and 73, D6 429 and 341, D7 503 and 147, 221, 295
(spectra of the cyclic siloxanes in NIST WebBook, e.g. https://webbook.nist.gov/cgi/cbook.cgi?ID=C541026; SRD 69)."""
_TELLING = (207, 281, 355, 429)
_ISOTOPES = (1, 2)
_LEAST_SHARE = 0.5
"""Of the signal, in those ions and the two isotope peaks above each: silicon's isotopes alone make up a fifth of a siloxane's ion."""


def bleed_share(masses: NDArray[np.int64], intensity: NDArray[np.float64]) -> float | None:
    """How much of a spectrum is column or septum bleed, where it is such: at least half of its signal is siloxane ions.

    Parameters
    ----------
    masses, intensity : ndarray
        Unit masses and their intensities, shape ``(n_peaks,)``.

    Returns
    -------
    float or None
        None where it is no bleed.  Two of the [M-CH3]+ ions must be there: trimethylsilyl derivatives of drugs share 73 and 147 only.
    """
    total = float(intensity.sum())
    if total <= 0:
        return None
    ions = {ion + isotope for ion in BLEED_IONS for isotope in (0, *_ISOTOPES)}
    share = float(intensity[np.isin(masses, sorted(ions))].sum()) / total
    telling = sum(float(intensity[masses == ion].sum()) >= 0.02 * float(intensity.max()) for ion in _TELLING)
    return share if share >= _LEAST_SHARE and telling >= 2 else None
