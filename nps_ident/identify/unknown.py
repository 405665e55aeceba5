"""What is said of a spectrum that is not named: drug class, nearest relatives, molecular mass, structure proposals."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from nps_ident.confidence.decision import Support, class_support
from nps_ident.confidence.drug_class import class_probabilities, drug_class_or_none, shipped_class_model
from nps_ident.library.search import relatives
from nps_ident.model import Finding, Polarity, Severity, Technique, Tolerance, Variant, Verdict
from nps_ident.similarity.match_factor import nominal

if TYPE_CHECKING:
    from nps_ident.catalogue.store import Catalogue
    from nps_ident.confidence.decision import Decision
    from nps_ident.confidence.drug_class import ClassModel
    from nps_ident.confidence.molecular_mass import MassPrediction
    from nps_ident.library.hits import Hit, HitList
    from nps_ident.model import MassSpectrum

__all__ = ["supported", "variant_of"]

N_NEAREST = 10
"""Relatives listed."""
FEWEST_PEAKS = 10
"""Peaks of an EI spectrum below which no class and no mass is concluded: both were learnt from whole spectra, and from tables of twenty ions."""
_ACCURATE_DA, _HEAVIEST_DA = 0.001, 1000.0
"""Precursors known to a thousandth (three decimals) below a thousand Da have few enough formulae to be listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mass:
    """The molecular mass behind a spectrum, the relatives it makes nearest, and how it was concluded.

    EI: the prediction; MS/MS with a stated adduct: how far the mass may be off.
    """

    mass_da: float | None
    nearest: tuple[Hit, ...]
    why: str = ""
    prediction: MassPrediction | None = None
    half_width_da: float | None = None


def supported(query: MassSpectrum, hits: HitList, *, most: int) -> Support:
    """The drug class of a spectrum that no candidate explains, and the references it is nearest to.

    Parameters
    ----------
    query : MassSpectrum
        Prepared; cut as the libraries are.
    hits : HitList
    most : int
        Relatives looked at.
    """
    technique = hits.technique
    if technique is Technique.EI_MS and hits.n_compared < FEWEST_PEAKS:
        return Support(drug_class=None, probability=0.0, nearest=())
    near = relatives(query, hits.members, hits, most=most)
    model = _class_model(technique, hits.kind)
    if model is None or not hits.members:
        return class_support(near)
    named, probability = drug_class_or_none(class_probabilities(query, hits.hits, hits.members, model))
    return Support(drug_class=named, probability=probability if named else 0.0, nearest=near)


@cache
def _class_model(technique: Technique, kind: str) -> ClassModel | None:
    return shipped_class_model(technique, kind)


def variant_of(
    prepared: MassSpectrum, decision: Decision, hits: HitList, *, catalogue: Catalogue | None, proposals: bool
) -> tuple[Variant | None, tuple[Finding, ...]]:
    """The variant of an answer ``unknown_variant`` or ``class_only``, and what must be said about it; None for other answers."""
    if decision.verdict not in {Verdict.UNKNOWN_VARIANT, Verdict.CLASS_ONLY}:
        return None, ()
    if any(finding.code == "IDENT-011" for finding in decision.findings):
        return Variant(nearest=(), mass_shift_da=None, drug_class=decision.drug_class, predicted_mass_da=None), ()  # perhaps of two molecules
    mass = _mass_of(prepared, decision, hits)
    is_variant = decision.verdict is Verdict.UNKNOWN_VARIANT
    nearest = mass.nearest[:N_NEAREST] if is_variant else ()
    first = nearest[0] if nearest else None
    findings = [Finding(code="IDENT-013", severity=Severity.INFO, text=mass.why)] if mass.why else []
    findings += _formulae(prepared, mass)
    proposed = None
    if is_variant and proposals and hits.technique is not Technique.DART_MS:
        from nps_ident.identify.proposing import likely_masses, propose_from_libraries  # loads rdkit: only for an unknown

        proposed = propose_from_libraries(
            prepared,
            hits.members,
            masses=likely_masses(prepared, mass.prediction),
            drug_class=decision.drug_class,
            catalogue=catalogue.substances if catalogue else None,
        )
    variant = Variant(
        nearest=tuple(hit.substance.inchikey or hit.substance.name for hit in nearest),
        mass_shift_da=first.mass_shift_da if first is not None and first.mass_shift_known and mass.mass_da is not None else None,
        drug_class=decision.drug_class,
        predicted_mass_da=mass.mass_da,
        proposals=proposed or None,
    )
    return variant, tuple(findings)


def _mass_of(prepared: MassSpectrum, decision: Decision, hits: HitList) -> _Mass:
    if hits.technique is Technique.EI_MS and hits.n_compared < FEWEST_PEAKS:
        why = f"{hits.n_compared} peaks tell neither class nor molecular mass; {FEWEST_PEAKS} are needed."
        return _Mass(mass_da=None, nearest=(), why=why)
    if hits.technique is Technique.EI_MS:
        from nps_ident.confidence.molecular_mass import predict_mass

        found = predict_mass(nominal(prepared.mz, prepared.intensity), hits.hits, hits.members)
        if found.mass_da is None:
            return _Mass(mass_da=None, nearest=decision.nearest, why=found.why_none, prediction=found)
        why = f"The molecular mass {found.nominal_mass} is predicted from the whole spectrum, with probability {found.probability:.2f}."
        return _Mass(mass_da=round(found.mass_da, 1), nearest=_of_class(found.nearest, decision.drug_class), why=why, prediction=found)
    from nps_ident.chemistry.precursor_mass import neutral_mass_of

    known = neutral_mass_of(prepared)
    nearest = _of_class(decision.nearest, decision.drug_class)
    return _Mass(mass_da=known.mass_da, nearest=nearest, why=known.why, half_width_da=known.half_width_da if known.stated else None)


def _formulae(prepared: MassSpectrum, mass: _Mass) -> list[Finding]:
    """The likeliest molecular formulae, where the precursor was measured accurately and its adduct is stated."""
    if mass.mass_da is None or mass.half_width_da is None or mass.half_width_da > _ACCURATE_DA or mass.mass_da > _HEAVIEST_DA:
        return []
    from nps_ident.chemistry.formula_candidates import formula_candidates

    found = formula_candidates(
        mass.mass_da,
        tolerance=Tolerance.ppm(5),
        fragments=(prepared.mz, prepared.intensity),
        fragment_tolerance=Tolerance.wider(da=0.002, ppm=10),
        charge=-1 if prepared.polarity is Polarity.NEGATIVE else 1,
        most=3,
    )
    if not found:
        return []
    listed = ", ".join(f"{each.formula} ({each.share:.0%}, {each.error_ppm:+.1f} ppm)" for each in found)
    text = f"Formulae that the accurate mass {mass.mass_da:.4f} allows, the most plausible first: {listed}."
    return [Finding(code="IDENT-016", severity=Severity.INFO, text=text)]


def _of_class(hits: tuple[Hit, ...], drug_class: str | None) -> tuple[Hit, ...]:
    """The hits of the class that was named, the rest behind them."""
    return tuple(sorted(hits, key=lambda hit: hit.substance.drug_class != drug_class))
