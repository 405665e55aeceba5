"""Mixtures of EI spectra: sums of invented spectra are taken apart, and spectra of one substance are not."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from made_up import ei_references, holds_the_contract, measured, msp

from nps_ident.cli import main
from nps_ident.identify import identify
from nps_ident.identify.mixture import is_perhaps_mixed
from nps_ident.library import Libraries
from nps_ident.library.build import build_library
from nps_ident.model import Identification, MassSpectrum, Technique, Verdict
from nps_ident.reports.report import report_html

if TYPE_CHECKING:
    from pathlib import Path

    from nps_ident.library.compiled import Library


def _sum(*parts: tuple[MassSpectrum, float], name: str = "sum") -> MassSpectrum:
    """Spectra added, each with its share of the signal."""
    height = np.zeros(2000)
    for spectrum, share in parts:
        at = np.rint(spectrum.mz).astype(int)
        np.add.at(height, at, share * spectrum.intensity / spectrum.intensity.sum())
    mz = np.flatnonzero(height)
    return MassSpectrum(name=name, technique=Technique.EI_MS, mz=mz.astype(float), intensity=height[mz] * 1e6)


def _two(first: int = 5, second: int = 40, share: float = 0.6) -> tuple[MassSpectrum, set[str]]:
    one, other = ei_references()[first], ei_references()[second]
    mixed = _sum((measured(one, seed=11), share), (measured(other, seed=12), 1 - share))
    return mixed, {str(one.label.inchikey), str(other.label.inchikey)}


def _asked(spectrum: MassSpectrum, library: Library) -> Identification:
    answer = identify(spectrum, Libraries((library,)), proposals=False)
    holds_the_contract(answer.to_dict())
    return answer


@pytest.mark.parametrize(("first", "second", "share"), [(5, 40, 0.6), (17, 90, 0.5), (60, 33, 0.7)])
def test_the_sum_of_two_replicates_is_a_mixture_of_both(ei_library: Library, first: int, second: int, share: float) -> None:
    """Both substances and no other, each with a share near the truth, and next to nothing unexplained."""
    mixed, truth = _two(first, second, share)
    answer = _asked(mixed, ei_library)
    assert answer.verdict is Verdict.MIXTURE
    assert answer.components is not None
    assert {component.substance.inchikey for component in answer.components} == truth
    assert answer.components[0].fraction == pytest.approx(max(share, 1 - share), abs=0.1)
    assert all(c.fraction_low < c.fraction < c.fraction_high and (c.probability or 0) >= 0.7 for c in answer.components)
    assert answer.unexplained_fraction is not None
    assert sum(c.fraction for c in answer.components) + answer.unexplained_fraction == pytest.approx(1.0)
    assert answer.unexplained_fraction < 0.1
    assert not answer.characterise


def test_three_substances_are_three_components(ei_library: Library) -> None:
    """A third does not hide behind the first two."""
    references = [ei_references()[i] for i in (5, 40, 77)]
    mixed = _sum(*((measured(reference, seed=20 + i), 1 / 3) for i, reference in enumerate(references)))
    answer = _asked(mixed, ei_library)
    assert {c.substance.inchikey for c in answer.components or ()} == {r.label.inchikey for r in references}


@pytest.mark.parametrize("noise", [0.1, 0.3, 0.6])
def test_a_spectrum_of_one_substance_is_never_a_mixture(ei_library: Library, noise: float) -> None:
    """However badly another laboratory's intensities agree."""
    for number in range(0, 60, 5):
        answer = _asked(measured(ei_references()[number], seed=number, noise=noise), ei_library)
        assert answer.verdict is not Verdict.MIXTURE


def test_a_substance_that_no_reference_covers_is_not_split_into_others(ei_library: Library) -> None:
    """A stranger alone names no components."""
    for seed in range(90, 96):
        stranger = ei_references(3, seed=seed)[2]
        assert _asked(replace(measured(stranger), label=measured(stranger).label), ei_library).verdict is not Verdict.MIXTURE


def test_what_two_components_leave_is_said_and_is_an_open_question(ei_library: Library) -> None:
    """A stranger beside two known substances: its share is unexplained, and described as an unknown."""
    stranger = ei_references(3, seed=77)[2]
    parts = ((measured(ei_references()[5], seed=1), 0.46), (measured(ei_references()[40], seed=2), 0.40), (measured(stranger), 0.14))
    answer = _asked(_sum(*parts), ei_library)
    assert answer.verdict is Verdict.MIXTURE
    assert {c.substance.inchikey for c in answer.components or ()} == {str(ei_references()[i].label.inchikey) for i in (5, 40)}
    assert answer.unexplained_fraction == pytest.approx(0.14, abs=0.04)
    [rest] = [finding.text for finding in answer.findings if finding.code == "IDENT-019"]
    assert "not explained by the components" in rest
    assert answer.characterise == (answer.unexplained_fraction >= 0.25)


