"""Frozen records: the vocabulary of the program.  Nothing here reads, searches or decides."""

from nps_ident.model.finding import Finding, Severity
from nps_ident.model.identification import Candidate, Identification, LibraryStamp, MixtureComponent, Proposal, Variant, Verdict
from nps_ident.model.run import AlkaneLadder, Component, Run
from nps_ident.model.spectrum import MassSpectrum, Polarity, Source, SubstanceLabel, Technique
from nps_ident.model.substance import Substance
from nps_ident.model.tolerance import Tolerance

__all__ = [
    "AlkaneLadder",
    "Candidate",
    "Component",
    "Finding",
    "Identification",
    "LibraryStamp",
    "MassSpectrum",
    "MixtureComponent",
    "Polarity",
    "Proposal",
    "Run",
    "Severity",
    "Source",
    "Substance",
    "SubstanceLabel",
    "Technique",
    "Tolerance",
    "Variant",
    "Verdict",
]
