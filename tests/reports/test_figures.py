"""The mirror plot."""

from __future__ import annotations

import math
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread

from nps_ident.errors import InputError
from nps_ident.model import MassSpectrum
from nps_ident.reports.figures import figure_svg, plot

from .answers import answer, ei, msms

if TYPE_CHECKING:
    from pathlib import Path


def _texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(mpl.text.Text) if text.get_text()]


def test_the_picture_says_who_matched_how_well_and_what_the_axes_are() -> None:
    texts = _texts(plot(answer()))
    assert {"Q-EI-000001", "Fentanyl", "C22H28N2O", "match factor 927 of 999", "probability 62 %"} <= set(texts)
    assert {"m/z", "relative intensity / %", "245"} <= set(texts)
    assert any("cannot tell apart" in text for text in texts)


def test_the_query_stands_up_and_the_reference_hangs_down() -> None:
    lines = [c.get_segments() for c in plot(answer()).axes[0].collections]
    tips = np.array([segment[1] for segments in lines for segment in segments])
    assert tips[:, 1].max() == pytest.approx(100)
    assert tips[:, 1].min() == pytest.approx(-100)


def test_the_same_answer_gives_the_same_bytes(tmp_path: Path) -> None:
    for ending in ("png", "svg"):
        for name in ("one", "two"):
            plot(answer(), tmp_path / f"{name}.{ending}")
        assert (tmp_path / f"one.{ending}").read_bytes() == (tmp_path / f"two.{ending}").read_bytes()
    assert b"<dc:date>" not in (tmp_path / "one.svg").read_bytes()


def test_svg_is_well_formed_whatever_the_name(tmp_path: Path) -> None:
    hostile = replace(answer(), spectrum=ei("<script>alert(1)</script> $\\frac{1$ \x1b[2J \u202e 海洛因 ]]> \n next"))
    plot(hostile, tmp_path / "hostile.svg")
    root = ET.parse(tmp_path / "hostile.svg").getroot()  # noqa: S314 - our own output
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert not [element for element in root.iter() if element.tag.endswith("script")]
    assert figure_svg(hostile).startswith("<svg")


def test_labels_do_not_touch_each_other() -> None:
    crowded = MassSpectrum(name="crowded", mz=np.arange(40, 140), intensity=[100 + (7 * i) % 53 for i in range(100)])
    figure = plot((crowded, msms("fine")))
    FigureCanvasAgg(figure).draw()
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    boxes = [t.get_window_extent(renderer) for t in figure.axes[0].texts if t.get_text().replace(".", "").isdigit()]
    assert len(boxes) > 6
    assert not [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]


def test_matched_peaks_are_marked_and_others_not() -> None:
    query, reference = msms("query"), msms("reference", shift=14.0157)
    dots = [line for line in plot((query, reference)).axes[0].lines if line.get_marker() == "o"]
    assert [sorted(line.get_xdata().tolist()) for line in dots] == [[105.0699, 132.0808, 188.1434]] * 2


def test_the_precursor_is_marked_with_the_decimals_that_the_file_gave() -> None:
    assert "precursor 337.2274" in _texts(plot((msms("a"), msms("b"))))
    assert "precursor 337.2" in _texts(plot((replace(msms("a"), precursor_mz=337.2, precursor_decimals=1), msms("b"))))


def test_without_candidates_the_query_stands_alone() -> None:
    figure = plot(answer(with_candidates=False))
    assert figure.axes[0].get_ylim()[0] == 0
    assert "No candidate." in _texts(figure)


def test_without_a_structure_the_place_beside_stays_free() -> None:
    assert len(plot(answer()).axes) == 2
    assert len(plot((msms("a"), msms("b"))).axes) == 1
    unreadable = answer()
    best = replace(unreadable.matches[0], substance=replace(unreadable.matches[0].substance, smiles="not a structure"))
    assert len(plot(replace(unreadable, matches=(best,))).axes) == 1


def test_it_draws_into_given_axes_and_nothing_else() -> None:
    figure = Figure()
    ax = figure.add_subplot()
    assert plot(answer(), ax=ax) is figure
    assert figure.axes == [ax]


def test_a_png_is_written_large_enough_for_print(tmp_path: Path) -> None:
    plot(answer(), tmp_path / "exhibit.PNG")
    assert imread(tmp_path / "exhibit.PNG").shape[:2] == (1280, 2200)


@pytest.mark.parametrize("name", ["picture.pdf", "picture", "picture.svg.exe"])
def test_another_ending_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"\.png or \.svg"):
        plot(answer(), tmp_path / name)
    assert not (tmp_path / name).exists()


def test_a_folder_that_does_not_exist_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="could not be written"):
        plot(answer(), tmp_path / "nowhere" / "picture.png")


def test_a_spectrum_that_holds_nan_is_refused() -> None:
    with pytest.raises(InputError, match="expected finite numbers"):
        plot((MassSpectrum(name="q", mz=[100.0], intensity=[math.nan]), ei()))


@pytest.mark.parametrize("peaks", [(), ((100.0, 0.0),), ((100.0, 5.0),)])
def test_empty_zero_and_single_peak_spectra_are_drawn(peaks: tuple[tuple[float, float], ...]) -> None:
    assert plot((ei("few", peaks), ei())).axes


def test_drawing_loads_no_pyplot_and_keeps_the_settings_of_the_user() -> None:
    code = (
        "import sys, matplotlib; matplotlib.rcParams['font.size'] = 5.5\n"
        "from nps_ident.model import MassSpectrum; from nps_ident.reports.figures import plot\n"
        "s = MassSpectrum(name='s', mz=[50.0], intensity=[1.0]); plot((s, s))\n"
        "assert 'matplotlib.pyplot' not in sys.modules; assert matplotlib.rcParams['font.size'] == 5.5\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
