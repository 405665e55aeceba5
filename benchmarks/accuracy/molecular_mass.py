"""Molecular masses of unknowns: how often right, how sure, and how near the relatives are that a hybrid search finds.

    python -m benchmarks.accuracy.molecular_mass --data DATA --work FOLDER [--write-model]

EI: every reference spectrum of an identified, unlabelled substance (tiers A, B and D) and every development unknown and decoy is predicted by a
model that saw no spectrum of its compound; the compound itself and its stereoisomers are left out of the libraries and hit lists.  MS/MS: by the
precursor.  The figures go to ``benchmarks/accuracy/results/molecular_mass.json``; with ``--write-model`` the model fitted to all reference
spectra is written too, whose own figures on them are never quoted.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.accuracy.cross_fit import RESULTS
from benchmarks.accuracy.dev_data import DevSet, compiled, dev_set, read
from benchmarks.accuracy.settings import DATE, N_FOLDS, SEED
from nps_ident.chemistry.precursor_mass import neutral_mass_of
from nps_ident.confidence.coefficients import SHIPPED
from nps_ident.confidence.mass_evidence import mass_evidence
from nps_ident.confidence.mass_training import MassExample, fit_mass_model
from nps_ident.confidence.metrics import calibration_error, intervals_by_compound, reliability
from nps_ident.confidence.molecular_mass import mass_model_from
from nps_ident.confidence.training import folds
from nps_ident.identify.spectrum import SEARCHED
from nps_ident.library.hits import merged
from nps_ident.library.search_ei import search_ei
from nps_ident.library.search_ei_hybrid import hybrid_hits
from nps_ident.model import Technique
from nps_ident.similarity.match_factor import nominal
from nps_ident.spectra.peaks import prepare

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nps_ident.library.compiled import Library
    from nps_ident.library.hits import Hit
    from nps_ident.model import MassSpectrum
    from nps_ident.similarity.match_factor import NominalSpectrum

CUT = 0.3
"""Below this the first mass of reference spectra was right one time in five (cross-fitted): the list of candidates says more."""
TIERS = frozenset("ABD")
TOP = (1, 3, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A spectrum of known mass."""

    example: MassExample
    group: str
    name: str
    query: NominalSpectrum
    hits: tuple[Hit, ...]
    drug_class: str
    left_out: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a model that never saw the compound says: the place of the true mass among its candidates, and the first one's probability."""

    case: Case
    rank: int
    probability: float
    error_da: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="compiled libraries are kept here")
    parser.add_argument("--write-model", action="store_true", help="also fit the model that ships")
    arguments = parser.parse_args()
    dev = dev_set(arguments.data, Technique.EI_MS)
    reference = compiled(read(dev.reference), arguments.work / "ei-reference-full")
    background = compiled(read(dev.background), arguments.work / "ei-background")
    training = list(reference_cases(dev, [reference]))
    alone = cross_fitted(training, [*training, *query_cases(dev, [reference])])
    wide = cross_fitted(training, list(query_cases(dev, [reference, background])))
    results: dict[str, Any] = {"command": "python -m benchmarks.accuracy.molecular_mass --data DATA --work FOLDER", "date": DATE, "cut": CUT}
    results["ei"] = {group: figures([o for o in alone if o.case.group == group]) for group in ("reference", "unknown", "decoy")}
    listed = [o for o in alone if o.case.group == "reference" and o.case.drug_class]
    results["ei"]["reference, in a drug class"] = figures(listed)
    results["ei-background"] = {group: figures([o for o in wide if o.case.group == group]) for group in ("unknown", "decoy")}
    results["ei"]["misses"] = misses([o for o in alone if o.case.group == "unknown"])
    results["ei"]["nearest"] = nearest([o for o in alone if o.case.group == "unknown"], [reference])
    results["msms"] = by_precursor(dev_set(arguments.data, Technique.MSMS))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "molecular_mass.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=1))
    if arguments.write_model:
        write_model(training, results)


