"""One answer against the truth, and what many of them add up to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nps_ident.confidence.metrics import (
    auroc,
    brier,
    calibration_error,
    cllr,
    cllr_min,
    intervals_by_compound,
    log10_lrs_of,
    log_loss,
    rate_interval,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from nps_ident.model.truth import Truth

__all__ = [
    "CALIBRATION_FIGURES",
    "Judged",
    "LrSample",
    "calibration_figures",
    "figure",
    "figures_of",
    "judge",
    "lr_sample",
    "open_set_auroc",
    "rates",
]

NAMED = frozenset({"match", "isomer_set", "mixture"})
"""Verdicts that name a substance or a set of them."""
CALIBRATION_FIGURES = ("brier", "log_loss", "ece", "cllr", "cllr_min")
"""What :func:`calibration_figures` returns, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One answer beside the truth.

    Parameters
    ----------
    truth : Truth
    kind : str
        ``known`` when the libraries searched hold the compound, else ``unknown`` or ``decoy``.
    answer : mapping
        In the form of the result contract.
    drug_class : str or None
        Of the truth: as the table says, else as the library says.
    place : int or None
        Rank of the true compound among the distinct compounds of the hit list; None where it is not in it.
    probability : float or None
        Of the first candidate; 0 where there is none at all, None where no calibration held.
    score : float
        Raw similarity of the first candidate.
    log10_lr : float or None
        Of the first candidate, as the answer gives it.
    named_truth : bool
        Whether the truth is among what was named.
    in_set : bool
        Whether the truth is the first candidate or in the isomer set.
    set_size : int
        Compounds of the isomer set and the first candidate together.
    """

    truth: Truth
    kind: str
    answer: Mapping[str, Any]
    drug_class: str | None
    place: int | None
    probability: float | None
    score: float
    log10_lr: float | None
    named_truth: bool
    in_set: bool
    set_size: int

    @property
    def right(self) -> bool:
        """Whether the first candidate is the truth."""
        return self.place == 1

    @property
    def verdict(self) -> str:
        """The verdict of the answer."""
        return str(self.answer["verdict"])

    @property
    def named(self) -> bool:
        """Whether a substance or a set was named."""
        return self.verdict in NAMED

    @property
    def wrong_match(self) -> bool:
        """A match with another substance than the truth."""
        return self.verdict == "match" and not self.named_truth

    @property
    def wrong_named(self) -> bool:
        """Something was named, and the truth is not among it."""
        return self.named and not self.named_truth


def judge(answer: Mapping[str, Any], truth: Truth, *, kind: str) -> Judged:
    """Compare an answer with the truth.

    Parameters
    ----------
    answer : mapping
        ``nps-ident/identification/1``.  Compounds are told apart by the first block of the InChIKey; several matches of one count once, and
        an isotope-labelled reference is never the drug.
    truth : Truth
    kind : str
        ``known``, ``unknown`` or ``decoy``.
    """
    compounds: dict[str, Mapping[str, Any]] = {}
    labelled = set()
    for match in sorted(answer["matches"], key=lambda match: match["rank"]):
        key = str(match["inchikey"] or "").upper()
        if match["isotope_labelled"]:
            labelled.add(key)
        compounds.setdefault(f"{key[:14]}*" if match["isotope_labelled"] else key[:14] or f"name:{match['name']}", match)
    order = list(compounds)
    first = compounds[order[0]] if order else None
    members = {key[:14] for key in map(str.upper, answer["isomer_set"] or ()) if key not in labelled}
    components = {str(part["inchikey"] or "")[:14].upper() for part in answer.get("components") or ()}
    said = {"match": set(order[:1]), "isomer_set": members, "mixture": components}.get(answer["verdict"], set())
    true_match = compounds.get(truth.compound)
    return Judged(
        truth=truth,
        kind=kind,
        answer=answer,
        drug_class=truth.drug_class or (true_match["drug_class"] if true_match else None),
        place=order.index(truth.compound) + 1 if truth.compound in compounds else None,
        probability=first["probability"] if first else 0.0,
        score=float(first["score"]) if first else 0.0,
        log10_lr=first["log10_lr"] if first else None,
        named_truth=truth.compound in said,
        in_set=truth.compound in members | set(order[:1]),
        set_size=len(members | set(order[:1])),
    )


_RATES: dict[str, tuple[frozenset[str], Callable[[Judged], bool]]] = {
    "rank1": (frozenset({"known"}), lambda row: row.right),
    "rank3": (frozenset({"known"}), lambda row: row.place is not None and row.place <= 3),
    "match": (frozenset({"known", "unknown", "decoy"}), lambda row: row.verdict == "match"),
    "named": (frozenset({"known", "unknown", "decoy"}), lambda row: row.named),
    "wrong_match": (frozenset({"known"}), lambda row: row.wrong_match),
    "wrong_named": (frozenset({"known"}), lambda row: row.wrong_named),
    "truth_in_set": (frozenset({"known"}), lambda row: row.in_set),
    "unknown_variant": (frozenset({"known", "unknown", "decoy"}), lambda row: row.verdict == "unknown_variant"),
    "inadequate": (frozenset({"known", "unknown", "decoy"}), lambda row: row.verdict == "inadequate"),
}


def rates(rows: Sequence[Judged], kind: str) -> dict[str, list[bool]]:
    """For each rate that is asked of a kind of query, whether each answer of that kind counts.

    Returns
    -------
    dict
        Of lists in the order of ``rows`` of that kind; empty lists where there are none.
    """
    chosen = [row for row in rows if row.kind == kind]
    return {name: [counts(row) for row in chosen] for name, (kinds, counts) in _RATES.items() if kind in kinds}


def calibration_figures(probabilities: ArrayLike, right: ArrayLike) -> tuple[float | None, ...]:
    """The figures named in :data:`CALIBRATION_FIGURES` of probabilities that the first candidate is right; None where they are not defined.

    The likelihood ratio behind Cllr is posterior odds over the odds of right to wrong in these answers themselves.
    """
    p, y = np.asarray(probabilities, dtype=np.float64), np.asarray(right, dtype=np.float64)
    if not len(p):
        return (None,) * len(CALIBRATION_FIGURES)
    plain = (brier(p, y), log_loss(p, y), calibration_error(p, y))
    if not 0.0 < y.mean() < 1.0:
        return (*plain, None, None)
    return (*plain, cllr(log10_lrs_of(p, y), y), cllr_min(p, y))


def open_set_auroc(rows: Sequence[Judged]) -> float | None:
    """How well the first probability tells known queries with a right first candidate from queries that are not in the library."""
    pairs = [(row.probability, row.kind == "known") for row in rows if row.probability is not None and (row.kind != "known" or row.right)]
    return auroc([p for p, _ in pairs], [known for _, known in pairs]) if pairs else None


def figures_of(rows: Sequence[Judged], *, kind: str | None, seed: int = 0, n_resamples: int = 1000) -> dict[str, Any]:
    """Every figure of some answers, each as ``{"value", "low", "high"}``; null where it is not defined.

    Parameters
    ----------
    rows : sequence of Judged
    kind : str or None
        The kind that all of them are of, for the rates asked of that kind; None gives the figures over all kinds alone.
    """
    compounds = [row.truth.compound for row in rows]
    found: dict[str, Any] = {"n": len(rows), "n_compounds": len(set(compounds))}
    if not rows:
        return found
    if kind is not None:
        for name, hits in rates(rows, kind).items():
            low, high = rate_interval(hits, compounds, seed=seed, n_resamples=n_resamples)
            found[name] = figure(float(np.mean(hits)), (low, high))
    if kind == "known":
        found["mean_set_size"] = round(float(np.mean([row.set_size for row in rows])), 4)
    told = [row for row in rows if row.probability is not None]
    if not told:
        return found
    p, y = np.array([row.probability for row in told], dtype=np.float64), np.array([row.right for row in told], dtype=np.float64)
    names = [*CALIBRATION_FIGURES, *(["auroc_open"] if kind is None else [])]

    def statistic(drawn: NDArray[np.intp]) -> tuple[float | None, ...]:
        more = (open_set_auroc([told[row] for row in drawn]),) if kind is None else ()
        return (*calibration_figures(p[drawn], y[drawn]), *more)

    values = statistic(np.arange(len(told)))
    intervals = intervals_by_compound(statistic, [row.truth.compound for row in told], seed=seed, n_resamples=n_resamples)
    found.update({name: figure(value, interval) for name, value, interval in zip(names, values, intervals, strict=True)})
    return found


def figure(value: float | None, interval: Sequence[float] | None) -> dict[str, float | None] | None:
    """A figure as it is written down, ``{"value", "low", "high"}``; None where it is not defined."""
    if value is None:
        return None
    low, high = interval if interval is not None else (None, None)
    return {"value": round(value, 4), "low": None if low is None else round(low, 4), "high": None if high is None else round(high, 4)}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LrSample:
    """Likelihood ratios that answers gave, in the form that :func:`nps_ident.confidence.metrics.elub_bounds` takes.

    ``queries`` holds for each ratio the place of its answer.
    """

    log10_lrs: NDArray[np.float64]
    labels: NDArray[np.int64]
    weights: NDArray[np.float64]
    queries: NDArray[np.int64]
    n_unlisted: float


def lr_sample(rows: Sequence[Judged], n_substances: int, *, prior_in_library: float | None = None) -> LrSample:
    """The likelihood ratios of answers: each query is asked of every substance of the library whether it is this one.

    The true substance is label 1, every other one label 0; substances that no hit list shows lie below all that it shows.  Ratios that were
    refused count on neither side.  "Another substance or none" is the alternative of the ratio, and the prior says how often it is none: so
    label 0 weighs queries that are in no library as the prior does, not as often as they were asked.

    Parameters
    ----------
    rows : sequence of Judged
    n_substances : int
        Of the libraries searched.
    prior_in_library : float, optional
        Of the calibration that gave the ratios; without it every query weighs the same.
    """
    told = [row for row in rows if row.answer["calibration"] is not None]
    n_known = sum(row.kind == "known" for row in told)
    n_absent = len(told) - n_known
    share = prior_in_library if prior_in_library is not None and n_known and n_absent else None
    of_known = 1.0 if share is None else share * len(told) / n_known
    of_absent = 1.0 if share is None else (1.0 - share) * len(told) / n_absent
    lrs: list[float] = []
    labels: list[int] = []
    weights: list[float] = []
    queries: list[int] = []
    n_unlisted = 0.0
    for place, row in enumerate(rows):
        if row.answer["calibration"] is None:
            continue
        weight = of_known if row.kind == "known" else of_absent
        listed: dict[str, float | None] = {}
        for match in row.answer["matches"]:
            key = str(match["inchikey"] or match["name"])
            listed.setdefault(key if match["isotope_labelled"] else key[:14].upper(), match["log10_lr"])
        given = {key: lr for key, lr in listed.items() if lr is not None}
        lrs += given.values()
        labels += [int(key == row.truth.compound) for key in given]
        weights += [1.0 if key == row.truth.compound else weight for key in given]
        if row.kind == "known" and row.truth.compound not in listed:
            lrs.append(-np.inf)
            labels.append(1)
            weights.append(1.0)
        queries += [place] * (len(lrs) - len(queries))
        n_unlisted += weight * max(n_substances - len(listed), 0)
    return LrSample(
        log10_lrs=np.array(lrs, dtype=np.float64),
        labels=np.array(labels, dtype=np.int64),
        weights=np.array(weights, dtype=np.float64),
        queries=np.array(queries, dtype=np.int64),
        n_unlisted=n_unlisted,
    )
