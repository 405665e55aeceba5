"""The substances whose spectra are most like that of an unknown of a given mass: where structure proposals start.

EI: the hybrid match factor over the whole library, each reference shifted by the difference of the masses (Moorthy et al. 2017,
doi:10.1021/acs.analchem.7b03320); MS/MS: the hybrid entropy search for relatives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nps_ident.identify.proposal_candidates import Neighbour
from nps_ident.library.search_ei_hybrid import hybrid_hits
from nps_ident.library.search_msms import prepare_msms, search_relatives
from nps_ident.model import Technique
from nps_ident.similarity.match_factor import nominal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nps_ident.identify.proposal_candidates import Target
    from nps_ident.library.compiled import Library
    from nps_ident.library.hits import Hit
    from nps_ident.model import MassSpectrum, Substance

__all__ = ["class_of_neighbours", "hybrid_neighbours", "searched_isomers"]

def hybrid_neighbours(
    spectrum: MassSpectrum, members: Sequence[Library], *, mass_da: float, most: int = 30, exclude: frozenset[str] = frozenset()
) -> tuple[Neighbour, ...]:
    """Find the nearest substances that have a structure.

    Parameters
    ----------
    spectrum : MassSpectrum
        Prepared; EI-MS or MS/MS.
    members : sequence of Library
        Of one kind.
    mass_da : float
        Neutral monoisotopic mass of the unknown, measured or predicted.
    most : int
    exclude : frozenset of str
        First InChIKey blocks to leave out.

    Returns
    -------
    tuple of Neighbour
        The nearest first; empty for other techniques.
    """
    hits: list[Hit] = []
    if spectrum.technique is Technique.EI_MS:
        hits += hybrid_hits(nominal(spectrum.mz, spectrum.intensity), members, mass_da=mass_da, most=2 * most, left_out=exclude)
    elif spectrum.technique is Technique.MSMS:
        query = prepare_msms(spectrum)
        for member in members:
            if "msms.classified" in member:
                hits += search_relatives(query, member, most=2 * most)
    near: dict[str, Neighbour] = {}
    for hit in sorted(hits, key=lambda hit: (-hit.score, hit.substance.skeleton)):
        substance = hit.substance
        if substance.smiles is not None and not substance.isotope_labelled and substance.skeleton not in exclude:
            near.setdefault(substance.skeleton, Neighbour(substance=substance, similarity=hit.score))
    return tuple(near.values())[:most]


def class_of_neighbours(nearest: Sequence[Neighbour]) -> str | None:
    """Name the drug class that the ten nearest substances speak for, each with the fourth power of its similarity; None where they have none.

    For whoever has no better prediction: it is not calibrated.
    """
    votes: dict[str, float] = {}
    for neighbour in nearest[:10]:
        if neighbour.substance.drug_class is not None:
            votes[neighbour.substance.drug_class] = votes.get(neighbour.substance.drug_class, 0.0) + neighbour.similarity**4
    return min(votes, key=lambda name: (-votes[name], name), default=None)


def searched_isomers(
    members: Sequence[Library], technique: Technique | None, target: Target, *, exclude: frozenset[str] = frozenset()
) -> tuple[Substance, ...]:
    """Find the substances of a mass that have a reference spectrum by a technique: they were searched already.

    Parameters
    ----------
    members : sequence of Library
    technique : Technique
    target : Target
    exclude : frozenset of str
        First InChIKey blocks to leave out.
    """
    found = {}
    for member in members:
        if technique is Technique.EI_MS and "ei.peak_start" in member:
            rows = member["ei.substance"][np.abs(_nominal_masses(member) - round(target.mass_da)) <= target.tolerance_da]
        elif technique is Technique.MSMS and "msms.neutral_mass" in member:
            rows = member["msms.substance"][np.abs(member["msms.neutral_mass"] - target.mass_da) <= max(target.tolerance_da, 0.01)]
        else:
            continue
        for row in np.unique(rows).tolist():
            substance = member.substance(row)
            if substance.smiles and not substance.isotope_labelled and substance.skeleton not in exclude:
                found[substance.skeleton] = substance
    return tuple(found[skeleton] for skeleton in sorted(found))


def _nominal_masses(library: Library) -> NDArray[np.int64]:
    """Nominal mass of each EI reference's substance; 0 where it is not known."""

    def make() -> NDArray[np.int64]:
        masses = [library.substance(int(row)).exact_mass for row in library["ei.substance"]]
        return np.array([0 if mass is None else round(mass) for mass in masses], dtype=np.int64)

    return library.derived("ei.nominal_mass", make)
