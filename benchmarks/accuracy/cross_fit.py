"""Accuracy on the development spectra, each query judged by a calibration that saw neither its compound nor its laboratory.

    python -m benchmarks.accuracy.cross_fit --data DATA --scorer SCORE.PY --work FOLDER [--technique ei|msms]

For every fold of compounds and every laboratory a calibration is fitted on the rest; the command line (``nps-ident identify --no-starter
--library … --calibration …``) answers the queries of that cell; ``score.py`` scores all answers together.  The results are written to
``benchmarks/accuracy/results``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.accuracy.dev_data import FOLDER, KINDS, DevSet, compiled, dev_set, house, read, training_examples
from benchmarks.accuracy.settings import DATE, N_FOLDS, SEED, SETTINGS
from nps_ident.confidence.training import fit, folds, without
from nps_ident.io.write_msp import write_msp

if TYPE_CHECKING:
    from nps_ident.model import MassSpectrum

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--scorer", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="libraries, examples, calibrations and answers are kept here")
    parser.add_argument("--technique", choices=("ei", "msms"), action="append")
    arguments = parser.parse_args()
    for technique, short in FOLDER.items():
        if arguments.technique and short not in arguments.technique:
            continue
        dev = dev_set(arguments.data, technique)
        cells = {kind: _cells(dev, kind, arguments.work) for kind in ("full", "principal_ions")}
        truncated = compiled(read(dev.reference), arguments.work / f"{short}-reference-principal_ions", kind="principal_ions").folder
        runs = {
            short: ("full", [dev.reference]),
            f"{short}-background": ("full", [dev.reference, dev.background]),
            f"{short}-principal-ions": ("principal_ions", [truncated]),
        }
        for name, (kind, libraries) in runs.items():
            answers = arguments.work / f"{name}.jsonl"
            with answers.open("w", encoding="utf-8") as out:
                for queries, calibration in cells[kind]:
                    out.write(_identify(queries, calibration, libraries, arguments.work))
            scores = _score(dev, answers, arguments.scorer)
            record = {"date": DATE, "command": _command(short), "libraries": [path.name for path in libraries], "scores": scores}
            RESULTS.mkdir(exist_ok=True)
            (RESULTS / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _command(short: str) -> str:
    return f"python -m benchmarks.accuracy.cross_fit --data DATA --scorer score.py --work FOLDER --technique {short}"


def _cells(dev: DevSet, kind: str, work: Path) -> list[tuple[Path, Path]]:
    """The queries and the calibration of every cell (fold of compounds, laboratory)."""
    rows = training_examples(dev, kind, work)
    work = work / "cells" / FOLDER[dev.technique] / kind
    work.mkdir(parents=True, exist_ok=True)
    fold = folds((e.compound for e in rows), n_folds=N_FOLDS, seed=SEED)
    members: dict[tuple[int, str], list[MassSpectrum]] = defaultdict(list)
    for spectrum, truth in dev.queries():
        members[fold[truth["ik14"]], house(truth["contributor"])].append(spectrum)
    cells = []
    for number, ((place, laboratory), spectra) in enumerate(sorted(members.items())):
        seen = frozenset(compound for compound, where in fold.items() if where == place)
        training = without(rows, compounds=seen, laboratories=frozenset([laboratory]))
        settings = SETTINGS[dev.technique, kind]
        fields = fit(training, technique=dev.technique, kind=kind, name=f"cell-{number}", settings=settings, about={})
        queries, calibration = work / f"{number}.msp", work / f"{number}.json"
        write_msp(spectra, queries)
        calibration.write_text(json.dumps(fields), encoding="utf-8")
        cells.append((queries, calibration))
    return cells


def _identify(queries: Path, calibration: Path, libraries: list[Path], work: Path) -> str:
    """Answer one cell by the command line."""
    command = [sys.executable, "-c", "import sys; from nps_ident.cli import main; sys.exit(main())", "identify", str(queries)]
    command += ["--no-starter", "--no-record", "--no-proposals", "--format", "jsonl", "--top", "25", "--calibration", str(calibration)]
    for library in libraries:
        command += ["--library", str(library)]
    environment = {**os.environ, "NPS_IDENT_HOME": str(work / "home")}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


def _score(dev: DevSet, answers: Path, scorer: Path) -> Any:
    out = answers.with_suffix(".scores.json")
    command = [sys.executable, str(scorer), str(answers), "--reference", str(dev.reference), "--json", str(out)]
    for stem in KINDS:
        command += ["--truth", str(dev.folder / f"{stem}_truth.csv")]
    print(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return json.loads(out.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
