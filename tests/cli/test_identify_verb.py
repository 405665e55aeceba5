"""Promises of ``nps-ident identify``."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from made_up import ei_references, holds_the_contract, measured, msms_references, msp

import nps_ident
from nps_ident.catalogue.store import SUBSTANCE_COLUMNS
from nps_ident.cli import main
from nps_ident.ledger import open_ledger

if TYPE_CHECKING:
    import numpy as np

    from nps_ident.library.compiled import Library
    from nps_ident.model import MassSpectrum

PROGRAM = "import sys; from nps_ident.cli import main; sys.exit(main(sys.argv[1:]))"


def _query(number: int, name: str | None = None) -> MassSpectrum:
    return measured(ei_references()[number], seed=number, name=name or f"Q-{number}")


@pytest.fixture
def with_library(ei_library: Library) -> list[str]:
    return ["--no-starter", "--library", str(ei_library.folder)]


@pytest.fixture
def three(tmp_path: Path) -> Path:
    place = tmp_path / "three.msp"
    place.write_text(msp(_query(number) for number in (4, 5, 6)), encoding="utf-8")
    return place


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [holds_the_contract(json.loads(line)) for line in capsys.readouterr().out.splitlines()]


def test_each_spectrum_is_one_line_by_the_schema_in_the_order_of_the_file(
    three: Path, with_library: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["identify", str(three), *with_library, "--format", "jsonl"]) == 0
    answers = _lines(capsys)
    assert [answer["query"]["id"] for answer in answers] == ["Q-4", "Q-5", "Q-6"]
    assert [answer["query"]["index"] for answer in answers] == [0, 1, 2]
    assert [answer["matches"][0]["name"] for answer in answers] == ["Substance 4", "Substance 5", "Substance 6"]
    assert {answer["query"]["file"] for answer in answers} == {str(three)}
    assert {answer["verdict"] for answer in answers} == {"match"}
    assert len({answer["record"] for answer in answers}) == 3


def test_json_is_one_array_of_the_same_answers(three: Path, with_library: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["identify", str(three), *with_library, "--format", "json", "--no-record"]) == 0
    answers = json.loads(capsys.readouterr().out)
    assert [holds_the_contract(answer)["query"]["id"] for answer in answers] == ["Q-4", "Q-5", "Q-6"]
    assert {answer["record"] for answer in answers} == {None}


def test_csv_has_a_row_a_spectrum(three: Path, with_library: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["identify", str(three), *with_library, "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["query"], row["verdict"], row["name"]) for row in rows] == [(f"Q-{n}", "match", f"Substance {n}") for n in (4, 5, 6)]
    assert all(float(row["probability"]) > 0.9 for row in rows)
    assert all(row["reason"].startswith("Match: ") for row in rows)


def test_several_spectra_are_a_table_with_a_row_each(three: Path, with_library: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["identify", str(three), *with_library]) == 0
    heading, _, *rows = capsys.readouterr().out.splitlines()
    assert heading.split()[:3] == ["query", "verdict", "name"]
    assert [row.split()[0] for row in rows] == ["Q-4", "Q-5", "Q-6"]


def test_one_spectrum_is_shown_at_length(tmp_path: Path, with_library: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "one.msp").write_text(msp([_query(5)]), encoding="utf-8")
    assert main(["identify", str(tmp_path / "one.msp"), *with_library]) == 0
    out = capsys.readouterr().out
    for expected in ("Q-5  (EI-MS, 25 peaks)", "Verdict: match", "Match: Substance 5 has probability", "R.Match", "Record R-", "made-up EI"):
        assert expected in out


def test_top_three_lists_three(three: Path, with_library: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["identify", str(three), *with_library, "--top", "3", "--format", "jsonl"]) == 0
    assert {len(answer["matches"]) for answer in _lines(capsys)} == {3}


@pytest.mark.parametrize("arguments", [["--top", "0"], ["--top", "x"], ["--technique", "nmr"], ["--format", "xml"], ["--nonsense"]])
def test_wrong_usage_exits_2(arguments: list[str], three: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["identify", str(three), *arguments])
    assert caught.value.code == 2
    assert capsys.readouterr().out == ""


def _mgf(spectrum: MassSpectrum) -> str:
    peaks = "\n".join(f"{mz:.5f} {height:.2f}" for mz, height in zip(spectrum.mz, spectrum.intensity, strict=True))
    return f"BEGIN IONS\nTITLE={spectrum.name}\nPEPMASS={spectrum.precursor_mz:.4f}\nCHARGE=1+\n{peaks}\nEND IONS\n"


def _jcamp(spectrum: MassSpectrum) -> str:
    peaks = "\n".join(f"{mz:.0f}, {height:.1f}" for mz, height in zip(spectrum.mz, spectrum.intensity, strict=True))
    head = f"##TITLE={spectrum.name}\n##JCAMP-DX=5.00\n##DATA TYPE=MASS SPECTRUM\n##DATA CLASS=PEAK TABLE\n##ORIGIN=x\n##OWNER=x\n"
    units = f"##XUNITS=M/Z\n##YUNITS=RELATIVE ABUNDANCE\n##NPOINTS={spectrum.n_peaks}\n"
    return f"{head}{units}##PEAK TABLE=(XY..XY)\n{peaks}\n##END=\n"


def _table(spectrum: MassSpectrum) -> str:
    return "m/z,intensity\n" + "".join(f"{mz:.0f},{height:.1f}\n" for mz, height in zip(spectrum.mz, spectrum.intensity, strict=True))


def _mzml(spectrum: MassSpectrum) -> str:
    import base64

    def array(values: np.ndarray, accession: str, name: str) -> str:
        data = base64.b64encode(values.astype("<f8").tobytes()).decode()
        kinds = '<cvParam cvRef="MS" accession="MS:1000523" name="64-bit float"/>'
        kinds += '<cvParam cvRef="MS" accession="MS:1000576" name="no compression"/>'
        what = f'<cvParam cvRef="MS" accession="{accession}" name="{name}"/>'
        return f'<binaryDataArray encodedLength="{len(data)}">{kinds}{what}<binary>{data}</binary></binaryDataArray>'

    ion = f'<cvParam cvRef="MS" accession="MS:1000744" name="selected ion m/z" value="{spectrum.precursor_mz}"/>'
    arrays = array(spectrum.mz, "MS:1000514", "m/z array") + array(spectrum.intensity, "MS:1000515", "intensity array")
    return (
        '<?xml version="1.0" encoding="utf-8"?><mzML xmlns="http://psi.hupo.org/ms/mzml" version="1.1.0"><run id="r">'
        f'<spectrumList count="1"><spectrum index="0" id="scan=1" defaultArrayLength="{spectrum.n_peaks}">'
        '<cvParam cvRef="MS" accession="MS:1000580" name="MSn spectrum"/><cvParam cvRef="MS" accession="MS:1000511" name="ms level" value="2"/>'
        '<cvParam cvRef="MS" accession="MS:1000127" name="centroid spectrum"/><cvParam cvRef="MS" accession="MS:1000130" name="positive scan"/>'
        f'<precursorList count="1"><precursor><selectedIonList count="1"><selectedIon>{ion}</selectedIon></selectedIonList>'
        '<activation><cvParam cvRef="MS" accession="MS:1000133" name="collision-induced dissociation"/></activation></precursor></precursorList>'
        f'<binaryDataArrayList count="2">{arrays}</binaryDataArrayList></spectrum></spectrumList></run></mzML>'
    )


def test_every_format_is_answered_also_in_folders_and_gzipped(
    tmp_path: Path, ei_library: Library, msms_library: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    ms = measured(msms_references()[8], name="tandem")
    folder = tmp_path / "exhibits"
    (folder / "inner").mkdir(parents=True)
    (folder / "a.msp").write_text(msp([_query(1)]), encoding="utf-8")
    (folder / "b.msp.gz").write_bytes(gzip.compress(msp([_query(2)]).encode()))
    (folder / "c.mgf").write_text(_mgf(ms), encoding="utf-8")
    (folder / "d.jdx").write_text(_jcamp(_query(3)), encoding="utf-8")
    (folder / "e.csv").write_text(_table(_query(4)), encoding="utf-8")
    (folder / "inner" / "f.mzML").write_text(_mzml(ms), encoding="utf-8")
    (folder / ".hidden").write_text("not a spectrum", encoding="utf-8")
    libraries = ["--no-starter", "--library", str(ei_library.folder), "--library", str(msms_library.folder)]
    assert main(["identify", str(folder), *libraries, "--format", "jsonl"]) == 0
    answers = _lines(capsys)
    expected = {"a.msp": 1, "b.msp.gz": 2, "c.mgf": 8, "d.jdx": 3, "e.csv": 4, "f.mzML": 8}
    found = {Path(answer["query"]["file"]).name: answer["matches"][0]["name"] for answer in answers}
    assert found == {file: f"Substance {number}" for file, number in expected.items()}
    assert {answer["verdict"] for answer in answers} == {"match"}
    assert [answer["query"]["id"] for answer in answers] == ["Q-1", "Q-2", "tandem", "Q-3", "e#0", "scan=1"]


def test_bad_files_among_good_ones_cost_no_answer_and_one_sentence_each(
    tmp_path: Path, with_library: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "exhibits"
    folder.mkdir()
    (folder / "1.msp").write_text(msp([_query(1)]), encoding="utf-8")
    (folder / "2 empty.msp").write_bytes(b"")
    (folder / "3 text.txt").write_text("Dear colleague,\nsee attached.\n", encoding="utf-8")
    (folder / "4 binary.raw").write_bytes(bytes(range(256)) * 20)
    (folder / "5 broken.gz").write_bytes(gzip.compress(msp([_query(1)]).encode())[:-30])
    (folder / "6 unknown.msp").write_text("Name: no technique\nNum Peaks: 3\n58.07 9\n91.05 5\n134.1 3\n\n", encoding="utf-8")
    (folder / "7.msp").write_text(msp([_query(2)]), encoding="utf-8")
    assert main(["identify", str(folder), str(tmp_path / "missing"), *with_library, "--format", "jsonl"]) == 1
    captured = capsys.readouterr()
    answers = [holds_the_contract(json.loads(line)) for line in captured.out.splitlines()]
    assert (answers[0]["query"]["id"], answers[-1]["query"]["id"]) == ("Q-1", "Q-2")
    assert "Traceback" not in captured.err
    for name in ("2 empty", "3 text", "4 binary", "5 broken", "6 unknown", "missing"):
        assert len([line for line in captured.err.splitlines() if name in line]) == 1, name
    assert "name it with --technique" in captured.err


def test_the_technique_given_is_used_where_the_file_does_not_say(
    tmp_path: Path, with_library: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    query = _query(5)
    shifted = replace(query, mz=query.mz + 0.2, instrument_type=None, technique=None)
    (tmp_path / "one.msp").write_text(msp([shifted]), encoding="utf-8")
    assert main(["identify", str(tmp_path / "one.msp"), *with_library, "--format", "jsonl"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["identify", str(tmp_path / "one.msp"), *with_library, "--format", "jsonl", "--technique", "ei"]) == 0
    [answer] = _lines(capsys)
    assert (answer["query"]["technique"], answer["matches"][0]["name"]) == ("EI-MS", "Substance 5")


def test_without_any_library_there_is_one_sentence(three: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["identify", str(three), "--no-starter"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "--library" in captured.err


def test_a_bad_record_of_a_library_is_said_and_the_rest_searched(
    three: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = msp(ei_references()).replace("Name: Substance 9\n", "Name: Substance 9\nNum Peaks: 1\n58.1 nonsense\n\nName: again\n", 1)
    (tmp_path / "own.msp").write_text(text, encoding="utf-8")
    assert main(["identify", str(three), "--no-starter", "--library", str(tmp_path / "own.msp"), "--format", "jsonl"]) == 0
    captured = capsys.readouterr()
    assert [json.loads(line)["verdict"] for line in captured.out.splitlines()] == ["match"] * 3
    assert captured.err.count("own.msp:") == 1


@pytest.mark.parametrize("name", ["evil\x1b[2J\x07", "\u202edlroW", "=cmd|calc", "a" * 500, "tab\tname"])
def test_names_from_files_cannot_command_the_terminal(
    name: str, tmp_path: Path, with_library: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.msp").write_text(msp([_query(5, name), _query(6, name)]), encoding="utf-8")
    for form in ("table", "csv", "jsonl"):
        assert main(["identify", str(tmp_path / "x.msp"), *with_library, "--format", form]) == 0
        out = capsys.readouterr().out
        if form == "jsonl":
            assert {json.loads(line)["query"]["id"] for line in out.splitlines()} == {name.strip()}
        elif form == "table":
            assert not set(out) & {"\x1b", "\x07", "\u202e", "\t"}
        else:
            assert not any(row["query"].startswith("=") for row in csv.DictReader(io.StringIO(out)))


def test_an_error_that_quotes_a_hostile_name_is_printed_safely(
    tmp_path: Path, with_library: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.msp").write_text("Name: evil\x1b[2J\nNum Peaks: 3\n58.07 9\n91.05 5\n134.1 3\n\n", encoding="utf-8")
    assert main(["identify", str(tmp_path / "x.msp"), *with_library]) == 1
    assert main(["identify", str(tmp_path / "x.msp"), "--no-starter", "--library", "no\x1b[2J.msp"]) == 1
    assert "\x1b" not in capsys.readouterr().err


def test_answers_are_recorded_and_the_ledger_holds(
    three: Path, tmp_path: Path, with_library: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = str(tmp_path / "ledger.sqlite")
    given = ["identify", str(three), *with_library, "--format", "jsonl", "--ledger", ledger, "--analyst", "A. Chemist"]
    assert main(given) == 0
    answers = _lines(capsys)
    assert main(["ledger", "verify", "--ledger", ledger]) == 0
    with open_ledger(ledger) as opened:
        entries = list(opened.entries())
    assert [entry.id for entry in entries] == [answer["record"] for answer in answers]
    for entry, answer in zip(entries, answers, strict=True):
        assert entry.content["result"] == {**answer, "record": None}
        assert entry.content["analyst"] == "A. Chemist"


def test_nothing_is_recorded_when_told_so(three: Path, tmp_path: Path, with_library: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    ledger = tmp_path / "ledger.sqlite"
    assert main(["identify", str(three), *with_library, "--no-record", "--ledger", str(ledger), "--format", "jsonl"]) == 0
    assert {answer["record"] for answer in _lines(capsys)} == {None}
    assert not ledger.exists()


def test_an_interruption_leaves_what_is_done_recorded(
    three: Path, with_library: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import nps_ident.io

    real = nps_ident.io.scan_queries

    def interrupted(*given: Any, **options: Any) -> Any:
        for number, spectrum in enumerate(real(*given, **options)):
            if number == 2:
                raise KeyboardInterrupt
            yield spectrum

    monkeypatch.setattr(nps_ident.io, "scan_queries", interrupted)
    assert main(["identify", str(three), *with_library, "--format", "jsonl"]) == 130
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 2
    assert "interrupted" in captured.err
    assert main(["ledger", "verify"]) == 0
    assert "2 records" in capsys.readouterr().out


def test_a_reader_that_goes_away_is_no_traceback(three: Path, with_library: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, "identify", str(three), *with_library, "--format", "jsonl"],
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=120,
        )
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


def test_two_programs_at_once_record_everything(tmp_path: Path, ei_library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    places = []
    for number in range(2):
        places.append(tmp_path / f"{number}.msp")
        places[-1].write_text(msp(_query(10 * number + n) for n in range(10)), encoding="utf-8")
    given = ["--no-starter", "--library", str(ei_library.folder), "--format", "jsonl"]
    running = [
        subprocess.Popen([sys.executable, "-c", PROGRAM, "identify", str(place), *given], stdout=subprocess.PIPE, text=True)
        for place in places
    ]
    outputs = [program.communicate(timeout=120)[0] for program in running]
    assert [program.returncode for program in running] == [0, 0]
    records = [json.loads(line)["record"] for output in outputs for line in output.splitlines()]
    assert len(set(records)) == 20
    assert main(["ledger", "verify"]) == 0
    assert "20 records" in capsys.readouterr().out


def test_a_record_replays_to_the_same_bytes(three: Path, with_library: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["identify", str(three), *with_library, "--format", "jsonl", "--top", "4"]) == 0
    records = [answer["record"] for answer in _lines(capsys)]
    assert main(["ledger", "replay", *records]) == 0
    assert capsys.readouterr().out.count("same") >= 3


def test_another_catalogue_is_looked_up_recorded_and_replayed(
    three: Path, with_library: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    named = ei_references()[4].label
    row = (f"{(named.inchikey or '')[:15]}ABCDEFGHSA-N", "the other form", "", "", "", "1.0", "", "", "nps", "made up", "CC0")
    table = tmp_path / "own.tsv"
    table.write_text("\t".join(SUBSTANCE_COLUMNS) + "\n" + "\t".join(row) + "\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["identify", str(three), *with_library, "--format", "jsonl", "--catalogue", "own.tsv"]) == 0
    answers = _lines(capsys)
    assert "the other form" in str(answers[0]["findings"])
    monkeypatch.chdir("/")
    assert main(["ledger", "replay", answers[0]["record"]]) == 0
    table.write_text("not a table\n", encoding="utf-8")
    assert main(["ledger", "replay", answers[0]["record"]]) == 1
    assert main(["identify", str(three), *with_library, "--catalogue", str(table)]) == 1
    assert "own.tsv:1: the columns are" in capsys.readouterr().err


def test_a_replay_says_that_the_input_was_edited(three: Path, with_library: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["identify", str(three), *with_library, "--format", "jsonl"]) == 0
    record = _lines(capsys)[0]["record"]
    three.write_text(three.read_text(encoding="utf-8").replace("Q-5", "Q-5 edited"), encoding="utf-8")
    assert main(["ledger", "replay", record]) == 1
    captured = capsys.readouterr()
    assert "the input file has changed" in captured.out + captured.err
    three.unlink()
    assert main(["ledger", "replay", record]) == 1
    captured = capsys.readouterr()
    assert "three.msp" in captured.out + captured.err


def test_a_replay_says_that_the_library_is_another_one(three: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "own.msp"
    own.write_text(msp(ei_references()), encoding="utf-8")
    assert main(["identify", str(three), "--no-starter", "--library", str(own), "--format", "jsonl"]) == 0
    record = _lines(capsys)[0]["record"]
    own.write_text(msp(ei_references()[1:]), encoding="utf-8")
    assert main(["ledger", "replay", record]) == 1
    captured = capsys.readouterr()
    assert "the library is another one" in captured.out + captured.err


def test_a_damaged_calibration_is_refused_and_a_sound_one_named_in_the_answer(
    three: Path, tmp_path: Path, with_library: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    shipped = Path(nps_ident.__file__).parent / "confidence" / "calibrations" / "ei-full.json"
    copy = tmp_path / "mine.json"
    copy.write_bytes(shipped.read_bytes())
    assert main(["identify", str(three), *with_library, "--calibration", str(copy), "--format", "jsonl"]) == 0
    name = json.loads(copy.read_text(encoding="utf-8"))["name"]
    assert all(answer["calibration"].startswith(f"{name}@") for answer in _lines(capsys))
    text = copy.read_text(encoding="utf-8")
    copy.write_text(text.replace('"prior_in_library": 0.95', '"prior_in_library": 0.96'), encoding="utf-8")
    assert copy.read_text(encoding="utf-8") != text
    assert main(["identify", str(three), *with_library, "--calibration", str(copy)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "altered" in captured.err


def test_the_picture_of_the_first_answer_is_drawn(
    three: Path, tmp_path: Path, with_library: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["identify", str(three), *with_library, "--plot", str(tmp_path / "mirror.svg"), "--format", "jsonl"]) == 0
    assert len(_lines(capsys)) == 3
    assert "Substance 4" in (tmp_path / "mirror.svg").read_text(encoding="utf-8")


def test_heavy_packages_are_not_loaded_on_the_way_to_an_answer(three: Path, with_library: list[str]) -> None:
    program = (
        "import sys; from nps_ident.cli import main; status = main(sys.argv[1:]);"
        "print([name for name in ('rdkit', 'pandas', 'sklearn', 'matplotlib', 'scipy', 'sqlalchemy') if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "identify", str(three), *with_library, "--format", "jsonl"],
        text=True,
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.stderr.strip() == "[]"
    assert len(done.stdout.splitlines()) == 3


def test_an_empty_path_is_no_folder(capsys: pytest.CaptureFixture[str], with_library: list[str]) -> None:
    """An unset shell variable must not send the whole working folder through the search."""
    assert main(["identify", "", *with_library, "--no-record"]) == 1
    assert "empty path" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_an_output_that_is_full_is_one_sentence() -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run([sys.executable, "-c", PROGRAM, "catalogue", "list"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert "could not be written" in done.stderr
    assert "Traceback" not in done.stderr
