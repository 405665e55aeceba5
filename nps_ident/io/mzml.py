"""mzML and mzXML, scan by scan.

Read with lxml alone, hardened: a document type is refused, nothing is resolved or fetched, no text node may exceed lxml's limit, and no
array may unpack to more than it declares.  Why not pyteomics: ``docs/decisions/reading_mzml.md``.

References
----------
Martens et al. 2011, doi:10.1074/mcp.R110.000133 (mzML); accessions from the PSI-MS vocabulary (2024),
https://www.ebi.ac.uk/ols4/ontologies/ms.
Pedrioli et al. 2004, doi:10.1038/nbt1031 (mzXML).
"""

from __future__ import annotations

import base64
import binascii
import io
import re
import zlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nps_ident.errors import FormatError
from nps_ident.io.document import shown
from nps_ident.io.fields import SECONDS_IN, decimals, number, spectrum_from_known
from nps_ident.io.jcamp_data import MAX_POINTS
from nps_ident.io.numbers import finite
from nps_ident.model import Finding, Severity, Technique

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from nps_ident.io.document import Document
    from nps_ident.model import MassSpectrum

__all__ = ["IONISATION_FIELD", "read", "recognises"]

IONISATION_FIELD = "ionisation"
"""In the metadata of a spectrum: the ion source of its instrument, where that is stated and is not electron ionisation alone."""

