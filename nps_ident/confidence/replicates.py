"""Whether two spectra may be of one substance: as alike as replicates of one substance measured in different laboratories.

The similarity from which that is said is a quantile of measured replicates, in ``replicates.json`` beside this file with its data, date and
hash (``python -m benchmarks.accuracy.replicates``).  It never says that they *are* of one substance: some isomers agree as well, and how many is
measured there too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nps_ident.confidence.coefficients import require_unaltered
from nps_ident.errors import CalibrationError
from nps_ident.library.search_msms import PAIRING_DA, is_coarse, precursor_tolerance
from nps_ident.model import MassSpectrum, Technique, Tolerance
from nps_ident.similarity.entropy import entropy_similarity
from nps_ident.similarity.match_factor import BASE_PEAK, NominalSpectrum, PeakRuns, match_factor, match_factors, nominal
from nps_ident.spectra.peaks import MIN_PEAKS

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SHIPPED", "Firsts", "Variability", "agreement", "read_variability", "same_precursor"]

SCHEMA = "nps-ident/replicates/1"
SHIPPED = Path(__file__).parent / "replicates.json"
_UNIT_MASS = Tolerance.da(0.1)
_WORTH_A_LOOK = 500.0
"""A match factor far below every threshold in use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variability:
    """How much replicates of one substance differ between laboratories.

    Parameters
    ----------
    name : str
        With date; :attr:`stamp` adds the first 12 of the hash.
    thresholds : dict of Technique to float
        Similarity that all but ``quantile`` of the replicate pairs reach.
    isomers : dict of Technique to float
        Share of pairs of *different* substances of one formula that reach it as well.
    quantile : float
    """

    name: str
    sha256: str
    thresholds: dict[Technique, float]
    isomers: dict[Technique, float]
    quantile: float

    @property
    def stamp(self) -> str:
        """Name and hash as records carry them."""
        return f"{self.name}@{self.sha256[:12]}"


def read_variability(path: Path = SHIPPED) -> Variability:
    """Read and check the file of measured variability.

    Raises
    ------
    CalibrationError
        When it is missing, altered or of another schema.
    """
    return _read(path, path.stat().st_mtime_ns if path.is_file() else 0)


@lru_cache(maxsize=2)
def _read(path: Path, _changed: int) -> Variability:
    try:
        fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        require_unaltered(fields, schema=SCHEMA, where=str(path))
        techniques = {Technique(name): found for name, found in fields["techniques"].items()}
        return Variability(
            name=fields["name"],
            sha256=fields["sha256"],
            thresholds={technique: float(found["threshold"]) for technique, found in techniques.items()},
            isomers={technique: float(found["isomers_at_threshold"]) for technique, found in techniques.items()},
            quantile=float(fields["quantile"]),
        )
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise CalibrationError(f"{path}: is no file of replicate variability ({type(error).__name__}: {error}).") from None


def same_precursor(one: MassSpectrum, other: MassSpectrum) -> bool:
    """Whether both were selected at one m/z in one polarity, within the wider of the windows that their own decimals allow."""
    a, b = one.precursor_mz, other.precursor_mz
    if a is None or b is None or one.polarity is not other.polarity:
        return False
    return abs(a - b) <= max(precursor_tolerance(one).at(a), precursor_tolerance(other).at(b))


def agreement(one: MassSpectrum, other: MassSpectrum) -> float:
    """How alike two spectra of one technique are, whichever of them is asked first.

    EI-MS: the smaller of the two NIST match factors, over 999.  MS/MS of one precursor: the spectral entropy similarity, at unit mass where
    either was recorded so.

    Parameters
    ----------
    one, other : MassSpectrum
        From :func:`nps_ident.spectra.peaks.prepare`.

    Returns
    -------
    float
        In [0, 1]; 0 where the two cannot be compared: other techniques, other precursors, fewer than 3 peaks.
    """
    technique = one.technique
    if technique is not other.technique or min(one.n_peaks, other.n_peaks) < MIN_PEAKS:
        return 0.0
    if technique is Technique.EI_MS:
        return min(1.0, min(match_factor(one, other)[0], match_factor(other, one)[0]) / BASE_PEAK)
    if technique is not Technique.MSMS or not same_precursor(one, other):
        return 0.0
    if not (is_coarse(one) or is_coarse(other)):
        return entropy_similarity(one, other, tolerance=Tolerance.da(PAIRING_DA))
    return entropy_similarity(_at_unit_mass(one), _at_unit_mass(other), tolerance=_UNIT_MASS)


class Firsts:
    """Spectra that others are compared with, one after the other: those of EI-MS are kept at unit mass and compared all at once."""

    def __init__(self) -> None:
        self._spectra: list[MassSpectrum | None] = []
        self._binned: dict[int, NominalSpectrum] = {}

    def add(self, spectrum: MassSpectrum | None) -> None:
        """One more; None agrees with nothing."""
        if spectrum is not None and spectrum.technique is Technique.EI_MS and spectrum.n_peaks >= MIN_PEAKS:
            self._binned[len(self._spectra)] = nominal(spectrum.mz, spectrum.intensity)
        self._spectra.append(spectrum)

    def agreements(self, one: MassSpectrum) -> NDArray[np.float64]:
        """:func:`agreement` of a spectrum with each of them; for EI-MS values below a match factor of 500 are those of one direction alone.

        Returns
        -------
        ndarray of float64, shape (n_spectra,)
        """
        found = np.zeros(len(self._spectra))
        if one.technique is not Technique.EI_MS:
            for i, other in enumerate(self._spectra):
                found[i] = 0.0 if other is None or other.technique is not one.technique else agreement(one, other)
            return found
        if not self._binned or one.n_peaks < MIN_PEAKS:
            return found
        stop = np.cumsum([len(spectrum.mz) for spectrum in self._binned.values()])
        runs = PeakRuns(
            mz=np.concatenate([spectrum.mz for spectrum in self._binned.values()]),
            intensity=np.concatenate([spectrum.intensity for spectrum in self._binned.values()]),
            start=np.concatenate([[0], stop[:-1]]),
            stop=stop,
        )
        forward, _, _ = match_factors(nominal(one.mz, one.intensity), runs)
        for i, there in zip(self._binned, forward.tolist(), strict=True):
            other = self._spectra[i]
            found[i] = min(1.0, there / BASE_PEAK) if other is None or there < _WORTH_A_LOOK else agreement(one, other)
        return found


def _at_unit_mass(spectrum: MassSpectrum) -> MassSpectrum:
    binned = nominal(spectrum.mz, spectrum.intensity)
    return replace(spectrum, mz=binned.mz.astype(float), intensity=binned.intensity)