def reference_cases(dev: DevSet, members: Sequence[Library]) -> Iterator[Case]:
    """Each reference spectrum, as if its compound were unknown."""
    for spectrum in read(dev.reference):
        tier = dict(spectrum.metadata).get("DrugTier", "")[:1]
        label = spectrum.label
        if label.inchikey and label.exact_mass and not label.isotope_labelled and tier in TIERS:
            compound = label.inchikey[:14]
            truth = {"ik14": compound, "exact_mass": str(label.exact_mass), "name": label.name or ""}
            yield from case(spectrum, truth, members, group="reference", left_out=frozenset([compound]))


def query_cases(dev: DevSet, members: Sequence[Library]) -> Iterator[Case]:
    """The development spectra whose compound is not in the reference.  The background may hold it: it is left out there."""
    for spectrum, truth in dev.queries():
        if truth["kind"] != "known":
            yield from case(spectrum, truth, members, group=truth["kind"], left_out=frozenset([truth["ik14"]]))


def case(
    spectrum: MassSpectrum, truth: dict[str, str], members: Sequence[Library], *, group: str, left_out: frozenset[str]
) -> Iterator[Case]:
    prepared = prepare(spectrum)
    query = nominal(prepared.mz, prepared.intensity)
    if not len(query.mz):
        return
    hits = merged([hit for member in members for hit in search_ei(query, member, most=SEARCHED)], most=SEARCHED)
    own = [hit.substance.drug_class for hit in hits if (hit.substance.inchikey or "")[:14] == truth["ik14"]]
    yield Case(
        example=MassExample(
            evidence=mass_evidence(query, hits, members, left_out=left_out),
            nominal_mass=round(float(truth["exact_mass"])),
            compound=truth["ik14"],
        ),
        group=group,
        name=truth["name"],
        query=query,
        hits=hits,
        drug_class=truth.get("class") or (own[0] if own else None) or "",
        left_out=left_out,
    )


def cross_fitted(training: Sequence[Case], cases: Sequence[Case]) -> list[Outcome]:
    """Each case by a model that saw no spectrum of its compound."""
    fold = folds((c.example.compound for c in (*training, *cases)), n_folds=N_FOLDS, seed=SEED)
    outcomes = []
    for place in range(N_FOLDS):
        seen = [c.example for c in training if fold[c.example.compound] != place]
        model = mass_model_from(fit_mass_model(seen, name="fold", cut=CUT, about={}), where="fold")
        for one in cases:
            if fold[one.example.compound] == place:
                probabilities, masses = model.probabilities(one.example.evidence), one.example.evidence.masses
                order = np.argsort(-probabilities, kind="stable")
                true = one.example.place
                rank = int(np.flatnonzero(order == true)[0]) if true >= 0 else len(masses)
                error = int(masses[order[0]]) - one.example.nominal_mass
                outcomes.append(Outcome(case=one, rank=rank, probability=float(probabilities[order[0]]), error_da=error))
    return outcomes


