"""From a GC–MS run to its components: one clean spectrum for everything that eluted as a peak.

The way is that of AMDIS: the noise is estimated from the run itself; each ion's chromatogram gives its peaks with their exact places;
places where several ions peak at once are components; the sharpest of those ions, added up, are the component's model peak; and every
ion's chromatogram is then taken apart, by non-negative least squares, into the model peaks that overlap there and a straight baseline.
Compounds whose apexes are a scan or two apart are separated wherever each has ions that the other has not.

References
----------
Stein 1999, J. Am. Soc. Mass Spectrom. 10, 770, doi:10.1016/S1044-0305(99)00047-1 (noise factor, perception, model peak, deconvolution).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from nps_ident.errors import InputError
from nps_ident.model import Component, Finding, MassSpectrum, Severity
from nps_ident.spectra.column_bleed import bleed_share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nps_ident.model import Run

__all__ = ["RunComponents", "run_components", "with_shares"]

_LOWEST_MZ, _HIGHEST_MZ = 10, 1200
"""Unit masses that a GC–MS run can hold; anything else is no ion of a compound that elutes."""
_MOST_CELLS = 2 * 10**8
"""Scans times masses at most: 1.6 GB of numbers, five times an hour's run at ten scans a second."""
_NOISE_SEGMENT = 13
"""Scans of a segment in which noise is looked at (Stein 1999)."""
_RECORDED = 0.3
"""An ion there in fewer scans is no noise: an instrument that leaves noise out writes it under peaks only."""
_LEAST_SIGNAL_TO_NOISE = 5.0
"""A maximum must rise above both its sides by so many noise units; Stein's default asks for as much of the sharpest ions."""
_LEAST_IONS = 3
"""Ions that must peak together: fewer are no spectrum that identifies anything (``peaks.MIN_PEAKS``)."""
_PLACE_SPREAD = 0.35
"""Standard deviation, in scans, with which ions of one compound place their apex: Stein sorts apexes into tenths of a scan."""
_SHARP_SHARE = 0.75
"""Ions at least so sharp, relative to the sharpest, make the model peak (Stein 1999)."""
_MODEL_FOOT = 0.05
"""The model peak ends where it has fallen to this share of its height."""
_BASELINE_S = 45.0
"""The baseline under peaks is looked for over so many seconds: several times the width of a peak of capillary GC."""
_LEAST_SHARE_OF_BASE = 0.002
"""Peaks below 0.2 % of the base peak are not told from what the fit leaves over."""
_OWN_ION = 0.9
"""An ion is a component's own where it has at least this share of it."""
_ROUNDS = 2
"""Times the shapes are taken again from such ions; a third changes apexes by less than a hundredth of a scan."""
_GHOST = 0.1
"""A shape that its neighbours on both sides add up to, but for this share, is that of ions they share."""
_MOST_TOGETHER = 6
"""Overlapping models fitted together; the cost grows with the square of their number, and far neighbours do not meet."""
_SAME_SPECTRUM = 0.95
"""Cosine of two neighbours from which they are one peak seen twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunComponents:
    """What was found in a run.

    Parameters
    ----------
    components : tuple of Component
        By retention time; none where nothing rises above the noise.
    findings : tuple of Finding
        About the run as a whole.
    unexplained : float
        Share of the signal above the baseline that is in no component, 0 to 1.
    """

    components: tuple[Component, ...]
    findings: tuple[Finding, ...]
    unexplained: float


@dataclass(frozen=True, slots=True)
class _Chromatograms:
    """The run as a table: ``signal`` above the baseline and ``raw``, shape ``(n_scans, n_masses)``."""

    times: NDArray[np.float64]
    masses: NDArray[np.int64]
    raw: NDArray[np.float64]
    signal: NDArray[np.float64]
    noise_factor: float
    floor: float
    quiet: NDArray[np.float64]

    def noise(self, level: NDArray[np.float64] | float, columns: NDArray[np.int64] | int | slice = slice(None)) -> NDArray[np.float64]:
        """Standard deviation at an intensity of those ions: it grows with the root of the counts, and is nowhere below that of a quiet scan."""
        return np.asarray(np.maximum(self.noise_factor * np.sqrt(np.maximum(level, self.floor)), self.quiet[columns]))


@dataclass(frozen=True, slots=True)
class _Apex:
    """One maximum of one ion: its column, its place in scans, its height, and how sharply it rises, in noise units a scan."""

    column: int
    place: float
    height: float
    sharpness: float
    width: float


@dataclass(frozen=True, slots=True)
class _Model:
    """A component before deconvolution: its place in scans, and its peak shape from scan ``first`` on, with 1 as its height."""

    place: float
    first: int
    shape: NDArray[np.float64]
    width: float

    @property
    def last(self) -> int:
        """The scan behind its last."""
        return self.first + len(self.shape)


def run_components(run: Run) -> RunComponents:
    """Find the components of a run and take their spectra apart.

    Parameters
    ----------
    run : Run
        By EI-MS; m/z are summed into unit masses (a mass of n + 0.649 and more belongs to n + 1).

    Returns
    -------
    RunComponents
        Each component's spectrum is named ``run#number``, has unit masses ascending and the height of each ion at the apex.

    Raises
    ------
    InputError
        When the run is too large to be held as a table.
    """
    table, findings = _chromatograms(run)
    if table is None:
        text = "No scan of the run has a peak; there is nothing to find."
        nothing = Finding(code="RUN-001", severity=Severity.WARNING, text=text)
        return RunComponents(components=(), findings=(*findings, nothing), unexplained=0.0)
    saturated = _saturated(table)
    models = _models(table, _apexes(table))
    models, heights = _deconvolved(table, models)
    found, explained = _components(run, table, models, heights, saturated)
    above = float(table.signal.sum())
    unexplained = float(np.clip(1.0 - explained / above, 0.0, 1.0)) if above > 0 else 0.0
    if not found:
        findings.append(Finding(code="RUN-001", severity=Severity.WARNING, text="No peak of the run rises above its noise."))
    share = bleed_share(table.masses, (table.raw - table.signal).mean(axis=0))
    if share is not None:
        text = f"The baseline of the run is column bleed: {share:.0%} of it is siloxane ions; it was taken off."
        findings.append(Finding(code="RUN-010", severity=Severity.INFO, text=text))
    return RunComponents(components=tuple(found), findings=tuple(findings), unexplained=unexplained)


def _chromatograms(run: Run) -> tuple[_Chromatograms | None, list[Finding]]:
    findings: list[Finding] = []
    scan_of = np.repeat(np.arange(len(run.scans)), [scan.n_peaks for scan in run.scans])
    mz = np.concatenate([scan.mz for scan in run.scans])
    intensity = np.concatenate([scan.intensity for scan in run.scans])
    bins = np.floor(mz + 0.351)
    good = (bins >= _LOWEST_MZ) & (bins <= _HIGHEST_MZ) & (intensity > 0) & (intensity < 1e30)
    if left_out := int(np.count_nonzero(~good & (intensity > 0))):
        text = f"{left_out} peaks outside m/z {_LOWEST_MZ} to {_HIGHEST_MZ} were left out."
        findings.append(Finding(code="SPEC-002", severity=Severity.WARNING, text=text))
    if not good.any():
        return None, findings
    masses, columns = np.unique(bins[good].astype(np.int64), return_inverse=True)
    if len(run.scans) * len(masses) > _MOST_CELLS:
        size = f"{len(run.scans):,} scans and {len(masses)} masses"
        raise InputError(f"{run.name}: the run has {size}; expected at most {_MOST_CELLS:,} numbers.")
    raw = np.zeros((len(run.scans), len(masses)))
    np.add.at(raw, (scan_of[good], columns), intensity[good])
    times = run.times_s
    step = float(np.median(np.diff(times)))
    baseline = _baseline(raw, max(round(_BASELINE_S / step), 25))
    factor, floor = _noise(raw)
    return _Chromatograms(times, masses, raw, np.maximum(raw - baseline, 0.0), factor, floor, _quiet_noise(raw)), findings


def _baseline(raw: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """What stays under every peak narrower than ``width`` scans: an opening of the smoothed chromatogram, smoothed again.

    Beyond its ends the chromatogram goes on as it was: a slope there is baseline, and no peak that was cut off.
    """
    from scipy.ndimage import grey_opening, uniform_filter1d

    smooth = uniform_filter1d(raw, size=5, axis=0, mode="nearest")
    beyond = min(width, len(raw) - 1)
    longer = np.pad(smooth, ((beyond, beyond), (0, 0)), mode="reflect", reflect_type="odd")
    opened = uniform_filter1d(grey_opening(longer, size=(width, 1), mode="nearest"), size=max(width // 2, 3), axis=0, mode="nearest")
    return np.asarray(np.clip(opened[beyond : beyond + len(raw)], 0.0, smooth))


def _noise(raw: NDArray[np.float64]) -> tuple[float, float]:
    """The noise factor (noise over the root of the intensity), and the intensity below which the instrument writes nothing.

    Segments without a zero whose values cross their mean at least half as often as they could are noise and no peak (Stein 1999).
    """
    floor = float(np.percentile(raw[raw > 0], 0.5))
    n = len(raw) // _NOISE_SEGMENT
    if n:
        segments = raw[: n * _NOISE_SEGMENT].reshape(n, _NOISE_SEGMENT, -1)
        means = segments.mean(axis=1)
        deviation = segments - means[:, None, :]
        crossings = np.count_nonzero(np.diff(np.signbit(deviation), axis=1), axis=1)
        noisy = (segments.min(axis=1) > 0) & (crossings >= _NOISE_SEGMENT // 2)
        if np.count_nonzero(noisy) >= 10:
            factors = np.median(np.abs(deviation), axis=1)[noisy] / np.sqrt(means[noisy])
            return max(float(np.median(factors)), 1e-9), floor
    # Too few: an instrument that leaves its noise out cuts at about twice its standard deviation.
    return max(0.5 * np.sqrt(floor), 1e-9), floor


def _quiet_noise(raw: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviation of each ion in most scans, from the steps between neighbouring scans; 0 where it is recorded in few of them.

    Three steps in four are below 1.62 standard deviations of normal noise, and below 0.91 where the instrument cuts it off at zero.
    """
    if len(raw) < 2:
        return np.zeros(raw.shape[1])
    steps = np.quantile(np.abs(np.diff(raw, axis=0)), 0.75, axis=0)
    recorded = (raw > 0).mean(axis=0)
    return np.asarray(np.where(recorded >= 0.8, steps / 1.62, np.where(recorded >= _RECORDED, steps / 0.91, 0.0)))


