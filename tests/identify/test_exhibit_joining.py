"""What may be joined to one substance of an exhibit, and what must be said to contradict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import nps_ident as nps
from nps_ident.catalogue.store import open_catalogue
from nps_ident.confidence.sufficiency import find_technique
from nps_ident.identify import exhibit as joining
from nps_ident.library import Libraries
from nps_ident.model import Substance
from nps_ident.model.exhibit import ClaimVerdict, ConclusionKind, Measured, Measurement

if TYPE_CHECKING:
    from nps_ident.library.compiled import Library
    from nps_ident.model.exhibit import Conclusion

MATERIAL = "sampling: {}, data: LIMS 1, reference_material: RM-7, certificate: C-2014-3, batch: B12"
A, B, C, D = (Substance(inchikey=f"{letter * 14}-UHFFFAOYSA-N", name=letter, formula="C9H11NO2") for letter in "ABCD")


def stated(technique: str, substance: str, *, sampling: int = 1, more: str = "") -> str:
    return f"- {{technique: {technique}, result: positive, substance: '{substance}', {MATERIAL.format(sampling)}{more}}}\n"


def concluded(folder: Path, measurements: str, library: Library, *, head: str = "") -> Conclusion:
    (folder / "exhibit.yaml").write_text(f"exhibit: X-1\n{head}\nmeasurements:\n{measurements}", encoding="utf-8")
    [exhibit] = nps.read_exhibits(folder / "exhibit.yaml")
    return nps.conclude(exhibit, Libraries((library,)), catalogue=open_catalogue())


def part(number: int, *members: Substance, technique: str = "EI-MS", time: float | None = None, place: int | None = None, **how: object):
    row = find_technique(technique)
    result = None if technique == "EI-MS" else "positive"
    given = Measured(measurement=Measurement(number=number, technique=technique, result=result), technique=technique)
    return joining._Named(measured=given, technique=row, members=members, peak=(time, place), **how)  # type: ignore[arg-type]


def joined(*parts: object) -> list[tuple[str, tuple[int, ...]]]:
    groups = joining._groups(parts)  # type: ignore[arg-type]
    return [(joining._head(group).name, tuple(one.number for one in group)) for group in groups]


def contradicted(*parts: object) -> list[frozenset[str]]:
    groups = joining._groups(parts)  # type: ignore[arg-type]
    heads = [joining._head(group) for group in groups]
    return [touched for _, touched in joining._contradictions([], groups, heads, open_catalogue())]


def test_isomers_that_techniques_name_one_each_contradict_though_a_set_holds_both() -> None:
    parts = (part(1, A, B), part(2, A, technique="NMR"), part(3, B, technique="GC-IR"))
    assert joined(*parts) == [("A", (1, 2)), ("B", (3,))]
    assert contradicted(*parts) == [frozenset({A.skeleton, B.skeleton})]
    assert contradicted(part(1, A, B), part(2, A, technique="NMR"), part(3, A, technique="GC-IR")) == []
    two_peaks = (part(1, A, B, time=310.0), part(1, B, A, time=316.0), *parts[1:])
    assert contradicted(*two_peaks) == [frozenset({A.skeleton, B.skeleton})], "each peak fits both, and no technique names both"


def test_two_components_of_one_run_or_of_one_spectrum_never_become_one_substance() -> None:
    peaks = (part(1, A, B, time=310.0, log10_lr={A.skeleton: 4.0}), part(1, B, A, time=316.0, log10_lr={B.skeleton: 5.0, A.skeleton: 2.0}))
    assert sorted(joined(*peaks)) == [("A", (1,)), ("B", (1,))]
    assert joined(*peaks, part(2, A, technique="NMR")) == [("A", (1, 2)), ("B", (1,))]
    assert joined(part(1, A, B, place=0), part(1, A, B, place=1)) == [("A", (1,)), ("A", (1,))]
    assert joined(part(1, A, time=5.0), part(2, A, time=6.0)) == [("A", (1, 2))], "two runs"


def test_sets_that_share_nothing_are_not_chained_through_a_third() -> None:
    assert [numbers for _, numbers in joined(part(1, A, B), part(2, B, C), part(3, C, D))] == [(1, 2), (3,)]


def test_the_likelier_member_heads_a_component_without_likelihood_ratios() -> None:
    assert joined(part(1, A, B, weight={B.skeleton: 0.6, A.skeleton: 0.3})) == [("B", (1,))]
    assert joined(part(1, B, A)) == [("B", (1,))]


def test_a_negative_result_for_the_likeliest_of_a_set_is_a_contradiction(tmp_path: Path, ei_library: Library) -> None:
    catalogue = open_catalogue()
    amo, pento = (catalogue.find_name(name)[0] for name in ("Amobarbital", "Pentobarbital"))
    parts = (part(1, pento, amo, weight={pento.skeleton: 0.9}), part(2, amo, technique="NMR"))
    negative = Measured(measurement=Measurement(number=3, technique="NMR", result="negative", substance="Pentobarbital"), technique="NMR")
    groups = joining._groups(parts)
    [(text, touched)] = joining._contradictions([negative], groups, [joining._head(group) for group in groups], catalogue)
    assert touched == {amo.skeleton, pento.skeleton}
    assert "negative for Pentobarbital" in text


def test_a_negative_result_for_the_class_contradicts_its_member(tmp_path: Path, ei_library: Library) -> None:
    found = stated("IR", "Etonitazene") + stated("NMR", "Etonitazene", sampling=2)
    negative = "- {technique: LC retention, result: negative, substance: nitazene, limit_percent: 0.01, data: x}\n"
    conclusion = concluded(tmp_path, found + negative, ei_library)
    assert conclusion.kind is ConclusionKind.INDICATED
    assert "negative for the class nitazene" in conclusion.contradictions[0]
    assert concluded(tmp_path, found + negative.replace("nitazene", "fentanyl"), ei_library).contradictions == ()


@pytest.mark.parametrize("lr", [-6.0, 1.0])
def test_a_stated_likelihood_ratio_against_a_substance_blocks_it(tmp_path: Path, ei_library: Library, lr: float) -> None:
    given = stated("IR", "Heroin") + stated("MS/MS", "Heroin", sampling=2, more=f", log10_lr: {lr}, lr_source: own validation")
    conclusion = concluded(tmp_path, given, ei_library)
    assert (conclusion.kind is ConclusionKind.IDENTIFIED) == (lr > 0)
    assert any("speaks against it" in text for text in conclusion.contradictions) == (lr < 0)


def test_an_isomer_of_another_class_must_be_excluded_too(tmp_path: Path, ei_library: Library) -> None:
    by_mass = concluded(tmp_path, stated("accurate mass", "Dihydrocodeine") + stated("TLC", "Dihydrocodeine", sampling=2), ei_library)
    [found] = by_mass.substances
    assert found.conclusion is ConclusionKind.INDICATED
    assert {other.substance.drug_class for other in found.not_excluded} - {found.substance.drug_class}
    told = concluded(tmp_path, stated("IR", "Heroin") + stated("NMR", "Heroin", sampling=2), ei_library)
    assert told.kind is ConclusionKind.IDENTIFIED


def test_what_failed_is_named_as_the_exhibit_file_writes_it(
    tmp_path: Path, ei_library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = "- {technique: EI-MS, file: sub/none.msp}\n- {technique: EI-MS, file: broken.msp}\n"
    (tmp_path / "broken.msp").write_bytes(b"\x00\x01rubbish")
    absolute = [one.failures for one in concluded(tmp_path, given, ei_library).measured]
    monkeypatch.chdir(tmp_path)
    assert [one.failures for one in concluded(Path(), given, ei_library).measured] == absolute
    assert all(str(tmp_path) not in text for texts in absolute for text in texts)
    assert "sub/none.msp" in absolute[0][0]


def test_one_stereoisomer_is_not_identified_by_techniques_that_do_not_see_it(tmp_path: Path, ei_library: Library) -> None:
    given = stated("IR", "Levomethorphan") + stated("NMR", "Levomethorphan", sampling=2)
    conclusion = concluded(tmp_path, given, ei_library, head="claim: dextromethorphan")
    assert conclusion.kind is ConclusionKind.INDICATED
    assert any("not told from its stereoisomer Dextromethorphan" in text for text in conclusion.substances[0].missing)
    assert any(finding.code == "EXH-006" for finding in conclusion.findings)
    assert conclusion.claim is not None
    assert conclusion.claim.verdict is ClaimVerdict.CANNOT_BE_SAID
    assert not any("is identified" in text for text in conclusion.claim.reasons)
    seen = stated("chiral chromatography", "Levomethorphan", more=", excludes: [Dextromethorphan]")
    told = concluded(tmp_path, given + seen, ei_library, head="claim: dextromethorphan")
    assert told.kind is ConclusionKind.IDENTIFIED
    assert told.claim is not None
    assert told.claim.verdict is not ClaimVerdict.SUPPORTED
    own = concluded(tmp_path, given + seen, ei_library, head="claim: levomethorphan")
    assert own.claim is not None
    assert own.claim.verdict is ClaimVerdict.SUPPORTED


def test_stated_results_for_two_stereoisomers_contradict(tmp_path: Path, ei_library: Library) -> None:
    conclusion = concluded(tmp_path, stated("NMR", "Quinine") + stated("IR", "Quinidine", sampling=2), ei_library, head="claim: quinine")
    assert conclusion.kind is ConclusionKind.INDICATED
    assert "stereoisomers: one of the two is wrong" in conclusion.contradictions[0]


def test_diastereomers_are_told_by_nmr_and_a_claim_of_the_other_one_is_not_supported(tmp_path: Path, ei_library: Library) -> None:
    given = stated("NMR", "Quinidine") + stated("IR", "Quinidine", sampling=2)
    conclusion = concluded(tmp_path, given, ei_library, head="claim: quinine")
    assert conclusion.kind is ConclusionKind.IDENTIFIED
    assert conclusion.claim is not None
    assert conclusion.claim.verdict is ClaimVerdict.CANNOT_BE_SAID
    assert "stereoisomer of Quinine" in conclusion.claim.reasons[0]
