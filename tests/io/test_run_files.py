"""Whole runs from SPC, ANDI and mzML files: values, what makes a run, and files that are damaged or hostile."""

from __future__ import annotations

import csv
import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runs_made_up import SCANS, andi, header, mzml, spc, spc_old

from nps_ident.errors import FormatError, InputError
from nps_ident.io import read_run, read_spectra, scan_queries, scan_spectra
from nps_ident.io.document import open_document
from nps_ident.io.spc import subfiles
from nps_ident.model import MassSpectrum, Run, Technique

if TYPE_CHECKING:
    from pathlib import Path


def written(folder: Path, data: bytes, name: str = "run.dat") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def scanned(path: Path, technique: Technique | None = None) -> tuple[list[MassSpectrum | Run], list[str]]:
    errors: list[InputError] = []
    found = list(scan_queries(path, report=errors.append, technique=technique))
    assert all("\n" not in str(error) and str(error).endswith(".") for error in errors)
    return found, [str(error) for error in errors]


FORMS = {
    "SPC, 32-bit": spc(),
    "SPC, 16-bit": spc(short=True),
    "SPC, floats": spc(floats=True),
    "ANDI": andi(),
    "ANDI, scaled": andi(mass_scale=0.05),
    "mzML": mzml().encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_scans_come_back_with_their_times_and_peaks(form: str, tmp_path: Path) -> None:
    run = read_run(written(tmp_path, FORMS[form]), report=lambda error: pytest.fail(str(error)))
    assert run.name == "run"
    assert run.technique is Technique.EI_MS
    assert run.times_s == pytest.approx([60.0 * time for time, _, _ in SCANS], abs=1e-4)
    for scan, (_, mz, intensity) in zip(run.scans, SCANS, strict=True):
        assert scan.mz == pytest.approx(mz, abs=1e-4)
        assert scan.intensity == pytest.approx(intensity, rel=1e-4)
        assert scan.mz.dtype == np.float64
        assert scan.mz.dtype.isnative


def test_scale_factor_and_byte_order_are_applied(tmp_path: Path) -> None:
    """Short integers of twentieths: without the factor m/z 58 would be 1160; with the bytes swapped, 34820."""
    data = andi(mass_scale=0.05)
    assert struct.pack(">h", 1160) in data
    [first, *_] = [scan for scan in read_spectra(written(tmp_path, data)) if scan.n_peaks]
    assert first.mz[0] == pytest.approx(58.0)


def test_minutes_in_andi_are_minutes_and_other_units_are_refused(tmp_path: Path) -> None:
    assert read_spectra(written(tmp_path, andi(units="Minutes")))[0].retention_time_s == pytest.approx(60.0 * 240.0)
    with pytest.raises(FormatError, match="scan times in 'fortnights'"):
        read_spectra(written(tmp_path, andi(units="fortnights")))


def test_the_old_form_swaps_the_halves_of_its_integers(tmp_path: Path) -> None:
    times, rows = [4.0 + 0.01 * i for i in range(12)], [[float(i), 70000.0 / 8, 0.25] for i in range(12)]
    run = read_run(written(tmp_path, spc_old(times, rows)), report=lambda error: pytest.fail(str(error)))
    assert [scan.intensity.tolist() for scan in run.scans] == rows
    assert run.scans[0].mz.tolist() == [50.0, 51.0, 52.0]
    assert run.times_s == pytest.approx([60.0 * time for time in times], abs=1e-3)
    assert {finding.code for finding in run.findings} == {"SPEC-001", "FILE-016"}


def test_a_technique_that_no_file_names_is_a_finding_and_accurate_masses_are_no_run(tmp_path: Path) -> None:
    assert [finding.code for finding in read_run(written(tmp_path, spc()), report=print).findings] == ["SPEC-001"]
    assert read_run(written(tmp_path, andi()), report=print).findings == ()
    accurate = [(time, [m + 0.0123 for m in mz], intensity) for time, mz, intensity in SCANS]
    found, errors = scanned(written(tmp_path, spc(accurate)))
    assert len(found) == 15
    assert all(isinstance(scan, MassSpectrum) for scan in found)
    [run], _ = scanned(written(tmp_path, spc(accurate)), Technique.EI_MS)
    assert isinstance(run, Run)
    assert errors == []


def test_scans_of_a_second_stage_or_another_ion_source_are_spectra_and_not_a_run(tmp_path: Path) -> None:
    found, _ = scanned(written(tmp_path, mzml(levels=[1, 1, 2] * 5).encode()))
    assert [type(item) for item in found] == [MassSpectrum] * 15
    assert [scan.name for scan in found] == [f"scan={i + 1}" for i in range(15)], "in the order of the file"


@pytest.mark.parametrize("data", [mzml(source="MS:1000073").encode(), andi(mode="Chemical Ionization")], ids=["electrospray", "CI"])
def test_unit_masses_of_another_stated_ion_source_are_never_taken_for_electron_ionisation(data: bytes, tmp_path: Path) -> None:
    found, _ = scanned(written(tmp_path, data))
    assert [type(item) for item in found] == [MassSpectrum] * 15
    assert {scan.technique for scan in found} == {None}


def test_few_scans_are_spectra_and_not_a_run(tmp_path: Path) -> None:
    found, errors = scanned(written(tmp_path, spc(SCANS[:11])))
    assert [type(item) for item in found] == [MassSpectrum] * 11
    assert errors == []
    with pytest.raises(InputError, match=r"is no GC–MS run; expected 12 scans"):
        read_run(written(tmp_path, spc(SCANS[:11])), report=print)


def test_a_scan_whose_time_goes_back_is_left_out_and_said(tmp_path: Path) -> None:
    scans = [*SCANS[:7], (3.0, [58.0], [1.0]), *SCANS[7:]]
    [run], [error] = scanned(written(tmp_path, spc(scans)))
    assert isinstance(run, Run)
    assert len(run.scans) == 15
    assert "1 scans whose time does not ascend" in error
    assert "FILE-015" in [finding.code for finding in run.findings]


@pytest.mark.parametrize("cut", [40, 200, 300])
def test_a_run_that_stops_in_the_middle_gives_what_was_read_and_one_sentence(cut: int, tmp_path: Path) -> None:
    whole = spc()
    [run], errors = scanned(written(tmp_path, whole[:-cut]))
    assert isinstance(run, Run)
    assert 12 <= len(run.scans) <= 15
    assert [scan.mz.tolist() for scan in run.scans] == [pytest.approx(mz, abs=1e-4) for _, mz, _ in SCANS[: len(run.scans)]]
    assert len(errors) == 1
    assert "cut off" in errors[0]
    assert "FILE-015" in [finding.code for finding in run.findings]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (spc(x_unit=1), "whose x axis is wavenumber; expected m/z"),
        (spc(version=0x4C), "version 0x4C"),
        (spc(n_subfiles=-1), "counts .* -1 subfiles"),
        (header(flags=0x04, n_points=2**31 - 1, n_subfiles=2**31 - 1), "2147483647 points in a file of 512 bytes"),
        (spc_old([1.0], [[1.0]], x_unit=1), "wavenumber"),
        (b"\x89HDF\r\n\x1a\n" + bytes(500), "netCDF-4"),
        (b"CDF\x01" + bytes(300), "without scan_index"),
        (b"CDF\x01" + b"\xff" * 300, "damaged or cut-off netCDF"),
        (andi()[:-9], "damaged or cut-off netCDF"),
        (andi(point_count=[2**31 - 1] * 15), "of 21 points"),
        (andi(scan_index=[-5] * 15), "from place -5 on"),
    ],
)
def test_hostile_and_foreign_files_are_refused_in_one_sentence(data: bytes, said: str, tmp_path: Path) -> None:
    errors: list[InputError] = []
    list(scan_spectra(written(tmp_path, data), report=errors.append))
    assert errors
    with pytest.raises(InputError, match=said):
        raise errors[0]


