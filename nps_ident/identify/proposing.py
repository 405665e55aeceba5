"""Propose structures for a measured unknown: hypotheses with their grounds, ranked, never a match.

Known modifications are applied to the nearest relatives (:mod:`nps_ident.identify.proposal_candidates`); what speaks for each product is
gathered (:mod:`nps_ident.identify.proposal_evidence`) and weighed (:mod:`nps_ident.identify.proposal_ranking`).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from rdkit import Chem, rdBase

from nps_ident.chemistry.fingerprints import flattened
from nps_ident.chemistry.modifications import read_modifications
from nps_ident.chemistry.structural_changes import structural_difference
from nps_ident.chemistry.structures import inchikey_of
from nps_ident.errors import ChemistryError
from nps_ident.identify.neighbours import class_of_neighbours, hybrid_neighbours, searched_isomers
from nps_ident.identify.proposal_candidates import Candidate, Target, candidates, starts
from nps_ident.identify.proposal_evidence import features, isotope_peaks, signal_of
from nps_ident.identify.proposal_ranking import Ranking, shipped_ranking
from nps_ident.library.search_msms import is_coarse, precursor_tolerance, prepare_msms
from nps_ident.model import Polarity, Proposal, Technique, Tolerance
from nps_ident.spectra.peaks import principal_ions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from nps_ident.chemistry.modifications import Modification
    from nps_ident.confidence.molecular_mass import MassPrediction
    from nps_ident.identify.proposal_candidates import Neighbour
    from nps_ident.identify.proposal_evidence import Signal
    from nps_ident.library.compiled import Library
    from nps_ident.model import MassSpectrum, Substance

__all__ = ["evidence", "likely_masses", "propose", "propose_from_libraries", "target_of"]

_FRAGMENT = Tolerance.wider(da=0.002, ppm=10)
"""Pairing window of an MS/MS fragment with the mass of a piece; MassBank's accurate instruments keep within it."""
_COARSE_FRAGMENT = Tolerance.da(0.4)
"""The same where the analyser resolves unit mass: pieces of drugs lie up to 0.3 Da above the whole number."""
_ACCURATE_PPM, _ACCURATE_DECIMALS = 10.0, 3
"""A precursor of three and more decimals was measured; its mass is right to 10 ppm on MassBank's accurate instruments."""
_NAMED_PEAKS = 5
_WORDED = 3
"""Ways to a structure that are put into words until one can be named."""
_LEAST_MASS = 0.15
"""Probability of a mass below which it is not worth the second that its proposals take."""
_STRONG = 0.05
"""Share of the base peak from which an unexplained peak is said to speak against a structure."""


def propose(
    spectrum: MassSpectrum,
    nearest: Sequence[Neighbour],
    *,
    mass_da: float,
    tolerance_da: float | None = None,
    formulae: frozenset[str] | None = None,
    drug_class: str | None = None,
    searched: Iterable[Substance] = (),
    exclude: frozenset[str] = frozenset(),
    catalogue: Sequence[Substance] | None = None,
    modifications: Sequence[Modification] | None = None,
    ranking: Ranking | None = None,
    most: int = 10,
) -> tuple[Proposal, ...]:
    """Propose structures for a spectrum whose substance is in no library.

    Parameters
    ----------
    spectrum : MassSpectrum
        Prepared; EI-MS or MS/MS.
    nearest : sequence of Neighbour
        The nearest substances with a structure, the nearest first (:func:`nps_ident.identify.neighbours.hybrid_neighbours`).
    mass_da : float
        Monoisotopic mass of the neutral molecule; EI: of its nominal mass only the whole number counts.
    tolerance_da : float, optional
        EI: 0.5, a whole mass; else what the precursor's decimals allow, 10 ppm at best.
    formulae : frozenset of str, optional
        Those that accurate mass allows, in Hill order.
    drug_class : str, optional
        Its catalogue substances are started from too; that of the nearest substances where it is not given.
    searched : iterable of Substance
        Substances of that mass with a reference spectrum: compared already, hence not proposed.
    exclude : frozenset of str
        First InChIKey blocks of substances to be taken as unknown to the catalogue.
    catalogue, modifications, ranking
        In place of those that ship.
    most : int

    Returns
    -------
    tuple of Proposal
        The most probable first; empty where no structure of that mass was found.
    """
    technique = spectrum.technique
    if technique not in {Technique.EI_MS, Technique.MSMS} or not spectrum.n_peaks or not math.isfinite(mass_da) or mass_da <= 0:
        return ()
    if catalogue is None:
        from nps_ident.catalogue.store import open_catalogue

        catalogue = open_catalogue().substances
    known = [substance for substance in catalogue if substance.skeleton not in exclude]
    chosen, rows, signal = evidence(
        spectrum,
        [neighbour for neighbour in nearest if neighbour.substance.skeleton not in exclude],
        target=target_of(spectrum, mass_da, tolerance_da, formulae),
        drug_class=class_of_neighbours(nearest) if drug_class is None else drug_class,
        searched=searched,
        known=known,
        modifications=read_modifications() if modifications is None else modifications,
    )
    if not chosen:
        return ()
    weights = shipped_ranking(technique) if ranking is None else ranking
    return _ranked(chosen, weights.probabilities(rows), signal, most)


