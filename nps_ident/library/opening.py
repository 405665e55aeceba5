"""Opening libraries: the starter library, a compiled one, or any file a reader reads, compiled once into the user's cache."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nps_ident.errors import LibraryError
from nps_ident.folders import cache_folder, data_folder
from nps_ident.library.compiled import FORMAT_VERSION, Library, open_compiled
from nps_ident.model import LibraryStamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from nps_ident.catalogue.store import Catalogue
    from nps_ident.errors import InputError
    from nps_ident.model import MassSpectrum

__all__ = ["Libraries", "installed_folder", "open_library"]

_RECIPE = 5
"""Raised whenever a build would give other arrays from the same input, so that cached libraries are compiled anew."""


@dataclass(frozen=True, slots=True)
class Libraries:
    """The libraries searched together; hits are merged by substance."""

    members: tuple[Library, ...]

    def of_kind(self, kind: str) -> tuple[Library, ...]:
        """Those of one kind, in order."""
        return tuple(member for member in self.members if member.kind == kind)

    @property
    def stamp(self) -> LibraryStamp:
        """Name and hash of what was searched; of several, the names joined and the hash of the hashes."""
        if len(self.members) == 1:
            return self.members[0].stamp
        joined = "".join(member.sha256 for member in self.members)
        return LibraryStamp(name=" + ".join(member.name for member in self.members), sha256=hashlib.sha256(joined.encode()).hexdigest())


def installed_folder(name: str) -> Path:
    """Where ``library install`` keeps a public library of that name."""
    return data_folder() / "libraries" / name


def open_library(
    *paths: str | Path,
    starter: bool = True,
    report: Callable[[InputError], None] | None = None,
    progress: Callable[[str, int], None] | None = None,
) -> Libraries:
    """Open the starter library and any others to be searched together.

    Parameters
    ----------
    *paths : path-like
        Compiled libraries (folders), names of installed ones, or files that :mod:`nps_ident.io` reads, gzipped too.  A file is compiled once
        into the user's cache, by the hash of its content.
    starter : bool
        Whether the library that ships is searched too, with the entries of the user's own register.
    report : callable, optional
        Is given each record of a file that cannot be read; without it the first one is raised.
    progress : callable, optional
        Is given the name of a library being compiled and the number of spectra read.

    Raises
    ------
    LibraryError
        When a library is missing or damaged, or none is left to search.
    """
    members = [_open_one(str(path), report, progress) for path in paths]
    if starter:
        members += [_starter(), *_register("full" if any(member.kind == "full" for member in members) else "principal_ions")]
    if not members:
        raise LibraryError("No library to search: name one with --library, or leave out --no-starter.")
    return Libraries(tuple(members))


def _open_one(path: str, report: Callable[[InputError], None] | None, progress: Callable[[str, int], None] | None) -> Library:
    place = Path(path)
    if (place / "manifest.json").is_file():
        return open_compiled(place)
    if place.name == path and not place.exists() and (installed_folder(path) / "manifest.json").is_file():
        return open_compiled(installed_folder(path))
    if not place.is_file():
        raise LibraryError(f"{path}: no such library; expected a compiled folder, an installed name ('nps-ident library list') or a file.")
    try:
        with place.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise LibraryError(f"{path}: cannot be read ({error.strerror or type(error).__name__}).") from None

    def spectra() -> Iterator[MassSpectrum]:
        from nps_ident.io import scan_spectra

        def refuse(error: InputError) -> None:
            raise error

        return scan_spectra(place, report=report or refuse)

    return _cached(place.name, content, "full", spectra, progress)


def _register(kind: str) -> list[Library]:
    """The spectra of the user's own register, as a library of the kind it is searched with; none when it holds no spectra."""
    from nps_ident.catalogue.register import open_register, register_file

    if not register_file().is_file():
        return []
    with open_register() as register:
        if not any(entry.n_spectra for entry in register.entries()):
            return []
        return [_cached("register", register.content_hash(), kind, register.spectra, None, register.catalogue)]


def _starter() -> Library:
    """The library that ships."""
    from nps_ident.catalogue.principal_ions import read_principal_ions
    from nps_ident.catalogue.store import reference_folder

    folder = reference_folder()
    tables = [folder / "ei_principal_ions.tsv", folder / "msms_principal_ions.tsv"]
    content = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()

    def spectra() -> Iterator[MassSpectrum]:
        for table in tables:
            yield from read_principal_ions(table)

    return _cached("starter", content, "principal_ions", spectra, None)


def _cached(
    name: str,
    content: str,
    kind: str,
    spectra: Callable[[], Iterable[MassSpectrum]],
    progress: Callable[[str, int], None] | None,
    catalogue: Callable[[], Catalogue] | None = None,
) -> Library:
    from nps_ident.catalogue.store import reference_folder

    catalogue_hash = hashlib.sha256((reference_folder() / "manifest.json").read_bytes()).hexdigest()
    key = hashlib.sha256(f"{FORMAT_VERSION} {_RECIPE} {kind} {content} {catalogue_hash}".encode()).hexdigest()[:32]
    folder = cache_folder() / "libraries" / key
    if (folder / "manifest.json").is_file():
        try:
            return open_compiled(folder)
        except LibraryError:
            pass  # a damaged cache is made again
    from nps_ident.catalogue.store import open_catalogue
    from nps_ident.library.build import build_library

    return build_library(
        spectra(),
        folder,
        name=name,
        kind=kind,
        catalogue=(catalogue or open_catalogue)(),
        progress=None if progress is None else lambda n_read: progress(name, n_read),
    )
