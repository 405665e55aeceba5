"""Promises of ``nps-ident library``."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from nps_ident.cli import main
from nps_ident.folders import cache_folder
from nps_ident.library import install, open_library
from nps_ident.library.compiled import write_compiled
from nps_ident.library.opening import installed_folder

if TYPE_CHECKING:
    from pathlib import Path

GOOD = "Name: one\nInstrument_type: EI-B\nNum Peaks: 2\n58 999\n77 500\n\nName: two\nInstrument_type: EI-B\nNum Peaks: 1\n91 999\n\n"
BAD = "Name: three\nNum Peaks: 2\nfifty 999\n77 500\n\n"
MSMS = "Name: four\nPrecursorMZ: 195.0877\nSpectrum_type: MS2\nNum Peaks: 1\n138.0662 999\n\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two readable files in a folder."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.msp").write_text(GOOD)
    (tmp_path / "in" / "b.msp").write_text(MSMS)
    return tmp_path


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_files_and_folders_are_built_into_one_library_that_is_searched_by_its_path(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["library", "build", str(folder / "in"), "--out", str(folder / "lib"), "--format", "jsonl"]) == 0
    [row] = rows(capsys.readouterr().out)
    assert (row["name"], row["kind"], row["EI-MS"], row["MS/MS"], row["DART-MS"], row["substances"]) == ("lib", "full", 2, 1, 0, 3)
    [library] = open_library(folder / "lib", starter=False).members
    assert row["sha256"] == library.sha256[:12]


def test_what_cannot_be_read_is_named_and_counted_and_the_rest_is_built(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "in" / "c.msp").write_text(GOOD + BAD)
    (folder / "in" / "notes.pdf").write_bytes(b"%PDF")
    arguments = [str(folder / "in"), str(folder / "none.msp"), str(folder / "in" / "a.msp"), "--out", str(folder / "lib")]
    assert main(["library", "build", *arguments, "--format", "jsonl"]) == 1
    out, err = capsys.readouterr()
    assert rows(out)[0]["EI-MS"] == 6
    assert "c.msp:14: " in err
    assert "notes.pdf: " in err
    assert "none.msp: no such file or folder." in err
    assert "records that could not be read: 3" in err


def test_nothing_readable_builds_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "c.msp").write_text(BAD)
    assert main(["library", "build", str(folder / "c.msp"), "--out", str(folder / "lib")]) == 1
    assert "none of the 0 spectra can be a reference" in capsys.readouterr().err
    assert not (folder / "lib").exists()


def test_a_folder_that_is_no_compiled_library_is_never_overwritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for out in (folder / "in", folder / "in" / "a.msp"):
        assert main(["library", "build", str(folder / "in" / "b.msp"), "--out", str(out)]) == 1
        assert "exists and is no compiled library; name another folder." in capsys.readouterr().err
    assert (folder / "in" / "a.msp").read_text() == GOOD


def test_a_compiled_library_is_replaced(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file, n_ei in (("a.msp", 2), ("b.msp", 0)):
        arguments = ["--out", str(folder / "lib"), "--name", "mine", "--kind", "principal_ions", "--format", "jsonl"]
        assert main(["library", "build", str(folder / "in" / file), *arguments]) == 0
        [row] = rows(capsys.readouterr().out)
        assert (row["name"], row["kind"], row["EI-MS"]) == ("mine", "principal_ions", n_ei)


def test_the_list_shows_starter_installed_and_cached_libraries_and_paths_only_when_asked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["library", "build", str(folder / "in"), "--out", str(installed_folder("massbank"))]) == 0
    open_library(folder / "in" / "a.msp", starter=False)
    capsys.readouterr()
    assert main(["library", "list", "--format", "jsonl"]) == 0
    out, err = capsys.readouterr()
    assert [(row["name"], row["state"]) for row in rows(out)] == [("starter", "starter"), ("massbank", "installed"), ("a.msp", "cached")]
    assert str(cache_folder()) not in out
    assert "nps-ident library install swgdrug" in err
    assert "library install massbank" not in err
    assert main(["library", "list", "--paths", "--format", "csv"]) == 0
    table = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert table[1]["path"] == str(installed_folder("massbank"))
    assert main(["library", "list"]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == [
        "name", "state", "kind", "EI-MS", "MS/MS", "DART-MS", "substances", "megabytes", "sha256",
    ]  # fmt: skip


def test_the_users_register_is_listed(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "own.msp").write_text("Name: own\nInstrument_type: EI-B\nNum Peaks: 4\n105 500\n146 700\n202 300\n259 999\n\n")
    new = "CCCCCCCCCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1"
    assert main(["register", "propose", new, "--name", "test opioid", "--spectra", str(folder / "own.msp")]) == 0
    capsys.readouterr()
    assert main(["library", "list", "--format", "jsonl"]) == 0
    assert ("register", 1) in [(row["state"], row["EI-MS"]) for row in rows(capsys.readouterr().out)]


def test_a_damaged_library_is_said_and_the_others_are_listed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["library", "build", str(folder / "in"), "--out", str(installed_folder("massbank"))]) == 0
    (installed_folder("massbank") / "library.bin").write_bytes(b"x")
    capsys.readouterr()
    assert main(["library", "list", "--format", "jsonl"]) == 1
    out, err = capsys.readouterr()
    assert [row["name"] for row in rows(out)] == ["starter"]
    assert "massbank: the data file is not the one its manifest describes" in err


def test_a_cache_that_another_version_wrote_is_no_fault(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [library] = open_library(folder / "in" / "a.msp", starter=False).members
    manifest = json.loads((library.folder / "manifest.json").read_text())
    (library.folder / "manifest.json").write_text(json.dumps({**manifest, "format": 0}))
    assert main(["library", "list", "--format", "jsonl"]) == 0
    out, err = capsys.readouterr()
    assert [row["name"] for row in rows(out)] == ["starter"]
    assert "cached libraries that are of no use any more: 1" in err


def test_info_tells_the_manifest_by_path_name_and_hash(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["library", "build", str(folder / "in"), "--out", str(installed_folder("massbank")), "--format", "jsonl"]) == 0
    [built] = rows(capsys.readouterr().out)
    for asked in (str(installed_folder("massbank")), "massbank", built["sha256"]):
        assert main(["library", "info", asked, "--format", "jsonl"]) == 0
        [facts] = rows(capsys.readouterr().out)
        assert (facts["name"], facts["MS/MS"], facts["sha256"][:12]) == ("massbank", 1, built["sha256"])
        assert "verified" not in facts
    assert main(["library", "info", "starter"]) == 0
    assert "principal_ions" in capsys.readouterr().out


def test_verify_finds_one_changed_byte(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["library", "build", str(folder / "in"), "--out", str(folder / "lib")]) == 0
    assert main(["library", "info", str(folder / "lib"), "--verify", "--format", "jsonl"]) == 0
    assert rows(capsys.readouterr().out.splitlines()[-1])[0]["verified"] is True
    data = bytearray((folder / "lib" / "library.bin").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "lib" / "library.bin").write_bytes(data)
    assert main(["library", "info", str(folder / "lib"), "--verify", "--format", "jsonl"]) == 1
    out, err = capsys.readouterr()
    assert rows(out)[0]["verified"] is False
    assert "not the one its manifest describes; build it again." in err


def test_a_library_that_is_not_there_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for asked in ("nothing", str(tmp_path), str(tmp_path / "none")):
        assert main(["library", "info", asked]) == 1
        [line] = capsys.readouterr().err.splitlines()
        assert line.startswith(f"nps-ident: {asked}: ")


def test_names_that_would_rule_the_terminal_are_escaped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_compiled(tmp_path / "lib", name="\x1b[2Jx", kind="full", counts={}, arrays={"a": _array()}, tables={}, source={"url": "\x1b[31m"})
    assert main(["library", "info", str(tmp_path / "lib")]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\\x1b[2Jx" in out


def _array() -> Any:
    import numpy as np

    return np.zeros(4, dtype=np.int32)


def test_install_tells_hash_and_licence_and_names_what_it_cannot_do(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["library", "install", "nist"]) == 1
    assert "nist: no such public library; expected massbank or swgdrug." in capsys.readouterr().err
    assert main(["library", "install", "massbank", "--url", "http://example.org/x"]) == 1
    assert "only https addresses are fetched" in capsys.readouterr().err

    def fetched(*_: object) -> Path:
        copy = folder / "copy"
        copy.write_text(GOOD + BAD)
        return copy

    monkeypatch.setattr(install, "_fetch", fetched)
    assert main(["library", "install", "massbank", "--url", "https://example.org/x", "--format", "jsonl"]) == 0
    out, err = capsys.readouterr()
    assert (rows(out)[0]["state"], rows(out)[0]["EI-MS"]) == ("installed", 2)
    for said in ("copy:14: ", "records that could not be read: 1", "not known beforehand; taken from the download", "licence: set record by"):
        assert said in err
