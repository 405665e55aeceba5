"""The pictures of a validation: reliability, PAV, Tippett, empirical cross-entropy, scores.

Matplotlib is loaded on the first call and used without its global figure list.  The same input gives the same bytes.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from nps_ident.confidence.metrics import empirical_cross_entropy, log10_lrs_of, pav, reliability
from nps_ident.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from nps_ident.confidence.judging import Judged

__all__ = ["PICTURES", "draw", "picture_svg", "save_picture"]

# Black, vermilion and blue of the palette that colour-blind readers tell apart (Okabe & Ito 2008, https://jfly.uni-koeln.de/color/); line styles
# differ too, so that a black-and-white copy keeps them apart.
_BLACK, _VERMILION, _BLUE, _GREY = "#000000", "#b8420a", "#0072b2", "#8c8c8c"
_STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "svg.hashsalt": "nps-ident",
    "svg.fonttype": "path",
    "axes.unicode_minus": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "legend.frameon": False,
    "legend.fontsize": 8,
}
_DPI = 90
_WIDEST_LR = 6.5
"""log10 of the likelihood ratio at the edge of a plot: probabilities are held within 10⁻⁶ of 0 and 1."""

PICTURES = {
    "reliability": "Reliability: of the answers with about this probability, how many were right. On the dashed line the probability means "
    "what it says; above it, it is too cautious. Ten groups of equal count; bars are 95 % intervals by compound.",
    "pav": "PAV: the likelihood ratio that these answers would have supported, by pool-adjacent-violators, against the one behind the "
    "probability. On the dashed line it means what it says; below it, support is overstated at the right. Steps at the edge are infinite.",
    "tippett": "Tippett: the share of right and of wrong first candidates whose likelihood ratio lies above each value. Wrong ones above 0 "
    "mislead, and right ones below 0.",
    "cross_entropy": "Empirical cross-entropy: information still missing after the answer, for each prior odds that the first candidate is "
    "right. Below the dotted line the answer helps; the gap to the dashed one is what better calibration would save.",
    "scores": "Raw scores of the first candidate: right, wrong, and of queries whose substance is in no library searched.",
}
"""The pictures by name, with what a reader must know to read them."""


def draw(name: str, rows: Sequence[Judged], *, title: str = "", ax: Axes | None = None) -> Figure:
    """Draw one picture of :data:`PICTURES`.

    Parameters
    ----------
    name : str
    rows : sequence of Judged
        Answers without a probability are left out, but for the scores.
    title : str
    ax : matplotlib Axes, optional
        Draw into these.

    Raises
    ------
    InputError
        When the name is none of :data:`PICTURES`.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if name not in _DRAWN:
        raise InputError(f"The picture must be one of {', '.join(PICTURES)}. Got {name!r}.")
    with mpl.rc_context(_STYLE):
        if ax is not None:
            figure: Any = ax.figure
        else:
            figure = Figure(figsize=(4.6, 4.2), dpi=100, layout="tight")
            FigureCanvasAgg(figure)
            ax = figure.add_subplot()
        told = [row for row in rows if name == "scores" or row.probability is not None]
        right = [row.right for row in told]
        needs_both = name in {"pav", "tippett", "cross_entropy"}
        if not told or (needs_both and len(set(right)) < 2):
            why = "right and wrong answers with a probability are both needed" if told else "no answers with a probability"
            ax.text(0.5, 0.5, why, ha="center", va="center", transform=ax.transAxes, color=_GREY, fontsize=8, wrap=True)
            ax.set_axis_off()
        else:
            _DRAWN[name](ax, told)
        ax.set_title(title, loc="left", parse_math=False)
    return figure  # type: ignore[no-any-return]


def picture_svg(name: str, rows: Sequence[Judged], *, title: str = "") -> str:
    """The picture as an ``<svg>`` element, to be placed in a page."""
    import matplotlib as mpl

    buffer = BytesIO()
    with mpl.rc_context(_STYLE):
        draw(name, rows, title=title).savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue().decode("utf-8")
    return text[text.index("<svg") :]


