"""JCAMP-DX mass spectra: peak tables and continuous spectra, alone or several linked in one file.

A file is blocks ``##TITLE= … ##END=`` of labelled records, ``##LABEL= value``; a block of type LINK holds other blocks.  Labels count
without case, space, ``-``, ``/`` and ``_``.  Blocks of other techniques are refused by name.

References
----------
McDonald & Wilks 1988, doi:10.1366/0003702884428734; Lampen et al. 1994, Appl. Spectrosc. 48, 1545, doi:10.1366/0003702944027840 (mass
spectrometry).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from nps_ident.errors import FormatError
from nps_ident.io.document import numbered_lines, shown
from nps_ident.io.fields import known_fields, spectrum_from_known
from nps_ident.io.jcamp_data import Table, decode_ordinates, decode_pairs
from nps_ident.model import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from nps_ident.io.document import Document
    from nps_ident.model import MassSpectrum

__all__ = ["Block", "blocks", "decode", "read", "recognises"]

_LABEL = re.compile(r"[ \t]*##([^=]{0,200})(?:=(.*))?", re.DOTALL)
_FOLD = str.maketrans("", "", " -/_")
_DATA_LABELS = {"XYDATA", "PEAKTABLE", "XYPOINTS", "DATATABLE", "PEAKASSIGNMENTS"}
# Spellings of mass over charge in XUNITS; anything else is another quantity, and refused.
_MASS_UNITS = {"M/Z", "MZ", "M/E", "MASS", "MASSUNITS", "MASS/CHARGE", "MASSTOCHARGERATIO"}
_MASS_UNITS |= {"AMU", "ATOMICMASSUNITS", "DA", "DALTON", "U", "TH"}
_ION_SIGN = re.compile(r"[A-Za-z]\s*([+-])\s*$")


def recognises(head: str) -> bool:
    """Whether the first line that is neither blank nor a ``$$`` comment is a labelled record."""
    return bool(re.match(r"(?:[ \t]*(?:\$\$[^\r\n]*)?[\r\n]+)*+[ \t]*##[^=\r\n]{1,200}=", head))


@dataclass(slots=True)
class Block:
    """One block: the line of its title, its fields verbatim, the first of each by folded label, and its data tables undecoded."""

    line: int
    fields: list[tuple[str, str]] = field(default_factory=list)
    known: dict[str, str] = field(default_factory=dict)
    data: list[tuple[str, int, str, list[tuple[int, str]]]] = field(default_factory=list)

    @property
    def is_link(self) -> bool:
        """Whether the block only holds others."""
        return "BLOCKS" in self.known or self.known.get("DATATYPE", "").strip().upper() == "LINK"


def read(document: Document, report: Callable[[FormatError], None]) -> Iterator[MassSpectrum]:
    """Yield the mass spectra of a JCAMP-DX file in order; ``report`` is given a :class:`FormatError` for each other block."""
    text, notes = document.text()
    refused: set[str] = set()
    index = 0
    for block, ended in blocks(text):
        if block.is_link or (not block.data and "JCAMPCS" in block.known):
            continue
        data_type = block.known.get("DATATYPE", "").strip().upper()
        if "MASS" not in data_type:
            if data_type not in refused:
                refused.add(data_type)
                found = f"the JCAMP-DX data type is {shown(data_type)}" if data_type else "a JCAMP-DX block without DATA TYPE"
                report(FormatError(document.path, found, "MASS SPECTRUM (other techniques are not read)", line=block.line))
            continue
        if ended:
            try:
                yield _spectrum(block, document, index, notes)
            except FormatError as error:
                report(error)
        else:
            report(FormatError(document.path, "the block is cut off", "##END= behind its data", line=block.line))
        index += 1


def blocks(text: str) -> Iterator[tuple[Block, bool]]:
    """Blocks without the ones inside them, innermost first, and whether each was closed by ``##END=``."""
    open_blocks: list[Block] = []
    values: list[str] | None = None
    table: list[tuple[int, str]] | None = None
    for line, content in numbered_lines(text):
        match = _LABEL.match(content) if "##" in content else None
        if match is None:
            body = content.partition("$$")[0]
            if table is not None and body.strip():
                table.append((line, body))
            elif values is not None and body.strip():
                values.append(body.strip())
            continue
        if open_blocks and values is not None:
            _store(open_blocks[-1], values)
        values = table = None
        label, value = match[1].strip(), (match[2] or "").partition("$$")[0].strip()
        folded = label.translate(_FOLD).upper()
        if folded == "END":
            if open_blocks:
                yield open_blocks.pop(), True
            continue
        if not open_blocks or (folded == "TITLE" and open_blocks[-1].fields):
            if open_blocks and not open_blocks[-1].is_link:
                yield open_blocks.pop(), False
            open_blocks.append(Block(line))
        if folded in _DATA_LABELS:
            table = []
            open_blocks[-1].data.append((folded, line, value, table))
            open_blocks[-1].fields.append((label, value))
        else:
            values = [label, value]
    if open_blocks and values is not None:
        _store(open_blocks[-1], values)
    while open_blocks:
        yield open_blocks.pop(), False


