"""What a validation does not show, in words, from its own figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["FEW_COMPOUNDS", "limits_of_use"]

FEW_COMPOUNDS = 10
"""A group of fewer compounds is anecdote: without a single error among ten, up to 31 % wrong cannot be excluded (Clopper & Pearson 1934)."""
ENOUGH_COMPOUNDS = 60
"""Without an error among 60, up to 6 % wrong cannot be excluded (the same)."""


def limits_of_use(report: Mapping[str, Any]) -> list[str]:
    """Sentences that a reader of the figures must know, the gravest first.

    Parameters
    ----------
    report : mapping
        In the form ``nps-ident/validation/1``, without its limits.
    """
    return [*_of_the_calibration(report), *_of_the_data(report), *_of_each_technique(report), *_of_every_validation()]


def _of_the_calibration(report: Mapping[str, Any]) -> Iterator[str]:
    if not report["calibrations"]:
        yield "No calibration held for these searches: no answer carries a probability, and nothing can be said of probabilities."
    for calibration in report["calibrations"]:
        seen = calibration["n_compounds_seen_in_training"]
        if seen is None:
            yield (
                f"The calibration {calibration['stamp']} does not list the compounds it was fitted to: that it has not seen these spectra must "
                "be known otherwise. Its figures on spectra it was fitted to are too good."
            )
        elif seen:
            yield f"The calibration {calibration['stamp']} was fitted to {seen} of these compounds: the figures are too good."
        if calibration["prior_in_library"] is not None:
            yield (
                f"Probabilities by {calibration['stamp']} assume that the substance is in the library in {calibration['prior_in_library']:.0%} "
                "of queries. Where it is there less often, they are too high."
            )


def _of_the_data(report: Mapping[str, Any]) -> Iterator[str]:
    data = report["data"]
    kinds = {item["name"]: item for item in data["by_kind"]}
    if "known" not in kinds:
        yield "No query's substance is in the library: nothing is shown about right matches."
    if "unknown" not in kinds and "decoy" not in kinds:
        yield "Every query's substance is in the library: nothing is shown about substances that are not, such as a new one."
    elif "decoy" not in kinds:
        yield "No query is marked as a decoy: nothing is shown about medicines and other substances that are no drugs."
    if data["n_compounds"] < ENOUGH_COMPOUNDS:
        yield (
            f"The queries show {data['n_compounds']} compounds. Without a single error among so few, an error rate of "
            f"{1 - 0.025 ** (1 / data['n_compounds']):.0%} cannot be excluded."
        )
    laboratories = data["by_laboratory"]
    if len(laboratories) == 1:
        yield f"All queries come from one laboratory or instrument ({laboratories[0]['name']}): the figures hold for it alone."
    few = [item["name"] for item in data["by_class"] if item["n_compounds"] < FEW_COMPOUNDS]
    if few:
        yield f"Fewer than {FEW_COMPOUNDS} compounds stand behind the figures of these classes: {', '.join(few)}."
    if data["kind_contradicted_by_library"]:
        n = len(data["kind_contradicted_by_library"])
        yield f"In {n} rows the table of truth and the library disagree on whether the library holds the compound; the library decided."
    if data["truth"] is None:
        yield "The truth is what the spectra say of themselves; nobody checked it here."


def _of_each_technique(report: Mapping[str, Any]) -> Iterator[str]:
    for technique, found in report["techniques"].items():
        if found["n_without_probability"]:
            yield f"{technique}: {found['n_without_probability']} of {found['n']} answers carry no probability; they count in the rates alone."
        bounds = found["lr_bounds"]
        if bounds is None:
            yield f"{technique}: right and wrong candidates did not both get a likelihood ratio; no bounds can be given."
        else:
            text = f"{technique}: these queries bear log10 likelihood ratios from {bounds['low']:.2f} to {bounds['high']:.2f} (ELUB)"
            above = bounds["n_first_above"]
            yield text + (f"; {above} of {bounds['n_first']} first candidates claimed more." if above else "; no first candidate claimed more.")


def _of_every_validation() -> Iterator[str]:
    yield "The figures hold for this library, these calibrations and this version of the program; another of any needs another validation."
    yield "They speak of single spectra of single substances. Nothing is shown about mixtures, or about whole exhibits."
    yield "A compound is right when the first block of its InChIKey is: stereoisomers are not told apart."
