"""What limits the accuracy: of the answers that are wrong or withheld, how many are isomers, relatives, or something else.

    python -m benchmarks.accuracy.limits --data DATA --work FOLDER

Reads the answers and libraries that ``cross_fit.py`` left in FOLDER and writes ``results/limits.json``.  Shares are of queries, their intervals
of compounds, since queries of one compound are alike.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.accuracy.cross_fit import RESULTS
from benchmarks.accuracy.dev_data import KINDS, DevSet, dev_set, read
from benchmarks.accuracy.settings import DATE, SEED
from nps_ident.chemistry.formula import parse_formula
from nps_ident.chemistry.ring_isomers import ring_isomers
from nps_ident.confidence.metrics import rate_interval
from nps_ident.errors import ChemistryError
from nps_ident.identify.spectrum import identify
from nps_ident.library.compiled import open_compiled
from nps_ident.library.opening import Libraries
from nps_ident.model import Technique, Verdict
from nps_ident.spectra.peaks import prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nps_ident.model import Substance

RUNS = {
    "ei": (Technique.EI_MS, ("ei-reference-full",)),
    "ei-background": (Technique.EI_MS, ("ei-reference-full", "ei-background")),
    "msms": (Technique.MSMS, ("msms-reference-full",)),
    "msms-background": (Technique.MSMS, ("msms-reference-full", "msms-background")),
}
N_AGAINST_THEMSELVES = 200
PEAKS_LEFT = (5, 10, 20, 30, 1000)
KINDS_OF_ERROR = ("ring-position isomer", "other isomer", "same drug class", "other", "formula not known", "no candidate")
KINDS_OF_CAUTION = ("too few peaks", "signal of something else", "none of these", "an isomer", "another substance")
"""Why a right first candidate is no match: what holds the greater part of the probability that it lacks."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="where cross_fit.py left libraries and answers")
    arguments = parser.parse_args()
    runs = {}
    for name, (technique, folders) in RUNS.items():
        truth = _truth(dev_set(arguments.data, technique).folder)
        known = _substances(arguments.work, folders)
        rows = [(truth[a["query"]["id"]], a) for a in map(json.loads, (arguments.work / f"{name}.jsonl").open(encoding="utf-8"))]
        runs[name] = {
            "known, first candidate wrong": _counted([r for r in rows if r[0]["kind"] == "known"], _wrong_first, known),
            "unknown, answered match": _counted([r for r in rows if r[0]["kind"] == "unknown"], _matched, known),
            "decoy, answered match": _counted([r for r in rows if r[0]["kind"] == "decoy"], _matched, known),
            "known, right first candidate, no match": _counted(
                [r for r in rows if r[0]["kind"] == "known"], _right_without_match, known, kind=_what_holds_the_rest
            ),
        }
        for what, found in runs[name].items():
            print(f"{name}: {what}: {found['share']:.3f} {found['interval_95']}, by kind {found['by_kind']}")
    itself = _against_itself(dev_set(arguments.data, Technique.EI_MS), arguments.work)
    print(f"listed drugs of the EI library against their own references: {itself}")
    short = _cut_short(dev_set(arguments.data, Technique.EI_MS), arguments.work)
    print(f"drugs that the EI library lacks, cut to so many of their strongest peaks, answered match: {short}")
    command = "python -m benchmarks.accuracy.limits --data DATA --work FOLDER"
    record = {"date": DATE, "command": command, "runs": runs, "ei_references_against_themselves": itself, "ei_unknowns_cut_short": short}
    (RESULTS / "limits.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _against_itself(dev: DevSet, work: Path) -> dict[str, Any]:
    """Verdicts on references of listed drugs, each searched in the library that holds it, by the calibration that ships.

    With each verdict: how many, and the least, median and greatest probability of the first candidate.
    """
    libraries = Libraries((open_compiled(work / "ei-reference-full"),))
    listed = [s for s in read(dev.reference) if str(dict(s.metadata).get("DrugTier", "")).startswith("A") and not s.label.isotope_labelled]
    chosen = np.random.default_rng(SEED).choice(len(listed), N_AGAINST_THEMSELVES, replace=False)
    found: dict[str, list[float]] = defaultdict(list)
    for place in chosen.tolist():
        result = identify(listed[place], libraries, proposals=False)
        found[result.verdict.value].append((result.best.probability if result.best else None) or 0.0)
    return {
        verdict: {"n": len(values), "probability": [round(float(np.quantile(values, share)), 3) for share in (0.0, 0.5, 1.0)]}
        for verdict, values in sorted(found.items(), key=lambda pair: -len(pair[1]))
    }


def _cut_short(dev: DevSet, work: Path) -> dict[str, float]:
    """Share of unknown drugs answered `match` by the calibration that ships, by how many of their strongest peaks are left."""
    libraries = Libraries((open_compiled(work / "ei-reference-full"),))
    unknown = [prepare(spectrum) for spectrum in read(dev.folder / "unknowns_dev.msp")]
    shares = {}
    for n_peaks in PEAKS_LEFT:
        matched = 0
        for spectrum in unknown:
            kept = np.sort(np.argsort(-spectrum.intensity, kind="stable")[:n_peaks])
            cut = replace(spectrum, mz=spectrum.mz[kept], intensity=spectrum.intensity[kept])
            matched += identify(cut, libraries, proposals=False).verdict is Verdict.MATCH
        shares[str(n_peaks)] = round(matched / len(unknown), 4)
    return shares


def _truth(folder: Path) -> dict[str, dict[str, str]]:
    found = {}
    for stem in KINDS:
        with (folder / f"{stem}_truth.csv").open(newline="", encoding="utf-8") as file:
            found.update({row["id"]: row for row in csv.DictReader(file)})
    return found


def _substances(work: Path, folders: Sequence[str]) -> dict[str, Substance]:
    found: dict[str, Substance] = {}
    for folder in folders:
        library = open_compiled(work / folder)
        for row in range(library.counts["substances"]):
            substance = library.substance(row)
            if substance.inchikey and not substance.isotope_labelled:
                found.setdefault(substance.inchikey[:14], substance)
    return found


def _wrong_first(truth: Mapping[str, str], answer: Mapping[str, Any]) -> bool:
    return not answer["matches"] or _block(answer) != truth["ik14"]


def _matched(_: Mapping[str, str], answer: Mapping[str, Any]) -> bool:
    return bool(answer["verdict"] == "match")


def _right_without_match(truth: Mapping[str, str], answer: Mapping[str, Any]) -> bool:
    return answer["verdict"] != "match" and not _wrong_first(truth, answer)


def _what_holds_the_rest(truth: Mapping[str, str], answer: Mapping[str, Any], known: Mapping[str, Substance]) -> str:
    if answer["verdict"] == "inadequate":
        return "too few peaks"
    if any(finding["code"] == "IDENT-011" for finding in answer["findings"]) and answer["verdict"] == "class_only":
        return "signal of something else"
    isomers = others = 0.0
    for candidate in answer["matches"][1:]:
        substance = known.get(str(candidate["inchikey"] or "")[:14])
        is_isomer = substance is not None and substance.formula is not None and _same_formula(substance.formula, truth["formula"])
        isomers += (candidate["probability"] or 0.0) * is_isomer
        others += (candidate["probability"] or 0.0) * (not is_isomer)
    none = 1.0 - (answer["matches"][0]["probability"] or 0.0) - isomers - others
    return max((none, "none of these"), (isomers, "an isomer"), (others, "another substance"))[1]


def _same_formula(one: str, other: str) -> bool:
    try:
        return parse_formula(one) == parse_formula(other)
    except ChemistryError:
        return False


def _block(answer: Mapping[str, Any]) -> str:
    first = answer["matches"][0]
    return "*" if first["isotope_labelled"] else str(first["inchikey"] or "")[:14]


def _counted(
    rows: Sequence[tuple[Mapping[str, str], Mapping[str, Any]]],
    is_counted: Callable[[Mapping[str, str], Mapping[str, Any]], bool],
    known: Mapping[str, Substance],
    *,
    kind: Callable[[Mapping[str, str], Mapping[str, Any], Mapping[str, Substance]], str] | None = None,
) -> dict[str, Any]:
    hits = np.array([is_counted(truth, answer) for truth, answer in rows], dtype=bool)
    compounds = [truth["ik14"] for truth, _ in rows]
    by_kind: dict[str, int] = defaultdict(int)
    names = set()
    for (truth, answer), hit in zip(rows, hits.tolist(), strict=True):
        if hit:
            by_kind[(kind or _kind)(truth, answer, known)] += 1
            names.add(truth["ik14"])
    low, high = rate_interval(hits.astype(float), compounds, seed=SEED)
    return {
        "n": len(rows),
        "share": round(float(hits.mean()), 4),
        "interval_95": [round(low, 4), round(high, 4)],
        "n_compounds_counted": len(names),
        "by_kind": {name: by_kind[name] for name in (*KINDS_OF_ERROR, *KINDS_OF_CAUTION) if by_kind[name]},
    }


def _kind(truth: Mapping[str, str], answer: Mapping[str, Any], known: Mapping[str, Substance]) -> str:
    """What the first candidate is to the truth."""
    if not answer["matches"]:
        return "no candidate"
    said = known.get(_block(answer))
    if said is None or said.formula is None:
        return "formula not known"
    if _same_formula(said.formula, truth["formula"]):
        of_ring = said.smiles is not None and truth["ik14"] in ring_isomers(said.smiles)
        return "ring-position isomer" if of_ring else "other isomer"
    return "same drug class" if said.drug_class and said.drug_class == truth["class"] else "other"


if __name__ == "__main__":
    main()
