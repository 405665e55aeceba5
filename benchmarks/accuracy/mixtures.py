"""What of a mixture is found: sums of development spectra of known compounds, and what the rules cost on pure ones.

    python -m benchmarks.accuracy.mixtures --data DATA --work FOLDER [--technique ei|msms|dart]

Two compounds that are both in the reference are drawn by a seed, a spectrum of each is scaled to its base peak, and the sum is answered from
``reference.msp`` by a calibration that saw neither the compounds (nor the others of their folds) nor the laboratories of the two.  A sum is no
measurement: nothing suppresses, overloads or co-fragments in it.  For EI, sums of two to five with a minor part of 1 to 50 % of the signal are
taken apart besides (by a calibration that saw their laboratories, not them): by ``identify``, by all of ``scipy.optimize.nnls`` over the whole
library, and by the reverse index of the inverted search; and every development query, of one substance each, is asked whether it is called a
mixture.  Measured DART mixtures are judged at all their voltages.  The results are written to ``benchmarks/accuracy/results/mixtures.json``.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import Counter, defaultdict
from dataclasses import replace
from itertools import combinations, permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import nnls

from benchmarks.accuracy.cross_fit import RESULTS
from benchmarks.accuracy.dev_data import FOLDER, compiled, dev_set, house, read, training_examples
from benchmarks.accuracy.settings import DATE, N_FOLDS, SEED, SETTINGS
from nps_ident.confidence.calibration import Calibration, calibration_from
from nps_ident.confidence.components import FLOOR, RELATIVE
from nps_ident.confidence.training import Example, fit, folds, without
from nps_ident.identify import identify
from nps_ident.identify.voltages import identify_voltages, samples
from nps_ident.library import Libraries
from nps_ident.library.search_msms import precursor_tolerance
from nps_ident.model import MassSpectrum, Technique, Verdict
from nps_ident.similarity.match_factor import nominal
from nps_ident.spectra.peaks import prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from benchmarks.accuracy.dev_data import DevSet
    from nps_ident.library.compiled import Library
    from nps_ident.model import Identification

Truth = dict[str, str]
Known = tuple[MassSpectrum, Truth]

N_PAIRS = 200
N_SUMS = 40
MINOR_SHARES = {2: (0.01, 0.03, 0.1, 0.3, 0.5), 3: (0.03, 0.1, 0.3), 4: (0.03, 0.1, 0.25), 5: (0.03, 0.1, 0.2)}
"""Of the signal, by number of components; the others share the rest alike."""
NNLS_SHARE = 0.05
"""Share of signal from which a substance in the sum of ``scipy.optimize.nnls`` counts as named: with all of them a dozen and more are false."""
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

    def fold_of(self, truth: Truth) -> int:
        return self._fold[truth["ik14"]]

    def for_truth(self, *truths: Truth, with_laboratories: bool = False) -> Calibration:
        places = frozenset(self._fold[truth["ik14"]] for truth in truths)
        laboratories = frozenset() if with_laboratories else frozenset(house(truth["contributor"]) for truth in truths)
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
    parser.add_argument("--technique", choices=("ei", "msms", "dart"), action="append")
    arguments = parser.parse_args()
    place = RESULTS / "mixtures.json"
    found: dict[str, Any] = json.loads(place.read_text(encoding="utf-8")) if place.is_file() else {}
    for technique, short in FOLDER.items():
        if not arguments.technique or short in arguments.technique:
            found[short] = _measured(arguments.data, technique, arguments.work)
    if not arguments.technique or "dart" in arguments.technique:
        found["dart"] = _dart(arguments.data / "dart", arguments.work)
    found |= {"date": DATE, "command": "python -m benchmarks.accuracy.mixtures --data DATA --work FOLDER", "seed": SEED}
    place.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1, sort_keys=True))


def _measured(data: Path, technique: Technique, work: Path) -> dict[str, Any]:
    dev = dev_set(data, technique)
    library = Libraries((compiled(read(dev.reference), work / f"{FOLDER[technique]}-reference-full"),))
    fitted = Fitted(technique, training_examples(dev, "full", work))
    known = [(prepare(spectrum), truth) for spectrum, truth in dev.queries() if truth["kind"] == "known"]

    def answered(spectrum: MassSpectrum, *truths: Truth) -> Identification:
        return identify(spectrum, library, calibrations={(technique, "full"): fitted.for_truth(*truths)}, proposals=False)

    groups = {"any": _any_pairs(known)} if technique is Technique.EI_MS else _msms_pairs(known)
    ratios = RATIOS if technique is Technique.EI_MS else (1,)
    sums = {}
    for group, pairs in groups.items():
        for ratio in ratios:
            answers = [(answered(_sum(one, other, ratio), a, b), a, b) for (one, a), (other, b) in pairs]
            sums[f"{group}, {ratio}:1"] = _tally(answers)
    found = {"library": dev.reference.name, "sums": sums, "pure": _pure(known, answered)}
    if technique is Technique.EI_MS:

        def with_laboratories(spectrum: MassSpectrum, *truths: Truth) -> Identification:
            calibration = fitted.for_truth(*truths, with_laboratories=True)
            return identify(spectrum, library, calibrations={(technique, "full"): calibration}, proposals=False)

        found["components"] = _components(known, library.members[0], with_laboratories, fitted.fold_of)
        found["one_part_in_no_library"] = _with_an_unknown_part(dev, known, answered)
        found["called_mixture"] = _called_mixture(dev, answered)
        found["peak_variability"] = _peak_variability(library.members[0])
    return found


def _dart(folder: Path, work: Path) -> dict[str, Any]:
    """Measured mixtures at three voltages each, from a library of all references, and the substances that are in it alone."""
    library = Libraries((compiled([*read(folder / "reference_4.msp"), *read(folder / "raw_10.msp")], work / "dart-references"),))
    with (folder / "mixtures_truth.csv").open(newline="", encoding="utf-8") as file:
        truth = {row["id"]: set(row["ik14"].split("|")) for row in csv.DictReader(file)}
    rows = {}
    for together in samples(read(folder / "mixtures.msp")):
        answer = identify_voltages(together, library)[0]
        named = _skeletons(part.substance.inchikey for part in answer.components or ())
        true = truth[together[0].name]
        rows[together[0].name.rpartition("_")[0]] = {"true": len(true), "found": len(named & true), "false": len(named - true)}
    alone = [identify_voltages(together, library)[0] for name in ("reference_4.msp", "raw_10.msp") for together in samples(read(folder / name))]
    return {
        "mixtures": rows,
        "all_found_and_none_false": sum(row["found"] == row["true"] and not row["false"] for row in rows.values()),
        "n": len(rows),
        "substances_alone": len(alone),
        "of_these_called_mixture": sum(answer.verdict is Verdict.MIXTURE for answer in alone),
    }


def _components(
    known: list[Known], library: Library, answered: Callable[..., Identification], fold_of: Callable[[Truth], int]
) -> dict[str, Any]:
    """Sums of two to five compounds taken apart in three ways: the share of components found, and false ones, by share of signal.

    The compounds of a sum are of one fold, which the calibration did not see; their laboratories it did, since five leave too few others.
    """
    rng = np.random.default_rng(SEED)
    of: dict[str, list[Known]] = defaultdict(list)
    for item in known:
        of[item[1]["ik14"]].append(item)
    folds_of: dict[int, list[str]] = defaultdict(list)
    for name in sorted(of):
        folds_of[fold_of(of[name][0][1])].append(name)
    numbers = sorted(folds_of)
    found: dict[str, Any] = {}
    for n_components, minors in MINOR_SHARES.items():
        drawn = []
        for number in range(N_SUMS):
            names = folds_of[numbers[number % len(numbers)]]
            drawn.append([of[names[i]] for i in rng.choice(len(names), n_components, replace=False)])
        chosen = [[spectra[rng.integers(len(spectra))] for spectra in each] for each in drawn]
        for minor in minors:
            shares = [*[(1.0 - minor) / (n_components - 1)] * (n_components - 1), minor]
            rows = [_three_ways(parts, shares, library, answered) for parts in chosen]
            found[f"{n_components} components, minor {minor:.0%}"] = {
                way: _recall([row[way] for row in rows], [[truth["ik14"] for _, truth in parts] for parts in chosen]) for way in rows[0]
            }
    return found


def _three_ways(
    parts: list[Known], shares: list[float], library: Library, answered: Callable[..., Identification]
) -> dict[str, tuple[bool, list[str]]]:
    """Whether each way says that it is a mixture (or a substance), and the compounds it names."""
    spectrum = _of_shares([spectrum for spectrum, _ in parts], shares)
    answer = answered(spectrum, *(truth for _, truth in parts))
    ours = [part.substance.skeleton for part in answer.components or ()]
    named = ours or (sorted(_spoken_of(answer)) if answer.verdict is Verdict.MATCH else [])
    query = nominal(spectrum.mz, spectrum.intensity)
    rows, start = library["ei.mz"], library["ei.peak_start"]
    n_rows = int(max(rows.max(), query.mz[-1])) + 1
    target = np.zeros(n_rows)
    target[query.mz] = query.intensity
    matrix = np.zeros((n_rows, len(start) - 1))
    matrix[rows, np.repeat(np.arange(len(start) - 1), np.diff(start))] = library["ei.intensity"]
    weights, _ = nnls(matrix, target)
    skeletons = [library.substance(row).skeleton for row in library["ei.substance"].tolist()]
    signal: dict[str, float] = defaultdict(float)
    for column in np.flatnonzero(weights).tolist():
        signal[skeletons[column]] += weights[column] * matrix[:, column].sum() / target.sum()
    # Inverted: how alike the query is to each reference over the reference's own peaks; told how many components there are, which it is not.
    lengths = np.linalg.norm(matrix, axis=0) * np.sqrt((target**2) @ (matrix > 0))
    reverse = np.divide(target @ matrix, lengths, out=np.zeros(len(lengths)), where=lengths > 0)
    best: dict[str, float] = {}
    for skeleton, index in zip(skeletons, reverse.tolist(), strict=True):
        best[skeleton] = max(best.get(skeleton, 0.0), index)
    inverted = sorted(best, key=lambda name: (-best[name], name))[: len(parts)]
    return {
        "identify": (answer.verdict is Verdict.MIXTURE, ours),
        "identify_with_matches": (answer.verdict in {Verdict.MIXTURE, Verdict.MATCH}, named),
        "nnls_all_above_5_percent": (True, [name for name, share in signal.items() if share >= NNLS_SHARE]),
        "inverted_told_the_number": (True, inverted),
    }


def _of_shares(spectra: list[MassSpectrum], shares: list[float]) -> MassSpectrum:
    """EI spectra at unit mass, each scaled to its share of the signal; what a detector would not count (a thousandth of the base) is lost."""
    heights = np.zeros(2000)
    for spectrum, share in zip(spectra, shares, strict=True):
        binned = nominal(spectrum.mz, spectrum.intensity)
        heights[binned.mz] += share * binned.intensity / binned.intensity.sum()
    heights *= 999.0 / heights.max()
    mz = np.flatnonzero(heights >= 1.0)
    return replace(spectra[0], name="sum", mz=mz.astype(np.float64), intensity=heights[mz], findings=())


def _recall(answers: list[tuple[bool, list[str]]], truths: list[list[str]]) -> dict[str, Any]:
    """Of the major parts and of the minor one, which stands last, the share found; and components that are not there, for each sum."""
    n = len(answers)
    majors = [name in said for (_, said), truth in zip(answers, truths, strict=True) for name in truth[:-1]]
    minors = [truth[-1] in said for (_, said), truth in zip(answers, truths, strict=True)]
    false = sum(len(set(said) - set(truth)) for (_, said), truth in zip(answers, truths, strict=True))
    n_said = sum(len(said) for _, said in answers)
    return {
        "n": n,
        "answered": round(sum(is_said for is_said, _ in answers) / n, 4),
        "majors_found": round(float(np.mean(majors)), 4),
        "minor_found": round(float(np.mean(minors)), 4),
        "all_found": round(sum(set(truth) <= set(said) for (_, said), truth in zip(answers, truths, strict=True)) / n, 4),
        "false_components_a_sum": round(false / n, 4),
        "false_share_of_those_named": round(false / n_said, 4) if n_said else None,
    }


def _with_an_unknown_part(dev: DevSet, known: list[Known], answered: Callable[..., Identification]) -> dict[str, Any]:
    """Equal sums of a drug that is not in the library and of a known compound: what is named, and what of it is not there."""
    rng = np.random.default_rng(SEED)
    unknown = [(prepare(spectrum), truth) for spectrum, truth in dev.queries() if truth["kind"] == "unknown"]
    counts = Counter[str]()
    for (new, new_truth), place in zip(unknown, rng.choice(len(known), len(unknown)).tolist(), strict=True):
        old, old_truth = known[place]
        answer = answered(_of_shares([new, old], [0.5, 0.5]), new_truth, old_truth)
        counts["n"] += 1
        if answer.verdict is Verdict.MIXTURE:
            parts = [_skeletons(part.isomer_set or (part.substance.inchikey,)) for part in answer.components or ()]
            counts["mixture"] += 1
            counts["components"] += len(parts)
            counts["components_not_there"] += sum(not part & {new_truth["ik14"], old_truth["ik14"]} for part in parts)
        elif _is_named(answer):
            counts["named"] += 1
            counts["named_wrongly"] += not _spoken_of(answer) & {new_truth["ik14"], old_truth["ik14"]}
    return dict(counts)


def _called_mixture(dev: DevSet, answered: Callable[..., Identification]) -> dict[str, Any]:
    """Development queries of one substance that are called a mixture, by kind, and how many of these do not even hold the substance."""
    counts: dict[str, dict[str, int]] = {}
    for spectrum, truth in dev.queries():
        row = counts.setdefault(truth["kind"], {"n": 0, "mixture": 0, "mixture_without_the_truth": 0})
        answer = answered(prepare(spectrum), truth)
        row["n"] += 1
        if answer.verdict is Verdict.MIXTURE:
            row["mixture"] += 1
            row["mixture_without_the_truth"] += truth["ik14"] not in {part.substance.skeleton for part in answer.components or ()}
    return counts


def _peak_variability(library: Library) -> dict[str, Any]:
    """How references of one compound from two laboratories differ at each mass, after scaling, by intensity (of 999)."""
    start, mz, heights = library["ei.peak_start"], library["ei.mz"], library["ei.intensity"]
    rows: dict[int, dict[str, int]] = defaultdict(dict)
    for row, substance in enumerate(library["ei.substance"].tolist()):
        contributor = str(library.reference(int(library["ei.reference"][row])).get("contributor"))
        if not library.substance(substance).isotope_labelled:
            rows[substance].setdefault(contributor, row)
    there: list[float] = []
    off: list[float] = []
    several = [list(of.values()) for of in rows.values() if len(of) > 1]
    for pair in (pair for members in several for pair in permutations(members, 2)):
        first, second = (np.zeros(int(mz.max()) + 1) for _ in pair)
        for heights_of, row in zip((first, second), pair, strict=True):
            heights_of[mz[start[row] : start[row + 1]]] = heights[start[row] : start[row + 1]]
        begin = max(int(mz[start[row]]) for row in pair)  # scans begin at different masses
        first[:begin] = second[:begin] = 0.0
        weight = 1.0 / (FLOOR**2 + (RELATIVE * first) ** 2)
        second *= (first * weight) @ second / max(float((second * weight) @ second), 1e-9)
        held = (first > 0) | (second > 0)
        there += first[held].tolist()
        off += np.abs(first - second)[held].tolist()
    intensity, deviation = np.array(there), np.array(off)
    steps = {"0 to 30": (0, 30), "30 to 100": (30, 100), "100 to 300": (100, 300), "300 to 999": (300, 1000)}
    return {
        "n_compounds": len(several),
        **{
            name: {
                "mean_intensity": round(float(intensity[inside].mean()), 1),
                "deviation_68_percent": round(float(np.quantile(deviation[inside], 0.683)), 1),
            }
            for name, (low, high) in steps.items()
            if (inside := (intensity >= low) & (intensity < high)).any()
        },
    }


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
