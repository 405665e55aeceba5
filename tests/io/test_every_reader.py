"""What holds for every reader: exact round trips, and damaged, hostile or odd files that give one sentence or a sound spectrum."""

from __future__ import annotations

import gzip
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import dialects
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nps_ident.errors import FormatError, InputError
from nps_ident.io import find_files, read_spectra, scan_spectra

if TYPE_CHECKING:
    from nps_ident.model import MassSpectrum

MZ, INTENSITY = [58.0651, 91.0542, 134.0964], [999.0, 120.5, 15.25]
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
TELLING = [b"\n", b"\n\n", b":", b"=", b"nan", b"inf", b"1e999", b"-", b",", b"?", b"##", b"$$", b"<", b"&", b"//", b"9" * 11, b"\0", b"\xff"]
STARTS = [
    b"",
    b"Name: x\nNum Peaks: 2\n",
    b"BEGIN IONS\n",
    b"ACCESSION: x\nCH$NAME: y\n",
    b"##TITLE= x\n##DATA TYPE= MASS SPECTRUM\n##XYDATA= (X++(Y..Y))\n",
    b"m/z,intensity\n",
    b"<mzML>",
    b"<mzXML>",
    b"\x1f\x8b\x08",
    b"\xff\xfe",
]
PEAKS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=30)


def scan(data: bytes, name: str = "q.dat") -> tuple[list[MassSpectrum], list[InputError]]:
    """Every spectrum and every error of a file; each spectrum is checked to be sound."""
    errors: list[InputError] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        spectra = list(scan_spectra(path, report=errors.append))
    for spectrum in spectra:
        assert len(spectrum.mz) == len(spectrum.intensity)
        assert np.isfinite(spectrum.mz).all()
        assert np.isfinite(spectrum.intensity).all()
    for error in errors:
        assert isinstance(error, InputError)
        assert "\n" not in str(error)
        assert str(error).endswith(".")
    assert spectra or errors
    return spectra, errors


@pytest.mark.parametrize("dialect", dialects.EXACT)
@given(peaks=PEAKS)
@settings(max_examples=40, deadline=None)
def test_any_finite_numbers_come_back_exactly_and_in_order(dialect: str, peaks: list[tuple[float, float]]) -> None:
    mz, intensity = [p[0] for p in peaks], [p[1] for p in peaks]
    spectra, errors = scan(dialects.EXACT[dialect](mz, intensity).encode())
    assert errors == []
    assert len(spectra) == 1
    assert spectra[0].mz.tolist() == mz
    assert spectra[0].intensity.tolist() == intensity


@given(values=st.lists(st.integers(-99_999, 99_999), min_size=1, max_size=60))
@settings(max_examples=100, deadline=None)
def test_any_whole_numbers_come_back_exactly_from_differences(values: list[int]) -> None:
    text = dialects.jcamp_differences(values, [0.0] * len(values))
    head, _, _ = text.partition("(X++(Y..Y))\n")
    [spectrum], errors = scan(f"{head}(X++(Y..Y))\n{dialects.asdf(values, 50)}##END=\n".encode())
    assert errors == []
    assert spectrum.intensity.tolist() == values
    assert spectrum.mz.tolist() == list(range(50, 50 + len(values)))


@pytest.mark.parametrize("dialect", dialects.ALL)
@given(data=st.data())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_damaged_file_is_refused_or_read_soundly(dialect: str, data: st.DataObject) -> None:
    content = bytearray(dialects.ALL[dialect](MZ, INTENSITY).encode() * (1 if "mz" in dialect else 2))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(len(content) - 1, 0)))
        kind = data.draw(st.sampled_from(["replace", "insert", "delete", "cut", "double"]))
        piece = data.draw(st.one_of(st.binary(min_size=1, max_size=4), st.sampled_from(TELLING)))
        if kind == "replace":
            content[at : at + len(piece)] = piece
        elif kind == "insert":
            content[at:at] = piece
        elif kind == "delete":
            del content[at : at + 3]
        elif kind == "cut":
            del content[at:]
        else:
            content[at:at] = content[at : at + 40]
    spectra, errors = scan(bytes(content))
    assert spectra or errors


@given(content=st.binary(max_size=300), start=st.sampled_from(STARTS))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_refused_or_read_soundly(content: bytes, start: bytes) -> None:
    spectra, errors = scan(start + content)
    assert spectra or errors


