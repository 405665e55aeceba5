"""``nps-ident library``: list, build, install or describe spectral libraries."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nps_ident.cli.searching_again import say_what_is_open
from nps_ident.cli.terminal import add_format_option, print_rows, shown
from nps_ident.errors import InputError, LibraryError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from nps_ident.library.compiled import Library
    from nps_ident.model import MassSpectrum, Technique

__all__ = ["configure", "run"]

_TECHNIQUES = {"ei": "EI-MS", "msms": "MS/MS", "dart": "DART-MS"}
_COLUMNS = ("name", "state", "kind", *_TECHNIQUES.values(), "substances", "megabytes", "sha256")
_FAULTS_SHOWN = 20
"""Unreadable records of an installed library that are named; the others are counted, since the user cannot mend them."""
_PROGRESS_S = 1.0


def configure(parser: argparse.ArgumentParser) -> None:
    """Set up the arguments of the verb."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="the libraries you have", description="List the libraries you have and can install.")
    listing.add_argument("--paths", action="store_true", help="show where each is")
    building = actions.add_parser(
        "build",
        help="compile files of spectra into a library",
        description="Compile any readable files or folders of reference spectra into a library; exit status 1 when a record could not be read.",
    )
    building.add_argument("paths", metavar="FILE", nargs="+", help="files of spectra, or folders of such files")
    building.add_argument("--out", metavar="DIR", required=True, help="folder of the compiled library; a compiled library there is replaced")
    building.add_argument("--name", metavar="NAME", help="shown in results (default: the name of the folder)")
    building.add_argument(
        "--kind",
        choices=("full", "principal_ions"),
        default="full",
        help="whole spectra, or each cut to its principal ions: calibrations hold for one kind (default: full)",
    )
    building.add_argument("--technique", choices=tuple(_TECHNIQUES), help="the technique, where a file does not say")
    installing = actions.add_parser(
        "install",
        help="fetch a public library and compile it",
        description="Fetch a public library over the network and compile it; a download that broke off is taken up again.",
    )
    installing.add_argument("name", metavar="NAME", help="swgdrug or massbank")
    installing.add_argument("--url", metavar="URL", help="another address than the one on record")
    installing.add_argument("--sha256", metavar="HASH", help="the hash that the file must have")
    describing = actions.add_parser("info", help="one library", description="Describe one library.")
    describing.add_argument("library", metavar="PATH_OR_NAME", help="a compiled folder, a listed name, or the beginning of a hash")
    describing.add_argument("--verify", action="store_true", help="hash the whole data file; exit status 1 when it is not as it was built")
    for action in (listing, building, installing, describing):
        add_format_option(action)


def run(arguments: argparse.Namespace) -> int:
    """Run the verb; the exit status."""
    return {"list": _list, "build": _build, "install": _install, "info": _info}[arguments.action](arguments)


class _Messages:
    """What is said on stderr: faults always, progress on a terminal and at most once a second."""

    def __init__(self, *, at_most: int | None = None) -> None:
        self.n_faults, self._at_most, self._last = 0, at_most, 0.0

    def fault(self, error: InputError) -> None:
        self.n_faults += 1
        if self._at_most is None or self.n_faults <= self._at_most:
            self.say(str(error))

    def say(self, text: str) -> None:
        sys.stderr.write(f"nps-ident: {shown(text)}\n")

    def progress(self, what: str, done: int, total: int | None = None) -> None:
        now = time.monotonic()
        if sys.stderr.isatty() and (done == total or now - self._last >= _PROGRESS_S):
            self._last = now
            if what == "downloading":
                share = f" of {total / 1e6:.1f} MB ({100 * done // max(total, 1)} %)" if total is not None else " MB"
                self.say(f"downloading: {done / 1e6:.1f}{share}")
            else:
                self.say(f"{what}: {done:,} spectra read")


def _row(library: Library, state: str, *, path: bool = False) -> dict[str, object]:
    counts = {technique: library.counts.get(technique, 0) for technique in _TECHNIQUES.values()}
    size = sum(file.stat().st_size for file in library.folder.iterdir() if file.is_file())
    row: dict[str, object] = {"name": library.name, "state": state, "kind": library.kind, **counts}
    row |= {"substances": library.counts.get("substances"), "megabytes": round(size / 1e6, 1), "sha256": library.sha256[:12]}
    return {**row, "path": str(library.folder)} if path else row


def _known(messages: _Messages) -> Iterator[tuple[str, Library]]:
    """Every library that has a name here, with its state; a damaged one is said and passed over, of cached ones their number."""
    from nps_ident.folders import cache_folder
    from nps_ident.library.compiled import open_compiled
    from nps_ident.library.opening import installed_folder, open_library

    seen: set[Path] = set()
    n_stale = 0
    try:
        for member, state in zip(open_library().members, ("starter", "register"), strict=False):
            seen.add(member.folder)
            yield state, member
    except LibraryError as error:
        messages.n_faults += 1
        messages.say(str(error))
    for state, parent in (("installed", installed_folder("any").parent), ("cached", cache_folder() / "libraries")):
        for folder in sorted(parent.iterdir()) if parent.is_dir() else ():
            # Folders whose name begins with a dot are being written by somebody.
            if folder in seen or folder.name.startswith(".") or not (folder / "manifest.json").is_file():
                continue
            try:
                yield state, open_compiled(folder)
            except LibraryError as error:
                if state == "cached":  # what the cache lacks is compiled again when it is asked for
                    n_stale += 1
                    continue
                messages.n_faults += 1
                messages.say(str(error))
    if n_stale:
        messages.say(f"cached libraries that are of no use any more: {n_stale}; everything in {cache_folder()} may be deleted at any time")


