"""A laboratory: a folder of exhibits, some of them damaged, from one command; every answer kept, every failure named."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

from made_up import ei_references, holds_the_contract, measured, msms_references, msp

from nps_ident.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from nps_ident.library.compiled import Library

N_GOOD = 40


def _fill(folder: Path) -> None:
    """Forty files of one spectrum, one of five, and six that cannot be read, as a shared drive has them."""
    (folder / "week 1").mkdir(parents=True)
    (folder / "week 2").mkdir()
    for number in range(N_GOOD):
        references = ei_references() if number % 2 else msms_references()
        query = measured(references[number], seed=number, name=f"Exhibit {number}")
        place = folder / f"week {1 + number % 2}" / f"exhibit_{number:03d}.msp"
        place.write_text(msp([query]), encoding="utf-8")
    several = msp(measured(reference, name=f"Run {reference.name}") for reference in ei_references()[100:105])
    (folder / "run.msp.gz").write_bytes(gzip.compress(several.encode()))
    good = (folder / "week 1" / "exhibit_002.msp").read_text(encoding="utf-8")
    (folder / "week 1" / "bad_cut.msp").write_text(good[: len(good) // 2], encoding="utf-8")
    (folder / "week 1" / "bad_zip.msp.gz").write_bytes(gzip.compress(several.encode())[:50])
    damaged = good.replace("Num Peaks", "Num Peaks: 1\n58,07 what\n\nName: again\nNum Peaks")
    (folder / "week 2" / "bad_peak.msp").write_text(damaged, encoding="utf-8")
    (folder / "week 2" / "bad_empty.mgf").write_bytes(b"")
    (folder / "week 2" / "bad_letter.docx").write_bytes(b"PK\x03\x04" + bytes(range(200)))
    (folder / "week 2" / "bad_nan.csv").write_text("mz,intensity\n58,nan\n91,2\n", encoding="utf-8")


def test_a_folder_with_damaged_files_is_answered_recorded_and_proven(
    tmp_path: Path, ei_library: Library, msms_library: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, ledger = tmp_path / "drive", str(tmp_path / "ledger.sqlite")
    _fill(folder)
    libraries = ["--no-starter", "--library", str(ei_library.folder), "--library", str(msms_library.folder)]
    assert main(["identify", str(folder), *libraries, "--format", "jsonl", "--ledger", ledger, "--analyst", "Night run"]) == 1
    captured = capsys.readouterr()
    answers = [holds_the_contract(json.loads(line)) for line in captured.out.splitlines()]

    by_id = {answer["query"]["id"]: answer for answer in answers}
    assert len(by_id) == len(answers), "one answer a spectrum"
    for number in range(N_GOOD):
        answer = by_id[f"Exhibit {number}"]
        assert (answer["verdict"], answer["matches"][0]["name"]) == ("match", f"Substance {number}"), answer["findings"]
    assert sum(name.startswith("Run Substance") for name in by_id) == 5

    assert "Traceback" not in captured.err
    said = captured.err.splitlines()
    for bad in ("bad_cut", "bad_zip", "bad_peak", "bad_empty", "bad_letter", "bad_nan"):
        assert any(bad in line for line in said), bad
    assert all("bad_" in line for line in said), "nothing else failed"

    assert main(["ledger", "verify", "--ledger", ledger]) == 0
    assert f"{len(answers)} records" in capsys.readouterr().out
    assert main(["ledger", "export", "--ledger", ledger]) == 0
    exported = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(exported) == len(answers)
    assert main(["ledger", "replay", answers[0]["record"], answers[-1]["record"], "--ledger", ledger]) == 0


def test_the_same_folder_again_gives_the_same_answers(
    tmp_path: Path, ei_library: Library, msms_library: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    _fill(tmp_path / "drive")
    given = ["identify", str(tmp_path / "drive"), "--no-starter", "--library", str(ei_library.folder), "--no-record", "--format", "jsonl"]
    outputs = []
    for _ in range(2):
        assert main([*given, "--library", str(msms_library.folder)]) == 1
        outputs.append(capsys.readouterr())
    assert outputs[0] == outputs[1]
