"""``nps-ident report``."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from nps_ident.cli import main
from nps_ident.ledger import open_ledger, record
from nps_ident.model import Candidate, Identification, LibraryStamp, MassSpectrum, Source, Substance, Technique, Verdict

if TYPE_CHECKING:
    from pathlib import Path

QUERY = """Name: exhibit 17
Instrument_type: GC-EI-Q
Spectrum_type: MS1
Num Peaks: 5
42 400; 105 300; 146 900; 189 420; 245 999
"""
REFERENCE = """Name: Fentanyl
DB#: REF-1
InChIKey: PJMPHNIQZUBGLI-UHFFFAOYSA-N
SMILES: CCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1
Formula: C22H28N2O
Instrument_type: GC-EI-Q
Spectrum_type: MS1
Num Peaks: 5
42 380; 105 310; 146 880; 189 440; 245 999
"""


@pytest.fixture
def at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Identification:
    """An answer whose query and library are files of the working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "query.msp").write_text(QUERY, encoding="utf-8", newline="\n")
    (tmp_path / "library.msp").write_text(REFERENCE, encoding="utf-8", newline="\n")
    spectrum = MassSpectrum(
        name="exhibit 17",
        mz=[42, 105, 146, 189, 245],
        intensity=[400, 300, 900, 420, 999],
        technique=Technique.EI_MS,
        source=Source(file="query.msp", index=0, sha256=hashlib.sha256(QUERY.encode()).hexdigest()),
    )
    substance = Substance(inchikey="PJMPHNIQZUBGLI-UHFFFAOYSA-N", name="Fentanyl", drug_class="fentanyl")
    best = Candidate(
        substance=substance, score=0.99, match_factor=990, reverse_match_factor=991, probability=0.97, log10_lr=2.0, reference="REF-1",
        source="library.msp",
    )  # fmt: skip
    return Identification(
        spectrum=spectrum,
        verdict=Verdict.MATCH,
        characterise=False,
        matches=(best,),
        library=LibraryStamp(name="library.msp", sha256="cd" * 32),
        software=(("nps_ident", "0.1.0"),),
    )


def _report(*arguments: str) -> tuple[int, str]:
    from pathlib import Path

    status = main(["report", *arguments, "--out", "report.html", "--no-starter"])
    return status, Path("report.html").read_text(encoding="utf-8") if Path("report.html").exists() else ""


def test_a_result_becomes_a_page_with_its_picture(at_hand: Identification, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    accession = _accession()
    (tmp_path / "result.jsonl").write_text(_with_reference(at_hand, accession).to_json() + "\n", encoding="utf-8")
    status, page = _report("result.jsonl", "--library", "library.msp")
    captured = capsys.readouterr()
    assert (status, captured.out) == (0, "")
    assert "<svg" in page
    assert "C22H28N2O" in page
    assert "picture" not in captured.err


def _accession() -> str:
    """The accession that the library gives its only reference."""
    from nps_ident.library import open_library

    return str(open_library("library.msp", starter=False).members[0].reference(0)["accession"])


def _with_reference(answer: Identification, accession: str) -> Identification:
    return replace(answer, matches=(replace(answer.matches[0], reference=accession),))


def test_a_record_of_the_ledger_becomes_a_page_with_time_analyst_and_hash(at_hand: Identification) -> None:
    with open_ledger("ledger.db") as ledger:
        recorded = record(at_hand, ledger, analyst="the chemist", settings={"library": ["library.msp"], "starter": False})
    status, page = _report(str(recorded.record), "--ledger", "ledger.db")
    assert status == 0
    assert str(recorded.record) in page
    assert "the chemist" in page
    assert "SHA-256 of the record" in page


def test_a_record_is_reported_from_another_folder_as_well(
    at_hand: Identification, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = _with_reference(at_hand, _accession())
    with open_ledger(tmp_path / "ledger.db") as ledger:
        recorded = record(answer, ledger, settings={"library": ["library.msp"], "starter": False})
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert main(["report", str(recorded.record), "--ledger", str(tmp_path / "ledger.db"), "--out", "report.html"]) == 0
    assert "<svg" in (tmp_path / "elsewhere" / "report.html").read_text(encoding="utf-8")
    assert "picture" not in capsys.readouterr().err


def test_a_query_file_that_has_changed_is_never_drawn(at_hand: Identification, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "result.json").write_text(at_hand.to_json(), encoding="utf-8")
    (tmp_path / "query.msp").write_text(QUERY.replace("42 400", "42 401"), encoding="utf-8")
    status, page = _report("result.json", "--library", "library.msp")
    assert status == 0
    assert "<svg" not in page
    assert "the file has changed since the answer was given" in page
    assert "has changed" in capsys.readouterr().err


def test_a_reference_that_is_not_at_hand_leaves_the_query_alone_and_is_said(at_hand: Identification, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(replace(at_hand, matches=(replace(at_hand.matches[0], reference="GONE-1"),)).to_json())
    status, page = _report("result.json", "--library", "library.msp")
    assert status == 0
    assert "<svg" in page
    assert "GONE-1: no library at hand holds this reference" in page


def test_one_of_several_results_has_to_be_named(at_hand: Identification, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "results.jsonl").write_text(2 * (at_hand.to_json() + "\n"), encoding="utf-8")
    assert _report("results.jsonl")[0] == 1
    assert "holds 2 results; name one as results.jsonl#N" in capsys.readouterr().err
    assert _report("results.jsonl#1")[0] == 0
    assert _report("results.jsonl#2")[0] == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "has no result"),
        ("{", "results.jsonl:1: the line is no JSON"),
        ("{}\n{'a': 1}\n", "results.jsonl:2: the line is no JSON"),
        ("7", "is no JSON object"),
        ("{}", "A report is made of an answer"),
    ],
)
def test_a_damaged_file_is_one_clear_sentence_and_no_page(
    content: str, words: str, at_hand: Identification, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "results.jsonl").write_text(content, encoding="utf-8")
    assert _report("results.jsonl") == (1, "")
    captured = capsys.readouterr()
    assert words in captured.err
    assert "Traceback" not in captured.err


def test_a_file_in_latin_1_and_a_missing_one_are_refused(
    at_hand: Identification, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "results.jsonl").write_bytes(b'{"a": "\xe9"}')
    assert _report("results.jsonl")[0] == 1
    assert _report("nowhere.json")[0] == 1
    assert "no such file" in capsys.readouterr().err


def test_a_deeply_nested_file_is_refused(at_hand: Identification, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "results.jsonl").write_text(100_000 * "[", encoding="utf-8")
    assert _report("results.jsonl")[0] == 1
    assert "Traceback" not in capsys.readouterr().err


def test_a_spectrum_from_python_is_drawn_from_its_record(at_hand: Identification) -> None:
    unfiled: Any = replace(at_hand, spectrum=replace(at_hand.spectrum, source=None))
    with open_ledger("ledger.db") as ledger:
        recorded = record(unfiled, ledger)
    status, page = _report(str(recorded.record), "--ledger", "ledger.db", "--library", "library.msp")
    assert status == 0
    assert "<svg" in page
    assert json.loads(unfiled.to_json())["query"]["file"] is None
