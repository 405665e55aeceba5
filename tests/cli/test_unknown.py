"""Promises of ``nps-ident unknown``."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from importlib import resources
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from made_up import ei_references, measured, msp

import nps_ident.identify as identify_package
from nps_ident.cli import main
from nps_ident.folders import data_folder
from nps_ident.ledger import open_ledger, record
from nps_ident.model import Identification, LibraryStamp, MassSpectrum, Technique, Variant, Verdict
from nps_ident.spectra.peaks import prepare

if TYPE_CHECKING:
    from pathlib import Path

    from nps_ident.library.compiled import Library

HOSTILE = "5% heroin\x1b[2J=cmd()\u202e"
KEY = "QQQQQQQQQQQQQQ-UHFFFAOYSA-N"


def _unknown(number: int, *, seed: int = 3, name: str = "exhibit") -> Identification:
    return Identification(
        spectrum=prepare(measured(ei_references()[number], seed=seed, name=name)),
        verdict=Verdict.UNKNOWN_VARIANT,
        characterise=True,
        matches=(),
        library=LibraryStamp(name="starter", sha256="b" * 64),
        software=(("nps_ident", "0.1.0"),),
        variant=Variant(nearest=(), mass_shift_da=None, drug_class="fentanyl", predicted_mass_da=None),
    )


@pytest.fixture
def path(tmp_path: Path, ei_library: Library) -> Path:
    """Three unknowns in two items; the library has a reference of them by now."""
    place = tmp_path / "ledger.sqlite"
    with open_ledger(place) as ledger, ledger.batch():
        for answer in (_unknown(5, name=HOSTILE), _unknown(6), _unknown(5, seed=4)):
            record(answer, ledger, settings={"library": [str(ei_library.folder)], "starter": False, "top": 10})
    return place


_SCHEMA = json.loads((resources.files("nps_ident") / "schemas" / "unknown-item-1.schema.json").read_text(encoding="utf-8"))


def _whole(item: str, path: Path | None, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """One item as ``show`` writes it, by its schema."""
    assert main(["unknown", "show", item, *(["--ledger", str(path)] if path else []), "--format", "json"]) == 0
    [whole] = _json(capsys)
    jsonschema.Draft202012Validator(_SCHEMA).validate(whole)
    return dict(whole)


def _json(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_the_schema_of_an_item_is_one_and_takes_no_field_it_does_not_name(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    jsonschema.Draft202012Validator.check_schema(_SCHEMA)
    assert set(_SCHEMA["required"]) == set(_SCHEMA["properties"])
    item = _whole("1", path, capsys)
    fewer = {key: value for key, value in item.items() if key != "findings"}
    for broken in ({**item, "extra": 1}, {**item, "state": "solved"}, {**item, "spectra": []}, fewer):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.Draft202012Validator(_SCHEMA).validate(broken)


def test_list_gives_every_open_item_and_says_that_the_library_has_changed(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["unknown", "list", "--ledger", str(path)]) == 0
    said = capsys.readouterr()
    assert said.out.count("U-0000000") == 2
    assert "the libraries (starter then, made-up EI now)" in said.out
    assert "2 open, 0 closed" in said.err
    assert "2 have not been searched since libraries" in said.err


def test_hostile_names_are_made_visible_in_every_form(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["list"], ["show", "1"], ["research"], ["close", "1", "--outcome", "artefact", "--why", HOSTILE, "--analyst", HOSTILE]):
        for form in ("table", "csv"):
            more = ["--correct"] if command[0] == "close" and form == "csv" else []
            assert main(["unknown", *command, *more, "--ledger", str(path), "--format", form]) == 0
            said = capsys.readouterr()
            assert "\x1b" not in said.out + said.err
            assert "\u202e" not in said.out + said.err
    assert main(["unknown", "show", "1\x1b[2J", "--ledger", str(path)]) == 1
    assert "\x1b" not in capsys.readouterr().err


def test_show_tells_spectra_hypotheses_what_to_measure_next_and_that_isomers_are_not_excluded(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    item = _whole("U-00000001", path, capsys)
    assert item["schema"] == "nps-ident/unknown-item/1"
    assert [spectrum["query"] for spectrum in item["spectra"]] == [HOSTILE, "exhibit"]
    assert item["hypotheses"]["drug_class"] == "fentanyl"
    assert item["measure_next"][0]["settles"] == "molecular mass and formula"
    assert {finding["code"] for finding in item["findings"]} == {"UNK-001", "UNK-002", "UNK-005"}
    assert main(["unknown", "show", "3", "--ledger", str(path)]) == 0
    text = capsys.readouterr().out
    assert "What to measure next" in text
    assert "Isomers cannot be excluded" in text


def test_research_names_what_has_a_reference_now_and_is_not_done_twice(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["unknown", "research", "--ledger", str(path), "--format", "jsonl", "--analyst", "B. Chemist"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["item"], row["before"], row["after"], row["named"]) for row in rows] == [
        ("U-00000001", "unknown_variant", "match", "Substance 5"),
        ("U-00000001", "unknown_variant", "match", "Substance 5"),
        ("U-00000002", "unknown_variant", "match", "Substance 6"),
    ]
    assert main(["ledger", "verify", "--ledger", str(path)]) == 0
    assert main(["ledger", "replay", rows[0]["answer"], "--ledger", str(path)]) == 0
    assert main(["ledger", "replay", rows[0]["record"], "--ledger", str(path)]) == 1
    capsys.readouterr()
    assert main(["unknown", "research", "--ledger", str(path)]) == 0
    assert "nothing is due" in capsys.readouterr().err
    assert main(["unknown", "list", "--ledger", str(path), "--format", "csv"]) == 0
    said = capsys.readouterr()
    assert [(row["state"], row["due"]) for row in csv.DictReader(io.StringIO(said.out))] == [("named", ""), ("named", "")]
    assert "have not been searched" not in said.err
    with open_ledger(path, read_only=True) as ledger:
        n_before = len(ledger)
    assert main(["unknown", "research", "2", "--ledger", str(path)]) == 0
    with open_ledger(path, read_only=True) as ledger:
        assert len(ledger) == n_before + 2, "an item that is named is searched whether due or not: its answer and the event"


def test_what_cannot_be_searched_is_said_and_the_rest_is_still_searched(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_ledger(path) as ledger:
        record(_unknown(7), ledger, settings={"library": ["gone.msp"], "starter": False})
    assert main(["unknown", "list", "--ledger", str(path), "--format", "json"]) == 0
    assert "gone.msp: no such library" in _json(capsys)[2]["due"]
    assert main(["unknown", "research", "--ledger", str(path), "--format", "json"]) == 1
    said = capsys.readouterr()
    assert len(json.loads(said.out)) == 3
    assert "gone.msp: no such library" in said.err


def test_close_records_the_outcome_and_a_second_close_must_be_called_a_correction(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    close = ["unknown", "close", "2", "--ledger", str(path), "--why", "reference material", "--analyst", "B. Chemist", "--format", "json"]
    assert main([*close, "--outcome", "identified"]) == 1
    assert "expected its InChIKey or its name" in capsys.readouterr().err
    assert main([*close, "--outcome", "identified", "--inchikey", KEY]) == 0
    [row] = _json(capsys)
    assert (row["item"], row["inchikey"], row["analyst"]) == ("U-00000002", KEY, "B. Chemist")
    assert main([*close, "--outcome", "artefact"]) == 1
    assert "closed already" in capsys.readouterr().err
    assert main([*close, "--outcome", "artefact", "--correct"]) == 0
    capsys.readouterr()
    assert main(["unknown", "list", "--ledger", str(path), "--format", "json"]) == 0
    assert [item["item"] for item in _json(capsys)] == ["U-00000001"]
    assert main(["unknown", "list", "--all", "--ledger", str(path), "--format", "json"]) == 0
    assert [(item["state"], item["outcome"]) for item in _json(capsys)] == [("open", None), ("closed", "artefact")]
    assert [closing["outcome"] for closing in _whole("2", path, capsys)["closings"]] == ["identified", "artefact"]
    assert main(["ledger", "show", "--ledger", str(path), "--format", "jsonl"]) == 0
    assert '"closed"' in capsys.readouterr().out
    assert main(["ledger", "show", row["record"], "--ledger", str(path)]) == 0
    assert "reference material" in capsys.readouterr().out


def test_a_ledger_that_was_tampered_with_is_one_sentence_for_each_action(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DROP TRIGGER records_are_never_changed")
        db.execute("UPDATE records SET record = replace(record, 'fentanyl', 'cathinone') WHERE sequence = 2")
    for command in (["list"], ["show", "1"], ["research"], ["close", "1", "--outcome", "artefact", "--why", "x"]):
        assert main(["unknown", *command, "--ledger", str(path)]) == 1
        said = capsys.readouterr()
        assert said.out == ""
        assert "record 2 is missing, was changed or is out of place" in said.err


def test_an_interrupt_exits_130_and_what_was_searched_stays(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    genuine, asked = identify_package.identify, []

    def interrupted(*arguments: Any, **options: Any) -> Any:
        asked.append(arguments)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return genuine(*arguments, **options)

    monkeypatch.setattr(identify_package, "identify", interrupted)
    assert main(["unknown", "research", "--ledger", str(path)]) == 130
    capsys.readouterr()
    assert main(["unknown", "list", "--ledger", str(path), "--format", "json"]) == 0
    assert [bool(item["due"]) for item in _json(capsys)] == [False, True]
    assert main(["ledger", "verify", "--ledger", str(path)]) == 0


def test_without_a_ledger_nothing_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["list"], ["show", "1"], ["research"], ["close", "1", "--outcome", "artefact", "--why", "x"]):
        assert main(["unknown", *command, "--ledger", str(tmp_path / "none.sqlite")]) == 1
        assert "there is no ledger" in capsys.readouterr().err
    assert main(["unknown", "research", "--top", "0"]) == 1
    assert list(tmp_path.iterdir()) == []


def _iodo(tmp_path: Path) -> str:
    """A measured spectrum of a substance that nothing lists, open in the user's own ledger; the file to propose it with."""
    heights = {43: 200, 57: 310, 71: 420, 91: 60, 105: 300, 113: 150, 146: 850, 189: 700, 203: 120, 219: 330, 245: 90, 315: 240, 455: 999}
    own = MassSpectrum(name=HOSTILE, technique=Technique.EI_MS, mz=list(heights), intensity=list(heights.values()))
    with open_ledger() as ledger:
        record(replace(_unknown(5), spectrum=prepare(measured(own, noise=0.05, name=HOSTILE))), ledger)
    file = tmp_path / "own.msp"
    file.write_text(msp([replace(own, name="long test opioid")]), encoding="utf-8")
    return str(file)


