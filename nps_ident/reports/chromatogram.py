"""The chromatogram of a run: its total ion current, the components numbered at their apexes and named beside it.

Matplotlib is loaded on the first call and used without its global figure list.  The same input gives the same bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nps_ident.errors import InputError
from nps_ident.model import Verdict
from nps_ident.reports.figures import drawable
from nps_ident.reports.wording import background_of, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from nps_ident.model import Identification, Run

__all__ = ["peak_name", "plot_run"]

# As in the mirror plot: black, vermilion and grey of the palette of Okabe & Ito 2008, https://jfly.uni-koeln.de/color/.
_TRACE, _NAMED, _OPEN, _BACKGROUND = "#000000", "#b8420a", "#0072b2", "#8c8c8c"
_STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "svg.hashsalt": "nps-ident",
    "svg.fonttype": "path",
    "axes.spines.top": False,
    "axes.spines.right": False,
}
_DPI = 200
_MOST_LISTED = 34
_LABEL_POINTS = 9.0
_LIKELIER_THAN_NOT = 0.5


def peak_name(answer: Identification) -> str:
    """What a component is called in a table or picture: its substance, its set, or in what it is left open."""
    background = background_of(answer)
    if background and answer.verdict not in {Verdict.MATCH, Verdict.ISOMER_SET}:
        return background
    name = _without_background(answer)
    return f"{name} ({background})" if background else name


def _without_background(answer: Identification) -> str:
    best = answer.best
    if answer.verdict is Verdict.MATCH and best is not None:
        return best.substance.name
    if answer.verdict is Verdict.ISOMER_SET:
        names = {match.substance.inchikey or match.substance.name: match.substance.name for match in answer.matches}
        return " or ".join(names.get(key, key) for key in answer.isomer_set or ())
    if answer.verdict in {Verdict.UNKNOWN_VARIANT, Verdict.CLASS_ONLY}:
        kind = answer.variant.drug_class if answer.variant else None
        if best is not None and (best.probability or 0.0) >= _LIKELIER_THAN_NOT:
            return f"perhaps {best.substance.name}"
        return f"not named; {kind}" if kind else "not named; a relative is supported"
    if answer.verdict is Verdict.MIXTURE:
        return "two or more substances"
    return "too little signal" if answer.verdict is Verdict.INADEQUATE else "not named"


def plot_run(run: Run, answers: Sequence[Identification], path: str | Path | None = None) -> Figure:
    """Draw the total ion current of a run with its components numbered and named.

    Parameters
    ----------
    run : Run
    answers : sequence of Identification
        Of its components, by retention time, numbered from 0 as their ids are.
    path : path-like, optional
        Also save it: ``.png`` or ``.svg``.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        When the ending of ``path`` is another one, or the picture cannot be written.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    ending = None if path is None else Path(path).suffix.lower()
    if ending not in {None, ".png", ".svg"}:
        raise InputError(f"{path}: a picture is written as .png or .svg. Got {ending or 'no ending'!r}.")
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(13.0, 6.2), dpi=100)
        FigureCanvasAgg(figure)
        ax = figure.add_axes((0.065, 0.12, 0.545, 0.76))
        _trace(ax, run, answers)
        _text(figure, 0.065, 0.945, printable(run.name, most=80), fontsize=13, fontweight="bold", va="center")
        _list(figure, answers)
        if path is not None:
            metadata = {"Date": None, "Creator": None} if ending == ".svg" else {"Software": None}
            try:
                figure.savefig(path, format=str(ending)[1:], dpi=_DPI, metadata=metadata)
            except OSError as error:
                raise InputError(f"{path}: the picture could not be written: {error.strerror or error}.") from error
    return figure


def _text(place: Any, x: float, y: float, text: str, **style: Any) -> Any:
    return place.text(x, y, drawable(text), parse_math=False, **style)


def _colour(answer: Identification) -> str:
    if background_of(answer):
        return _BACKGROUND
    return _NAMED if answer.verdict in {Verdict.MATCH, Verdict.ISOMER_SET} else _OPEN


