"""Promises of ``nps-ident identify`` on GC–MS runs."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from made_up import ei_references, holds_the_contract, measured, msp
from runs_made_up import Scan, andi
from runs_with_truth import run_of

from nps_ident.cli import main

if TYPE_CHECKING:
    from nps_ident.library.compiled import Library


def scans_of(*places: tuple[int, float], height: float = 60000.0, **options: Any) -> list[Scan]:
    references = ei_references()
    peaks = []
    for number, time in places:
        reference = references[number]
        base = reference.intensity.max()
        peaks.append((time, height, {int(m): float(v / base) for m, v in zip(reference.mz, reference.intensity, strict=True)}))
    run = run_of(peaks, **options)
    return [(float(time) / 60.0, scan.mz.tolist(), scan.intensity.tolist()) for time, scan in zip(run.times_s, run.scans, strict=True)]


@pytest.fixture
def with_library(ei_library: Library) -> list[str]:
    return ["--no-starter", "--library", str(ei_library.folder)]


@pytest.fixture
def run_file(tmp_path: Path) -> Path:
    path = tmp_path / "exhibit.cdf"
    path.write_bytes(andi(scans_of((4, 90.0), (7, 110.0), (9, 111.5))))
    return path


def answers_of(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [holds_the_contract(json.loads(line)) for line in capsys.readouterr().out.splitlines()]


def test_a_run_gives_one_object_a_component_and_each_is_replayed(
    run_file: Path, with_library: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["identify", str(run_file), *with_library, "--format", "jsonl"]) == 0
    answers = answers_of(capsys)
    assert [answer["matches"][0]["name"] for answer in answers] == ["Substance 4", "Substance 7", "Substance 9"]
    assert [answer["query"]["id"] for answer in answers] == ["exhibit#0", "exhibit#1", "exhibit#2"]
    assert [round(answer["query"]["retention_time_s"]) for answer in answers] in ([90, 110, 111], [90, 110, 112])
    assert sum(answer["query"]["area_share"] for answer in answers) == pytest.approx(1.0, abs=1e-3)
    for answer in answers:
        assert main(["ledger", "replay", answer["record"]]) == 0


def test_blank_and_ladder_are_used_recorded_and_replayed(
    run_file: Path, with_library: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "blank.cdf").write_bytes(andi(scans_of((4, 90.2), height=50000.0, seed=8)))
    (tmp_path / "alkanes.csv").write_text("carbon_number,retention_time_s\n10,80\n11,100\n12,120\n", encoding="utf-8")
    aids = ["--blank", str(tmp_path / "blank.cdf"), "--alkanes", str(tmp_path / "alkanes.csv")]
    assert main(["identify", str(run_file), *with_library, *aids, "--format", "jsonl"]) == 0
    first, second, third = answers_of(capsys)
    assert "RUN-004" in [finding["code"] for finding in first["findings"]]
    assert "RUN-004" not in [finding["code"] for answer in (second, third) for finding in answer["findings"]]
    assert second["query"]["retention_index"] == pytest.approx(1150.0, abs=2.0)
    assert main(["ledger", "replay", first["record"]]) == 0
    (tmp_path / "blank.cdf").write_bytes(andi(scans_of((7, 90.2))))
    assert main(["ledger", "replay", first["record"]]) == 1, "another blank is another answer"


def test_a_broken_run_costs_no_other_its_answers(run_file: Path, with_library: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    folder = run_file.parent
    (folder / "a_broken.cdf").write_bytes(run_file.read_bytes()[:3000])
    (folder / "b_empty.cdf").write_bytes(andi(scans_of(background={44: 500.0, 91: 300.0})))
    (folder / "z.msp").write_text(msp([measured(ei_references()[3], name="Q")]), encoding="utf-8")
    assert main(["identify", str(folder), *with_library, "--format", "jsonl"]) == 1
    printed = capsys.readouterr()
    answers = [json.loads(line) for line in printed.out.splitlines()]
    assert [Path(answer["query"]["file"]).name for answer in answers] == ["exhibit.cdf"] * 3 + ["z.msp"]
    assert "retention_time_s" not in answers[-1]["query"]
    assert "a_broken.cdf: a damaged or cut-off netCDF file" in printed.err
    assert "b_empty.cdf: the run has no component" in printed.err
    assert "Traceback" not in printed.err


def test_a_wrong_ladder_is_one_sentence_and_the_run_is_answered(
    run_file: Path, with_library: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "alkanes.csv").write_text("carbon_number,retention_time_s\n10,120\n11,80\n", encoding="utf-8")
    assert main(["identify", str(run_file), *with_library, "--alkanes", str(tmp_path / "alkanes.csv"), "--format", "jsonl"]) == 1
    printed = capsys.readouterr()
    answers = [holds_the_contract(json.loads(line)) for line in printed.out.splitlines()]
    assert [answer["query"]["retention_index"] for answer in answers] == [None] * 3
    assert all("RUN-007" in [finding["code"] for finding in answer["findings"]] for answer in answers)
    assert "expected times that ascend with the carbon number" in printed.err


def test_table_and_csv_show_the_places_in_the_run(run_file: Path, with_library: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["identify", str(run_file), *with_library, "--no-record"]) == 0
    table = capsys.readouterr().out
    assert "retention_time_s" in table.splitlines()[0]
    assert "retention_index" not in table.splitlines()[0]
    assert main(["identify", str(run_file), *with_library, "--no-record", "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["retention_index"] for row in rows] == [""] * 3
    assert all(float(row["area_share"]) > 0 for row in rows)


def test_the_table_says_which_component_is_background(
    run_file: Path, with_library: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "blank.cdf").write_bytes(andi(scans_of((4, 90.2), height=50000.0, seed=8)))
    assert main(["identify", str(run_file), *with_library, "--no-record", "--blank", str(tmp_path / "blank.cdf")]) == 0
    _, _, *rows = capsys.readouterr().out.splitlines()
    assert ["in the blank as well" in row for row in rows] == [True, False, False]


def test_a_run_of_one_component_is_told_at_length_with_its_time(
    with_library: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "one.cdf").write_bytes(andi(scans_of((4, 90.0))))
    assert main(["identify", str(tmp_path / "one.cdf"), *with_library, "--no-record"]) == 0
    printed = capsys.readouterr().out
    assert "The only component of its run, at 90.0 s\n" in printed
    assert "Substance 4" in printed


def test_plot_draws_the_chromatogram_and_a_report_its_component(
    run_file: Path, with_library: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["identify", str(run_file), *with_library, "--format", "jsonl", "--plot", str(tmp_path / "run.svg")]) == 0
    [first, *_] = answers_of(capsys)
    assert (tmp_path / "run.svg").read_text(encoding="utf-8").startswith("<?xml")
    assert main(["report", first["record"], "--out", str(tmp_path / "page.html"), "--library", with_library[-1], "--no-starter"]) == 0
    assert "<svg" in (tmp_path / "page.html").read_text(encoding="utf-8")
    capsys.readouterr()