def save_picture(names: Sequence[str], rows: Sequence[Judged], path: Path, *, title: str = "") -> None:
    """Save pictures side by side as PNG."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(4.3 * len(names), 4.0), dpi=_DPI, layout="tight")
        FigureCanvasAgg(figure)
        for place, name in enumerate(names):
            draw(name, rows, title=title if place == 0 else "", ax=figure.add_subplot(1, len(names), place + 1))
        figure.savefig(path, format="png", dpi=_DPI, metadata={"Software": None})


def _told(rows: Sequence[Judged]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.array([row.probability for row in rows], dtype=np.float64), np.array([row.right for row in rows], dtype=np.float64)


def _reliability(ax: Axes, rows: Sequence[Judged]) -> None:
    ax.plot([0, 1], [0, 1], color=_GREY, linestyle="--", linewidth=1)
    series = [("all queries", rows, _BLACK, "o", -0.004)]
    known = [row for row in rows if row.kind == "known"]
    if known and len(known) < len(rows):
        series.append(("known queries", known, _BLUE, "s", 0.004))
    for label, part, colour, marker, shift in series:
        p, y = _told(part)
        points = reliability(p, y, [row.truth.compound for row in part])
        x = np.array([point.mean_probability for point in points]) + shift
        share = np.array([point.share_right for point in points])
        bars = [share - [point.low for point in points], [point.high for point in points] - share]
        line: Any = {"color": colour, "marker": marker, "markersize": 4, "linewidth": 1, "elinewidth": 0.7, "capsize": 2}
        ax.errorbar(x, share, yerr=np.clip(bars, 0, 1), label=label, **line)
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylim(-0.02, 1.02)
    ax.set_xlabel("probability of the first candidate")
    ax.set_ylabel("share right")
    ax.legend(loc="upper left")


def _pav(ax: Axes, rows: Sequence[Judged]) -> None:
    p, y = _told(rows)
    given = log10_lrs_of(p, y)
    fitted = pav(given, y)
    prior = np.log10(y.sum() / (1 - y).sum())
    with np.errstate(divide="ignore"):
        supported = np.log10(fitted) - np.log10(1 - fitted) - prior
    order = np.argsort(given, kind="stable")
    edge = max(2.0, min(_WIDEST_LR, float(np.abs(given).max()) + 0.5))
    ax.plot([-edge, edge], [-edge, edge], color=_GREY, linestyle="--", linewidth=1)
    shown = np.clip(supported[order], -edge, edge)
    ax.plot(given[order], shown, color=_BLACK, linewidth=1.2, drawstyle="steps-post")
    for label, mark, colour in ((1, "|", _BLUE), (0, "|", _VERMILION)):
        chosen = given[y == label]
        height = -edge * (0.97 if label else 0.90)
        ax.plot(chosen, np.full(len(chosen), height), linestyle="none", marker=mark, color=colour, markersize=6, alpha=0.6)
        ax.plot([], [], linestyle="none", marker=mark, color=colour, label="right" if label else "wrong")
    ax.set_xlim(-edge, edge)
    ax.set_ylim(-edge, edge)
    ax.set_xlabel("log10 likelihood ratio given")
    ax.set_ylabel("log10 likelihood ratio supported")
    ax.legend(loc="upper left")


def _tippett(ax: Axes, rows: Sequence[Judged]) -> None:
    p, y = _told(rows)
    given = log10_lrs_of(p, y)
    ax.axvline(0, color=_GREY, linestyle="--", linewidth=1)
    for label, colour, style in ((1, _BLUE, "-"), (0, _VERMILION, "-.")):
        values = np.sort(given[y == label])
        share = 1 - np.arange(len(values) + 1) / len(values)
        xs = np.concatenate([[given.min() - 0.3], values, [given.max() + 0.3]])
        words = f"{'right' if label else 'wrong'} first candidates ({len(values)})"
        ax.step(xs, np.concatenate([share, [0.0]]), where="post", color=colour, linestyle=style, linewidth=1.2, label=words)
    ax.set_ylim(-0.02, 1.02)
    ax.set_xlabel("log10 likelihood ratio")
    ax.set_ylabel("share above")
    ax.legend(loc="lower left")


def _cross_entropy(ax: Axes, rows: Sequence[Judged]) -> None:
    p, y = _told(rows)
    given = log10_lrs_of(p, y)
    fitted = pav(given, y)
    with np.errstate(divide="ignore"):
        best = np.log10(fitted) - np.log10(1 - fitted) - np.log10(y.sum() / (1 - y).sum())
    priors = np.linspace(-2.5, 2.5, 101)
    neutral = empirical_cross_entropy(np.zeros(len(y)), y, priors)
    ax.plot(priors, empirical_cross_entropy(given, y, priors), color=_BLACK, linewidth=1.3, label="as answered")
    ax.plot(priors, empirical_cross_entropy(best, y, priors), color=_BLUE, linestyle="--", linewidth=1.2, label="best calibration (PAV)")
    ax.plot(priors, neutral, color=_GREY, linestyle=":", linewidth=1.5, label="without the answer")
    ax.axvline(0, color=_GREY, linewidth=0.6)
    ax.set_ylim(0, 1.5)
    ax.set_xlabel("log10 prior odds of right to wrong")
    ax.set_ylabel("empirical cross-entropy / bit")
    ax.legend(loc="upper right")


def _scores(ax: Axes, rows: Sequence[Judged]) -> None:
    groups = (
        ("known, right", [row.score for row in rows if row.kind == "known" and row.right], _BLUE, "-"),
        ("known, wrong", [row.score for row in rows if row.kind == "known" and not row.right], _VERMILION, "-."),
        ("in no library", [row.score for row in rows if row.kind != "known"], _BLACK, "--"),
    )
    bins = np.linspace(0, 1, 21).tolist()
    for label, values, colour, style in groups:
        if values:
            weights = np.full(len(values), 1 / len(values))
            words = f"{label} ({len(values)})"
            ax.hist(values, bins=bins, weights=weights, histtype="step", color=colour, linestyle=style, linewidth=1.3, label=words)
    ax.set_xlim(0, 1)
    ax.set_xlabel("raw score of the first candidate")
    ax.set_ylabel("share of the group")
    ax.legend(loc="upper left")


_DRAWN: dict[str, Callable[[Axes, Sequence[Judged]], None]] = {
    "reliability": _reliability,
    "pav": _pav,
    "tippett": _tippett,
    "cross_entropy": _cross_entropy,
    "scores": _scores,
}
