"""Numbers as text formats write them: finite, in ASCII digits, with a decimal point; nothing else that Python would take for a number."""

from __future__ import annotations

import math
import re

__all__ = ["finite"]

_WHOLE = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)


def finite(text: str) -> float:
    """The number that the whole of ``text`` is.

    Raises
    ------
    ValueError
        With what is wrong in words: no number (``1_000`` and ``nan`` are none here), or one beyond the range of a float.
    """
    if not _WHOLE.fullmatch(text):
        raise ValueError("is no number")
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("is no finite number")
    return value
