"""Linear retention indices from a ladder of n-alkanes.

References
----------
van den Dool & Kratz 1963, J. Chromatogr. A 11, 463, doi:10.1016/S0021-9673(01)80947-X (temperature programmes: linear in time between two
neighbouring alkanes).  Kovats 1958, Helv. Chim. Acta 41, 1915, doi:10.1002/hlca.19580410703 (isothermal; not computed, since it needs the
hold-up time, which a run does not state).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nps_ident.errors import InputError

if TYPE_CHECKING:
    from nps_ident.model import AlkaneLadder, Run

__all__ = ["refuse_foreign_ladder", "retention_index"]


def retention_index(time_s: float, ladder: AlkaneLadder) -> float | None:
    """Linear retention index of a retention time.

    Parameters
    ----------
    time_s : float
        Retention time in seconds.
    ladder : AlkaneLadder

    Returns
    -------
    float or None
        100 n at the n-alkane with n carbons, linear in time between neighbours; None outside the ladder: nothing is extrapolated.
    """
    times, carbons = np.array(ladder.times_s), np.array(ladder.carbon_numbers, dtype=np.float64)
    if not times[0] <= time_s <= times[-1]:
        return None
    return float(100.0 * np.interp(time_s, times, carbons))


def refuse_foreign_ladder(ladder: AlkaneLadder, run: Run) -> None:
    """Refuse a ladder that cannot have been measured by the run's method.

    Raises
    ------
    InputError
        When less than two of its alkanes elute within the run: another method, or minutes given as seconds.
    """
    first, last = float(run.times_s[0]), float(run.times_s[-1])
    inside = sum(first <= time <= last for time in ladder.times_s)
    if inside < 2:
        spans = f"{ladder.times_s[0]:.1f} to {ladder.times_s[-1]:.1f} s"
        text = f"{ladder.name}: {inside} of its alkanes ({spans}) elute within {run.name} ({first:.1f} to {last:.1f} s)"
        raise InputError(f"{text}; expected a ladder of the same method, its times in the unit its column names.")
