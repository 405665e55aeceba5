"""GC–MS runs: a real one compound by compound, and pairs of development spectra that elute 1.5 s apart.

    python -m benchmarks.accuracy.gcms_run --data DATA --work FOLDER

The real run (``gcms_runs/BARBITUATES.SPC``) is answered against ``ei/reference.msp``.  Its truth was assigned by a library search: a regression
case, not evidence.  A compound is *found* where it is the first candidate of a component within 1.5 s of its time, and *named* where the
verdict names it as well; a component that is named as something else, or at no time of the truth, is *false*.  Where the truth itself is
ambiguous (butethal or butabarbital), either will do.

The pairs: two spectra of different known compounds are drawn by a seed from ``ei/queries_dev.msp`` (never from the reference), and eluted as
Gaussian peaks 2.4 s wide at half height, 1.5 s apart, at 2.5 scans a second, with counting noise over a bleeding baseline.  Counted is how
often the compound is the first candidate, for a component within 0.75 s of its time, beside the raw scan at the apex and the spectrum as it was
measured.  No probability is looked at, since the calibration that ships saw these spectra.

The figures go to ``benchmarks/accuracy/results/gcms_run.json``.
"""

from __future__ import annotations

import argparse
import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.accuracy.cross_fit import RESULTS
from benchmarks.accuracy.dev_data import compiled, dev_set, read
from benchmarks.accuracy.settings import SEED
from nps_ident.identify.run import identify_run
from nps_ident.io import read_run
from nps_ident.library import Libraries
from nps_ident.library.search import search
from nps_ident.model import MassSpectrum, Run, Technique, Verdict
from nps_ident.spectra.peaks import prepare
from nps_ident.spectra.run_components import run_components

if TYPE_CHECKING:
    from nps_ident.library.compiled import Library
    from nps_ident.model import Identification

N_PAIRS = 100
SHARES = (1.0, 0.2, 0.05)
"""Height of the second compound's base peak over that of the first."""
GAP_S, WIDTH_S, STEP_S, DURATION_S = 1.5, 2.4, 0.4, 60.0
HEIGHT = 100_000.0
BLEED = {73: 900.0, 207: 1500.0, 281: 1000.0, 28: 2000.0, 32: 600.0, 44: 400.0}
"""Counts at the end of a run: air and column bleed."""
WINDOW_S = 1.5
NAMED = {Verdict.MATCH, Verdict.ISOMER_SET}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    arguments = parser.parse_args()
    dev = dev_set(arguments.data, Technique.EI_MS)
    library = compiled(read(dev.reference), arguments.work / "ei-full")
    results = {
        "source": "spectrochempy_data 9507993b (BARBITUATES.SPC); SWGDRUG, MassBank (development queries)",
        "real_run": real_run(arguments.data / "gcms_runs", library),
        "pairs": pairs(dev.folder, library),
    }
    text = json.dumps(results, indent=1, ensure_ascii=False) + "\n"
    (RESULTS / "gcms_run.json").write_text(text, encoding="utf-8")
    print(text)


def real_run(folder: Path, library: Library) -> dict[str, Any]:
    def refuse(error: Exception) -> None:
        raise error

    answers = identify_run(read_run(folder / "BARBITUATES.SPC", report=refuse), Libraries(members=(library,)), proposals=False)
    with (folder / "BARBITUATES_truth.csv").open(encoding="utf-8", newline="") as lines:
        truth = list(csv.DictReader(lines))
    rows, right = [], set()
    for row in truth:
        near = [answer for answer in answers if abs(time_of(answer) - 60.0 * float(row["rt_min"])) <= WINDOW_S]
        found = next((answer for answer in near if is_first(row, answer)), None)
        if found is not None:
            right.add(found.spectrum.name)
        best = found.best if found is not None else None
        rows.append(
            {
                "compound": row["compound"],
                "in_reference": row["in_reference"] == "True",
                "time_s": round(60.0 * float(row["rt_min"]), 1),
                "found_at_s": None if found is None else round(time_of(found), 1),
                "verdict": None if found is None else found.verdict.value,
                "named": found is not None and found.verdict in NAMED,
                "first_candidate": None if best is None else best.substance.name,
                "match_factor": None if best is None else best.match_factor,
                "probability": None if best is None else round(best.probability or 0.0, 3),
            }
        )
    return {
        "compounds": len(truth),
        "found": len(right),
        "named": sum(row["named"] for row in rows),
        "components": len(answers),
        "false_named": sum(answer.verdict in NAMED and answer.spectrum.name not in right for answer in answers),
        "rows": rows,
        "other_components": [
            {"time_s": round(time_of(answer), 1), "area_share": round(answer.area_share or 0.0, 4), "verdict": answer.verdict.value}
            for answer in answers
            if answer.spectrum.name not in right
        ],
    }


