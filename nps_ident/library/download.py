"""Fetching one file over HTTPS: resumed where it broke off, bounded, and said where it stands.

Used by :mod:`nps_ident.library.install` as the downloader of pooch, which has none that resumes.  Importing this module loads ``requests``.

References
----------
RFC 9110 (2022), sections 13.1.5 (``If-Range``), 14.2 (``Range``), 15.3.7 (206) and 15.5.17 (416).
"""

from __future__ import annotations

import hashlib
import re
import shutil
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import requests

from nps_ident import __version__
from nps_ident.errors import LibraryError
from nps_ident.io.document import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["ResumingDownloader", "fetch_page", "require_secure"]

_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS = 10
_ATTEMPTS = 5
"""Attempts in a row that bring nothing before a download is given up."""
_WAIT_S = 1.0
"""Before another attempt, times the attempts in a row that brought nothing."""
_TIMEOUT_S = (20.0, 60.0)
"""To connect, and between two pieces: a slow line is not cut, a dead one is."""
_PIECE_BYTES = 1 << 16
_MAX_PAGE_BYTES = 4 << 20
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")

# In the order they are asked, since the first two are kinds of the last.
_REASONS: dict[type[Exception], str] = {
    requests.exceptions.SSLError: "its certificate is not trusted",
    requests.Timeout: "no answer in time",
    requests.exceptions.ChunkedEncodingError: "the server closed the connection",
    requests.ConnectionError: "no connection",
}


def require_secure(url: str, *, local: bool = True) -> None:
    """Refuse every address that is not HTTPS; plain HTTP is for this machine only.

    Parameters
    ----------
    url : str
    local : bool
        Whether this machine may be addressed: a redirect from elsewhere may not lead to it.

    Raises
    ------
    LibraryError
    """
    try:
        parts = urlsplit(url)
        host, is_plain = parts.hostname, parts.scheme == "http"
    except ValueError:
        host, is_plain = None, False
    is_local = host in _LOCAL_HOSTS
    if not host or not (parts.scheme == "https" or (is_plain and is_local)) or (is_local and not local):
        raise LibraryError(f"{url}: only https addresses are fetched (http from this machine alone); name one with --url.")


def fetch_page(url: str) -> tuple[str, str]:
    """The address and text of a web page of at most 4 MiB, redirects followed.

    Raises
    ------
    LibraryError
        When it cannot be had.
    """
    try:
        with _get(url, {}) as response:
            _require_success(url, response)
            content = bytearray()
            for piece in response.iter_content(_PIECE_BYTES):
                content += piece
                if len(content) > _MAX_PAGE_BYTES:
                    raise LibraryError(f"{url}: the page is larger than {_MAX_PAGE_BYTES:,} bytes; name the file with --url.")
            return response.url, content.decode(errors="replace")
    except (requests.RequestException, OSError) as error:
        raise LibraryError(f"{url}: cannot be fetched ({_reason(error)}).") from None


def _get(url: str, headers: dict[str, str]) -> requests.Response:
    """Ask for ``url``, following redirects by hand so that no insecure hop is ever taken."""
    require_secure(url)
    local = urlsplit(url).hostname in _LOCAL_HOSTS
    headers = {"Accept-Encoding": "identity", "User-Agent": f"nps-ident/{__version__}", **headers}
    place = url
    for _ in range(_MAX_REDIRECTS + 1):
        response = requests.get(place, headers=headers, stream=True, timeout=_TIMEOUT_S, allow_redirects=False)
        if response.status_code not in _REDIRECTS or "Location" not in response.headers:
            return response
        place = urljoin(place, response.headers["Location"])
        response.close()
        require_secure(place, local=local)
    raise LibraryError(f"{url}: redirected more than {_MAX_REDIRECTS} times.")


def _require_success(url: str, response: requests.Response) -> None:
    if response.status_code not in {200, 206}:
        raise LibraryError(f"{url}: the server answered {response.status_code} ({response.reason}); expected the file.")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise LibraryError(f"{url}: the server sent it {response.headers['Content-Encoding']}-encoded, unasked; expected the file as it is.")


def _reason(error: Exception) -> str:
    if isinstance(error, _BrokenOffError):
        return str(error)
    for kind, words in _REASONS.items():
        if isinstance(error, kind):
            return words
    return (isinstance(error, OSError) and error.strerror) or type(error).__name__


