"""A calibration on a laboratory's own replicates: examples, splits, cross-validation, and when the data do not suffice."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from nps_ident.confidence.calibration import calibration_from, shipped_calibration
from nps_ident.confidence.examples import example, hits_of, is_near_copy
from nps_ident.confidence.features import CANDIDATE_FEATURES, LIST_FEATURES
from nps_ident.confidence.judging import figures_of, lr_sample
from nps_ident.confidence.metrics import elub_bounds
from nps_ident.confidence.training import Settings, fit, folds, without
from nps_ident.errors import CalibrationError
from nps_ident.identify.evaluating import Evaluation, LeftOut, evaluate
from nps_ident.identify.spectrum import SEARCHED
from nps_ident.io.truth_table import KINDS
from nps_ident.library.compiled import SECTIONS
from nps_ident.library.opening import Libraries
from nps_ident.spectra.peaks import prepare

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nps_ident.confidence.judging import Judged
    from nps_ident.confidence.training import Example
    from nps_ident.library.hits import HitList
    from nps_ident.model import MassSpectrum, Technique
    from nps_ident.model.truth import Truth

__all__ = ["MIN_COMPOUNDS", "CrossValidated", "calibrate"]

N_FOLDS = 5
MIN_COMPOUNDS = 30
"""Six for each of five folds: with fewer, the figures of a fold are those of single substances."""
PER_COEFFICIENT = 10
"""Events a coefficient of a logistic regression: with fewer its estimates are biased and unstable (Peduzzi et al. 1996,
doi:10.1016/S0895-4356(96)00236-3)."""
PER_COEFFICIENT_HELD_OUT = 5
"""The same for a model of the cross-validation, which sees fewer: from 5 on the bias is small (Vittinghoff & McCulloch 2007,
doi:10.1093/aje/kwk052)."""
FEW_ABSENT = 20
"""Compounds outside the library below which false matches are not really measured: none among 20 leaves up to 17 % (Clopper & Pearson 1934)."""
NO_LABORATORY = "(not given)"

_Pair = tuple["MassSpectrum", "Truth"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossValidated:
    """A calibration fitted on all replicates, and how models that had not seen them answered each.

    Parameters
    ----------
    content : mapping
        Of the calibration file; its own figures stand in ``about``.
    evaluation : Evaluation
        The cross-validated answers.
    warnings : tuple of str
        What the user must know before relying on it.
    """

    content: Mapping[str, Any]
    evaluation: Evaluation
    warnings: tuple[str, ...]


def calibrate(
    pairs: Sequence[_Pair],
    libraries: Libraries,
    *,
    name: str,
    about: Mapping[str, Any],
    prior_in_library: float | None = None,
    seed: int = 0,
    n_resamples: int = 1000,
) -> CrossValidated:
    """Fit a calibration to replicates of known identity and cross-validate it by compound, and by laboratory where there are several.

    Parameters
    ----------
    pairs : sequence of (MassSpectrum, Truth)
        From :func:`nps_ident.identify.evaluating.with_truth`; of one technique.
    libraries : Libraries
        What is searched in casework.  Where they hold whole spectra, the calibration is for those, else for principal ions.
    name : str
        Of the calibration.
    about : mapping
        Stored with it: date and data in words.
    prior_in_library : float, optional
        Assumed share of casework queries whose substance is in the library; by default that of the calibration that ships.
    seed : int
        Of the folds and of the intervals.
    n_resamples : int
        Bootstrap draws of each interval.

    Raises
    ------
    CalibrationError
        When the replicates are too few or of several techniques, or the library is too small.
    """
    technique = _technique(pairs)
    kind = "full" if libraries.of_kind("full") else "principal_ions"
    searched = Libraries(libraries.of_kind(kind))
    settings = _settings(technique, kind, prior_in_library)
    rows, kept, left_out = _examples(pairs, searched, technique, settings.smallest_library)
    n_coefficients = max(len(CANDIDATE_FEATURES[technique]), len(LIST_FEATURES[technique]))  # of the larger of the two models
    _require_enough(rows, PER_COEFFICIENT * n_coefficients, len(left_out))
    cells, splits, warnings = _cells(rows, PER_COEFFICIENT_HELD_OUT * n_coefficients, seed)
    judged: dict[int, Judged] = {}
    for number, (places, training) in enumerate(cells):
        content = fit(training, technique=technique, kind=kind, name=f"{name}, cell {number}", settings=settings, about={})
        held_apart = {(technique, kind): calibration_from(content, where=name)}
        for place in places:
            answered = evaluate([kept[place]], searched, calibrations=held_apart)
            judged.update((place, row) for row in answered.rows)
            left_out += answered.left_out
    evaluation = Evaluation(rows=tuple(judged[place] for place in sorted(judged)), left_out=tuple(left_out))
    warnings += _warnings(evaluation)
    draws = {"seed": seed, "n_resamples": n_resamples}
    whole = {
        **about,
        "library": {"name": searched.stamp.name, "sha256": searched.stamp.sha256},
        "n_examples": len(rows),
        "n_compounds": len({row.compound for row in rows}),
        "n_laboratories": len({row.laboratory for row in rows}),
        "n_left_out": len(left_out),
        "compounds": sorted({row.compound for row in rows}),
        "splits": splits,
        "metrics": _metrics(evaluation.rows, searched, technique, prior_in_library=settings.prior_in_library, **draws),
        "metrics_of": "answers of models that had not seen the query's compound (nor its laboratory, where the splits say so)",
        "limits": warnings,
    }
    bounds = whole["metrics"]["log10_lr_bounds"]
    content = fit(rows, technique=technique, kind=kind, name=name, settings=settings, about=whole, log10_lr_bounds=bounds)
    return CrossValidated(content=content, evaluation=evaluation, warnings=tuple(warnings))


def _technique(pairs: Sequence[_Pair]) -> Technique:
    found = Counter(prepare(spectrum).technique for spectrum, _ in pairs)
    [(technique, _)] = found.most_common(1)
    if len(found) > 1:
        names = ", ".join(sorted(f"{n} {each.value if each else 'of unknown technique'}" for each, n in found.items()))
        raise CalibrationError(f"The replicates are of several techniques ({names}); a calibration is for one, give them apart.")
    if technique is None or technique not in CANDIDATE_FEATURES:
        known = ", ".join(each.value for each in CANDIDATE_FEATURES)
        raise CalibrationError(f"The replicates are {technique.value if technique else 'of unknown technique'}; a calibration is for {known}.")
    return technique


def _settings(technique: Technique, kind: str, prior_in_library: float | None) -> Settings:
    """What is chosen, not fitted: as in the calibration that ships for this technique and kind, but for the prior where one is given."""
    shipped = shipped_calibration(technique, kind)
    chosen = {field.name: getattr(shipped, field.name) for field in fields(Settings) if hasattr(shipped, field.name)}
    return Settings(**(chosen | ({} if prior_in_library is None else {"prior_in_library": prior_in_library})))


def _examples(
    pairs: Sequence[_Pair], searched: Libraries, technique: Technique, smallest_library: int
) -> tuple[list[Example], list[_Pair], list[LeftOut]]:
    """The training examples with the spectra they come from, and the replicates that are no independent measurement."""
    rows, kept, left_out = [], [], []
    for spectrum, truth in pairs:
        _, hits = hits_of(spectrum, searched.members, most=SEARCHED)
        if hits.n_substances < smallest_library:
            raise CalibrationError(
                f"{searched.stamp.name}: holds {hits.n_substances} substances by {technique.value}; a calibration needs a library of at least "
                f"{smallest_library}, since a lead over few rivals means nothing."
            )
        file = spectrum.source.file if spectrum.source else None
        copied = _copied(hits, truth.compound)
        if copied:
            left_out.append(LeftOut(query=spectrum.name, file=file, why=copied))
            continue
        in_library = any(member.covers(technique, truth.compound) for member in searched.members)
        laboratory = truth.laboratory or NO_LABORATORY
        rows.append(
            example(spectrum, searched.members, most=SEARCHED, compound=truth.compound, laboratory=laboratory, in_library=in_library)
        )
        kept.append((spectrum, truth))
    return rows, kept, left_out


def _copied(hits: HitList, compound: str) -> str | None:
    own = [hit for hit in hits.hits if hit.substance.skeleton == compound and is_near_copy(hit.score, hit.n_matched)]
    return f"the library holds a near-copy of it (score {own[0].score:.4f})" if own else None


def _require_enough(rows: Sequence[Example], needed: int, n_left_out: int) -> None:
    known = [row for row in rows if row.true >= 0]
    n_compounds = len({row.compound for row in known})
    if n_compounds >= MIN_COMPOUNDS and len(known) >= needed:
        return
    copies = f" {n_left_out} more are near-copies of spectra of the library and teach nothing." if n_left_out else ""
    raise CalibrationError(
        f"{len(known)} replicates of {n_compounds} compounds were found in the library; a calibration needs {needed} "
        f"of {MIN_COMPOUNDS} compounds, {PER_COEFFICIENT} for each coefficient of the larger model and six compounds for each of {N_FOLDS} "
        f"parts.{copies} Use the calibration that ships."
    )


def _cells(rows: Sequence[Example], needed: int, seed: int) -> tuple[list[tuple[list[int], list[Example]]], str, list[str]]:
    """For each part of the queries, the examples that a model judging it may have seen; the splits in words; warnings.

    A laboratory is held out wherever enough examples are left without it.
    """
    fold = folds((row.compound for row in rows), n_folds=N_FOLDS, seed=seed)
    members: dict[tuple[int, str], list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        members[fold[row.compound], row.laboratory].append(place)
    cells, seen_before = [], Counter[str]()
    for (number, laboratory), places in sorted(members.items()):
        seen = frozenset(compound for compound, part in fold.items() if part == number)
        training = without(rows, compounds=seen, laboratories=frozenset([laboratory]))
        if sum(row.true >= 0 for row in training) < needed:
            training = without(rows, compounds=seen, laboratories=frozenset())
            seen_before[laboratory] += len(places)
        cells.append((places, training))
    n_seen = seen_before.total()
    splits = f"{N_FOLDS} parts by compound; {len(rows) - n_seen} of {len(rows)} queries by models that had not seen their laboratory either"
    if len({row.laboratory for row in rows}) == 1:
        return cells, splits, ["All replicates come from one laboratory: how the calibration does on another's spectra is not measured."]
    if not n_seen:
        return cells, splits, []
    names = ", ".join(sorted(seen_before))
    why = f"{n_seen} of {len(rows)} replicates were judged by models that had seen their laboratory ({names}): too few others are left. Their "
    return cells, splits, [why + "figures are too good for a new laboratory."]


def _metrics(
    rows: Sequence[Judged], searched: Libraries, technique: Technique, *, prior_in_library: float, seed: int, n_resamples: int
) -> dict[str, Any]:
    """The cross-validated figures as they are stored: over all, of each kind of query, and the bounds of the likelihood ratios."""
    found: dict[str, Any] = {"all": figures_of(rows, kind=None, seed=seed, n_resamples=n_resamples)}
    for kind in KINDS:
        part = [row for row in rows if row.kind == kind]
        if part:
            found[kind] = figures_of(part, kind=kind, seed=seed, n_resamples=n_resamples)
    codes = [member[f"{SECTIONS[technique]}.covered"] for member in searched.members if f"{SECTIONS[technique]}.covered" in member]
    n_substances = len(np.unique(np.concatenate(codes)))
    sample = lr_sample(rows, n_substances, prior_in_library=prior_in_library)
    low, high = elub_bounds(sample.log10_lrs, sample.labels, weights=sample.weights, n_unlisted=sample.n_unlisted)
    return {**found, "log10_lr_bounds": {"low": round(low, 2), "high": round(high, 2), "n_substances": n_substances}}


def _warnings(evaluation: Evaluation) -> list[str]:
    absent = {row.truth.compound for row in evaluation.rows if row.kind != "known"}
    n_failed = sum(item.failed for item in evaluation.left_out)
    found = []
    if len(absent) < FEW_ABSENT:
        found.append(
            f"{len(absent)} compounds are not in the library: how often such a substance would be called a match is hardly measured; "
            f"add at least {FEW_ABSENT}."
        )
    if n_failed:
        found.append(f"{n_failed} replicates could not be answered.")
    return found
