"""Verdicts, numbers and hostile names as a reader is shown them; the same words in the picture, the report and the table."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nps_ident.model import Identification

__all__ = ["VERDICT_WORDS", "background_of", "component_words", "evidence_lines", "printable", "probability_words"]

VERDICT_WORDS = {
    "match": "matches one substance",
    "isomer_set": "matches substances that this technique cannot tell apart",
    "mixture": "shows two or more components",
    "unknown_variant": "no substance of the library fits; a relative is supported",
    "class_only": "names no substance with enough probability; no more than a drug class is established",
    "no_match": "nothing in the library is supported",
    "inadequate": "too little signal for an answer",
}
"""What each verdict says of the query, to be read after "The spectrum"."""


def printable(text: object, *, most: int | None = None) -> str:
    """Text without characters that a page or a picture would obey instead of show; shortened in the middle to ``most`` characters.

    Control and format characters, line ends among them, become U+FFFD; names in files are hostile input.
    """
    clean = "".join(c if c.isprintable() or unicodedata.category(c) == "Zs" else "\N{REPLACEMENT CHARACTER}" for c in str(text))
    if most is None or len(clean) <= most:
        return clean
    head = (most - 1) * 2 // 3
    return f"{clean[:head]}…{clean[len(clean) - (most - 1 - head) :]}"


def probability_words(probability: float | None) -> str:
    """Say a probability as part of a sentence; None is said, never shown as 0."""
    if probability is None:
        return "no probability: no calibration holds for this library"
    if probability < 0.01:
        return "probability below 1 %"
    return "probability above 99 %" if probability > 0.99 else f"probability {100 * probability:.0f} %"


def component_words(part: dict[str, Any]) -> str:
    """Say a component of a mixture, from its form in the result contract, in one line."""
    low, high = part["fraction_interval"]
    likely = "" if part["probability"] is None else f", {probability_words(part['probability'])}"
    others = len(part["isomer_set"] or ()) - 1
    isomers = "" if others < 1 else ", or an isomer" if others == 1 else f", or one of {others} isomers"
    return f"{part['name']}: {100 * part['fraction']:.0f} % ({100 * low:.0f} to {100 * high:.0f} %){likely}{isomers}"


def evidence_lines(match: dict[str, Any]) -> list[str]:
    """Say the evidence for one candidate, from its form in the result contract, in one short line a number."""
    lines = []
    if match.get("match_factor") is not None:
        lines.append(f"match factor {match['match_factor']} of 999")
    if match.get("reverse_match_factor") is not None:
        lines.append(f"reverse match factor {match['reverse_match_factor']} of 999")
    if match.get("match_factor") is None:
        lines.append(f"score {match['score']:.3f} of 1")
    lines.append(probability_words(match.get("probability")))
    if match.get("log10_lr") is not None:
        lines.append(f"log10 likelihood ratio {match['log10_lr']:+.1f}")
    return lines


_BACKGROUND = {"RUN-003": "column bleed", "RUN-004": "in the blank as well"}


def background_of(answer: Identification) -> str | None:
    """What component of a run is background, in words; None for what may be of the sample."""
    return next((_BACKGROUND[finding.code] for finding in answer.findings if finding.code in _BACKGROUND), None)
