"""MGF, of Mascot and of GNPS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nps_ident.errors import FormatError
from nps_ident.io import read_spectra, scan_spectra
from nps_ident.model import Polarity, Technique

if TYPE_CHECKING:
    from pathlib import Path

MASCOT = """# exported by hand
COM=a run
CHARGE=1+

BEGIN IONS
TITLE=Scan 7 (seizure 12)
PEPMASS=308.2227 51234.5
RTINSECONDS=311.2
58.0651 12
84.0808\t999.5
105.0699 3.2e2 1+
END IONS
"""
GNPS = """BEGIN IONS
PEPMASS=183.057
MSLEVEL=2
IONMODE=negative
NAME=fuberidazole M-H
SMILES=C1=CC=C2C(=C1)NC(=N2)C3=CC=CO3
INCHIAUX=N/A
SPECTRUMID=SYNTH0001
70.78 213.6
END IONS
BEGIN IONS
TITLE=empty
END IONS
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "q.mgf"
    path.write_bytes(text.encode())
    return path


def test_a_mascot_spectrum_is_read_with_the_parameters_of_the_whole_file(tmp_path: Path) -> None:
    [spectrum] = read_spectra(write(tmp_path, MASCOT))
    assert spectrum.name == "Scan 7 (seizure 12)"
    assert spectrum.mz.tolist() == [58.0651, 84.0808, 105.0699]
    assert spectrum.intensity.tolist() == [12, 999.5, 320]
    assert (spectrum.precursor_mz, spectrum.precursor_decimals) == (308.2227, 4)
    assert spectrum.technique is Technique.MSMS
    assert spectrum.polarity is Polarity.POSITIVE
    assert ("PEPMASS", "308.2227 51234.5") in spectrum.metadata
    assert ("COM", "a run") in spectrum.metadata


def test_a_gnps_library_spectrum_names_its_substance(tmp_path: Path) -> None:
    spectrum, empty = read_spectra(write(tmp_path, GNPS))
    assert (spectrum.name, spectrum.label.name) == ("fuberidazole M-H", "fuberidazole M-H")
    assert spectrum.accession == "SYNTH0001"
    assert spectrum.polarity is Polarity.NEGATIVE
    assert spectrum.label.inchikey is None
    assert empty.n_peaks == 0
    assert empty.technique is None


def test_the_title_names_the_spectrum_and_the_name_the_substance(tmp_path: Path) -> None:
    [spectrum] = read_spectra(write(tmp_path, MASCOT.replace("RTINSECONDS", "NAME=cocaine\nRTINSECONDS")))
    assert (spectrum.name, spectrum.label.name) == ("Scan 7 (seizure 12)", "cocaine")


def test_a_spectrum_overrides_a_parameter_of_the_file(tmp_path: Path) -> None:
    [spectrum] = read_spectra(write(tmp_path, MASCOT.replace("RTINSECONDS", "CHARGE=1-\nRTINSECONDS")))
    assert spectrum.polarity is Polarity.NEGATIVE


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("END IONS\n", ""), r"q\.mgf:5: the spectrum is cut off"),
        (("58.0651 12", "58.0651"), r"q\.mgf:9: the line is '58\.0651'"),
        (("58.0651 12", "58,0651 12"), r"q\.mgf:9: peak line '58,0651 12' is no number"),
        (("58.0651 12", "58.0651 nan"), "is no number"),
        (("58.0651 12", "58.0651 1_2"), "is no number"),
        (("58.0651 12", "58.0651 1e999"), "is no finite number"),
        (("58.0651 12", "58.0651 12 84.08 5"), "expected KEY=value, or m/z, intensity"),
        (("58.0651 12", "58.0651 12 annotated"), "perhaps charge"),
        (("COM=a run", "a run"), r"q\.mgf:2: 'a run' belongs to no spectrum"),
    ],
)
def test_a_broken_spectrum_is_refused_with_its_line(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_spectra(write(tmp_path, MASCOT.replace(*change)))


def test_reading_goes_on_behind_a_broken_spectrum(tmp_path: Path) -> None:
    errors: list[str] = []
    text = MASCOT.replace("58.0651 12", "?") + MASCOT.replace("END IONS\n", "") + GNPS
    spectra = list(scan_spectra(write(tmp_path, text), report=lambda e: errors.append(str(e))))
    assert [s.source.index for s in spectra if s.source] == [2, 3]
    assert len(errors) == 2


@pytest.mark.realdata
def test_real_files_are_read_whole(realdata: Path) -> None:
    formats = realdata / "formats"
    mascot = read_spectra(formats / "levitsky__pyteomics" / "test.mgf")
    assert [(s.name, s.n_peaks, s.precursor_mz) for s in mascot] == [("Spectrum 1", 6, 983.6), ("Spectrum 2", 6, 1084.9)]
    for name in ("testdata.mgf", "pesticides.mgf"):
        path = formats / "matchms__matchms" / name
        assert len(read_spectra(path)) == path.read_text().count("BEGIN IONS")


def test_several_charges_without_an_adduct_are_protons_and_that_is_said(tmp_path: Path) -> None:
    file = tmp_path / "two.mgf"
    file.write_text("BEGIN IONS\nTITLE=two\nPEPMASS=152.5796\nCHARGE=2+\n58.065 999\nEND IONS\n", encoding="utf-8")
    [spectrum] = read_spectra(file)
    assert spectrum.adduct == "[M+2H]2+"
    assert [finding.code for finding in spectrum.findings] == ["FILE-014"]
    file.write_text("BEGIN IONS\nTITLE=one\nPEPMASS=304.1543\nCHARGE=1+\n58.065 999\nEND IONS\n", encoding="utf-8")
    [single] = read_spectra(file)
    assert single.adduct is None
    assert not single.findings