def test_what_is_proposed_to_the_register_is_looked_for_among_the_open_unknowns_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spectra = _iodo(tmp_path)
    structure = "CCCCCCCCCCCCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1"
    propose = ["register", "propose", structure, "--name", "long test opioid", "--spectra", spectra, "--analyst", "A. Nalyst"]
    assert main(propose) == 0
    said = capsys.readouterr().err
    assert "U-00000001 (5% heroin\\x1b[2J=cmd()\\u202e) now match: long test opioid" in said
    assert "open unknowns searched again: 1" in said
    item = _whole("1", None, capsys)
    assert (item["state"], item["research"][0]["analyst"], item["due"]) == ("named", "A. Nalyst", None)
    assert main([*propose[:-2], "--no-research"]) == 1, "it stands in the register by now"
    assert main(["register", "propose", "CCCCC(=O)N(c1ccc(I)cc1)C1CCN(CCc2ccccc2)CC1", "--name", "another", "--no-research"]) == 0
    assert "searched again" not in capsys.readouterr().err
    assert main(["unknown", "list", "--format", "json"]) == 0
    assert "the register" in _json(capsys)[0]["due"]


def test_a_library_that_is_built_is_offered_to_the_open_unknowns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _iodo(tmp_path)
    (tmp_path / "references.msp").write_text(msp(ei_references(3)), encoding="utf-8")
    build = ["library", "build", str(tmp_path / "references.msp"), "--out", str(tmp_path / "built")]
    assert main(build) == 0
    command = f"nps-ident unknown research --all --library {tmp_path / 'built'}"
    assert f"open unknowns not searched in it yet: 1 ('{command}')" in capsys.readouterr().err
    assert main(["unknown", "close", "1", "--outcome", "artefact", "--why", "a blank"]) == 0
    assert main(build) == 0
    assert "open unknowns" not in capsys.readouterr().err