@pytest.mark.parametrize("dialect", dialects.ALL)
def test_a_gzipped_file_reads_as_the_plain_one(dialect: str) -> None:
    content = dialects.ALL[dialect](MZ, INTENSITY).encode()
    [plain], _ = scan(content, "q.dat")
    [zipped], _ = scan(gzip.compress(content), "q.dat.gz")
    assert zipped.mz.tolist() == plain.mz.tolist()
    assert zipped.name == plain.name


@pytest.mark.parametrize("dialect", dialects.ALL)
@pytest.mark.parametrize("name", ["q.msp", "q.jdx", "q.csv", "q.mzML", "q"])
def test_content_decides_and_the_extension_does_not(dialect: str, name: str) -> None:
    [spectrum], errors = scan(dialects.ALL[dialect](MZ, INTENSITY).encode(), name)
    assert errors == []
    assert spectrum.n_peaks == 3


@pytest.mark.parametrize("dialect", dialects.ALL)
def test_line_ends_and_a_byte_order_mark_change_nothing(dialect: str) -> None:
    content = dialects.ALL[dialect](MZ, INTENSITY).encode()
    for other in (content.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + content):
        [spectrum], errors = scan(other)
        assert errors == []
        assert spectrum.n_peaks == 3


@pytest.mark.parametrize("dialect", [d for d in dialects.ALL if "table" not in d])
def test_a_file_cut_anywhere_never_gives_a_shorter_spectrum(dialect: str) -> None:
    """A table has no end mark; in MSP the last number itself may be cut, which nothing in the format can show."""
    content = dialects.ALL[dialect](MZ, INTENSITY).encode()
    for length in range(1, len(content.rstrip())):
        spectra, _ = scan(content[:length])
        for spectrum in spectra:
            assert spectrum.n_peaks == 3
            assert dialect.startswith("msp") or spectrum.intensity.tolist()[-1] in {15.25, 15.0}


@pytest.mark.parametrize("dialect", dialects.EXACT)
@pytest.mark.parametrize(
    ("mz", "intensity"),
    [
        ([58.0], [999.0]),
        ([91.0, 58.0], [1.0, 2.0]),
        ([58.0, 58.0], [1.0, 2.0]),
        ([58.0, 91.0], [0.0, 0.0]),
        ([-58.0, 91.0], [-1.0, 2.0]),
    ],
    ids=["single", "unsorted", "duplicate", "all zero", "negative"],
)
def test_odd_but_finite_spectra_are_given_verbatim(dialect: str, mz: list[float], intensity: list[float]) -> None:
    [spectrum], errors = scan(dialects.EXACT[dialect](mz, intensity).encode())
    assert errors == []
    assert (spectrum.mz.tolist(), spectrum.intensity.tolist()) == (mz, intensity)


@pytest.mark.parametrize("dialect", dialects.EXACT)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_are_not_finite_are_refused(dialect: str, value: float) -> None:
    spectra, errors = scan(dialects.EXACT[dialect]([58.0, 91.0], [1.0, value]).encode())
    assert spectra == []
    assert errors


@pytest.mark.parametrize("dialect", [d for d in dialects.EXACT if not d.startswith("mz")])
@pytest.mark.parametrize("text", ["1e999", "1_0", "0x1f", "١٢", "--5", "1.5.5", "5e", "1,2,3"])
def test_what_is_no_number_is_refused(dialect: str, text: str) -> None:
    content = dialects.EXACT[dialect]([58.0, 91.0], [1.0, 77.5]).replace("77.5", text)
    spectra, errors = scan(content.encode())
    assert spectra == []
    assert errors


