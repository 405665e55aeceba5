"""What is understood of a label, and what is not."""

from __future__ import annotations

import csv
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_ident.catalogue.claims import read_claim
from nps_ident.catalogue.store import open_catalogue

CATALOGUE = open_catalogue()


@pytest.mark.parametrize(
    ("text", "names", "amount", "unit", "basis", "form"),
    [
        ("5% heroin", ["Heroin"], 5, "%", None, None),
        ("героин 5 %", ["Heroin"], 5, "%", None, None),
        ("ГЕРОИН, 5,5% (основание)", ["Heroin"], 5.5, "%", "base", None),
        ("海洛因 5%", ["Heroin"], 5, "%", None, None),
        ("Diamorphine HCl 10 percent", ["Heroin"], 10, "%", "hydrochloride", None),
        ("fentanyl patch", ["Fentanyl"], None, None, None, "patch"),
        ("fentanyl patch 25 µg/h", ["Fentanyl"], 25, "µg/h", None, "patch"),
        ("MDMA 120 mg", ["MDMA"], 120, "mg", None, None),
        ("2-FMA 50mg", ["2-FMA"], 50, "mg", None, None),
        ("4-MMC", ["Mephedrone"], None, None, None, None),
        ("cocaine + caffeine powder", ["Cocaine", "Caffeine"], None, None, None, "powder"),
        ("cоcaine", ["Cocaine"], None, None, None, None),  # with a Cyrillic o
    ],
)
def test_a_claim_is_read_in_several_scripts(
    text: str, names: list[str], amount: float | None, unit: str | None, basis: str | None, form: str | None
) -> None:
    claim = read_claim(text, CATALOGUE)
    assert [substance.name for substance in claim.substances] == names
    assert (claim.amount, claim.unit, claim.basis, claim.form) == (amount, unit, basis, form)
    assert claim.unread == ()
    assert claim.problem is None


def test_a_range_and_a_class_are_read() -> None:
    claim = read_claim("heroin 5-10 %", CATALOGUE)
    assert (claim.amount, claim.amount_to) == (5, 10)
    assert read_claim("nitazenes", CATALOGUE).drug_classes == ("nitazene",)


@pytest.mark.parametrize("text", ["", "%", "purple rain 99", "5 % of nothing", "'; DROP TABLE substances", "\x00\u202e", "5", "x" * 10_000])
def test_nonsense_names_nothing(text: str) -> None:
    claim = read_claim(text, CATALOGUE)
    assert claim.substances == ()
    assert claim.drug_classes == ()


@pytest.mark.parametrize("text", ["heroin 120 %", "heroin 0 %", "heroin 10-5 %", "heroin 5 % 10 %"])
def test_an_amount_that_cannot_be_is_said_and_not_compared(text: str) -> None:
    claim = read_claim(text, CATALOGUE)
    assert claim.amount is None
    assert claim.problem


@pytest.mark.parametrize(
    "text",
    [
        *("not heroin", "not 5% heroin", "no heroin", "heroin substitute", "fake heroin", "non heroin", "heroin: none", "heroin free",),
        *("≠ heroin", "не героин", "без героина, героин", "героин нет", "kein heroin", "sans héroïne", "NOT heroin", "heroin analogue"),
        *("-5% heroin", "heroin −5 %", "NaN% heroin", "inf % heroin", "heroin 120 %", "heroin 0 %"),
    ],
)
def test_a_claim_that_denies_or_cannot_be_is_not_comparable(text: str) -> None:
    claim = read_claim(text, CATALOGUE)
    assert not claim.comparable
    assert claim.problem
    assert claim.amount is None or claim.amount > 0


@pytest.mark.parametrize("text", ["heroin", "heroin - 5%", "heroin – 5-10 %", "fentanyl analogue", "heroin free base 5 %", "98 % pure heroin"])
def test_a_claim_that_asserts_is_comparable(text: str) -> None:
    claim = read_claim(text, CATALOGUE)
    assert (claim.comparable, claim.problem, claim.unread) == (True, None, ())


def test_pure_without_a_percentage_is_a_problem_and_what_is_cut_off_is_unread() -> None:
    assert "no percentage" in str(read_claim("чистый героин", CATALOGUE).problem)
    assert read_claim("heroin " + "and " * 200 + "not really", CATALOGUE).unread == ("…",)


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    assert read_claim(text, CATALOGUE).text == text


def test_every_word_means_something_that_exists_and_stands_once() -> None:
    with (resources.files("nps_ident.catalogue") / "claim_words.tsv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    assert len({row["words"] for row in rows}) == len(rows)
    classes = {entry.substance.drug_class for entry in CATALOGUE.entries}
    for row in rows:
        assert row["source"], row
        if row["kind"] == "substance":
            assert len(CATALOGUE.find_name(row["means"])) == 1, row
        elif row["kind"] == "class":
            assert row["means"] in classes, row
        else:
            assert row["kind"] in {"basis", "form", "filler", "negation", "pure"}
            assert row["kind"] != "negation" or not CATALOGUE.find_name(row["words"]), "no substance is denied by its own name"
