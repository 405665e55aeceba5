"""One spectrum written in each format the readers know: what property tests and damaged files start from."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def msp(mz: Sequence[float], intensity: Sequence[float]) -> str:
    peaks = "".join(f"{m!r} {i!r}\n" for m, i in zip(mz, intensity, strict=True))
    return f"Name: a substance\nSynon: one\nSynon: two\nPrecursorMZ: 150.1277\nNum Peaks: {len(mz)}\n{peaks}\n"


def msp_one_line(mz: Sequence[float], intensity: Sequence[float]) -> str:
    peaks = "; ".join(f"{m!r} {i!r}" for m, i in zip(mz, intensity, strict=True))
    return f"Name: a substance\nNum Peaks: {len(mz)}\n{peaks}\n"


def mgf(mz: Sequence[float], intensity: Sequence[float]) -> str:
    peaks = "".join(f"{m!r} {i!r}\n" for m, i in zip(mz, intensity, strict=True))
    return f"COM=x\nBEGIN IONS\nTITLE=a substance\nPEPMASS=150.1277 3\nCHARGE=1+\n{peaks}END IONS\n"


def massbank(mz: Sequence[float], intensity: Sequence[float]) -> str:
    peaks = "".join(f"  {m!r} {i!r} 999\n" for m, i in zip(mz, intensity, strict=True))
    return (
        "ACCESSION: MSBNK-A-X1\nRECORD_TITLE: a\nCH$NAME: a substance\nAC$MASS_SPECTROMETRY: MS_TYPE MS2\n"
        f"PK$NUM_PEAK: {len(mz)}\nPK$PEAK: m/z int. rel.int.\n{peaks}//\n"
    )


def table(mz: Sequence[float], intensity: Sequence[float]) -> str:
    return "# Name: a substance\nm/z,intensity\n" + "".join(f"{m!r},{i!r}\n" for m, i in zip(mz, intensity, strict=True))


def bare_table(mz: Sequence[float], intensity: Sequence[float]) -> str:
    return "".join(f"{m!r}\t{i!r}\n" for m, i in zip(mz, intensity, strict=True))


def jcamp(mz: Sequence[float], intensity: Sequence[float]) -> str:
    peaks = "".join(f"{m!r},{i!r}\n" for m, i in zip(mz, intensity, strict=True))
    return (
        "##TITLE= a substance\n##JCAMP-DX= 4.24\n##DATA TYPE= MASS SPECTRUM\n##XUNITS= M/Z\n##YUNITS= COUNTS\n"
        f"##NPOINTS= {len(mz)}\n##PEAK TABLE= (XY..XY)\n{peaks}##END=\n"
    )


def jcamp_differences(mz: Sequence[float], intensity: Sequence[float]) -> str:
    """Continuous, in DIF and DUP form; the axis is replaced by whole numbers and the ordinates are rounded."""
    del mz
    values = [round(v) % 100_000 for v in intensity]
    return (
        "##TITLE= a substance\n##JCAMP-DX= 4.24\n##DATA TYPE= MASS SPECTRUM\n##XUNITS= M/Z\n##FIRSTX= 50\n"
        f"##LASTX= {50 + len(values) - 1}\n##NPOINTS= {len(values)}\n##XYDATA= (X++(Y..Y))\n{asdf(values, 50)}##END=\n"
    )


def asdf(values: Sequence[int], first: int) -> str:
    """Encode as McDonald & Wilks 1988 describe: squeezed first ordinate, differences, repeat counts, a Y check on the next line."""
    lines = []
    for start in range(0, len(values), 7):
        stop = min(start + 8, len(values))
        text = f"{first + start}{_letter(values[start], '@ABCDEFGHI', 'abcdefghi')}"
        differences = [values[i] - values[i - 1] for i in range(start + 1, stop)]
        i = 0
        while i < len(differences):
            run = 1
            while i + run < len(differences) and differences[i + run] == differences[i]:
                run += 1
            text += _letter(differences[i], "%JKLMNOPQR", "jklmnopqr")
            text += "STUVWXYZs"[run - 1] if run > 1 else ""
            i += run
        lines.append(text)
    if len(values) > 1 and (len(values) - 1) % 7 != 0:
        lines.append(f"{first + len(values) - 1}{_letter(values[-1], '@ABCDEFGHI', 'abcdefghi')}")
    return "\n".join(lines) + "\n"


def _letter(value: int, positive: str, negative: str) -> str:
    digits = str(abs(value))
    return (negative[int(digits[0]) - 1] if value < 0 else positive[int(digits[0])]) + digits[1:]


def mzml(mz: Sequence[float], intensity: Sequence[float]) -> str:
    def array(accession: str, values: Sequence[float]) -> str:
        text = base64.b64encode(zlib.compress(struct.pack(f"<{len(values)}d", *values))).decode()
        return (
            '<binaryDataArray><cvParam accession="MS:1000523" name="64-bit float"/>'
            '<cvParam accession="MS:1000574" name="zlib compression"/>'
            f'<cvParam accession="{accession}" name="array"/><binary>{text}</binary></binaryDataArray>'
        )

    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<mzML xmlns="http://psi.hupo.org/ms/mzml"><run id="r"><spectrumList count="1">\n'
        f'<spectrum index="0" id="a substance" defaultArrayLength="{len(mz)}"><cvParam accession="MS:1000511" name="ms level" value="2"/>\n'
        f'<binaryDataArrayList count="2">{array("MS:1000514", mz)}\n{array("MS:1000515", intensity)}</binaryDataArrayList>\n'
        "</spectrum></spectrumList></run></mzML>\n"
    )


def mzxml(mz: Sequence[float], intensity: Sequence[float]) -> str:
    pairs = [v for pair in zip(mz, intensity, strict=True) for v in pair]
    text = base64.b64encode(struct.pack(f">{len(pairs)}d", *pairs)).decode()
    return (
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n<mzXML xmlns="http://sashimi.sourceforge.net/schema_revision/mzXML_2.0"><msRun>\n'
        f'<scan num="1" msLevel="2" peaksCount="{len(mz)}"><precursorMz>150.1277</precursorMz>\n'
        f'<peaks precision="64" byteOrder="network" pairOrder="m/z-int">{text}</peaks></scan></msRun></mzXML>\n'
    )


EXACT: dict[str, Callable[[Sequence[float], Sequence[float]], str]] = {
    "msp": msp,
    "msp in one line": msp_one_line,
    "mgf": mgf,
    "massbank": massbank,
    "table": table,
    "bare table": bare_table,
    "jcamp": jcamp,
    "mzml": mzml,
    "mzxml": mzxml,
}
"""Formats in which any finite numbers come back exactly."""
ALL = {**EXACT, "jcamp differences": jcamp_differences}