HOSTILE = {
    "empty": b"",
    "blank": b"\n \n\t\n",
    "zero bytes": b"\0" * 1000,
    "binary": bytes(range(256)) * 40,
    "gzip of nothing": gzip.compress(b""),
    "gzip cut off": gzip.compress(dialects.msp(MZ, INTENSITY).encode())[:-9],
    "gzip with a wrong checksum": gzip.compress(dialects.msp(MZ, INTENSITY).encode())[:-8] + b"\0" * 8,
    "gzip and rubbish": gzip.compress(dialects.msp(MZ, INTENSITY).encode()) + b"rubbish",
    "NUL in a name": dialects.msp(MZ, INTENSITY).replace("a substance", "a\0b").encode(),
    "huge count": b"Name: x\nNum Peaks: 99999999999999999999\n58 999\n",
    "large count": b"Name: x\nNum Peaks: 9999999\n58 999\n",
    "negative count": b"Name: x\nNum Peaks: -1\n58 999\n",
    "huge NPOINTS": b"##TITLE= x\n##DATA TYPE= MASS SPECTRUM\n##NPOINTS= 999999999999\n##PEAK TABLE= (XY..XY)\n1 2\n##END=\n",
    "repeat bomb": b"##TITLE= x\n##DATA TYPE= MASS SPECTRUM\n##FIRSTX= 1\n##DELTAX= 1\n##XYDATA= (X++(Y..Y))\n1A0Z999999999\n##END=\n",
    "document type": b'<?xml version="1.0"?><!DOCTYPE mzML [<!ENTITY a "b">]><mzML>&a;</mzML>',
    "deep XML": b"<mzML>" + b"<a>" * 100_000,
    "empty XML": b"<mzML></mzML>",
    "line of 10 MB": b"Name: x\nNum Peaks: 1\n" + b"58 999 " * 1_500_000,
    "line of 10 MB of spaces": b"Name: x\n" + b" " * 10_000_000 + b"x\nNum Peaks: 1\n58 999\n",
    "line of 10 MB in MGF": b"BEGIN IONS\n" + b"58 999 " * 1_500_000 + b"\nEND IONS\n",
    "line of 10 MB in JCAMP": b"##TITLE= x\n##DATA TYPE= MASS SPECTRUM\n##NPOINTS= 2\n##PEAK TABLE= (XY..XY)\n"
    + b"1 2 " * 2_500_000
    + b"\n##END=\n",
    "line of 10 MB in a table": b"m/z,intensity\n" + b"58,999," * 1_500_000,
    "line of 10 MB in MassBank": b"ACCESSION: x\nCH$NAME: y\nPK$PEAK: m/z int. rel.int.\n  " + b"58 9 9 " * 1_500_000 + b"\n//\n",
    "line of 10 MB of nothing known": b"x" * 10_000_000,
    "only a name": b"Name: x\n",
    "damaged UTF-16": b"\xff\xfeN\x00a",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_file_gives_one_sentence(what: str) -> None:
    spectra, errors = scan(HOSTILE[what])
    assert spectra == []
    assert len(errors) == 1
    assert len(str(errors[0])) < 600


def test_control_characters_of_a_file_never_reach_a_message() -> None:
    _, errors = scan(b"Name: x\nNum Peaks: 1\n\x1b[31mred\x07 999\n")
    assert str(errors[0]).isprintable()


def test_a_missing_file_a_folder_and_a_forbidden_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.msp: cannot be read \(No such file or directory\)"):
        read_spectra(tmp_path / "absent.msp")
    with pytest.raises(InputError, match="is a folder; expected a file"):
        read_spectra(tmp_path)
    with pytest.raises(InputError, match="cannot be the name of a file"):
        read_spectra("a\0b.msp")
    forbidden = tmp_path / "forbidden.msp"
    forbidden.write_text("Name: x\n")
    forbidden.chmod(0)
    if os.access(forbidden, os.R_OK):
        pytest.skip("this user may read every file")
    with pytest.raises(InputError, match="Permission denied"):
        read_spectra(forbidden)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.msp")
    with pytest.raises(InputError, match="not a regular file"):
        read_spectra(tmp_path / "pipe.msp")


def test_a_folder_is_walked_in_order_without_hidden_files(tmp_path: Path) -> None:
    for name in ("b.msp", "a/z.msp", ".hidden.msp", "a/.x/y.msp"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    assert [p.relative_to(tmp_path).as_posix() for p in find_files([tmp_path])] == ["a/z.msp", "b.msp"]
    with pytest.raises(InputError, match="no such file or folder"):
        list(find_files([tmp_path / "absent"]))


def test_an_error_survives_pickling() -> None:
    import pickle

    error = pickle.loads(pickle.dumps(FormatError("f", "a", "b", line=3)))  # noqa: S301 - our own bytes
    assert (str(error), error.line) == ("f:3: a; expected b.", 3)
