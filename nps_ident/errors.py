"""Every exception the package raises on purpose.

::

    NpsIdentError
    ├── InputError               a file or an argument that cannot be used
    │   ├── FormatError          a file that breaks its own format: file, line, found, expected
    │   └── UnitError            a unit that is missing or not known; never guessed
    ├── ChemistryError           a structure, a formula or an adduct that cannot be read
    ├── LibraryError             a spectral library that is missing, damaged or of another version
    ├── CatalogueError           a substance table or a register that is missing or contradicts itself
    ├── CalibrationError         a calibration that is missing, altered or made for something else
    └── LedgerError              a record that cannot be written, read, verified or replayed

Each message is one sentence that names what, where, what was found and what was expected.  All survive pickling, so that a worker
process can hand them to its parent.
"""

from __future__ import annotations

__all__ = [
    "CalibrationError",
    "CatalogueError",
    "ChemistryError",
    "FormatError",
    "InputError",
    "LedgerError",
    "LibraryError",
    "NpsIdentError",
    "UnitError",
]


class NpsIdentError(Exception):
    """The root of the tree: catch it to catch everything this package raises on purpose."""


class InputError(NpsIdentError):
    """A file or an argument that cannot be used."""


class FormatError(InputError):
    """A file that breaks its own format.

    Parameters
    ----------
    file : str
        The path as the user gave it.
    found, expected : str
        What stands there, and what should; both are shown to the user as one sentence.
    line : int, optional
        The line, counted from 1, where it was found; None for a fault of the whole file.
    """

    def __init__(self, file: str, found: str, expected: str, *, line: int | None = None) -> None:
        self.file, self.found, self.expected, self.line = str(file), found, expected, line
        where = self.file if line is None else f"{self.file}:{line}"
        super().__init__(f"{where}: {found}; expected {expected}.")

    def __reduce__(self) -> tuple[object, ...]:
        return (_format_error, (self.file, self.found, self.expected, self.line))


def _format_error(file: str, found: str, expected: str, line: int | None) -> FormatError:
    return FormatError(file, found, expected, line=line)


class UnitError(InputError):
    """A unit that is missing or not known."""


class ChemistryError(NpsIdentError):
    """A structure, a formula or an adduct that cannot be read."""


class LibraryError(NpsIdentError):
    """A spectral library that is missing, damaged or of another version."""


class CatalogueError(NpsIdentError):
    """A substance table or a register that is missing or contradicts itself."""


class CalibrationError(NpsIdentError):
    """A calibration that is missing, altered or made for something else."""


class LedgerError(NpsIdentError):
    """A record that cannot be written, read, verified or replayed."""
