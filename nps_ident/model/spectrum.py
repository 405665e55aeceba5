"""What a laboratory measured: spectra as a file gives them, and what the file says about them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from nps_ident.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

    from nps_ident.model.finding import Finding

__all__ = ["MassSpectrum", "Polarity", "Source", "SubstanceLabel", "Technique"]


class Technique(StrEnum):
    """The measuring technique, in the words of the result contract."""

    EI_MS = "EI-MS"
    MSMS = "MS/MS"
    DART_MS = "DART-MS"


class Polarity(StrEnum):
    """The charge of the ions recorded."""

    POSITIVE = "positive"
    NEGATIVE = "negative"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a spectrum came from: the path as given, its place in the file from 0, and the SHA-256 of the whole file as stored."""

    file: str
    index: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubstanceLabel:
    """What a file *says* the substance is.  A claim: for a reference it is believed after checks, for a query never."""

    name: str | None = None
    synonyms: tuple[str, ...] = ()
    inchikey: str | None = None
    inchi: str | None = None
    smiles: str | None = None
    formula: str | None = None
    cas: str | None = None
    exact_mass: float | None = None
    isotope_labelled: bool = False


def _frozen(values: ArrayLike, name: str) -> NDArray[np.float64]:
    array = np.array(values, dtype=np.float64)
    if array.ndim != 1:
        raise InputError(f"{name} must have one dimension. Got {array.ndim}.")
    array.setflags(write=False)
    return array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MassSpectrum:
    """A mass spectrum, verbatim: peaks in the order and with the values of the file.

    Parameters
    ----------
    name : str
        The record's own name, or ``stem#index`` where it has none.
    technique : Technique or None
        None where the file does not say.
    mz, intensity : array_like of float
        Shape ``(n_peaks,)``, equal lengths; stored as read-only float64.  Nothing is sorted, merged or dropped here: preparation is a
        recorded step of its own (:mod:`nps_ident.spectra.peaks`).
    precursor_mz : float, optional
        Of the selected ion, in Th.
    precursor_decimals : int, optional
        Decimals the file gives for it: 308.2 is another statement than 308.2227.
    adduct : str, optional
        E.g. ``[M+H]+``.
    retention_time_s : float, optional
        Of a scan of a run, or of the apex of a component, in seconds.
    label : SubstanceLabel
        What the file says the substance is.
    metadata : tuple of (str, str)
        Every field of the record, verbatim and in order, repeated keys repeated.
    findings : tuple of Finding
        What the reader had to note.
    source : Source, optional

    Raises
    ------
    InputError
        When the arrays differ in length or have more than one dimension.
    """

    name: str
    mz: NDArray[np.float64]
    intensity: NDArray[np.float64]
    technique: Technique | None = None
    precursor_mz: float | None = None
    precursor_decimals: int | None = None
    adduct: str | None = None
    polarity: Polarity | None = None
    collision_energy: str | None = None
    instrument_type: str | None = None
    retention_index: float | None = None
    retention_time_s: float | None = None
    accession: str | None = None
    contributor: str | None = None
    licence: str | None = None
    label: SubstanceLabel = field(default_factory=SubstanceLabel)
    metadata: tuple[tuple[str, str], ...] = ()
    findings: tuple[Finding, ...] = ()
    source: Source | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "mz", _frozen(self.mz, "mz"))
        object.__setattr__(self, "intensity", _frozen(self.intensity, "intensity"))
        if len(self.mz) != len(self.intensity):
            raise InputError(f"mz and intensity must have equal lengths. Got {len(self.mz)} and {len(self.intensity)}.")

    @property
    def n_peaks(self) -> int:
        """Number of peaks."""
        return len(self.mz)

    def with_findings(self, more: Iterable[Finding]) -> MassSpectrum:
        """The same spectrum with more findings behind its own."""
        return replace(self, findings=(*self.findings, *more))

    def _values(self) -> tuple[object, ...]:
        names = [name for name in self.__slots__ if name not in {"mz", "intensity"}]
        return tuple(getattr(self, name) for name in names)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MassSpectrum):
            return NotImplemented
        return (
            np.array_equal(self.mz, other.mz, equal_nan=True)
            and np.array_equal(self.intensity, other.intensity, equal_nan=True)
            and self._values() == other._values()
        )

    def __hash__(self) -> int:
        return hash((self.mz.tobytes(), self.intensity.tobytes(), self._values()))

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (tuple((name, getattr(self, name)) for name in self.__slots__),))


def _rebuild(fields: tuple[tuple[str, object], ...]) -> MassSpectrum:
    """Through the constructor, so that arrays are read-only after pickling too."""
    return MassSpectrum(**dict(fields))  # type: ignore[arg-type]
