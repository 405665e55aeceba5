"""ANDI/AIA mass spectra: ``.cdf`` files of the netCDF classic format, one scan after the other.

All scans stand in two long arrays, m/z and intensity, cut by ``scan_index``; values may be scaled by the attributes ``scale_factor`` and
``add_offset``, which the netCDF reader used here does not apply.

References
----------
ASTM E2077 (data specification) and E2078 (implementation on netCDF), "Analytical Data Interchange Protocol for Mass Spectrometric Data".
Unidata, netCDF users' guide, attribute conventions ``scale_factor``, ``add_offset``,
https://docs.unidata.ucar.edu/nug/current/attribute_conventions.html.
"""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from nps_ident.errors import FormatError
from nps_ident.io.document import shown
from nps_ident.io.fields import SECONDS_IN, spectrum_from_known

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from nps_ident.io.document import Document
    from nps_ident.model import MassSpectrum

__all__ = ["IONISATION_FIELD", "read", "recognises"]

_CLASSIC = (b"CDF\x01", b"CDF\x02")
_HDF5 = b"\x89HDF\r\n\x1a\n"
_DAMAGED = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, MemoryError, EOFError, AssertionError, struct.error)
_UNITS = {"seconds": "second", "second": "second", "s": "second", "sec": "second", "minutes": "minute", "minute": "minute", "min": "minute"}
IONISATION_FIELD = "test_ionization_mode"
"""In the metadata of a scan: the ion source, where the file states one."""
_FIELDS = ("experiment_title", "experiment_date_time_stamp", "experiment_type", "instrument_name", "sample_name", IONISATION_FIELD)
_POLARITY = {"positive": "positive", "negative": "negative"}


def recognises(data: bytes) -> bool:
    """Whether the file begins as netCDF does: the classic format, or netCDF-4, which is HDF5."""
    return data.startswith((*_CLASSIC, _HDF5))


def read(document: Document, report: Callable[[FormatError], None]) -> Iterator[MassSpectrum]:
    """Yield the scans of an ANDI/AIA file in order, verbatim, with their retention times in seconds.

    ``report`` is given one :class:`FormatError` for each scan whose place in the arrays is not in them.
    """
    if document.data.startswith(_HDF5):
        raise FormatError(document.path, "a netCDF-4 (HDF5) file", "netCDF classic, as ANDI/AIA mass spectra are")
    variables, attributes = _content(document)
    starts, counts = (_whole(variables, name, document) for name in ("scan_index", "point_count"))
    mz, intensity = (_scaled(variables, name, document) for name in ("mass_values", "intensity_values"))
    times = _scaled(variables, "scan_acquisition_time", document)
    seconds = SECONDS_IN[_time_unit(variables["scan_acquisition_time"][1], document)]
    if not len(starts) == len(counts) == len(times):
        found = f"{len(starts)} scan indices, {len(counts)} point counts and {len(times)} times"
        raise FormatError(document.path, found, "one of each a scan")
    if len(mz) != len(intensity):
        raise FormatError(document.path, f"{len(mz)} m/z and {len(intensity)} intensities", "one of each a point")
    known = {"spectrum_type": "MS1"} | _described(attributes)
    metadata = [(name, attributes[name]) for name in _FIELDS if attributes.get(name)]
    n_read = 0
    for index, (start, count, time) in enumerate(zip(starts.tolist(), counts.tolist(), times.tolist(), strict=True)):
        n_read += max(count, 0)
        if start < 0 or count < 0 or start + count > len(mz) or n_read > len(mz):
            found = f"scan {index} takes {count} points from place {start} on, of {len(mz)} points"
            report(FormatError(document.path, found, "scans within the arrays, none twice"))
            n_read = min(n_read, len(mz))
            continue
        place = slice(start, start + count)
        if not (np.isfinite(mz[place]).all() and np.isfinite(intensity[place]).all()):
            report(FormatError(document.path, f"a number that is not finite in scan {index}", "finite numbers"))
            continue
        # -9999 and the like stand for a time that was not recorded.
        timed = {"retention_time_s": repr(time * seconds)} if np.isfinite(time) and time >= 0 else {}
        yield spectrum_from_known(known | timed, mz[place], intensity[place], synonyms=(), metadata=metadata, document=document, index=index)


def _content(document: Document) -> tuple[dict[str, tuple[NDArray[Any], dict[str, Any]]], dict[str, str]]:
    """Every variable with its attributes, and the global attributes as text."""
    # Late, because SciPy takes longer to load than a first answer may take.
    from scipy.io import netcdf_file

    try:
        with netcdf_file(io.BytesIO(document.data), "r", mmap=False) as file:
            variables = {name: (np.array(variable.data), dict(variable._attributes)) for name, variable in file.variables.items()}
            attributes = {name: _text(value) for name, value in file._attributes.items()}
    except _DAMAGED as error:
        reason = shown(str(error) or type(error).__name__)
        raise FormatError(document.path, f"a damaged or cut-off netCDF file ({reason})", "a whole one") from None
    return variables, attributes


def _text(value: Any) -> str:
    return value.decode("utf-8", errors="replace").strip("\0 ") if isinstance(value, bytes) else str(value)


def _raw(variables: dict[str, tuple[NDArray[Any], dict[str, Any]]], name: str, document: Document) -> tuple[NDArray[Any], dict[str, Any]]:
    if name not in variables:
        raise FormatError(document.path, f"a netCDF file without {name}", "ANDI/AIA mass spectra, which have it")
    values, attributes = variables[name]
    if values.ndim != 1 or values.dtype.kind not in "iuf":
        raise FormatError(document.path, f"{name} is no list of numbers", "one number a scan or point")
    return values, attributes


def _whole(variables: dict[str, tuple[NDArray[Any], dict[str, Any]]], name: str, document: Document) -> NDArray[np.int64]:
    values, _ = _raw(variables, name, document)
    if values.dtype.kind == "f":
        raise FormatError(document.path, f"{name} holds fractions", "whole numbers")
    return values.astype(np.int64)


def _scaled(variables: dict[str, tuple[NDArray[Any], dict[str, Any]]], name: str, document: Document) -> NDArray[np.float64]:
    """The values in the machine's byte order with their scale and offset applied."""
    values, attributes = _raw(variables, name, document)
    scaled = values.astype(np.float64)
    for attribute in ("scale_factor", "add_offset"):
        if attribute not in attributes:
            continue
        try:
            [factor] = np.atleast_1d(attributes[attribute]).astype(np.float64)
        except (ValueError, TypeError):
            raise FormatError(document.path, f"{name} has a {attribute} that is no number", "one number") from None
        scaled = scaled * factor if attribute == "scale_factor" else scaled + factor
    return scaled


def _time_unit(attributes: dict[str, Any], document: Document) -> str:
    """The unit of the scan times: seconds where none is named (ASTM E2077), never one that is not known."""
    named = _text(attributes.get("units", b"Seconds")).strip().lower()
    if named not in _UNITS:
        raise FormatError(document.path, f"scan times in {shown(named)}", "seconds or minutes")
    return _UNITS[named]


def _described(attributes: dict[str, str]) -> dict[str, str]:
    known = {}
    mode = attributes.get(IONISATION_FIELD, "").lower()
    if mode in {"electron impact", "electron ionization", "electron ionisation", "ei"}:
        known["technique"] = "EI-MS"
    polarity = attributes.get("test_ionization_polarity", "").lower().split(" ")[0]
    return known | ({"polarity": _POLARITY[polarity]} if polarity in _POLARITY else {})