def _trace(ax: Axes, run: Run, answers: Sequence[Identification]) -> None:
    minutes, current = run.times_s / 60.0, run.total_ion_current
    top = float(current.max()) or 1.0
    ax.plot(minutes, current, color=_TRACE, linewidth=0.9)
    margin = 0.02 * float(minutes[-1] - minutes[0])
    ax.set_xlim(float(minutes[0]) - margin, float(minutes[-1]) + margin)
    ax.set_ylim(0.0, 1.16 * top)
    ax.set_xlabel("retention time / min", fontsize=11)
    ax.set_ylabel("total ion current / counts", fontsize=11)
    ax.ticklabel_format(axis="y", style="sci", scilimits=(0, 0), useMathText=False)
    per_point = (ax.get_xlim()[1] - ax.get_xlim()[0]) / (0.545 * 13.0 * 72.0)
    taken: list[tuple[float, float]] = []
    width = 1.3 * _LABEL_POINTS * per_point * len(str(len(answers)))
    for number, answer in enumerate(answers):
        x = float(answer.spectrum.retention_time_s or 0.0) / 60.0
        height = _height(minutes, current, x)
        level = height + 0.02 * top
        # Numbers that would lie on one another stand one above the other.
        while any(abs(x - other) < width and abs(level - at) < 0.045 * top for other, at in taken):
            level += 0.05 * top
        taken.append((x, level))
        if level > height + 0.03 * top:
            ax.vlines([x], height, level, color=_colour(answer), linewidth=0.5)
        ax.text(x, level, str(number), ha="center", va="bottom", fontsize=_LABEL_POINTS, fontweight="bold", color=_colour(answer))
    if taken:
        ax.set_ylim(0.0, max(1.16 * top, max(level for _, level in taken) + 0.08 * top))


def _height(minutes: NDArray[np.float64], current: NDArray[np.float64], x: float) -> float:
    at = int(np.abs(minutes - x).argmin())
    return float(current[max(at - 1, 0) : at + 2].max())


def _list(figure: Figure, answers: Sequence[Identification]) -> None:
    left, top = 0.635, 0.945
    with_index = any(answer.spectrum.retention_index is not None for answer in answers)
    columns = [(0.0, "#"), (0.022, "min"), (0.066, "RI" if with_index else ""), (0.108 if with_index else 0.066, "area %")]
    name_at = columns[-1][0] + 0.052
    for offset, title in (*columns, (name_at, "component")):
        _text(figure, left + offset, top, title, fontsize=8.5, fontweight="bold", va="center")
    step = min(0.035, 0.86 / max(min(len(answers), _MOST_LISTED) + 1, 1))
    for row, (number, answer) in enumerate(list(enumerate(answers))[:_MOST_LISTED]):
        y = top - 0.045 - step * row
        spectrum = answer.spectrum
        cells = (
            str(number),
            f"{float(spectrum.retention_time_s or 0.0) / 60.0:.2f}",
            "" if not with_index else "-" if spectrum.retention_index is None else f"{spectrum.retention_index:.0f}",
            f"{100.0 * (answer.area_share or 0.0):.1f}",
        )
        for (offset, _), cell in zip(columns, cells, strict=True):
            _text(figure, left + offset, y, cell, fontsize=8.5, va="center", color=_colour(answer))
        best = answer.best if answer.verdict in {Verdict.MATCH, Verdict.CLASS_ONLY} else None
        likely = best.probability if best is not None and best.substance.name in peak_name(answer) else None
        words = peak_name(answer) + ("" if likely is None else f" ({100.0 * likely:.0f} %)")
        _text(figure, left + name_at, y, printable(words, most=38 if with_index else 44), fontsize=8.5, va="center", color=_colour(answer))
    if len(answers) > _MOST_LISTED:
        text = f"and {len(answers) - _MOST_LISTED} more, in the table"
        _text(figure, left, top - 0.045 - step * _MOST_LISTED, text, fontsize=8.5, va="center", color=_BACKGROUND)
    note = "Numbers as in the ids of the answers. Vermilion: named. Blue: left open. Grey: background. Area: share of signal, never of mass."
    _text(figure, 0.065, 0.025, note, fontsize=8, color="#404040")