def _store(block: Block, label_and_values: list[str]) -> None:
    label, *values = label_and_values
    value = "\n".join(filter(None, values))
    block.fields.append((label, value))
    block.known.setdefault(label.translate(_FOLD).upper(), value)


def decode(block: Block, path: str) -> tuple[NDArray[np.float64], NDArray[np.float64], list[Finding]]:
    """The one data table of a block, of whatever technique: abscissa and ordinate as the file scales them, NaN where it has ``?``.

    Raises
    ------
    FormatError
        When the block has no table, several, or one that fails a check of the format.
    """
    if "NTUPLES" in block.known or len(block.data) != 1:
        found = "several pages (NTUPLES)" if "NTUPLES" in block.known else f"{len(block.data)} data tables in one block"
        raise FormatError(path, found, "one data table a block", line=block.data[1][1] if len(block.data) > 1 else block.line)
    [(label, line, form, lines)] = block.data
    table = Table(
        path=path,
        lines=lines,
        n_points=_points(block, path, line),
        first_x=_number(block, "FIRSTX", path, line),
        last_x=_number(block, "LASTX", path, line),
        delta_x=_number(block, "DELTAX", path, line),
        first_y=_number(block, "FIRSTY", path, line),
        x_factor=_factor(block, "XFACTOR", path, line),
        y_factor=_factor(block, "YFACTOR", path, line),
    )
    variables = re.sub(r"\s", "", form).upper()
    if variables.startswith("(XY..XY)"):
        return decode_pairs(table)
    if variables.startswith("(X++(Y..Y))"):
        return decode_ordinates(table)
    raise FormatError(path, f"##{label}= {shown(form)}", "(XY..XY) or (X++(Y..Y))", line=line)


def _spectrum(block: Block, document: Document, index: int, notes: tuple[Finding, ...]) -> MassSpectrum:
    findings = list(notes)
    mz, intensity, more = decode(block, document.path)
    units = re.sub(r"[\s_()-]", "", block.known.get("XUNITS", "")).upper()
    if not units:
        findings.append(Finding(code="FILE-006", severity=Severity.INFO, text="XUNITS is missing; the abscissa was taken as m/z."))
    elif units not in _MASS_UNITS:
        found = f"XUNITS= {shown(block.known['XUNITS'])} in a mass spectrum"
        raise FormatError(document.path, found, "M/Z", line=block.data[0][1])
    findings += more
    missing = np.isnan(intensity)
    if missing.any():
        text = f"{int(missing.sum())} points are marked as missing ('?'); they were left out and nothing was put in their place."
        findings.append(Finding(code="FILE-003", severity=Severity.WARNING, text=text))
        mz, intensity = mz[~missing], intensity[~missing]
    known, synonyms = _known(block)
    return spectrum_from_known(
        known, mz, intensity, synonyms=synonyms, metadata=block.fields, document=document, index=index, findings=findings
    )


def _known(block: Block) -> tuple[dict[str, str], list[str]]:
    """What the labels of a block mean here."""
    known, synonyms = known_fields((label.lstrip("."), value) for label, value in block.fields)
    ionization = block.known.get(".IONIZATIONMODE", "")
    # ".IONIZATION MODE= EI+" is ionisation and charge in one; to the other formats a field of that name is the charge alone.
    known.pop("polarity", None)
    mode = block.known.get("$MODE", block.known.get("$POLARITY", ""))
    sign = _ION_SIGN.search(ionization) or re.match(r"\s*(pos|neg)", mode, re.IGNORECASE)
    if sign:
        known["polarity"] = sign[1].lower()
    if ionization:
        known["ionization"] = ionization
    if block.known.get("MOLFORM"):
        known["formula"] = "".join(block.known["MOLFORM"].split())
    if block.known.get("CASNAME"):  # the substance; the title may be no more than "Library Entry 17"
        known["record_name"], known["name"] = known.get("name", ""), " ".join(block.known["CASNAME"].split())
    if block.known.get("CASREGISTRYNO"):
        known["cas"] = block.known["CASREGISTRYNO"]
    synonyms += [name for name in block.known.get("NAMES", "").split("\n") if name]
    return known, synonyms


def _number(block: Block, label: str, path: str, line: int) -> float | None:
    text = block.known.get(label, "").strip()
    if text in {"", "?"}:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise FormatError(path, f"##{label}= {shown(text)}", "a number", line=line)
    return value


def _factor(block: Block, label: str, path: str, line: int) -> float:
    value = _number(block, label, path, line)
    if value is None:
        return 1.0
    if value == 0 or (label == "XFACTOR" and value < 0):
        raise FormatError(path, f"##{label}= {value:g}", "a factor that is not zero", line=line)
    return value


def _points(block: Block, path: str, line: int) -> int | None:
    value = _number(block, "NPOINTS", path, line)
    if value is None:
        return None
    if value != int(value) or value < 1:
        raise FormatError(path, f"##NPOINTS= {value:g}", "a whole number of points", line=line)
    return int(value)
