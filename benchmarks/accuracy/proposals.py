"""How often the true structure of an unknown is among the first ten that are proposed.

    python -m benchmarks.accuracy.proposals --data DATA --work FOLDER [--technique ei|msms]

The weights are fitted on reference substances of a drug class, each treated as unknown: its spectra are left out of the search, and it is
left out of the catalogue, of the substances to start from and of the counts of the modifications.  The development unknowns, which are
other compounds, are never fitted to; they are proposed for in the same way, their truth removed everywhere.  A hit is an equal first block of
the InChIKey.  Results go to ``benchmarks/accuracy/results``, the weights to ``nps_ident/identify/rankings``.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rdkit import Chem
from scipy.optimize import minimize

from benchmarks.accuracy.dev_data import FOLDER, compiled, dev_set, read
from benchmarks.accuracy.modification_pairs import saved_pairs, without
from benchmarks.accuracy.settings import DATE, SEED
from nps_ident.catalogue.store import open_catalogue
from nps_ident.chemistry.fingerprints import flattened
from nps_ident.chemistry.modifications import modified
from nps_ident.chemistry.structures import parent_of
from nps_ident.confidence.coefficients import content_hash
from nps_ident.confidence.molecular_mass import predict_mass
from nps_ident.identify.neighbours import class_of_neighbours, hybrid_neighbours, searched_isomers
from nps_ident.identify.proposal_evidence import FEATURES
from nps_ident.identify.proposal_ranking import RANKINGS, SCHEMA, ranking_from
from nps_ident.identify.proposing import evidence, likely_masses, propose_from_libraries, target_of
from nps_ident.identify.spectrum import SEARCHED
from nps_ident.library.search_ei import search_ei
from nps_ident.model import Technique
from nps_ident.similarity.match_factor import nominal
from nps_ident.spectra.peaks import prepare

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from benchmarks.accuracy.modification_pairs import Pairs
    from nps_ident.chemistry.modifications import Modification
    from nps_ident.library.compiled import Library
    from nps_ident.model import MassSpectrum

RESULTS = Path(__file__).parent / "results"
MOST_TRAINING = 200
"""Reference substances treated as unknown; chosen by a hash of their InChIKey."""
SHARE_KNOWN = 1 / 3
"""Assumed share of unknowns that the catalogue knows without having a spectrum: none of it can be learnt from spectra that are there."""
RIDGE = 0.05
SAME_MASS_PPM = 5.0
N_RESAMPLES = 2000


@dataclass(frozen=True)
class Case:
    """One spectrum of a substance that is treated as unknown."""

    spectrum: MassSpectrum
    compound: str
    smiles: str
    mass_da: float
    name: str
    drug_class: str


@dataclass(frozen=True)
class Simulated:
    """The candidates of a case: their figures, which one is true (-1: none), and whether only the catalogue leads to it."""

    rows: NDArray[np.float64]
    true: int
    only_known: bool
    compound: str


def training_cases(data: Path, technique: Technique) -> Iterator[Case]:
    """One spectrum (MS/MS: positive, the one of most peaks) of each classified reference substance, in an order of no meaning."""
    best: dict[str, MassSpectrum] = {}
    for spectrum in read(dev_set(data, technique).reference):
        label, tier = spectrum.label, dict(spectrum.metadata).get("DrugTier", "")
        if not tier.startswith("A:") or label.inchikey is None or label.smiles is None or label.isotope_labelled:
            continue
        if technique is Technique.MSMS and (spectrum.polarity is None or spectrum.polarity.value != "positive" or spectrum.adduct != "[M+H]+"):
            continue
        compound = label.inchikey[:14]
        if compound not in best or (technique is Technique.MSMS and spectrum.n_peaks > best[compound].n_peaks):
            best[compound] = spectrum
    for compound in sorted(best, key=lambda key: hashlib.sha256(key.encode()).hexdigest())[:MOST_TRAINING]:
        spectrum = best[compound]
        parent = parent_of(str(spectrum.label.smiles))
        yield Case(prepare(spectrum), compound, parent.smiles, parent.exact_mass, str(spectrum.label.name), "")


def dev_cases(data: Path, technique: Technique) -> Iterator[Case]:
    folder = dev_set(data, technique).folder
    with (folder / "unknowns_dev_truth.csv").open(newline="", encoding="utf-8") as file:
        truth = {row["id"]: row for row in csv.DictReader(file)}
    for spectrum in read(folder / "unknowns_dev.msp"):
        row = truth[spectrum.name]
        yield Case(prepare(spectrum), row["ik14"], row["smiles"], float(row["exact_mass"]), row["name"], row["class"])


def simulate(case: Case, members: list[Library], pairs: Pairs) -> Simulated:
    """The candidates for one case with the truth removed, and the truth as the catalogue would know it added behind."""
    hidden = frozenset({case.compound})
    technique = case.spectrum.technique
    nearest = hybrid_neighbours(case.spectrum, members, mass_da=case.mass_da, exclude=hidden)
    target = target_of(case.spectrum, case.mass_da, None, None)
    substances = open_catalogue().substances
    others = [substance for substance in substances if substance.skeleton not in hidden]
    true_smiles = Chem.MolToSmiles(flattened(Chem.MolFromSmiles(case.smiles)))
    drug_class = class_of_neighbours(nearest)
    # The truth enters as a catalogue substance, and is no place to start from.
    as_known = next((s for s in substances if s.skeleton in hidden and s.smiles), None)
    chosen, rows, _ = evidence(
        case.spectrum,
        nearest,
        target=target,
        drug_class=drug_class,
        searched=searched_isomers(members, technique, target, exclude=hidden),
        known=others,
        extra=() if as_known is None else (as_known,),
        modifications=without(pairs, hidden),
    )
    true = next((place for place, candidate in enumerate(chosen) if candidate.smiles == true_smiles), -1)
    only_known = true >= 0 and not chosen[true].routes
    if true >= 0:
        rows[true, FEATURES.index("known_to_catalogue")] = 0.0
    return Simulated(rows, true, only_known, case.compound)


def simulated(data: Path, technique: Technique, members: list[Library], pairs: Pairs, work: Path) -> list[Simulated]:
    """All training cases, computed once."""
    path = work / f"proposals-{FOLDER[technique]}-{content_of(FEATURES)}.npz"
    if not path.is_file():
        done = [simulate(case, members, pairs) for case in training_cases(data, technique)]
        np.savez(
            path,
            rows=np.concatenate([one.rows for one in done]),
            lengths=[len(one.rows) for one in done],
            true=[one.true for one in done],
            only_known=[one.only_known for one in done],
            compound=[one.compound for one in done],
        )
    with np.load(path, allow_pickle=False) as stored:
        parts = np.split(stored["rows"], np.cumsum(stored["lengths"])[:-1])
        columns = [stored[name].tolist() for name in ("true", "only_known", "compound")]
    return [Simulated(*fields) for fields in zip(parts, *columns, strict=True)]


def content_of(names: Sequence[str]) -> str:
    return hashlib.sha256("|".join(names).encode()).hexdigest()[:8]


def fit(cases: Sequence[Simulated]) -> dict[str, Any]:
    """Weights and the utility of "none", by maximum likelihood with a ridge: each case as unknown to the catalogue, and as known to it."""
    stacked = np.concatenate([case.rows for case in cases if len(case.rows)])
    mean, scale = stacked.mean(axis=0), stacked.std(axis=0)
    scale[scale < 1e-9] = 1.0
    examples = [example for case in cases for example in _examples(case, mean, scale)]

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weight, none = parameters[:-1], parameters[-1]
        total, gradient = 0.0, np.zeros_like(parameters)
        for rows, true, share in examples:
            utility = np.append(rows @ weight, none)
            likelihood = utility - np.logaddexp.reduce(utility)
            expected = np.exp(likelihood)
            total -= share * likelihood[true]
            wrong = expected.copy()
            wrong[true] -= 1.0
            gradient[:-1] += share * (wrong[:-1] @ rows)
            gradient[-1] += share * wrong[-1]
        n = sum(share for _, _, share in examples)
        penalty = RIDGE * float(weight @ weight) / 2
        gradient /= n
        gradient[:-1] += RIDGE * weight
        return total / n + penalty, gradient

    found = minimize(loss, np.zeros(len(FEATURES) + 1), jac=True, method="L-BFGS-B")
    return {"mean": _rounded(mean), "scale": _rounded(scale), "weight": _rounded(found.x[:-1]), "none": float(f"{found.x[-1]:.6g}")}


def _rounded(values: NDArray[np.float64]) -> list[float]:
    return [float(f"{value:.6g}") for value in values]


def _examples(case: Simulated, mean: NDArray[np.float64], scale: NDArray[np.float64]) -> Iterator[tuple[NDArray[np.float64], int, float]]:
    """Standardised rows, the index of the truth (the last: none), and the weight of the example."""
    rows, true = case.rows, case.true
    if case.only_known:  # without the catalogue it is not reached
        yield (np.delete(rows, true, axis=0) - mean) / scale, -1, 1.0 - SHARE_KNOWN
    else:
        yield (rows - mean) / scale, true, 1.0 - SHARE_KNOWN
    if true >= 0:
        as_known = rows.copy()
        as_known[true, FEATURES.index("known_to_catalogue")] = 1.0
        yield (as_known - mean) / scale, true, SHARE_KNOWN


def evaluate(
    data: Path, technique: Technique, members: list[Library], pairs: Pairs, fields: dict[str, Any], near: Nearness
) -> dict[str, list[dict[str, Any]]]:
    """Rank and probability of the truth for every development unknown, by the true mass and by the one that the program takes.

    Where a precursor gives the mass to 5 ppm, the two are one, and it is asked once.
    """
    ranking = ranking_from(fields, where="fitted now")
    results: dict[str, list[dict[str, Any]]] = {"true": [], "predicted": []}
    known: dict[str, tuple[tuple[Modification, ...], bool]] = {}
    for case in dev_cases(data, technique):
        hidden = frozenset({case.compound})
        if case.compound not in known:
            known[case.compound] = (without(pairs, hidden), near(case))
        modifications, is_near = known[case.compound]
        true = [(case.mass_da, 1.0)]
        begin = time.process_time()
        predicted = predicted_masses(case.spectrum, members, hidden)
        seconds = time.process_time() - begin
        same = technique is Technique.MSMS and bool(predicted) and abs(predicted[0][0] - case.mass_da) <= SAME_MASS_PPM * 1e-6 * case.mass_da
        for mass, masses in (("predicted", predicted), ("true", true)):
            if mass == "true" and same:
                results["true"].append(results["predicted"][-1])
                continue
            begin = time.process_time()
            found = propose_from_libraries(
                case.spectrum, members, masses=masses, exclude=hidden, modifications=modifications, ranking=ranking
            )
            results[mass].append(
                {
                    "compound": case.compound,
                    "name": case.name,
                    "class": case.drug_class,
                    "near": is_near,
                    "mass_right": bool(masses) and round(masses[0][0]) == round(case.mass_da),
                    "rank": next((place for place, proposal in enumerate(found, 1) if proposal.inchikey[:14] == case.compound), None),
                    "probability_of_ten": round(sum(proposal.probability or 0.0 for proposal in found), 4),
                    "cpu_seconds": time.process_time() - begin + (seconds if mass == "predicted" else 0.0),
                }
            )
    return results


def predicted_masses(spectrum: MassSpectrum, members: list[Library], hidden: frozenset[str]) -> tuple[tuple[float, float], ...]:
    """What the program itself takes for the mass: MS/MS from precursor and adduct; EI by the learnt prediction, the truth left out."""
    if spectrum.technique is Technique.MSMS:
        return likely_masses(spectrum)
    query = nominal(spectrum.mz, spectrum.intensity)
    hits = [hit for member in members for hit in search_ei(query, member, most=SEARCHED)]
    return likely_masses(spectrum, predict_mass(query, hits, members, left_out=hidden))


class Nearness:
    """Whether a compound is one known modification away from a substance that the catalogue or the library knows."""

    def __init__(self, members: Sequence[Library], pairs: Pairs) -> None:
        self.pairs = pairs
        self.known: dict[str, str] = {}
        libraries = (member.substance(row) for member in members for row in range(len(member["substances.offset"]) - 1))
        for substance in (*open_catalogue().substances, *libraries):
            if substance.smiles and substance.inchikey and not substance.isotope_labelled:
                self.known[Chem.MolToSmiles(flattened(Chem.MolFromSmiles(substance.smiles)))] = substance.inchikey[:14]

    def __call__(self, case: Case) -> bool:
        mol = flattened(Chem.MolFromSmiles(case.smiles))
        rows = without(self.pairs, frozenset({case.compound}))
        # The table holds every modification both ways, so that what is one away can be made from the compound itself.
        products = (Chem.MolToSmiles(product) for row in rows for product in modified(mol, row))
        return any(self.known.get(product, case.compound) != case.compound for product in products)


def summary(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Shares with 95 % intervals, by compound: the spectra of one compound are averaged, compounds are resampled."""
    groups = {"all": results, "one_modification_away": [r for r in results if r["near"]], "farther": [r for r in results if not r["near"]]}
    seconds = [r["cpu_seconds"] for r in results]
    return {
        "n_spectra": len(results),
        **{name: {f"in_first_{most}": share(group, most) for most in (1, 3, 10)} for name, group in groups.items()},
        "mass_right": share(results, None),
        "cpu_seconds": {"median": round(float(np.median(seconds)), 2), "max": round(max(seconds), 2)},
        "expected_in_ten": round(float(np.mean([r["probability_of_ten"] for r in results])), 3),
    }


