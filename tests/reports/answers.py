"""Answers made by hand for the tests of pictures, tables and reports; the spectra are invented, in the shape of fentanyl and an isomer."""

from __future__ import annotations

from nps_ident.model import (
    Candidate,
    Finding,
    Identification,
    LibraryStamp,
    MassSpectrum,
    Severity,
    Source,
    Substance,
    SubstanceLabel,
    Technique,
    Verdict,
)

FENTANYL = Substance(
    inchikey="PJMPHNIQZUBGLI-UHFFFAOYSA-N",
    name="Fentanyl",
    smiles="CCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1",
    formula="C22H28N2O",
    exact_mass=336.2202,
    cas="437-38-7",
    drug_class="fentanyl",
)
METHYLACETYL = Substance(inchikey=None, name="=cmd|alpha-Methylacetylfentanyl", formula="no formula", drug_class="fentanyl")


PEAKS = ((42.0, 400.0), (105.0, 300.0), (146.0, 900.0), (189.0, 420.0), (245.0, 999.0))


def ei(name: str = "Q-EI-000001", peaks: tuple[tuple[float, float], ...] = PEAKS) -> MassSpectrum:
    return MassSpectrum(
        name=name,
        mz=[mz for mz, _ in peaks],
        intensity=[i for _, i in peaks],
        technique=Technique.EI_MS,
        source=Source(file="exhibit_17.msp", index=0, sha256="ab" * 32),
        label=SubstanceLabel(formula="C22H28N2O", smiles=FENTANYL.smiles),
    )


def msms(name: str, shift: float = 0.0) -> MassSpectrum:
    return MassSpectrum(
        name=name,
        mz=[105.0699, 132.0808, 188.1434, 216.1383 + shift],
        intensity=[300, 50, 999, 40],
        technique=Technique.MSMS,
        precursor_mz=337.2274 + shift,
        precursor_decimals=4,
    )


def answer(*, name: str = "Q-EI-000001", with_candidates: bool = True) -> Identification:
    best = Candidate(
        substance=FENTANYL,
        score=0.92793,
        match_factor=927,
        reverse_match_factor=941,
        probability=0.62,
        log10_lr=2.1,
        reference="SWGDRUG-3919",
        source="starter",
        reference_spectrum=ei("reference"),
    )
    second = Candidate(substance=METHYLACETYL, score=0.5, reference="X-1", source="register (proposed)")
    return Identification(
        spectrum=ei(name),
        verdict=Verdict.ISOMER_SET if with_candidates else Verdict.NO_MATCH,
        characterise=False,
        matches=(best, second) if with_candidates else (),
        library=LibraryStamp(name="starter", sha256="cd" * 32),
        software=(("nps_ident", "0.1.0"), ("rdkit", "2026.03")),
        calibration="ei-full-2026-11",
        isomers_without_reference=("AAAAAAAAAAAAAA-UHFFFAOYSA-N",),
        separated_by=("GC retention index",),
        findings=(
            Finding(code="IDENT-003", severity=Severity.INFO, text="Two candidates differ by no more than replicates of one substance."),
            Finding(code="SPEC-004", severity=Severity.WARNING, text="The peaks were not in order of m/z; they were sorted."),
        ),
    )