def test_a_directory_that_names_one_scan_a_thousand_times_is_not_followed(tmp_path: Path) -> None:
    scans = [(4.0, [50.0 + 0.05 * i for i in range(2000)], [1.0] * 2000)] + [(4.0 + i / 1000, [], []) for i in range(1, 1000)]
    data = bytearray(spc(scans))
    directory = len(data) - 12 * 1000
    for i in range(1000):
        data[directory + 12 * i : directory + 12 * i + 4] = struct.pack("<i", 512)
    errors: list[InputError] = []
    spectra = list(scan_spectra(written(tmp_path, bytes(data)), report=errors.append))
    assert sum(scan.n_peaks for scan in spectra) <= len(data) // 8
    assert len(errors) == 1


@given(data=st.data())
@settings(max_examples=150, deadline=None)
@pytest.mark.parametrize("form", ["SPC, 32-bit", "ANDI, scaled"])
def test_a_damaged_run_is_refused_or_read_soundly(form: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    content = bytearray(FORMS[form])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(len(content) - 1, 0)))
        piece = data.draw(st.binary(min_size=1, max_size=4))
        if data.draw(st.booleans()):
            content[at : at + len(piece)] = piece
        else:
            del content[at:]
    found, errors = scanned(written(tmp_path_factory.mktemp("damaged"), bytes(content)))
    assert found or errors
    for item in found:
        for scan in item.scans if isinstance(item, Run) else (item,):
            assert np.isfinite(scan.mz).all()
            assert np.isfinite(scan.intensity).all()


@pytest.mark.realdata
def test_a_real_run_has_every_scan_of_its_published_table(realdata: Path) -> None:
    run = read_run(realdata / "gcms_runs" / "BARBITUATES.SPC", report=lambda error: pytest.fail(str(error)))
    with (realdata / "gcms_runs" / "BARBITUATES_scans.csv").open(encoding="utf-8", newline="") as lines:
        rows = [tuple(map(float, row.values())) for row in csv.DictReader(lines)]
    read = [(scan.retention_time_s, mz, height) for scan in run.scans for mz, height in zip(scan.mz, scan.intensity, strict=True)]
    assert len(run.scans) == 286
    assert np.array(read) == pytest.approx(np.array(rows) * [60.0, 1.0, 1.0], abs=4e-3)


@pytest.mark.realdata
def test_a_second_real_run_is_read_and_files_of_other_techniques_are_refused_by_name(realdata: Path) -> None:
    folder = realdata / "formats" / "paris-saclay-cds__specio"
    assert len(read_run(folder / "-xy.spc", report=lambda error: pytest.fail(str(error))).scans) == 512
    with pytest.raises(FormatError, match="whose x axis is nanometre"):
        read_spectra(folder / "x-y.spc")
    with pytest.raises(FormatError, match="whose x axis is Raman shift"):
        read_spectra(folder / "spectra.spc")


@pytest.mark.realdata
def test_the_only_old_file_has_its_subfiles_at_even_steps(realdata: Path) -> None:
    """Its memo: the subfiles are one piece of a polystyrene spectrum times a sine, so that their shapes are one shape."""
    document = open_document(realdata / "formats" / "spectrochempy__spectrochempy_data" / "CONTOUR.SPC")
    parts = list(subfiles(document, lambda error: pytest.fail(str(error))))
    assert [part.z for part in parts] == [2.0 * i for i in range(19)]
    shapes = np.array([part.y for part in parts if part.y.max() > 1e-3])
    assert len(shapes) > 10
    assert np.corrcoef(shapes).min() > 0.999
