"""Substances known by their mass and a list of fragments only: no reference spectrum, so never a match, but not to be overlooked."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from nps_ident.library.search_msms import PAIRING_DA, prepare_msms
from nps_ident.model import MassSpectrum, Polarity, Substance, Technique, Tolerance
from nps_ident.similarity.fragments import fragment_coverage

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ListedSubstance", "listed_substances"]

_COLUMNS = ("subject", "inchikey", "technique", "polarity", "mz", "ion_formula", "meaning", "source")
MIN_FOUND = 2
"""Listed fragments that must be found: one ion of a class is shared by too many (facts behind ``fragment_lists.tsv``)."""
MIN_SHARE = 0.5
"""Share of the list that must be found; the lists hold the main ions only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSubstance:
    """A substance whose mass and listed fragments agree with a query.

    Parameters
    ----------
    n_found, n_listed : int
        Fragments found, and in the list.
    explained : float
        Share of the query's intensity that they hold.
    """

    substance: Substance
    n_found: int
    n_listed: int
    explained: float


def listed_substances(spectrum: MassSpectrum) -> tuple[ListedSubstance, ...]:
    """Catalogue substances of the query's neutral mass whose fragment list it shows; MS/MS with a precursor only.

    Returns
    -------
    tuple of ListedSubstance
        The largest share of its list first, ties by InChIKey.
    """
    if spectrum.technique is not Technique.MSMS or spectrum.precursor_mz is None:
        return ()
    query = prepare_msms(spectrum)
    half = query.tolerance.at(spectrum.precursor_mz)
    polarity = spectrum.polarity or Polarity.POSITIVE
    found = []
    for substance, fragments in _lists(polarity).values():
        mass = substance.exact_mass
        if mass is None or not any(abs(mass - candidate) <= half for candidate in query.neutral_masses):
            continue
        coverage = fragment_coverage(spectrum, fragments, tolerance=Tolerance.da(PAIRING_DA))
        if len(coverage.found) >= MIN_FOUND and coverage.share >= MIN_SHARE:
            listed = ListedSubstance(
                substance=substance, n_found=len(coverage.found), n_listed=len(fragments), explained=coverage.explained
            )
            found.append(listed)
    return tuple(sorted(found, key=lambda item: (-item.n_found / item.n_listed, -item.explained, item.substance.inchikey or "")))


@cache
def _lists(polarity: Polarity) -> Mapping[str, tuple[Substance, tuple[float, ...]]]:
    from nps_ident.catalogue.store import open_catalogue, read_table, reference_folder

    catalogue = open_catalogue()
    fragments: dict[str, list[float]] = defaultdict(list)
    for _, (_, inchikey, technique, sign, mz, *_) in read_table(reference_folder() / "fragment_lists.tsv", _COLUMNS):
        if inchikey and technique == Technique.MSMS.value and sign == polarity.value:
            fragments[inchikey].append(float(mz))
    substances = {key: catalogue.by_inchikey(key) for key in fragments}
    return {key: (substance, tuple(fragments[key])) for key, substance in substances.items() if substance is not None}
