"""The hit list in the columns that users of NIST MS Search know, and ours behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nps_ident.errors import ChemistryError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nps_ident.model import Identification, MixtureComponent, Substance

__all__ = ["COLUMNS", "COMPONENT_COLUMNS", "component_table", "component_table_line", "hit_table", "hit_table_csv", "hit_table_of"]

COLUMNS = (
    "#", "Match", "R.Match", "Prob(%)", "Name", "Formula", "MW", "CAS",
    "Class", "InChIKey", "Score", "log10 LR", "Library", "Reference",
)  # fmt: skip
"""The first eight as in NIST MS Search 2.4 (hit list window); the rest is ours."""


COMPONENT_COLUMNS = ("Component", "Signal(%)", "95 % interval", "Prob(%)", "Not told apart from", "Class", "InChIKey")
"""Of a mixture; the share is of signal, never of mass."""


def component_table(components: Sequence[MixtureComponent]) -> list[dict[str, Any]]:
    """List the components of a mixture, one row each, the largest first.

    Returns
    -------
    list of dict
        Keys are :data:`COMPONENT_COLUMNS`; what is not known is None.
    """
    return [
        {
            "Component": component.substance.name,
            "Signal(%)": round(100 * component.fraction, 1),
            "95 % interval": f"{100 * component.fraction_low:.0f} to {100 * component.fraction_high:.0f}",
            "Prob(%)": None if component.probability is None else round(100 * component.probability, 1),
            "Not told apart from": ", ".join(component.isomer_names) or None,
            "Class": component.substance.drug_class,
            "InChIKey": component.substance.inchikey,
        }
        for component in components
    ]


def component_table_line(component: MixtureComponent) -> str:
    """Write a component in one cell: name, share of signal with its interval, probability, what is not told apart from it."""
    low, high = 100 * component.fraction_low, 100 * component.fraction_high
    pieces = [f"{component.substance.name} {100 * component.fraction:.0f} % ({low:.0f} to {high:.0f} %)"]
    if component.probability is not None:
        pieces.append(f"probability {component.probability:.2f}")
    if component.isomer_names:
        pieces.append(f"or {' or '.join(component.isomer_names)}")
    return ", ".join(pieces)


def hit_table(result: Identification) -> list[dict[str, Any]]:
    """List the candidates of an answer, one row each, best first.

    Returns
    -------
    list of dict
        Keys are :data:`COLUMNS`; what is not known is None.  ``Match`` and ``R.Match`` are 0 to 999; where the technique has no match
        factor they are None and ``Score`` (0 to 1) counts.  ``Prob(%)`` has one decimal.  ``MW`` is the nominal mass, from the formula.
    """
    written = result.to_dict()["matches"]
    return [_row(match, candidate.substance) for match, candidate in zip(written, result.matches, strict=True)]


def hit_table_of(matches: Sequence[Mapping[str, Any]], substances: Mapping[str, Substance]) -> list[dict[str, Any]]:
    """List the candidates of a written answer (``matches`` of the result contract) in the same columns.

    Parameters
    ----------
    matches : sequence of mappings
    substances : mapping of str to Substance
        By InChIKey: formula, mass and CAS number, which the contract does not hold.
    """
    return [_row(match, substances.get(match["inchikey"] or "")) for match in matches]


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


def _row(match: Mapping[str, Any], substance: Substance | None) -> dict[str, Any]:
    probability = match["probability"]
    return {
        "#": match["rank"],
        "Match": match["match_factor"],
        "R.Match": match["reverse_match_factor"],
        "Prob(%)": None if probability is None else round(100 * probability, 1),
        "Name": match["name"],
        "Formula": substance.formula if substance else None,
        "MW": _nominal_mass(substance.formula) if substance else None,
        "CAS": substance.cas if substance else None,
        "Class": match["drug_class"],
        "InChIKey": match["inchikey"],
        "Score": match["score"],
        "log10 LR": match["log10_lr"],
        "Library": match["source"],
        "Reference": match["reference"],
    }


def _nominal_mass(formula: str | None) -> int | None:
    from nps_ident.chemistry.formula import nominal_mass

    try:
        return None if formula is None else nominal_mass(formula)
    except ChemistryError:
        return None


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
