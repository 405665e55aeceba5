"""How alike replicates of one substance from different laboratories are, and how often isomers are as alike.

    python -m benchmarks.accuracy.replicates --data DATA

Writes ``nps_ident/confidence/replicates.json``, from which open unknowns are merged (``docs/unknowns.md``).  Of every compound and every two
laboratories, each spectrum of one is compared with those of the other and the best agreement is kept (another collision energy is no
replicate); compounds weigh alike, near-copies are left out.  Isomers: the same between two compounds of one formula.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.accuracy.dev_data import FOLDER, dev_set, house, read
from benchmarks.accuracy.fit_shipped import describe
from benchmarks.accuracy.settings import DATE, SEED
from nps_ident.confidence.coefficients import content_hash
from nps_ident.confidence.replicates import SCHEMA, SHIPPED, agreement, same_precursor
from nps_ident.model import Technique
from nps_ident.spectra.peaks import prepare

if TYPE_CHECKING:
    from nps_ident.model import MassSpectrum

QUANTILE = 0.5
"""The median: two unknowns taken for one hide the second, which is worse than one unknown in two items (docs/unknowns.md)."""
MOST_PER_SIDE = 8
"""Spectra of one compound and laboratory that are compared: a few compounds have dozens."""
NEAR_COPY = 0.9995


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    techniques = {technique.value: measured(arguments.data, technique) for technique in FOLDER}
    fields: dict[str, Any] = {
        "schema": SCHEMA,
        "name": f"replicates-{DATE}",
        "date": DATE,
        "command": "python -m benchmarks.accuracy.replicates --data DATA",
        "quantile": QUANTILE,
        "techniques": techniques,
    }
    SHIPPED.write_text(json.dumps({**fields, "sha256": content_hash(fields)}, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(techniques, indent=1))


def measured(data: Path, technique: Technique) -> dict[str, Any]:
    """The quantiles of both kinds of pairs, by technique."""
    rng = np.random.default_rng(SEED)
    compounds, formulae = _spectra(data, technique)
    same = [
        [value for one, other in permutations(sorted(houses), 2) for value in _best(houses[one], houses[other], rng) if value < NEAR_COPY]
        for _, houses in sorted(compounds.items())
    ]
    isomers = [
        _best(_all(compounds[one]), _all(compounds[other]), rng)
        for _, members in sorted(formulae.items())
        for one, other in permutations(sorted(members), 2)
    ]
    same, isomers = [v for v in same if v], [v for v in isomers if v]
    threshold = _quantile(same, QUANTILE)
    return {
        "data": describe(technique),
        "measure": "smaller of the two match factors / 999" if FOLDER[technique] == "ei" else "spectral entropy similarity, same precursor",
        "threshold": threshold,
        "n_compounds": len(same),
        "n_comparisons": sum(map(len, same)),
        "replicate_quantiles": {str(q): _quantile(same, q) for q in (0.05, 0.25, 0.5, 0.75, 0.95)},
        "n_isomer_pairs": len(isomers) // 2,
        "isomers_at_threshold": round(float(np.mean([np.mean(np.array(values) >= threshold) for values in isomers])), 4),
    }


def _spectra(data: Path, technique: Technique) -> tuple[dict[str, dict[str, list[MassSpectrum]]], dict[str, set[str]]]:
    """Prepared spectra by compound and laboratory; compounds by formula."""
    dev = dev_set(data, technique)
    compounds: dict[str, Any] = defaultdict(lambda: defaultdict(list))
    formulae: dict[str, set[str]] = defaultdict(set)
    for spectrum in read(dev.reference):
        if spectrum.label.inchikey and spectrum.label.formula and not spectrum.label.isotope_labelled:
            compounds[spectrum.label.inchikey[:14]][house(str(spectrum.contributor))].append(prepare(spectrum))
            formulae[spectrum.label.formula].add(spectrum.label.inchikey[:14])
    for spectrum, truth in dev.queries():
        if truth["kind"] != "known":  # left for measuring how unknowns are merged (unknown_items.py)
            continue
        compounds[truth["ik14"]][house(truth["contributor"])].append(prepare(spectrum))
        formulae[truth["formula"]].add(truth["ik14"])
    return compounds, formulae


def _all(houses: dict[str, list[MassSpectrum]]) -> list[MassSpectrum]:
    return [spectrum for _, spectra in sorted(houses.items()) for spectrum in spectra]


def _best(ones: list[MassSpectrum], others: list[MassSpectrum], rng: np.random.Generator) -> list[float]:
    """Of each of the ones, the best agreement with any of the others; those that meet no other of their precursor are left out."""
    chosen = [ones[i] for i in sorted(rng.permutation(len(ones))[:MOST_PER_SIDE])]
    found = []
    for one in chosen:
        comparable = [other for other in others if _comparable(one, other)]
        if comparable:
            found.append(max(agreement(one, other) for other in comparable))
    return found


def _comparable(one: MassSpectrum, other: MassSpectrum) -> bool:
    return one.technique is Technique.EI_MS or same_precursor(one, other)


def _quantile(groups: list[list[float]], q: float) -> float:
    """A quantile in which every group weighs alike."""
    values = np.concatenate([np.array(group) for group in groups])
    weights = np.concatenate([np.full(len(group), 1.0 / len(group)) for group in groups])
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order]) / weights.sum()
    return round(float(values[order][np.searchsorted(reached, q)]), 4)


if __name__ == "__main__":
    main()
