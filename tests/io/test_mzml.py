"""mzML and mzXML: values, what the first and later stages are called, and hostile XML."""

from __future__ import annotations

import base64
import re
import struct
import subprocess
import sys
import warnings
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nps_ident.errors import FormatError
from nps_ident.io import read_spectra, scan_spectra
from nps_ident.model import Polarity, Technique

if TYPE_CHECKING:
    from pathlib import Path

MZ, INTENSITY = (58.0651, 91.0542, 134.0964), (999.0, 0.0, 15.5)


def packed(values: tuple[float, ...], form: str = "<d", *, compress: bool = False) -> str:
    raw = struct.pack(f"{form[0]}{len(values)}{form[1]}", *values)
    return base64.b64encode(zlib.compress(raw) if compress else raw).decode()


def array(kind: str, values: tuple[float, ...], *, bits: int = 64, compress: bool = False) -> str:
    accession = {"m/z": "MS:1000514", "intensity": "MS:1000515", "charge": "MS:1000516"}[kind]
    number = {64: "MS:1000523", 32: "MS:1000521"}[bits]
    packing = "MS:1000574" if compress else "MS:1000576"
    text = packed(values, "<d" if bits == 64 else "<f", compress=compress)
    return (
        f'<binaryDataArray encodedLength="{len(text)}"><cvParam accession="{number}" name="number"/>'
        f'<cvParam accession="{packing}" name="packing"/><cvParam accession="{accession}" name="{kind} array"/>'
        f"<binary>{text}</binary></binaryDataArray>"
    )


def mzml(
    *, level: int = 2, arrays: str | None = None, extra: str = "", precursor: bool = True, n: int = 3, source: str = "MS:1000073"
) -> str:
    arrays = array("m/z", MZ) + array("intensity", INTENSITY, bits=32, compress=True) if arrays is None else arrays
    selected = (
        '<precursorList count="1"><precursor><isolationWindow>'
        '<cvParam accession="MS:1000827" name="isolation window target m/z" value="150.1"/>'
        '</isolationWindow><selectedIonList count="1"><selectedIon>'
        '<cvParam accession="MS:1000744" name="selected ion m/z" value="150.12767"/>'
        '</selectedIon></selectedIonList><activation>'
        '<cvParam accession="MS:1000045" name="collision energy" value="30" unitName="electronvolt"/>'
        "</activation></precursor></precursorList>"
    )
    return f"""<?xml version="1.0" encoding="utf-8"?>
<mzML xmlns="http://psi.hupo.org/ms/mzml" version="1.1.0">
<referenceableParamGroupList count="1"><referenceableParamGroup id="common"><cvParam accession="MS:1000130" name="positive scan" value=""/>
</referenceableParamGroup></referenceableParamGroupList>
<instrumentConfigurationList count="1"><instrumentConfiguration id="IC1"><componentList count="1"><source order="1">
<cvParam accession="{source}" name="a source"/></source></componentList></instrumentConfiguration></instrumentConfigurationList>
<run id="r" defaultInstrumentConfigurationRef="IC1"><spectrumList count="1">
<spectrum index="0" id="scan=7" defaultArrayLength="{n}">
<referenceableParamGroupRef ref="common"/><cvParam accession="MS:1000511" name="ms level" value="{level}"/>{extra}
<scanList count="1"><scan><cvParam accession="MS:1000016" name="scan start time" value="5.1" unitName="minute"/></scan></scanList>
{selected if precursor else ""}<binaryDataArrayList count="2">{arrays}</binaryDataArrayList></spectrum>
</spectrumList></run></mzML>
"""


def test_scan_start_times_become_seconds_and_unknown_units_are_no_time(tmp_path: Path) -> None:
    def time_of(text: str) -> float | None:
        path = tmp_path / "run.mzML"
        path.write_text(text, encoding="utf-8")
        return read_spectra(path)[0].retention_time_s

    assert time_of(mzml()) == pytest.approx(306.0)
    assert time_of(mzml().replace('value="5.1" unitName="minute"', 'value="5.1" unitName="second"')) == pytest.approx(5.1)
    assert time_of(mzml().replace(' unitName="minute"', "")) is None
    assert time_of(mzxml().replace('<scan num="1"', '<scan retentionTime="PT1M5.5S" num="1"')) == pytest.approx(65.5)


def mzxml(*, peaks: str | None = None, attributes: str = 'precision="32" byteOrder="network" pairOrder="m/z-int"', count: int = 3) -> str:
    interleaved = tuple(v for pair in zip(MZ, INTENSITY, strict=True) for v in pair)
    return f"""<?xml version="1.0" encoding="ISO-8859-1"?>
<mzXML xmlns="http://sashimi.sourceforge.net/schema_revision/mzXML_2.0"><msRun scanCount="2">
<msInstrument><msIonisation category="msIonisation" value="ESI"/></msInstrument>
<scan num="1" msLevel="1" peaksCount="0" polarity="+"><peaks precision="32" byteOrder="network" pairOrder="m/z-int">AAAAAAAAAAA=</peaks>
<scan num="2" msLevel="2" peaksCount="{count}" polarity="-" collisionEnergy="35" centroided="0">
<precursorMz precursorIntensity="1">148.1132</precursorMz>
<peaks {attributes}>{packed(interleaved, ">f") if peaks is None else peaks}</peaks></scan></scan>
</msRun></mzXML>
"""


