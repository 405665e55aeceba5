"""Exhibit files: YAML of one exhibit, or a sheet (CSV) of several with a row for each measurement.

Of YAML only mappings, lists and plain text are taken, each key once: no tags, no anchors and so no aliases, nothing deep, nothing large.  Every
value is read as text, so that the country ``NO`` stays Norway and the sampling ``010`` keeps its zero.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
import re
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nps_ident.errors import FormatError
from nps_ident.io.document import open_document, shown
from nps_ident.model.exhibit import Exhibit, Measurement, QuantityFile, ReferenceMaterial

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nps_ident.io.document import Document

__all__ = ["MEASUREMENT_FIELDS", "read_exhibits"]

_MAX_BYTES = 1_000_000
_MAX_DEPTH = 4
_MAX_MEASUREMENTS = 500
_LONGEST = 2000
"""Characters of one value; a description has a few hundred."""

EXHIBIT_FIELDS = ("exhibit", "claim", "description", "mass_g", "country", "date", "single_sampling")
MEASUREMENT_FIELDS = (
    "technique", "file", "blank", "alkanes", "derivatised", "whole_sample", "sampling", "result", "substance", "excludes", "data",
    "reference_material", "certificate", "batch", "limit_percent", "log10_lr", "lr_source",
)  # fmt: skip
_QUANTITY_FIELDS = ("file", "substance", "basis")
_REAGENTS = ("tms", "acetyl", "tfa")
_NOTHING = frozenset({
    "none", "null", "nil", "no", "not", "yes", "true", "false", "na", "nd", "tbd", "todo", "unknown", "missing", "empty", "notavailable",
    "notapplicable", "notstated", "notknown", "notgiven", "nothing", "pending", "нет", "да", "неизвестно", "неизвестен", "отсутствует",
    "нд", "keine", "kein", "nein", "unbekannt", "aucun", "aucune", "inconnu", "ninguno", "desconocido",
})  # fmt: skip
"""What stands in a field that was filled in for form's sake; compared without case, spaces and signs."""
_RESULTS = ("positive", "negative", "inconclusive")
_GREATEST_LOG10_LR = 6.0
"""A million to one: more is not taken from a laboratory's statement; our choice."""


@dataclass(frozen=True, slots=True)
class _Value:
    """A text, a list or a mapping with the line it begins on."""

    line: int
    content: Any


def read_exhibits(path: str | Path) -> list[Exhibit]:
    """Read an exhibit file.

    Parameters
    ----------
    path : path-like
        ``.csv`` or ``.tsv`` is a sheet, everything else YAML.

    Returns
    -------
    list of Exhibit
        One of a YAML file; of a sheet one a different id, in the order of the first row of each.

    Raises
    ------
    InputError
        When it cannot be opened.
    FormatError
        With file and line: not of the form, too large, a field that is not known or not of its kind, two rows of an exhibit that
        contradict each other, or a measurement that says it belongs to another exhibit.
    """
    document = open_document(path)
    if len(document.data) > _MAX_BYTES:
        raise FormatError(document.path, f"the exhibit file has {len(document.data):,} bytes", f"at most {_MAX_BYTES:,}")
    if document.suffix in {".csv", ".tsv"}:
        return _sheet(document)
    return [_yaml_exhibit(document)]


def _yaml_exhibit(document: Document) -> Exhibit:
    root = _read_yaml(document)
    given = _mapping(document, root, (*EXHIBIT_FIELDS, "measurements", "quantities"), "the exhibit")
    measurements = []
    for number, part in enumerate(_items(document, given.pop("measurements", None), "measurements"), 1):
        cells = _mapping(document, part, (*MEASUREMENT_FIELDS, "exhibit"), f"measurement {number}")
        measurements.append(_measurement(document, number, cells, part.line))
    quantities = []
    for part in _items(document, given.pop("quantities", None), "quantities"):
        cells = _mapping(document, part, _QUANTITY_FIELDS, "quantities")
        texts = {name: _text(document, cells.get(name), name) for name in _QUANTITY_FIELDS}
        absent = [name for name, text in texts.items() if text is None]
        if absent:
            raise FormatError(document.path, f"a quantity without {' and '.join(absent)}", ", ".join(_QUANTITY_FIELDS), line=part.line)
        quantities.append(QuantityFile(**{name: text or "" for name, text in texts.items()}))
    return _exhibit(document, given, tuple(measurements), tuple(quantities), index=0, line=root.line)


