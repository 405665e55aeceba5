"""How well the cross-fitted probabilities hold: figures with intervals by compound, by class, laboratory and score range, and pictures.

    python -m benchmarks.accuracy.reliability --data DATA --work FOLDER [--run ei …]

Reads the answers that ``cross_fit.py`` left in FOLDER (``ei.jsonl`` and so on), writes ``results/reliability-RUN.json`` and
``docs/pictures/reliability-RUN.png``.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.accuracy.cross_fit import RESULTS
from benchmarks.accuracy.dev_data import KINDS, DevSet, compiled, dev_set, house, read
from benchmarks.accuracy.settings import DATE, SEED, SETTINGS
from nps_ident.confidence.judging import Judged, judge
from nps_ident.model import Technique
from nps_ident.model.truth import Truth
from nps_ident.reports.validation import n_substances, technique_figures
from nps_ident.reports.validation_figures import save_picture

if TYPE_CHECKING:
    from nps_ident.library.compiled import Library

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"
RUNS = {
    "ei": (Technique.EI_MS, "full", False),
    "ei-background": (Technique.EI_MS, "full", True),
    "ei-principal-ions": (Technique.EI_MS, "principal_ions", False),
    "msms": (Technique.MSMS, "full", False),
    "msms-background": (Technique.MSMS, "full", True),
    "msms-principal-ions": (Technique.MSMS, "principal_ions", False),
}
"""Technique, kind of library, and whether the background was searched too."""
DRAWN = ("reliability", "pav", "tippett")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="where cross_fit.py left libraries and answers")
    parser.add_argument("--run", choices=tuple(RUNS), action="append", help="by default all")
    arguments = parser.parse_args()
    for name in arguments.run or RUNS:
        technique, kind, with_background = RUNS[name]
        dev = dev_set(arguments.data, technique)
        rows = judged(dev, arguments.work / f"{name}.jsonl")
        members = libraries(dev, name.split("-", maxsplit=1)[0], kind, arguments.work, with_background=with_background)
        prior = SETTINGS[technique, kind].prior_in_library
        found = technique_figures(rows, n_substances=n_substances(members, technique.value), prior_in_library=prior, seed=SEED)
        command = f"python -m benchmarks.accuracy.reliability --data DATA --work FOLDER --run {name}"
        record = {"date": DATE, "command": command, "interval": "95 %, by compound", **found}
        (RESULTS / f"reliability-{name}.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        PICTURES.mkdir(exist_ok=True)
        save_picture(DRAWN, rows, PICTURES / f"reliability-{name}.png", title=name)
        print(f"{name}: {line(found['figures']['known'])}; over all {line(found['figures']['all'])}; bounds {found['lr_bounds']}")


def judged(dev: DevSet, answers: Path) -> list[Judged]:
    """Every answer beside its row of truth."""
    rows = {}
    for stem in KINDS:
        with (dev.folder / f"{stem}_truth.csv").open(newline="", encoding="utf-8") as file:
            rows.update({row["id"]: row for row in csv.DictReader(file)})
    found = []
    with answers.open(encoding="utf-8") as file:
        for text in file:
            answer = json.loads(text)
            row = rows[answer["query"]["id"]]
            laboratory = house(row["contributor"])
            truth = Truth(id=row["id"], compound=row["ik14"], kind=row["kind"], drug_class=row["class"], laboratory=laboratory, name=row["name"])
            found.append(judge(answer, truth, kind=row["kind"]))
    return found


def libraries(dev: DevSet, short: str, kind: str, work: Path, *, with_background: bool) -> list[Library]:
    """The compiled libraries that were searched, for the number of their substances."""
    members = [compiled(read(dev.reference), work / f"{short}-reference-{kind}", kind=kind)]
    if with_background:
        members.append(compiled(read(dev.background), work / f"{short}-background"))
    return members


def line(figures: dict[str, dict[str, float]]) -> str:
    """The figures of probabilities, with their intervals, for the terminal."""
    names = ("brier", "ece", "log_loss", "cllr", "cllr_min")
    shown = (f"{name} {figures[name]['value']:.3f} ({figures[name]['low']:.3f} to {figures[name]['high']:.3f})" for name in names)
    return f"n {figures['n']}, {', '.join(shown)}"


if __name__ == "__main__":
    main()
