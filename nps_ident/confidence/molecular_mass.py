"""The molecular mass of an unknown from its EI spectrum, with a calibrated probability, whether or not it shows a molecular ion.

Every nominal mass near the top of the spectrum and up to 170 Da beyond is a candidate; a conditional logit over them (McFadden 1974) weighs
the evidence of :mod:`nps_ident.confidence.mass_evidence`.  Its coefficients and tables are a JSON file, fitted to reference spectra whose own
substance was taken out of the library, by ``benchmarks/accuracy/molecular_mass.py``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nps_ident.confidence.coefficients import SHIPPED, require_unaltered
from nps_ident.confidence.mass_evidence import (
    FEATURES,
    GAP_LEVELS,
    LOSSES,
    N_GAPS,
    N_LEVELS,
    N_PARITY,
    N_RATIOS,
    N_SHIFTS,
    MassEvidence,
    MassTables,
    mass_evidence,
    mass_features,
)
from nps_ident.errors import CalibrationError
from nps_ident.library.search_ei_hybrid import hybrid_hits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from nps_ident.library.compiled import Library
    from nps_ident.library.hits import Hit
    from nps_ident.similarity.match_factor import NominalSpectrum

__all__ = [
    "FEWEST_REFERENCES",
    "SCHEMA",
    "MassCandidate",
    "MassModel",
    "MassPrediction",
    "mass_model_from",
    "predict_mass",
    "read_mass_model",
    "shipped_mass_model",
]

SCHEMA = "nps-ident/mass-model/1"
_LISTED = 5
FEWEST_REFERENCES = 200
"""With fewer EI references no mass is predicted: the probabilities hold for libraries in which relatives can be found.  On 106 development
unknowns without any library the first mass was right for 58 %, its mean probability being 0.33 (2026-11-22)."""
_DEFECT_PER_DA = 0.00055
"""Mass defect of drugs a dalton, the median over 2,408 compounds of SWGDRUG 3.3/3.4 and MassBank EI (2026-11-22); used where no relative is at
hand, and right to 0.21 Da for 99 in 100 of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MassCandidate:
    """A nominal mass with its probability."""

    nominal_mass: int
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MassPrediction:
    """What an EI spectrum says about the mass of its molecule.

    Parameters
    ----------
    mass_da : float or None
        Monoisotopic mass expected for the likeliest nominal mass: the nearest relative's exact mass plus the whole-number shift, right to
        about 0.1 Da where the nominal mass is.  None where ``probability`` is below the model's cut or there are too few references to go
        by: then nothing is predicted, and ``why_none`` says why.
    nominal_mass : int or None
        Of the first candidate.
    probability : float
        That the molecule has that nominal mass.
    candidates : tuple of MassCandidate
        The likeliest masses, best first; empty for a spectrum without peaks.
    nearest : tuple of Hit
        Hybrid hits under the first candidate's mass, with ``mass_shift_da``; empty without a library.
    n_references : int
        EI references searched.
    model : str
        Name and hash of the coefficients.
    """

    mass_da: float | None
    nominal_mass: int | None
    probability: float
    candidates: tuple[MassCandidate, ...]
    nearest: tuple[Hit, ...]
    n_references: int
    model: str

    @property
    def why_none(self) -> str:
        """A sentence for a finding where no mass is predicted; empty where one is."""
        if self.mass_da is not None:
            return ""
        if not self.candidates:
            return "The spectrum holds no peak from which a molecular mass could be told."
        if self.n_references < FEWEST_REFERENCES:
            too_few = f"{self.n_references} references; {FEWEST_REFERENCES} are needed to find relatives."
            return f"The molecular mass cannot be predicted from {too_few}"
        listed = ", ".join(f"{c.nominal_mass} ({c.probability:.0%})" for c in self.candidates[:3])
        return f"The molecular mass cannot be predicted: no mass is likely enough; the likeliest are {listed}."


@dataclass(frozen=True, slots=True, kw_only=True)
class MassModel:
    """Coefficients ready for use: ``utility`` has shape (n_features,); below ``cut`` no mass is predicted."""

    name: str
    sha256: str
    tables: MassTables = field(repr=False)
    utility: NDArray[np.float64] = field(repr=False)
    n_examples: int
    cut: float

    @property
    def stamp(self) -> str:
        """Name and hash as results carry them."""
        return f"{self.name}@{self.sha256[:12]}"

    def utilities(self, evidence: MassEvidence) -> NDArray[np.float64]:
        """Log odds of the assumed masses against each other, but for a constant; shape (n,)."""
        return mass_features(evidence, self.tables) @ self.utility

    def probabilities(self, evidence: MassEvidence) -> NDArray[np.float64]:
        """Probability of each assumed mass; shape (n,).

        They sum to 1 − 1 / (n_examples + 2) at most: n examples cannot show that less than that is missed.
        """
        utilities = self.utilities(evidence)
        share: NDArray[np.float64] = np.exp(utilities - np.logaddexp.reduce(utilities))
        return share * (1.0 - 1.0 / (self.n_examples + 2.0))