def _saturated(table: _Chromatograms) -> NDArray[np.bool_]:
    """Where an ion stands at one and the same greatest value of the run in three scans one after the other."""
    top = table.raw.max()
    at_top = np.asarray(table.raw == top)
    run_of_three = at_top[:-2] & at_top[1:-1] & at_top[2:]
    saturated = np.zeros_like(at_top)
    for shift in range(3):
        saturated[shift : len(at_top) - 2 + shift] |= run_of_three
    return saturated


def _apexes(table: _Chromatograms) -> list[_Apex]:
    from scipy.signal import find_peaks

    found: list[_Apex] = []
    for column in range(len(table.masses)):
        trace = np.concatenate([[0.0], table.signal[:, column], [0.0]])
        least = _LEAST_SIGNAL_TO_NOISE * float(table.noise(0.0, column))
        if trace.max() < least:
            continue
        # Smoothed by 1-2-1 to find the maxima, since one scan of noise must not split a peak; their place is taken from the trace itself.
        smooth = np.convolve(trace, [0.25, 0.5, 0.25], mode="same")
        places, facts = find_peaks(smooth, prominence=least, width=1.0, rel_height=0.5)
        for at, rise, width in zip(places.tolist(), facts["prominences"].tolist(), facts["widths"].tolist(), strict=True):
            noise = float(table.noise(table.raw[min(max(at - 1, 0), len(table.raw) - 1), column], column))
            # What is highest at the very end of the run was not seen to rise and fall.
            if not 2 <= at - 1 < len(table.raw) - 2:
                continue
            # Three scans at least: a spike in one scan is no peak of a column.
            if rise < _LEAST_SIGNAL_TO_NOISE * noise or np.count_nonzero(trace[max(at - 1, 0) : at + 2]) < 3:
                continue
            place = at - 1 + _vertex(smooth, at)
            found.append(_Apex(column, place, float(smooth[at]), rise / (max(width, 1.0) * noise), width))
    return found


