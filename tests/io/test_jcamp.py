"""JCAMP-DX: the five forms of its numbers, its checks, and what is refused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nps_ident.errors import FormatError
from nps_ident.io import jcamp, read_spectra, scan_spectra
from nps_ident.io.document import open_document
from nps_ident.io.jcamp_data import Table, decode_ordinates, decode_pairs
from nps_ident.model import Polarity, Technique

if TYPE_CHECKING:
    from pathlib import Path

# Twelve ordinates in each form, encoded by hand with the tables of McDonald & Wilks 1988.
ORDINATES = [10.0, 12, 12, 12, -5, 0, 103, 103, 103, 106, 109, 7]
FORMS = {
    "AFFN": ["100 10 12 12 12 -5 0", "106 103 103 103 106 109 7"],
    "PAC": ["100+10+12+12+12-5+0", "106+103+103+103+106+109+7"],
    "SQZ": ["100A0A2A2A2e@", "106A03A03A03A06A09G"],
    "SQZ and DUP": ["100A0A2Ue@", "106A03UA06A09G"],
    "DIF": ["100A0K%%j7N", "105@J03%%LLj02", "111G"],
    "DIF and DUP": ["100A0K%Tj7N", "105@J03%TLTj02", "111G"],
    "all at once": ["100+10A2Ue@", "106 103%TLTj02", "111G"],
}

EI = """##TITLE= synthetic base
##JCAMP-DX= 4.24 $$ written by hand
##DATA TYPE= MASS SPECTRUM
##.IONIZATION MODE= EI+
##XUNITS= M/Z
##YUNITS= RELATIVE ABUNDANCE
##XFACTOR= 1
##YFACTOR= 1
##MOLFORM= C10 H15 N
##CAS REGISTRY NO= 537-46-2
##NPOINTS= 3
##PEAK TABLE= (XY..XY)
58,999 91,120
134, 15 $$ small
##END=
"""


def table(lines: list[str], **header: float) -> Table:
    return Table(path="t.jdx", lines=list(enumerate(lines, 1)), **header)  # type: ignore[arg-type]


def write(folder: Path, text: str, name: str = "q.jdx") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_numbers(form: str) -> None:
    x, y, findings = decode_ordinates(table(FORMS[form], n_points=12, first_x=100, last_x=111))
    assert y.tolist() == ORDINATES
    assert x.tolist() == list(range(100, 112))
    assert findings == []


def test_factors_scale_both_axes() -> None:
    x, y, _ = decode_ordinates(table(["200A0A2"], n_points=2, first_x=100, last_x=100.5, x_factor=0.5, y_factor=0.01))
    assert x.tolist() == [100.0, 100.5]
    assert y.tolist() == [0.1, 0.12]


def test_a_signed_exponent_is_not_read_as_a_squeezed_five() -> None:
    assert decode_ordinates(table(["1 2E+02 3.5E-01 E3"], n_points=3, first_x=1, last_x=3))[1].tolist() == [200, 0.35, 53]


def test_a_missing_value_stays_missing_and_nothing_is_interpolated() -> None:
    _, y, _ = decode_ordinates(table(["100 10 ? 12", "103A0?A2"], n_points=6, first_x=100, last_x=105))
    np.testing.assert_array_equal(y, [10, np.nan, 12, 10, np.nan, 12])


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["100A0K", "101A3"], r"t\.jdx:2: the Y check is 13; expected 12"),
        (["100 10 12", "103 5"], r"t\.jdx:2: the line begins at X = 103; expected 102"),
        (["100 10 12 5 6"], r"4 points|more than 3"),
        (["100 10 12"], r"2 points in the data; expected NPOINTS= 3"),
        (["100K%%"], r"a difference \(K\) with nothing before it"),
        (["100U%%"], r"a repeat count \(U\) with nothing before it"),
        (["100 ? J 5"], r"a difference \(J\) with nothing before it"),
        (["100A0Z99999999999"], r"repeated 899999999999\d* times|repeated \d+ times"),
        (["100,5 10 12 13"], r"',' in a line of ordinates"),
        (["100 1.5.5 12"], "in a line of ordinates"),
        (["100 A1.5 12"], "in a line of ordinates"),
        (["A0 10 12"], "expected its abscissa"),
        (["100 10 nan 12"], "in a line of ordinates"),
        (["100 10 1E+999 12"], "not finite"),
        (["100 10 12 #5"], "in a line of ordinates"),
        ([], "0 points in the data"),
    ],
)
def test_a_table_that_fails_a_check_is_refused(lines: list[str], message: str) -> None:
    with pytest.raises(FormatError, match=message):
        decode_ordinates(table(lines, n_points=3, first_x=100, last_x=102))


def test_a_repeat_count_cannot_fill_the_memory_without_a_number_of_points() -> None:
    with pytest.raises(FormatError, match="repeated"):
        decode_ordinates(table(["100A0Z99999999999"], first_x=100, delta_x=1))


def test_the_step_comes_from_both_ends_and_a_deltax_that_disagrees_is_said() -> None:
    x, _, findings = decode_ordinates(table(["100 1 2", "102 3"], n_points=3, first_x=100, last_x=102, delta_x=-0.0016))
    assert x.tolist() == [100, 101, 102]
    assert [f.code for f in findings] == ["FILE-004"]


def test_the_step_is_deltax_where_lastx_is_missing() -> None:
    assert decode_ordinates(table(["100 1 2", "99 3"], n_points=3, delta_x=-0.5))[0].tolist() == [100, 99.5, 99]


def test_no_step_at_all_is_refused() -> None:
    with pytest.raises(FormatError, match="neither FIRSTX and LASTX nor DELTAX"):
        decode_ordinates(table(["100 1 2", "102 3"], n_points=3))


def test_a_wrong_factor_shows_in_firsty() -> None:
    findings = decode_ordinates(table(["1 50"], n_points=1, first_y=5.0))[2]
    assert [f.code for f in findings] == ["FILE-005"]


@pytest.mark.parametrize(
    "lines", [["58,999 91,120"], ["58 999", "91 120"], ["58, 999; 91, 120"], ["58\t9.99e2", "91\t1.2E+002"], ["58", "999 91 120"]]
)
def test_pairs_are_read_however_they_are_separated(lines: list[str]) -> None:
    x, y, _ = decode_pairs(table(lines, n_points=2))
    assert x.tolist() == [58, 91]
    assert y.tolist() == [999, 120]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["58,999 91"], "3 numbers; expected an even number"),
        (["58,07 999,5"], "2 pairs in the data; expected NPOINTS= 1"),
        (["58 x9"], "in a line of pairs"),
        (["58-999"], "'-' in a line of pairs"),
        (["? 999"], "missing abscissa"),
        (["58 1e999"], "not finite"),
    ],
)
def test_broken_pairs_are_refused(lines: list[str], message: str) -> None:
    with pytest.raises(FormatError, match=message):
        decode_pairs(table(lines, n_points=1))


def test_a_mass_spectrum_is_read_with_what_its_header_says(tmp_path: Path) -> None:
    [spectrum] = read_spectra(write(tmp_path, EI))
    assert spectrum.name == "synthetic base"
    assert spectrum.mz.tolist() == [58, 91, 134]
    assert spectrum.intensity.tolist() == [999, 120, 15]
    assert spectrum.technique is Technique.EI_MS
    assert spectrum.polarity is Polarity.POSITIVE
    assert (spectrum.label.formula, spectrum.label.cas) == ("C10H15N", "537-46-2")
    assert ("MOLFORM", "C10 H15 N") in spectrum.metadata
    assert spectrum.findings == ()


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
def test_line_ends_of_other_systems_are_read(tmp_path: Path, newline: str) -> None:
    [spectrum] = read_spectra(write(tmp_path, EI.replace("\n", newline)))
    assert spectrum.n_peaks == 3


def test_labels_count_without_case_and_separators(tmp_path: Path) -> None:
    text = EI.replace("##DATA TYPE", "##Data_Type ").replace("##PEAK TABLE", "##XYPOINTS").replace("##NPOINTS", "##N-Points")
    assert read_spectra(write(tmp_path, text))[0].n_peaks == 3


def test_a_missing_intensity_is_left_out_and_said(tmp_path: Path) -> None:
    [spectrum] = read_spectra(write(tmp_path, EI.replace("91,120", "91,?")))
    assert spectrum.mz.tolist() == [58, 134]
    assert [f.code for f in spectrum.findings] == ["FILE-003"]


def test_a_continuous_mass_spectrum_is_read(tmp_path: Path) -> None:
    text = EI.replace(
        "##PEAK TABLE= (XY..XY)\n58,999 91,120\n134, 15", "##FIRSTX= 50\n##LASTX= 50.2\n##XYDATA= (X++(Y..Y))\n50A0K%\n50.2A2"
    )
    [spectrum] = read_spectra(write(tmp_path, text))
    np.testing.assert_allclose(spectrum.mz, [50, 50.1, 50.2])
    assert spectrum.intensity.tolist() == [10, 12, 12]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("##END=\n", ""), "cut off"),
        (("M/Z", "1/CM"), "XUNITS= '1/CM' in a mass spectrum"),
        (("NPOINTS= 3", "NPOINTS= 4"), "expected NPOINTS= 4"),
        (("NPOINTS= 3", "NPOINTS= many"), "##NPOINTS= 'many'"),
        (("NPOINTS= 3", "NPOINTS= 1e300"), "3 pairs"),
        (("YFACTOR= 1", "YFACTOR= 0"), "a factor that is not zero"),
        (("(XY..XY)", "(XYW..XYW)"), r"expected \(XY..XY\)"),
        (("##END=", "##PEAK TABLE= (XY..XY)\n1 2\n##END="), "2 data tables in one block"),
        (("MASS SPECTRUM", "INFRARED SPECTRUM"), "'INFRARED SPECTRUM'; expected MASS SPECTRUM"),
        (("##DATA TYPE= MASS SPECTRUM\n", ""), "without DATA TYPE"),
    ],
)
def test_what_is_no_sound_mass_spectrum_is_refused_in_one_sentence(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    errors: list[str] = []
    path = write(tmp_path, EI.replace(*change))
    assert list(scan_spectra(path, report=lambda e: errors.append(str(e)))) == []
    assert len(errors) == 1
    assert re.search(message, errors[0])


def test_linked_blocks_are_read_each_and_other_techniques_refused_once(tmp_path: Path) -> None:
    infrared = "##TITLE= ir\n##DATA TYPE= INFRARED SPECTRUM\n##XYDATA= (X++(Y..Y))\n1 2\n##END=\n"
    text = (
        "##TITLE= series\n##DATA TYPE= LINK\n##BLOCKS= 4\n" + EI + infrared + infrared + EI.replace("synthetic base", "second") + "##END=\n"
    )
    errors: list[str] = []
    spectra = list(scan_spectra(write(tmp_path, text), report=lambda e: errors.append(str(e))))
    assert [s.name for s in spectra] == ["synthetic base", "second"]
    assert [s.source.index for s in spectra if s.source] == [0, 1]
    assert len(errors) == 1


def test_a_block_that_lost_its_end_does_not_swallow_the_next(tmp_path: Path) -> None:
    errors: list[str] = []
    spectra = list(scan_spectra(write(tmp_path, EI.replace("##END=\n", "") + EI), report=lambda e: errors.append(str(e))))
    assert len(spectra) == 1
    assert len(errors) == 1


def _tables(path: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    text, _ = open_document(path).text()
    return [jcamp.decode(block, path.name)[:2] for block, _ in jcamp.blocks(text) if not block.is_link]


@pytest.mark.realdata
def test_one_measurement_in_five_forms_decodes_to_equal_arrays(realdata: Path) -> None:
    """R. J. Lancashire's test set: o01 is AFFN, the others DIF/DUP, PAC, SQZ and DIF of the same points."""
    folder = realdata / "formats" / "nzhagen__jcamp"
    [(x, y)] = _tables(folder / "o01.jdx")
    assert len(x) == 8192
    assert y.max() == pytest.approx(40556.992188, abs=1e-3)
    for other in ("o02", "o03", "o04", "o05"):
        [(other_x, other_y)] = _tables(folder / f"{other}.jdx")
        np.testing.assert_array_equal(other_x, x)
        np.testing.assert_array_equal(other_y, y)


