"""A small catalogue, and proposals to be checked against it."""

from __future__ import annotations

from nps_ident.catalogue.proposal import Proposal, check_proposal
from nps_ident.catalogue.statements import Statement
from nps_ident.catalogue.store import Catalogue, Entry
from nps_ident.chemistry.structures import parent_of
from nps_ident.model import MassSpectrum, Source, Substance, Technique

FENTANYL = "CCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1"
METHAMPHETAMINE = "C[C@@H](Cc1ccccc1)NC"
# An analogue that is not in the small catalogue below: C23H30N2O by hand from fentanyl, C22H28N2O, and one CH2 more.
BUTYRYLFENTANYL = "CCCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1"
BUTYRYLFENTANYL_MASS = 350.235814  # 23 x 12 + 30 x 1.00782503 + 2 x 14.00307401 + 15.99491462


def catalogued(name: str, smiles: str, *, cas: str | None = None, synonyms: tuple[str, ...] = ()) -> Entry:
    parent = parent_of(smiles)
    structure = {"inchikey": parent.inchikey, "smiles": parent.smiles, "formula": parent.formula, "exact_mass": parent.exact_mass}
    substance = Substance(name=name, synonyms=synonyms, cas=cas, **structure)  # type: ignore[arg-type]
    return Entry(substance=substance, group="nps", sources=("test",), licence="", line=2)


def small_catalogue() -> Catalogue:
    entries = (
        catalogued("fentanyl", FENTANYL, cas="437-38-7", synonyms=("phentanyl",)),
        catalogued("methamphetamine", METHAMPHETAMINE),
        catalogued("acetylacetone", "CC(=O)CC(C)=O"),
    )
    return Catalogue(entries=entries, source="test", sha256="0" * 64)


def check(known: Catalogue, structure: str, name: str | None = "test opioid", **more: object) -> Proposal:
    spectra = more.pop("spectra", ())
    return check_proposal(Statement(structure=structure, name=name, **more), known=[known], spectra=spectra)  # type: ignore[arg-type]


def codes(proposal: Proposal) -> list[str]:
    return [finding.code for finding in proposal.findings]


def spectrum(*peaks: tuple[float, float], **fields: object) -> MassSpectrum:
    fields.setdefault("technique", Technique.EI_MS)
    source = Source(file="own.msp", index=0, sha256="c" * 64)
    return MassSpectrum(name="own", mz=[p[0] for p in peaks], intensity=[p[1] for p in peaks], source=source, **fields)  # type: ignore[arg-type]
