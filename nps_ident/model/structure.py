"""What the program answers about one structure, and the exact form in which it is written down."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from nps_ident.model.finding import Finding
    from nps_ident.model.identification import LibraryStamp, Verdict
    from nps_ident.model.substance import Substance

__all__ = ["STRUCTURE_COLUMNS", "StructureIdentification", "StructureMatch", "StructureQuery"]

SCHEMA = "nps-ident/structure/1"

STRUCTURE_COLUMNS = (
    "query", "verdict", "rank", "name", "relation", "score", "probability", "drug_class", "difference", "inchikey", "source",
)  # fmt: skip
"""Columns of a table of matches, one row a match."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StructureQuery:
    """A structure that was asked about.

    Parameters
    ----------
    input : str
        As the user gave it, verbatim: the structure, name, number or path.
    kind : str
        How it was read: ``smiles``, ``inchi``, ``inchikey``, ``mol``, ``name`` or ``cas``.
    smiles, inchikey, formula : str
        Of the parent.
    exact_mass : float
        Of the parent, in Da.
    title : str or None
        The record's own name in a file.
    file : str or None
        The path as given; ``index`` counts its records from 0, ``sha256`` is of the whole file as stored.
    """

    input: str
    kind: str
    smiles: str
    inchikey: str
    formula: str
    exact_mass: float
    title: str | None = None
    file: str | None = None
    index: int | None = None
    sha256: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The query as the structure contract writes it."""
        return {
            "input": self.input,
            "kind": self.kind,
            "smiles": self.smiles,
            "inchikey": self.inchikey,
            "formula": self.formula,
            "exact_mass_da": round(self.exact_mass, 4),
            "title": self.title,
            "file": self.file,
            "index": self.index,
            "sha256": self.sha256,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class StructureMatch:
    """A substance of the catalogue and how the query is related to it.

    Parameters
    ----------
    relation : str
        ``same``, ``salt_of``, ``charged_form_of``, ``stereoisomer_of``, ``isotopologue_of``, ``tautomer_of`` or ``analogue_of``.
    score : float
        1 for the same parent, else the Tanimoto similarity of Morgan fingerprints.
    difference : str or None
        In words; None for the same parent.
    source : str
        ``catalogue``, or ``register (proposed)``.
    probability : float or None
        None: no calibration holds for structures.
    """

    substance: Substance
    relation: str
    score: float
    difference: str | None = None
    source: str = "catalogue"
    probability: float | None = None

    def to_dict(self, rank: int) -> dict[str, Any]:
        """The match as the structure contract writes it."""
        return {
            "rank": rank,
            "inchikey": self.substance.inchikey,
            "name": self.substance.name,
            "drug_class": self.substance.drug_class,
            "relation": self.relation,
            "score": round(self.score, 4) + 0.0,
            "probability": self.probability,
            "difference": self.difference,
            "source": self.source,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class StructureIdentification:
    """The verdict on one structure with everything it rests on.

    Parameters
    ----------
    drug_class : str or None
        By the patterns of ``drug_classes.tsv``.
    difference : str or None
        The sentence that says most simply what the query is: "4-bromo on the aniline ring of fentanyl"; None where it is in the
        catalogue or nothing is near.
    library : LibraryStamp
        The catalogue that answered.
    """

    query: StructureQuery
    verdict: Verdict
    characterise: bool
    drug_class: str | None
    matches: tuple[StructureMatch, ...]
    difference: str | None
    findings: tuple[Finding, ...]
    library: LibraryStamp
    software: tuple[tuple[str, str], ...]
    record: str | None = None

    @property
    def best(self) -> StructureMatch | None:
        """The first match; None when nothing was found at all."""
        return self.matches[0] if self.matches else None

    def to_dict(self) -> dict[str, Any]:
        """The answer as the structure contract (``nps-ident/structure/1``) writes it."""
        return {
            "schema": SCHEMA,
            "query": self.query.to_dict(),
            "verdict": self.verdict.value,
            "characterise": self.characterise,
            "drug_class": self.drug_class,
            "matches": [match.to_dict(rank) for rank, match in enumerate(self.matches, 1)],
            "difference": self.difference,
            "findings": [finding.to_dict() for finding in self.findings],
            "library": self.library.to_dict(),
            "software": dict(self.software),
            "record": self.record,
        }

    def to_json(self) -> str:
        """The answer as one line of JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False)

    def to_rows(self) -> list[dict[str, Any]]:
        """One row a match, in :data:`STRUCTURE_COLUMNS`; one row with empty cells where there is none."""
        label = self.query.title or self.query.input
        answer = {"query": label, "verdict": self.verdict.value}
        matches: list[dict[str, Any]] = self.to_dict()["matches"] or [{"drug_class": self.drug_class}]
        return [{name: {**answer, **match}.get(name) for name in STRUCTURE_COLUMNS} for match in matches]

    def to_frame(self) -> pd.DataFrame:
        """The matches as a pandas frame, one row a match, in :data:`STRUCTURE_COLUMNS`."""
        import pandas as pd

        return pd.DataFrame(self.to_rows() if self.matches else [], columns=list(STRUCTURE_COLUMNS))
