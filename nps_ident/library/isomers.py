"""Isomers that may give the spectrum of a candidate as well, and whether any of them has no reference that could have told."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from nps_ident.errors import ChemistryError
from nps_ident.library.compiled import SECTIONS, skeleton_code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nps_ident.catalogue.store import Catalogue
    from nps_ident.library.compiled import Library
    from nps_ident.library.hits import Hit
    from nps_ident.model import Substance, Technique

__all__ = ["isomer_arrays", "isomers_left_open"]


def isomer_arrays(substances: Sequence[Substance], catalogue: Catalogue | None) -> dict[str, NDArray[Any]]:
    """The isomers of each substance of a library, as codes of their skeletons.

    They are its ring-position isomers, met or not (:mod:`nps_ident.chemistry.ring_isomers`), and the catalogue's substances of its formula
    and drug class.
    """
    from nps_ident.chemistry.ring_isomers import ring_isomers

    alike: dict[tuple[str | None, str | None], set[str]] = defaultdict(set)
    for entry in catalogue.substances if catalogue else ():
        if entry.formula and entry.inchikey and not entry.isotope_labelled:
            alike[entry.formula, entry.drug_class].add(entry.skeleton)
    codes, known = [], []
    for substance in substances:
        same = catalogue.by_skeleton(substance.skeleton) if catalogue and substance.inchikey and not substance.smiles else ()
        smiles = substance.smiles or (same[0].smiles if same else None)
        found = set(alike.get((substance.formula, substance.drug_class), ())) if substance.formula else set()
        if smiles and not substance.isotope_labelled:
            try:
                found |= ring_isomers(smiles)
            except ChemistryError:
                smiles = None
        codes.append(sorted(map(skeleton_code, found - {substance.skeleton})))
        known.append(bool(smiles) or substance.isotope_labelled)
    return {
        "isomers.start": np.cumsum([0, *map(len, codes)], dtype=np.int64),
        "isomers.code": np.array([code for some in codes for code in some], dtype=np.int64),
        "isomers.known": np.array(known, dtype=bool),
    }


def isomers_left_open(
    hits: Sequence[Hit], members: Sequence[Library], technique: Technique, *, withheld: int | None = None
) -> tuple[int, ...]:
    """Whether some isomer of each candidate has no reference by that technique: no spectrum searched excludes it.

    Looked at are those of :func:`isomer_arrays`, as the catalogue stood when the library was compiled.

    Parameters
    ----------
    withheld : int, optional
        Code of a skeleton that is to count as having no reference.

    Returns
    -------
    tuple of int
        For each hit: 1 some, 0 none, −1 where the structure is not known.
    """
    section = SECTIONS[technique]
    rows = [int(hit.library[f"{section}.substance"][hit.row]) for hit in hits]
    spans = [hit.library["isomers.start"][row : row + 2].tolist() for hit, row in zip(hits, rows, strict=True)]
    lengths = np.array([last - first for first, last in spans], dtype=np.int64)
    answers = np.array([0 if hit.library["isomers.known"][row] else -1 for hit, row in zip(hits, rows, strict=True)])
    if not lengths.any():
        return tuple(answers.tolist())
    codes = np.concatenate([hit.library["isomers.code"][first:last] for hit, (first, last) in zip(hits, spans, strict=True)])
    covered = np.zeros(len(codes), dtype=bool)
    for member in members:
        if f"{section}.covered" in member:
            have = member[f"{section}.covered"]
            covered |= have[np.minimum(np.searchsorted(have, codes), len(have) - 1)] == codes
    if withheld is not None:
        covered &= codes != withheld
    answers[np.repeat(np.arange(len(lengths)), lengths)[~covered]] = 1
    return tuple(answers.tolist())