def share(results: Sequence[dict[str, Any]], most: int | None) -> dict[str, Any]:
    by_compound: dict[str, list[float]] = defaultdict(list)
    for result in results:
        hit = result["mass_right"] if most is None else result["rank"] is not None and result["rank"] <= most
        by_compound[result["compound"]].append(float(hit))
    means = np.array([np.mean(hits) for hits in by_compound.values()])
    if not len(means):
        return {"n_compounds": 0, "share": None, "interval_95": None}
    drawn = np.random.default_rng(SEED).choice(means, (N_RESAMPLES, len(means))).mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {"n_compounds": len(means), "share": round(float(means.mean()), 3), "interval_95": [round(float(low), 3), round(float(high), 3)]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="compiled libraries and simulated cases are kept here")
    parser.add_argument("--technique", choices=("ei", "msms"), action="append")
    arguments = parser.parse_args()
    catalogue = open_catalogue()
    pairs = saved_pairs(catalogue.substances, arguments.work / f"modification-pairs-{catalogue.sha256[:12]}.json")
    for technique, short in FOLDER.items():
        if arguments.technique and short not in arguments.technique:
            continue
        members = [compiled(read(dev_set(arguments.data, technique).reference), arguments.work / f"{short}-reference-full")]
        cases = simulated(arguments.data, technique, members, pairs, arguments.work)
        fields = {
            "schema": SCHEMA,
            "name": f"proposals-{short}-{DATE}",
            "technique": technique.value,
            "date": DATE,
            "features": list(FEATURES),
            **fit(cases),
            "about": {
                "data": "reference spectra of classified substances, each treated as unknown (python -m benchmarks.accuracy.proposals)",
                "n_compounds": len(cases),
                "n_reached": sum(case.true >= 0 and not case.only_known for case in cases),
                "share_known_to_catalogue": round(SHARE_KNOWN, 4),
                "ridge": RIDGE,
            },
        }
        fields["sha256"] = content_hash(fields)
        near = Nearness(members, pairs)
        results = evaluate(arguments.data, technique, members, pairs, fields, near)
        scores = {f"by_{mass}_mass": summary(listed) for mass, listed in results.items()}
        (arguments.work / f"proposals-{short}.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
        print(json.dumps(scores, indent=1))
        fields["metrics"] = {
            f"{mass}, {group}": scores[mass][group]["in_first_10"] for mass in scores for group in ("all", "one_modification_away")
        }
        fields["metrics_of"] = "development unknowns, which the weights were not fitted to"
        fields["sha256"] = content_hash(fields)
        RANKINGS.mkdir(exist_ok=True)
        (RANKINGS / f"{short}.json").write_text(json.dumps(fields, indent=1) + "\n", encoding="utf-8")
        command = f"python -m benchmarks.accuracy.proposals --data DATA --work FOLDER --technique {short}"
        record = {"date": DATE, "command": command, "training": fields["about"], "scores": scores}
        (RESULTS / f"proposals-{short}.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
