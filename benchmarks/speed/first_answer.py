"""The first answer of a fresh process, beside the bare imports that no such program can do without."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.speed.measuring import Comparison, interleaved

if TYPE_CHECKING:
    from benchmarks.speed.data import Data

EXHIBIT = Path(__file__).parents[2] / "reference_spectra" / "examples" / "exhibit_17.msp"


def measure(data: Data) -> list[Comparison]:
    home = data.work / "home"
    environment = {**os.environ, "NPS_IDENT_HOME": str(home), "PYTHONPATH": str(EXHIBIT.parents[2])}
    # An installed package is compiled to bytecode once; keep that of the checkout outside it.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment["PYTHONPYCACHEPREFIX"] = str(data.work / "bytecode")
    start = "import sys; from nps_ident.cli import main; sys.exit(main())"

    def run(*command: str) -> None:
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)

    def ours(_: int) -> None:
        run(sys.executable, "-c", start, "identify", str(EXHIBIT), "--format", "jsonl")

    def peer(_: int) -> None:
        run(sys.executable, "-c", "import numpy, sqlite3")

    ours(-1)  # compiles the starter library into the cache and makes the signing key
    ours_s, peer_s = interleaved(ours, peer, rounds=25)
    return [
        Comparison(
            name="first answer of a fresh process",
            peer='python -c "import numpy, sqlite3"',
            work="nps-ident identify exhibit_17.msp --format jsonl: starter library from the cache, recorded and signed",
            goal=4.0,
            faster=False,
            ours_s=ours_s,
            peer_s=peer_s,
        )
    ]
