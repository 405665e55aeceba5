"""What must hold of the reference data: one row a rule, with its code, weight and reason."""

from __future__ import annotations

from dataclasses import dataclass

from nps_ident.model.finding import Severity

__all__ = ["ADMITTED_LICENCES", "GROUPS", "RULES", "Problem", "Rule"]

GROUPS = ("nps", "classic drug", "opiate companion", "cutting agent", "precursor", "medicine")

# Licences under which figures from a record may be published here; the versions are those the records state.
ADMITTED_LICENCES = ("US government work", "CC0-1.0", "CC BY", "CC BY 3.0", "CC BY 4.0", "DL-DE-BY-2.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule of the catalogue.

    Parameters
    ----------
    code : str
        ``CAT-1nn`` substances, ``CAT-2nn`` principal ions, ``CAT-3nn`` fragment lists, ``CAT-4nn`` files.
    severity : Severity
        An error makes ``catalogue check`` exit 1.
    explanation : str
        What must hold, and why.
    """

    code: str
    severity: Severity
    explanation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A rule that does not hold somewhere.

    Parameters
    ----------
    file : str
        Name of the table.
    line : int
        From 1; 0 for a fault of the whole file.
    subject : str
        The substance or record.
    text : str
        What was found and what was expected, in one sentence.
    """

    rule: Rule
    file: str
    line: int
    subject: str
    text: str

    def to_dict(self) -> dict[str, str | int]:
        """Write the problem as a row."""
        return {
            "code": self.rule.code,
            "severity": self.rule.severity.value,
            "file": self.file,
            "line": self.line,
            "subject": self.subject,
            "text": self.text,
        }


_ROWS = (
    ("CAT-101", "error", "A name or synonym belongs to one structure: a name that means two substances identifies neither."),
    ("CAT-102", "error", "An InChIKey stands once: two rows of one substance would split its evidence."),
    ("CAT-103", "error", "The structure can be read."),
    ("CAT-104", "error", "The InChIKey is that of the structure, which is its own parent: no salt, no charge to remove."),
    ("CAT-105", "error", "The formula is that of the structure: public lists hold names with another compound's structure."),
    ("CAT-106", "error", "The exact mass is that of the formula, within 0.001 Da: it decides which precursors are searched."),
    ("CAT-107", "error", "The CAS number has the right check digit."),
    ("CAT-108", "error", "The drug class is a word of the table of drug classes."),
    ("CAT-109", "error", "The drug class is the one that the structure's pattern gives."),
    ("CAT-110", "error", "The group is one of the groups in use."),
    ("CAT-111", "error", "The structure stands on two sources, or on one and a check by formula, mass or spectrum."),
    ("CAT-112", "error", "The licence is stated and is not a non-commercial one alone."),
    ("CAT-113", "warning", "A CAS number belongs to one substance."),
    ("CAT-201", "error", "The record's substance is in the catalogue."),
    ("CAT-202", "error", "A record gives at most 20 ions: more would be the spectrum itself."),
    ("CAT-203", "error", "Each ion has a whole percentage of the base peak, from 1 to 100."),
    ("CAT-204", "error", "The base peak is there, at 100 %."),
    ("CAT-205", "error", "No ion lies above the molecule and its isotopes (EI) or above the precursor (MS/MS)."),
    ("CAT-206", "error", "The precursor is that of the adduct and the molecule, within 10 ppm."),
    ("CAT-207", "error", "The polarity is that of the adduct's charge."),
    ("CAT-208", "error", "The licence of the record is one under which figures may be published here."),
    ("CAT-209", "error", "A SWGDRUG record was contributed by a DEA laboratory; others have owners who did not agree."),
    ("CAT-210", "error", "An accession stands once in its table."),
    ("CAT-211", "error", "Ions are written as ascending 'm/z:percent' from m/z 10 on."),
    ("CAT-212", "error", "Base peak and most of the signal of an MS/MS record are ions that the molecule can form, within 10 ppm or 2 mDa."),
    ("CAT-213", "error", "No strong EI ion lies 5 to 11, 22 or 23 Da below the molecule: no atoms add up to such a loss."),
    ("CAT-214", "error", "EI ions suit their molecule as they stand, not far better one mass unit off: a shifted axis is no spectrum."),
    ("CAT-215", "error", "EI ions do not suit another molecule of the table far better: a record filed under another's key answers wrongly."),
    ("CAT-216", "warning", "EI ions suit no other place or molecule better by less than that: look at the record."),
    ("CAT-301", "error", "The m/z of a listed fragment is that of its formula, within 0.0002, and its substance is in the catalogue."),
    ("CAT-401", "error", "Every table is as the manifest says, byte for byte."),
    ("CAT-402", "error", "Every table can be read: its columns, its rows, its end."),
)

RULES: dict[str, Rule] = {
    code: Rule(code=code, severity=Severity(severity), explanation=explanation) for code, severity, explanation in _ROWS
}
"""Every rule by its code."""
