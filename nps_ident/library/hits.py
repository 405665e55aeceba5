"""What a search returns: the best references of each substance, with every figure that later evidence is made of."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nps_ident.library.compiled import SECTIONS

if TYPE_CHECKING:
    from nps_ident.library.compiled import Library
    from nps_ident.model import Substance, Technique
    from nps_ident.similarity.match_factor import NominalSpectrum

__all__ = ["NO_STEREO", "Hit", "HitList", "merged", "name_of"]


NO_STEREO = "UHFFFAOY"
"""What stands in the second block of an InChIKey without stereochemistry and isotopes: the hash of nothing (InChI Technical FAQ, 2023)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A substance with its best reference.

    Parameters
    ----------
    row : int
        Of the reference within its technique's section of ``library``.
    score : float
        Raw similarity, 0 to 1: EI match factor / 999, MS/MS entropy similarity, DART inverted-search index.
    match_factor, reverse_match_factor : float or None
        EI only.
    weighted_cosine : float
        EI: cosine with weights m^1.3 I^0.53; MS/MS: hybrid entropy similarity.
    n_matched : int
        Paired peaks.
    explained_query, explained_reference : float
        Share of the weighted intensity of either spectrum that paired peaks hold.
    top_mass_shift_da : float
        EI: highest m/z above 1 % in the query minus the same of the reference.
    mass_shift_da : float
        MS/MS: neutral mass of the query minus that of the reference; 0 where either is unknown.
    reference_mass_da : float
        MS/MS: neutral mass of the reference; nan where it or the query's is unknown.
    same_precursor : bool
        MS/MS: the precursor of the reference lies in the query's window (else another adduct of the same neutral mass).
    n_references : int
        References of the substance among those scored; ``support`` is the mean score of the best three of them.
    """

    library: Library
    row: int
    substance: Substance
    score: float
    match_factor: float | None = None
    reverse_match_factor: float | None = None
    weighted_cosine: float = 0.0
    n_matched: int = 0
    explained_query: float = 0.0
    explained_reference: float = 0.0
    top_mass_shift_da: float = 0.0
    mass_shift_da: float = 0.0
    reference_mass_da: float = math.nan
    same_precursor: bool = True
    n_references: int = 1
    support: float = 0.0

    @property
    def mass_shift_known(self) -> bool:
        """Whether ``mass_shift_da`` was measured."""
        return math.isfinite(self.reference_mass_da)


@dataclass(frozen=True, slots=True, kw_only=True)
class HitList:
    """The hits of one query in all libraries, best score first, one a substance (stereoisomers are one).

    ``kind`` is that of the libraries searched, ``full`` or ``principal_ions``; ``n_substances`` counts the substances in them, and
    ``n_compared`` the peaks of the query that were left to compare (EI: unit masses; MS/MS: fragments below the precursor).
    ``members`` are the libraries searched that have references by the technique.  ``precursor_agrees`` says whether every hit also agrees in
    the mass of the precursor: one more ion, found before any peak was compared.  ``unit_masses`` is the query as an EI search compares it.
    """

    technique: Technique
    kind: str
    hits: tuple[Hit, ...]
    n_substances: int
    n_compared: int
    members: tuple[Library, ...] = ()
    precursor_agrees: bool = False
    unit_masses: NominalSpectrum | None = None


def name_of(hit: Hit, technique: Technique) -> str:
    """What the reference of a hit is a spectrum of: stereoisomers filed under one key without stereochemistry share a row of substances."""
    key, column = hit.substance.inchikey, f"{SECTIONS[technique]}.reference"
    if not key or key[15:23] != NO_STEREO or column not in hit.library:
        return hit.substance.name
    label = hit.library.reference(int(hit.library[column][hit.row])).get("label")
    return str(label) if label else hit.substance.name


def merged(hits: list[Hit], *, most: int) -> tuple[Hit, ...]:
    """One hit a substance, the best; at most ``most``, ordered by score, ties by name of structure."""
    best: dict[str, Hit] = {}
    for hit in sorted(hits, key=lambda h: (-h.score, -h.weighted_cosine, h.substance.inchikey or h.substance.name)):
        best.setdefault(hit.substance.skeleton, hit)
    return tuple(best.values())[:most]
