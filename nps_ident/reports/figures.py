"""The mirror plot: query up, reference down, matched peaks marked, the candidate's structure and the evidence beside it.

Matplotlib is loaded on the first call and used without its global figure list, so that a server or a worker process can draw.  The same
input gives the same bytes: no date, a fixed salt, one font that ships with matplotlib.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nps_ident.errors import InputError
from nps_ident.model import Identification, MassSpectrum
from nps_ident.reports.comparison import SharedPeaks, scores_of, shared_peaks
from nps_ident.reports.wording import VERDICT_WORDS, component_words, evidence_lines, printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from nps_ident.model import Substance

__all__ = ["Drawing", "drawable", "drawing_of", "figure_svg", "plot"]

# Black and vermilion of the palette that colour-blind readers tell apart (Okabe & Ito 2008, https://jfly.uni-koeln.de/color/); their
# lightness differs, so that a black-and-white copy keeps them apart as well.  Pale shades are for peaks without a counterpart.
_QUERY, _QUERY_PALE = "#000000", "#a0a0a0"
_REFERENCE, _REFERENCE_PALE = "#b8420a", "#e8b79c"
_NOTE = "#404040"
_STYLE: Any = {
    "font.family": "DejaVu Sans",
    "svg.hashsalt": "nps-ident",
    "svg.fonttype": "path",
    "axes.unicode_minus": True,
    "path.simplify": False,
}
_LABEL_POINTS = 8.0
_MOST_LABELS = 14
_LEAST_LABELLED = 4.0
"""Percent of the base peak below which no peak is labelled."""
_LEAST_ASIDE = 15.0
"""Percent from which a label may stand aside when there is no room above its peak."""
_DIGIT_EM = 0.636
"""Width of a digit of DejaVu Sans in units of its size; a point is half as wide."""
_DPI = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What a mirror plot shows: the spectra, the structure and the words; the first of the lines and headings is set bold."""

    query: MassSpectrum
    reference: MassSpectrum | None = None
    smiles: str | None = None
    heading: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()


def drawing_of(
    written: Mapping[str, Any], query: MassSpectrum, reference: MassSpectrum | None, substance: Substance | None = None
) -> Drawing:
    """Put together the mirror plot of an answer in the form of the result contract.

    Parameters
    ----------
    written : mapping
        ``nps-ident/identification/1``.
    query : MassSpectrum
    reference : MassSpectrum or None
        Of the best candidate; None draws the query alone.
    substance : Substance, optional
        The best candidate, for its structure and formula, which the contract does not hold.
    """
    heading = (str(written["query"]["id"]), f"Verdict {written['verdict']}: {VERDICT_WORDS[written['verdict']]}")
    if written.get("components"):  # no one reference answers for a sum
        rest = written["unexplained_fraction"]
        lines = ["Components, by signal", "", *map(component_words, written["components"])]
        return Drawing(query=query, heading=heading, lines=(*lines, *(() if rest is None else ("", f"{100 * rest:.0f} % not explained"))))
    if not written["matches"]:
        return Drawing(query=query, heading=heading, lines=("No candidate.",))
    best = written["matches"][0]
    parts = (substance.formula if substance else None, best["drug_class"])
    lines = [best["name"], *(part for part in parts if part), "", *evidence_lines(best), ""]
    lines += [f"reference {best['reference']}", f"from {best['source']}"]
    return Drawing(query=query, reference=reference, smiles=substance.smiles if substance else None, heading=heading, lines=tuple(lines))


