"""The compiled form of a library: flat arrays and two lists of JSON objects in one file, memory-mapped, with a manifest beside it.

::

    FOLDER/manifest.json    name, kind, format version, counts, source, SHA-256 of the data file, dtype, shape and offset of each array
    FOLDER/library.bin      the arrays, each aligned to 64 bytes

Nothing in it is executable or needs a parser of its own: arrays are read in place, and JSON objects one at a time when a hit is shown.
Opening costs the reading of the manifest, whatever the size of the library.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nps_ident.errors import LibraryError
from nps_ident.model import LibraryStamp, Substance, Technique

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

__all__ = ["FORMAT_VERSION", "SECTIONS", "Library", "open_compiled", "skeleton_code", "write_compiled"]

FORMAT_VERSION = 3
SECTIONS = {Technique.EI_MS: "ei", Technique.MSMS: "msms", Technique.DART_MS: "dart"}
"""The prefix of each technique's arrays."""
_ALIGNMENT = 64
_SUBSTANCES_KEPT = 4096
_KINDS = frozenset({"<f4", "<f8", "<i4", "<i8", "|u1", "|i1", "|b1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """An open library.

    Parameters
    ----------
    name : str
        Shown in results.
    kind : str
        ``full`` spectra or ``principal_ions`` (truncated tables): a calibration holds for one kind only.
    sha256 : str
        Of the data file: the identity of the library.
    source : mapping of str to str
        Where an installed library came from: title, address, hash of the download, licence, time; empty for others.
    """

    name: str
    kind: str
    sha256: str
    folder: Path
    counts: Mapping[str, int]
    _arrays: Mapping[str, NDArray[Any]] = field(repr=False)
    source: Mapping[str, str] = field(default_factory=dict)
    _substances: dict[int, Substance] = field(default_factory=dict, init=False, repr=False, compare=False)
    _derived: dict[str, NDArray[Any]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Give the read-only array of that name, in place; :mod:`nps_ident.library.build` lists the names."""
        return self._arrays[name]

    def __contains__(self, name: str) -> bool:
        return name in self._arrays

    def __reduce__(self) -> tuple[object, ...]:
        return (open_compiled, (str(self.folder),))

    def covers(self, technique: Technique, skeleton: str) -> bool:
        """Whether a reference by that technique exists for a skeleton (:attr:`nps_ident.model.Substance.skeleton`)."""
        codes = self._arrays.get(f"{SECTIONS[technique]}.covered")
        if codes is None:
            return False
        code = skeleton_code(skeleton)
        place = int(np.searchsorted(codes, code))
        return place < len(codes) and int(codes[place]) == code

    @property
    def stamp(self) -> LibraryStamp:
        """Name and hash, as results carry them."""
        return LibraryStamp(name=self.name, sha256=self.sha256)

    def substance(self, row: int) -> Substance:
        """The substance of that row; the last ones asked for are kept, because queries of one batch find the same."""
        found = self._substances.get(row)
        if found is None:
            fields = self._object("substances", row)
            found = Substance(**{"inchikey": None, **fields, "synonyms": tuple(fields.get("synonyms", ()))})
            if len(self._substances) >= _SUBSTANCES_KEPT:
                self._substances.clear()
            self._substances[row] = found
        return found

    def derived(self, name: str, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """An array that follows from those of the library, made once while it is open."""
        found = self._derived.get(name)
        if found is None:
            found = make()
            found.setflags(write=False)
            self._derived[name] = found
        return found

    def reference(self, row: int) -> dict[str, Any]:
        """What is known about the reference of that row: accession, name, contributor, licence, adduct, collision energy and more."""
        return self._object("references", row)

    def _object(self, table: str, row: int) -> dict[str, Any]:
        offsets, data = self._arrays[f"{table}.offset"], self._arrays[f"{table}.json"]
        return dict(json.loads(str(data[offsets[row] : offsets[row + 1]].data, "utf-8")))


def skeleton_code(skeleton: str) -> int:
    """The first 63 bits of a skeleton's SHA-256: what a library can be asked for without reading its table of substances."""
    return int.from_bytes(hashlib.sha256(skeleton.encode()).digest()[:8], "big") >> 1


def write_compiled(
    folder: Path,
    *,
    name: str,
    kind: str,
    counts: Mapping[str, int],
    arrays: Mapping[str, NDArray[Any]],
    tables: Mapping[str, Iterable[Mapping[str, Any]]],
    source: Mapping[str, str] | None = None,
) -> None:
    """Write a compiled library; the folder appears whole or not at all.

    A folder that holds the same library already, undamaged, is left as it is: several processes may compile one file into the cache at once,
    and those that are done may have it open.

    Raises
    ------
    LibraryError
        When the folder exists and is not a compiled library, or cannot be written.
    """
    everything = dict(arrays)
    for table, rows in tables.items():
        lines = [json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() for row in rows]
        everything[f"{table}.offset"] = np.cumsum([0, *map(len, lines)], dtype=np.int64)
        everything[f"{table}.json"] = np.frombuffer(b"".join(lines), dtype=np.uint8)
    if folder.exists() and not (folder / "manifest.json").is_file():
        raise LibraryError(f"{folder}: exists and is no compiled library; name another folder.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise LibraryError(f"{folder.parent}: cannot be written ({error.strerror}).") from None
    try:
        entries, digest, position = [], hashlib.sha256(), 0
        with (scratch / "library.bin").open("wb") as out:
            for key in sorted(everything):
                array = np.ascontiguousarray(everything[key])
                padding = b"\0" * (-position % _ALIGNMENT)
                data = padding + array.tobytes()
                entries.append({"name": key, "dtype": array.dtype.str, "shape": list(array.shape), "offset": position + len(padding)})
                out.write(data)
                digest.update(data)
                position += len(data)
        manifest = {
            "format": FORMAT_VERSION,
            "name": name,
            "kind": kind,
            "counts": dict(counts),
            "bytes": position,
            "sha256": digest.hexdigest(),
            "arrays": entries,
            "source": dict(source or {}),
        }
        manifest["manifest_sha256"] = _manifest_hash(manifest)
        (scratch / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        scratch.chmod(0o755)
        _put_in_place(scratch, folder)
    except OSError as error:
        raise LibraryError(f"{folder}: cannot be written ({error.strerror or type(error).__name__}).") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _manifest_hash(manifest: Mapping[str, Any]) -> str:
    fields = {key: value for key, value in manifest.items() if key != "manifest_sha256"}
    return hashlib.sha256(json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _put_in_place(scratch: Path, folder: Path) -> None:
    """Give a finished folder its name; what bears it is moved aside first, so that it is never seen half removed."""
    if _is_same_library(scratch, folder):
        return
    aside = scratch.with_name(f"{scratch.name}.old")
    try:
        if folder.exists():
            folder.replace(aside)
        scratch.replace(folder)
    except OSError:
        if _is_same_library(scratch, folder):  # another process was faster
            return
        if aside.exists() and not folder.exists():
            aside.replace(folder)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _is_same_library(scratch: Path, folder: Path) -> bool:
    """Whether the folder holds what was just written, to the last byte."""
    try:
        if (folder / "manifest.json").read_bytes() != (scratch / "manifest.json").read_bytes():
            return False
        open_compiled(folder, verify=True)
    except (OSError, LibraryError):
        return False
    return True


def open_compiled(folder: str | Path, *, verify: bool = False) -> Library:
    """Open a compiled library in place.

    Parameters
    ----------
    folder : path-like
    verify : bool
        Also hash the whole data file; opening otherwise checks its size and layout only.

    Raises
    ------
    LibraryError
        When the folder is no compiled library, is damaged, or was written by another version.
    """
    folder = Path(folder)
    try:
        written = (folder / "manifest.json").read_bytes()
        manifest = json.loads(written)
        size = (folder / "library.bin").stat().st_size
        with (folder / "library.bin").open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if (folder / "manifest.json").read_bytes() != written:
            raise LibraryError(f"{folder}: was replaced while it was being opened; open it again.")
    except (OSError, ValueError) as error:
        raise LibraryError(f"{folder}: is no compiled library ({type(error).__name__}); make one with 'nps-ident library build'.") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT_VERSION:
        raise LibraryError(f"{folder}: is of another format than {FORMAT_VERSION}; build it again.")
    try:
        if manifest["manifest_sha256"] != _manifest_hash(manifest):
            raise LibraryError(f"{folder}: the manifest was changed after it was written; build the library again.")
        if size != manifest["bytes"] or (verify and hashlib.sha256(data).hexdigest() != manifest["sha256"]):
            raise LibraryError(f"{folder}: the data file is not the one its manifest describes; build it again.")
        arrays = {entry["name"]: _array(data, entry) for entry in manifest["arrays"]}
        return Library(
            name=manifest["name"],
            kind=manifest["kind"],
            sha256=manifest["sha256"],
            folder=folder,
            counts=manifest["counts"],
            _arrays=arrays,
            source=manifest.get("source") or {},
        )
    except (KeyError, TypeError, ValueError) as error:
        raise LibraryError(f"{folder}: the manifest is damaged ({type(error).__name__}: {error}); build the library again.") from None


def _array(data: mmap.mmap, entry: Mapping[str, Any]) -> NDArray[Any]:
    if entry["dtype"] not in _KINDS:
        raise ValueError(f"array {entry['name']!r} has type {entry['dtype']!r}")
    count = int(np.prod(entry["shape"], dtype=np.int64))
    return np.frombuffer(data, dtype=entry["dtype"], count=count, offset=entry["offset"]).reshape(entry["shape"])
