"""Whether a mapping holds what an answer of the result contract or the structure contract holds, before it is drawn or printed.

A record or a results file may be damaged or made by hand; the first thing that is missing or of another kind is named.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from nps_ident.errors import InputError
from nps_ident.reports.wording import VERDICT_WORDS, printable

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["IDENTIFICATION", "STRUCTURE", "require_answer"]

IDENTIFICATION = "nps-ident/identification/1"
STRUCTURE = "nps-ident/structure/1"

_TEXT, _NUMBER, _NULL = (str,), (int, float), (type(None),)
_ANSWER: dict[str, tuple[type, ...]] = {
    "query": (dict,), "verdict": _TEXT, "characterise": (bool,), "matches": (list,), "findings": (list,), "library": (dict,),
    "software": (dict,),
}  # fmt: skip
_FINDING: dict[str, tuple[type, ...]] = {"code": _TEXT, "severity": _TEXT, "text": _TEXT}
_LIBRARY: dict[str, tuple[type, ...]] = {"name": _TEXT, "sha256": _TEXT}
_SPECTRUM: dict[str, tuple[type, ...]] = {
    "id": _TEXT, "file": _TEXT + _NULL, "index": (int, *_NULL), "sha256": _TEXT + _NULL, "technique": _TEXT + _NULL,
    "precursor_mz": _NUMBER + _NULL,
}  # fmt: skip
_MATCH: dict[str, tuple[type, ...]] = {
    "rank": (int,), "inchikey": _TEXT + _NULL, "name": _TEXT, "drug_class": _TEXT + _NULL, "score": _NUMBER,
    "match_factor": _NUMBER + _NULL, "reverse_match_factor": _NUMBER + _NULL, "probability": _NUMBER + _NULL, "log10_lr": _NUMBER + _NULL,
    "reference": _TEXT, "source": _TEXT,
}  # fmt: skip
_IDENTIFICATION: dict[str, tuple[type, ...]] = {
    "calibration": _TEXT + _NULL, "isomer_set": (list, *_NULL), "isomers_without_reference": (list, *_NULL),
    "separated_by": (list, *_NULL), "variant": (dict, *_NULL), "components": (list, *_NULL), "unexplained_fraction": _NUMBER + _NULL,
}  # fmt: skip

_COMPONENT: dict[str, tuple[type, ...]] = {
    "inchikey": _TEXT, "name": _TEXT, "fraction": _NUMBER, "fraction_interval": (list,), "probability": _NUMBER + _NULL,
    "isomer_set": (list, *_NULL),
}  # fmt: skip


def require_answer(answer: Mapping[str, Any]) -> None:
    """Refuse a mapping that is no answer.

    Raises
    ------
    InputError
        Names the first field that is missing or of another kind.
    """
    schema = answer.get("schema")
    if schema not in {IDENTIFICATION, STRUCTURE}:
        raise InputError(f"A report is made of an answer in the form {IDENTIFICATION} or {STRUCTURE}. Got {printable(schema, most=60)!r}.")
    _require(answer, _ANSWER, "answer")
    if answer["verdict"] not in VERDICT_WORDS:
        raise InputError(f"The answer's verdict must be one of {', '.join(VERDICT_WORDS)}. Got {printable(answer['verdict'], most=60)!r}.")
    _require(answer["library"], _LIBRARY, "library")
    for number, finding in enumerate(answer["findings"]):
        _require(finding, _FINDING, f"findings[{number}]")
    matches = [(f"matches[{number}]", match) for number, match in enumerate(answer["matches"])]
    if schema == STRUCTURE:
        for place, match in matches:
            _require(match, {"name": _TEXT, "inchikey": _TEXT + _NULL}, place)
        return
    _require(answer, _IDENTIFICATION, "answer")
    _require(answer["query"], _SPECTRUM, "query")
    for place, match in matches:
        _require(match, _MATCH, place)
    for number, part in enumerate(answer["components"] or ()):
        place = f"components[{number}]"
        _require(part, _COMPONENT, place)
        if [type(value) in (int, float) and math.isfinite(value) for value in part["fraction_interval"]] != [True, True]:
            raise InputError(f"The answer's {place} 'fraction_interval' must be two finite numbers.")


def _require(part: Any, fields: Mapping[str, tuple[type, ...]], place: str) -> None:
    if not isinstance(part, dict):
        raise InputError(f"The answer's {place} must be an object. Got {type(part).__name__}.")
    for name, kinds in fields.items():
        if name not in part:
            raise InputError(f"The answer's {place} has no '{name}'; expected every field of the form it names.")
        value = part[name]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            expected = " or ".join("null" if kind is type(None) else kind.__name__ for kind in kinds)
            raise InputError(f"The answer's {place} '{name}' must be {expected}. Got {type(value).__name__}.")
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError(f"The answer's {place} '{name}' must be a finite number. Got {value}.")