def time_of(answer: Identification) -> float:
    return float(answer.spectrum.retention_time_s or 0.0)


def is_first(truth: dict[str, str], answer: Identification) -> bool:
    """Whether the first candidate is the compound, or one of those that an ambiguous truth names."""
    if answer.best is None:
        return False
    substance = answer.best.substance
    return substance.inchikey == truth["inchikey"] if truth["inchikey"] else substance.name.casefold() in truth["compound"].casefold()


def pairs(folder: Path, library: Library) -> dict[str, Any]:
    with (folder / "queries_dev_truth.csv").open(newline="", encoding="utf-8") as lines:
        truth = {row["id"]: row for row in csv.DictReader(lines)}
    rng = np.random.default_rng(SEED)
    spectra = {s.name: s for s in map(prepare, read(folder / "queries_dev.msp")) if s.n_peaks >= 10}
    names = sorted(spectra)
    drawn: list[tuple[str, str]] = []
    while len(drawn) < N_PAIRS:
        first, second = rng.choice(names, 2, replace=False).tolist()
        if truth[first]["ik14"] != truth[second]["ik14"]:
            drawn.append((first, second))
    results: dict[str, Any] = {"n_pairs": N_PAIRS, "gap_s": GAP_S, "width_s": WIDTH_S}
    clean = {name: first_of(spectra[name], library) == truth[name]["ik14"] for name in {name for pair in drawn for name in pair}}
    for share in SHARES:
        counts = {which: {"measured": 0, "component": 0, "apex_scan": 0} for which in ("first", "second")}
        n_components: list[int] = []
        for number, (first, second) in enumerate(drawn):
            run = eluted(spectra[first], spectra[second], share, seed=SEED + number)
            found = run_components(run).components
            n_components.append(len(found))
            for which, name, time in (("first", first, 30.0), ("second", second, 30.0 + GAP_S)):
                row, key = counts[which], truth[name]["ik14"]
                row["measured"] += clean[name]
                scan = run.scans[int(np.abs(run.times_s - time).argmin())]
                row["apex_scan"] += first_of(scan, library) == key
                near = [c for c in found if abs(c.retention_time_s - time) <= GAP_S / 2.0]
                row["component"] += any(first_of(c.spectrum, library) == key for c in near)
        extra = sum(max(n - 2, 0) for n in n_components)
        results[f"share_{share:g}"] = {**counts, "two_components": sum(n == 2 for n in n_components), "components_too_many": extra}
    return results


def first_of(spectrum: MassSpectrum, library: Library) -> str:
    hits = search(prepare(spectrum), (library,), most=1).hits
    return hits[0].substance.skeleton[:14] if hits else ""


def eluted(first: MassSpectrum, second: MassSpectrum, share: float, *, seed: int) -> Run:
    """A run of both spectra, the second 1.5 s behind the first."""
    rng = np.random.default_rng(seed)
    times = np.arange(0.0, DURATION_S, STEP_S) + rng.uniform(0.0, STEP_S)
    masses = np.unique(np.concatenate([np.floor(first.mz + 0.351), np.floor(second.mz + 0.351), list(BLEED)]))
    table = np.zeros((len(times), len(masses)))
    for spectrum, time, height in ((first, 30.0, HEIGHT), (second, 30.0 + GAP_S, share * HEIGHT)):
        shape = np.exp(-4.0 * np.log(2.0) * ((times - time) / WIDTH_S) ** 2)
        heights = np.zeros(len(masses))
        np.add.at(heights, np.searchsorted(masses, np.floor(spectrum.mz + 0.351)), spectrum.intensity / spectrum.intensity.max())
        table += height * np.outer(shape, heights)
    for mass, counts in BLEED.items():
        table[:, np.searchsorted(masses, mass)] += counts * np.linspace(0.5, 1.0, len(times))
    table = np.maximum(table + np.sqrt(table + 20.0) * rng.standard_normal(table.shape), 0.0)
    empty = replace(first, name="", precursor_mz=None, findings=(), metadata=(), technique=Technique.EI_MS, source=None)
    scans = tuple(
        replace(empty, name=f"pair#{i}", mz=masses[row > 0], intensity=row[row > 0], retention_time_s=float(time))
        for i, (time, row) in enumerate(zip(times.tolist(), table, strict=True))
    )
    return Run(name="pair", scans=scans, technique=Technique.EI_MS)


if __name__ == "__main__":
    main()
