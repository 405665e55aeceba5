"""Installing public libraries: fetched when asked for, checked, compiled into the user's data folder.

What is known of each stands in ``sources.toml``.  This is the only part of the package that uses the network.
"""

from __future__ import annotations

import hashlib
import html.parser
import logging
import re
import shutil
import tempfile
import tomllib
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from nps_ident.errors import FormatError, InputError, LibraryError
from nps_ident.folders import cache_folder
from nps_ident.library.compiled import Library, open_compiled
from nps_ident.library.opening import installed_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nps_ident.model import MassSpectrum

__all__ = ["Source", "install", "read_sources"]

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A public library that can be installed; the meaning of the fields stands at the head of ``sources.toml``."""

    name: str
    title: str
    landing: str
    format: str
    licence: str
    looked_up: str
    url: str | None = None
    link: str | None = None
    sha256: str | None = None
    sha256_source: str | None = None
    technique: str | None = None


@cache
def read_sources() -> dict[str, Source]:
    """The public libraries by name."""
    data = tomllib.loads(Path(__file__).with_name("sources.toml").read_text(encoding="utf-8"))
    known = {field.name for field in fields(Source)}
    return {name: Source(name=name, **{key: str(value) for key, value in entry.items() if key in known}) for name, entry in data.items()}


def install(
    name: str,
    *,
    url: str | None = None,
    sha256: str | None = None,
    progress: Callable[[str, int, int | None], None] | None = None,
    report: Callable[[InputError], None] | None = None,
) -> Library:
    """Fetch a public library and compile it; afterwards it opens by its name.

    Parameters
    ----------
    name : str
        One of :func:`read_sources`.
    url : str, optional
        Another address than the one on record: a later version, or a copy of your own.
    sha256 : str, optional
        The hash that the file must have.  Without it the one on record is used where the address is the one on record, else the one that
        the file at this address had when it was installed before; where there is none, the hash found is kept with the library.
    progress : callable, optional
        Is given ``"downloading"`` with the bytes so far and in all, or ``"compiling"`` with the spectra read so far and None.
    report : callable, optional
        Is given each record that cannot be read; the others are compiled.

    Returns
    -------
    Library
        Its ``source`` says where it came from and whether the hash was known beforehand.

    Raises
    ------
    LibraryError
        When the name is not known; when the file cannot be had (what came is kept, and the next call goes on from there), has another hash
        (it is deleted), or holds no library.
    """
    sources = read_sources()
    if name not in sources:
        raise LibraryError(f"{name}: no such public library; expected {' or '.join(sorted(sources))}.")
    if sha256 is not None and not _SHA256.fullmatch(sha256.strip().lower()):
        raise LibraryError(f"{sha256!r} is no SHA-256; expected 64 hexadecimal digits.")
    source = sources[name]
    given = sha256.strip().lower() if sha256 else None
    address = url or source.url or _linked_file(source)
    expected, basis = _expected_hash(source, address, given)
    fetched = _fetch(name, address, expected, basis, progress)
    found = _file_hash(fetched)
    try:
        library = _compile(source, fetched, address, found, basis, progress, report)
    except LibraryError:
        fetched.unlink(missing_ok=True)
        raise
    fetched.unlink(missing_ok=True)
    return library


def _expected_hash(source: Source, address: str, given: str | None) -> tuple[str | None, str]:
    """The hash that the file must have, if any, and what it rests on: worded for the library's manifest."""
    if given:
        return given, "given by the user"
    if source.sha256 and address == source.url:
        return source.sha256, "on record beforehand"
    folder = installed_folder(source.name)
    if (folder / "manifest.json").is_file():
        try:
            before = open_compiled(folder).source
        except LibraryError:
            before = {}
        if before.get("url") == address and _SHA256.fullmatch(str(before.get("sha256"))):
            return str(before["sha256"]), "as installed before"
    return None, "not known beforehand; taken from the download"


class _Links(html.parser.HTMLParser):
    """Collects where the links of a page lead."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called for each opening tag."""
        self.targets += [value.strip() for key, value in attrs if tag == "a" and key == "href" and value]


