"""A finding: one coded, worded observation about an input, a reference or an answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Finding", "Severity"]


class Severity(StrEnum):
    """How much a finding weighs: ``info`` explains, ``warning`` limits the answer, ``error`` forbids it."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A coded observation in one sentence.

    Parameters
    ----------
    code : str
        Stable and documented in ``docs/findings.md``, e.g. ``SPEC-003``; the prefix names the subject: ``FILE`` what was read,
        ``SPEC`` the spectrum, ``IDENT`` the answer, ``STRUC`` a structure, ``CAT`` a catalogue entry.
    severity : Severity
    text : str
        One sentence for the chemist.
    """

    code: str
    severity: Severity
    text: str

    def to_dict(self) -> dict[str, str]:
        """The finding as the result contract writes it."""
        return {"code": self.code, "severity": self.severity.value, "text": self.text}