_ROOT = re.compile(r"<(?:indexedmzML|mzML|mzXML|msRun)[\s>]")
_ENCODING = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([^"']{1,40})["']""")
# Encodings in which "<!DOCTYPE" is these bytes; in any other a document type could hide from the search for it.
_PLAIN_ENCODINGS = {"UTF-8", "US-ASCII", "ASCII", "ISO-8859-1", "ISO-8859-15", "WINDOWS-1252"}

_TAGS = ("referenceableParamGroup", "instrumentConfiguration", "msIonisation", "run", "spectrum", "chromatogram", "scan", "peaks")
_TYPES = {"MS:1000521": "<f4", "MS:1000523": "<f8", "MS:1000519": "<i4", "MS:1000522": "<i8"}
_COMPRESSIONS = {"MS:1000576": False, "MS:1000574": True}
_MZ_ARRAY, _INTENSITY_ARRAY = "MS:1000514", "MS:1000515"
_MS_LEVEL, _CENTROID, _PROFILE = "MS:1000511", "MS:1000127", "MS:1000128"
_POLARITIES = {"MS:1000130": "positive", "MS:1000129": "negative"}
_SELECTED_ION, _ISOLATION_TARGET = "MS:1000744", "MS:1000827"
_START_TIME = "MS:1000016"
_DURATION = re.compile(r"PT(?:([0-9.]{1,20})H)?(?:([0-9.]{1,20})M)?(?:([0-9.]{1,20})S)?", re.ASCII)  # xs:duration, as far as a run lasts
_COLLISION_ENERGY, _ELECTRON_IONIZATION = "MS:1000045", "MS:1000389"
# Children of MS:1000008 "ionization type" seen in files; to know that electron ionisation is the only source of an instrument.
_OTHER_SOURCES = {"MS:1000073", "MS:1000398", "MS:1000070", "MS:1000075", "MS:1000071", "MS:1000382", "MS:1000057"}


@dataclass(slots=True)
class _Place:
    """Where a spectrum stands and what was noted about it."""

    document: Document
    index: int
    findings: list[Finding]
    metadata: list[tuple[str, str]]


def recognises(head: str) -> bool:
    """Whether the file is XML and an mzML or mzXML element begins it."""
    return head.lstrip().startswith("<") and bool(_ROOT.search(head))


@dataclass(slots=True)
class _Run:
    """What stands before the spectra and holds for them."""

    groups: dict[str, list[Any]] = field(default_factory=dict)
    electron_ionization: set[str] = field(default_factory=set)
    other_source: dict[str, str] = field(default_factory=dict)
    default_instrument: str = ""


def read(document: Document, report: Callable[[FormatError], None]) -> Iterator[MassSpectrum]:
    """Yield the spectra of an mzML or mzXML file in order, verbatim.

    ``report`` is given a :class:`FormatError` for each spectrum that breaks the format, and one where the file is damaged; what stands
    before the damage is still read.
    """
    _refuse_document_types(document)
    # Late, because lxml takes longer to load than a first answer may take.
    from lxml import etree

    events = etree.iterparse(
        io.BytesIO(document.data),
        events=("start", "end"),
        tag=[f"{{*}}{tag}" for tag in _TAGS],
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    run = _Run()
    index = 0
    try:
        for event, element in events:
            name = _local(element)
            if event == "start":
                if name == "run":
                    run.default_instrument = element.get("defaultInstrumentConfigurationRef", "")
                continue
            above = element.getparent()
            above_name = "" if above is None else _local(above)
            if name == "spectrum" or (name == "peaks" and above_name == "scan"):
                try:
                    yield (_mzml if name == "spectrum" else _mzxml)(element, run, document, index)
                except FormatError as error:
                    report(error)
                index += 1
            else:
                _remember(name, element, run)
            # In mzML a "scan" is a part of its spectrum, which still needs it.
            if name in {"spectrum", "chromatogram", "peaks"} or (name == "scan" and above_name != "scanList"):
                _forget(element, whole=name != "peaks")
    except etree.XMLSyntaxError as error:
        line = error.lineno or None
        reason = shown(" ".join(str(error.msg).split()))
        report(FormatError(document.path, f"damaged XML ({reason})", "well-formed XML to the end of the file", line=line))


def _refuse_document_types(document: Document) -> None:
    data = document.data
    declared = _ENCODING.match(data.removeprefix(b"\xef\xbb\xbf")[:400].lstrip())
    encoding = declared[1].decode("ascii", errors="replace").upper() if declared else "UTF-8"
    if encoding not in _PLAIN_ENCODINGS or data[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"\0" in data[:4]:
        found = f"XML in the encoding {shown(encoding if encoding != 'UTF-8' else 'UTF-16 or UTF-32')}"
        raise FormatError(document.path, found, "UTF-8 or Latin-1", line=1)
    for mark in (b"<!DOCTYPE", b"<!ENTITY"):
        at = data.find(mark)
        if at >= 0:
            line = data.count(b"\n", 0, at) + 1
            raise FormatError(document.path, f"'{mark.decode()}' in the XML", "no document type and no entities", line=line)


def _remember(name: str, element: Any, run: _Run) -> None:
    if name == "referenceableParamGroup":
        run.groups[element.get("id", "")] = list(element)
    elif name == "instrumentConfiguration":
        named = {accession: words for accession, words, _ in _parameters(element, run)}
        if _ELECTRON_IONIZATION in named and not named.keys() & _OTHER_SOURCES:
            run.electron_ionization.add(element.get("id", ""))
        elif others := sorted(named[accession] or accession for accession in named.keys() & _OTHER_SOURCES):
            run.other_source[element.get("id", "")] = ", ".join(others)
    elif name == "msIonisation":
        if element.get("value", "").strip().upper() == "EI":
            run.electron_ionization.add("")
        elif element.get("value", "").strip():
            run.other_source[""] = element.get("value").strip()


def _forget(element: Any, *, whole: bool) -> None:
    """Give back the memory of what has been read: the element, and its finished neighbours before it."""
    element.clear()
    if whole:
        parent = element.getparent()
        while parent is not None and element.getprevious() is not None:
            del parent[0]


def _local(element: Any) -> str:
    """The tag without its namespace; damaged files have tags that lxml itself cannot split."""
    return str(element.tag).rpartition("}")[2]


def _parameters(element: Any, run: _Run) -> list[tuple[str, str, str]]:
    """All ``cvParam`` and ``userParam`` below an element, groups resolved: accession (or none), name, value with its unit."""
    found: list[tuple[str, str, str]] = []
    for child in element.iter("{*}cvParam", "{*}userParam", "{*}referenceableParamGroupRef"):
        if _local(child) == "referenceableParamGroupRef":
            found += [_parameter(member) for member in run.groups.get(child.get("ref", ""), ())]
        else:
            found.append(_parameter(child))
    return found


def _parameter(element: Any) -> tuple[str, str, str]:
    value, unit = element.get("value", ""), element.get("unitName", "")
    return element.get("accession", ""), element.get("name", ""), f"{value} {unit}".strip()


def _mzml(element: Any, run: _Run, document: Document, index: int) -> MassSpectrum:
    line = element.sourceline
    arrays: dict[str, NDArray[np.float64]] = {}
    for array in element.iterfind("{*}binaryDataArrayList/{*}binaryDataArray"):
        kind, values = _array(array, element, run, document.path)
        if kind in arrays:
            raise FormatError(document.path, "two arrays of one kind in a spectrum", "one of m/z and one of intensity", line=line)
        if kind:
            arrays[kind] = values
        array.clear()
    if set(arrays) != {_MZ_ARRAY, _INTENSITY_ARRAY}:
        # Ultraviolet and other spectra stand in mzML too; they have a wavelength array.
        raise FormatError(document.path, "a spectrum without an m/z and an intensity array", "a mass spectrum", line=line)
    parameters = _parameters(element, run)
    first = {accession: value for accession, _, value in reversed(parameters)}
    known = {"record_name": element.get("id", "")}
    findings: list[Finding] = []
    precursor = _precursor(element, run, findings)
    if precursor:
        known["precursor_mz"] = precursor
    for accession, sign in _POLARITIES.items():
        if accession in first:
            known["polarity"] = sign
    if first.get(_COLLISION_ENERGY):
        known["collision_energy"] = first[_COLLISION_ENERGY].replace("electronvolt", "eV")
    if seconds := _start_time(first.get(_START_TIME, "")):
        known["retention_time_s"] = seconds
    instruments = [scan.get("instrumentConfigurationRef") for scan in element.iterfind("{*}scanList/{*}scan")]
    instrument = next(filter(None, instruments), run.default_instrument)
    known |= _technique(first.get(_MS_LEVEL, ""), electron_ionization=instrument in run.electron_ionization)
    if _PROFILE in first and _CENTROID not in first:
        findings.append(_profile())
    metadata = [("id", known["record_name"]), *((name, value) for _, name, value in parameters)]
    if instrument in run.other_source:
        metadata.append((IONISATION_FIELD, run.other_source[instrument]))
    place = _Place(document, index, findings, metadata)
    return _spectrum(known, arrays[_MZ_ARRAY], arrays[_INTENSITY_ARRAY], place)


def _start_time(text: str) -> str:
    """Seconds, of ``5.1 minute``; empty where number or unit is missing: an unknown unit is never guessed."""
    value, (_, _, unit) = number(text), text.partition(" ")
    return "" if value is None or unit not in SECONDS_IN else repr(value * SECONDS_IN[unit])


def _precursor(element: Any, run: _Run, findings: list[Finding]) -> str:
    precursors = list(element.iterfind("{*}precursorList/{*}precursor"))
    selected = [v for p in precursors for a, _, v in _parameters(p, run) if a == _SELECTED_ION]
    isolated = [v for p in precursors for a, _, v in _parameters(p, run) if a == _ISOLATION_TARGET]
    masses = {text.split(" ")[0] for text in selected or isolated}
    if len(masses) > 1:
        text = f"{len(masses)} precursors are named; none was taken as the precursor of this spectrum."
        findings.append(Finding(code="FILE-011", severity=Severity.WARNING, text=text))
        return ""
    if isolated and not selected:
        text = "No selected ion is named; the centre of the isolation window was taken as the precursor."
        findings.append(Finding(code="FILE-012", severity=Severity.INFO, text=text))
    return masses.pop() if masses else ""


def _array(array: Any, spectrum: Any, run: _Run, path: str) -> tuple[str, NDArray[np.float64]]:
    """The kind of a binary array (empty for one not needed) and its numbers."""
    accessions = {accession for accession, _, _ in _parameters(array, run)}
    kinds = accessions & {_MZ_ARRAY, _INTENSITY_ARRAY}
    if not kinds:
        return "", np.empty(0)
    line = array.sourceline
    types, compressions = accessions & set(_TYPES), accessions & set(_COMPRESSIONS)
    if len(kinds) != 1 or len(types) != 1 or len(compressions) != 1:
        expected = "32- or 64-bit numbers, uncompressed or zlib"
        raise FormatError(path, "a binary array whose kind, type or compression is not known", expected, line=line)
    length = _whole(array.get("arrayLength", spectrum.get("defaultArrayLength", "")), "array length", path, line)
    text = array.findtext("{*}binary") or ""
    raw = _unpacked(text, np.dtype(_TYPES[types.copy().pop()]), length, path, line, compressed=_COMPRESSIONS[compressions.pop()])
    return kinds.pop(), raw.astype(np.float64)


def _inflated(packed: bytes, wanted: int) -> bytes:
    """The content of a zlib stream, at most one byte more than wanted: that shows a surplus without unpacking all of it."""
    stream = zlib.decompressobj()
    raw = stream.decompress(packed, wanted + 1)
    if len(raw) <= wanted and not stream.eof:
        raise ValueError("its zlib stream is cut off")
    return raw


def _unpacked(text: str, kind: np.dtype[Any], length: int, path: str, line: int, *, compressed: bool) -> NDArray[Any]:
    wanted = length * kind.itemsize
    try:
        raw = base64.b64decode("".join(text.split()), validate=True)
        if compressed and raw:
            raw = _inflated(raw, wanted)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise FormatError(path, f"a damaged binary array ({error})", "base64 numbers", line=line) from None
    if len(raw) != wanted:
        found = f"a binary array of {'more than ' if len(raw) > wanted else ''}{min(len(raw), wanted)} bytes"
        raise FormatError(path, found, f"{wanted} bytes for {length} numbers", line=line)
    return np.frombuffer(raw, dtype=kind)


def _mzxml(peaks: Any, run: _Run, document: Document, index: int) -> MassSpectrum:
    scan, path, line = peaks.getparent(), document.path, peaks.sourceline
    content = peaks.get("contentType") or peaks.get("pairOrder") or "m/z-int"
    precision, order = peaks.get("precision", ""), peaks.get("byteOrder", "network")
    compression = (peaks.get("compressionType") or "none").lower()
    if content != "m/z-int" or precision not in {"32", "64"} or order != "network" or compression not in {"none", "zlib"}:
        found = f"peaks of content {shown(content)}, precision {shown(precision)}, byte order {shown(order)}, "
        found += f"compression {shown(compression)}"
        raise FormatError(path, found, "m/z-int, 32 or 64, network, none or zlib", line=line)
    count = _whole(scan.get("peaksCount", ""), "peaksCount", path, line)
    text = peaks.text or ""
    kind = np.dtype(f">f{int(precision) // 8}")
    if count == 0 and not text.strip("A=\r\n\t "):
        # Converters write one pair of zeros for a scan without peaks.
        pairs = np.empty(0)
    else:
        pairs = _unpacked(text, kind, 2 * count, path, line, compressed=compression == "zlib").astype(np.float64)
    known = {"record_name": f"scan={scan.get('num', index)}"}
    findings: list[Finding] = []
    precursors = {(p.text or "").strip() for p in scan.iterfind("{*}precursorMz")} - {""}
    if len(precursors) == 1:
        known["precursor_mz"] = precursors.pop()
    elif precursors:
        text = f"{len(precursors)} precursors are named; none was taken as the precursor of this spectrum."
        findings.append(Finding(code="FILE-011", severity=Severity.WARNING, text=text))
    if scan.get("polarity"):
        known["polarity"] = scan.get("polarity")
    if scan.get("collisionEnergy"):
        known["collision_energy"] = scan.get("collisionEnergy")
    if duration := _DURATION.fullmatch(scan.get("retentionTime", "").strip()):
        parts = [value for part in duration.groups(default="0") if (value := number(part)) is not None]
        if len(parts) == 3:
            known["retention_time_s"] = repr(3600.0 * parts[0] + 60.0 * parts[1] + parts[2])
    known |= _technique(scan.get("msLevel", ""), electron_ionization=bool(run.electron_ionization))
    if scan.get("centroided") == "0":
        findings.append(_profile())
    metadata = list(scan.attrib.items())
    if "" in run.other_source:
        metadata.append((IONISATION_FIELD, run.other_source[""]))
    place = _Place(document, index, findings, metadata)
    return _spectrum(known, pairs[0::2], pairs[1::2], place)


def _technique(level: str, *, electron_ionization: bool) -> dict[str, str]:
    """MS/MS from the second stage on; the first stage is EI-MS where the only ion source is that, else the file does not say."""
    if level.isascii() and level.isdigit() and int(level[:3]) > 1:
        return {"technique": Technique.MSMS.value, "spectrum_type": f"MS{level}"}
    known = {"spectrum_type": "MS1"}
    return known | {"technique": Technique.EI_MS.value} if electron_ionization else known


def _whole(text: str, what: str, path: str, line: int) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) > MAX_POINTS:
        raise FormatError(path, f"the {what} is {shown(text)}", f"a whole number up to {MAX_POINTS}", line=line)
    return int(text)


def _profile() -> Finding:
    text = "The spectrum is a profile, not peaks; it was kept as it is and not centroided."
    return Finding(code="FILE-013", severity=Severity.WARNING, text=text)


def _spectrum(known: dict[str, str], mz: NDArray[np.float64], intensity: NDArray[np.float64], place: _Place) -> MassSpectrum:
    if not (np.isfinite(mz).all() and np.isfinite(intensity).all()):
        raise FormatError(place.document.path, f"a number that is not finite in {shown(known['record_name'])}", "finite numbers")
    spectrum = spectrum_from_known(
        known,
        mz,
        intensity,
        synonyms=(),
        metadata=place.metadata,
        document=place.document,
        index=place.index,
        findings=place.findings,
    )
    if spectrum.precursor_mz is None:
        return spectrum
    # Doubles are written with 17 digits (445.33999999999997); ten are more than any instrument gives.
    return replace(spectrum, precursor_decimals=decimals(f"{finite(repr(spectrum.precursor_mz)):.10g}"))
