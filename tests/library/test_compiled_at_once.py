"""Promises about several processes that compile the same library, and about replacing one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nps_ident.errors import LibraryError
from nps_ident.folders import cache_folder
from nps_ident.library import compiled, open_library
from nps_ident.library.compiled import open_compiled, write_compiled

if TYPE_CHECKING:
    from collections.abc import Callable

MSP = "".join(f"Name: substance {i}\nInstrument_type: EI-B\nNum Peaks: 2\n{50 + i % 100} 999\n77 500\n\n" for i in range(500))
# Opens the library only when the other processes are ready too, so that they compile at once.
OPENER = """
import sys, time
from pathlib import Path
from nps_ident.library import build, open_library
file, own, n = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
own.touch()
while len(list(own.parent.glob("ready-*"))) < n:
    time.sleep(0.005)
[library] = open_library(file, starter=False).members
print(library.sha256, library.counts["EI-MS"], library.substance(0).name)
"""


def write(folder: Path, value: int, **options: dict[str, str]) -> None:
    array = np.full(5000, value, dtype=np.int32)
    write_compiled(folder, name="x", kind="full", counts={}, arrays={"a": array}, tables={}, **options)


def test_processes_that_compile_one_file_at_once_all_succeed_with_the_same_library(tmp_path: Path) -> None:
    (tmp_path / "own.msp").write_text(MSP)
    environment = {**os.environ, "PYTHONPATH": str(Path(compiled.__file__).parents[2])}
    command = [sys.executable, "-c", OPENER, str(tmp_path / "own.msp")]
    processes = [
        subprocess.Popen(
            [*command, str(tmp_path / f"ready-{i}"), "3"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for i in range(3)
    ]
    answers = [process.communicate(timeout=120) for process in processes]
    assert [errors for _, errors in answers] == ["", "", ""]
    assert len({out for out, _ in answers}) == 1
    assert answers[0][0].endswith(" 500 substance 0\n")
    assert len(list((cache_folder() / "libraries").iterdir())) == 1  # nothing half written is left


def test_the_same_library_is_left_in_place_for_those_who_have_it_open(tmp_path: Path) -> None:
    write(tmp_path / "lib", 1)
    before = (tmp_path / "lib" / "library.bin").stat().st_ino
    write(tmp_path / "lib", 1)
    assert (tmp_path / "lib" / "library.bin").stat().st_ino == before


def test_another_library_and_a_damaged_one_are_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "lib"
    write(folder, 1)
    old = open_compiled(folder)
    write(folder, 2)
    assert open_compiled(folder, verify=True)["a"][0] == 2
    assert old["a"][0] == 1  # who has the old one open keeps it
    data = bytearray((folder / "library.bin").read_bytes())
    data[100] ^= 1
    (folder / "library.bin").write_bytes(data)
    with pytest.raises(LibraryError, match="not the one its manifest describes"):
        open_compiled(folder, verify=True)
    write(folder, 2)
    assert open_compiled(folder, verify=True)["a"][0] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["lib"]


def test_a_library_replaced_while_it_is_opened_is_never_half_old_half_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "lib", 1)
    write(tmp_path / "new", 2)
    real = compiled.mmap.mmap

    def swapped(*arguments: int, **options: int) -> object:
        data = real(*arguments, **options)
        (tmp_path / "lib").replace(tmp_path / "old")
        (tmp_path / "new").replace(tmp_path / "lib")
        return data

    monkeypatch.setattr(compiled.mmap, "mmap", swapped)
    with pytest.raises(LibraryError, match="was replaced while it was being opened"):
        open_compiled(tmp_path / "lib")


def test_a_library_that_cannot_be_written_is_said_and_the_old_one_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "lib"
    write(folder, 1)
    real: Callable[[Path, Path], Path] = Path.replace

    def fails(self: Path, target: Path) -> Path:
        if target == folder and not self.name.endswith(".old"):
            raise OSError(28, "No space left on device")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(LibraryError, match=r"lib: cannot be written \(No space left on device\)\.$"):
        write(folder, 2)
    monkeypatch.undo()
    assert open_compiled(folder, verify=True)["a"][0] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["lib"]


def test_where_a_library_came_from_is_kept(tmp_path: Path) -> None:
    write(tmp_path / "lib", 1, source={"url": "https://example.org/x.msp"})
    assert open_compiled(tmp_path / "lib").source == {"url": "https://example.org/x.msp"}
    write(tmp_path / "other", 1)
    assert open_compiled(tmp_path / "other").source == {}


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    if not hasattr(os, "geteuid") or os.geteuid() == 0:
        pytest.skip("this user may read every file")
    (tmp_path / "own.msp").write_text(MSP)
    (tmp_path / "own.msp").chmod(0)
    with pytest.raises(LibraryError, match="cannot be read"):
        open_library(tmp_path / "own.msp", starter=False)
