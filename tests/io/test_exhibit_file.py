"""Exhibit files are read as they stand, and hostile or broken ones are refused in one sentence."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nps_ident.errors import InputError
from nps_ident.io.exhibit_file import read_exhibits

if TYPE_CHECKING:
    from pathlib import Path

    from nps_ident.model.exhibit import Exhibit

WHOLE = """
exhibit: "010"
claim: 5% heroin
mass_g: 0,62
country: NO
date: 2014-03-02
measurements:
  - {technique: EI-MS, file: a.msp, sampling: 01}
  - {technique: IR, result: positive, substance: Heroin, excludes: [6-MAM, Morphine], log10_lr: 2, lr_source: own}
quantities:
  - {file: q.csv, substance: Heroin, basis: base}
"""
ONE = "measurements: [{technique: IR, result: positive, substance: x}]\n"


def _read(folder: Path, text: str, name: str = "e.yaml") -> list[Exhibit]:
    (folder / name).write_text(text, encoding="utf-8")
    return read_exhibits(folder / name)


def test_values_are_text_so_that_norway_is_a_country_and_a_zero_stays(tmp_path: Path) -> None:
    [exhibit] = _read(tmp_path, WHOLE)
    assert (exhibit.id, exhibit.country, exhibit.mass_g, exhibit.date) == ("010", "NO", 0.62, "2014-03-02")
    assert exhibit.measurements[0].sampling == "01"
    assert exhibit.measurements[1].excludes == ("6-MAM", "Morphine")
    assert exhibit.quantities[0].basis == "base"


@pytest.mark.parametrize("nothing", ["none", "n/a", '"-"', "no", "N.A.", "unknown", "нет", "'???'", "yes", "not available"])
def test_a_word_for_nothing_states_nothing(tmp_path: Path, nothing: str) -> None:
    fields = ("data", "reference_material", "certificate", "batch", "sampling")
    row = ", ".join(f"{name}: {nothing}" for name in fields)
    text = f"exhibit: a\nsingle_sampling: {nothing}\nmeasurements: [{{technique: IR, result: positive, substance: x, {row}}}]\n"
    [exhibit] = _read(tmp_path, text)
    [measurement] = exhibit.measurements
    assert exhibit.single_sampling is None
    assert (measurement.data, measurement.sampling) == (None, "1")
    assert measurement.reference_material.missing == ("reference_material", "certificate", "batch")


def test_the_same_content_twice_is_one_sampling(tmp_path: Path) -> None:
    for name, content in (("a.msp", "same"), ("b.msp", "same"), ("c.msp", "else")):
        (tmp_path / name).write_text(content, encoding="utf-8")
    rows = "".join(f"- {{technique: EI-MS, file: {name}.msp, sampling: {i}}}\n" for i, name in enumerate("abcd", 1))
    [exhibit] = _read(tmp_path, f"exhibit: a\nmeasurements:\n{rows}")
    assert [one.sampling for one in exhibit.measurements] == ["1", "1", "3", "4"]
    assert [one.same_as for one in exhibit.measurements] == [None, 1, None, None]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("exhibit: &a x\nclaim: *a\n" + ONE, "anchor or alias"),
        ("a: &a [x,x]\nb: &b [*a,*a]\n", "anchor or alias"),
        ("exhibit: !!python/object/apply:os.system [ls]\n", "tag"),
        ("exhibit: !!binary aGk=\n", "tag"),
        ("[" * 100_000, "deep"),
        ("exhibit: a\n---\nexhibit: b\n", "second document"),
        ("exhibit: a\nexhibit: b\n" + ONE, "twice"),
        ("- a\n", "is a list"),
        ("# nothing\n", "nothing but comments"),
        ("exhibit: a\x07\n", "broken YAML"),
        ("{a: b}: c\n", "mapping"),
        ("exhibit: a\ncolour: brown\n" + ONE, "'colour'"),
        ("exhibit: a\n", "no measurement"),
        (ONE, "no 'exhibit'"),
        ("exhibit: a\nmass_g: 1,234\n" + ONE, "mass_g"),
        ("exhibit: a\nmass_g: -1\n" + ONE, "mass_g"),
        ("exhibit: a\nmass_g: .nan\n" + ONE, "mass_g"),
        ("exhibit: a\ncountry: Norway\n" + ONE, "country"),
        ("exhibit: a\ndate: 2014-02-30\n" + ONE, "date"),
        ("exhibit: a\nclaim: [b]\n" + ONE, "claim is a list"),
        (f"exhibit: a\nclaim: {'x' * 3000}\n" + ONE, "characters"),
        ("exhibit: a\nmeasurements: [{technique: IR}]\n", "neither a file nor a result"),
        ("exhibit: a\nmeasurements: [{technique: IR, file: a, result: positive, substance: x}]\n", "a file and a result"),
        ("exhibit: a\nmeasurements: [{technique: IR, result: maybe, substance: x}]\n", "maybe"),
        ("exhibit: a\nmeasurements: [{result: positive, substance: x}]\n", "without its technique"),
        ("exhibit: a\nmeasurements: [{technique: IR, result: positive, substance: x, log10_lr: 3}]\n", "lr_source"),
        ("exhibit: a\nmeasurements: [{technique: IR, result: positive, substance: x, log10_lr: 99, lr_source: y}]\n", "within"),
        ("exhibit: a\nmeasurements: [{technique: IR, exhibit: b, result: positive, substance: x}]\n", "of 'a' alone"),
    ],
)
def test_what_is_hostile_or_broken_is_refused_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=r"\A[^\n]+\Z") as refused:
        _read(tmp_path, text)
    assert said in str(refused.value)


def test_a_sheet_holds_several_exhibits_with_a_row_for_each_measurement(tmp_path: Path) -> None:
    first, second = _read(tmp_path, "exhibit;claim;technique;file\nA;5% heroin;EI-MS;a.msp\nB;;EI-MS;b.msp\nA;;MS/MS;c.msp\n", "s.csv")
    assert (first.id, first.claim, [m.file for m in first.measurements]) == ("A", "5% heroin", ["a.msp", "c.msp"])
    assert (second.id, second.index) == ("B", 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("exhibit,claim,file\nA,heroin,a\nA,cocaine,b\n", "'heroin' as in line 2"),
        ("exhibit,file\nA\n", "a row of 1 cells"),
        ("exhibit,file\n,a\n", "without an exhibit"),
        ("exhibit,colour\nA,b\n", "colour"),
        ("file\na\n", "columns"),
        ("exhibit,exhibit\na,b\n", "columns"),
        ("exhibit,file\n", "no exhibit"),
        ('exhibit,file\nA,"a\n', "damaged table"),
    ],
)
def test_a_sheet_that_contradicts_itself_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        _read(tmp_path, text, "s.csv")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=120), start=st.sampled_from([b"", b"exhibit: a\n", WHOLE.encode()]), name=st.sampled_from(["e.yaml", "s.csv"]))
def test_no_bytes_bring_anything_but_an_answer_or_a_refusal(tmp_path: Path, data: bytes, start: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(start + data)
    with suppress(InputError):
        assert read_exhibits(tmp_path / name)
