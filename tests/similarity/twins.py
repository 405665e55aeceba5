"""Slow, obvious versions of every measure, written from the formulae alone: plain Python, no arrays, nothing from the package."""

from __future__ import annotations

import math
from itertools import combinations, permutations

Peaks = list[tuple[float, float]]


def nominal(peaks: Peaks) -> dict[int, float]:
    """Unit masses, boundary 0.649, base peak 999."""
    bins: dict[int, float] = {}
    for mz, intensity in peaks:
        if intensity > 0:
            whole = math.floor(mz)
            unit = whole + 1 if mz - whole >= 0.649 else whole
            bins[unit] = bins.get(unit, 0.0) + intensity
    highest = max(bins.values(), default=1.0)
    return {unit: 999.0 * value / highest for unit, value in bins.items()}


def match_factors(query: dict[int, float], library: dict[int, float], *, identity: bool) -> tuple[float, float]:
    """NIST match factor and reverse match factor, mass by mass from the first mass that both spectra reach."""
    if not query or not library:
        return 0.0, 0.0
    first = max(min(query), min(library))
    product = squares_query = squares_library = squares_query_matched = 0.0
    n_matched = n_ratios = 0
    ratio_sum = mass_sum = 0.0
    previous = None
    for mass in range(first, max(*query, *library) + 1):
        u, v = query.get(mass, 0.0), library.get(mass, 0.0)
        if u <= 1 and v <= 1:
            continue
        power = mass if identity else 1
        squares_library += power * v
        squares_query += power * u
        if u == 0 or v == 0:
            previous = None
            continue
        product += power * math.sqrt(u * v)
        squares_query_matched += power * u
        n_matched += 1
        if previous is not None:
            ratio = math.sqrt(u / query[previous]) / math.sqrt(v / library[previous])
            ratio_sum += mass * min(ratio, 1 / ratio)
            mass_sum += mass
            n_ratios += 1
        previous = mass
    if n_matched == 0:
        return 0.0, 0.0
    answers = []
    for squares in (squares_query, squares_query_matched):
        score = product**2 / (squares * squares_library)
        if identity and n_ratios:
            score = (n_matched * score + n_ratios * ratio_sum / mass_sum) / (n_matched + n_ratios)
        answers.append(max(1000 * score - 0.5, 0.0))
    return answers[0], answers[1]


def divided(query: dict[int, float], library: dict[int, float], shift: int) -> dict[int, float]:
    """The library spectrum with each peak divided between its own mass and the mass ``shift`` further, as the query's peaks there stand."""
    result: dict[int, float] = {}
    for mass, value in library.items():
        here, there = query.get(mass, 0.0), query.get(mass + shift, 0.0) if mass + shift > 0 else 0.0
        if there == 0:
            result[mass] = result.get(mass, 0.0) + value
            continue
        result[mass + shift] = result.get(mass + shift, 0.0) + value * there / (here + there)
        if here:
            result[mass] = result.get(mass, 0.0) + value * here / (here + there)
    return result


def entropy_of(shares: list[float]) -> float:
    return -sum(p * math.log(p) for p in shares if p > 0)


def weighted(shares: list[float]) -> list[float]:
    entropy = entropy_of(shares)
    if entropy >= 3:
        return shares
    powered = [p ** (0.25 + 0.25 * entropy) for p in shares]
    return [p / sum(powered) for p in powered]


def entropy_similarity(a: list[float], b: list[float], pairs: list[tuple[int, int]]) -> float:
    """1 − (2 S_AB − S_A − S_B) / ln 4 of two lists of shares, given which peaks belong together."""
    if not a or not b:
        return 0.0
    mean = []
    paired_a, paired_b = {i for i, _ in pairs}, {j for _, j in pairs}
    mean += [(a[i] + b[j]) / 2 for i, j in pairs]
    mean += [p / 2 for i, p in enumerate(a) if i not in paired_a]
    mean += [p / 2 for j, p in enumerate(b) if j not in paired_b]
    return 1 - (2 * entropy_of(mean) - entropy_of(a) - entropy_of(b)) / math.log(4)


