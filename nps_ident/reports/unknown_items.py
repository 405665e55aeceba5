"""An open unknown as people and programs read it: its spectra, hypotheses, what to measure next, what was searched and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nps_ident.confidence.replicates import read_variability
from nps_ident.ledger.next_measurements import next_measurements
from nps_ident.ledger.unknowns import maybe_the_same
from nps_ident.model import Finding, Severity, Technique

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nps_ident.ledger.unknowns import Observation, UnknownItem

__all__ = ["ITEM_SCHEMA", "ROW_COLUMNS", "findings_of", "item_dict", "item_row"]

ITEM_SCHEMA = "nps-ident/unknown-item/1"
ROW_COLUMNS = (
    "item", "state", "technique", "n_spectra", "query", "drug_class", "nearest", "mass_shift_da", "predicted_mass_da", "opened", "researched",
    "due", "outcome", "turned_out_to_be",
)  # fmt: skip
"""The keys of :func:`item_row`."""


def item_row(item: UnknownItem, due: Sequence[str] | None, names: Mapping[str, str]) -> dict[str, Any]:
    """One item as one flat row.

    Parameters
    ----------
    due : sequence of str or None
        What changed since it was last searched (:func:`nps_ident.ledger.researching.changed_since`); None where nobody could look.
    names : mapping of str to str
        InChIKey to name.
    """
    variant, last = item.variant, item.closings[-1] if item.closings else {}
    nearest = variant.get("nearest") or []
    return {
        "item": item.id,
        "state": item.state,
        "technique": item.technique,
        "n_spectra": len(item.observations),
        "query": item.observations[0].result["query"]["id"],
        "drug_class": variant.get("drug_class"),
        "nearest": _named(item, nearest[0], names) or nearest[0] if nearest else None,
        "mass_shift_da": variant.get("mass_shift_da"),
        "predicted_mass_da": variant.get("predicted_mass_da"),
        "opened": item.observations[0].time,
        "researched": item.researches[-1]["time"] if item.researches else None,
        "due": None if due is None else "; ".join(due) or None,
        "outcome": last.get("outcome"),
        "turned_out_to_be": last.get("name") or last.get("inchikey"),
    }


def item_dict(
    item: UnknownItem, due: Sequence[str] | None, names: Mapping[str, str], *, items: Sequence[UnknownItem] = ()
) -> dict[str, Any]:
    """One item whole, in JSON values; ``items`` are all of the ledger, the other parameters those of :func:`item_row`."""
    related = maybe_the_same(item, items) if item.state != "closed" else ()
    variant = item.variant
    return {
        "schema": ITEM_SCHEMA,
        **item_row(item, due, names),
        "spectra": [_spectrum(observation) for observation in item.observations],
        "hypotheses": {
            "drug_class": variant.get("drug_class"),
            "nearest": [{"inchikey": key, "name": _named(item, key, names)} for key in variant.get("nearest") or []],
            "mass_shift_da": variant.get("mass_shift_da"),
            "predicted_mass_da": variant.get("predicted_mass_da"),
            "proposals": variant.get("proposals"),
        },
        "measure_next": [measurement.to_dict() for measurement in next_measurements(item)] if item.state != "closed" else [],
        "research": [_event(event) for event in item.researches],
        "closings": [_event(event) for event in item.closings],
        "resembles": [{"item": join.item, "agreement": round(join.agreement, 4)} for join in item.resembles],
        "maybe_the_same": [{"item": other, "shares": what} for other, what in related],
        "findings": [finding.to_dict() for finding in (*findings_of(item, due), *_about_related(related))],
    }


def _named(item: UnknownItem, key: str, names: Mapping[str, str]) -> str | None:
    """What the catalogue calls a substance, else what the answers on the item do."""
    if key in names:
        return names[key]
    found = (match["name"] for seen in item.observations for match in seen.result["matches"] if match["inchikey"] == key)
    return next(found, None)


def _event(event: dict[str, Any]) -> dict[str, Any]:
    """An event without what the ledger's record says anyway."""
    left_out = {"schema", "event", "item", "query", "members", "settings"}
    return {key: value for key, value in event.items() if key not in left_out}


def _spectrum(seen: Observation) -> dict[str, Any]:
    return {
        "record": seen.record,
        "time": seen.time,
        "analyst": seen.analyst,
        "query": seen.result["query"]["id"],
        "file": seen.result["query"]["file"],
        "index": seen.result["query"]["index"],
        "precursor_mz": seen.result["query"]["precursor_mz"],
        "n_peaks": None if seen.spectrum is None else seen.spectrum.n_peaks,
        "agreement": None if seen.agreement is None else round(seen.agreement, 4),
        "joined": "first" if seen.agreement is None else "recorded" if seen.recorded else "by the rule, not recorded yet",
    }


def _about_related(related: Sequence[tuple[str, str]]) -> list[Finding]:
    if not related:
        return []
    which = "; ".join(f"{other} shares {what}" for other, what in related)
    text = f"Other open items may be the same substance, though their spectra were not merged: {which}."
    return [Finding(code="UNK-007", severity=Severity.INFO, text=text)]


def findings_of(item: UnknownItem, due: Sequence[str] | None) -> list[Finding]:
    """What must be said about an item besides its figures."""
    found = []

    def note(code: str, text: str, severity: Severity = Severity.WARNING) -> None:
        found.append(Finding(code=code, severity=severity, text=text))

    joined = item.observations[1:]
    if joined:
        lowest = min(observation.agreement or 0.0 for observation in joined)
        many = "1 more spectrum shows" if len(joined) == 1 else f"{len(joined)} more spectra show"
        text = f"{many} the same as {item.observations[0].record}: as alike as replicates of one substance are (agreement {lowest:.2f})."
        note("UNK-001", text, Severity.INFO)
        technique = Technique(item.technique) if item.technique else None
        share = read_variability().isomers.get(technique) if technique else None
        if share is not None:
            alike = f"{share:.0%} of measured pairs of isomers are as alike"
            note("UNK-002", f"Isomers cannot be excluded, so that these may be several substances: {alike}.")
    for observation in item.observations:
        if observation.spectrum is None:
            note("UNK-003", f"{observation.record} is neither compared nor searched, since its spectrum is not at hand: {observation.missing}")
    for join in item.resembles:
        note("UNK-004", f"{join.item}, which is closed, shows the same spectrum (agreement {join.agreement:.2f}).", Severity.INFO)
    if due and item.state != "closed":
        note("UNK-005", f"Not searched since this changed: {'; '.join(due)}. Run 'nps-ident unknown research'.")
    if item.state == "named":
        names = sorted({str(one["name"] or one["inchikey"]) for answer in item.researches[-1]["after"] for one in answer["named"]})
        note("UNK-006", f"The last search names {', '.join(names)}: confirm it, then close the item.")
    return found
