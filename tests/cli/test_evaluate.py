"""Promises of ``nps-ident evaluate``."""

from __future__ import annotations

import csv
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from made_up import ei_references, holds_the_contract, measured, msp

from nps_ident.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    from nps_ident.library.compiled import Library
    from nps_ident.model import MassSpectrum

HOSTILE = '<script>alert("x")</script>'
CLASSES = ("fentanyl", "cathinone")


def _known(number: int, **fields: Any) -> MassSpectrum:
    """Another laboratory's spectrum of a substance of the library."""
    reference = ei_references()[number]
    given = {"name": f"K-{number}", "label": reference.label, "contributor": f"Lab {number % 2}", "accession": f"MSBNK-Made_up-MU{number:06d}"}
    return measured(reference, seed=number + 50, **(given | fields))


def _absent(number: int, **fields: Any) -> MassSpectrum:
    """A spectrum of a substance that the library does not hold."""
    reference = ei_references(seed=77)[number]
    return measured(reference, seed=number, **({"name": f"U-{number}", "label": reference.label} | fields))


def _impostor(number: int, **fields: Any) -> MassSpectrum:
    """The spectrum of one substance of the library under the name of another one that it holds: its match is wrong."""
    return _known(number, name=f"X-{number}", label=ei_references()[number + 100].label, **fields)


def _write(place: Path, spectra: list[MassSpectrum]) -> str:
    place.write_text(msp(spectra), encoding="utf-8")
    return str(place)


def _table(place: Path, rows: list[dict[str, str]]) -> str:
    with place.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return str(place)


def _row(spectrum: MassSpectrum, **more: str) -> dict[str, str]:
    return {"id": spectrum.name, "inchikey": str(spectrum.label.inchikey)} | more


def _without_label(spectrum: MassSpectrum) -> MassSpectrum:
    return replace(spectrum, label=type(spectrum.label)())


def _evaluate(out: Path, library: Library, *arguments: str) -> int:
    return main(["evaluate", *arguments, "--no-starter", "--library", str(library.folder), "--out", str(out), "--resamples", "40"])


def _report(out: Path) -> dict[str, Any]:
    report = json.loads((out / "validation.json").read_text(encoding="utf-8"))
    assert isinstance(report, dict)
    return report


