"""Drug classes of unknowns: how often right, how sure, and how often a substance of no class is given one.

    python -m benchmarks.accuracy.drug_class --data DATA --work FOLDER [--technique ei|msms] [--ship]

Training examples are the reference spectra, each with its own compound left out of the references; the report is on the development unknowns
and decoys, whose compounds are neither among the references nor among the examples, and on the examples themselves by cross-validation: by
compound, for EI so that near-duplicate spectra never sit on both sides, the ion model being fitted anew in each fold.  ``--ship`` writes the
calibrations.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.metrics import f1_score

from benchmarks.accuracy.cross_fit import RESULTS
from benchmarks.accuracy.dev_data import FOLDER, DevSet, compiled, dev_set, read
from benchmarks.accuracy.settings import DATE, N_FOLDS, SEED
from nps_ident.chemistry.drug_classes import drug_class_of
from nps_ident.confidence.coefficients import SHIPPED
from nps_ident.confidence.decision import class_support
from nps_ident.confidence.drug_class import ClassModel, IonModel, class_evidence, class_model_from, drug_class_or_none
from nps_ident.confidence.drug_class_estimator import DrugClassClassifier, near_duplicate_groups
from nps_ident.confidence.drug_class_spectra import class_rows
from nps_ident.confidence.drug_class_training import NO_CLASS, ClassExample, class_model_fields, fit_weights, ion_model_of
from nps_ident.confidence.metrics import calibration_error, log_loss, rate_interval, reliability
from nps_ident.confidence.training import folds
from nps_ident.library.search import relatives, search
from nps_ident.model import Technique
from nps_ident.spectra.peaks import prepare, principal_ions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from nps_ident.library.compiled import Library
    from nps_ident.library.hits import Hit
    from nps_ident.model import MassSpectrum

PRIOR_NO_CLASS = 0.5
"""Of queries that are not named, as many are assumed to belong to no drug class as to one: nothing better is known of a laboratory's samples."""
SEARCHED = 40
"""Substances asked of the EI search: those looked at, and those passed over because they are the query's own."""
SPECTRA_EACH = {True: 12, False: 4}
"""MS/MS examples a compound at most, with and without a drug class, evenly over its references."""
CUTS = (0.5, 0.8, 0.9)
LEAST = (0.5, 0.3333, 0.25, 0.1)
"""Probabilities of any drug class from which the likeliest is named: what asking for less would win and cost."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A spectrum of known class and what was found for it."""

    query: MassSpectrum
    hits: tuple[Hit, ...]
    members: tuple[Library, ...]
    compound: str
    true: str | None
    tier: str
    name: str = ""
    smiles: str = ""
    group: int = -1
    ions: IonModel | None = None
    seen: list[ClassExample] = field(default_factory=list)

    def example(self) -> ClassExample:
        """The evidence; that of MS/MS is the same for every model and computed once."""
        technique = self.query.technique or Technique.EI_MS
        if technique is Technique.MSMS:
            if not self.seen:
                self.seen.append(self._example(technique))
            return self.seen[0]
        return self._example(technique)

    def _example(self, technique: Technique) -> ClassExample:
        classes, evidence = class_evidence(
            self.query, self.hits, self.members, technique=technique, ions=self.ions, without=self.compound
        )
        return ClassExample(classes=tuple(classes), evidence=evidence, true=self.true, compound=self.compound)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="compiled libraries are kept here")
    parser.add_argument("--technique", choices=("ei", "msms"), action="append")
    parser.add_argument("--kind", choices=("full", "principal_ions"), action="append")
    parser.add_argument("--ship", action="store_true", help="write the calibrations that ship")
    arguments = parser.parse_args()
    for technique, short in FOLDER.items():
        if arguments.technique and short not in arguments.technique:
            continue
        dev = dev_set(arguments.data, technique)
        for kind in arguments.kind or ("full", "principal_ions"):
            _measure(dev, kind, arguments.work, ship=arguments.ship)


