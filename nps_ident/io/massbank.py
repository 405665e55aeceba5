"""MassBank records: one or several a file, each ended by ``//``.

References
----------
MassBank consortium, "MassBank Record Format", version 2.6 (2023),
https://github.com/MassBank/MassBank-web/blob/main/Documentation/MassBankRecordFormat.md.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nps_ident.errors import FormatError
from nps_ident.io.document import numbered_lines, shown
from nps_ident.io.fields import spectrum_from_known
from nps_ident.io.numbers import finite
from nps_ident.model import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nps_ident.io.document import Document
    from nps_ident.model import MassSpectrum

__all__ = ["read", "recognises"]

_FIRST = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*+ACCESSION:")
_OTHERS = re.compile(r"^(?:RECORD_TITLE|CH\$|AC\$|PK\$)", re.MULTILINE)
_FIELD = re.compile(r"([A-Z][A-Z0-9_$]{0,60}):(?: (.*)|\s*)", re.DOTALL)
_CONTRIBUTOR = re.compile(r"MSBNK-(.+)-[^-]+")
_MEANINGS = {
    "ACCESSION": "accession",
    "LICENSE": "licence",
    "CH$FORMULA": "formula",
    "CH$EXACT_MASS": "exact_mass",
    "CH$SMILES": "smiles",
    "CH$IUPAC": "inchi",
    "CH$LINK INCHIKEY": "inchikey",
    "CH$LINK CAS": "cas",
    "AC$INSTRUMENT": "instrument",
    "AC$INSTRUMENT_TYPE": "instrument_type",
    "AC$MASS_SPECTROMETRY MS_TYPE": "spectrum_type",
    "AC$MASS_SPECTROMETRY ION_MODE": "polarity",
    "AC$MASS_SPECTROMETRY IONIZATION": "ionization",
    "AC$MASS_SPECTROMETRY COLLISION_ENERGY": "collision_energy",
    "AC$CHROMATOGRAPHY RETENTION_INDEX": "retention_index",
    "MS$FOCUSED_ION PRECURSOR_M/Z": "precursor_mz",
    "MS$FOCUSED_ION PRECURSOR_TYPE": "adduct",
}
_WITH_SUBTAG = {key.split(" ")[0] for key in _MEANINGS if " " in key}
_ABSENT = {"", "N/A", "NA"}
_COLUMNS = "m/z, intensity, relative intensity"


def recognises(head: str) -> bool:
    """Whether the first field is ``ACCESSION`` and another MassBank field follows."""
    head = head.replace("\r\n", "\n")
    return bool(_FIRST.match(head)) and bool(_OTHERS.search(head))


def read(document: Document, report: Callable[[FormatError], None]) -> Iterator[MassSpectrum]:
    """Yield the spectra of a MassBank file in order, verbatim; ``report`` is given a :class:`FormatError` for each broken record."""
    text, notes = document.text()
    record: list[tuple[int, str]] = []
    index = 0
    for line, content in numbered_lines(text):
        if content.startswith("//"):
            try:
                yield _spectrum(record, document, index, notes, line)
            except FormatError as error:
                report(error)
            record, index = [], index + 1
        elif content.strip() and not content.startswith("#"):
            record.append((line, content.rstrip()))
    if record:
        report(FormatError(document.path, "the record is cut off", "'//' behind its peaks", line=record[0][0]))


def _spectrum(
    record: list[tuple[int, str]], document: Document, index: int, notes: tuple[Finding, ...], end: int
) -> MassSpectrum:
    path = document.path
    fields: list[tuple[str, str]] = []
    known: dict[str, str] = {}
    names: list[str] = []
    peaks: list[tuple[int, str]] | None = None
    table, count_line = "", end
    for line, content in record:
        if content[0] == " ":
            if table == "PK$PEAK" and peaks is not None:
                peaks.append((line, content))
            elif table != "PK$ANNOTATION":
                raise FormatError(path, f"{shown(content)} continues nothing", "'TAG: value'", line=line)
            continue
        match = _FIELD.fullmatch(content)
        if not match:
            raise FormatError(path, f"the line is {shown(content)}", "'TAG: value'", line=line)
        table, value = match[1], (match[2] or "").strip()
        fields.append((table, value))
        if table == "PK$NUM_PEAK":
            count_line = line
        if table == "PK$PEAK":
            if not value.startswith("m/z int."):
                raise FormatError(path, f"the columns of PK$PEAK are {shown(value)}", "'m/z int. rel.int.'", line=line)
            peaks = []
        elif table == "CH$NAME" and value not in _ABSENT:
            names.append(value)
        else:
            _know(known, table, value)
    if peaks is None:
        raise FormatError(path, "the record has no PK$PEAK", "peaks before '//'", line=end)
    mz, intensity = _peaks(peaks, path)
    stated = next((value for tag, value in fields if tag == "PK$NUM_PEAK"), "")
    if stated != str(len(mz)):
        raise FormatError(path, f"{len(mz)} peaks follow 'PK$NUM_PEAK: {stated[:20]}'", "as many as stated", line=count_line)
    findings = list(notes)
    if any(tag == "DEPRECATED" for tag, _ in fields):
        text = "MassBank has withdrawn this record (DEPRECATED)."
        findings.append(Finding(code="FILE-009", severity=Severity.WARNING, text=text))
    if "accession" in known:
        known["record_name"] = known["accession"]
        contributor = _CONTRIBUTOR.fullmatch(known["accession"])
        if contributor:
            known["contributor"] = contributor[1]
    if names:
        known["name"] = names[0]
    return spectrum_from_known(
        known, mz, intensity, synonyms=names[1:], metadata=fields, document=document, index=index, findings=findings
    )


def _know(known: dict[str, str], tag: str, value: str) -> None:
    if tag in _WITH_SUBTAG:
        subtag, _, value = value.partition(" ")
        tag = f"{tag} {subtag}"
    meaning = _MEANINGS.get(tag)
    if meaning and value.strip() not in _ABSENT:
        known.setdefault(meaning, value.strip())


def _peaks(lines: list[tuple[int, str]], path: str) -> tuple[list[float], list[float]]:
    mz: list[float] = []
    intensity: list[float] = []
    for line, content in lines:
        parts = content[:1000].split()
        if len(parts) != 3:
            raise FormatError(path, f"peak line has {len(parts)} numbers ({shown(content)})", _COLUMNS, line=line)
        try:
            mass, absolute, _ = map(finite, parts)
        except ValueError as error:
            raise FormatError(path, f"peak line {shown(content)} {error}", _COLUMNS, line=line) from None
        mz.append(mass)
        intensity.append(absolute)
    return mz, intensity
