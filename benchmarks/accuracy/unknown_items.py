"""How open unknowns are merged: the development spectra of unlisted substances, each as an exhibit of its own.

    python -m benchmarks.accuracy.unknown_items --data DATA

Every spectrum of ``unknowns_dev`` and ``decoys_dev`` is recorded as an unknown variant, in a seeded order, and the ledger's items are compared
with the truth.  None of these compounds was used for the threshold (``replicates.py``).  Predicted masses, which keep some apart in use, are not
given here.  The results are written to ``benchmarks/accuracy/results/unknown_items.json``.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.cross_fit import RESULTS
from benchmarks.accuracy.dev_data import FOLDER, dev_set, house
from benchmarks.accuracy.settings import DATE, SEED
from nps_ident.confidence.replicates import read_variability, same_precursor
from nps_ident.ledger import open_ledger, record
from nps_ident.ledger.unknowns import read_unknowns
from nps_ident.model import Identification, LibraryStamp, MassSpectrum, Technique, Variant, Verdict
from nps_ident.spectra.peaks import prepare

Truth = dict[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    found: dict[str, Any] = {short: _measured(arguments.data, technique) for technique, short in FOLDER.items()}
    found |= {"date": DATE, "command": "python -m benchmarks.accuracy.unknown_items --data DATA", "variability": read_variability().stamp}
    (RESULTS / "unknown_items.json").write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1, sort_keys=True))


def _measured(data: Path, technique: Technique) -> dict[str, Any]:
    pairs = [(prepare(spectrum), truth) for spectrum, truth in dev_set(data, technique).queries() if truth["kind"] != "known"]
    rng = np.random.default_rng(SEED)
    pairs = [pairs[i] for i in rng.permutation(len(pairs))]
    truths = {truth["id"]: truth for _, truth in pairs}
    spectra = {truth["id"]: spectrum for spectrum, truth in pairs}
    with tempfile.TemporaryDirectory() as folder, open_ledger(Path(folder, "ledger.sqlite"), key=Path(folder, "ledger.key")) as ledger:
        with ledger.batch():
            for spectrum, truth in pairs:
                record(_unknown(replace(spectrum, name=truth["id"], source=None)), ledger)
        items = read_unknowns(ledger)
    groups = [[observation.result["query"]["id"] for observation in item.observations] for item in items]
    joined = [(group[0], other) for group in groups for other in group[1:]]
    wrong = [pair for pair in joined if truths[pair[0]]["ik14"] != truths[pair[1]]["ik14"]]
    isomers = [pair for pair in wrong if truths[pair[0]]["formula"] == truths[pair[1]]["formula"]]
    where = {name: i for i, group in enumerate(groups) for name in group}
    same = [pair for pair in combinations(truths, 2) if _one(truths, spectra, technique, *pair)]
    apart = [pair for pair in same if where[pair[0]] != where[pair[1]]]
    between = [pair for pair in same if house(truths[pair[0]]["contributor"]) != house(truths[pair[1]]["contributor"])]
    return {
        "n_spectra": len(pairs),
        "n_compounds": len({truth["ik14"] for truth in truths.values()}),
        "n_items": len(items),
        "n_joined": len(joined),
        "joined_wrongly": len(wrong),
        "of_these_isomers": len(isomers),
        "n_compounds_joined_wrongly": len(Counter(truths[other]["ik14"] for _, other in wrong)),
        "same_compound_pairs": len(same),
        "same_compound_pairs_left_apart": len(apart),
        "of_different_laboratories": len(between),
        "of_different_laboratories_left_apart": len([pair for pair in between if where[pair[0]] != where[pair[1]]]),
    }


def _one(truths: dict[str, Truth], spectra: dict[str, MassSpectrum], technique: Technique, one: str, other: str) -> bool:
    """Whether two spectra are of one compound, and of one precursor where there is one."""
    if truths[one]["ik14"] != truths[other]["ik14"]:
        return False
    return technique is Technique.EI_MS or same_precursor(spectra[one], spectra[other])


def _unknown(spectrum: MassSpectrum) -> Identification:
    return Identification(
        spectrum=spectrum,
        verdict=Verdict.UNKNOWN_VARIANT,
        characterise=True,
        matches=(),
        library=LibraryStamp(name="none", sha256="0" * 64),
        software=(),
        variant=Variant(nearest=(), mass_shift_da=None, drug_class=None, predicted_mass_da=None),
    )


if __name__ == "__main__":
    main()
