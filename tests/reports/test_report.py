"""The report of one record."""

from __future__ import annotations

import copy
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from nps_ident.errors import InputError
from nps_ident.model import Finding, Severity, Variant, Verdict
from nps_ident.reports.figures import figure_svg
from nps_ident.reports.report import report_html

from .answers import FENTANYL, answer, ei

_VOID = {"meta", "br", "link", "img"}
STRUCTURE = {
    "schema": "nps-ident/structure/1",
    "query": {"input": "CCC(=O)N(c1ccc(Br)cc1)C1CCN(CCc2ccccc2)CC1", "kind": "SMILES", "smiles": "…", "inchikey": "…", "title": None,
              "file": None, "index": None, "sha256": None},
    "verdict": "unknown_variant",
    "characterise": True,
    "matches": [{"rank": 1, "inchikey": FENTANYL.inchikey, "name": "Fentanyl", "drug_class": "fentanyl", "relation": "analogue_of",
                 "score": 0.81, "probability": None, "difference": "4-bromo on the aniline ring", "source": "catalogue"}],
    "difference": "4-bromo on the aniline ring of fentanyl",
    "findings": [],
    "library": {"name": "catalogue", "sha256": "cd" * 32},
    "software": {"nps_ident": "0.1.0"},
    "record": None,
}  # fmt: skip


class _Page(HTMLParser):
    """Tags that are opened and closed in order, and the text between them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.words: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def test_the_page_holds_every_proposal_with_its_grounds_escaped() -> None:
    written = answer().to_dict()
    proposals = [{"smiles": f"C{'C' * n}O", "inchikey": FENTANYL.inchikey, "why": f"<b>change {n}</b>", "probability": 0.25} for n in (1, 2)]
    written |= {"verdict": "unknown_variant", "isomer_set": None, "separated_by": None}
    written["variant"] = {"nearest": [], "mass_shift_da": None, "drug_class": "fentanyl", "predicted_mass_da": 60.1, "proposals": proposals}
    page = report_html(written, picture="", substances={}, record={})
    assert "<b>change" not in page
    text = _Page(page).text
    assert "proposed structure 2, a hypothesis, probability 0.25" in text
    assert "CCCO" in text
    assert "<b>change 2</b>" in text


def test_the_page_holds_verdict_reasons_hits_findings_and_grounds() -> None:
    page = _Page(
        report_html(
            answer().to_dict(),
            picture=figure_svg(answer()),
            substances={str(FENTANYL.inchikey): FENTANYL},
            record={"time": "2026-11-22T19:00:00Z", "analyst": "the chemist", "hash": "ef" * 32},
        )
    )
    for expected in (
        "isomer_set",
        "The spectrum matches substances that this technique cannot tell apart. First: Fentanyl.",
        "Two candidates differ by no more than replicates of one substance.",
        "R.Match",
        "C22H28N2O",
        "437-38-7",
        "SPEC-004",
        "AAAAAAAAAAAAAA-UHFFFAOYSA-N",
        "GC retention index",
        "exhibit_17.msp",
        "ab" * 32,
        "cd" * 32,
        "ef" * 32,
        "ei-full-2026-11",
        "nps_ident 0.1.0, rdkit 2026.03",
        "the chemist",
        "not recorded",
    ):
        assert expected in page.text
    assert page.open == []
    assert "svg" in page.seen


def test_nothing_is_loaded_from_elsewhere_and_nothing_runs() -> None:
    text = report_html(answer().to_dict(), picture=figure_svg(answer()))
    page = _Page(text)
    assert not page.seen & {"script", "link", "iframe", "object", "img", "form", "a"}
    assert "default-src 'none'" in text
    assert "url(" not in text.replace("url(#", "")


@pytest.mark.parametrize("field", ["name", "finding", "candidate", "file"])
def test_hostile_text_stays_text(field: str) -> None:
    hostile = '"><script>alert(1)</script><svg onload=alert(2)>\x1b[2J\u202e'
    result = answer(name=hostile if field == "name" else "Q")
    if field == "finding":
        result = replace(result, findings=(Finding(code="IDENT-001", severity=Severity.INFO, text=hostile),))
    written: dict[str, Any] = copy.deepcopy(result.to_dict())
    if field == "candidate":
        written["matches"][0]["name"] = hostile
    if field == "file":
        written["query"]["file"] = hostile
    text = report_html(written)
    assert "<script" not in text
    assert "<svg" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "alert(1)" in _Page(text).text


def test_the_same_answer_gives_the_same_bytes() -> None:
    assert report_html(answer().to_dict(), picture=figure_svg(answer())) == report_html(answer().to_dict(), picture=figure_svg(answer()))


def test_a_missing_probability_is_said_and_not_shown_as_0() -> None:
    written = replace(answer(), calibration=None).to_dict()
    written["matches"] = [written["matches"][1] | {"rank": 1}]
    page = _Page(report_html(written))
    assert "none: no probability was given" in page.text
    assert "0.0" not in page.text


def test_a_variant_is_described_by_its_nearest_substance_and_mass_shift() -> None:
    variant = Variant(nearest=(str(FENTANYL.inchikey),), mass_shift_da=14.0157, drug_class="fentanyl", predicted_mass_da=350.2358)
    page = _Page(report_html(replace(answer(), verdict=Verdict.UNKNOWN_VARIANT, characterise=True, variant=variant).to_dict()))
    assert f"Fentanyl ({FENTANYL.inchikey})" in page.text
    assert "14.0157" in page.text
    assert "No substance of the library fits; a relative is supported." in page.text
    assert "is to be characterised" in page.text


def test_without_candidates_the_report_says_so() -> None:
    page = _Page(report_html(answer(with_candidates=False).to_dict(), without_picture="The report has no picture: the file is gone."))
    assert "No candidate." in page.text
    assert "the file is gone" in page.text
    assert "Nothing in the library is supported." in page.text


def test_a_structure_is_reported_with_its_difference_in_words() -> None:
    page = _Page(report_html(STRUCTURE))
    assert "It is 4-bromo on the aniline ring of fentanyl." in page.text
    assert "analogue_of" in page.text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": "nps-ident/identification/9"}, "identification/9"),
        ({"schema": None}, "None"),
        ({"verdict": "guilty"}, "verdict must be one of"),
        ({"matches": None}, "'matches' must be list. Got NoneType"),
        ({"matches": [7]}, r"matches\[0\] must be an object"),
        ({"matches": [{"rank": 1}]}, r"matches\[0\] has no 'inchikey'"),
        ({"findings": [{"code": 1, "severity": "info", "text": "x"}]}, "'code' must be str. Got int"),
        ({"characterise": "yes"}, "'characterise' must be bool. Got str"),
        ({"library": {"name": "x"}}, "library has no 'sha256'"),
        ({"query": []}, "'query' must be dict"),
        ({"matches": [{**answer().to_dict()["matches"][0], "probability": float("nan")}]}, "'probability' must be a finite number"),
    ],
)
def test_what_is_no_answer_is_refused_by_the_field_that_is_wrong(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        report_html({**answer().to_dict(), **change})


def test_the_picture_of_a_long_name_keeps_the_page_whole() -> None:
    long = replace(answer(), spectrum=ei("x" * 5000))
    assert _Page(report_html(long.to_dict(), picture=figure_svg(long))).open == []