def _models(table: _Chromatograms, apexes: Sequence[_Apex]) -> list[_Model]:
    """Where several ions peak together, and the shape of the sharpest of them."""
    from scipy.signal import find_peaks

    if not apexes:
        return []
    places = np.array([apex.place for apex in apexes])
    weights = np.sqrt([apex.sharpness for apex in apexes])
    grid = np.arange(-1.0, len(table.times) + 1.0, 0.1)
    density = np.zeros(len(grid))
    for place, weight in zip(places.tolist(), weights.tolist(), strict=True):
        near = slice(*np.searchsorted(grid, [place - 4 * _PLACE_SPREAD, place + 4 * _PLACE_SPREAD]))
        density[near] += weight * np.exp(-0.5 * ((grid[near] - place) / _PLACE_SPREAD) ** 2)
    maxima, _ = find_peaks(density)
    centres = grid[maxima]
    if not len(centres):
        return []
    nearest = np.abs(places[:, None] - centres[None, :]).argmin(axis=1)
    models = []
    for number, centre in enumerate(centres.tolist()):
        members = [apexes[i] for i in np.flatnonzero((nearest == number) & (np.abs(places - centre) <= 1.0)).tolist()]
        if len({apex.column for apex in members}) < _LEAST_IONS:
            continue
        models.append(_model(table, members))
    return models