def _list(arguments: argparse.Namespace) -> int:
    from nps_ident.library.install import read_sources

    messages = _Messages()
    known = list(_known(messages))
    columns = (*_COLUMNS, "path") if arguments.paths else _COLUMNS
    print_rows((_row(library, state, path=arguments.paths) for state, library in known), columns, sys.stdout, form=arguments.format)
    have = {library.folder.name for state, library in known if state == "installed"}
    for name, source in read_sources().items():
        if name not in have:
            messages.say(f"not installed: {source.title} ('nps-ident library install {name}'; {source.format})")
    return 1 if messages.n_faults else 0


def _build(arguments: argparse.Namespace) -> int:
    from nps_ident.catalogue.store import open_catalogue
    from nps_ident.io import find_files, scan_spectra
    from nps_ident.library.build import build_library
    from nps_ident.model import Technique

    out = Path(arguments.out)
    if out.exists() and not (out / "manifest.json").is_file():
        raise LibraryError(f"{out}: exists and is no compiled library; name another folder.")
    messages = _Messages()
    technique: Technique | None = Technique(_TECHNIQUES[arguments.technique]) if arguments.technique else None

    def spectra() -> Iterator[MassSpectrum]:
        for place in arguments.paths:
            try:
                for file in find_files([place]):
                    yield from scan_spectra(file, report=messages.fault, technique=technique)
            except InputError as error:
                messages.fault(error)

    library = build_library(
        spectra(),
        out,
        name=arguments.name or out.absolute().name,
        kind=arguments.kind,
        catalogue=open_catalogue(),
        progress=lambda n_read: messages.progress("compiling", n_read),
    )
    _print_result(library, "built", arguments)
    _say_counts(library, messages)
    say_what_is_open(str(out))
    return 1 if messages.n_faults else 0


def _install(arguments: argparse.Namespace) -> int:
    from nps_ident.library.install import install

    messages = _Messages(at_most=_FAULTS_SHOWN)
    library = install(
        arguments.name, url=arguments.url, sha256=arguments.sha256, progress=messages.progress, report=messages.fault
    )
    _print_result(library, "installed", arguments)
    _say_counts(library, messages)
    messages.say(f"fetched from {library.source['url']}")
    messages.say(f"SHA-256 of the download {library.source['sha256']}: {library.source['sha256_basis']}")
    messages.say(f"licence: {library.source['licence']}")
    say_what_is_open(library.folder.name)
    return 0


def _print_result(library: Library, state: str, arguments: argparse.Namespace) -> None:
    print_rows([_row(library, state)], _COLUMNS, sys.stdout, form=arguments.format)


def _say_counts(library: Library, messages: _Messages) -> None:
    passed_over = library.counts.get("passed over", 0)
    if passed_over:
        messages.say(f"spectra passed over, since a reference needs a technique, peaks and a substance: {passed_over:,}")
    if messages.n_faults:
        messages.say(f"records that could not be read: {messages.n_faults:,}")


def _info(arguments: argparse.Namespace) -> int:
    from nps_ident.library.compiled import open_compiled

    messages = _Messages()
    state, library = _find(arguments.library, messages)
    facts: dict[str, Any] = {
        "name": library.name,
        "state": state,
        "kind": library.kind,
        **{key: library.counts[key] for key in sorted(library.counts)},
        "megabytes": _row(library, state)["megabytes"],
        "sha256": library.sha256,
        "path": str(library.folder),
        **{f"source {key}" if key in {"sha256", "title"} else key: value for key, value in sorted(library.source.items())},
    }
    holds = True
    if arguments.verify:
        try:
            open_compiled(library.folder, verify=True)
        except LibraryError as error:
            holds = False
            messages.say(str(error))
        facts["verified"] = holds
    if arguments.format == "table":
        width = max(map(len, facts))
        for key, value in facts.items():
            sys.stdout.write(f"{shown(key):<{width}}  {shown(value)}\n")
    else:
        print_rows([facts], tuple(facts), sys.stdout, form=arguments.format)
    return 0 if holds else 1


def _find(asked: str, messages: _Messages) -> tuple[str, Library]:
    """The library of that path, name, or beginning of a hash."""
    from nps_ident.library.compiled import open_compiled

    place = Path(asked)
    if place.is_dir():
        return "folder", open_compiled(place)
    known = list(_known(messages))
    named = [pair for pair in known if pair[1].name == asked] or [pair for pair in known if len(asked) >= 8 and pair[1].sha256.startswith(asked)]
    if not named:
        raise LibraryError(f"{asked}: no such library; expected a compiled folder, a name or a hash that 'nps-ident library list' shows.")
    if named[0][0] == "cached" and len({library.sha256 for _, library in named}) > 1:
        hashes = ", ".join(library.sha256[:12] for _, library in named)
        raise LibraryError(f"{asked}: {len(named)} cached libraries are called so; name one by its hash ({hashes}).")
    return named[0]
