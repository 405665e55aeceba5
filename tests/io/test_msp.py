"""MSP in its dialects, and the silent errors that other readers make on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nps_ident.errors import FormatError
from nps_ident.io import read_spectra, scan_spectra
from nps_ident.model import MassSpectrum, Polarity, Technique

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, text: str | bytes, name: str = "q.msp") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def one(folder: Path, text: str | bytes) -> MassSpectrum:
    [spectrum] = read_spectra(write(folder, text))
    return spectrum


@pytest.mark.parametrize(
    "peaks",
    [
        "58 999\n91 120\n134 15",
        "58\t999\n91\t120\n134\t15\n",
        "58 999; 91 120; 134 15;\n",
        "58,999 91,120\n134,15",
        "(58,999)(91,120)\n(134,15)",
        "58:999 91:120 134:15",
        "[58; 999];[91; 120];[134; 15];",
        '58 999 "C3H8N+"\n91 120 "a; b, 3"\n134 15\n',
        "58.0 9.99e2\n91. 1.2E+02\n134 15.0",
        "58 999 91 120 134 15",
    ],
)
def test_peaks_are_read_however_they_are_separated(tmp_path: Path, peaks: str) -> None:
    spectrum = one(tmp_path, f"Name: x\nNum Peaks: 3\n{peaks}")
    assert spectrum.mz.tolist() == [58, 91, 134]
    assert spectrum.intensity.tolist() == [999, 120, 15]


def test_one_line_peaks_do_not_become_mz_one(tmp_path: Path) -> None:
    assert one(tmp_path, "Name: x\nNum Peaks: 2\n146 600; 189 350;\n").mz.tolist() == [146, 189]


def test_repeated_synonyms_are_all_kept_in_order(tmp_path: Path) -> None:
    spectrum = one(tmp_path, "Name: x\nSynon: b\nSynon: a\nSynon: c\nNum Peaks: 1\n58 999\n")
    assert spectrum.label.synonyms == ("b", "a", "c")


def test_a_registry_number_on_one_line_with_another_is_split(tmp_path: Path) -> None:
    spectrum = one(tmp_path, "Name: fentanyl\nCAS#: 437-38-7;  NIST#: 12345\nNum Peaks: 1\n245 999\n")
    assert spectrum.label.cas == "437-38-7"
    assert ("NIST#", "12345") in spectrum.metadata


def test_a_semicolon_in_a_name_does_not_end_it(tmp_path: Path) -> None:
    assert one(tmp_path, "Name: a; b\nNum Peaks: 1\n58 999\n").name == "a; b"


@pytest.mark.parametrize(("encoding", "said"), [("cp1252", "cp1252"), ("utf-16", "utf-16")])
def test_another_encoding_is_read_whole_and_said(tmp_path: Path, encoding: str, said: str) -> None:
    spectrum = one(tmp_path, "Name: β-Keto – Müller\nNum Peaks: 1\n58 999\n".replace("β", "b").encode(encoding))
    assert spectrum.name == "b-Keto – Müller"
    assert [f.code for f in spectrum.findings] == ["FILE-001"]
    assert said in spectrum.findings[0].text


def test_a_byte_no_other_encoding_has_is_kept(tmp_path: Path) -> None:
    assert one(tmp_path, b"Name: a\x81b\nNum Peaks: 1\n58 999\n").name == "a\x81b"


def test_peaks_stay_unsorted_and_repeated_as_the_file_has_them(tmp_path: Path) -> None:
    assert one(tmp_path, "Name: x\nNum Peaks: 3\n91 1\n58 2\n58 3\n").mz.tolist() == [91, 58, 58]


def test_fields_are_translated(tmp_path: Path) -> None:
    text = (
        "Name: Fentanyl\nInChIKey: PJMPHNIQZUBGLI-UHFFFAOYSA-N\nFormula: C22H28N2O\nExactMass: 336.2202\nPrecursorMZ: 337.2274\n"
        "Precursor_type: [M+H]+\nSpectrum_type: MS2\nIon_mode: POSITIVE\nInstrument_type: LC-ESI-QTOF\nCollision_energy: 30 eV\n"
        "Retention_index: 2690\nDB#: X1\nContributor: a lab\nLicense: CC0\nUnheard of: yes\nNum Peaks: 1\n188.1434 999\n"
    )
    spectrum = one(tmp_path, text)
    assert (spectrum.precursor_mz, spectrum.precursor_decimals, spectrum.adduct) == (337.2274, 4, "[M+H]+")
    assert (spectrum.technique, spectrum.polarity) == (Technique.MSMS, Polarity.POSITIVE)
    assert (spectrum.collision_energy, spectrum.instrument_type, spectrum.retention_index) == ("30 eV", "LC-ESI-QTOF", 2690)
    assert (spectrum.accession, spectrum.contributor, spectrum.licence) == ("X1", "a lab", "CC0")
    assert spectrum.label.inchikey == "PJMPHNIQZUBGLI-UHFFFAOYSA-N"
    assert ("Unheard of", "yes") in spectrum.metadata


def test_fields_in_a_mona_comment_are_translated(tmp_path: Path) -> None:
    text = 'Name: x\nComments: "SMILES=CCO" "license=CC BY" "CASRN=64-17-5"\nNum Peaks: 1\n31 999\n'
    spectrum = one(tmp_path, text)
    assert (spectrum.label.smiles, spectrum.licence) == ("CCO", "CC BY")


@pytest.mark.parametrize(
    ("field", "technique"),
    [
        ("Instrument_type: GC-EI-Q\nPrecursorMZ: 336", Technique.EI_MS),
        ("Instrument_type: DART-TOF is-CID", Technique.DART_MS),
        ("PrecursorMZ: 337.2", Technique.MSMS),
        ("Spectrum_type: MS1\nPrecursorMZ: 337.2", None),
        ("Spectrum_type: MS/MS", Technique.MSMS),
        ("Instrument_type: LC-DEIMS", None),
        ("Comment: EI", None),
    ],
)
def test_the_technique_is_what_the_file_says_or_nothing(tmp_path: Path, field: str, technique: Technique | None) -> None:
    assert one(tmp_path, f"Name: x\n{field}\nNum Peaks: 1\n58 999\n").technique is technique


def test_the_technique_of_the_caller_fills_a_gap_only(tmp_path: Path) -> None:
    path = write(tmp_path, "Name: x\nNum Peaks: 1\n58 999\n\nName: y\nInstrument_type: DART\nNum Peaks: 1\n58 999\n")
    assert [s.technique for s in read_spectra(path, technique=Technique.EI_MS)] == [Technique.EI_MS, Technique.DART_MS]


@pytest.mark.parametrize("text", ["308,2227", "308.2.2", "unknown", "0", "-1", "nan"])
def test_a_precursor_that_is_no_plain_number_is_absent_not_half_read(tmp_path: Path, text: str) -> None:
    spectrum = one(tmp_path, f"Name: x\nPrecursorMZ: {text}\nNum Peaks: 1\n58 999\n")
    assert spectrum.precursor_mz is None
    assert ("PrecursorMZ", text) in spectrum.metadata


@pytest.mark.parametrize(
    ("name", "labelled"),
    [("Fentanyl-d5", True), ("d5-fentanyl", True), ("[2H5]fentanyl", True), ("13C6-cocaine", True), ("D-Amphetamine", False),
     ("2C-D", False),
     ("Vitamin D3", False), ("MDMA", False)],
)  # fmt: skip
def test_an_isotope_label_is_told_by_the_name_where_there_is_no_structure(tmp_path: Path, name: str, labelled: bool) -> None:
    assert one(tmp_path, f"Name: {name}\nNum Peaks: 1\n58 999\n").label.isotope_labelled is labelled


def test_an_unnamed_record_is_called_after_its_file_and_place(tmp_path: Path) -> None:
    assert one(tmp_path, "Formula: H2\nNum Peaks: 1\n2 999\n").name == "q#0"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Name: x\nNum Peaks: 3\n58 999\n91 120\n", r"q\.msp:2: 2 peaks follow 'Num Peaks: 3'; expected 3 peaks"),
        ("Name: x\nNum Peaks: 1\n58 999\n91 120\n", r"q\.msp:2: 2 peaks follow 'Num Peaks: 1'"),
        ("Name: x\nNum Peaks: many\n58 999\n", r"q\.msp:2: the number of peaks is 'many'"),
        ("Name: x\nNum Peaks: 1\n58 999 1\n", r"q\.msp:3: peak line has 3 numbers"),
        ("Name: x\nNum Peaks: 1\n58,07 999,5\n", r"q\.msp:2: 2 peaks follow"),
        ("Name: x\nNum Peaks: 1\n58 nan\n", r"q\.msp:3: peak line '58 nan' holds 'nan'"),
        ("Name: x\nNum Peaks: 2\n58 1\n91 1e999\n", "not finite"),
        ("Name: x\nFormula H2\nNum Peaks: 1\n58 999\n", r"q\.msp:2: 'Formula H2' stands before 'Num Peaks'"),
        ("Name: x\nFormula: H2\n58 999\n", "no 'Num Peaks' line"),
        ("Name: x\nNum Peaks: 1\n58 999\n\n91 120\n", r"q\.msp:5: '91 120' belongs to no record"),
    ],
)
def test_a_broken_record_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_spectra(write(tmp_path, text))


GOOD = "Name: good\nNum Peaks: 1\n58 999\n"


@pytest.mark.parametrize("gap", ["", "\n", "\n\n", "  \n"])
@pytest.mark.parametrize(
    "bad",
    [
        "Name: bad\nNum Peaks: 2\n58 999\n",
        "Name: bad\nNum Peaks: x\n58 999\n",
        "Name: bad\nFormula H2\nNum Peaks: 1\n58 999\n",
        "Name: bad\nNum Peaks: 2\n58 999 1\n91 1\n",
        "Name: bad\nFormula: H2\n",
    ],
)
def test_a_bad_record_costs_one_error_and_neither_neighbour(tmp_path: Path, bad: str, gap: str) -> None:
    errors: list[str] = []
    path = write(tmp_path, GOOD.replace("good", "before") + gap + bad + gap + GOOD)
    spectra = list(scan_spectra(path, report=lambda e: errors.append(str(e))))
    assert [(s.name, s.n_peaks, s.label.formula) for s in spectra] == [("before", 1, None), ("good", 1, None)]
    assert len(errors) == 1


@pytest.mark.realdata
def test_every_record_of_the_real_libraries_is_read(realdata: Path) -> None:
    for name in (
        "ei/reference.msp",
        "ei/queries_dev.msp",
        "msms/reference.msp",
        "dart/reference_4.msp",
        "dart/raw_10.msp",
        "dart/mixtures.msp",
    ):
        path = realdata / name
        text = path.read_text(encoding="utf-8")
        spectra = read_spectra(path)
        assert len(spectra) == sum(line.lower().startswith("num peaks") for line in text.splitlines())
        assert sum(s.n_peaks for s in spectra) == sum(
            int(line.split(":")[1]) for line in text.splitlines() if line.lower().startswith("num peaks")
        )


@pytest.mark.realdata
def test_the_dialects_of_the_mssearchr_tests_read_alike(realdata: Path) -> None:
    folder = realdata / "formats" / "AndreySamokhin__mssearchr"
    for name in ("delimiters.msp", "number_format.msp"):
        spectra = read_spectra(folder / name)
        assert len({(tuple(s.mz), tuple(s.intensity)) for s in spectra}) == 1
        assert spectra[0].n_peaks == 23
    assert len(read_spectra(folder / "merge_synon_fields.msp")[0].label.synonyms) > 1
    for broken in ("numpeaks_field_incorrect.msp", "numpeaks_field_missing.msp"):
        with pytest.raises(FormatError):
            read_spectra(folder / broken)


@pytest.mark.realdata
def test_real_dialects_of_other_tools_are_read(realdata: Path) -> None:
    folder = realdata / "formats" / "matchms__matchms"
    compound_a, jwh = read_spectra(folder / "multiline_semicolon.msp")
    assert (compound_a.n_peaks, jwh.n_peaks) == (15, 10)
    for path in sorted(folder.glob("*.msp")):
        assert read_spectra(path)