def write(folder: Path, text: str, name: str = "q.mzML") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def test_a_second_stage_spectrum_is_read_with_its_precursor(tmp_path: Path) -> None:
    [spectrum] = read_spectra(write(tmp_path, mzml()))
    assert spectrum.name == "scan=7"
    assert spectrum.mz.tolist() == list(MZ)
    assert spectrum.intensity.tolist() == list(INTENSITY)
    assert spectrum.technique is Technique.MSMS
    assert spectrum.polarity is Polarity.POSITIVE
    assert (spectrum.precursor_mz, spectrum.precursor_decimals) == (150.12767, 5)
    assert spectrum.collision_energy == "30 eV"
    assert ("scan start time", "5.1 minute") in spectrum.metadata
    assert spectrum.findings == ()


def test_decimals_of_a_precursor_are_not_those_of_its_binary_fraction(tmp_path: Path) -> None:
    [spectrum] = read_spectra(write(tmp_path, mzml().replace("150.12767", "445.33999999999997")))
    assert (spectrum.precursor_mz, spectrum.precursor_decimals) == (445.33999999999997, 2)


def test_a_first_stage_spectrum_has_the_technique_only_where_the_source_says(tmp_path: Path) -> None:
    assert read_spectra(write(tmp_path, mzml(level=1, precursor=False)))[0].technique is None
    text = mzml(level=1, precursor=False, source="MS:1000389")
    assert read_spectra(write(tmp_path, text))[0].technique is Technique.EI_MS


def test_a_profile_is_kept_and_said(tmp_path: Path) -> None:
    [spectrum] = read_spectra(write(tmp_path, mzml(extra='<cvParam accession="MS:1000128" name="profile spectrum"/>')))
    assert spectrum.n_peaks == 3
    assert [f.code for f in spectrum.findings] == ["FILE-013"]


def test_the_isolation_window_stands_in_for_a_missing_selected_ion_and_that_is_said(tmp_path: Path) -> None:
    text = re.sub("<selectedIonList.*</selectedIonList>", "", mzml())
    [spectrum] = read_spectra(write(tmp_path, text))
    assert spectrum.precursor_mz == 150.1
    assert [f.code for f in spectrum.findings] == ["FILE-012"]


def test_of_several_precursors_none_is_chosen(tmp_path: Path) -> None:
    more = '<selectedIon><cvParam accession="MS:1000744" name="selected ion m/z" value="90"/></selectedIon></selectedIonList>'
    [spectrum] = read_spectra(write(tmp_path, mzml().replace("</selectedIonList>", more)))
    assert spectrum.precursor_mz is None
    assert spectrum.technique is Technique.MSMS
    assert [f.code for f in spectrum.findings] == ["FILE-011"]


def test_other_arrays_of_a_spectrum_are_passed_over(tmp_path: Path) -> None:
    arrays = array("m/z", MZ) + array("charge", MZ) + array("intensity", INTENSITY)
    assert read_spectra(write(tmp_path, mzml(arrays=arrays)))[0].intensity.tolist() == list(INTENSITY)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (mzml(n=4), "expected 32 bytes for 4 numbers"),
        (mzml(n=2), "more than 16 bytes; expected 16 bytes for 2 numbers"),
        (mzml(n=99999999), "the array length is '99999999'"),
        (mzml(arrays=array("m/z", MZ)), "without an m/z and an intensity array"),
        (mzml(arrays=array("m/z", MZ) + array("m/z", MZ)), "two arrays of one kind"),
        (mzml().replace("MS:1000523", "MS:1000519", 1), "expected 12 bytes"),
        (mzml().replace("MS:1000523", "MS:9999999", 1), "kind, type or compression is not known"),
        (mzml().replace("MS:1000574", "MS:1002312"), "kind, type or compression is not known"),
        (mzml().replace("MS:1000574", "MS:1000576"), "bytes for 3 numbers"),
        (mzml().replace("MS:1000576", "MS:1000574", 1), "damaged binary array"),
        (mzml().replace("<binary>", "<binary>*"), "damaged binary array"),
        (mzml(arrays=array("m/z", MZ) + array("intensity", (1.0, float("nan"), 2.0))), "not finite"),
        (mzml(arrays=array("m/z", MZ) + array("intensity", (0.0,) * 2_000_000, compress=True)), "more than 24 bytes"),
        (mzml()[:1500], "damaged XML"),
        (mzml().replace("</run>", ""), "damaged XML"),
    ],
)
def test_what_is_not_sound_is_refused_in_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    errors: list[str] = []
    list(scan_spectra(write(tmp_path, text), report=lambda e: errors.append(str(e))))
    assert len(errors) == 1
    assert message in errors[0]