def propose_from_libraries(
    spectrum: MassSpectrum,
    members: Sequence[Library],
    *,
    masses: Sequence[tuple[float, float]],
    tolerance_da: float | None = None,
    formulae: frozenset[str] | None = None,
    drug_class: str | None = None,
    exclude: frozenset[str] = frozenset(),
    catalogue: Sequence[Substance] | None = None,
    modifications: Sequence[Modification] | None = None,
    ranking: Ranking | None = None,
    most: int = 10,
) -> tuple[Proposal, ...]:
    """Search the nearest relatives in libraries, then :func:`propose`; parameters as there.

    Parameters
    ----------
    spectrum : MassSpectrum
        Prepared.
    members : sequence of Library
        Of one kind, as searched.
    masses : sequence of (float, float)
        Masses that the molecule may have, in Da, each with its probability; ``((mass_da, 1.0),)`` where it was measured.  Those of less than
        0.15 are not followed.

    Returns
    -------
    tuple of Proposal
        Of all masses together; the probability of each is that of its mass times its own under that mass.
    """
    found: list[Proposal] = []
    # A truncated reference says nothing about small peaks; the pieces of a structure are compared with all.
    cut = principal_ions(spectrum) if any(member.kind == "principal_ions" for member in members) else spectrum
    for mass_da, probability in masses:
        if probability < _LEAST_MASS or not math.isfinite(mass_da) or mass_da <= 0:
            continue
        target = target_of(spectrum, mass_da, tolerance_da, formulae)
        proposals = propose(
            spectrum,
            hybrid_neighbours(cut, members, mass_da=mass_da, exclude=exclude),
            mass_da=mass_da,
            tolerance_da=tolerance_da,
            formulae=formulae,
            drug_class=drug_class,
            searched=searched_isomers(members, spectrum.technique, target, exclude=exclude),
            exclude=exclude,
            catalogue=catalogue,
            modifications=modifications,
            ranking=ranking,
            most=most,
        )
        found += [replace(proposal, probability=(proposal.probability or 0.0) * probability) for proposal in proposals]
    return tuple(sorted(found, key=lambda proposal: (-(proposal.probability or 0.0), proposal.inchikey))[:most])


def likely_masses(spectrum: MassSpectrum, prediction: MassPrediction | None = None) -> tuple[tuple[float, float], ...]:
    """List the masses that the molecule may have, each with its probability, as :func:`propose_from_libraries` takes them.

    Parameters
    ----------
    spectrum : MassSpectrum
        Prepared.  MS/MS: precursor and adduct give the mass; the most common adduct is assumed where none is given.
    prediction : MassPrediction, optional
        EI: from :func:`nps_ident.confidence.molecular_mass.predict_mass`.

    Returns
    -------
    tuple of (float, float)
        Empty where nothing is known.
    """
    if spectrum.technique is Technique.MSMS:
        return tuple((mass, 1.0) for mass in prepare_msms(spectrum).neutral_masses[:1])
    return () if prediction is None else tuple((float(each.nominal_mass), each.probability) for each in prediction.candidates)


def target_of(spectrum: MassSpectrum, mass_da: float, tolerance_da: float | None, formulae: frozenset[str] | None) -> Target:
    """Say which masses are allowed: EI by nominal mass; MS/MS 10 ppm, or what a precursor of few decimals allows."""
    nominal = spectrum.technique is Technique.EI_MS
    if tolerance_da is None and not nominal:
        fine = spectrum.precursor_decimals is None or spectrum.precursor_decimals >= _ACCURATE_DECIMALS
        tolerance_da = mass_da * _ACCURATE_PPM * 1e-6 if fine else precursor_tolerance(spectrum).at(mass_da)
    return Target(
        mass_da=float(round(mass_da)) if nominal else mass_da,
        tolerance_da=0.5 if tolerance_da is None else tolerance_da,
        nominal=nominal,
        formulae=formulae,
    )