def _model(table: _Chromatograms, members: Sequence[_Apex]) -> _Model:
    sharpest = max(apex.sharpness for apex in members)
    chosen = [apex for apex in members if apex.sharpness >= _SHARP_SHARE * sharpest]
    trace = table.signal[:, sorted({apex.column for apex in chosen})].sum(axis=1)
    place = float(np.average([apex.place for apex in chosen], weights=[apex.sharpness for apex in chosen]))
    at = int(np.clip(round(place), 0, len(trace) - 1))
    at = max(range(max(at - 1, 0), min(at + 2, len(trace))), key=lambda i: float(trace[i]))
    first, last = _foot(trace, at, -1), _foot(trace, at, +1)
    shape = trace[first : last + 1] / trace[at]
    width = float(np.median([apex.width for apex in chosen]))
    return _Model(place, first, shape, width)


def _foot(trace: NDArray[np.float64], apex: int, way: int) -> int:
    """Downhill from the apex to the foot of the peak, over a step back up of a tenth of the height at most."""
    top, at, lowest = trace[apex], apex, apex
    while 0 <= at + way < len(trace):
        at += way
        if trace[at] < trace[lowest]:
            lowest = at
        if trace[at] <= _MODEL_FOOT * top or trace[at] > trace[lowest] + 0.1 * top:
            break
    return lowest


def _deconvolved(table: _Chromatograms, models: list[_Model]) -> tuple[list[_Model], NDArray[np.float64]]:
    """Heights of every ion in every model, shape ``(n_models, n_masses)``; neighbours that are one peak seen twice are joined."""
    models = _without_ghosts(models)
    for _ in range(_ROUNDS):
        models = _without_ghosts(_sharpened(table, models, _heights(table, models)))
    while True:
        heights = _heights(table, models)
        twin = next((i for i in range(len(models) - 1) if _is_one_peak(models, heights, i)), None)
        if twin is None:
            return models, heights
        weaker = twin if heights[twin].sum() < heights[twin + 1].sum() else twin + 1
        models = [model for i, model in enumerate(models) if i != weaker]