def _linked_file(source: Source) -> str:
    """The one file on the landing page that is the library."""
    from nps_ident.library.download import fetch_page

    place, page = fetch_page(source.landing)
    links = _Links()
    links.feed(page)
    addresses = [urljoin(place, target).replace(" ", "%20") for target in links.targets]
    matching = sorted({a for a in addresses if source.link and re.search(source.link, urlsplit(a).path, re.IGNORECASE)})
    if len(matching) != 1:
        listed = f" ({', '.join(matching[:4])})" if matching else ""
        raise LibraryError(
            f"{source.landing}: {len(matching)} links lead to a file of {source.title}{listed}; expected one. "
            "Open the page and name the file with --url."
        )
    return matching[0]


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fetch(
    name: str, address: str, expected: str | None, basis: str, progress: Callable[[str, int, int | None], None] | None
) -> Path:
    """Have pooch fetch the file and check its hash."""
    import pooch

    from nps_ident.library.download import ResumingDownloader, require_secure

    require_secure(address)
    pooch.get_logger().setLevel(logging.WARNING)  # it would print to stderr; what there is to say is said through progress
    folder = cache_folder() / "downloads"
    key = f"{name}-{hashlib.sha256(address.encode()).hexdigest()[:16]}"
    place = folder / key
    downloader = ResumingDownloader(
        folder / f"{key}.part", None if progress is None else lambda done, total: progress("downloading", done, total)
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if expected is None:
            place.unlink(missing_ok=True)  # left by an earlier run that was stopped; nothing says that it is still the same
        pooch.retrieve(
            url=address, known_hash=expected and f"sha256:{expected}", fname=key, path=folder, downloader=downloader
        )
    except ValueError:
        changed = " The file has changed since then: give its hash with --sha256 to accept it." if basis == "as installed before" else ""
        raise LibraryError(
            f"{address}: the download has SHA-256 {downloader.sha256}; expected {expected} ({basis}); it was deleted.{changed}"
        ) from None
    except OSError as error:
        raise LibraryError(f"{folder}: cannot be written ({error.strerror or type(error).__name__}).") from None
    return place


def _compile(
    source: Source,
    fetched: Path,
    address: str,
    found: str,
    basis: str,
    progress: Callable[[str, int, int | None], None] | None,
    report: Callable[[InputError], None] | None,
) -> Library:
    from nps_ident.catalogue.store import open_catalogue
    from nps_ident.io import scan_spectra
    from nps_ident.library.archive import is_archive, unpack_spectra
    from nps_ident.library.build import build_library
    from nps_ident.model import Technique

    technique = Technique(source.technique) if source.technique else None
    faults: list[InputError] = []
    n_spectra = 0

    def told(error: InputError) -> None:
        if not faults:
            faults.append(error)
        if report:
            report(error)

    def spectra(files: list[Path]) -> Iterator[MassSpectrum]:
        nonlocal n_spectra
        for file in files:
            for spectrum in scan_spectra(file, report=told, technique=technique):
                n_spectra += 1
                yield spectrum

    scratch = Path(tempfile.mkdtemp(prefix="unpacked.", dir=fetched.parent))
    try:
        files = unpack_spectra(fetched, scratch) if is_archive(fetched) else [fetched]
        return build_library(
            spectra(files),
            installed_folder(source.name),
            name=source.name,
            catalogue=open_catalogue(),
            progress=None if progress is None else lambda n_read: progress("compiling", n_read, None),
            source={
                "title": source.title if address == source.url or not source.url else source.name,
                "landing": source.landing,
                "url": address,
                "sha256": found,
                "sha256_basis": basis,
                "licence": source.licence,
                "installed": datetime.now(UTC).isoformat(timespec="seconds"),
            },
        )
    except LibraryError:
        if n_spectra or not faults:
            raise
        first = faults[0]
        why = f"{first.found}; expected {first.expected}" if isinstance(first, FormatError) else str(first)
        raise LibraryError(f"{address}: what was downloaded is no spectral library ({why}).") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
