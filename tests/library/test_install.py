"""Promises of installing public libraries, against a server of our own: no test uses the internet."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from collections import namedtuple
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from nps_ident.errors import LibraryError
from nps_ident.folders import cache_folder
from nps_ident.library import archive, download, install, open_library
from nps_ident.library.compiled import open_compiled
from nps_ident.library.opening import installed_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def records(n: int, *, name: str = "substance") -> bytes:
    """An MSP file of ``n`` EI spectra."""
    text = "".join(f"Name: {name} {i}\nInstrument_type: EI-B\nNum Peaks: 3\n{50 + i % 100} 999\n77 500\n91 100\n\n" for i in range(n))
    return text.encode()


@dataclass
class Site:
    """What the server has, and how it misbehaves."""

    files: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    status: int = 200
    cuts: list[int] = field(default_factory=list)
    """Each request takes one: the bytes after which the connection is cut."""
    ranges: list[str | None] = field(default_factory=list)
    """The Range header of each request."""
    root: str = ""


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(download, "_WAIT_S", 0.0)
    state = Site()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            state.ranges.append(self.headers.get("Range"))
            if self.path in state.redirects:
                self.send_response(302)
                self.send_header("Location", state.redirects[self.path])
                self.end_headers()
                return
            content = state.files.get(self.path)
            if content is None or state.status != 200:
                self.send_error(404 if content is None else state.status)
                return
            tag = state.tags.get(self.path, '"' + hashlib.sha256(content).hexdigest() + '"')
            start = 0
            if self.headers.get("Range") and self.headers.get("If-Range") == tag:
                start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
                if start >= len(content):
                    self.send_error(416)
                    return
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - start))
            self.send_header("ETag", tag)
            self.end_headers()
            self.wfile.write(content[start:][: state.cuts.pop(0) if state.cuts else None])

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        state.root = f"http://127.0.0.1:{server.server_address[1]}"
        yield state
        server.shutdown()
        thread.join()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def left_over() -> list[str]:
    folder = cache_folder() / "downloads"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def zipped(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members:
            file.writestr(name, content)
    return out.getvalue()


def test_an_installed_library_opens_by_its_name_and_says_where_it_came_from(site: Site) -> None:
    site.files["/a.msp"] = records(5)
    told: list[tuple[str, int, int | None]] = []
    library = install.install("massbank", url=f"{site.root}/a.msp", sha256=sha256(records(5)).upper(), progress=lambda *what: told.append(what))
    assert library.counts["EI-MS"] == 5
    [opened] = open_library("massbank", starter=False).members
    assert opened.sha256 == library.sha256
    assert opened.source["url"] == f"{site.root}/a.msp"
    assert (opened.source["sha256"], opened.source["sha256_basis"]) == (sha256(records(5)), "given by the user")
    assert ("downloading", len(records(5)), len(records(5))) in told
    assert left_over() == []


def test_a_connection_that_is_cut_is_taken_up_where_it_broke(site: Site) -> None:
    site.files["/a.msp"] = content = records(4000)
    site.cuts = [131_072]
    library = install.install("massbank", url=f"{site.root}/a.msp", sha256=sha256(content))
    assert site.ranges == [None, "bytes=131072-"]
    assert library.counts["EI-MS"] == 4000


def test_a_download_that_was_given_up_goes_on_in_the_next_call(site: Site) -> None:
    site.files["/a.msp"] = content = records(4000)
    site.cuts = [65_536, *[0] * 5]
    with pytest.raises(LibraryError, match=r"broke off after 65,536 bytes; the same command goes on"):
        install.install("massbank", url=f"{site.root}/a.msp")
    assert not installed_folder("massbank").exists()
    site.ranges.clear()
    assert install.install("massbank", url=f"{site.root}/a.msp").source["sha256"] == sha256(content)
    assert site.ranges == ["bytes=65536-"]
    assert left_over() == []


@pytest.mark.parametrize("tag", [None, 'W/"same"'])
def test_a_file_that_changed_meanwhile_is_never_joined_to_the_old_part(site: Site, tag: str | None) -> None:
    site.files["/a.msp"] = records(4000)
    if tag:  # a weak tag does not promise the same bytes
        site.tags["/a.msp"] = tag
    site.cuts = [70_000, *[0] * 5]
    with pytest.raises(LibraryError, match="broke off"):
        install.install("massbank", url=f"{site.root}/a.msp")
    site.files["/a.msp"] = other = records(3000, name="other")
    assert install.install("massbank", url=f"{site.root}/a.msp").source["sha256"] == sha256(other)


def test_a_part_that_is_longer_than_the_file_is_thrown_away(site: Site) -> None:
    site.files["/a.msp"] = records(4000)
    site.tags["/a.msp"] = '"same"'
    site.cuts = [70_000, *[0] * 5]
    with pytest.raises(LibraryError, match="broke off"):
        install.install("massbank", url=f"{site.root}/a.msp")
    site.files["/a.msp"] = short = records(5)
    assert install.install("massbank", url=f"{site.root}/a.msp").source["sha256"] == sha256(short)


def test_another_hash_than_expected_is_said_with_both_and_nothing_stays(site: Site) -> None:
    site.files["/a.msp"] = records(5)
    with pytest.raises(LibraryError, match=rf"SHA-256 {sha256(records(5))}; expected {'0' * 64} \(given by the user\); it was deleted\.$"):
        install.install("massbank", url=f"{site.root}/a.msp", sha256="0" * 64)
    assert left_over() == []
    assert not installed_folder("massbank").exists()


def test_a_hash_that_is_none_is_refused_before_anything_is_fetched(site: Site) -> None:
    with pytest.raises(LibraryError, match="expected 64 hexadecimal digits"):
        install.install("massbank", url=f"{site.root}/a.msp", sha256="beef")
    assert site.ranges == []


def test_a_hash_on_record_holds_for_the_address_on_record_only(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    source = install.Source(
        name="massbank", title="", landing="", format="", licence="", looked_up="", url=f"{site.root}/a.msp", sha256="1" * 64
    )
    monkeypatch.setattr(install, "read_sources", lambda: {"massbank": source})
    site.files = {"/a.msp": records(5), "/b.msp": records(6)}
    with pytest.raises(LibraryError, match="on record beforehand"):
        install.install("massbank")
    assert install.install("massbank", url=f"{site.root}/b.msp").counts["EI-MS"] == 6


def test_an_unknown_hash_is_kept_and_another_file_at_the_address_refused_later(site: Site) -> None:
    site.files["/a.msp"] = records(5)
    first = install.install("massbank", url=f"{site.root}/a.msp")
    assert first.source["sha256_basis"] == "not known beforehand; taken from the download"
    assert install.install("massbank", url=f"{site.root}/a.msp").source["sha256_basis"] == "as installed before"
    site.files["/a.msp"] = changed = records(6)
    with pytest.raises(LibraryError, match=r"\(as installed before\); it was deleted\. The file has changed.*--sha256"):
        install.install("massbank", url=f"{site.root}/a.msp")
    assert open_compiled(installed_folder("massbank")).counts["EI-MS"] == 5
    assert install.install("massbank", url=f"{site.root}/a.msp", sha256=sha256(changed)).counts["EI-MS"] == 6


@pytest.mark.parametrize("url", ["http://example.org/a.msp", "ftp://example.org/a.msp", "file:///etc/passwd", "a.msp", "https://", "http://[1"])
def test_what_is_not_https_is_refused(url: str) -> None:
    with pytest.raises(LibraryError, match="only https addresses are fetched"):
        install.install("massbank", url=url)


def test_redirects_are_followed_but_never_to_plain_http(site: Site) -> None:
    site.files["/a.msp"] = records(5)
    site.redirects = {"/here": "/a.msp", "/there": "http://example.org/a.msp", "/round": "/round"}
    assert install.install("massbank", url=f"{site.root}/here").counts["EI-MS"] == 5
    with pytest.raises(LibraryError, match="only https addresses are fetched"):
        install.install("massbank", url=f"{site.root}/there")
    with pytest.raises(LibraryError, match="redirected more than 10 times"):
        install.install("massbank", url=f"{site.root}/round")


def test_a_redirect_from_elsewhere_may_not_lead_to_this_machine() -> None:
    download.require_secure("http://localhost:8000/a.msp")
    with pytest.raises(LibraryError, match="only https"):
        download.require_secure("http://localhost:8000/a.msp", local=False)


@pytest.mark.parametrize(("status", "answered"), [(404, "404"), (500, "500"), (403, "403")])
def test_a_server_error_is_one_sentence(site: Site, status: int, answered: str) -> None:
    if status != 404:
        site.files["/a.msp"], site.status = records(5), status
    with pytest.raises(LibraryError, match=rf"/a\.msp: the server answered {answered} \("):
        install.install("massbank", url=f"{site.root}/a.msp")


def test_a_server_that_is_not_there_is_one_sentence(site: Site) -> None:
    with pytest.raises(LibraryError, match=r"broke off before the first byte \(no connection\)"):
        install.install("massbank", url="http://127.0.0.1:9/a.msp")


@pytest.mark.parametrize("content", [b"<html><body>Please log in</body></html>", b"", b"\x00\x01\x02", b"Name: x\nNum Peaks: two\n"])
def test_what_is_no_library_is_refused_and_removed(site: Site, content: bytes) -> None:
    site.files["/a.msp"] = content
    with pytest.raises(LibraryError, match=r"what was downloaded is no spectral library \(.*expected"):
        install.install("massbank", url=f"{site.root}/a.msp")
    assert left_over() == []
    assert not installed_folder("massbank").exists()


def test_records_that_cannot_be_read_are_reported_and_the_others_installed(site: Site) -> None:
    site.files["/a.msp"] = records(3) + b"Name: bad\nNum Peaks: 1\nfifty 999\n\n" + records(2)
    faults: list[Exception] = []
    assert install.install("massbank", url=f"{site.root}/a.msp", report=faults.append).counts["EI-MS"] == 5
    assert len(faults) == 1


def test_too_little_room_is_said_before_the_download(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.files["/a.msp"] = records(5)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: usage(100, 90, 10))
    with pytest.raises(LibraryError, match=f"{len(records(5))} bytes are to come and 10 are free; make room first"):
        install.install("massbank", url=f"{site.root}/a.msp")


def test_a_file_that_is_too_large_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.files["/a.msp"] = records(5)
    monkeypatch.setattr(download, "MAX_BYTES", 100)
    with pytest.raises(LibraryError, match="at most 100 are fetched"):
        install.install("massbank", url=f"{site.root}/a.msp")


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(LibraryError, match=r"^nist: no such public library; expected massbank or swgdrug\.$"):
        install.install("nist")


ENTRY = (
    b"##TITLE=Library Entry 1\r\n##JCAMP-DX=Revision 4.10\r\n##DATA TYPE=MASS SPECTRUM\r\n##CAS NAME=Caffeine\r\n##NAMES=7\r\n"
    b"##MOLFORM=C8H10N4O2\r\n##CAS REGISTRY NO=58-08-2\r\n##MW=194\r\n##NPOINTS=3\r\n"
    b"##XYDATA=(XY..XY)\r\n55 1800\r\n109 5100\r\n194 9999\r\n##END=\r\n"
)


def test_the_zip_of_swgdrug_is_found_on_its_page_and_unpacked(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    page = b'<a href="Agilent_01222025.zip">Agilent</a> <a name="x"></a> <A HREF="Documents/JCAMP 01222025.zip">JCAMP</A>'
    site.files = {"/ms.htm": page, "/Documents/JCAMP%2001222025.zip": zipped(("JCAMP/SWGDRUG 314.HPJ", ENTRY), ("JCAMP/readme.pdf", b"%PDF"))}
    real = install.read_sources()["swgdrug"]
    kept = {name: getattr(real, name) for name in ("name", "title", "format", "licence", "looked_up", "link", "technique")}
    source = install.Source(**kept, landing=f"{site.root}/ms.htm")
    monkeypatch.setattr(install, "read_sources", lambda: {"swgdrug": source})
    library = install.install("swgdrug")
    assert library.source["url"] == f"{site.root}/Documents/JCAMP%2001222025.zip"
    # The file gives no structure; CAS number, name and formula are those of one substance of the catalogue.
    assert (library.substance(0).name.lower(), library.substance(0).inchikey) == ("caffeine", "RYYVLZVUVIJVGH-UHFFFAOYSA-N")
    assert left_over() == []
    for other, said in ((b"<p>moved</p>", "0 links lead"), (page + b'<a href="old/jcamp_2019.zip">', "2 links lead")):
        site.files["/ms.htm"] = other
        with pytest.raises(LibraryError, match=f"{said}.*name the file with --url"):
            install.install("swgdrug")


@pytest.mark.parametrize(
    "name",
    ["../a.msp", "/a.msp", "x/../../a.msp", "C:/a.msp", "..\\a.msp", "\\\\host\\a.msp", "a.msp:stream", "x//a.msp", "./a.msp", "x\x1b.msp"],
)
def test_a_zip_with_a_name_that_leads_elsewhere_is_refused_whole(site: Site, name: str) -> None:
    site.files["/a.zip"] = zipped(("good.msp", records(1)), (name, records(1)))
    with pytest.raises(LibraryError, match="leads elsewhere; nothing of it was unpacked"):
        install.install("swgdrug", url=f"{site.root}/a.zip")
    assert left_over() == []


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_with_a_name_twice_is_refused(site: Site) -> None:
    for second in ("a.msp", "A.MSP"):
        site.files["/a.zip"] = zipped(("a.msp", records(1)), (second, records(2)))
        with pytest.raises(LibraryError, match="twice"):
            install.install("swgdrug", url=f"{site.root}/a.zip")
        site.files.clear()


def test_a_zip_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.zip").write_bytes(zipped(("a.msp", b"\0" * 200_000)))
    monkeypatch.setattr(archive, "MAX_BYTES", 100_000)
    with pytest.raises(LibraryError, match=r"unpacks to 200,000 bytes; at most 100,000"):
        archive.unpack_spectra(tmp_path / "a.zip", tmp_path)
    monkeypatch.setattr(archive, "_MAX_MEMBERS", 0)
    with pytest.raises(LibraryError, match="1 members; at most 0"):
        archive.unpack_spectra(tmp_path / "a.zip", tmp_path)


def test_a_zip_whose_member_holds_more_than_it_states_is_damaged(tmp_path: Path) -> None:
    content = bytearray(zipped(("a.msp", b"\0" * 200_000)))
    place = content.index(b"PK\x01\x02") + 24  # the size, uncompressed, in the central directory
    content[place : place + 4] = (10).to_bytes(4, "little")
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(LibraryError, match="damaged"):
        archive.unpack_spectra(tmp_path / "a.zip", tmp_path)


@pytest.mark.parametrize("cut", [30, -30])
def test_a_zip_that_was_cut_is_refused(site: Site, cut: int) -> None:
    site.files["/a.zip"] = zipped(("a.msp", records(100)))[:cut]
    with pytest.raises(LibraryError, match=r"no spectral library|damaged"):
        install.install("swgdrug", url=f"{site.root}/a.zip")


def test_a_zip_with_a_link_or_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("a.msp")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as file:
        file.writestr(link, "/etc/passwd")
    with pytest.raises(LibraryError, match="is a link"):
        archive.unpack_spectra(tmp_path / "link.zip", tmp_path)
    content = bytearray(zipped(("a.msp", records(1))))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "locked.zip").write_bytes(content)
    with pytest.raises(LibraryError, match="is encrypted"):
        archive.unpack_spectra(tmp_path / "locked.zip", tmp_path)


def test_a_zip_of_a_binary_library_says_what_would_be_readable(site: Site) -> None:
    site.files["/a.zip"] = zipped(("SWGDRUG.L/PEAK.DBU", b"\0"), ("SWGDRUG.L/NAME.INU", b"\0"))
    with pytest.raises(LibraryError, match=r"endings found: \.dbu, \.inu\); expected MSP, MGF or JCAMP-DX"):
        install.install("swgdrug", url=f"{site.root}/a.zip")


def test_each_source_on_record_says_what_its_users_must_know() -> None:
    for source in install.read_sources().values():
        assert source.title and source.licence and source.format and source.looked_up  # noqa: PT018
        for address in (source.landing, source.url or source.landing):
            download.require_secure(address, local=False)
        assert source.url or source.link
        assert bool(source.sha256) == bool(source.sha256_source)
