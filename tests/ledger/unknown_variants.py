"""Unknown variants to record: measured spectra whose answer is made by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nps_ident.ledger import record
from nps_ident.model import Candidate, Finding, Identification, LibraryStamp, MassSpectrum, Severity, Substance, Variant, Verdict
from nps_ident.spectra.peaks import prepare

if TYPE_CHECKING:
    from nps_ident.ledger import Ledger

NEAREST = Substance(inchikey="PJMPHNIQZUBGLI-UHFFFAOYSA-N", name="fentanyl", drug_class="fentanyl")


def unknown(spectrum: MassSpectrum, *, mass: float | None = None, verdict: Verdict = Verdict.UNKNOWN_VARIANT) -> Identification:
    """The answer that no listed substance fits."""
    return Identification(
        spectrum=prepare(spectrum),
        verdict=verdict,
        characterise=True,
        matches=(Candidate(substance=NEAREST, score=0.7, reference="X1", source="starter", probability=0.1),),
        library=LibraryStamp(name="starter", sha256="b" * 64),
        software=(("nps_ident", "0.1.0"),),
        variant=Variant(
            nearest=(str(NEAREST.inchikey),),
            mass_shift_da=None if mass is None else mass - 336.2202,
            drug_class="fentanyl",
            predicted_mass_da=mass,
        ),
        findings=(Finding(code="IDENT-001", severity=Severity.INFO, text="Nothing fits."),),
    )


def record_unknown(ledger: Ledger, spectrum: MassSpectrum, *, mass: float | None = None, **settings: Any) -> str:
    """Record it as ``nps-ident identify`` does; its record's id."""
    given = {"verb": "identify", "library": [], "starter": False, "top": 10, "technique": None, "catalogue": None, "calibration": []}
    return str(record(unknown(spectrum, mass=mass), ledger, analyst="A. Chemist", settings=given | settings).record)