def _sheet(document: Document) -> list[Exhibit]:
    text, _ = document.text()
    first = text.partition("\n")[0]
    delimiter = max("\t;,", key=first.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    found: dict[str, tuple[int, dict[str, _Value], list[tuple[int, dict[str, _Value]]]]] = {}
    try:
        columns = [name.strip().casefold() for name in next(rows)]
        unknown = [name for name in columns if name not in {*EXHIBIT_FIELDS, *MEASUREMENT_FIELDS}]
        if unknown or len(set(columns)) != len(columns) or "exhibit" not in columns:
            what = f"columns {shown(' '.join(unknown or columns))}"
            raise FormatError(document.path, what, f"'exhibit' and of {', '.join((*EXHIBIT_FIELDS[1:], *MEASUREMENT_FIELDS))}", line=1)
        for cells in rows:
            line = rows.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(columns):
                raise FormatError(document.path, f"a row of {len(cells)} cells", f"{len(columns)} as in the first row", line=line)
            row = {name: _Value(line, cell.strip()) for name, cell in zip(columns, cells, strict=True) if cell.strip()}
            if "exhibit" not in row:
                raise FormatError(document.path, "a row without an exhibit", "its id", line=line)
            _, about, measurements = found.setdefault(row["exhibit"].content, (line, {}, []))
            for name in EXHIBIT_FIELDS:
                if name in row and about.setdefault(name, row[name]).content != row[name].content:
                    what = f"{name} of exhibit {shown(row['exhibit'].content)} is {shown(row[name].content)}"
                    raise FormatError(document.path, what, f"{shown(about[name].content)} as in line {about[name].line}", line=line)
            if any(name in row for name in ("technique", "file", "result")):
                measurements.append((line, {name: row[name] for name in MEASUREMENT_FIELDS if name in row}))
    except csv.Error as error:
        raise FormatError(document.path, f"a damaged table ({error})", "a CSV sheet", line=rows.line_num) from None
    except StopIteration:
        raise FormatError(document.path, "no row", "a row of column names") from None
    if not found:
        raise FormatError(document.path, "no exhibit", "a row for each measurement")
    return [
        _exhibit(
            document,
            about,
            tuple(_measurement(document, number, cells, at) for number, (at, cells) in enumerate(measurements, 1)),
            (),
            index=index,
            line=line,
        )
        for index, (line, about, measurements) in enumerate(found.values())
    ]


def _exhibit(
    document: Document,
    given: dict[str, _Value],
    measurements: tuple[Measurement, ...],
    quantities: tuple[QuantityFile, ...],
    *,
    index: int,
    line: int,
) -> Exhibit:
    texts = {name: _text(document, given.get(name), name) for name in EXHIBIT_FIELDS}
    name = texts["exhibit"]
    if name is None:
        raise FormatError(document.path, "no 'exhibit'", "the id of the exhibit", line=line)
    if not measurements:
        raise FormatError(document.path, f"exhibit {shown(name)} has no measurement", "a technique and a file or a result", line=line)
    if len(measurements) > _MAX_MEASUREMENTS:
        raise FormatError(document.path, f"{len(measurements)} measurements", f"at most {_MAX_MEASUREMENTS}", line=line)
    others = sorted({m.exhibit for m in measurements if m.exhibit is not None and m.exhibit != name})
    if others:
        raise FormatError(document.path, f"measurements of exhibit {shown(', '.join(others))}", f"of {shown(name)} alone", line=line)
    measurements = _once_each(Path(document.path).parent, measurements)
    country = texts["country"]
    if country is not None and not re.fullmatch(r"[A-Z]{2}", country):
        raise FormatError(document.path, f"the country {shown(country)}", "two capital letters of ISO 3166-1", line=given["country"].line)
    if texts["date"] is not None:
        _date(document, texts["date"], given["date"].line)
    mass = _number(document, given.get("mass_g"), "mass_g")
    if mass is not None and mass <= 0:
        raise FormatError(document.path, f"mass_g {mass:g}", "more than 0 grams", line=given["mass_g"].line)
    return Exhibit(
        id=name,
        file=document.path,
        sha256=document.sha256,
        index=index,
        claim=texts["claim"],
        description=texts["description"],
        mass_g=mass,
        country=country,
        date=texts["date"],
        single_sampling=_stated(texts["single_sampling"]),
        measurements=measurements,
        quantities=quantities,
    )


def _measurement(document: Document, number: int, cells: dict[str, _Value], line: int) -> Measurement:
    excludes = cells.pop("excludes", None)
    log10_lr = _number(document, cells.pop("log10_lr", None), "log10_lr")
    limit = _number(document, cells.pop("limit_percent", None), "limit_percent")
    texts = {name: _text(document, value, name) for name, value in cells.items()}
    result = texts.get("result")

    def refuse(found: str, expected: str) -> FormatError:
        return FormatError(document.path, f"measurement {number}: {found}", expected, line=line)

    beside = [name for name in ("blank", "alkanes", "derivatised") if texts.get(name) is not None]
    if beside and texts.get("file") is None:
        raise refuse(f"{' and '.join(beside)} without a file", "a GC–MS run that they belong to")
    if texts.get("derivatised") not in {None, *_REAGENTS}:
        raise refuse(f"derivatised {shown(str(texts['derivatised']))}", ", ".join(_REAGENTS))
    if texts.get("whole_sample") not in {None, "yes", "no"}:
        raise refuse(f"whole_sample {shown(str(texts['whole_sample']))}", "yes or no")
    if result is not None and result not in _RESULTS:
        raise refuse(f"the result {shown(result)}", ", ".join(_RESULTS))
    if (texts.get("file") is None) == (result is None):
        raise refuse("neither a file nor a result" if result is None else "a file and a result", "one of the two")
    if result is not None and (texts.get("technique") is None or texts.get("substance") is None):
        raise refuse("a result without its technique and substance", "both")
    if limit is not None and not (0 < limit < 100 and result == "negative"):
        raise refuse(f"limit_percent {limit:g}", "between 0 and 100, of a negative result")
    if log10_lr is not None and (_stated(texts.get("lr_source")) is None or abs(log10_lr) > _GREATEST_LOG10_LR or result != "positive"):
        raise refuse(f"log10_lr {log10_lr:g}", f"within ±{_GREATEST_LOG10_LR:g}, of a positive result, with lr_source")
    material = ReferenceMaterial(
        id=_stated(texts.get("reference_material")), certificate=_stated(texts.get("certificate")), batch=_stated(texts.get("batch"))
    )
    return Measurement(
        number=number,
        technique=texts.get("technique"),
        sampling=_stated(texts.get("sampling")) or "1",
        file=texts.get("file"),
        blank=texts.get("blank"),
        alkanes=texts.get("alkanes"),
        derivatised=texts.get("derivatised"),
        whole_sample=texts.get("whole_sample") == "yes",
        result=result,
        substance=texts.get("substance"),
        excludes=_names(document, excludes),
        data=_stated(texts.get("data")),
        limit_percent=limit,
        reference_material=material,
        log10_lr=log10_lr,
        lr_source=texts.get("lr_source"),
        exhibit=texts.get("exhibit"),
    )


def _stated(text: str | None) -> str | None:
    """A text that states something; None for ``none``, ``n/a``, ``-`` and the like, which name no material, place or reason."""
    if text is None or "".join(filter(str.isalnum, text.casefold())) in {"", *_NOTHING}:
        return None
    return text


def _once_each(folder: Path, measurements: tuple[Measurement, ...]) -> tuple[Measurement, ...]:
    """The measurements, of which one with the file content of an earlier one is of the same sampling and says so."""
    sizes: dict[int, list[int]] = {}
    for i, measurement in enumerate(measurements):
        try:
            place = folder / measurement.file if measurement.file else None
            if place is not None and place.is_file():
                sizes.setdefault(place.stat().st_size, []).append(i)
        except (OSError, ValueError):
            continue  # what cannot be read is named when it is read
    found = list(measurements)
    for same_size in sizes.values():
        first: dict[str, int] = {}
        for i in same_size if len(same_size) > 1 else ():
            try:
                with (folder / str(measurements[i].file)).open("rb") as data:
                    digest = hashlib.file_digest(data, "sha256").hexdigest()
            except OSError:
                continue
            earlier = measurements[first.setdefault(digest, i)]
            if earlier.number != measurements[i].number:
                found[i] = replace(measurements[i], sampling=earlier.sampling, same_as=earlier.number)
    return tuple(found)


def _names(document: Document, value: _Value | None) -> tuple[str, ...]:
    """Names from a list of YAML, or from one cell with semicolons between them."""
    if value is None:
        return ()
    if isinstance(value.content, list):
        return tuple(text for part in value.content if (text := _text(document, part, "excludes")))
    return tuple(name.strip() for name in (_text(document, value, "excludes") or "").split(";") if name.strip())


def _text(document: Document, value: _Value | None, name: str) -> str | None:
    if value is None or value.content == "":
        return None
    if not isinstance(value.content, str):
        raise FormatError(document.path, f"{name} is a {_kind(value)}", "a text", line=value.line)
    text = value.content.strip()
    if len(text) > _LONGEST:
        raise FormatError(document.path, f"{name} has {len(text):,} characters", f"at most {_LONGEST:,}", line=value.line)
    return text or None


def _number(document: Document, value: _Value | None, name: str) -> float | None:
    text = _text(document, value, name)
    if text is None or value is None:
        return None
    # No thousands separators: of 1,234 nobody knows which it is, so a comma is the decimal one only where it cannot be the other.
    if re.fullmatch(r"[-+]?\d{1,15}(?:\.\d{1,15}|,\d{1,2}|,\d{4,15})?", text):
        number = float(text.replace(",", "."))
        if math.isfinite(number):
            return number
    raise FormatError(document.path, f"{name} {shown(text)}", "a number such as 0.62", line=value.line)


def _date(document: Document, text: str, line: int) -> None:
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            date.fromisoformat(text)
            return
    except ValueError:
        pass
    raise FormatError(document.path, f"the date {shown(text)}", "a date such as 2014-03-02", line=line)


def _mapping(document: Document, value: _Value, names: Sequence[str], what: str) -> dict[str, _Value]:
    if not isinstance(value.content, dict):
        raise FormatError(document.path, f"{what} is a {_kind(value)}", f"fields of {', '.join(names)}", line=value.line)
    for name, part in value.content.items():
        if name not in names:
            raise FormatError(document.path, f"{what} has a field {shown(name)}", f"fields of {', '.join(names)}", line=part.line)
    return dict(value.content)


def _items(document: Document, value: _Value | None, name: str) -> list[_Value]:
    if value is None:
        return []
    if not isinstance(value.content, list):
        raise FormatError(document.path, f"{name} is a {_kind(value)}", "a list", line=value.line)
    return list(value.content)


def _kind(value: _Value) -> str:
    return "text" if isinstance(value.content, str) else "list" if isinstance(value.content, list) else "mapping"


def _read_yaml(document: Document) -> _Value:
    """The one document of a YAML file from its events: nothing is constructed that the file names."""
    import yaml

    text, _ = document.text()
    try:
        events = _allowed(document, yaml.parse(text, Loader=yaml.SafeLoader))
        root = _built(document, next(events), events)
        for event in events:
            raise FormatError(document.path, "a second document", "one exhibit a file", line=event.start_mark.line + 1)
    except StopIteration:
        raise FormatError(document.path, "nothing but comments", "fields of an exhibit") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "no YAML")
        raise FormatError(document.path, f"broken YAML ({problem})", "YAML", line=mark.line + 1 if mark else None) from None
    return root