def _measure(dev: DevSet, kind: str, work: Path, *, ship: bool) -> None:
    _FITTED.clear()
    name = f"{FOLDER[dev.technique]}-{kind.replace('_', '-')}"
    configurations = _configurations(dev, kind, work)
    training = {run: _training_cases(dev, kind, members) for run, members in configurations.items()}
    report: dict[str, Any] = {"date": DATE, "command": f"python -m benchmarks.accuracy.drug_class --technique {FOLDER[dev.technique]}"}
    report["cross_validated"] = {run: _of_training(cases) for run, cases in _cross_validated(training).items()}
    model, fields = _fitted(training, dev.technique, kind, name)
    report["development"] = {run: _development(dev, kind, members, model) for run, members in configurations.items()}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"class-{name}.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=1))
    if ship:
        fields = {key: value for key, value in fields.items() if key != "sha256"}
        fields["about"]["metrics"] = {run: _key_figures(found) for run, found in report["development"].items()}
        shipped = class_model_fields(
            np.array(fields["weight"]),
            model.ions,
            technique=dev.technique,
            kind=kind,
            name=f"class-{name}-{DATE}",
            prior_no_class=PRIOR_NO_CLASS,
            about=fields["about"],
        )
        (SHIPPED / f"class-{name}.json").write_text(json.dumps(shipped, indent=1) + "\n", encoding="utf-8")


def _configurations(dev: DevSet, kind: str, work: Path) -> dict[str, tuple[Library, ...]]:
    short = FOLDER[dev.technique]
    reference = compiled(read(dev.reference), work / f"{short}-reference-{kind}", kind=kind)
    found: dict[str, tuple[Library, ...]] = {"reference": (reference,)}
    if kind == "full":
        found["background"] = (reference, compiled(read(dev.background), work / f"{short}-background"))
    return found


def _case(spectrum: MassSpectrum, members: tuple[Library, ...], kind: str, *, compound: str, true: str | None, tier: str) -> Case:
    query = prepare(spectrum)
    if kind == "principal_ions":
        query = principal_ions(query)
    hits = search(query, members, most=SEARCHED).hits if query.technique is Technique.EI_MS else ()
    return Case(query=query, hits=hits, members=members, compound=compound, true=true, tier=tier)


def _training_cases(dev: DevSet, kind: str, members: tuple[Library, ...]) -> list[Case]:
    """The reference spectra, with the class that the library gives their compound."""
    classes = {substance.skeleton: substance.drug_class for substance in map(members[0].substance, range(members[0].counts["substances"]))}
    spectra: dict[str, list[MassSpectrum]] = defaultdict(list)
    for spectrum in read(dev.reference):
        compound = str(spectrum.label.inchikey)[:14]
        if not spectrum.label.isotope_labelled and compound in classes:
            spectra[compound].append(spectrum)
    cases = []
    for compound in sorted(spectra):
        of_compound = spectra[compound]
        if dev.technique is Technique.MSMS:
            most = SPECTRA_EACH[classes[compound] is not None]
            places = np.unique(np.linspace(0, len(of_compound) - 1, min(most, len(of_compound))).astype(int))
            of_compound = [of_compound[i] for i in places]
        cases += [_case(s, members, kind, compound=compound, true=classes[compound], tier="") for s in of_compound]
    if dev.technique is Technique.EI_MS:
        groups = near_duplicate_groups(class_rows(case.query for case in cases), [case.compound for case in cases])
        return [replace(case, group=int(group)) for case, group in zip(cases, groups, strict=True)]
    place = {compound: number for number, compound in enumerate(sorted(spectra))}
    return [replace(case, group=place[case.compound]) for case in cases]


def _with_ions(train: Sequence[Case], test: Sequence[Case]) -> list[Case]:
    """The test cases with a model of ions that saw none of their groups; the same spectra in another library give the same model."""
    if train[0].query.technique is not Technique.EI_MS:
        return list(test)
    groups = frozenset(case.group for case in train)
    if groups not in _FITTED:
        _FITTED[groups] = ion_model_of(_classifier(train))
    return [replace(case, ions=_FITTED[groups]) for case in test]


_FITTED: dict[frozenset[int], IonModel] = {}


def _classifier(train: Sequence[Case]) -> DrugClassClassifier:
    return DrugClassClassifier(cv=3).fit(class_rows(case.query for case in train), [case.true or NO_CLASS for case in train])


def _folds(cases: Sequence[Case], seed: int) -> Iterator[tuple[list[Case], list[Case]]]:
    fold = folds((str(case.group) for case in cases), n_folds=N_FOLDS, seed=seed)
    for number in range(N_FOLDS):
        apart = [fold[str(case.group)] == number for case in cases]
        yield [c for c, out in zip(cases, apart, strict=True) if not out], [c for c, out in zip(cases, apart, strict=True) if out]


def _examples(cases: Sequence[Case]) -> list[ClassExample]:
    """Examples whose evidence from ions comes from models that saw none of their group."""
    return [case.example() for train, test in _folds(cases, SEED + 1) for case in _with_ions(train, test)]


