"""What the program answers about one query, and the exact form in which it is written down."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from nps_ident.model.finding import Finding
    from nps_ident.model.spectrum import MassSpectrum
    from nps_ident.model.substance import Substance

__all__ = ["Candidate", "Identification", "LibraryStamp", "MixtureComponent", "Proposal", "Variant", "Verdict"]

SCHEMA = "nps-ident/identification/1"

# Digits written for each quantity: enough for the reader, few enough that another processor's last bit does not change the bytes.
_DIGITS = {"score": 4, "probability": 4, "log10_lr": 2, "mass": 4, "fraction": 4}


class Verdict(StrEnum):
    """The verdict on one query (DESIGN, "The words")."""

    MATCH = "match"
    ISOMER_SET = "isomer_set"
    MIXTURE = "mixture"
    UNKNOWN_VARIANT = "unknown_variant"
    CLASS_ONLY = "class_only"
    NO_MATCH = "no_match"
    INADEQUATE = "inadequate"


def _rounded(value: float | None, kind: str) -> float | None:
    return None if value is None else round(float(value), _DIGITS[kind]) + 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A substance with its evidence.

    Parameters
    ----------
    score : float
        Raw similarity, 0 to 1 (EI: match factor / 999).
    match_factor, reverse_match_factor : int or None
        NIST-style, 0 to 999; None where the technique has none.
    probability : float or None
        Calibrated; None where no calibration holds for this kind of library.
    log10_lr : float or None
        log10 of the likelihood ratio against "another catalogue substance or none", bounded by the calibration.
    reference : str
        Accession of the best reference of the substance.
    source : str
        The library it stands in, or ``register (proposed)``.
    n_matched : int
        Peaks of the query paired with the best reference.
    explained : float
        Share of the query's weighted intensity that those peaks hold.
    mass_shift_da : float
        Query minus substance mass, 0 in an identity search.
    reference_spectrum : MassSpectrum or None
        The best reference, for pictures; not written down.
    """

    substance: Substance
    score: float
    reference: str
    source: str
    match_factor: int | None = None
    reverse_match_factor: int | None = None
    probability: float | None = None
    log10_lr: float | None = None
    n_matched: int = 0
    explained: float = 0.0
    mass_shift_da: float = 0.0
    reference_spectrum: MassSpectrum | None = None

    def to_dict(self, rank: int) -> dict[str, Any]:
        """The candidate as the result contract writes it."""
        return {
            "rank": rank,
            "inchikey": self.substance.inchikey,
            "name": self.substance.name,
            "drug_class": self.substance.drug_class,
            "score": _rounded(self.score, "score"),
            "match_factor": self.match_factor,
            "reverse_match_factor": self.reverse_match_factor,
            "isotope_labelled": self.substance.isotope_labelled,
            "probability": _rounded(self.probability, "probability"),
            "log10_lr": _rounded(self.log10_lr, "log10_lr"),
            "reference": self.reference,
            "source": self.source,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class MixtureComponent:
    """A substance of a mixture.

    Parameters
    ----------
    fraction, fraction_low, fraction_high : float
        Share of the query's signal, never of its mass, and the 95 % interval of it.
    probability : float or None
        Calibrated, in what the other components leave of the query; None where no calibration holds.
    isomer_set : tuple of str or None
        InChIKeys of what is not told apart there, the component first; None where nothing else is as likely.
    isomer_names : tuple of str
        Names of the others, for a reader; not written down.
    """

    substance: Substance
    fraction: float
    fraction_low: float
    fraction_high: float
    probability: float | None = None
    isomer_set: tuple[str, ...] | None = None
    isomer_names: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The component as the result contract writes it."""
        return {
            "inchikey": self.substance.inchikey or self.substance.name,
            "name": self.substance.name,
            "fraction": _rounded(self.fraction, "fraction"),
            "fraction_interval": [_rounded(self.fraction_low, "fraction"), _rounded(self.fraction_high, "fraction")],
            "probability": _rounded(self.probability, "probability"),
            "isomer_set": None if self.isomer_set is None else list(self.isomer_set),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A structure that an unknown may have: a hypothesis to test, never a match.

    Parameters
    ----------
    smiles : str
        Canonical, without stereochemistry.
    inchikey : str
    why : str
        What is changed on which substance, which peaks support it, and which speak against it.
    probability : float or None
        Calibrated share; with "none of these" the proposals sum to 1.
    """

    smiles: str
    inchikey: str
    why: str
    probability: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The proposal as the result contract writes it."""
        return {
            "smiles": self.smiles,
            "inchikey": self.inchikey,
            "why": self.why,
            "probability": _rounded(self.probability, "probability"),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """What is supported when no substance fits: the nearest ones, the mass shift to the first of them, and the drug class.

    ``proposals`` is None where no structures were looked for, and empty where none was found.
    """

    nearest: tuple[str, ...]
    mass_shift_da: float | None
    drug_class: str | None
    predicted_mass_da: float | None
    proposals: tuple[Proposal, ...] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The variant as the result contract writes it."""
        return {
            "nearest": list(self.nearest),
            "mass_shift_da": _rounded(self.mass_shift_da, "mass"),
            "drug_class": self.drug_class,
            "predicted_mass_da": _rounded(self.predicted_mass_da, "mass"),
            "proposals": None if self.proposals is None else [proposal.to_dict() for proposal in self.proposals],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryStamp:
    """Which library answered: its name and the SHA-256 of its content (of all hashes, where there are several)."""

    name: str
    sha256: str

    def to_dict(self) -> dict[str, str]:
        """The stamp as the result contract writes it."""
        return {"name": self.name, "sha256": self.sha256}


@dataclass(frozen=True, slots=True, kw_only=True)
class Identification:
    """The verdict on one query with everything it rests on.

    ``spectrum`` is the query as read; only its id, place, hash, technique and precursor are written down, and of a component of a run its
    retention time and index.  ``area_share`` is that component's share of the area of all, and None for any other query.
    """

    spectrum: MassSpectrum
    verdict: Verdict
    characterise: bool
    matches: tuple[Candidate, ...]
    library: LibraryStamp
    software: tuple[tuple[str, str], ...]
    calibration: str | None = None
    isomer_set: tuple[str, ...] | None = None
    isomers_without_reference: tuple[str, ...] | None = None
    separated_by: tuple[str, ...] | None = None
    components: tuple[MixtureComponent, ...] | None = None
    variant: Variant | None = None
    unexplained_fraction: float | None = None
    area_share: float | None = None
    findings: tuple[Finding, ...] = ()
    record: str | None = None

    @property
    def best(self) -> Candidate | None:
        """The first candidate; None when nothing was found at all."""
        return self.matches[0] if self.matches else None

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the verdict is what it is, in words: the findings on the answer."""
        return tuple(f.text for f in self.findings if f.code.startswith("IDENT"))

    def to_dict(self) -> dict[str, Any]:
        """The answer as the result contract (``nps-ident/identification/1``) writes it."""
        source, technique = self.spectrum.source, self.spectrum.technique
        return {
            "schema": SCHEMA,
            "query": {
                "id": self.spectrum.name,
                "file": source.file if source else None,
                "index": source.index if source else None,
                "sha256": source.sha256 if source else None,
                "technique": technique.value if technique else None,
                "precursor_mz": self.spectrum.precursor_mz,
                **self._place_in_run(),
            },
            "verdict": self.verdict.value,
            "characterise": self.characterise,
            "matches": [candidate.to_dict(rank) for rank, candidate in enumerate(self.matches, 1)],
            "isomer_set": None if self.isomer_set is None else list(self.isomer_set),
            "isomers_without_reference": None if self.isomers_without_reference is None else list(self.isomers_without_reference),
            "separated_by": None if self.separated_by is None else list(self.separated_by),
            "components": None if self.components is None else [component.to_dict() for component in self.components],
            "unexplained_fraction": _rounded(self.unexplained_fraction, "fraction"),
            "variant": self.variant.to_dict() if self.variant else None,
            "findings": [finding.to_dict() for finding in self.findings],
            "library": self.library.to_dict(),
            "calibration": self.calibration,
            "software": dict(self.software),
            "record": self.record,
        }

    def _place_in_run(self) -> dict[str, float | None]:
        """What is written of a component of a run only."""
        if self.area_share is None:
            return {}
        time, index = self.spectrum.retention_time_s, self.spectrum.retention_index
        return {
            "retention_time_s": None if time is None else round(time, 2),
            "retention_index": None if index is None else round(index, 1),
            "area_share": _rounded(self.area_share, "fraction"),
        }

    def with_findings(self, more: Iterable[Finding]) -> Identification:
        """The same answer with more findings behind its own."""
        return replace(self, findings=(*self.findings, *more))

    def to_json(self) -> str:
        """The answer as one line of JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False)

    def to_frame(self) -> pd.DataFrame:
        """The hit list as a pandas frame, one row a candidate, in the columns of the result contract."""
        import pandas as pd

        rows = self.to_dict()["matches"]
        frame = pd.DataFrame(rows)
        frame.insert(0, "query", self.spectrum.name)
        frame.insert(1, "verdict", self.verdict.value)
        return frame