class _Page(HTMLParser):
    """Tags, attributes and text as a browser would see them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def test_the_figures_are_those_counted_by_hand(tmp_path: Path, ei_library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    """Eight right matches, one wrong one; three of substances that the library does not hold, none of them named."""
    queries = [_known(n) for n in range(8)] + [_impostor(20)] + [_absent(n) for n in range(3)]
    file = _write(tmp_path / "queries.msp", [_without_label(query) for query in queries])
    kinds = ["known"] * 9 + ["unknown", "unknown", "decoy"]
    rows = [_row(query, kind=kind, drug_class=CLASSES[n % 2]) for n, (query, kind) in enumerate(zip(queries, kinds, strict=True))]
    table = _table(tmp_path / "truth.csv", rows)
    assert _evaluate(tmp_path / "out", ei_library, file, "--truth", table, "--format", "json") == 0
    found = {(row["queries"], row["figure"]): row for row in json.loads(capsys.readouterr().out)}
    assert found["known", "rank1"]["value"] == pytest.approx(8 / 9, abs=1e-4)
    assert found["known", "wrong_match"]["value"] == pytest.approx(1 / 9, abs=1e-4)
    assert found["known", "wrong_match"]["n"] == found["known", "wrong_match"]["compounds"] == 9
    assert found["unknown", "match"]["value"] == 0.0
    assert found["unknown", "match"]["high"] == pytest.approx(1 - 0.025 ** (1 / 2), abs=1e-4), "two compounds prove little"
    report = _report(tmp_path / "out")
    assert report["schema"] == "nps-ident/validation/1"
    assert [(item["name"], item["n"]) for item in report["data"]["by_kind"]] == [("known", 9), ("unknown", 2), ("decoy", 1)]
    [failure] = report["failures"]
    assert failure["what"] == "wrong_match"
    assert failure["query"]["id"] == "X-20"
    assert failure["named"][0]["inchikey"] == ei_references()[20].label.inchikey
    answers = [json.loads(line) for line in (tmp_path / "out" / "answers.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [holds_the_contract(answer)["query"]["id"] for answer in answers] == [query.name for query in queries]
    probabilities = [answer["matches"][0]["probability"] for answer in answers]
    brier = sum((p - (n < 8)) ** 2 for n, p in enumerate(probabilities)) / 12
    assert report["techniques"]["EI-MS"]["figures"]["all"]["brier"]["value"] == pytest.approx(brier, abs=1e-4)


def test_without_a_table_the_spectra_are_believed_and_the_report_says_so(tmp_path: Path, ei_library: Library) -> None:
    file = _write(tmp_path / "queries.msp", [_known(n) for n in range(6)])
    assert _evaluate(tmp_path / "out", ei_library, file) == 0
    report = _report(tmp_path / "out")
    assert report["data"]["truth"] is None
    assert report["data"]["n_judged"] == 6
    assert any("nobody checked it" in text for text in report["limits"])
    assert any("not in the library" in text or "that are not, such as a new one" in text for text in report["limits"])


def test_the_same_queries_give_the_same_figures(tmp_path: Path, ei_library: Library) -> None:
    file = _write(tmp_path / "queries.msp", [*(_known(n) for n in range(5)), _impostor(30), _absent(1)])
    for name in ("one", "two"):
        assert _evaluate(tmp_path / name, ei_library, file) == 0
    one, two = (_report(tmp_path / name) for name in ("one", "two"))
    assert {**one, "time": None} == {**two, "time": None}
    pages = [(tmp_path / name / "validation.html").read_text(encoding="utf-8") for name in ("one", "two")]
    assert pages[0].replace(one["time"], "") == pages[1].replace(two["time"], "")


def test_a_query_that_the_library_holds_itself_counts_nowhere_and_is_listed(tmp_path: Path, ei_library: Library) -> None:
    copy = replace(ei_references()[3], name="copy")
    own_record = _known(4, name="own record", accession=ei_references()[4].accession)
    file = _write(tmp_path / "queries.msp", [copy, own_record, _known(5), replace(_known(5), name="again")])
    assert _evaluate(tmp_path / "out", ei_library, file) == 0
    data = _report(tmp_path / "out")["data"]
    assert (data["n_queries"], data["n_judged"]) == (4, 1)
    why = {item["query"]: item["why"] for item in data["left_out"]}
    assert "near-copy" in why["copy"]
    assert "the record itself" in why["own record"]
    assert "earlier query" in why["again"]


def test_hostile_names_are_shown_and_never_obeyed(tmp_path: Path, ei_library: Library) -> None:
    wrong = replace(_impostor(20), name=f"X {HOSTILE}", accession=f"MSBNK-x-{HOSTILE}")
    queries = [wrong, _known(2)]
    row = _row(wrong, name=f"{HOSTILE}\u202etxt", drug_class=HOSTILE, laboratory=HOSTILE, accession=f'MSBNK-x-1" onclick="{HOSTILE}')
    rows = [row, _row(queries[1], name="fine", drug_class="x", laboratory="y", accession="MSBNK-Made_up-MU000002")]
    file, table = _write(tmp_path / "q.msp", queries), _table(tmp_path / "t.csv", rows)
    assert _evaluate(tmp_path / "out", ei_library, file, "--truth", table, "--title", f"T {HOSTILE}") == 0
    text = (tmp_path / "out" / "validation.html").read_text(encoding="utf-8")
    page = _Page(text)
    assert HOSTILE in page.text, "it is shown as it is"
    assert not [tag for tag, _ in page.tags if tag in {"script", "img", "iframe", "link", "object", "base", "form"}]
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert "\u202e" not in text
    assert not re.search(r'(?:src|href)="(?!https://massbank\.eu/)(?!#)', text.replace("xlink:href", "").replace('href="http://www.w3.org', ""))


def test_the_page_is_whole_and_links_public_records_only(tmp_path: Path, ei_library: Library) -> None:
    queries = [*(_known(n) for n in range(6)), _impostor(20, accession="MSBNK-Made_up-MU000020"), *(_absent(n) for n in range(3))]
    assert _evaluate(tmp_path / "out", ei_library, _write(tmp_path / "q.msp", queries)) == 0
    page = _Page((tmp_path / "out" / "validation.html").read_text(encoding="utf-8"))
    links = [attributes.get("href") for tag, attributes in page.tags if tag == "a"]
    assert links == ["https://massbank.eu/MassBank/RecordDisplay?id=MSBNK-Made_up-MU000020"], "EI-0020 of the library is no public record"
    assert sum(tag == "svg" for tag, _ in page.tags) == 5
    for words in ("Limits of use", "Wrong answers (1)", "By laboratory", "By raw score", "Cllr_min", "ELUB", "SHA-256"):
        assert words in page.text, words


def test_rows_without_a_query_and_queries_without_a_row_are_said(
    tmp_path: Path, ei_library: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    file = _write(tmp_path / "q.msp", [_known(1), _known(2)])
    table = _table(tmp_path / "t.csv", [_row(_known(1)), {"id": "nobody", "inchikey": str(_known(3).label.inchikey)}])
    assert _evaluate(tmp_path / "out", ei_library, file, "--truth", table) == 0
    err = capsys.readouterr().err
    assert "1 rows of the truth have no query; the first: nobody" in err
    assert "1 of 2 queries count in no figure; the first, K-2" in err
    assert _report(tmp_path / "out")["data"]["truth_without_query"] == ["nobody"]


def test_the_library_decides_what_is_known_and_a_contradiction_is_said(
    tmp_path: Path, ei_library: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    file = _write(tmp_path / "q.msp", [_known(1), _absent(2)])
    table = _table(tmp_path / "t.csv", [_row(_known(1), kind="decoy"), _row(_absent(2), kind="known")])
    assert _evaluate(tmp_path / "out", ei_library, file, "--truth", table) == 0
    report = _report(tmp_path / "out")
    assert report["data"]["kind_contradicted_by_library"] == ["K-1", "U-2"]
    assert [item["name"] for item in report["data"]["by_kind"]] == ["known", "unknown"]
    assert "disagree" in capsys.readouterr().err
    assert any("the library decided" in text for text in report["limits"])


def test_a_compound_that_the_calibration_was_fitted_to_is_said(tmp_path: Path, ei_library: Library) -> None:
    from nps_ident.confidence.coefficients import SHIPPED, content_hash

    fields = json.loads((SHIPPED / "ei-full.json").read_text(encoding="utf-8"))
    fields["about"]["compounds"] = [str(_known(1).label.inchikey)[:14], "AAAAAAAAAAAAAA"]
    own = tmp_path / "own.json"
    own.write_text(json.dumps({**fields, "sha256": content_hash(fields)}), encoding="utf-8")
    file = _write(tmp_path / "q.msp", [_known(1), _known(2)])
    assert _evaluate(tmp_path / "out", ei_library, file, "--calibration", str(own)) == 0
    report = _report(tmp_path / "out")
    assert report["calibrations"][0]["n_compounds_seen_in_training"] == 1
    assert any("fitted to 1 of these compounds: the figures are too good" in text for text in report["limits"])


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("name,inchikey\nK-1,AAAAAAAAAAAAAA\n", "lacks a column"),
        ("id,name\nK-1,x\n", "lacks a column"),
        ("id,ik14\n", "has no rows"),
        ("id,ik14\nK-1,nan\n", "t.csv:2: 'nan' is no InChIKey"),
        ("id,ik14\nK-1,NaN\n", "no InChIKey"),
        ("id,ik14\n,AAAAAAAAAAAAAA\n", "no id"),
        ("id,ik14\nK-1,AAAAAAAAAAAAAA\nK-1,BBBBBBBBBBBBBB\n", "t.csv:3: the id 'K-1' stands twice"),
        ("id,ik14,kind\nK-1,AAAAAAAAAAAAAA,perhaps\n", "the kind is 'perhaps'"),
        ("id,ik14\nother,AAAAAAAAAAAAAA\n", "None of 1 queries has a known identity"),
        ("", "empty"),
    ],
)
def test_a_bad_table_is_one_sentence_and_nothing_is_written(
    table: str, said: str, tmp_path: Path, ei_library: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.csv").write_text(table, encoding="utf-8")
    file = _write(tmp_path / "q.msp", [_known(1)])
    assert _evaluate(tmp_path / "out", ei_library, file, "--truth", str(tmp_path / "t.csv")) == 1
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""
    assert not (tmp_path / "out" / "validation.json").exists()


def test_a_table_by_semicolons_with_a_byte_order_mark_and_other_headings_is_read(tmp_path: Path, ei_library: Library) -> None:
    key = str(_known(1).label.inchikey)[:14].lower()
    (tmp_path / "t.csv").write_text(f"\ufeffID;IK14;Class;Contributor\r\nK-1;{key};opioid, other;Lab Ä\r\n", encoding="utf-8")
    file = _write(tmp_path / "q.msp", [_without_label(_known(1))])
    assert _evaluate(tmp_path / "out", ei_library, file, "--truth", str(tmp_path / "t.csv")) == 0
    data = _report(tmp_path / "out")["data"]
    assert [item["name"] for item in data["by_class"]] == ["opioid, other"]
    assert [item["name"] for item in data["by_laboratory"]] == ["Lab Ä"]


def test_spectra_without_identity_or_peaks_are_refused_in_words(tmp_path: Path, ei_library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    file = _write(tmp_path / "q.msp", [_without_label(_known(1))])
    assert _evaluate(tmp_path / "out", ei_library, file) == 1
    assert "carries no InChIKey" in capsys.readouterr().err
    assert _evaluate(tmp_path / "out", ei_library, str(tmp_path / "missing.msp")) == 1
    assert "missing.msp" in capsys.readouterr().err
    nan = _known(1, intensity=[math.nan] * 25)
    assert _evaluate(tmp_path / "out", ei_library, _write(tmp_path / "nan.msp", [nan, _known(2)])) == 1
    assert capsys.readouterr().err


def test_a_library_too_small_for_a_calibration_gives_rates_and_no_probabilities(tmp_path: Path) -> None:
    from nps_ident.library.build import build_library

    small = build_library(ei_references()[:20], tmp_path / "small", name="small")
    assert _evaluate(tmp_path / "out", small, _write(tmp_path / "q.msp", [_known(1), _known(2)])) == 0
    report = _report(tmp_path / "out")
    found = report["techniques"]["EI-MS"]
    assert found["n_without_probability"] == 2
    assert "brier" not in found["figures"]["known"]
    assert found["figures"]["known"]["rank1"]["value"] == 1.0
    assert found["lr_bounds"] is None
    assert any("No calibration held" in text for text in report["limits"])


def test_a_validation_is_never_written_over(tmp_path: Path, ei_library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    file = _write(tmp_path / "q.msp", [_known(1)])
    assert _evaluate(tmp_path / "out", ei_library, file) == 0
    before = (tmp_path / "out" / "validation.json").read_bytes()
    assert _evaluate(tmp_path / "out", ei_library, file) == 1
    assert "not written over" in capsys.readouterr().err
    assert (tmp_path / "out" / "validation.json").read_bytes() == before


def test_wrong_usage_exits_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["evaluate", "q.msp"])
    assert caught.value.code == 2
    assert "--out" in capsys.readouterr().err
    with pytest.raises(SystemExit) as caught:
        main(["evaluate", "q.msp", "--out", "x", "--resamples", "0"])
    assert caught.value.code == 2