def evidence(
    spectrum: MassSpectrum,
    nearest: Sequence[Neighbour],
    *,
    target: Target,
    drug_class: str | None,
    searched: Iterable[Substance],
    known: Sequence[Substance],
    modifications: Sequence[Modification],
    extra: Sequence[Substance] = (),
) -> tuple[list[Candidate], NDArray[np.float64], Signal]:
    """Make the candidates and the figures that speak for and against each.

    Parameters
    ----------
    extra : sequence of Substance
        Proposed where the mass fits, as those of the catalogue are, but no place to start from.

    Returns
    -------
    list of Candidate, ndarray of float64 of shape (n_candidates, n_features), Signal
    """
    # Accurate mass leaves so few candidates that every listed drug may be started from, whatever class a poor spectrum speaks for.
    classified = [substance for substance in known if substance.drug_class is not None]
    relatives = [substance for substance in classified if not target.nominal or substance.drug_class == drug_class]
    parents = starts(nearest, relatives)
    signal = signal_of(
        spectrum.mz,
        spectrum.intensity,
        spectrum.technique or Technique.EI_MS,
        mass_da=target.mass_da,
        tolerance=_COARSE_FRAGMENT if is_coarse(spectrum) else _FRAGMENT,
        polarity=-1 if spectrum.polarity is Polarity.NEGATIVE else 1,
    )
    found = candidates(parents, target, modifications, known=(*known, *extra), searched=searched)
    chosen, rows = features(found, parents, signal, drug_class)
    return chosen, rows, signal


def _ranked(chosen: Sequence[Candidate], probabilities: NDArray[np.float64], signal: Signal, most: int) -> tuple[Proposal, ...]:
    """The most probable structures; tautomers that share a key are one."""
    order = sorted(range(len(chosen)), key=lambda place: (-probabilities[place], chosen[place].smiles))
    found: dict[str, list[Any]] = {}
    with rdBase.BlockLogs():
        for place in order:
            if len(found) >= 2 * most:
                break
            try:
                inchikey = inchikey_of(chosen[place].mol)
            except ChemistryError:
                continue
            if inchikey[:14] in found:
                found[inchikey[:14]][2] += float(probabilities[place])
            else:
                found[inchikey[:14]] = [chosen[place], inchikey, float(probabilities[place])]
    ranked = sorted(found.values(), key=lambda item: (-item[2], item[1]))[:most]
    return tuple(
        Proposal(smiles=candidate.smiles, inchikey=inchikey, why=_why(candidate, signal), probability=min(probability, 1.0))
        for candidate, inchikey, probability in ranked
    )


def _why(candidate: Candidate, signal: Signal) -> str:
    """What is changed on which substance, which peaks support it, and which speak against it."""
    parts = []
    if candidate.known_as is not None:
        parts.append(f"known to the catalogue as {candidate.known_as.name}, without a reference spectrum among those searched")
    if candidate.routes:
        parts.append(_change(candidate))
    return f"{'; '.join(parts)}. {_peaks(candidate, signal)}"


def _change(candidate: Candidate) -> str:
    """The difference from a near substance in words; of the most likely ways the first that can be named."""
    ways = candidate.likely_routes[:_WORDED]
    for neighbour, changes in ways:
        other = flattened(Chem.MolFromSmiles(neighbour.substance.smiles))
        difference = structural_difference(candidate.mol, other, neighbour.substance.name, max_changes=len(changes))
        if difference.named:
            return f"{difference.text} ({_seen(changes)})"
    neighbour, changes = ways[0]
    return f"{' and '.join(change.name for change in changes)}, starting from {neighbour.substance.name} ({_seen(changes)})"


def _seen(changes: Sequence[Modification]) -> str:
    counts = " and ".join(str(change.n_pairs) for change in changes)
    return f"{'a change' if len(changes) == 1 else 'changes'} by which {counts} pairs of catalogue substances differ"


def _peaks(candidate: Candidate, signal: Signal) -> str:
    explained = candidate.explained
    if explained is None or not len(signal.mz):
        return "No peak was compared."
    strength = signal.share / signal.share.max()
    order = np.argsort(-strength, kind="stable")
    supporting = [place for place in order if explained.level[place] <= 1]
    isotopes = isotope_peaks(candidate, signal)
    opposing = [place for place in order if explained.level[place] > 2 and strength[place] >= _STRONG and place not in isotopes]
    share = float(signal.share[explained.level <= 2].sum())
    digits = 0 if signal.technique is Technique.EI_MS else 4

    def told(places: Sequence[Any]) -> str:
        return ", ".join(f"{signal.mz[place]:.{digits}f} ({100 * strength[place]:.0f} %)" for place in places[:_NAMED_PEAKS])

    text = f"Its pieces explain {100 * share:.0f} % of the signal compared"
    text += f"; supported by m/z {told(supporting)}" if supporting else "; no peak is explained by a single break"
    if opposing:
        more = f" and {len(opposing) - _NAMED_PEAKS} more" if len(opposing) > _NAMED_PEAKS else ""
        text += f"; against it: m/z {told(opposing)}{more} not explained"
    else:
        text += "; no strong peak speaks against it"
    return f"{text}."
