"""Fit the calibrations that ship on all development data; ``cross_fit.py`` and ``reliability.py`` come first.

    python -m benchmarks.accuracy.fit_shipped --data DATA --work FOLDER

Their own figures on these data are never quoted: ``cross_fit.py`` prints those of models that saw neither the compound nor the laboratory.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks.accuracy.cross_fit import RESULTS
from benchmarks.accuracy.dev_data import FOLDER, dev_set, training_examples
from benchmarks.accuracy.settings import DATE, SETTINGS
from nps_ident.confidence.coefficients import SHIPPED
from nps_ident.confidence.training import fit
from nps_ident.model import Technique

RUNS = {
    (Technique.EI_MS, "full"): ("ei", "ei-background"),
    (Technique.EI_MS, "principal_ions"): ("ei-principal-ions",),
    (Technique.MSMS, "full"): ("msms", "msms-background"),
    (Technique.MSMS, "principal_ions"): ("msms-principal-ions",),
}
"""The measurements that speak for each calibration."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="compiled libraries and training examples are kept here")
    arguments = parser.parse_args()
    for (technique, kind), settings in SETTINGS.items():
        dev = dev_set(arguments.data, technique)
        name = f"{FOLDER[technique]}-{kind.replace('_', '-')}"
        rows = training_examples(dev, kind, arguments.work)
        about = {
            "date": DATE,
            "data": describe(technique),
            "n_examples": len(rows),
            "n_compounds": len({e.compound for e in rows}),
            "n_laboratories": len({e.laboratory for e in rows}),
            "metrics": {run: metrics(run) for run in RUNS[technique, kind]},
            "metrics_of": "cross-fitted models that saw neither compound nor laboratory of a query; those of this one are never quoted",
        }
        bounds = lr_bounds(RUNS[technique, kind][0])
        fields = fit(
            rows, technique=technique, kind=kind, name=f"{name}-{DATE}", settings=settings, about=about, log10_lr_bounds=bounds
        )
        (SHIPPED / f"{name}.json").write_text(json.dumps(fields, indent=1) + "\n", encoding="utf-8")
        print(f"{name}: {len(rows)} examples, {fields['n_known']} with the substance in the library, {fields['sha256'][:12]}")


def lr_bounds(run: str) -> dict[str, float]:
    """The bounds of likelihood ratios that the cross-fitted answers bear, from the results of ``reliability.py``."""
    found = json.loads((RESULTS / f"reliability-{run}.json").read_text(encoding="utf-8"))
    return {"low": found["lr_bounds"]["low"], "high": found["lr_bounds"]["high"], "n_substances": found["n_substances_searched"]}


def metrics(run: str) -> dict[str, float]:
    """The cross-fitted figures of known queries, from the results of ``cross_fit.py``."""
    scores = json.loads((RESULTS / f"{run}.json").read_text(encoding="utf-8"))["scores"]
    known = scores[run.partition("-")[0]]["known"]
    return {name: round(known[name], 4) for name in ("n", "rank1", "rank3", "brier", "log_loss", "ece", "cllr", "wrong_match", "yield")}


def describe(technique: Technique) -> str:
    if technique is Technique.EI_MS:
        return "SWGDRUG 3.3/3.4, MassBank 2025.05.1 and NIST FentanylClassifier EI spectra: replicates from different laboratories"
    return "MassBank 2025.05.1 and Fentanyl-Hunter MS/MS spectra: replicates from different laboratories"


if __name__ == "__main__":
    main()