def plot(
    result: Identification | tuple[MassSpectrum, MassSpectrum] | Drawing, path: str | Path | None = None, *, ax: Axes | None = None
) -> Figure:
    """Draw the mirror plot of an answer, or of two spectra.

    Parameters
    ----------
    result : Identification, (MassSpectrum, MassSpectrum) or Drawing
        An answer is drawn with its best candidate; an answer without candidates as the query alone.
    path : path-like, optional
        Also save it: ``.png`` or ``.svg``.
    ax : matplotlib Axes, optional
        Draw only the mirror, into these axes.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        When a peak is NaN or infinite, or the ending of ``path`` is another one.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    ending = None if path is None else Path(path).suffix.lower()
    if ending not in {None, ".png", ".svg"}:
        raise InputError(f"{path}: a picture is written as .png or .svg. Got {ending or 'no ending'!r}.")
    drawing = _drawing(result)
    query, reference = drawing.query, drawing.reference
    shared = shared_peaks(query, reference if reference is not None else _nothing())
    if ax is not None:
        _mirror(ax, shared, query, reference)
        figure = _whole_figure(ax)
        if path is not None:
            _save(figure, Path(path), str(ending))
        return figure
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(11.0, 6.4), dpi=100)
        FigureCanvasAgg(figure)
        _mirror(figure.add_axes((0.075, 0.125, 0.655, 0.735)), shared, query, reference)
        _heading(figure, drawing.heading)
        _beside(figure, drawing.smiles, drawing.lines)
        _foot(figure, shared, with_reference=reference is not None)
        if path is not None:
            _save(figure, Path(path), str(ending))
    return figure


def figure_svg(result: Identification | tuple[MassSpectrum, MassSpectrum] | Drawing) -> str:
    """Draw the mirror plot as an ``<svg>`` element, to be placed in a page."""
    import matplotlib as mpl

    buffer = BytesIO()
    with mpl.rc_context(_STYLE):
        plot(result).savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue().decode("utf-8")
    return text[text.index("<svg") :]


def _save(figure: Figure, path: Path, ending: str) -> None:
    metadata = {"Date": None, "Creator": None} if ending == ".svg" else {"Software": None}
    try:
        figure.savefig(path, format=ending[1:], dpi=_DPI, metadata=metadata)
    except OSError as error:
        raise InputError(f"{path}: the picture could not be written: {error.strerror or error}.") from error


def _whole_figure(ax: Axes) -> Figure:
    """Find the figure that axes stand in, also through a subfigure."""
    part: Any = ax.figure
    return part.figure  # type: ignore[no-any-return]


def _nothing() -> MassSpectrum:
    return MassSpectrum(name="", mz=np.empty(0), intensity=np.empty(0))


def _drawing(result: Identification | tuple[MassSpectrum, MassSpectrum] | Drawing) -> Drawing:
    if isinstance(result, Drawing):
        return result
    if isinstance(result, Identification):
        best = result.best
        reference, substance = (best.reference_spectrum, best.substance) if best else (None, None)
        return drawing_of(result.to_dict(), result.spectrum, reference, substance)
    query, reference = result
    technique = " against ".join(dict.fromkeys(s.technique.value if s.technique else "technique not given" for s in result))
    scores = [f"{score.name} {score} of {score.best}" for score in scores_of(query, reference)]
    return Drawing(
        query=query,
        reference=reference,
        smiles=reference.label.smiles,
        heading=(f"{query.name}  against  {reference.name}", technique),
        lines=(reference.label.name or reference.name, "", *scores),
    )


def _text(place: Any, x: float, y: float, text: str, **style: Any) -> Any:
    """Text that is shown as it is: no mathematics between dollar signs, and ``?`` for what the font does not have."""
    return place.text(x, y, drawable(text), parse_math=False, **style)


def drawable(text: str) -> str:
    """The text with ``?`` for each character that the font of the pictures does not have."""
    from matplotlib import font_manager

    font = font_manager.get_font(font_manager.findfont("DejaVu Sans"))
    return "".join(c if c == "\n" or font.get_char_index(ord(c)) else "?" for c in text)


def _heading(figure: Figure, heading: Sequence[str]) -> None:
    for line in heading[:1]:
        _text(figure, 0.075, 0.945, printable(line, most=78), fontsize=14, fontweight="bold", va="center")
    for line in heading[1:2]:
        _text(figure, 0.075, 0.895, line, fontsize=10.5, color=_NOTE, va="center")


def _beside(figure: Figure, smiles: str | None, lines: Sequence[str]) -> None:
    """Place the structure and, below it, the evidence in words."""
    image = _structure(smiles)
    top = 0.85
    if image is not None:
        place = figure.add_axes((0.765, 0.575, 0.225, 0.285))
        place.imshow(image, interpolation="lanczos")
        place.set_axis_off()
        top = 0.55
    wrapped = []
    for i, line in enumerate(lines):
        parts = textwrap.wrap(printable(line, most=110), 24 if i == 0 else 31) or [""]
        wrapped += [(part, i == 0) for part in parts]
    for i, (line, bold) in enumerate(wrapped[:20]):
        _text(figure, 0.770, top - 0.030 * i, line, fontsize=10.5 if bold else 9, fontweight="bold" if bold else "normal", va="top")


def _foot(figure: Figure, shared: SharedPeaks, *, with_reference: bool) -> None:
    if not with_reference:
        text = f"{len(shared.query_mz)} peaks; no reference."
    else:
        text = (
            f"Dark with a dot: peaks with a counterpart {shared.basis} ({np.count_nonzero(shared.in_query)} of {len(shared.query_mz)}"
            f" in the query, {np.count_nonzero(shared.in_reference)} of {len(shared.reference_mz)} in the reference). Pale: without."
        )
    _text(figure, 0.075, 0.022, text, fontsize=8, color=_NOTE)


def _mirror(ax: Axes, shared: SharedPeaks, query: MassSpectrum, reference: MassSpectrum | None) -> None:
    """Draw the mirror itself."""
    low, high = _limits(shared, query, reference)
    top = 118.0
    ax.set_xlim(low, high)
    ax.set_ylim(-top if reference is not None else 0, top)
    ax.axhline(0, color="black", linewidth=0.8)
    sides: list[tuple[int, NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_], tuple[str, str]]] = [
        (1, shared.query_mz, shared.query_intensity, shared.in_query, (_QUERY, _QUERY_PALE))
    ]
    if reference is not None:
        sides.append((-1, shared.reference_mz, shared.reference_intensity, shared.in_reference, (_REFERENCE, _REFERENCE_PALE)))
    for sign, mz, intensity, matched, (dark, pale) in sides:
        alone = ~matched if reference is not None else np.zeros(len(mz), dtype=bool)
        ax.vlines(mz[alone], 0, sign * intensity[alone], color=pale, linewidth=1.0)
        ax.vlines(mz[~alone], 0, sign * intensity[~alone], color=dark, linewidth=1.4)
        if reference is not None:
            dots = matched & (intensity >= 2.0)
            ax.plot(mz[dots], sign * intensity[dots], linestyle="none", marker="o", markersize=2.8, color=dark)
        _precursor(ax, query if sign > 0 else reference, sign, top)
        _label_peaks(ax, mz, intensity, sign, dark)
        name = "query" if sign > 0 else "reference"
        middle = (0.75 if sign > 0 else 0.25) if reference is not None else 0.5
        ax.text(1.012, middle, name, transform=ax.transAxes, rotation=90, va="center", ha="left", color=dark, fontsize=9.5)
    ax.set_xlabel("m/z", fontstyle="italic", fontsize=11)
    ax.set_ylabel("relative intensity / %", fontsize=11)
    ticks = [-100, -50, 0, 50, 100] if reference is not None else [0, 25, 50, 75, 100]
    ax.set_yticks(ticks, [str(abs(tick)) for tick in ticks])
    ax.tick_params(labelsize=9.5)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)


def _limits(shared: SharedPeaks, *spectra: MassSpectrum | None) -> tuple[float, float]:
    precursors = [s.precursor_mz for s in spectra if s is not None and s.precursor_mz is not None and np.isfinite(s.precursor_mz)]
    masses = np.concatenate([shared.query_mz, shared.reference_mz, precursors])
    if not len(masses):
        return 0.0, 100.0
    margin = max(0.045 * float(masses.max() - masses.min()), 3.0)
    return float(masses.min()) - margin, float(masses.max()) + margin


def _precursor(ax: Axes, spectrum: MassSpectrum | None, sign: int, top: float) -> None:
    """Mark the precursor by a dashed line with its m/z."""
    if spectrum is None or spectrum.precursor_mz is None or not np.isfinite(spectrum.precursor_mz):
        return
    x = float(spectrum.precursor_mz)
    ax.vlines([x], 0, sign * (top - 9), color=_NOTE, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0.5)
    decimals = 4 if spectrum.precursor_decimals is None else min(spectrum.precursor_decimals, 5)
    left, right = ax.get_xlim()
    side = "right" if x > (left + right) / 2 else "left"
    gap = 0.006 * (right - left) * (-1 if side == "right" else 1)
    ax.text(x + gap, sign * (top - 4), f"precursor {x:.{decimals}f}", fontsize=8, ha=side, va="center", color=_NOTE)


def _label_peaks(ax: Axes, mz: NDArray[np.float64], intensity: NDArray[np.float64], sign: int, colour: str) -> None:
    """Write m/z at the highest peaks where the number covers no other number and no higher peak."""
    decimals = 0 if not len(mz) or bool(np.all(np.abs(mz - np.rint(mz)) < 0.05)) else 4
    figure = _whole_figure(ax)
    box = ax.get_position()
    width_points, height_points = 72.0 * box.width * figure.get_figwidth(), 72.0 * box.height * figure.get_figheight()
    per_x = (ax.get_xlim()[1] - ax.get_xlim()[0]) / width_points
    per_y = abs(ax.get_ylim()[1] - ax.get_ylim()[0]) / height_points
    taken: list[tuple[float, float, float, float]] = []
    for i in np.lexsort((mz, -intensity)).tolist():
        if len(taken) == _MOST_LABELS or intensity[i] < _LEAST_LABELLED:
            break
        x, bottom, text = float(mz[i]), float(intensity[i]) + 3.0 * per_y, f"{mz[i]:.{decimals}f}"
        width = per_x * (_LABEL_POINTS * _DIGIT_EM * (len(text) - 0.5 * text.count(".")) + 3.0)
        height = 1.15 * _LABEL_POINTS * per_y
        # Above the peak; a large one else with its end, else with its beginning above the peak.
        beginnings = (x - width / 2, x - 0.88 * width, x - 0.12 * width)
        for left in beginnings if intensity[i] >= _LEAST_ASIDE else beginnings[:1]:
            space = (left, left + width, bottom, bottom + height)
            if _is_free(space, taken, mz, intensity):
                taken.append(space)
                above = "bottom" if sign > 0 else "top"
                label = ax.text(left + width / 2, sign * bottom, text, fontsize=_LABEL_POINTS, ha="center", va=above, color=colour)
                label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.8})
                break


def _is_free(
    space: tuple[float, float, float, float],
    taken: Sequence[tuple[float, float, float, float]],
    mz: NDArray[np.float64],
    intensity: NDArray[np.float64],
) -> bool:
    left, right, bottom, top = space
    if bool(((mz > left) & (mz < right) & (intensity > bottom)).any()):
        return False
    return all(right < a or left > b or top < c or bottom > d for a, b, c, d in taken)


def _structure(smiles: str | None) -> NDArray[np.float64] | None:
    """Draw the 2D structure as an image; None where there is no SMILES or it cannot be read."""
    if not smiles:
        return None
    from matplotlib.image import imread
    from rdkit import Chem
    from rdkit.Chem.Draw import rdMolDraw2D

    from nps_ident.chemistry.structures import read_structure
    from nps_ident.errors import ChemistryError

    try:
        molecule = read_structure(smiles)
    except ChemistryError:
        return None
    drawer = rdMolDraw2D.MolDraw2DCairo(800, 590)
    options: Any = drawer.drawOptions()
    options.useBWAtomPalette()
    options.bondLineWidth = 4
    options.padding = 0.04
    options.fixedBondLength = 70
    options.minFontSize = 30
    rdMolDraw2D.PrepareAndDrawMolecule(drawer, Chem.Mol(molecule))
    drawer.FinishDrawing()
    return np.asarray(imread(BytesIO(drawer.GetDrawingText()), format="png"), dtype=np.float64)
