"""The EI principal ions that ship, as if they were the whole spectra of a laboratory's own library."""

from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path

import numpy as np

from nps_ident.catalogue.store import open_catalogue
from nps_ident.model import MassSpectrum, SubstanceLabel, Technique

ROOT = Path(__file__).resolve().parents[1]


@lru_cache(maxsize=1)
def shipped_ions() -> tuple[MassSpectrum, ...]:
    """One spectrum a record, labelled with its substance."""
    catalogue = open_catalogue()
    found = []
    with (ROOT / "reference_spectra" / "ei_principal_ions.tsv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            substance = catalogue.by_inchikey(row["inchikey"])
            assert substance is not None
            named = SubstanceLabel(name=substance.name, inchikey=substance.inchikey, smiles=substance.smiles, formula=substance.formula)
            ions = np.array([ion.split(":") for ion in row["peaks"].split()], dtype=float)
            found.append(MassSpectrum(name=substance.name, technique=Technique.EI_MS, mz=ions[:, 0], intensity=ions[:, 1], label=named))
    return tuple(found)