def figures(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Shares right among the first 1, 3 and 5, with intervals by compound; what the cut does; how honest the probability is."""
    ranks, probability = np.array([o.rank for o in outcomes]), np.array([o.probability for o in outcomes])
    compounds = [o.case.example.compound for o in outcomes]
    right, given = ranks == 0, probability >= CUT

    def statistic(rows: np.ndarray[Any, Any]) -> list[float | None]:
        kept = rows[given[rows]]
        shares: list[float | None] = [float((ranks[rows] < n).mean()) for n in TOP]
        return [*shares, float((right & given)[rows].mean()), float(right[kept].mean()) if len(kept) else None]

    names = [*(f"among_first_{n}" for n in TOP), "predicted_and_right", "right_where_predicted"]
    values, intervals = statistic(np.arange(len(ranks))), intervals_by_compound(statistic, compounds)
    return {
        "n": len(ranks),
        "n_compounds": len(set(compounds)),
        **{name: _with_interval(value, interval) for name, value, interval in zip(names, values, intervals, strict=True)},
        "predicted": round(float(given.mean()), 4),
        "mean_probability": round(float(probability.mean()), 4),
        "ece": round(calibration_error(probability, right), 4),
        "reliability": [
            {"n": b.n, "probability": round(b.mean_probability, 3), "right": round(b.share_right, 3)}
            for b in reliability(probability, right, compounds, n_bins=5)
        ],
    }


def _with_interval(value: float | None, interval: tuple[float, float] | None) -> dict[str, Any]:
    return {"value": None if value is None else round(value, 4), "interval": interval and [round(end, 4) for end in interval]}


def misses(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Every unknown whose mass is not the first candidate, for reading."""
    wrong = sorted((o for o in outcomes if o.rank), key=lambda o: (-o.probability, o.case.name))
    return [
        {
            "name": o.case.name,
            "mass": o.case.example.nominal_mass,
            "error_da": o.error_da,
            "probability": round(o.probability, 3),
            "rank": o.rank + 1,
        }
        for o in wrong
    ]


def nearest(outcomes: Sequence[Outcome], members: Sequence[Library]) -> dict[str, Any]:
    """How often the first hit is of the unknown's class: simple search, hybrid under the predicted mass, hybrid under the true one."""
    counts = {"simple": 0, "hybrid, predicted mass": 0, "hybrid, true mass": 0}
    for o in outcomes:
        c = o.case
        counts["simple"] += bool(c.hits) and c.hits[0].substance.drug_class == c.drug_class
        for name, mass in (("predicted", c.example.nominal_mass + o.error_da), ("true", c.example.nominal_mass)):
            first = hybrid_hits(c.query, members, mass_da=mass, most=1, left_out=c.left_out)
            counts[f"hybrid, {name} mass"] += bool(first) and first[0].substance.drug_class == c.drug_class
    return {"n": len(outcomes), **{name: round(count / max(len(outcomes), 1), 4) for name, count in counts.items()}}


def by_precursor(dev: DevSet) -> dict[str, Any]:
    """MS/MS: the mass by precursor and adduct; 0.02 Da where the precursor has 3 or more decimals, else 0.6 Da."""
    found: dict[str, list[tuple[bool, bool]]] = {}
    for spectrum, truth in dev.queries():
        mass = neutral_mass_of(prepare(spectrum))
        allowed = 0.02 if (spectrum.precursor_decimals or 0) >= 3 else 0.6
        right = mass.mass_da is not None and abs(mass.mass_da - float(truth["exact_mass"])) <= allowed
        found.setdefault(truth["kind"], []).append((right, mass.stated))
    return {
        kind: {
            "n": len(rows),
            "right": round(float(np.mean([right for right, _ in rows])), 4),
            "adduct_stated": round(float(np.mean([stated for _, stated in rows])), 4),
        }
        for kind, rows in found.items()
    }


def write_model(training: Sequence[Case], results: dict[str, Any]) -> None:
    """Fit the model that ships to all reference spectra."""
    unknown = results["ei"]["unknown"]
    about = {
        "date": DATE,
        "data": "SWGDRUG 3.3/3.4, MassBank 2025.05.1 and NIST FentanylClassifier EI spectra, each with its own compound left out",
        "n_compounds": len({c.example.compound for c in training}),
        "metrics": {name: unknown[name] for name in ("n", "n_compounds", "among_first_1", "among_first_3", "right_where_predicted", "ece")},
        "metrics_of": "development unknowns by cross-fitted models that saw no spectrum of their compounds",
    }
    fields = fit_mass_model([c.example for c in training], name=f"mass-ei-{DATE}", cut=CUT, about=about)
    (SHIPPED / "mass-ei.json").write_text(json.dumps(fields) + "\n", encoding="utf-8")
    print(f"mass-ei: {fields['n_examples']} examples, {fields['sha256'][:12]}")


if __name__ == "__main__":
    main()
