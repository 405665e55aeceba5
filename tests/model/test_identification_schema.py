"""The schema that ships refuses what breaks the contract; that answers keep it is tested wherever one is made."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from importlib import resources
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from made_up import ei_references, holds_the_contract, measured

from nps_ident.identify import identify
from nps_ident.library import Libraries

if TYPE_CHECKING:
    from nps_ident.library.compiled import Library

SCHEMA = json.loads((resources.files("nps_ident") / "schemas" / "identification-1.schema.json").read_text(encoding="utf-8"))
Break = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def answer(ei_library: Library) -> dict[str, Any]:
    return holds_the_contract(identify(measured(ei_references()[5]), Libraries((ei_library,))).to_dict())


def test_it_is_a_schema_of_the_draft_it_names_and_names_every_field() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert set(SCHEMA["required"]) == set(SCHEMA["properties"])


def test_no_object_in_it_takes_fields_it_does_not_name() -> None:
    def objects(part: object) -> list[dict[str, Any]]:
        inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        found = [found for value in inner for found in objects(value)]
        return [*found, part] if isinstance(part, dict) and part.get("type") == "object" and "properties" in part else found

    assert len(objects(SCHEMA)) >= 8
    assert all(part["additionalProperties"] is False for part in objects(SCHEMA))


@pytest.mark.parametrize(
    "damage",
    [
        lambda a: a.pop("record"),
        lambda a: a.update(extra=1),
        lambda a: a.update(schema="nps-ident/identification/2"),
        lambda a: a.update(verdict="identified"),
        lambda a: a.update(verdict="isomer_set"),
        lambda a: a.update(verdict="class_only"),
        lambda a: a.update(isomer_set=["A", "B"]),
        lambda a: a.update(calibration=None),
        lambda a: a.update(calibration="ei-full"),
        lambda a: a.update(matches=[]),
        lambda a: a["matches"][0].update(probability=1.01),
        lambda a: a["matches"][0].update(score=927),
        lambda a: a["matches"][0].update(match_factor=92.7),
        lambda a: a["matches"][0].update(match_factor=1000),
        lambda a: a["matches"][0].update(inchikey="not a key"),
        lambda a: a["matches"][0].update(rank=0),
        lambda a: a["matches"][0].pop("isotope_labelled"),
        lambda a: a["query"].update(technique="EI"),
        lambda a: a["query"].update(sha256="abc"),
        lambda a: a["query"].update(precursor_mz=0),
        lambda a: a["query"].pop("id"),
        lambda a: a["findings"][0].update(severity="fatal"),
        lambda a: a["findings"][0].update(code="oops"),
        lambda a: a["library"].update(sha256=""),
        lambda a: a["software"].pop("nps_ident"),
    ],
)
def test_what_breaks_the_contract_is_refused(damage: Break, answer: dict[str, Any]) -> None:
    damaged = copy.deepcopy(answer)
    damage(damaged)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate(damaged)