def test_one_library_or_two_halves_of_it_give_the_same_components(ei_library: Library, tmp_path: Path) -> None:
    """The columns of several libraries are one matrix."""
    halves = [build_library(part, tmp_path / name, name=name) for name, part in (("a", ei_references()[:100]), ("b", ei_references()[100:]))]
    mixed, truth = _two(5, 140, 0.5)
    answer = identify(mixed, Libraries(tuple(halves)), proposals=False)
    assert {c.substance.inchikey for c in answer.components or ()} == truth


def test_a_match_without_foreign_peaks_is_not_taken_apart(ei_library: Library) -> None:
    """The first answer stands, and stays fast."""
    from nps_ident.confidence.calibration import shipped_calibration
    from nps_ident.confidence.decision import Support, decide
    from nps_ident.library.search import search
    from nps_ident.spectra.peaks import prepare

    query = prepare(measured(ei_references()[5]))
    hits = search(query, [ei_library], most=25)
    calibration = shipped_calibration(Technique.EI_MS, "full")
    decision = decide(hits, query.n_peaks, calibration, support=lambda: Support(drug_class=None, probability=0.0, nearest=()))
    assert decision.verdict is Verdict.MATCH
    assert not is_perhaps_mixed(query, decision)


def test_a_query_that_no_reference_shares_a_mass_with_has_no_components(ei_library: Library) -> None:
    """Nothing to fit is no mixture, and no exception."""
    from nps_ident.confidence.calibration import shipped_calibration
    from nps_ident.confidence.components import unmixed
    from nps_ident.similarity.match_factor import nominal

    calibration = shipped_calibration(Technique.EI_MS, "full")
    assert calibration is not None
    far = MassSpectrum(name="far", technique=Technique.EI_MS, mz=[1900.0, 1910.0, 1920.0], intensity=[9.0, 5.0, 3.0])
    assert unmixed(far, nominal(far.mz, far.intensity), [ei_library], calibration, most=25) is None


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    monkeypatch.setenv("NPS_IDENT_HOME", str(tmp_path / "home"))
    library, query = tmp_path / "library.msp", tmp_path / "query.msp"
    library.write_text(msp(ei_references()), encoding="utf-8")
    query.write_text(msp([_two()[0]]), encoding="utf-8")
    return library, query


def _printed(capsys: pytest.CaptureFixture[str], files: tuple[Path, Path], form: str) -> str:
    library, query = files
    options = ["--library", str(library), "--no-starter", "--no-record", "--technique", "ei", "--format", form]
    assert main(["identify", str(query), *options]) == 0
    return capsys.readouterr().out


def test_table_and_csv_show_every_component_with_share_and_probability(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Name, share of signal with its interval, probability: in one row, and in a table of their own."""
    names = {str(ei_references()[i].label.name) for i in (5, 40)}
    table = _printed(capsys, files, "table")
    assert "Verdict: mixture" in table
    assert "95 % interval" in table
    assert all(name in table for name in names)
    import csv

    [row] = csv.DictReader(io.StringIO(_printed(capsys, files, "csv")))
    assert row["verdict"] == "mixture"
    assert all(name in row["components"] for name in names)
    assert " % (" in row["components"]
    assert not row["name"], "the best part of a sum is not its answer"


def test_the_report_lists_the_components(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """From the written answer alone."""
    answer: dict[str, Any] = json.loads(_printed(capsys, files, "jsonl"))
    page = report_html(answer)
    assert "<h2>Components</h2>" in page
    assert all(part["name"] in page and part["inchikey"] in page for part in answer["components"])


def test_the_picture_shows_the_query_alone_with_its_components_beside_it(ei_library: Library) -> None:
    """No one reference answers for a sum, so none is drawn below it."""
    from nps_ident.reports.figures import drawing_of

    mixed, _ = _two()
    answer = _asked(mixed, ei_library)
    drawing = drawing_of(answer.to_dict(), answer.spectrum, answer.matches[0].reference_spectrum, answer.matches[0].substance)
    assert drawing.reference is None
    assert drawing.smiles is None
    assert all(any(line.startswith(f"{part.substance.name}: ") for line in drawing.lines) for part in answer.components or ())