def _without_ghosts(models: list[_Model]) -> list[_Model]:
    """Leave out models that others add up to: ions that two compounds share peak together between them, where nothing eluted."""
    models = sorted(models, key=lambda model: model.place)
    left_over = [_left_over(models, i) for i in range(len(models))]
    while models:
        worst = int(np.argmin(left_over))
        if left_over[worst] > _GHOST:
            break
        gone = models.pop(worst)
        del left_over[worst]
        for i, model in enumerate(models):
            if model.first < gone.last and gone.first < model.last:
                left_over[i] = _left_over(models, i)
    return models


def _left_over(models: list[_Model], i: int) -> float:
    """Share of a shape that its neighbours do not add up to; infinite where it has none on one of its sides."""
    from scipy.optimize import nnls

    model = models[i]
    before = [other for other in models if other.place < model.place and other.last > model.place]
    behind = [other for other in models if other.place > model.place and other.first < model.place]
    if not (before and behind):
        return float("inf")
    span = slice(model.first, model.last)
    near = [other for other in models if other is not model and other.first < model.last and other.last > model.first]
    design = np.stack([_over(other, span) for other in near], axis=1)
    return float(nnls(design, model.shape)[1] / np.linalg.norm(model.shape))


def _over(model: _Model, span: slice) -> NDArray[np.float64]:
    """The model's shape over a span of scans, 0 where it is not."""
    at = np.arange(span.start, span.stop) - model.first
    inside = (at >= 0) & (at < len(model.shape))
    return np.where(inside, model.shape[np.clip(at, 0, len(model.shape) - 1)], 0.0)


def _sharpened(table: _Chromatograms, models: list[_Model], heights: NDArray[np.float64]) -> list[_Model]:
    """Shapes taken again from the ions that are a component's own, with what its neighbours put there taken off."""
    groups = {i: group for group in _overlapping(models) for i in group}
    better = []
    for i, model in enumerate(models):
        group = groups[i]
        own = heights[i] >= _OWN_ION * heights[group].sum(axis=0)
        own &= heights[i] >= _LEAST_SIGNAL_TO_NOISE * table.noise(heights[i])
        if len(group) < 2 or not own.any():
            better.append(model)
            continue
        first, last = min(models[j].first for j in group), max(models[j].last for j in group)
        rest = table.signal[first:last][:, own].copy()
        for j in group:
            if j != i:
                rest -= np.outer(_over(models[j], slice(first, last)), heights[j, own])
        trace = np.maximum(rest.sum(axis=1), 0.0)
        near = range(max(round(model.place) - first - 2, 0), min(round(model.place) - first + 3, len(trace)))
        at = max(near, key=lambda k: float(trace[k]), default=-1)
        if at < 0 or trace[at] <= 0:
            better.append(model)
            continue
        left, right = _foot(trace, at, -1), _foot(trace, at, +1)
        better.append(_Model(first + at + _vertex(trace, at), first + left, trace[left : right + 1] / trace[at], model.width))
    return better


def _vertex(trace: NDArray[np.float64], at: int) -> float:
    """How far the apex stands from the scan ``at``: the vertex of the parabola through it and its neighbours, -0.5 to 0.5."""
    if not 0 < at < len(trace) - 1:
        return 0.0
    before, top, after = (float(v) for v in trace[at - 1 : at + 2])
    bend = before - 2.0 * top + after
    return float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend < 0 else 0.0


def _is_one_peak(models: list[_Model], heights: NDArray[np.float64], i: int) -> bool:
    one, other = models[i], models[i + 1]
    if other.place - one.place > min(one.width, other.width):
        return False
    a, b = np.sqrt(heights[i]), np.sqrt(heights[i + 1])
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return size == 0.0 or float(a @ b) / size > _SAME_SPECTRUM


