"""DART search of one spectrum: the inverted search, in which each reference asks whether the query holds its ions.

Spectra at several voltages of one sample are judged one by one here, and together in ``nps_ident.confidence.components_dart``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nps_ident.io.fields import number
from nps_ident.library.hits import Hit
from nps_ident.model import MassSpectrum, Technique, Tolerance
from nps_ident.similarity.inverted import inverted_match, target_peaks

if TYPE_CHECKING:
    from nps_ident.library.compiled import Library

__all__ = ["search_dart"]

PAIRING = Tolerance.da(0.005)
"""Mass window of the published inverted search (asm3-nist/DART-MS-DST, 2022, default of the search tool)."""
TARGET_SHARE = 0.05
"""Peaks of at least 5 % of the base peak ask for an explanation (same source)."""


def search_dart(query: MassSpectrum, library: Library, *, most: int) -> list[Hit]:
    """The best reference of each substance whose protonated molecule is a main peak of the query.

    Parameters
    ----------
    query : MassSpectrum
        From :func:`nps_ident.spectra.peaks.prepare`; its voltage, where the file gives one, must be that of the reference.
    library : Library
    most : int
        Substances returned at most.
    """
    if not query.n_peaks:
        return []
    targets = target_peaks(query, min_relative=TARGET_SHARE)
    precursors = library["dart.precursor_mz"]
    distance = np.abs(precursors[:, None] - targets[None, :])
    nearest = distance.argmin(axis=1)
    rows = np.flatnonzero(distance.min(axis=1) <= PAIRING.absolute_da)
    voltage = number(query.collision_energy or "")
    best: dict[int, Hit] = {}
    for row in rows.tolist():
        fields = library.reference(int(library["dart.reference"][row]))
        theirs = number(fields.get("collision_energy", ""))
        if voltage is not None and theirs is not None and voltage != theirs:
            continue
        peaks = slice(*library["dart.peak_start"][row : row + 2])
        reference = MassSpectrum(
            name=fields["name"],
            mz=library["dart.mz"][peaks],
            intensity=library["dart.intensity"][peaks].astype(np.float64),
            technique=Technique.DART_MS,
        )
        target = float(targets[nearest[row]])
        match = inverted_match(
            {0.0: query}, {0.0: reference}, target_mz=target, precursor_mz=float(precursors[row]), tolerance=PAIRING
        )
        substance = int(library["dart.substance"][row])
        if substance not in best or match.index > best[substance].score:
            n_matched = int(np.count_nonzero(np.abs(reference.mz[:, None] - query.mz[None, :]).min(axis=1) <= PAIRING.absolute_da))
            best[substance] = Hit(
                library=library,
                row=row,
                substance=library.substance(substance),
                score=match.index,
                weighted_cosine=match.reverse_index,
                n_matched=n_matched,
                mass_shift_da=target - float(precursors[row]),
            )
    return sorted(best.values(), key=lambda hit: (-hit.score, hit.substance.inchikey or hit.substance.name))[:most]
