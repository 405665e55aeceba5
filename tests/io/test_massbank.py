"""MassBank records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nps_ident.errors import FormatError
from nps_ident.io import read_spectra, scan_spectra
from nps_ident.model import Polarity, Technique

if TYPE_CHECKING:
    from pathlib import Path

RECORD = """ACCESSION: MSBNK-Some_Lab-XX000001
RECORD_TITLE: Fentanyl; LC-ESI-QTOF; MS2; CE: 30 eV; [M+H]+
DATE: 2020.01.01
AUTHORS: A laboratory
LICENSE: CC BY
CH$NAME: Fentanyl
CH$NAME: N-phenyl-N-[1-(2-phenylethyl)piperidin-4-yl]propanamide
CH$COMPOUND_CLASS: N/A
CH$FORMULA: C22H28N2O
CH$EXACT_MASS: 336.2202
CH$SMILES: CCC(=O)N(C1CCN(CC1)CCC2=CC=CC=C2)C3=CC=CC=C3
CH$IUPAC: InChI=1S/C22H28N2O/c1-2-22(25)24(20-11-7-4-8-12-20)21-14-17-23(18-15-21)16-13-19-9-5-3-6-10-19/h3-12,21H,2,13-18H2,1H3
CH$LINK: CAS 437-38-7
CH$LINK: INCHIKEY PJMPHNIQZUBGLI-UHFFFAOYSA-N
AC$INSTRUMENT: A machine
AC$INSTRUMENT_TYPE: LC-ESI-QTOF
AC$MASS_SPECTROMETRY: MS_TYPE MS2
AC$MASS_SPECTROMETRY: ION_MODE POSITIVE
AC$MASS_SPECTROMETRY: COLLISION_ENERGY 30 eV
MS$FOCUSED_ION: PRECURSOR_M/Z 337.2274
MS$FOCUSED_ION: PRECURSOR_TYPE [M+H]+
PK$SPLASH: splash10-synthetic
PK$ANNOTATION: m/z tentative_formula
  188.1434 C13H18N+
PK$NUM_PEAK: 2
PK$PEAK: m/z int. rel.int.
  105.0699 1234.5 412
  188.1434 2990.1 999
//
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "records.txt"
    path.write_bytes(text.encode())
    return path


def test_a_record_is_read_with_its_substance_and_conditions(tmp_path: Path) -> None:
    [spectrum] = read_spectra(write(tmp_path, RECORD))
    assert spectrum.name == spectrum.accession == "MSBNK-Some_Lab-XX000001"
    assert spectrum.contributor == "Some_Lab"
    assert spectrum.licence == "CC BY"
    assert spectrum.mz.tolist() == [105.0699, 188.1434]
    assert spectrum.intensity.tolist() == [1234.5, 2990.1]
    assert spectrum.technique is Technique.MSMS
    assert spectrum.polarity is Polarity.POSITIVE
    assert (spectrum.precursor_mz, spectrum.precursor_decimals, spectrum.adduct) == (337.2274, 4, "[M+H]+")
    assert (spectrum.collision_energy, spectrum.instrument_type) == ("30 eV", "LC-ESI-QTOF")
    label = spectrum.label
    assert (label.name, label.synonyms) == ("Fentanyl", ("N-phenyl-N-[1-(2-phenylethyl)piperidin-4-yl]propanamide",))
    assert (label.inchikey, label.cas, label.formula, label.exact_mass) == (
        "PJMPHNIQZUBGLI-UHFFFAOYSA-N",
        "437-38-7",
        "C22H28N2O",
        336.2202,
    )
    assert ("AC$MASS_SPECTROMETRY", "ION_MODE POSITIVE") in spectrum.metadata


def test_several_records_of_one_file_are_read_in_order(tmp_path: Path) -> None:
    spectra = read_spectra(write(tmp_path, RECORD + "\n" + RECORD.replace("XX000001", "XX000002")))
    assert [s.accession for s in spectra] == ["MSBNK-Some_Lab-XX000001", "MSBNK-Some_Lab-XX000002"]


def test_electron_ionisation_is_told_by_the_instrument_type(tmp_path: Path) -> None:
    text = RECORD.replace("LC-ESI-QTOF\nAC$MASS_SPECTROMETRY: MS_TYPE MS2", "GC-EI-Q\nAC$MASS_SPECTROMETRY: MS_TYPE MS")
    assert read_spectra(write(tmp_path, text))[0].technique is Technique.EI_MS


def test_a_first_stage_spectrum_with_a_precursor_is_not_called_msms(tmp_path: Path) -> None:
    assert read_spectra(write(tmp_path, RECORD.replace("MS_TYPE MS2", "MS_TYPE MS")))[0].technique is None


def test_a_withdrawn_record_is_said(tmp_path: Path) -> None:
    [spectrum] = read_spectra(write(tmp_path, RECORD.replace("DATE:", "DEPRECATED: 2021.01.01 wrong\nDATE:")))
    assert [f.code for f in spectrum.findings] == ["FILE-009"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("//\n", ""), r"records\.txt:1: the record is cut off"),
        (("PK$NUM_PEAK: 2", "PK$NUM_PEAK: 3"), r"records\.txt:25: 2 peaks follow 'PK\$NUM_PEAK: 3'"),
        (("PK$NUM_PEAK: 2\n", ""), "2 peaks follow"),
        (("1234.5 412", "1234.5"), r"records\.txt:27: peak line has 2 numbers"),
        (("1234.5 412", "12,5 412"), "is no number"),
        (("1234.5 412", "inf 412"), "is no number"),
        (("m/z int. rel.int.", "rel.int. m/z"), r"the columns of PK\$PEAK"),
        (("PK$PEAK: m/z int. rel.int.\n", ""), "continues nothing"),
        (("DATE:", "DATE"), r"records\.txt:3: the line is 'DATE 2020\.01\.01'"),
    ],
)
def test_a_broken_record_is_refused_with_its_line(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_spectra(write(tmp_path, RECORD.replace(*change)))


def test_reading_goes_on_behind_a_broken_record(tmp_path: Path) -> None:
    errors: list[str] = []
    spectra = list(scan_spectra(write(tmp_path, RECORD.replace("DATE:", "DATE") + RECORD), report=lambda e: errors.append(str(e))))
    assert len(spectra) == len(errors) == 1
