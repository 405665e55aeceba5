"""MGF, the Mascot generic format, in the dialects of Mascot and GNPS.

Spectra stand between ``BEGIN IONS`` and ``END IONS``: ``KEY=value`` lines, then peaks, one a line: m/z, intensity and, if given, the
charge.  Parameters before the first spectrum hold for each that does not say otherwise.

References
----------
Matrix Science, "Data file format", https://www.matrixscience.com/help/data_file_help.html (2024).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nps_ident.errors import FormatError
from nps_ident.io.document import numbered_lines, shown
from nps_ident.io.fields import known_fields, spectrum_from_known
from nps_ident.io.numbers import finite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nps_ident.io.document import Document
    from nps_ident.model import Finding, MassSpectrum

__all__ = ["read", "recognises"]

_BEGIN = re.compile(r"^[ \t]*BEGIN IONS[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_PARAMETER = re.compile(r"([^\W\d][^=]{0,200}?)\s*=(.*)", re.DOTALL)
_CHARGE = re.compile(r"[-+]?\d{1,3}[-+]?", re.ASCII)
_COMMENT_MARKS = tuple("#;!/")


def recognises(head: str) -> bool:
    """Whether a ``BEGIN IONS`` line stands at the beginning of a file."""
    return bool(_BEGIN.search(head))


@dataclass(slots=True)
class _Block:
    line: int
    fields: list[tuple[str, str]] = field(default_factory=list)
    mz: list[float] = field(default_factory=list)
    intensity: list[float] = field(default_factory=list)
    fault: FormatError | None = None


def read(document: Document, report: Callable[[FormatError], None]) -> Iterator[MassSpectrum]:
    """Yield the spectra of an MGF file in order, verbatim; ``report`` is given a :class:`FormatError` for each that breaks the format."""
    text, notes = document.text()
    shared: list[tuple[str, str]] = []
    block: _Block | None = None
    index = 0
    stray_told = False
    for line, content in numbered_lines(text):
        content = content.strip()  # noqa: PLW2901 - the line as it counts
        word = content.upper() if len(content) <= len("BEGIN IONS") else ""
        if not content or content.startswith(_COMMENT_MARKS):
            continue
        if word == "BEGIN IONS":
            if block:
                report(FormatError(document.path, "the spectrum is cut off", "END IONS before the next BEGIN IONS", line=block.line))
                index += 1
            block, stray_told = _Block(line), False
        elif block and word == "END IONS":
            if block.fault:
                report(block.fault)
            else:
                yield _spectrum(block, shared, document, index, notes)
            block, index = None, index + 1
        elif block:
            if not block.fault:
                _take(block, content, line, document.path)
        elif match := _PARAMETER.match(content):
            shared.append((match[1], match[2].strip()))
        elif not stray_told:
            stray_told = True
            report(FormatError(document.path, f"{shown(content)} belongs to no spectrum", "BEGIN IONS or KEY=value", line=line))
    if block:
        report(FormatError(document.path, "the spectrum is cut off", "END IONS before the end of the file", line=block.line))


def _take(block: _Block, content: str, line: int, path: str) -> None:
    parameter = _PARAMETER.match(content)
    if parameter:
        block.fields.append((parameter[1], parameter[2].strip()))
        return
    parts = content[:1000].split()
    if len(content) > 1000 or not 2 <= len(parts) <= 3 or (len(parts) == 3 and not _CHARGE.fullmatch(parts[2])):
        block.fault = FormatError(path, f"the line is {shown(content)}", "KEY=value, or m/z, intensity and perhaps charge", line=line)
        return
    try:
        mz, intensity = finite(parts[0]), finite(parts[1])
    except ValueError as error:
        block.fault = FormatError(path, f"peak line {shown(content)} {error}", "m/z and intensity", line=line)
        return
    block.mz.append(mz)
    block.intensity.append(intensity)


def _spectrum(
    block: _Block, shared: list[tuple[str, str]], document: Document, index: int, notes: tuple[Finding, ...]
) -> MassSpectrum:
    own = {key.upper() for key, _ in block.fields}
    fields = block.fields + [(key, value) for key, value in shared if key.upper() not in own]
    known, synonyms = known_fields(fields)
    # GNPS names the substance in NAME; Mascot names the spectrum in TITLE, and a library made for it both.
    titles = [value for key, value in block.fields if key.upper() == "TITLE" and value]
    names = [value for key, value in block.fields if key.upper() in {"NAME", "COMPOUND_NAME"} and value]
    if titles:
        known["record_name"] = titles[0]
    if names:
        known["name"] = names[0]
    return spectrum_from_known(
        known, block.mz, block.intensity, synonyms=synonyms, metadata=fields, document=document, index=index, findings=notes
    )