class ResumingDownloader:
    """A downloader for pooch that keeps what it has in ``part`` and goes on from there, now or in a later run.

    Parameters
    ----------
    part : Path
        Of the unfinished file; ``part`` with ``.tag`` added keeps the server's entity tag, so that a file that has changed meanwhile is
        fetched from its beginning and never joined to the old one.
    progress : callable, optional
        Is given the bytes so far and, where the server says so, in all.

    Attributes
    ----------
    sha256 : str
        Of the finished file; empty before.
    """

    def __init__(self, part: Path, progress: Callable[[int, int | None], None] | None = None) -> None:
        self.part, self.progress, self.sha256 = part, progress, ""
        self._tag = part.with_name(part.name + ".tag")

    def __call__(self, url: str, output_file: str, pooch: object) -> None:
        """Fetch ``url`` into ``output_file``: the signature that pooch asks for.

        Raises
        ------
        LibraryError
            When the server refuses, the connection breaks time and again (what came is kept), or there is no room.
        """
        idle, have = 0, self._size()
        while True:
            try:
                self._attempt(url)
                break
            except (requests.RequestException, _BrokenOffError) as error:
                now = self._size()
                idle = 0 if now > have else idle + 1
                have = now
                if idle == _ATTEMPTS or (isinstance(error, requests.ConnectionError) and not have):
                    kept = f"after {have:,} bytes; the same command goes on from there" if have else "before the first byte"
                    raise LibraryError(f"{url}: the download broke off {kept} ({_reason(error)}).") from None
                time.sleep(idle * _WAIT_S)
            except OSError as error:
                raise LibraryError(f"{self.part.parent}: the download cannot be written ({_reason(error)}).") from None
        try:
            with self.part.open("rb") as file:
                self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            self.part.replace(output_file)
        except OSError as error:
            raise LibraryError(f"{output_file}: cannot be written ({_reason(error)}).") from None
        self.forget()

    def forget(self) -> None:
        """Remove the unfinished file and its tag."""
        self.part.unlink(missing_ok=True)
        self._tag.unlink(missing_ok=True)

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.is_file() else 0

    def _attempt(self, url: str) -> None:
        """One request: the rest of the file, or all of it where the server cannot or will not go on."""
        have = self._size()
        tag = self._tag.read_text(encoding="latin-1") if have and self._tag.is_file() else ""
        headers = {"Range": f"bytes={have}-", "If-Range": tag} if tag else {}
        with _get(url, headers) as response:
            if response.status_code == 416:  # what is kept is no beginning of what the server has now
                self.forget()
                raise _BrokenOffError("the server knows no such part")
            _require_success(url, response)
            start, total = _extent(response)
            if start not in {0, have}:
                raise LibraryError(f"{url}: the server sent the part from byte {start:,}; asked for was byte {have:,}.")
            self._require_room(url, start, total)
            tag = response.headers.get("ETag") or response.headers.get("Last-Modified", "")
            # Only a strong tag promises the same bytes (RFC 9110, 13.1.5); without one the next attempt starts anew.
            self._tag.write_text("" if tag.startswith("W/") else tag, encoding="latin-1")
            with self.part.open("ab" if start else "wb") as file:
                for done, piece in _counted(response, start):
                    if done > (MAX_BYTES if total is None else total):
                        raise LibraryError(f"{url}: more than {MAX_BYTES if total is None else total:,} bytes came; expected no more.")
                    file.write(piece)
                    if self.progress:
                        self.progress(done, total)
        if total is not None and self._size() != total:
            raise _BrokenOffError("the server closed the connection")

    def _require_room(self, url: str, start: int, total: int | None) -> None:
        if total is None:
            return
        if total > MAX_BYTES:
            raise LibraryError(f"{url}: has {total:,} bytes; at most {MAX_BYTES:,} are fetched.")
        free = shutil.disk_usage(self.part.parent).free
        if free < total - start:
            raise LibraryError(f"{self.part.parent}: {total - start:,} bytes are to come and {free:,} are free; make room first.")


class _BrokenOffError(Exception):
    """The connection ended before the file did, or what was kept is of no use: another attempt is worth it."""


def _extent(response: requests.Response) -> tuple[int, int | None]:
    """Where the body starts in the file, and the size of the whole, if said."""
    if response.status_code == 206:
        found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if not found:
            raise LibraryError(f"{response.url}: the server sent a part without saying which.")
        return int(found[1]), int(found[3])
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isascii() and length.isdigit() else None


def _counted(response: requests.Response, start: int) -> Iterator[tuple[int, Any]]:
    done = start
    for piece in response.iter_content(_PIECE_BYTES):
        done += len(piece)
        yield done, piece
