"""How good the limit is that is said of a substance not seen: other laboratories' EI spectra of one pure substance, which holds all of it.

    python -m benchmarks.accuracy.hidden_shares --data DATA

Of each known query the share that its own substance could have at most by its references: a true limit is 1, less is too little.  Beside it
the limit that the same spectra give for heroin, where they are of something else: the less, the more can be said.  Writes
``results/hidden_shares.json``.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.cross_fit import RESULTS
from benchmarks.accuracy.dev_data import compiled, dev_set, read
from benchmarks.accuracy.settings import DATE
from nps_ident.confidence.detection import hidden_shares
from nps_ident.model import Technique
from nps_ident.spectra.peaks import prepare

HEROIN = "GVGLGOZIDCSQPN"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    dev = dev_set(arguments.data, Technique.EI_MS)
    with (dev.folder / "queries_dev_truth.csv").open(newline="", encoding="utf-8") as file:
        truth = {row["id"]: row["ik14"] for row in csv.DictReader(file)}
    own, heroin = [], []
    with tempfile.TemporaryDirectory() as folder:
        library = compiled(read(dev.reference), Path(folder) / "library")
        for spectrum in read(dev.folder / "queries_dev.msp"):
            key = truth[spectrum.name]
            shares = hidden_shares(prepare(spectrum), [library], skeletons=frozenset({key, HEROIN}))
            own.append(shares[key])
            if key != HEROIN:
                heroin.append(shares[HEROIN])
    record: dict[str, Any] = {
        "date": DATE,
        "command": "python -m benchmarks.accuracy.hidden_shares --data DATA",
        "own_substance": _figures(own),
        "heroin_not_there": _figures(heroin),
    }
    print(json.dumps(record, indent=1))
    (RESULTS / "hidden_shares.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _figures(shares: list[float]) -> dict[str, Any]:
    values = np.array(shares)
    return {
        "n_spectra": len(values),
        "least": round(float(values.min()), 4),
        "quantiles": {str(q): round(float(np.quantile(values, q)), 4) for q in (0.01, 0.05, 0.25, 0.5, 0.75)},
        "below_half": int((values < 0.5).sum()),
    }


if __name__ == "__main__":
    main()
