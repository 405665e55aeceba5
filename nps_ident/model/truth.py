"""What a query of known origin really is: the other side of every validation."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Truth"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """The identity of one query, known otherwise than from its spectrum.

    Parameters
    ----------
    id : str
        The name of the query.
    compound : str
        First block of its InChIKey: what mass spectrometry can tell apart at best.
    kind : str or None
        ``known`` (its substance is in the library), ``unknown`` (a drug that is not) or ``decoy`` (anything else that is not); None where nobody
        said.
    drug_class, laboratory, name, accession : str or None
        Where they are known; ``laboratory`` is where it was measured.
    """

    id: str
    compound: str
    kind: str | None = None
    drug_class: str | None = None
    laboratory: str | None = None
    name: str | None = None
    accession: str | None = None
