"""Files of GC–MS runs, written byte by byte from the published descriptions of their formats."""

from __future__ import annotations

import base64
import io
import struct
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

Scan = tuple[float, list[float], list[float]]
"""Time in minutes, m/z, intensities."""

SCANS: list[Scan] = [
    (4.0 + 0.01 * i, [58.0, 91.05, 134.1][: i % 4], [100.0 * (i + 1), 50.0, 7.0][: i % 4]) for i in range(15)
]
"""Fifteen scans in steps of 0.05 in m/z; every fourth has no peak at all."""


def header(*, flags: int, n_points: int, n_subfiles: int, x_unit: int = 9, z_unit: int = 5, exponent: int = 15, version: int = 0x4B) -> bytes:
    return struct.pack(
        "<BBBbiddiBBBBi9s9sh32s130s30siiBBhf48sfifB187s",
        *(flags, version, 0, exponent, n_points, 0.0, 0.0, n_subfiles, x_unit, 0, z_unit, 0, 0, b"", b"MS_0000", 0, b"", b"A sample"),
        *(b"", 0, 0, 0, 0, 0, 0.0, b"SCAN.M", 0.0, 0, 0.0, 0, b""),
    )


def spc(scans: Sequence[Scan] = SCANS, *, short: bool = False, floats: bool = False, exponent: int = 15, **fields: int) -> bytes:
    """The new form with abscissae of each scan's own and a directory behind them."""
    flags = 0x40 | 0x80 | 0x10 | 0x04 | (0x01 if short else 0)
    body, places = b"", []
    for i, (time, mz, intensity) in enumerate(scans):
        places.append((512 + len(body), time))
        written = -128 if floats else exponent
        body += struct.pack("<BbhfffiifI", 0, written, i, time, time, 0.0, len(mz), 0, 0.0, 0)
        body += np.array(mz, "<f4").tobytes()
        if floats:
            body += np.array(intensity, "<f4").tobytes()
        else:
            bits, kind = (16, "<i2") if short else (32, "<i4")
            body += np.array([round(v * 2.0 ** (bits - exponent)) for v in intensity], kind).tobytes()
    directory = b"".join(struct.pack("<iif", at, 0, time) for at, time in places)
    given = {"n_points": 512 + len(body), "n_subfiles": len(scans)} | fields
    return header(flags=flags, **given) + body + directory  # type: ignore[arg-type]


def spc_old(times: Sequence[float], rows: Sequence[Sequence[float]], *, x_unit: int = 9, exponent: int = 15) -> bytes:
    """The old form: one evenly spaced abscissa, integers with their 16-bit halves swapped."""
    n = len(rows[0])
    fields = (4, 0x4D, exponent, n, 50.0, 49.0 + n, x_unit, 0, 1997, 3, 9, 8, 46, b"", 0, 0, b"", b"Old", b"")
    first = struct.pack("<BBhfffBBHBBBB8shh28s130s30s", *fields)
    body = b""
    for i, (time, row) in enumerate(zip(times, rows, strict=True)):
        later = times[1] if i == 0 and len(times) > 1 else time
        body += struct.pack("<BbhfffiifI", 0, exponent, i, time, later, 0.0, 0, 0, 0.0, 0)
        for value in row:
            whole = round(value * 2.0 ** (32 - exponent))
            body += struct.pack("<HH", whole >> 16, whole & 0xFFFF)
    return first + body


def andi(
    scans: Sequence[Scan] = SCANS, *, mass_scale: float | None = None, mode: str = "Electron Impact", units: str = "Seconds", **odd: object
) -> bytes:
    """ANDI/AIA through SciPy's writer; with ``mass_scale`` the masses are short integers and the attribute says how to scale them."""
    from scipy.io import netcdf_file

    buffer = io.BytesIO()
    file = netcdf_file(buffer, "w")
    file.test_ionization_mode = mode
    file.experiment_title = "A sample"
    counts = [len(mz) for _, mz, _ in scans]
    file.createDimension("scan_number", len(scans))
    file.createDimension("point_number", sum(counts))

    def put(name: str, kind: str, dimension: str, values: object) -> object:
        variable = file.createVariable(name, kind, (dimension,))
        variable[:] = np.asarray(odd.get(name, values))
        return variable

    put("scan_acquisition_time", "d", "scan_number", [60.0 * time for time, _, _ in scans]).units = units  # type: ignore[attr-defined]
    put("scan_index", "i", "scan_number", np.concatenate([[0], np.cumsum(counts)[:-1]]))
    put("point_count", "i", "scan_number", counts)
    masses = np.array([m for _, mz, _ in scans for m in mz])
    if mass_scale is None:
        put("mass_values", "f", "point_number", masses)
    else:
        put("mass_values", "h", "point_number", np.rint(masses / mass_scale)).scale_factor = mass_scale  # type: ignore[attr-defined]
    put("intensity_values", "f", "point_number", [v for _, _, intensity in scans for v in intensity])
    file.flush()
    content = buffer.getvalue()
    file.close()
    return content


def mzml(scans: Sequence[Scan] = SCANS, *, source: str = "MS:1000389", levels: Sequence[int] = ()) -> str:
    """Scans of an instrument with that ion source (by default electron ionisation), of the first stage unless ``levels`` says otherwise."""

    def array(accession: str, values: list[float]) -> str:
        packed = base64.b64encode(np.array(values, "<f8").tobytes()).decode()
        kinds = "".join(f'<cvParam accession="{kind}" name="x"/>' for kind in ("MS:1000523", "MS:1000576", accession))
        return f"<binaryDataArray>{kinds}<binary>{packed}</binary></binaryDataArray>"

    spectra = []
    for i, (time, mz, intensity) in enumerate(scans):
        level = levels[i] if i < len(levels) else 1
        spectra.append(
            f'<spectrum index="{i}" id="scan={i + 1}" defaultArrayLength="{len(mz)}">'
            f'<cvParam accession="MS:1000511" name="ms level" value="{level}"/>'
            f'<scanList><scan><cvParam accession="MS:1000016" name="scan start time" value="{time}" unitName="minute"/></scan></scanList>'
            f'<binaryDataArrayList>{array("MS:1000514", mz)}{array("MS:1000515", intensity)}</binaryDataArrayList></spectrum>'
        )
    return (
        '<mzML xmlns="http://psi.hupo.org/ms/mzml"><instrumentConfigurationList><instrumentConfiguration id="I"><componentList><source>'
        f'<cvParam accession="{source}" name="s"/></source></componentList></instrumentConfiguration></instrumentConfigurationList>'
        f'<run id="r" defaultInstrumentConfigurationRef="I"><spectrumList>{"".join(spectra)}</spectrumList></run></mzML>'
    )
