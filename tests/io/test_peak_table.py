"""Peak tables: columns by name, delimiters, and commas that are only read where they mean one thing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nps_ident.errors import FormatError
from nps_ident.io import read_spectra, scan_spectra
from nps_ident.model import Polarity, Technique

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, text: str, name: str = "q.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [
        "m/z,intensity\n58.0651,999\n91.0542,120.5\n",
        "mz;Abundance\r\n58.0651;999\r\n91.0542;120.5\r\n",
        "\ufeffMass (m/z)\tRel. Int.\n58.0651\t999\n91.0542\t120.5\n",
        "Intensity, m/z\n999, 58.0651\n120.5, 91.0542\n",
        '"m/z","intensity","annotation"\n"58.0651","999","C3H8N+, base"\n"91.0542","120.5",\n',
        "No,m/z,Height,Width\n1,58.0651,999,0.1\n2,91.0542,120.5,0.1\n",
        "m/z,intensity,\n58.0651,999,\n91.0542,120.5,\n",
    ],
)
def test_columns_are_found_by_their_names(tmp_path: Path, text: str) -> None:
    [spectrum] = read_spectra(write(tmp_path, text))
    assert spectrum.name == "q#0"
    assert spectrum.mz.tolist() == [58.0651, 91.0542]
    assert spectrum.intensity.tolist() == [999, 120.5]
    assert spectrum.findings == ()


def test_lines_above_the_table_are_read_as_fields(tmp_path: Path) -> None:
    text = "# Name: exhibit 17\n# Instrument type: DART-TOF\n# just a remark\nIon mode: positive\n"
    text += "PrecursorMZ: 337.2274\nm/z,intensity\n188.14,999\n"
    [spectrum] = read_spectra(write(tmp_path, text))
    assert spectrum.name == "exhibit 17"
    assert spectrum.technique is Technique.DART_MS
    assert spectrum.polarity is Polarity.POSITIVE
    assert spectrum.precursor_mz == 337.2274


@pytest.mark.parametrize("text", ["58.0651,999\n91.0542,120.5\n", "58.0651\t999\n91.0542\t120.5", "58.0651; 999\n91.0542; 120.5\n"])
def test_two_columns_without_names_are_taken_as_mz_and_intensity_and_that_is_said(tmp_path: Path, text: str) -> None:
    [spectrum] = read_spectra(write(tmp_path, text))
    assert spectrum.mz.tolist() == [58.0651, 91.0542]
    assert [f.code for f in spectrum.findings] == ["FILE-008"]


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_decimal_comma_is_read_where_it_means_one_thing(tmp_path: Path, delimiter: str) -> None:
    text = f"m/z{delimiter}intensity\n58,0651{delimiter}999\n91,0542{delimiter}120,5\n"
    [spectrum] = read_spectra(write(tmp_path, text))
    assert spectrum.mz.tolist() == [58.0651, 91.0542]
    assert spectrum.intensity.tolist() == [999, 120.5]
    assert [f.code for f in spectrum.findings] == ["FILE-007"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("m/z,intensity\n58,0651,999\n91,0542,120\n", r"q\.csv:2: a row of 3 columns under 2 names"),
        ("58,0651,999\n91,0542,120\n", "rows of 3 columns without column names"),
        ("m/z;intensity\n58;1,234\n91;2,345\n", r"q\.csv:2: the number '1,234' can be read in more than one way"),
        ("m/z;intensity\n58.07;1,5\n91.05;2,5\n", "more than one way"),
        ("m/z;intensity\n58;1.234,5\n91;2,5\n", "more than one way"),
        ("m/z,intensity\n58,\n", r"q\.csv:2: '' in column 2 is no number"),
        ("m/z,intensity\n58,999\nsum,1\n", r"q\.csv:3: 'sum' in column 1 is no number"),
        ("m/z,intensity\n58,nan\n", "is no number"),
        ("m/z,intensity\n58,1e999\n", "is no finite number"),
        ("m/z,intensity\n", "a table without rows"),
        ("m/z,intensity,scan\n58,999,1\n58,99,2\n", "'scan' holds several values; expected one spectrum a table"),
        ("m/z,mass,intensity\n58,58,999\n", "one column of m/z and one of intensity"),
        ("wavenumber,absorbance\n4000,0.1\n", "no known format"),
        ('m/z,intensity\n"58,999\n', "quoted wrongly"),
        ("58,999,1\n91,120,2\n", "rows of 3 columns"),
    ],
)
def test_a_table_that_can_be_misread_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_spectra(write(tmp_path, text))


def test_the_intensity_column_that_was_read_is_named_where_there_are_several(tmp_path: Path) -> None:
    [spectrum] = read_spectra(write(tmp_path, "m/z,rel. int.,intensity\n58,100,7000\n"))
    assert spectrum.intensity.tolist() == [7000]
    assert [f.code for f in spectrum.findings] == ["FILE-010"]


@pytest.mark.parametrize("text", ["just some words\nand more\n", "1 2 3\n", "{}\n", "a,b\nc,d\n", "\n\n"])
def test_other_text_is_no_peak_table(tmp_path: Path, text: str) -> None:
    errors: list[str] = []
    assert list(scan_spectra(write(tmp_path, text), report=lambda e: errors.append(str(e)))) == []
    assert len(errors) == 1
