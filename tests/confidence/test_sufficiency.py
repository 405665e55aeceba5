"""The tables of techniques and rules, and the counting of techniques."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nps_ident.confidence.separation import _table
from nps_ident.confidence.sufficiency import Support, find_technique, read_rules, read_techniques, sufficiency
from nps_ident.model import Substance, Technique
from nps_ident.model.exhibit import ReferenceMaterial

SUBSTANCE = Substance(inchikey="AAAAAAAAAAAAAA-UHFFFAOYSA-N", name="A", formula="C10H15N", exact_mass=149.12)
MATERIAL = ReferenceMaterial(id="RM", certificate="C", batch="B")


def supports(*names: str, material: ReferenceMaterial = MATERIAL, samplings: str = "12345678") -> tuple[Support, ...]:
    rows = [find_technique(name) for name in names]
    assert all(rows)
    return tuple(
        Support(number=i, technique=row, sampling=samplings[i - 1], reference_material=material, reviewable=True)
        for i, row in enumerate(rows, 1)
        if row
    )


def test_every_technique_has_one_row_a_source_and_names_of_its_own() -> None:
    rows = read_techniques()
    names = [name.casefold() for row in rows for name in (row.name, *row.names)]
    assert len(names) == len(set(names))
    assert all(row.source and row.property and row.category in {"A", "B", "C", None} for row in rows)
    assert {technique.value for technique in Technique} <= {row.name for row in rows if row.category == "A"}
    assert all(rule.source and rule.demands for rule in read_rules().values())


def test_every_technique_that_tells_isomers_apart_is_in_the_table_of_techniques() -> None:
    named = {name for row in _table().values() for name in row.techniques}
    assert named <= {row.separates_as for row in read_techniques()}


@pytest.mark.parametrize(
    ("names", "rule"),
    [
        (("EI-MS", "IR"), "SWGDRUG-A"),
        (("EI-MS", "GC retention"), "SWGDRUG-A"),
        (("IR", "colour test"), "SWGDRUG-A"),
        (("GC retention", "LC retention", "colour test"), "SWGDRUG-B"),
        (("GC retention", "TLC", "immunoassay"), "SWGDRUG-B"),
        (("EI-MS",), None),
        (("EI-MS", "MS/MS", "DART-MS"), None),
        (("IR", "Raman"), None),
        (("EI-MS", "NIR"), None),
        (("LC retention", "TLC", "colour test"), None),
        (("GC retention", "LC retention"), None),
        (("colour test", "immunoassay", "melting point"), None),
        ((), None),
    ],
)
def test_number_and_kind_of_techniques_by_swgdrug(names: tuple[str, ...], rule: str | None) -> None:
    enough = sufficiency(SUBSTANCE, supports(*names), ())
    assert enough.rule == rule
    assert enough.holds == (rule is not None)
    assert bool(enough.missing) == (rule is None)


def test_without_category_a_one_sampling_is_never_enough() -> None:
    names = ("GC retention", "LC retention", "colour test")
    assert not sufficiency(SUBSTANCE, supports(*names, samplings="111"), (), single_sampling="too little").holds
    assert sufficiency(SUBSTANCE, supports("EI-MS", "IR", samplings="11"), (), single_sampling="too little").holds


@pytest.mark.parametrize("second", ["01", "1.0", " 1", "#1", "１"])
def test_one_sampling_written_in_two_ways_is_one(second: str) -> None:
    first, other = supports("EI-MS", "IR")
    assert not sufficiency(SUBSTANCE, (replace(first, sampling="1"), replace(other, sampling=second)), ()).holds
    for another in ("10", "1.5", "2", "1a"):
        assert sufficiency(SUBSTANCE, (replace(first, sampling="1"), replace(other, sampling=another)), ()).holds


def test_a_member_of_the_isomer_set_is_named_with_what_would_exclude_it() -> None:
    other = Substance(inchikey="BBBBBBBBBBBBBB-UHFFFAOYSA-N", name="B", formula="C10H15N", exact_mass=149.12)
    enough = sufficiency(SUBSTANCE, supports("EI-MS", "colour test"), (other, SUBSTANCE))
    assert not enough.holds
    assert [left.substance.name for left in enough.not_excluded] == ["B"]
    assert "NMR" in enough.not_excluded[0].techniques
    assert sufficiency(SUBSTANCE, supports("EI-MS", "NMR"), (other,)).holds
