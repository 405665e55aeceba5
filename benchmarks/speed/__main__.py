"""``python -m benchmarks.speed --data FOLDER --work FOLDER``: measure, print and keep ``results.json``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("results.json")
SECTIONS = {
    "first_answer": "a fresh process", "msms": "MS/MS", "ei": "EI", "unmixing": "sums of EI references", "reading": "MSP",
    "structures": "fingerprints",
}  # fmt: skip
_PACKAGES = ("numpy", "ms_entropy", "matchms", "scipy", "numba", "rdkit", "FPSim2")
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder of real spectra, which is not part of the project")
    parser.add_argument("--work", type=Path, required=True, help="a folder for compiled libraries, kept between runs")
    parser.add_argument("--only", action="append", choices=tuple(SECTIONS), help="measure this section only; repeatable")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the figures go (default: results.json beside this file)")
    arguments = parser.parse_args()
    if any(os.environ.get(name) != "1" for name in _ONE_THREAD):
        # Thread pools read their size once, when they are loaded: start again with one thread each.
        environment = {**os.environ, **dict.fromkeys(_ONE_THREAD, "1")}
        os.execve(sys.executable, [sys.executable, "-m", "benchmarks.speed", *sys.argv[1:]], environment)  # noqa: S606
    from benchmarks.speed.data import Data

    data = Data(arguments.data, arguments.work)
    data.work.mkdir(parents=True, exist_ok=True)
    rows: dict[str, list[dict[str, Any]]] = {}
    if arguments.out.is_file() and arguments.only:
        rows = {name: part["comparisons"] for name, part in json.loads(arguments.out.read_text("utf-8"))["sections"].items()}
    kept = set(rows)
    load = os.getloadavg()[0]
    for name in arguments.only or SECTIONS:
        found = import_module(f"benchmarks.speed.{name}").measure(data)
        rows[name] = [comparison.to_dict() for comparison in found]
        kept.discard(name)
        for row in rows[name]:
            print(_line(row), flush=True)
    settings = _settings(load)
    print(json.dumps(settings, indent=1))
    if kept:
        print(f"from an earlier run: {', '.join(sorted(kept))}")
    sections = {name: {"comparisons": rows[name]} for name in SECTIONS if name in rows}
    arguments.out.write_text(json.dumps({"settings": settings, "sections": sections}, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return 0


def _line(row: dict[str, Any]) -> str:
    if row["peer"] is None:
        said = f"{row['ours_median_s'] * 1e3:.2f} ms"
    else:
        times = f"ours {row['ours_median_s'] * 1e3:.4g} ms, {row['peer']} {row['peer_median_s'] * 1e3:.4g} ms"
        said = f"{row['ratio']:.3g} ({row['ratio_is']}): {times}"
    goal = f"; goal {row['goal']} {'reached' if row['reached'] else 'MISSED'}" if row["goal"] else ""
    return f"{row['name']}: {said}{goal}"


def _settings(load: float) -> dict[str, Any]:
    from threadpoolctl import threadpool_info

    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    shown = ("user_api", "internal_api", "version", "num_threads", "architecture")
    pools = [{key: pool.get(key) for key in shown} for pool in threadpool_info()]
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "load_average_at_start": round(load, 2),
        "versions": versions,
        "thread_pools": pools,
        "environment": {name: os.environ.get(name) for name in _ONE_THREAD},
    }


if __name__ == "__main__":
    sys.exit(main())
