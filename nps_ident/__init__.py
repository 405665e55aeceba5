"""Identify new psychoactive substances from laboratory spectra and structures.

>>> import nps_ident as nps
>>> library = nps.open_library()
>>> [query] = nps.read_spectra("exhibit_17.jdx")
>>> result = nps.identify(query, library)
>>> result.verdict, result.best.substance.name, result.best.probability

Importing the package loads the standard library only; each name below loads what it needs when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "DrugClassClassifier": "nps_ident.confidence.drug_class_estimator",
    "class_rows": "nps_ident.confidence.drug_class_spectra",
    "conclude": "nps_ident.identify.exhibit",
    "identify": "nps_ident.identify",
    "identify_structure": "nps_ident.identify",
    "open_ledger": "nps_ident.ledger",
    "open_library": "nps_ident.library",
    "plot": "nps_ident.reports.figures",
    "read_exhibits": "nps_ident.io.exhibit_file",
    "read_spectra": "nps_ident.io",
    "record": "nps_ident.ledger",
}

__all__ = ["__version__", *sorted(_HOME)]  # noqa: PLE0604 - the names are strings


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'nps_ident' has no attribute '{name}'")


def __dir__() -> list[str]:
    return list(__all__)