def _allowed(document: Document, events: Iterator[Any]) -> Iterator[Any]:
    """The events that hold content; what could cost or run anything is refused when it is met."""
    import yaml

    depth = 0
    for event in events:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise FormatError(document.path, "a YAML anchor or alias", "every value written out", line=line)
        if getattr(event, "tag", None):
            raise FormatError(document.path, f"the YAML tag {shown(str(event.tag))}", "plain values", line=line)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _MAX_DEPTH:
                raise FormatError(document.path, f"lists or mappings {depth} deep", f"at most {_MAX_DEPTH}", line=line)
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if isinstance(event, (yaml.NodeEvent, yaml.CollectionEndEvent)):
            yield event


def _built(document: Document, event: Any, events: Iterator[Any]) -> _Value:
    import yaml

    line = event.start_mark.line + 1
    if isinstance(event, yaml.ScalarEvent):
        null = event.style is None and event.value in {"", "~", "null"}
        return _Value(line, "" if null else event.value)
    if isinstance(event, yaml.SequenceStartEvent):
        parts = []
        while not isinstance(inner := next(events), yaml.SequenceEndEvent):
            parts.append(_built(document, inner, events))
        return _Value(line, parts)
    found: dict[str, _Value] = {}
    while not isinstance(inner := next(events), yaml.MappingEndEvent):
        key = _built(document, inner, events)
        if not isinstance(key.content, str):
            raise FormatError(document.path, f"a field that is a {_kind(key)}", "a name", line=key.line)
        if key.content in found:
            raise FormatError(document.path, f"the field {shown(key.content)} twice", "each once", line=key.line)
        value = _built(document, next(events), events)
        found[key.content] = _Value(key.line, value.content)
    return _Value(line, found)
