"""One query against all open libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nps_ident.errors import InputError
from nps_ident.library.hits import Hit, HitList, merged
from nps_ident.library.search_ei import search_ei
from nps_ident.library.search_msms import prepare_msms, search_msms
from nps_ident.model import Technique
from nps_ident.similarity.match_factor import nominal

if TYPE_CHECKING:
    from nps_ident.library.compiled import Library
    from nps_ident.library.opening import Libraries
    from nps_ident.model import MassSpectrum

__all__ = ["SECTIONS", "search"]

SECTIONS = {Technique.EI_MS: "ei", Technique.MSMS: "msms", Technique.DART_MS: "dart"}


def search(spectrum: MassSpectrum, libraries: Libraries, *, most: int) -> HitList:
    """Search a prepared spectrum.

    Parameters
    ----------
    spectrum : MassSpectrum
        From :func:`nps_ident.spectra.peaks.prepare`, with a technique.
    libraries : Libraries
    most : int
        Substances returned at most.

    Raises
    ------
    InputError
        When the spectrum names no technique.
    """
    if spectrum.technique is None:
        raise InputError(f"{spectrum.name}: the technique is not known; name it with --technique.")
    section = SECTIONS[spectrum.technique]
    members = [member for member in libraries.members if f"{section}.substance" in member]
    hits: list[Hit] = []
    for member in members:
        hits += _search_one(spectrum, member, most)
    kinds = {member.kind for member in members}
    return HitList(
        technique=spectrum.technique,
        kind=kinds.pop() if len(kinds) == 1 else "mixed" if kinds else "none",
        hits=merged(hits, most=most),
        n_references=sum(len(member[f"{section}.substance"]) for member in members),
    )


def _search_one(spectrum: MassSpectrum, member: Library, most: int) -> list[Hit]:
    if spectrum.technique is Technique.EI_MS:
        return search_ei(nominal(spectrum.mz, spectrum.intensity), member, most=most)
    if spectrum.technique is Technique.MSMS:
        return search_msms(prepare_msms(spectrum), member, most=most)
    return []