def test_a_broken_ledger_does_not_keep_a_proposal_from_the_register(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spectra = _iodo(tmp_path)
    with closing(sqlite3.connect(data_folder() / "ledger.sqlite")) as db, db:
        db.execute("DROP TRIGGER records_are_never_changed")
        db.execute("UPDATE records SET record = replace(record, 'fentanyl', 'cathinone')")
    structure = "CCCCCCCCCCCCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1"
    assert main(["register", "propose", structure, "--name", "long test opioid", "--spectra", spectra]) == 0
    assert "record 1 is missing, was changed or is out of place" in capsys.readouterr().err
    assert main(["register", "show", "long test opioid"]) == 0


def test_no_item_is_an_empty_table_and_no_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "ledger.sqlite"
    with open_ledger(place) as ledger:
        record(replace(_unknown(5), verdict=Verdict.NO_MATCH), ledger)
    assert main(["unknown", "list", "--ledger", str(place), "--format", "jsonl"]) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "0 open, 0 closed\n")
    assert main(["unknown", "show", "1", "--ledger", str(place)]) == 1


@pytest.mark.realdata
def test_a_measured_unknown_is_opened_by_identify_and_named_once_a_library_has_it(
    realdata: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reference, unknowns = realdata / "ei" / "reference.msp", realdata / "ei" / "unknowns_dev.msp"
    assert main(["identify", str(unknowns), "--no-starter", "--library", str(reference), "--format", "jsonl"]) == 0
    variants = sum('"verdict": "unknown_variant"' in line for line in capsys.readouterr().out.splitlines())
    assert main(["unknown", "list", "--format", "json"]) == 0
    items = _json(capsys)
    assert sum(item["n_spectra"] for item in items) == variants > 5
    assert main(["unknown", "research"]) == 0
    assert "nothing is due" in capsys.readouterr().err
    both = ["--no-starter", "--library", str(reference), "--library", str(unknowns)]
    after = set()
    for item in items[:12]:
        assert main(["unknown", "research", item["item"], *both, "--format", "json"]) == 0
        after |= {row["after"] for row in _json(capsys)}
    # Where ring-position isomers have no reference, or no structure is known, even its own spectrum does not name a substance.
    assert after & {"match", "isomer_set"}
    assert after <= {"match", "isomer_set", "class_only"}
    assert {_whole(item["item"], None, capsys)["state"] for item in items} == {"open", "named"}