def _cross_validated(training: dict[str, list[Case]]) -> dict[str, list[tuple[Case, dict[str | None, float]]]]:
    """Each training case as judged by a model that saw none of its group."""
    runs = list(training)
    found: dict[str, list[tuple[Case, dict[str | None, float]]]] = {run: [] for run in runs}
    for parts in zip(*(_folds(training[run], SEED) for run in runs), strict=True):
        weight = fit_weights([e for train, _ in parts for e in _examples(train)], prior_no_class=PRIOR_NO_CLASS)
        for run, (train, test) in zip(runs, parts, strict=True):
            found[run] += [(case, _judged(case.example(), weight)) for case in _with_ions(train, test)]
    return found


def _judged(example: ClassExample, weight: NDArray[np.float64]) -> dict[str | None, float]:
    utility = example.evidence @ weight
    return dict(zip(example.classes, np.exp(utility - np.logaddexp.reduce(utility)).tolist(), strict=True))


def _fitted(training: dict[str, list[Case]], technique: Technique, kind: str, name: str) -> tuple[ClassModel, dict[str, Any]]:
    examples = [example for cases in training.values() for example in _examples(cases)]
    cases = training["reference"]
    ions = ion_model_of(_classifier(cases)) if technique is Technique.EI_MS else None
    about = {
        "date": DATE,
        "data": "SWGDRUG 3.3/3.4, MassBank 2025.05.1 and NIST FentanylClassifier EI spectra"
        if technique is Technique.EI_MS
        else "MassBank 2025.05.1 and Fentanyl-Hunter MS/MS spectra",
        "n_examples": len(examples),
        "n_compounds": len({e.compound for e in examples}),
        "n_compounds_with_class": len({e.compound for e in examples if e.true}),
        "n_classes": len({e.true for e in examples if e.true}),
        "metrics_of": "development unknowns and decoys, whose compounds are in no library and no example",
    }
    weight = fit_weights(examples, prior_no_class=PRIOR_NO_CLASS)
    fields = class_model_fields(weight, ions, technique=technique, kind=kind, name=name, prior_no_class=PRIOR_NO_CLASS, about=about)
    return class_model_from(fields, where=name), fields


def _development(dev: DevSet, kind: str, members: tuple[Library, ...], model: ClassModel) -> dict[str, Any]:
    unknowns: list[tuple[Case, dict[str | None, float]]] = []
    decoys: list[tuple[Case, dict[str | None, float]]] = []
    votes = []
    for spectrum, truth in dev.queries():
        if truth["kind"] == "known":
            continue
        unknown = truth["kind"] == "unknown"
        case = _case(spectrum, members, kind, compound=truth["ik14"], true=truth["class"] if unknown else None, tier=truth["tier"])
        case = replace(case, ions=model.ions, name=truth["name"], smiles=truth["smiles"])
        (unknowns if unknown else decoys).append((case, _judged(case.example(), model.weight)))
        if unknown:
            found = search(case.query, members, most=25)
            votes.append(class_support(relatives(case.query, members, found, most=25))[0] == truth["class"])
    summary = _summary(unknowns)
    summary["own_table_differs"] = _in_dispute(unknowns)
    summary["vote_of_ten_nearest"] = round(float(np.mean(votes)), 4)
    of_no_class = [(case, found) for case, found in decoys if case.tier == "D"]
    summary["decoys"] = _decoys(of_no_class)
    summary["decoys_like_a_class"] = _decoys([(case, found) for case, found in decoys if case.tier == "E"])
    return {**summary, "calibration": _calibration([*unknowns, *of_no_class])}


def _summary(judged: Sequence[tuple[Case, dict[str | None, float]]]) -> dict[str, Any]:
    """The figures of cases that have a class; of those without, how many are given one."""
    have = [(case, found) for case, found in judged if case.true is not None]
    compounds = [case.compound for case, _ in have]
    named = [drug_class_or_none(found) for _, found in have]
    likeliest = [max((p, name) for name, p in found.items() if name is not None)[1] for _, found in have]
    right = [case.true == name for (case, _), (name, _) in zip(have, named, strict=True)]
    right_if_any = [case.true == name for (case, _), name in zip(have, likeliest, strict=True)]
    truths = [str(case.true) for case, _ in have]
    out: dict[str, Any] = {
        "n": len(have),
        "n_compounds": len(set(compounds)),
        "right": _rate(right, compounds),
        "right_by_compound": round(_by_compound(right, compounds), 4),
        "right_from": {
            f"{least:g}": _rate([case.true == drug_class_or_none(found, least=least)[0] for case, found in have], compounds) for least in LEAST
        },
        "right_if_any_class": _rate(right_if_any, compounds),
        "macro_f1": round(float(f1_score(truths, [name or "none" for name, _ in named], average="macro", labels=sorted(set(truths)))), 4),
        "named": sum(name is not None for name, _ in named),
    }
    out["compounds_missed"] = _missed(have, named)
    return out


