"""The compiled form: opened in place, and never believed when it is not what was written."""

from __future__ import annotations

import json
import pickle
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from nps_ident.errors import LibraryError
from nps_ident.library.compiled import open_compiled

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nps_ident.library.compiled import Library


@pytest.fixture
def folder(ei_library: Library, tmp_path: Path) -> Path:
    shutil.copytree(ei_library.folder, tmp_path / "library")
    return tmp_path / "library"


def _edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def test_an_opened_library_is_the_one_written(ei_library: Library, folder: Path) -> None:
    again = open_compiled(folder, verify=True)
    assert again.stamp == ei_library.stamp
    assert again.substance(3) == ei_library.substance(3)
    assert again.reference(3)["accession"] == "EI-0003"


def test_its_arrays_cannot_be_written_to_and_it_travels_to_another_process(ei_library: Library) -> None:
    travelled: Library = pickle.loads(pickle.dumps(ei_library))  # noqa: S301 - our own bytes
    assert travelled.sha256 == ei_library.sha256
    with pytest.raises(ValueError, match="read-only"):
        travelled["ei.mz"][0] = 1


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.update(format=999),
        lambda m: m.update(sha256="0" * 64),
        lambda m: m.update(name="another"),
        lambda m: m.update(kind="principal_ions"),
        lambda m: m.update(bytes=m["bytes"] + 1),
        lambda m: m.pop("arrays"),
        lambda m: m.pop("manifest_sha256"),
        lambda m: m["arrays"][2].update(offset=m["arrays"][3]["offset"]),
        lambda m: m["arrays"][0].update(offset=10**12),
        lambda m: m["arrays"][0].update(offset=-64),
        lambda m: m["arrays"][0].update(shape=[10**12]),
        lambda m: m["arrays"][0].update(dtype="|O"),
        lambda m: m["counts"].update(substances=10**6),
    ],
)
def test_an_edited_manifest_is_refused(change: Callable[[dict[str, Any]], object], folder: Path) -> None:
    _edit(folder, change)
    with pytest.raises(LibraryError) as caught:
        open_compiled(folder)
    assert str(folder) in str(caught.value)
    assert "build" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"7"])
def test_a_manifest_that_is_none_is_refused(content: bytes, folder: Path) -> None:
    (folder / "manifest.json").write_bytes(content)
    with pytest.raises(LibraryError):
        open_compiled(folder)


@pytest.mark.parametrize("size", [0, 1, 5000, -1])
def test_a_truncated_data_file_is_refused(size: int, folder: Path) -> None:
    data = (folder / "library.bin").read_bytes()
    (folder / "library.bin").write_bytes(data[:size])
    with pytest.raises(LibraryError):
        open_compiled(folder)


def test_one_changed_bit_is_found_where_the_content_is_verified(folder: Path) -> None:
    data = bytearray((folder / "library.bin").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "library.bin").write_bytes(bytes(data))
    with pytest.raises(LibraryError, match="not the one its manifest describes"):
        open_compiled(folder, verify=True)


def test_a_folder_that_holds_no_library_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="nps-ident library build"):
        open_compiled(tmp_path)
