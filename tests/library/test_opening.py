"""Opening libraries: files are compiled once, damage is mended or said, and nothing is searched by mistake."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest
from made_up import ei_references, msp

from nps_ident.errors import FormatError, InputError, LibraryError
from nps_ident.library import open_library

SMALL = ei_references(6)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    place = tmp_path / "own.msp"
    place.write_text(msp(SMALL), encoding="utf-8")
    return place


def _cached() -> list[Path]:
    return sorted((Path(os.environ["NPS_IDENT_HOME"]) / "cache" / "libraries").glob("[!.]*/manifest.json"))


def test_a_file_is_compiled_once_and_found_again_by_its_content(file: Path, tmp_path: Path) -> None:
    first = open_library(file, starter=False)
    [manifest] = _cached()
    written = manifest.stat().st_mtime_ns
    file.rename(tmp_path / "renamed.msp")
    again = open_library(tmp_path / "renamed.msp", starter=False)
    assert again.stamp.sha256 == first.stamp.sha256
    assert [place.stat().st_mtime_ns for place in _cached()] == [written]


def test_a_changed_file_is_another_library(file: Path) -> None:
    before = open_library(file, starter=False).stamp
    file.write_text(msp(SMALL[:5]), encoding="utf-8")
    assert open_library(file, starter=False).stamp.sha256 != before.sha256


def test_a_gzipped_file_holds_the_same_references(file: Path, tmp_path: Path) -> None:
    plain = open_library(file, starter=False).members[0]
    (tmp_path / "own.msp.gz").write_bytes(gzip.compress(file.read_bytes()))
    packed = open_library(tmp_path / "own.msp.gz", starter=False).members[0]
    assert packed.counts == plain.counts
    assert packed["ei.intensity"].tolist() == plain["ei.intensity"].tolist()


def test_one_bad_record_is_said_and_the_rest_compiled(file: Path) -> None:
    text = file.read_text(encoding="utf-8").replace("Name: Substance 2\n", "Name: Substance 2\nNum Peaks: 1\n58.1 nonsense\n\nName: again\n", 1)
    file.write_text(text, encoding="utf-8")
    with pytest.raises(FormatError):
        open_library(file, starter=False)
    said: list[InputError] = []
    library = open_library(file, starter=False, report=said.append).members[0]
    assert library.counts["EI-MS"] == len(SMALL)
    assert len(said) == 1
    assert "own.msp:" in str(said[0])
    assert "nonsense" in str(said[0])


@pytest.mark.parametrize("damage", ["truncated", "edited", "other format", "no data"])
def test_a_damaged_cache_is_made_again(damage: str, file: Path) -> None:
    good = open_library(file, starter=False).stamp
    [manifest] = _cached()
    data = manifest.with_name("library.bin")
    fields = json.loads(manifest.read_text(encoding="utf-8"))
    if damage == "truncated":
        data.write_bytes(data.read_bytes()[:-100])
    elif damage == "edited":
        manifest.write_text(json.dumps(fields | {"name": "edited"}), encoding="utf-8")
    elif damage == "other format":
        manifest.write_text(json.dumps(fields | {"format": 0}), encoding="utf-8")
    else:
        data.unlink()
    assert open_library(file, starter=False).stamp == good


@pytest.mark.parametrize("name", ["nowhere.msp", "swgdrug", "folder/nowhere"])
def test_a_library_that_is_not_there_is_one_sentence(name: str) -> None:
    with pytest.raises(LibraryError, match="no such library"):
        open_library(name, starter=False)


def test_a_folder_that_is_no_library_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LibraryError):
        open_library(tmp_path, starter=False)


def test_a_file_of_nothing_usable_is_refused_and_leaves_no_cache(tmp_path: Path) -> None:
    (tmp_path / "text.msp").write_text("Name: a\nNum Peaks: 0\n\n", encoding="utf-8")
    with pytest.raises((LibraryError, InputError)):
        open_library(tmp_path / "text.msp", starter=False, report=lambda _: None)
    assert _cached() == []


def test_with_nothing_to_search_there_is_no_answer() -> None:
    with pytest.raises(LibraryError, match="--library"):
        open_library(starter=False)


def test_several_libraries_have_one_stamp_that_names_them_all(file: Path, tmp_path: Path) -> None:
    (tmp_path / "two.msp").write_text(msp(SMALL[:3]), encoding="utf-8")
    one, two = (open_library(place, starter=False).stamp for place in (file, tmp_path / "two.msp"))
    both = open_library(file, tmp_path / "two.msp", starter=False).stamp
    assert both.name == "own.msp + two.msp"
    assert both.sha256 not in {one.sha256, two.sha256}
    assert both.sha256 != open_library(tmp_path / "two.msp", file, starter=False).stamp.sha256
