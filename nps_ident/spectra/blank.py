"""What a blank run of the same method shows as well, and what is left of a component without it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from nps_ident.model import Finding, Severity
from nps_ident.spectra.run_components import with_shares

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nps_ident.model import Component, MassSpectrum

__all__ = ["MOST_FROM_BLANK", "without_blank"]

_WINDOW_S = 3.0
"""Retention times of one compound in two injections one after the other differ by less."""
_ALIKE = 0.8
"""Cosine of the roots of the intensities from which two spectra at one place are taken for one compound's."""
MOST_FROM_BLANK = 1.0 / 3.0
"""A component with at least this share of its area in the blank says nothing about the sample: the sample must hold three times the blank."""


def without_blank(components: Sequence[Component], blank: Sequence[Component]) -> tuple[Component, ...]:
    """Take off what the blank holds.

    Parameters
    ----------
    components, blank : sequence of Component
        Of the run, and of a blank measured by the same method, from :func:`nps_ident.spectra.run_components.run_components`.

    Returns
    -------
    tuple of Component
        As many as were given, in their order: none is dropped.  One whose area is to a third or more in the blank is kept as it is and marked as
        background (``RUN-004``); of one with less, the blank's spectrum is taken off, and its area (``RUN-005``).
    """
    return tuple(with_shares([_against(component, blank) for component in components]))


def _against(component: Component, blank: Sequence[Component]) -> Component:
    near = [other for other in blank if abs(other.retention_time_s - component.retention_time_s) <= _WINDOW_S]
    near = [other for other in near if _cosine(component.spectrum, other.spectrum) >= _ALIKE]
    if not near:
        return component
    found = max(near, key=lambda other: other.area)
    share = found.area / component.area if component.area > 0 else 1.0
    if share >= MOST_FROM_BLANK:
        where = f"at {found.retention_time_s:.1f} s, with {min(share, 9.99):.0%} of this area"
        text = f"The blank shows the same {where}: background, not the sample."
        note = Finding(code="RUN-004", severity=Severity.WARNING, text=text)
        return replace(component, spectrum=component.spectrum.with_findings([note]), is_background=True)
    text = f"The blank shows the same at {found.retention_time_s:.1f} s, with {share:.0%} of this area; its spectrum was taken off."
    note = Finding(code="RUN-005", severity=Severity.INFO, text=text)
    heights = dict(zip(found.spectrum.mz.tolist(), found.spectrum.intensity.tolist(), strict=True))
    left = component.spectrum.intensity - np.array([heights.get(mass, 0.0) for mass in component.spectrum.mz.tolist()])
    keep = left > 0
    spectrum = replace(component.spectrum, mz=component.spectrum.mz[keep], intensity=left[keep]).with_findings([note])
    return replace(component, spectrum=spectrum, area=component.area - found.area)


def _cosine(first: MassSpectrum, second: MassSpectrum) -> float:
    masses = np.union1d(first.mz, second.mz)
    a, b = (np.zeros(len(masses)) for _ in range(2))
    for row, spectrum in ((a, first), (b, second)):
        row[np.searchsorted(masses, spectrum.mz)] = np.sqrt(spectrum.intensity)
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / size if size else 0.0