def best_assignment(gains: dict[tuple[int, int], float]) -> float:
    """The greatest sum of gains over all ways of pairing one to one, by trying each."""
    best = 0.0
    rows, columns = sorted({i for i, _ in gains}), sorted({j for _, j in gains})
    for size in range(1, min(len(rows), len(columns)) + 1):
        for some in combinations(rows, size):
            for order in permutations(columns, size):
                chosen = list(zip(some, order, strict=True))
                if all(pair in gains for pair in chosen):
                    best = max(best, sum(gains[pair] for pair in chosen))
    return best


def greedy_assignment(gains: dict[tuple[int, int], float]) -> list[tuple[int, int]]:
    """Pairs one to one, the greatest gain first."""
    chosen: list[tuple[int, int]] = []
    for i, j in sorted(gains, key=lambda pair: -gains[pair]):
        if all(i != p and j != q for p, q in chosen):
            chosen.append((i, j))
    return chosen


def cosine(a: Peaks, b: Peaks, tolerance_da: float, shifts: tuple[float, ...] = (0.0,)) -> float:
    gains = {
        (i, j): x * y
        for i, (m, x) in enumerate(a)
        for j, (n, y) in enumerate(b)
        if any(abs(m - n - shift) <= tolerance_da for shift in shifts)
    }
    total = sum(gains[pair] for pair in greedy_assignment(gains))
    length = math.sqrt(sum(x * x for _, x in a) * sum(y * y for _, y in b))
    return total / length if length else 0.0


def coverage(peaks: Peaks, fragments: list[float], tolerance_da: float) -> float:
    """Share of the fragments with a peak in their window, where windows do not overlap."""
    found = [f for f in fragments if any(abs(mz - f) <= tolerance_da and intensity > 0 for mz, intensity in peaks)]
    return len(found) / len(fragments) if fragments else 0.0


def best_assignment_pairs(gains: dict[tuple[int, int], float]) -> list[list[tuple[int, int]]]:
    """Every way of pairing that leaves no possible pair out, by going through the pairs one after the other."""
    ways: list[list[tuple[int, int]]] = [[]]
    for i, j in gains:
        ways += [[*way, (i, j)] for way in ways if all(i != p and j != q for p, q in way)]
    return ways


def intensity_drift(query: dict[int, float], library: dict[int, float]) -> tuple[float, float]:
    """Mean absolute log ratio about a straight line in m/z, and the cosine with the library spectrum multiplied by that line."""
    first = max(min(query), min(library))
    points = []
    for mass in {*query, *library}:
        u, v = query.get(mass, 0.0), library.get(mass, 0.0)
        if mass >= first and max(u, v) >= 20:
            points.append((mass, math.log((u + 5) / (v + 5)), math.sqrt(mass * max(u, v))))
    total = sum(w for _, _, w in points) or 1.0
    mean_mass, mean_ratio = sum(w * m for m, _, w in points) / total, sum(w * r for _, r, w in points) / total
    slope = 0.0
    if len(points) >= 3:
        spread = sum(w * (m - mean_mass) ** 2 for m, _, w in points)
        slope = sum(w * (m - mean_mass) * (r - mean_ratio) for m, r, w in points) / spread
        slope = min(max(slope, -0.02), 0.02)
    scatter = sum(w * abs(r - mean_ratio - slope * (m - mean_mass)) for m, r, w in points) / total
    one = {m: m**1.3 * u**0.53 for m, u in query.items()}
    two = {m: m**1.3 * (v * math.exp(slope * (m - mean_mass))) ** 0.53 for m, v in library.items()}
    product = sum(one[m] * two[m] for m in {*one} & {*two})
    return scatter, product / math.sqrt(sum(x * x for x in one.values()) * sum(x * x for x in two.values()))
