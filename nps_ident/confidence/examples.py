"""From a spectrum of known origin to a training example: the same search, cut and features that an identification uses."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from nps_ident.confidence.features import candidate_features
from nps_ident.confidence.training import Example
from nps_ident.library.compiled import skeleton_code
from nps_ident.library.isomers import isomers_left_open
from nps_ident.library.search import search
from nps_ident.spectra.peaks import prepare, principal_ions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nps_ident.library.compiled import Library
    from nps_ident.library.hits import HitList
    from nps_ident.model import MassSpectrum

__all__ = ["example", "hits_of", "is_near_copy", "repeats"]

NEAR_COPY = 0.9995
"""Score from which two spectra are taken for one measurement published twice: no two laboratories agree to one part in two thousand."""
_OWN_FORMS = 10
"""Hits asked for beyond those wanted where the compound's own, its labelled forms among them, are passed over."""
FEWEST_PEAKS = 5
"""Below so many shared peaks a score near 1 is common and proves no copy: one shared fragment gives 1."""


def hits_of(spectrum: MassSpectrum, members: Sequence[Library], *, most: int) -> tuple[MassSpectrum, HitList]:
    """The prepared query, cut as the libraries are, and its hit list.

    Parameters
    ----------
    spectrum : MassSpectrum
    members : sequence of Library
        Of one kind.
    most : int
        Substances at most.
    """
    query = prepare(spectrum)
    if members[0].kind == "principal_ions":
        query = principal_ions(query)
    return query, search(query, members, most=most)


def example(
    spectrum: MassSpectrum, members: Sequence[Library], *, most: int, compound: str, laboratory: str, in_library: bool, withheld: bool = False
) -> Example:
    """The hit list of one spectrum of known origin, as numbers.

    Parameters
    ----------
    compound : str
        First block of the InChIKey of what it is a spectrum of.
    laboratory : str
    in_library : bool
        Whether the libraries hold the compound.
    withheld : bool
        Answer as if they did not: the compound's references, labelled forms too, are passed over.  Makes of every reference a query of
        something unknown to the others.
    """
    query, hits = hits_of(spectrum, members, most=most + _OWN_FORMS * withheld)
    if withheld:
        others = tuple(hit for hit in hits.hits if not (hit.substance.inchikey or "").startswith(compound))
        hits, in_library = replace(hits, hits=others[:most]), False
    skeletons = [hit.substance.skeleton for hit in hits.hits]
    without = isomers_left_open(hits.hits, members, hits.technique, withheld=skeleton_code(compound))
    now = without if withheld else isomers_left_open(hits.hits, members, hits.technique)
    return Example(
        features=candidate_features(hits, left_out=frozenset([compound]) if withheld else frozenset()),
        isomers_open=np.array(now, dtype=np.int8),
        isomers_open_without=np.array(without, dtype=np.int8),
        true=skeletons.index(compound) if in_library and compound in skeletons else -1,
        in_library=in_library,
        n_query_peaks=query.n_peaks,
        compound=compound,
        laboratory=laboratory,
    )


def is_near_copy(score: float, n_matched: int) -> bool:
    """Whether a query and a reference of its own compound are one measurement, by raw score and number of shared peaks."""
    return score >= NEAR_COPY and n_matched >= FEWEST_PEAKS


def repeats(spectra: Sequence[MassSpectrum]) -> frozenset[int]:
    """Places of spectra whose peaks an earlier one has already, at equal precursor: to 0.001 in m/z and 0.1 % of the base peak.

    They would sit on both sides of a split, or count one measurement twice.
    """
    seen: set[object] = set()
    found = []
    for place, spectrum in enumerate(spectra):
        query = prepare(spectrum)
        top = float(query.intensity.max()) if query.n_peaks else 1.0
        peaks = tuple(zip(query.mz.round(3).tolist(), (query.intensity / top).round(3).tolist(), strict=True))
        key = (query.technique, query.precursor_mz, peaks)
        if key in seen:
            found.append(place)
        seen.add(key)
    return frozenset(found)
