"""The hit list in the columns that users of NIST MS Search know, and ours behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nps_ident.errors import ChemistryError

if TYPE_CHECKING:
    from nps_ident.model import Candidate, Identification

__all__ = ["COLUMNS", "hit_table", "hit_table_csv"]

COLUMNS = (
    "#", "Match", "R.Match", "Prob(%)", "Name", "Formula", "MW", "CAS",
    "Class", "InChIKey", "Score", "log10 LR", "Library", "Reference",
)  # fmt: skip
"""The first eight as in NIST MS Search 2.4 (hit list window); the rest is ours."""


def hit_table(result: Identification) -> list[dict[str, Any]]:
    """List the candidates of an answer, one row each, best first.

    Returns
    -------
    list of dict
        Keys are :data:`COLUMNS`; what is not known is None.  ``Match`` and ``R.Match`` are 0 to 999; where the technique has no match
        factor they are None and ``Score`` (0 to 1) counts.  ``Prob(%)`` has one decimal.  ``MW`` is the nominal mass, from the formula.
    """
    return [_row(rank, candidate) for rank, candidate in enumerate(result.matches, 1)]


def hit_table_csv(result: Identification) -> str:
    """Write the hit list as CSV with a heading line; text that a spreadsheet would run as a formula gets a leading apostrophe."""
    import csv
    from io import StringIO

    page = StringIO()
    writer = csv.writer(page, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in hit_table(result):
        writer.writerow([_harmless(row[column]) for column in COLUMNS])
    return page.getvalue()


def _row(rank: int, candidate: Candidate) -> dict[str, Any]:
    substance, written = candidate.substance, candidate.to_dict(rank)
    return {
        "#": rank,
        "Match": candidate.match_factor,
        "R.Match": candidate.reverse_match_factor,
        "Prob(%)": None if candidate.probability is None else round(100 * candidate.probability, 1),
        "Name": substance.name,
        "Formula": substance.formula,
        "MW": _nominal_mass(substance.formula),
        "CAS": substance.cas,
        "Class": substance.drug_class,
        "InChIKey": substance.inchikey,
        "Score": written["score"],
        "log10 LR": written["log10_lr"],
        "Library": candidate.source,
        "Reference": candidate.reference,
    }


def _nominal_mass(formula: str | None) -> int | None:
    from nps_ident.chemistry.formula import nominal_mass

    try:
        return None if formula is None else nominal_mass(formula)
    except ChemistryError:
        return None


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
