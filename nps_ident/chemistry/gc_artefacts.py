"""What heat and reagents make of a drug before it reaches the detector of a GC–MS, from a table that a chemist can review.

``gc_artefacts.tsv``: one row a change, with its parent, whether a source was read for it (``confirmed``) or not (``to verify``), and the source.
A ``product`` is a known substance that another one turns into; a ``shift`` turns a parent, or any substance of a drug class, into something of
another mass; a ``derivative`` adds its mass for each active hydrogen, and shows ions of its own.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

__all__ = ["MOST_GROUPS", "REAGENTS", "Artefact", "artefacts"]

MOST_GROUPS = 3
"""Active hydrogens derivatised at most: morphine has two, and few drugs more."""
REAGENTS = {"tms": "trimethylsilyl", "acetyl": "acetyl", "tfa": "trifluoroacetyl"}
"""What a laboratory may say that it derivatised with, and the derivative of the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """One row of the table.

    Parameters
    ----------
    kind : str
        ``product``, ``shift`` or ``derivative``.
    parent, parent_inchikey, parent_class : str
        The substance it comes from, or the drug class; empty for a derivative, which any substance may give.
    product, product_inchikey : str
        What it becomes, where that has a name; of a derivative its group.
    shift_da : float
        Monoisotopic mass of the product minus that of the parent; for a derivative of one group.
    ions : tuple of (int, float)
        Unit masses that must be there, each with its least percentage of the base peak.
    process, status, source : str
    """

    kind: str
    parent: str
    parent_inchikey: str
    parent_class: str
    product: str
    product_inchikey: str
    shift_da: float
    ions: tuple[tuple[int, float], ...]
    process: str
    status: str
    source: str

    @property
    def said(self) -> str:
        """The change in words, with a mark where no source was read for it."""
        return self.process if self.status == "confirmed" else f"{self.process} (not confirmed by a source)"


@cache
def artefacts() -> tuple[Artefact, ...]:
    """Every row of the table, in its order."""
    text = (resources.files("nps_ident.chemistry") / "gc_artefacts.tsv").read_text(encoding="utf-8")
    return tuple(_artefact(row) for row in csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))


def _artefact(row: dict[str, str]) -> Artefact:
    ions = tuple((int(mass), float(share)) for mass, share in (pair.split(":") for pair in filter(None, row["ions"].split(";"))))
    return Artefact(
        kind=row["kind"],
        parent=row["parent"],
        parent_inchikey=row["parent_inchikey"],
        parent_class=row["parent_class"],
        product=row["product"],
        product_inchikey=row["product_inchikey"],
        shift_da=float(row["shift_da"]),
        ions=ions,
        process=row["process"],
        status=row["status"],
        source=row["source"],
    )