def predict_mass(
    query: NominalSpectrum,
    hits: Sequence[Hit],
    members: Sequence[Library],
    *,
    model: MassModel | None = None,
    left_out: frozenset[str] = frozenset(),
) -> MassPrediction:
    """Predict the molecular mass behind an EI spectrum whose substance no library holds.

    Parameters
    ----------
    query : NominalSpectrum
        The whole spectrum, also where the libraries are tables of principal ions.
    hits : sequence of Hit
        Of the simple search in ``members``.
    members : sequence of Library
        Together with :data:`FEWEST_REFERENCES` EI references at least, for a mass to be predicted.
    model : MassModel, optional
        In place of the one that ships.
    left_out : frozenset of str
        First InChIKey blocks to pass over, for measuring.

    Returns
    -------
    MassPrediction

    Notes
    -----
    A probability is honest for substances like those it was fitted to: drugs and medicines of 100 to 600 Da by 70 eV EI.
    """
    model = model or shipped_mass_model()
    n_references = sum(len(member["ei.substance"]) for member in members if "ei.substance" in member)
    if not len(query.mz):
        nothing: dict[str, Any] = {"mass_da": None, "nominal_mass": None, "candidates": (), "nearest": ()}
        return MassPrediction(**nothing, probability=0.0, n_references=n_references, model=model.stamp)
    evidence = mass_evidence(query, hits, members, left_out=left_out)
    probabilities = model.probabilities(evidence)
    order = np.argsort(-probabilities, kind="stable")[:_LISTED]
    candidates = tuple(
        MassCandidate(nominal_mass=mass, probability=probability)
        for mass, probability in zip(evidence.masses[order].tolist(), probabilities[order].tolist(), strict=True)
    )
    best = candidates[0]
    nearest = hybrid_hits(query, members, mass_da=best.nominal_mass, left_out=left_out)
    is_said = best.probability >= model.cut and n_references >= FEWEST_REFERENCES
    return MassPrediction(
        mass_da=_expected_mass(best.nominal_mass, nearest) if is_said else None,
        nominal_mass=best.nominal_mass,
        probability=best.probability,
        candidates=candidates,
        nearest=nearest,
        n_references=n_references,
        model=model.stamp,
    )


def _expected_mass(nominal_mass: int, nearest: Sequence[Hit]) -> float:
    if nearest:
        return nearest[0].reference_mass_da + nearest[0].mass_shift_da
    return nominal_mass * (1.0 + _DEFECT_PER_DA)


def read_mass_model(path: str | Path) -> MassModel:
    """Read and check a file of coefficients.

    Raises
    ------
    CalibrationError
        When it is missing, altered, of another schema, or made for other features.
    """
    try:
        return mass_model_from(json.loads(Path(path).read_text(encoding="utf-8")), where=str(path))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise CalibrationError(f"{path}: is no mass model ({type(error).__name__}: {error}).") from None


def mass_model_from(fields: Mapping[str, Any], *, where: str) -> MassModel:
    """The model that the content of a file describes; ``where`` names it in errors."""
    require_unaltered(fields, schema=SCHEMA, where=where)
    tables = MassTables(**{name: np.array(fields["tables"][name], dtype=np.float64) for name in MassTables.__slots__})
    shapes: dict[str, tuple[int, ...]] = {"losses": (len(LOSSES), N_LEVELS), "ratios": (3, N_RATIOS), "parity": (2, N_PARITY)}
    shapes |= {"gaps": (len(GAP_LEVELS), N_GAPS), "shifts": (N_SHIFTS,)}
    if tuple(fields["features"]) != FEATURES or any(getattr(tables, name).shape != shape for name, shape in shapes.items()):
        raise CalibrationError(f"{where}: made for other features than this version computes; make it again.")
    return MassModel(
        name=fields["name"],
        sha256=fields["sha256"],
        tables=tables,
        utility=np.array(fields["utility"], dtype=np.float64),
        n_examples=fields["n_examples"],
        cut=fields["cut"],
    )


@cache
def shipped_mass_model() -> MassModel:
    """The coefficients that ship."""
    return read_mass_model(SHIPPED / "mass-ei.json")
