"""The mass differences usual between substances of one drug class, counted in the catalogue.

    python -m benchmarks.accuracy.mass_shifts

Writes ``nps_ident/confidence/drug_class_shifts.tsv``.  Every class weighs the same, however many substances it has; a difference is usual
when it makes up at least 1 in 500 of the pairs of one class, and is at least five times as frequent there as among pairs of two classes.
"""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from pathlib import Path

import nps_ident.confidence
from nps_ident.catalogue.store import open_catalogue
from nps_ident.chemistry.formula import hill_formula, parse_formula

TABLE = Path(nps_ident.confidence.__file__).parent / "drug_class_shifts.tsv"
LEAST_SHARE, LEAST_RATIO = 0.002, 5.0


def main() -> None:
    formulas = {s.skeleton: (s.drug_class, parse_formula(s.formula)) for s in open_catalogue().substances if s.formula and s.drug_class}
    members = [formulas[key] for key in sorted(formulas)]
    sizes = Counter(drug_class for drug_class, _ in members)
    within: Counter[tuple[str, str]] = Counter()
    between: Counter[tuple[str, str]] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    for (one, first), (other, second) in combinations(members, 2):
        difference = _difference(dict(first), dict(second))
        if one == other:
            within[difference] += 1 / sizes[one]
            pairs[difference] += 1
        else:
            between[difference] += 1 / (sizes[one] * sizes[other])
    share_within = {key: value / sum(within.values()) for key, value in within.items()}
    share_between = {key: value / sum(between.values()) for key, value in between.items()}
    usual = [
        (share, share / (share_between.get(key, 0.0) + 1e-5), key)
        for key, share in share_within.items()
        if share >= LEAST_SHARE and any(key) and share / (share_between.get(key, 0.0) + 1e-5) >= LEAST_RATIO
    ]
    lines = ["gained\tlost\tn_pairs\tshare_of_pairs\tratio\tsource"]
    source = "counted in the catalogue by benchmarks/accuracy/mass_shifts.py"
    for share, ratio, key in sorted(usual, key=lambda row: (-row[0], row[2])):
        lines.append(f"{key[0]}\t{key[1]}\t{pairs[key]}\t{share:.4f}\t{ratio:.0f}\t{source}")
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(lines) - 1} usual differences among {len(members)} substances of {len(sizes)} classes")


def _difference(first: dict[str, int], second: dict[str, int]) -> tuple[str, str]:
    """What one formula has more than the other, and what it has less; the heavier gain first, so that the order of a pair is of no matter."""
    gained = {element: n - second.get(element, 0) for element, n in first.items() if n > second.get(element, 0)}
    lost = {element: n - first.get(element, 0) for element, n in second.items() if n > first.get(element, 0)}
    one, other = hill_formula(gained), hill_formula(lost)
    return (one, other) if (len(one), one) >= (len(other), other) else (other, one)


if __name__ == "__main__":
    main()
