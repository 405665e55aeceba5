"""How often the true molecular formula is among the first 1, 5 and 10 that an accurate mass and its fragments suggest.

    python -m benchmarks.accuracy.formulae --data DATA

At most three spectra of each compound of the MS/MS reference are drawn by a seed: accurate, with a precursor of 3 or more decimals that is
[M+H]+ or [M-H]-.  Most of these precursors are computed rather than measured, so that a normal error of 2 ppm is added to each before the
formulae within 5 ppm are ranked.  The weights are fitted by conditional logit without the query's formula, and its own substance is taken out of
the frequencies; the weights that ship are those fitted to all, printed at the end.  The figures go to
``benchmarks/accuracy/results/formulae.json``.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.accuracy.cross_fit import RESULTS
from benchmarks.accuracy.dev_data import dev_set, read
from benchmarks.accuracy.settings import DATE, N_FOLDS, SEED
from nps_ident.chemistry.formula import neutral_mass, parse_formula
from nps_ident.chemistry.formula_candidates import FormulaCandidate, formula_candidates
from nps_ident.confidence.mass_training import conditional_logit
from nps_ident.confidence.metrics import calibration_error, intervals_by_compound
from nps_ident.confidence.training import folds
from nps_ident.library.search_msms import is_coarse
from nps_ident.model import Technique, Tolerance
from nps_ident.spectra.peaks import prepare

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nps_ident.model import MassSpectrum

PRECURSOR, FRAGMENTS = Tolerance.ppm(5), Tolerance.wider(da=0.002, ppm=10)
ERROR_PPM = 2.0
CHARGES = {"[M+H]+": 1, "[M-H]-": -1}
A_COMPOUND, KEPT = 3, 250
TOP = (1, 5, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A spectrum of known formula: its candidates, the place of the true one (-1 where it is not among them)."""

    formula: str
    compound: str
    true: int
    features: np.ndarray[Any, np.dtype[np.float64]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    cases = list(all_cases(drawn(arguments.data)))
    fold = folds((c.formula for c in cases), n_folds=N_FOLDS, seed=SEED)
    results: dict[str, Any] = {"command": "python -m benchmarks.accuracy.formulae --data DATA", "date": DATE, "error_ppm": ERROR_PPM}
    results["candidates"] = {"mean": round(float(np.mean([len(c.features) for c in cases])), 1)}
    results["in_reach"] = round(float(np.mean([c.true >= 0 for c in cases])), 4)
    for name, columns in {"mass": [1], "mass, frequencies": [0, 1], "mass, frequencies, fragments": [0, 1, 2, 3]}.items():
        ranks, probability = np.full(len(cases), KEPT), np.zeros(len(cases))
        for place in range(N_FOLDS):
            weights = fitted([c for c in cases if fold[c.formula] != place], columns)
            for number, one in enumerate(cases):
                if fold[one.formula] == place and len(one.features):
                    utilities = one.features[:, columns] @ weights
                    share = np.exp(utilities - np.logaddexp.reduce(utilities))
                    order = np.argsort(-share, kind="stable")
                    probability[number] = share[order[0]]
                    if one.true >= 0:
                        ranks[number] = int(np.flatnonzero(order == one.true)[0])
        results[name] = figures(ranks, probability, cases)
    weights = fitted(cases, [0, 1, 2, 3])
    results["weights"] = dict(zip(("prior", "mass", "explained", "size"), (round(float(w), 2) for w in weights), strict=True))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "formulae.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=1))


def drawn(data: Path) -> Iterator[MassSpectrum]:
    """At most three accurate spectra a compound."""
    generator = np.random.default_rng(SEED)
    of_compound: dict[str, list[MassSpectrum]] = defaultdict(list)
    for spectrum in read(dev_set(data, Technique.MSMS).reference):
        label, accurate = spectrum.label, (spectrum.precursor_decimals or 0) >= 3 and not is_coarse(spectrum)
        if accurate and label.inchikey and label.formula and not label.isotope_labelled and spectrum.adduct in CHARGES:
            of_compound[label.inchikey[:14]].append(spectrum)
    for _, spectra in sorted(of_compound.items()):
        for place in sorted(generator.permutation(len(spectra))[:A_COMPOUND].tolist()):
            yield spectra[place]


def all_cases(spectra: Iterator[MassSpectrum]) -> Iterator[Case]:
    generator = np.random.default_rng(SEED)
    for spectrum in spectra:
        precursor, adduct = float(spectrum.precursor_mz or 0.0), str(spectrum.adduct)
        mass = neutral_mass(precursor * (1.0 + 1e-6 * ERROR_PPM * generator.standard_normal()), adduct)
        query = prepare(spectrum)
        below = query.mz < precursor - 0.5
        formula = str(spectrum.label.formula)
        found = formula_candidates(
            mass,
            tolerance=PRECURSOR,
            fragments=(query.mz[below], query.intensity[below]),
            fragment_tolerance=FRAGMENTS,
            charge=CHARGES[adduct],
            most=KEPT,
            without=formula,
        )
        true = [i for i, c in enumerate(found) if parse_formula(c.formula) == parse_formula(formula)]
        compound = str(spectrum.label.inchikey)[:14]
        yield Case(formula=formula, compound=compound, true=true[0] if true else -1, features=features(found))


def features(found: Sequence[FormulaCandidate]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Log prior, squared error in half tolerances, explained share, size; shape (n, 4)."""
    half = PRECURSOR.relative_ppm / 2.0
    return np.array([(c.log_prior, -0.5 * (c.error_ppm / half) ** 2, c.explained or 0.0, c.size) for c in found]).reshape(len(found), 4)


def fitted(cases: Sequence[Case], columns: list[int]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return conditional_logit([(c.features[:, columns], c.true) for c in cases if c.true >= 0 and len(c.features) > 1])


def figures(ranks: np.ndarray[Any, Any], probability: np.ndarray[Any, Any], cases: Sequence[Case]) -> dict[str, Any]:
    def statistic(rows: np.ndarray[Any, Any]) -> list[float | None]:
        return [float((ranks[rows] < n).mean()) for n in TOP]

    compounds = [c.compound for c in cases]
    intervals = intervals_by_compound(statistic, compounds)
    shares = {
        f"among_first_{n}": {"value": round(value or 0.0, 4), "interval": interval and [round(end, 4) for end in interval]}
        for n, value, interval in zip(TOP, statistic(np.arange(len(ranks))), intervals, strict=True)
    }
    return {"n": len(ranks), "n_compounds": len(set(compounds)), **shares, "ece": round(calibration_error(probability, ranks == 0), 4)}


if __name__ == "__main__":
    main()
