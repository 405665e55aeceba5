"""A validation as data: what was asked of which library, how good the answers were, with intervals by compound, what failed, and the limits.

The form is ``nps-ident/validation/1``; :mod:`nps_ident.reports.validation_report` makes a page of it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nps_ident.confidence.judging import figure, figures_of, lr_sample, rates
from nps_ident.confidence.metrics import elub_bounds, intervals_by_compound, rate_interval, reliability
from nps_ident.io.truth_table import KINDS
from nps_ident.library.compiled import SECTIONS
from nps_ident.model import Technique
from nps_ident.reports.validation_limits import limits_of_use

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from nps_ident.confidence.judging import Judged, LrSample
    from nps_ident.identify.evaluating import Evaluation, LeftOut
    from nps_ident.library.compiled import Library

__all__ = ["SCHEMA", "Sources", "n_substances", "technique_figures", "validation"]

SCHEMA = "nps-ident/validation/1"
SCORE_EDGES = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Ranges of the first candidate's raw score (EI: match factor / 999)."""
RESAMPLES, GROUP_RESAMPLES = 1000, 400
"""Bootstrap draws for the figures over all, and at most within a class, laboratory or score range and for the bounds."""
_FAILURES = {
    "wrong_match": "match with another substance",
    "wrong_named": "named, and the truth is not among it",
    "false_match": "match, though no library holds it",
    "false_named": "named, though no library holds it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What a validation rests on, apart from the answers.

    Parameters
    ----------
    title : str
    time : str
        ISO 8601.
    files : tuple of mapping
        ``file``, ``sha256``, ``n_spectra`` of each file of queries.
    truth : mapping or None
        ``file`` and ``sha256`` of the table; None where the InChIKeys of the spectra were believed.
    truth_without_query : tuple of str
        Ids of the table that no query has.
    calibrations : mapping of str to mapping
        By stamp, the content of each calibration that may have answered.
    members : tuple of Library
    seed, n_resamples : int
        Of the bootstrap.
    """

    title: str
    time: str
    files: tuple[Mapping[str, Any], ...]
    truth: Mapping[str, str] | None
    truth_without_query: tuple[str, ...]
    calibrations: Mapping[str, Mapping[str, Any]]
    members: tuple[Library, ...]
    seed: int = 0
    n_resamples: int = RESAMPLES


def validation(evaluation: Evaluation, sources: Sources, *, left_out: Iterable[LeftOut] = ()) -> dict[str, Any]:
    """Put a validation together.

    Parameters
    ----------
    evaluation : Evaluation
        From :func:`nps_ident.identify.evaluating.evaluate`; at least one answer.
    sources : Sources
    left_out : iterable of LeftOut
        Queries without a truth, to be listed with those that the evaluation left out.
    """
    rows = evaluation.rows
    first = rows[0].answer
    report: dict[str, Any] = {
        "schema": SCHEMA,
        "title": sources.title,
        "time": sources.time,
        "software": first["software"],
        "library": {**first["library"], "members": [_member(member) for member in sources.members]},
        "calibrations": _calibrations(rows, sources.calibrations),
        "data": _data(evaluation, sources, [*left_out, *evaluation.left_out]),
        "method": {
            "interval": "95 %, percentile bootstrap drawing whole compounds; exact binomial bound by compound where a share is 0 or 1",
            "resamples": sources.n_resamples,
            "resamples_in_groups": min(sources.n_resamples, GROUP_RESAMPLES),
            "seed": sources.seed,
        },
        "techniques": {
            technique: technique_figures(
                [row for row in rows if _technique_of(row) == technique],
                n_substances=n_substances(sources.members, technique),
                prior_in_library=_prior([row for row in rows if _technique_of(row) == technique], sources.calibrations),
                seed=sources.seed,
                n_resamples=sources.n_resamples,
            )
            for technique in sorted({_technique_of(row) for row in rows})
        },
        "failures": [_failure(row) for row in rows if row.wrong_named],
    }
    return {**report, "limits": limits_of_use(report)}


def _prior(rows: Sequence[Judged], calibrations: Mapping[str, Mapping[str, Any]]) -> float | None:
    """The prior behind most of the answers; None where it is not known."""
    [(stamp, _)] = Counter(str(row.answer["calibration"]) for row in rows).most_common(1)
    return calibrations.get(stamp, {}).get("prior_in_library")


def _technique_of(row: Judged) -> str:
    return str(row.answer["query"]["technique"])


def _member(member: Library) -> dict[str, Any]:
    held = {technique.value: len(member[f"{section}.covered"]) for technique, section in SECTIONS.items() if f"{section}.covered" in member}
    return {"name": member.name, "sha256": member.sha256, "kind": member.kind, "n_substances": held}


def _calibrations(rows: Sequence[Judged], known: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each calibration that made probabilities here, what it was learnt from, and how many of these compounds it had seen."""
    found = []
    for stamp, n_answers in sorted(Counter(row.answer["calibration"] for row in rows if row.answer["calibration"]).items()):
        content = known.get(stamp, {})
        about = dict(content.get("about", {}))
        seen = about.pop("compounds", None)
        asked = {row.truth.compound for row in rows if row.answer["calibration"] == stamp}
        facts = {name: content.get(name) for name in ("kind", "prior_in_library", "match_cut", "set_cut", "n_known", "log10_lr_bounds")}
        overlap = None if seen is None else len(asked & set(seen))
        found.append({"stamp": stamp, "n_answers": n_answers, **facts, "n_compounds_seen_in_training": overlap, "about": about})
    return found


def _data(evaluation: Evaluation, sources: Sources, left_out: Sequence[LeftOut]) -> dict[str, Any]:
    rows = evaluation.rows
    return {
        "files": [dict(file) for file in sources.files],
        "truth": None if sources.truth is None else dict(sources.truth),
        "truth_without_query": list(sources.truth_without_query),
        "kind_contradicted_by_library": list(evaluation.contradicted),
        "n_queries": len(rows) + len(left_out),
        "n_judged": len(rows),
        "n_compounds": len({row.truth.compound for row in rows}),
        "by_kind": _counts(rows, lambda row: row.kind, KINDS),
        "by_class": _counts(rows, lambda row: row.drug_class or NO_CLASS),
        "by_laboratory": _counts(rows, lambda row: row.truth.laboratory or NO_LABORATORY),
        "left_out": [{"query": item.query, "file": item.file, "why": item.why, "failed": item.failed} for item in left_out],
    }


NO_CLASS = "(no class given)"
NO_LABORATORY = "(not given)"


def _counts(rows: Sequence[Judged], group: Callable[[Judged], str], order: Sequence[str] = ()) -> list[dict[str, Any]]:
    names = Counter(group(row) for row in rows)
    ordered = [name for name in order if name in names] + sorted(set(names) - set(order))
    return [{"name": name, "n": names[name], "n_compounds": len({row.truth.compound for row in rows if group(row) == name})} for name in ordered]


def technique_figures(
    rows: Sequence[Judged], *, n_substances: int, prior_in_library: float | None = None, seed: int = 0, n_resamples: int = RESAMPLES
) -> dict[str, Any]:
    """Every figure of the answers by one technique: over all, by kind of query, class, laboratory and score range.

    Parameters
    ----------
    rows : sequence of Judged
        At least one.
    n_substances : int
        Substances searched.
    prior_in_library : float, optional
        Of the calibration, for the bounds of the likelihood ratios: how much queries outside the library weigh.
    seed, n_resamples : int
        Of the bootstrap.
    """
    judged = [row for row in rows if row.probability is not None]
    by_kind = {kind: figures_of([row for row in rows if row.kind == kind], kind=kind, seed=seed, n_resamples=n_resamples) for kind in KINDS}
    draws = min(n_resamples, GROUP_RESAMPLES)
    return {
        "n": len(rows),
        "n_without_probability": len(rows) - len(judged),
        "n_substances_searched": n_substances,
        "verdicts": dict(sorted(Counter(row.verdict for row in rows).items())),
        "figures": {
            "all": figures_of(rows, kind=None, seed=seed, n_resamples=n_resamples),
            **{kind: found for kind, found in by_kind.items() if found["n"]},
        },
        "by_class": _groups(rows, lambda row: row.drug_class or NO_CLASS, seed, draws),
        "by_laboratory": _groups(rows, lambda row: row.truth.laboratory or NO_LABORATORY, seed, draws),
        "by_score": _groups(rows, _score_range, seed, draws),
        "reliability": {
            name: [_point(point) for point in reliability(*_statements(part), [row.truth.compound for row in part], seed=seed)] if part else []
            for name, part in (("all", judged), ("known", [row for row in judged if row.kind == "known"]))
        },
        "lr_bounds": _lr_bounds(rows, lr_sample(rows, n_substances, prior_in_library=prior_in_library), seed, draws),
    }


def _point(point: Any) -> dict[str, Any]:
    """A point of the reliability diagram as it is written down."""
    shares = {name: round(getattr(point, name), 4) for name in ("mean_probability", "share_right", "low", "high")}
    return {"n": point.n, **shares}


def n_substances(members: Iterable[Library], technique: str) -> int:
    """Substances that the libraries hold by that technique; one that stands in two counts once."""
    section = f"{SECTIONS[Technique(technique)]}.covered"
    held = [member[section] for member in members if section in member]
    return len(np.unique(np.concatenate(held))) if held else 0


def _statements(rows: Sequence[Judged]) -> tuple[list[float], list[bool]]:
    return [float(row.probability or 0.0) for row in rows], [row.right for row in rows]


def _groups(rows: Sequence[Judged], group: Callable[[Judged], str], seed: int, draws: int) -> list[dict[str, Any]]:
    """The figures of each group: rates of its known queries, calibration over all its queries."""
    out = []
    for name in sorted({group(row) for row in rows}):
        part = [row for row in rows if group(row) == name]
        known = [row for row in part if row.kind == "known"]
        whole = figures_of(part, kind=None, seed=seed, n_resamples=draws)
        whole.pop("auroc_open", None)
        shares = {}
        for rate, hits in (rates(known, "known") if known else {}).items():
            if rate in {"rank1", "match", "wrong_match", "wrong_named"}:
                limits = rate_interval(hits, [row.truth.compound for row in known], seed=seed, n_resamples=draws)
                shares[rate] = figure(float(np.mean(hits)), limits)
        absent = [row for row in part if row.kind != "known"]
        counts = {"n_known": len(known), "n_absent": len(absent), "n_false_named": sum(row.named for row in absent)}
        out.append({"name": name, **counts, **whole, **shares})
    return out


def _score_range(row: Judged) -> str:
    place = int(np.searchsorted(SCORE_EDGES[1:-1], row.score, side="right"))
    return f"{SCORE_EDGES[place]:.1f} to {SCORE_EDGES[place + 1]:.1f}"


def _lr_bounds(rows: Sequence[Judged], sample: LrSample, seed: int, draws: int) -> dict[str, Any] | None:
    """The bounds that these queries bear, with their intervals by compound, and how many answers claimed more."""
    lrs, labels, weights = sample.log10_lrs, sample.labels, sample.weights
    parts = [np.flatnonzero(sample.queries == place) for place in range(len(rows))]

    def bounds(drawn: NDArray[np.intp]) -> tuple[float | None, float | None]:
        chosen = np.concatenate([parts[row] for row in drawn])
        if not 0 < labels[chosen].sum() < len(chosen):
            return None, None
        return elub_bounds(lrs[chosen], labels[chosen], weights=weights[chosen], n_unlisted=sample.n_unlisted * len(drawn) / len(rows))

    low, high = bounds(np.arange(len(rows)))
    if low is None or high is None:
        return None
    intervals = intervals_by_compound(bounds, [row.truth.compound for row in rows], seed=seed, n_resamples=draws)
    first = [row.log10_lr for row in rows if row.log10_lr is not None]
    return {
        "low": round(low, 2),
        "high": round(high, 2),
        **{
            f"{name}_interval": None if found is None else [round(value, 2) for value in found]
            for name, found in zip(("low", "high"), intervals, strict=True)
        },
        "n_true": int(labels.sum()),
        "n_other": round(float(weights[labels == 0].sum()) + sample.n_unlisted),
        "n_first_above": sum(lr > high for lr in first),
        "n_first": len(first),
    }


def _failure(row: Judged) -> dict[str, Any]:
    """One wrong answer with what is needed to look at it again."""
    answer, query = row.answer, row.answer["query"]
    how = f"{'wrong' if row.kind == 'known' else 'false'}_{'match' if row.verdict == 'match' else 'named'}"
    named = {str(key) for key in answer["isomer_set"] or ()} | {str(part["inchikey"]) for part in answer["components"] or ()}
    shown = [match for match in answer["matches"] if match["inchikey"] in named] or answer["matches"][:1]
    keys = ("name", "inchikey", "reference", "score", "match_factor", "probability", "log10_lr")
    return {
        "what": how,
        "words": _FAILURES[how],
        "query": {key: query[key] for key in ("id", "file", "index", "technique")},
        "kind": row.kind,
        "truth": {"compound": row.truth.compound, "name": row.truth.name, "drug_class": row.drug_class, "accession": row.truth.accession},
        "laboratory": row.truth.laboratory,
        "truth_rank": row.place,
        "verdict": row.verdict,
        "named": [{key: match[key] for key in keys} for match in shown],
        "reason": next((finding["text"] for finding in answer["findings"] if finding["code"] == "IDENT-001"), None),
    }