@pytest.mark.parametrize(
    "document_type",
    [
        '<!DOCTYPE mzML [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE mzML [<!ENTITY x SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE mzML SYSTEM "http://127.0.0.1:9/x.dtd">',
    ],
)
def test_entities_and_document_types_are_refused_before_anything_is_resolved(tmp_path: Path, document_type: str) -> None:
    text = mzml().replace("<mzML", document_type + "<mzML", 1).replace("scan=7", "&x;&b;")
    with pytest.raises(FormatError, match="'<!DOCTYPE' in the XML; expected no document type"):
        read_spectra(write(tmp_path, text))


@pytest.mark.parametrize("encoding", ["utf-7", "utf-16"])
def test_an_encoding_in_which_a_document_type_could_hide_is_refused(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "q.mzML"
    path.write_bytes(mzml().replace("utf-8", encoding).encode("utf-16" if encoding == "utf-16" else "utf-8"))
    with pytest.raises(FormatError, match="XML in the encoding"):
        read_spectra(path)


def test_spectra_before_the_damage_are_read(tmp_path: Path) -> None:
    spectrum = re.search("<spectrum .*</spectrum>", mzml(), re.DOTALL)
    assert spectrum
    text = mzml().replace("</spectrumList>", spectrum[0] + "</spectrumList>")
    errors: list[str] = []
    spectra = list(scan_spectra(write(tmp_path, text[: text.rindex("<binary>")]), report=lambda e: errors.append(str(e))))
    assert len(spectra) == len(errors) == 1


def test_an_unsound_spectrum_does_not_stop_the_next(tmp_path: Path) -> None:
    spectrum = re.search("<spectrum .*</spectrum>", mzml(), re.DOTALL)
    assert spectrum
    text = mzml(n=4).replace("</spectrumList>", spectrum[0] + "</spectrumList>")
    errors: list[str] = []
    [second] = scan_spectra(write(tmp_path, text), report=lambda e: errors.append(str(e)))
    assert second.source is not None
    assert second.source.index == 1
    assert ("scan start time", "5.1 minute") in second.metadata


def test_mzxml_scans_inside_scans_are_read_in_order(tmp_path: Path) -> None:
    first, second = read_spectra(write(tmp_path, mzxml(), "q.mzXML"))
    assert (first.name, first.n_peaks, first.technique) == ("scan=1", 0, None)
    assert second.name == "scan=2"
    np.testing.assert_allclose(second.mz, MZ, rtol=1e-7)
    assert second.intensity.tolist() == list(INTENSITY)
    assert second.technique is Technique.MSMS
    assert (second.precursor_mz, second.precursor_decimals, second.polarity) == (148.1132, 4, Polarity.NEGATIVE)
    assert [f.code for f in second.findings] == ["FILE-013"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (mzxml(count=4), "32 bytes for 8 numbers"),
        (mzxml(attributes='precision="32" byteOrder="little"'), "byte order 'little'"),
        (mzxml(attributes='precision="48"'), "precision '48'"),
        (mzxml(attributes='precision="32" contentType="intensity"'), "content 'intensity'"),
        (mzxml(attributes='precision="32" compressionType="bzip2"'), "compression 'bzip2'"),
        (mzxml(peaks="????"), "damaged binary array"),
        (mzxml().replace('peaksCount="3"', ""), "the peaksCount is ''"),
    ],
)
def test_unsound_mzxml_is_refused_in_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    errors: list[str] = []
    list(scan_spectra(write(tmp_path, text, "q.mzXML"), report=lambda e: errors.append(str(e))))
    assert len(errors) == 1
    assert message in errors[0]


def test_other_xml_is_of_no_known_format(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no known format"):
        read_spectra(write(tmp_path, "<?xml version='1.0'?><html/>"))


def test_xml_libraries_load_only_for_xml(tmp_path: Path) -> None:
    path = write(tmp_path, "Name: a\nNum Peaks: 1\n58 999\n", "q.msp")
    code = "import sys; from nps_ident.io import read_spectra; read_spectra(sys.argv[1]); print({'lxml', 'pyteomics'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["levitsky__pyteomics/tiny.pwiz.1.1.mzML", "levitsky__pyteomics/test.mzML",
                                  "levitsky__pyteomics/test.mzXML",
                                  "matchms__matchms/testdata.mzml", "matchms__matchms/testdata.mzXML"])  # fmt: skip
def test_real_files_give_the_numbers_that_pyteomics_gives(realdata: Path, name: str) -> None:
    pytest.importorskip("psims", reason="pyteomics reads mzML only with psims")
    from pyteomics import mzml as peer_mzml
    from pyteomics import mzxml as peer_mzxml

    path = realdata / "formats" / name
    reader = peer_mzml.MzML if name.lower().endswith("mzml") else peer_mzxml.MzXML
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with reader(str(path), use_index=False, huge_tree=False) as scans:
            expected = [(s["m/z array"], s["intensity array"], s.get("ms level", s.get("msLevel"))) for s in scans]
    ours = read_spectra(path)
    assert len(ours) == len(expected)
    for spectrum, (mz, intensity, level) in zip(ours, expected, strict=True):
        np.testing.assert_array_equal(spectrum.mz, mz)
        np.testing.assert_array_equal(spectrum.intensity, intensity)
        assert (spectrum.technique is Technique.MSMS) == (level > 1)
