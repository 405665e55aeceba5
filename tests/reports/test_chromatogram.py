"""The chromatogram of a run: every component has its number and its words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from made_up import ei_references
from runs_with_truth import run_of

from nps_ident.errors import InputError
from nps_ident.identify.run import identify_run
from nps_ident.library import open_library
from nps_ident.model import Finding, Severity, Verdict
from nps_ident.reports.chromatogram import peak_name, plot_run

if TYPE_CHECKING:
    from pathlib import Path

    from nps_ident.library.compiled import Library


@pytest.fixture(scope="module")
def answered(ei_library: Library) -> Any:
    references = ei_references()
    peaks = []
    for number, time in ((4, 80.0), (7, 110.0), (9, 111.5)):
        base = references[number].intensity.max()
        spectrum = {int(m): float(v / base) for m, v in zip(references[number].mz, references[number].intensity, strict=True)}
        peaks.append((time, 60000.0, spectrum))
    run = run_of(peaks)
    return run, identify_run(run, open_library(str(ei_library.folder), starter=False))


def words(figure: Any) -> list[str]:
    return [text.get_text() for place in (figure, *figure.axes) for text in place.texts]


def test_every_component_has_its_number_at_its_apex_and_its_row(answered: Any) -> None:
    run, answers = answered
    figure = plot_run(run, answers)
    [ax] = figure.axes
    numbers = {text.get_text(): text.get_position() for text in ax.texts}
    assert sorted(numbers) == ["0", "1", "2"]
    assert numbers["0"][0] == pytest.approx(80.0 / 60.0, abs=0.01)
    assert abs(numbers["1"][1] - numbers["2"][1]) > 0, "numbers that would lie on one another stand apart"
    assert any(text.startswith("Substance 4 (") for text in words(figure))
    assert ax.get_xlabel() == "retention time / min"


def test_the_line_is_the_total_ion_current(answered: Any) -> None:
    run, answers = answered
    line = plot_run(run, answers).axes[0].lines[0]
    assert line.get_ydata() == pytest.approx(run.total_ion_current)
    assert line.get_xdata() == pytest.approx(run.times_s / 60.0)


def test_names_say_what_is_known(answered: Any) -> None:
    _, (answer, *_) = answered
    bleed = Finding(code="RUN-003", severity=Severity.WARNING, text="It is bleed.")
    assert peak_name(answer) == "Substance 4"
    assert peak_name(replace(answer, findings=(bleed,))) == "Substance 4 (column bleed)"
    assert peak_name(replace(answer, verdict=Verdict.NO_MATCH, findings=(bleed,))) == "column bleed"
    assert peak_name(replace(answer, verdict=Verdict.NO_MATCH)) == "not named"
    assert peak_name(replace(answer, verdict=Verdict.CLASS_ONLY)) == "perhaps Substance 4"
    assert peak_name(replace(answer, verdict=Verdict.CLASS_ONLY, matches=answer.matches[1:])) == "not named; a relative is supported"
    keys = tuple(match.substance.inchikey for match in answer.matches[1::-1])
    two = [match.substance.name for match in answer.matches[1::-1]]
    assert peak_name(replace(answer, verdict=Verdict.ISOMER_SET, isomer_set=keys)) == " or ".join(two)


def test_hostile_names_are_shown_and_not_obeyed(answered: Any) -> None:
    run, answers = answered
    shown = words(plot_run(replace(run, name="$x$\nabc\u6f22"), answers))
    assert "$x$?abc?" in [text.replace("\N{REPLACEMENT CHARACTER}", "?") for text in shown]


def test_the_same_run_gives_the_same_bytes_and_other_endings_are_refused(answered: Any, tmp_path: Path) -> None:
    run, answers = answered
    for ending in ("svg", "png"):
        for name in ("a", "b"):
            plot_run(run, answers, tmp_path / f"{name}.{ending}")
        assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()
    with pytest.raises(InputError, match=r"written as .png or .svg. Got '.pdf'"):
        plot_run(run, answers, tmp_path / "a.pdf")
    with pytest.raises(InputError, match="could not be written"):
        plot_run(run, answers, tmp_path / "missing" / "a.png")
