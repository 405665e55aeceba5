"""How many mixtures are noticed: sums of two development spectra of known compounds, and what the rule costs on pure ones.

    python -m benchmarks.accuracy.mixtures --data DATA --work FOLDER [--technique ei|msms]

Two compounds that are both in the reference are drawn by a seed, a spectrum of each is scaled to its base peak, and the sum is answered from
``reference.msp`` by a calibration that saw neither the compounds (nor the others of their folds) nor the laboratories of the two.  A sum is no
measurement: nothing suppresses, overloads or co-fragments in it.  The results are written to ``benchmarks/accuracy/results/mixtures.json``.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.accuracy.cross_fit import RESULTS
from benchmarks.accuracy.dev_data import FOLDER, compiled, dev_set, house, read, training_examples
from benchmarks.accuracy.settings import DATE, N_FOLDS, SEED, SETTINGS
from nps_ident.confidence.calibration import Calibration, calibration_from
from nps_ident.confidence.training import Example, fit, folds, without
from nps_ident.identify import identify
from nps_ident.library import Libraries
from nps_ident.library.search_msms import precursor_tolerance
from nps_ident.model import MassSpectrum, Technique, Verdict
from nps_ident.similarity.match_factor import nominal
from nps_ident.spectra.peaks import prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nps_ident.model import Identification

Truth = dict[str, str]
Known = tuple[MassSpectrum, Truth]

N_PAIRS = 200
RATIOS = (1, 3, 10, 30)
"""Base peak of the first component over that of the second."""
ISOLATION_DA = 0.5
"""Half of a usual quadrupole isolation window: precursors so near enter the collision cell together."""
OUTCOMES = (
    "match_one_component",
    "match_neither",
    "isomer_set_with_both",
    "isomer_set_with_one",
    "isomer_set_without",
    "mixture_both",
    "mixture_other",
    "unknown_variant",
    "class_only",
    "no_match",
    "inadequate",
)


class Fitted:
    """Calibrations that saw neither the compounds nor the laboratories of a query, fitted when first asked for."""

    def __init__(self, technique: Technique, rows: list[Example]) -> None:
        self._technique, self._rows = technique, rows
        self._fold = folds((e.compound for e in rows), n_folds=N_FOLDS, seed=SEED)
        self._made: dict[tuple[frozenset[int], frozenset[str]], Calibration] = {}

    def for_truth(self, *truths: Truth) -> Calibration:
        places = frozenset(self._fold[truth["ik14"]] for truth in truths)
        laboratories = frozenset(house(truth["contributor"]) for truth in truths)
        if (places, laboratories) not in self._made:
            seen = frozenset(compound for compound, where in self._fold.items() if where in places)
            rows = without(self._rows, compounds=seen, laboratories=laboratories)
            settings = SETTINGS[self._technique, "full"]
            fields = fit(rows, technique=self._technique, kind="full", name="without-both", settings=settings, about={})
            self._made[places, laboratories] = calibration_from(fields, where="mixtures")
        return self._made[places, laboratories]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="libraries and examples are kept here, as by cross_fit")
    parser.add_argument("--technique", choices=("ei", "msms"), action="append")
    arguments = parser.parse_args()
    place = RESULTS / "mixtures.json"
    found: dict[str, Any] = json.loads(place.read_text(encoding="utf-8")) if place.is_file() else {}
    for technique, short in FOLDER.items():
        if not arguments.technique or short in arguments.technique:
            found[short] = _measured(arguments.data, technique, arguments.work)
    found |= {"date": DATE, "command": "python -m benchmarks.accuracy.mixtures --data DATA --work FOLDER", "seed": SEED}
    place.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1, sort_keys=True))


def _measured(data: Path, technique: Technique, work: Path) -> dict[str, Any]:
    dev = dev_set(data, technique)
    library = Libraries((compiled(read(dev.reference), work / f"{FOLDER[technique]}-reference-full"),))
    fitted = Fitted(technique, training_examples(dev, "full", work))
    known = [(prepare(spectrum), truth) for spectrum, truth in dev.queries() if truth["kind"] == "known"]

    def answered(spectrum: MassSpectrum, *truths: Truth) -> Identification:
        return identify(spectrum, library, calibrations={(technique, "full"): fitted.for_truth(*truths)})

    groups = {"any": _any_pairs(known)} if technique is Technique.EI_MS else _msms_pairs(known)
    ratios = RATIOS if technique is Technique.EI_MS else (1,)
    sums = {}
    for group, pairs in groups.items():
        for ratio in ratios:
            answers = [(answered(_sum(one, other, ratio), a, b), a, b) for (one, a), (other, b) in pairs]
            sums[f"{group}, {ratio}:1"] = _tally(answers)
    return {"library": dev.reference.name, "sums": sums, "pure": _pure(known, answered)}


def _any_pairs(known: list[Known]) -> list[tuple[Known, Known]]:
    """Pairs of different compounds, each compound as likely as any other, whatever the number of its spectra."""
    rng = np.random.default_rng(SEED)
    of: dict[str, list[Known]] = defaultdict(list)
    for item in known:
        of[item[1]["ik14"]].append(item)
    names = sorted(of)
    pairs = []
    for _ in range(N_PAIRS):
        one, other = (names[i] for i in rng.choice(len(names), 2, replace=False))
        pairs.append((of[one][rng.integers(len(of[one]))], of[other][rng.integers(len(of[other]))]))
    return pairs


def _msms_pairs(known: list[Known]) -> dict[str, list[tuple[Known, Known]]]:
    """Sums that one isolation window lets through: within the search window of the first, and within half a dalton; and any, as a control."""
    rng = np.random.default_rng(SEED)
    window: list[tuple[Known, Known]] = []
    isolated: list[tuple[Known, Known]] = []
    for first, second in combinations(known, 2):
        one, other = first[0].precursor_mz, second[0].precursor_mz
        if one is None or other is None or first[0].polarity != second[0].polarity or first[1]["ik14"] == second[1]["ik14"]:
            continue
        if abs(one - other) <= precursor_tolerance(first[0]).at(one):
            window.append((first, second))
        elif abs(one - other) <= ISOLATION_DA:
            isolated.append((first, second))
    any_pair = [(a, b) for a, b in _any_pairs(known) if a[0].polarity == b[0].polarity]
    return {"same search window": _some(window, rng), "same isolation window": _some(isolated, rng), "any": any_pair}


def _some(pairs: list[tuple[Known, Known]], rng: np.random.Generator) -> list[tuple[Known, Known]]:
    """At most ``N_PAIRS``, spread over the pairs of compounds: few compounds have most of the spectra."""
    of: dict[tuple[str, str], list[tuple[Known, Known]]] = defaultdict(list)
    for first, second in pairs:
        one, other = sorted((first[1]["ik14"], second[1]["ik14"]))
        of[one, other].append((first, second))
    chosen: list[tuple[Known, Known]] = []
    queues = [[members[i] for i in rng.permutation(len(members))] for _, members in sorted(of.items())]
    while len(chosen) < N_PAIRS and any(queues):
        chosen += [queue.pop() for queue in queues if queue]
    return chosen[:N_PAIRS]


def _sum(first: MassSpectrum, second: MassSpectrum, ratio: float) -> MassSpectrum:
    """Both scaled to their base peaks, the second divided by the ratio; EI at unit mass, the precursor that of the first."""
    if first.technique is Technique.EI_MS:
        one, other = nominal(first.mz, first.intensity), nominal(second.mz, second.intensity)
        mz, heights = np.concatenate([one.mz, other.mz]), np.concatenate([_to_base(one.intensity), _to_base(other.intensity) / ratio])
        masses, place = np.unique(mz, return_inverse=True)
        return replace(first, name="sum", mz=masses, intensity=np.bincount(place, weights=heights), findings=())
    mz = np.concatenate([first.mz, second.mz])
    heights = np.concatenate([_to_base(first.intensity), _to_base(second.intensity) / ratio])
    order = np.argsort(mz, kind="stable")
    masses, begin = np.unique(mz[order], return_index=True)
    return replace(first, name="sum", mz=masses, intensity=np.add.reduceat(heights[order], begin), findings=())


def _to_base(intensity: np.ndarray) -> np.ndarray:
    return 999.0 * intensity / intensity.max()


def _tally(answers: list[tuple[Identification, Truth, Truth]]) -> dict[str, Any]:
    """What was answered, as shares of all sums; names, warnings and abstentions."""
    n = len(answers)
    if not n:
        return {"n": 0}
    outcomes = Counter(_outcome(answer, {one["ik14"], other["ik14"]}) for answer, one, other in answers)
    silent = sum(1 for answer, _, _ in answers if _is_named(answer) and not _warns(answer))
    noticed = sum(1 for answer, _, _ in answers if _warns(answer) or answer.verdict is Verdict.MIXTURE)
    compounds = {truth["ik14"] for _, *truths in answers for truth in truths}
    return {
        "n": n,
        "n_compounds": len(compounds),
        **{name: round(outcomes[name] / n, 4) for name in OUTCOMES if outcomes[name]},
        "wrong_names": round((outcomes["match_neither"] + outcomes["isomer_set_without"]) / n, 4),
        "named_without_a_warning": round(silent / n, 4),
        "said_to_hold_more": round(noticed / n, 4),
    }


def _outcome(answer: Identification, truth: set[str]) -> str:
    if answer.verdict is Verdict.MATCH:
        return "match_one_component" if _skeletons([answer.matches[0].substance.inchikey]) & truth else "match_neither"
    if answer.verdict is Verdict.ISOMER_SET:
        found = _skeletons(answer.isomer_set or ()) & truth
        return "isomer_set_with_both" if found == truth else "isomer_set_with_one" if found else "isomer_set_without"
    if answer.verdict is Verdict.MIXTURE:
        components = answer.to_dict()["components"] or []
        return "mixture_both" if truth <= _skeletons(part["inchikey"] for part in components) else "mixture_other"
    return answer.verdict.value


def _skeletons(keys: Iterable[str | None]) -> set[str]:
    return {key[:14] for key in keys if key}


def _warns(answer: Identification) -> bool:
    """Whether it says that more may be present, named or not."""
    return any(finding.code == "IDENT-011" for finding in answer.findings)


def _pure(known: list[Known], answered: Callable[..., Identification]) -> dict[str, Any]:
    """The same rule on spectra of one substance: right answers that it takes away, and wrong ones."""
    answers = [(answered(spectrum, truth), truth) for spectrum, truth in known]
    before = [(answer, truth) for answer, truth in answers if answer.unexplained_fraction is not None or _is_named(answer)]
    right = [(answer, truth) for answer, truth in before if truth["ik14"] in _spoken_of(answer)]
    lost = [answer for answer, _ in right if not _is_named(answer)]
    n_wrong = len(before) - len(right)
    n_wrong_stopped = sum(1 for answer, truth in before if truth["ik14"] not in _spoken_of(answer) and not _is_named(answer))
    return {
        "n": len(answers),
        "right_without_the_rule": len(right),
        "right_lost_by_the_rule": len(lost),
        "share_of_right_lost": round(len(lost) / len(right), 4),
        "right_with_a_warning": sum(1 for answer, _ in right if _is_named(answer) and _warns(answer)),
        "wrong_without_the_rule": n_wrong,
        "wrong_stopped_by_the_rule": n_wrong_stopped,
    }


def _is_named(answer: Identification) -> bool:
    return answer.verdict in {Verdict.MATCH, Verdict.ISOMER_SET}


def _spoken_of(answer: Identification) -> set[str]:
    """What was, or would have been, named: the set, else the first candidate."""
    keys = answer.isomer_set or [answer.matches[0].substance.inchikey]
    return _skeletons(keys)


if __name__ == "__main__":
    main()
