"""Promises of the printing that every verb shares."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_ident.cli.terminal import print_rows, print_table, shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fentanyl", "fentanyl"),
        ("α-PVP, 5% героин, 芬太尼", "α-PVP, 5% героин, 芬太尼"),
        (r"F/C=C\F", r"F/C=C\F"),
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("a\nb\r\tc\x00", r"a\x0ab\x0d\x09c\x00"),
        ("\x9b31m", r"\x9b31m"),
        ("evil\u202etxt.exe", r"evil\u202etxt.exe"),
        ("zero\u200bwidth\ufeff", r"zero\u200bwidth\ufeff"),
        ("\u2028", r"\u2028"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
        ("no\u00a0break", "no\u00a0break"),
    ],
)
def test_characters_a_terminal_would_obey_are_written_as_escapes(text: str, expected: str) -> None:
    assert shown(text) == expected


@given(st.text(alphabet=st.characters(codec=None)))
def test_shown_text_is_always_one_encodable_line_without_controls(text: str) -> None:
    out = shown(text)
    out.encode("utf-8")
    assert len(out.splitlines()) <= 1
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in out)


def test_a_table_aligns_text_left_and_numbers_right() -> None:
    out = io.StringIO()
    print_table([("a", 5), ("芬太尼", 1000), ("x\x1b", None)], ("name", "mf"), out)
    assert out.getvalue() == "name      mf\n------  ----\na          5\n芬太尼  1000\nx\\x1b      -\n"


def test_a_table_without_rows_is_its_headings() -> None:
    out = io.StringIO()
    print_table([], ("name",), out)
    assert out.getvalue() == "name\n----\n"


def test_csv_text_that_a_spreadsheet_would_run_is_defused_and_numbers_are_not() -> None:
    out = io.StringIO()
    print_rows([{"name": '=HYPERLINK("x")', "shift": -14.5}], ("name", "shift"), out, form="csv")
    assert list(csv.reader(io.StringIO(out.getvalue()))) == [["name", "shift"], ['\'=HYPERLINK("x")', "-14.5"]]


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_json_forms_write_every_key_verbatim(form: str) -> None:
    out = io.StringIO()
    print_rows([{"name": "a\nb", "extra": [1, None]}], ("name",), out, form=form)
    read = json.loads(out.getvalue())
    assert (read[0] if form == "json" else read) == {"name": "a\nb", "extra": [1, None]}


def test_json_refuses_numbers_that_json_does_not_have() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        print_rows([{"x": float("nan")}], ("x",), io.StringIO(), form="jsonl")


def test_csv_carries_no_terminal_commands() -> None:
    out = io.StringIO()
    print_rows([{"name": "a\x1b]0;owned\x07b"}], ["name"], out, form="csv")
    assert "\x1b" not in out.getvalue()
    assert "\x07" not in out.getvalue()
