"""The README says what is true: its commands, its output, its Python, its figures."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_there_are_two_commands_and_each_is_one_line_that_sets_itself_up(make: Any) -> None:
    assert re.findall(r"^<!-- command: (\w+) -->$", README, flags=re.MULTILINE) == ["identify", "tests"]
    for name in ("identify", "tests"):
        line = make.command(README, name)
        assert line.startswith("python3 -m venv .venv && .venv/bin/pip install ")


def test_the_continuous_integration_runs_the_second_command_as_the_readme_writes_it(make: Any) -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    [function] = re.findall(r"^command_of_readme\(\) \{.*?^\}$", script, flags=re.MULTILINE | re.DOTALL)
    assert 'tests="$(command_of_readme tests)"' in script
    assert 'bash -euo pipefail -c "$tests"' in script
    assert "pip install -q" not in script
    program = f'here="$1"\n{function}\ncommand_of_readme tests'
    run = ["bash", "-euc", program, "bash", str(ROOT)]
    found = subprocess.run(run, check=True, capture_output=True, text=True)
    assert found.stdout.splitlines() == [make.command(README, "tests")]


def test_the_printed_answer_is_the_answer_of_the_program(make: Any, tmp_path: Path) -> None:
    shown = make.block(README, "output: identify").removeprefix("```text\n").removesuffix("```")
    printed = make.identify_output(README, tmp_path)

    def without_record(text: str) -> list[str]:
        return [line for line in text.splitlines() if not line.startswith("Record ")]

    assert without_record(shown) == without_record(printed), "run `python docs/make.py`"
    assert list(tmp_path.glob("*.png")), "the first command draws a picture"


def test_the_accuracy_is_that_of_the_result_files(make: Any) -> None:
    assert make.block(README, "accuracy") == make.accuracy_table(make.RESULTS), "run `python docs/make.py`"


def test_every_figure_of_the_accuracy_table_stands_in_its_result_file(make: Any, tmp_path: Path) -> None:
    known = {"n": 3, "rank1": 0.5, "rank3": 0.75, "yield": 0.25, "wrong_match": 0.125, "ece": 0.0625, "cllr": 0.375}
    other = {"n": 2, "false_match": 0.5, "false_named": 1.0}
    scores = {"ei": {"known": known, "unknown": other, "decoy": {"n": 1, "false_match": 0.0, "false_named": 0.25}}}
    (tmp_path / "ei.json").write_text(f'{{"date": "2026-11-22", "scores": {scores}}}'.replace("'", '"'), encoding="utf-8")
    [row] = make.accuracy_table(tmp_path).splitlines()[2:]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    expected = "EI, 3 / 2 / 1, 0.500, 0.750, 0.250, 0.125, 0.500 / 0.000, 1.000 / 0.250, 0.062, 0.38, 2026-11-22"
    assert cells == expected.split(", ")


def test_a_result_file_scores_the_technique_of_its_name(make: Any) -> None:
    for stem in make.ACCURACY_ROWS:
        scores = json.loads((make.RESULTS / f"{stem}.json").read_text(encoding="utf-8"))["scores"]
        assert list(scores) == [stem.partition("-")[0]]


def test_the_speed_is_that_of_the_result_file(make: Any) -> None:
    assert make.block(README, "speed") == make.speed_table(make.SPEED), "run `python docs/make.py`"


def test_a_row_of_the_speed_table_says_whose_time_and_which_ratio(make: Any, tmp_path: Path) -> None:
    row = {"name": "read MSP", "peer": "matchms", "ours_median_s": 0.25, "peer_median_s": 2.0, "ratio": 8.0, "ratio_is": "peer / ours"}
    alone = {**row, "name": "open", "peer": None, "peer_median_s": None, "ours_median_s": 0.001}
    settings = {"date": "2026-11-22", "python": "3.11.7", "machine": "Linux, 2 cores", "thread_pools": [{"num_threads": 1}]}
    kept = {"settings": settings, "sections": {"reading": {"comparisons": [row, alone]}}}
    (tmp_path / "results.json").write_text(json.dumps(kept), encoding="utf-8")
    lines = make.speed_table(tmp_path / "results.json").splitlines()
    assert lines[2:4] == ["| read MSP | 250 ms | matchms | 2 s | 8 (peer / ours) |", "| open | 1 ms |  |  |  |"]
    assert "2026-11-22" in lines[-1]


def test_the_numbers_of_what_ships_are_those_of_the_tables(make: Any) -> None:
    assert make.block(README, "output: shipped") == make.shipped_table(ROOT / "reference_spectra"), "run `python docs/make.py`"


def test_the_python_of_the_readme_runs_and_says_what_its_comment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [code] = re.findall(r"^```python\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(code.replace("reference_spectra/", f"{(ROOT / 'reference_spectra').as_posix()}/"), "README.md", "exec"), {})  # noqa: S102
    said = re.search(r"print\(other.verdict, other.difference\)\s+# (.*)$", code, flags=re.MULTILINE)
    assert said is not None
    assert capsys.readouterr().out.splitlines()[1] == said[1]
    assert (tmp_path / "mirror.png").is_file()