def _calibration(judged: Sequence[tuple[Case, dict[str | None, float]]]) -> dict[str, Any]:
    """Of all that are given a class, with a class or without: how the probability compares with the share right."""
    said = [(case, *drug_class_or_none(found)) for case, found in judged]
    sure = [(p, name == case.true, case.compound) for case, name, p in said if name is not None]
    out: dict[str, Any] = {"n": len(sure), "share_of_no_class_among_judged": round(float(np.mean([case.true is None for case, _ in judged])), 3)}
    out["log_loss_of_no_class"] = round(log_loss([found.get(None, 0.0) for _, found in judged], [case.true is None for case, _ in judged]), 4)
    if sure:
        chances, good, of = zip(*sure, strict=True)
        out["ece"] = round(calibration_error(chances, good), 4)
        out["reliability"] = [
            {name: round(value, 3) for name, value in asdict(point).items()} for point in reliability(chances, good, of, n_bins=5)
        ]
    return out


def _in_dispute(unknowns: Sequence[tuple[Case, dict[str | None, float]]]) -> list[dict[str, Any]]:
    """Unknowns whose structure has another class by the program's own table than by the truth: what it cannot get right, or only by luck."""
    rows: dict[str, dict[str, Any]] = {}
    for case, found in unknowns:
        own = drug_class_of(case.smiles) if case.smiles else None
        if own != case.true:
            row = rows.setdefault(case.compound, {"name": case.name, "true": case.true, "own": own, "n": 0, "n_as_own": 0})
            row["n"] += 1
            row["n_as_own"] += drug_class_or_none(found)[0] == own
    return list(rows.values())


def _of_training(judged: Sequence[tuple[Case, dict[str | None, float]]]) -> dict[str, Any]:
    of_no_class = [(case, found) for case, found in judged if case.true is None]
    return {**_summary(judged), "of_no_class": _decoys(of_no_class), "calibration": _calibration(judged)}


def _rate(right: Sequence[bool], compounds: Sequence[str]) -> dict[str, Any]:
    low, high = rate_interval(right, compounds)
    return {"rate": round(float(np.mean(right)), 4), "interval": [round(low, 4), round(high, 4)]}


def _by_compound(right: Sequence[bool], compounds: Sequence[str]) -> float:
    of: dict[str, list[bool]] = defaultdict(list)
    for ok, compound in zip(right, compounds, strict=True):
        of[compound].append(ok)
    return float(np.mean([np.mean(values) for values in of.values()]))


def _missed(have: Sequence[tuple[Case, dict[str | None, float]]], named: Iterable[tuple[str | None, float]]) -> list[dict[str, Any]]:
    """Compounds with a spectrum whose class is not named rightly; development unknowns only, the training set is long."""
    rows: dict[str, dict[str, Any]] = {}
    for (case, _), (name, _) in zip(have, named, strict=True):
        if case.tier:
            row = rows.setdefault(case.compound, {"name": case.name, "true": case.true, "n": 0, "said": Counter()})
            row["n"] += 1
            row["said"][name or "none"] += 1
    return [{**row, "said": dict(row["said"])} for row in rows.values() if set(row["said"]) != {row["true"]}]


def _decoys(judged: Sequence[tuple[Case, dict[str | None, float]]]) -> dict[str, Any]:
    if not judged:
        return {"n": 0}
    compounds = [case.compound for case, _ in judged]
    named = [drug_class_or_none(found) for _, found in judged]
    out: dict[str, Any] = {"n": len(judged), "n_compounds": len(set(compounds))}
    out["named"] = _rate([name is not None for name, _ in named], compounds)
    out["named_where_some_class_from"] = {
        f"{least:g}": _rate([drug_class_or_none(found, least=least)[0] is not None for _, found in judged], compounds) for least in LEAST
    }
    for cut in CUTS:
        out[f"named_from_{cut}"] = _rate([name is not None and p >= cut for name, p in named], compounds)
    return out


def _key_figures(found: dict[str, Any]) -> dict[str, Any]:
    return {
        **{key: found[key] for key in ("n", "n_compounds", "right", "right_if_any_class", "macro_f1") if key in found},
        "ece": found["calibration"].get("ece"),
        "decoys_named": found["decoys"].get("named"),
    }


if __name__ == "__main__":
    main()