@pytest.mark.realdata
def test_the_pages_of_ntuples_decode_alike_in_every_form(realdata: Path) -> None:
    folder = realdata / "formats" / "nzhagen__jcamp"
    for family, first, last, n in (("o0678910", 2391.2974, -402.2026, 8192),):
        pages = []
        for name in ("o06", "o07", "o08", "o09", "o10"):
            [block] = [b for b, _ in jcamp.blocks(open_document(folder / f"{name}.jdx").text()[0])]
            tables = [Table(path=family, lines=d[3], n_points=n, first_x=first, last_x=last) for d in block.data]
            pages.append([decode_ordinates(t)[1] for t in tables])
        for other in pages[1:]:
            np.testing.assert_array_equal(other, pages[0])


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "n", "maximum"),
    [
        ("dupdec1.jdx", 3951, 87.1),
        ("dupinc1.jdx", 440, 3.3747),
        ("fixdec1.jdx", 3951, 81.962),
        ("sqzdec1.jdx", 16384, None),
        ("sqzdupd1.jdx", 18669, 1.50501),
        ("jtpolys.jdx", 1844, 1.022816066),
        ("pacdec1.jdx", 3301, None),
        ("xyinc1.jdx", 3601, None),
        ("fixinc5.jdx", 185, None),
    ],
)
def test_real_tables_have_the_points_and_the_maximum_their_header_states(realdata: Path, name: str, n: int, maximum: float | None) -> None:
    [(x, y)] = _tables(realdata / "formats" / "nzhagen__jcamp" / name)
    assert len(x) == len(y) == n
    if maximum is not None:
        assert y.max() == pytest.approx(maximum, rel=1e-3)


@pytest.mark.realdata
def test_a_damaged_real_file_is_refused(realdata: Path) -> None:
    """xyinc2.jdx of the set holds lines of another file."""
    with pytest.raises(FormatError, match="NPOINTS= 298"):
        _tables(realdata / "formats" / "nzhagen__jcamp" / "xyinc2.jdx")


@pytest.mark.realdata
def test_real_mass_spectra_are_read(realdata: Path) -> None:
    formats = realdata / "formats"
    series = read_spectra(formats / "nzhagen__jcamp" / "blckpkt1.jdx")
    assert [s.n_peaks for s in series] == [44, 17, 61, 57, 61, 61]
    assert series[0].intensity.max() == 3.01749e6
    cholesterol = [read_spectra(formats / "nzhagen__jcamp" / name)[0] for name in ("pktab1.jdx", "mactab2.jdx")]
    assert cholesterol[0].mz.tolist() == cholesterol[1].mz.tolist()
    [ethylbenzene] = read_spectra(formats / "cheminfo__jcamp-data-test" / "ethylbenzene_ei.jdx")
    assert (ethylbenzene.n_peaks, ethylbenzene.intensity.max(), ethylbenzene.label.formula) == (37, 9999, "C8H10")