def _heights(table: _Chromatograms, models: list[_Model]) -> NDArray[np.float64]:
    """Height of every ion in every model, shape ``(n_models, n_masses)``.

    A few overlapping models are fitted together over all their scans; of a longer chain each over its own scans, with those that reach in.
    """
    heights = np.zeros((len(models), len(table.masses)))
    for group in _overlapping(models):
        if len(group) <= _MOST_TOGETHER:
            heights[group] = _fitted(table, [models[i] for i in group])
            continue
        for i in group:
            model = models[i]
            reaching = [models[j] for j in group if j != i and models[j].first < model.last and models[j].last > model.first]
            heights[i] = _fitted(table, [model, *reaching], slice(model.first, model.last))[0]
    return heights


def _fitted(table: _Chromatograms, models: list[_Model], span: slice | None = None) -> NDArray[np.float64]:
    from scipy.optimize import nnls

    span = span or slice(min(model.first for model in models), max(model.last for model in models))
    n = span.stop - span.start
    # A straight baseline, which may fall or rise but is nowhere below zero: one part falls from each end.
    lines = (np.linspace(1.0, 0.0, n), np.linspace(0.0, 1.0, n))
    design = np.stack([*(_over(model, span) for model in models), *lines], axis=1)
    heights = np.zeros((len(models), len(table.masses)))
    for column in np.flatnonzero(table.signal[span].any(axis=0)).tolist():
        heights[:, column] = nnls(design, table.signal[span, column])[0][: len(models)]
    return heights


def _overlapping(models: list[_Model]) -> list[list[int]]:
    """Models, in the order of their places, whose windows touch."""
    groups: list[list[int]] = []
    end = -1
    for i in sorted(range(len(models)), key=lambda i: models[i].first):
        if groups and models[i].first < end:
            groups[-1].append(i)
        else:
            groups.append([i])
        end = max(end, models[i].last)
    return groups


def _components(
    run: Run, table: _Chromatograms, models: list[_Model], heights: NDArray[np.float64], saturated: NDArray[np.bool_]
) -> tuple[list[Component], float]:
    """Components with a spectrum of their own, and the signal that they explain, in counts."""
    found: list[Component] = []
    explained = 0.0
    scans = np.arange(len(table.times))
    for i in sorted(range(len(models)), key=lambda i: models[i].place):
        model, row = models[i], heights[i]
        window = slice(model.first, model.last)
        noise = table.noise((table.raw - table.signal)[window].max(axis=0))
        keep = (row > 0) & (row >= _LEAST_SHARE_OF_BASE * row.max()) & (row >= noise)
        explained += float(row.sum() * model.shape.sum())
        if np.count_nonzero(keep) < _LEAST_IONS:
            continue
        seconds = float(np.interp(model.place, scans, table.times))
        area = float(row[keep].sum() * np.trapezoid(model.shape, table.times[window])) if len(model.shape) > 1 else 0.0
        notes: list[Finding] = []
        flat = saturated[window].any(axis=0) & keep
        if flat.any():
            listed = ", ".join(map(str, table.masses[flat][:5].tolist()))
            text = f"The detector was saturated at m/z {listed}: those peaks are too low, and a match factor with them."
            notes.append(Finding(code="RUN-002", severity=Severity.WARNING, text=text))
        bleed = bleed_share(table.masses[keep], row[keep])
        if bleed is not None:
            text = f"Column or septum bleed: {bleed:.0%} of the component's signal is siloxane ions, not of the sample."
            notes.append(Finding(code="RUN-003", severity=Severity.WARNING, text=text))
        number = len(found)
        spectrum = MassSpectrum(
            name=f"{run.name}#{number}",
            mz=table.masses[keep].astype(np.float64),
            intensity=np.round(row[keep], 3),
            technique=run.technique,
            retention_time_s=round(seconds, 3),
            findings=(*run.findings, *notes),
            source=None if run.source is None else replace(run.source, index=number),
        )
        found.append(Component(spectrum=spectrum, area=area, area_share=0.0, is_background=bleed is not None))
    return with_shares(found), explained


def with_shares(components: Sequence[Component]) -> list[Component]:
    """The components, each with its share of the area of all."""
    total = sum(component.area for component in components) or 1.0
    return [replace(component, area_share=component.area / total) for component in components]
