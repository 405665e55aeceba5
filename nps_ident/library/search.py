"""One query against the open libraries of one kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nps_ident.errors import InputError
from nps_ident.library.compiled import SECTIONS
from nps_ident.library.hits import Hit, HitList, merged
from nps_ident.library.search_dart import search_dart
from nps_ident.library.search_ei import search_ei
from nps_ident.library.search_msms import prepare_msms, search_msms, search_relatives
from nps_ident.model import Technique
from nps_ident.similarity.match_factor import nominal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nps_ident.library.compiled import Library
    from nps_ident.model import MassSpectrum

__all__ = ["relatives", "search"]


def search(spectrum: MassSpectrum, members: Sequence[Library], *, most: int) -> HitList:
    """Search a prepared spectrum in libraries of one kind.

    Parameters
    ----------
    spectrum : MassSpectrum
        From :func:`nps_ident.spectra.peaks.prepare`, with a technique.
    members : sequence of Library
        All ``full``, or all ``principal_ions``: what is compared is cut alike.
    most : int
        Substances returned at most.

    Raises
    ------
    InputError
        When the spectrum names no technique.
    """
    technique = _technique(spectrum)
    section = SECTIONS[technique]
    present = [member for member in members if f"{section}.substance" in member]
    hits: list[Hit] = []
    unit_masses = None
    if technique is Technique.EI_MS:
        unit_masses = nominal(spectrum.mz, spectrum.intensity)
        n_compared = len(unit_masses.mz)
        for member in present:
            hits += search_ei(unit_masses, member, most=most)
    elif technique is Technique.MSMS:
        query = prepare_msms(spectrum)
        n_compared = len(query.mz)
        for member in present:
            hits += search_msms(query, member, most=most)
    else:
        n_compared = spectrum.n_peaks
        for member in present:
            hits += search_dart(spectrum, member, most=most)
    return HitList(
        technique=technique,
        kind=present[0].kind if present else "no",
        hits=merged(hits, most=most),
        n_substances=_n_substances([member[f"{section}.covered"] for member in present]),
        n_compared=n_compared,
        members=tuple(present),
        precursor_agrees=technique is Technique.MSMS and spectrum.precursor_mz is not None,
        unit_masses=unit_masses,
    )


def _n_substances(covered: list[NDArray[np.int64]]) -> int:
    """Substances that have a reference: one that stands in two libraries counts once."""
    return len(covered[0]) if len(covered) == 1 else len(np.unique(np.concatenate(covered))) if covered else 0


def relatives(spectrum: MassSpectrum, members: Sequence[Library], found: HitList, *, most: int) -> tuple[Hit, ...]:
    """The nearest references whatever their mass: what a drug class or an analogue is concluded from.

    For EI these are the hits themselves, since that search never asks for a mass.
    """
    if spectrum.technique is not Technique.MSMS:
        return found.hits[:most]
    query = prepare_msms(spectrum)
    hits = [hit for member in members if "msms.classified" in member for hit in search_relatives(query, member, most=most)]
    return merged(hits, most=most)


def _technique(spectrum: MassSpectrum) -> Technique:
    if spectrum.technique is None:
        raise InputError(f"{spectrum.name}: the technique is not known; name it with --technique.")
    return spectrum.technique
