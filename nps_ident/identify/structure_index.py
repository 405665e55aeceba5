"""What structures are compared with: the catalogue with the user's own register, its fingerprints and scaffolds.

Fingerprints and scaffolds are computed once and kept in the user's cache.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import rdkit

from nps_ident.chemistry.fingerprints import FINGERPRINT, N_BITS, morgan_bits, murcko_scaffold
from nps_ident.chemistry.structures import parent_of
from nps_ident.folders import cache_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from nps_ident.catalogue.store import Catalogue
    from nps_ident.model import Substance

__all__ = ["StructureIndex", "index_of", "open_known"]

_LOG = logging.getLogger(__name__)
_FORM = "structure-index-1"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StructureIndex:
    """Substances with a structure, and what similarity needs of each.

    Parameters
    ----------
    substances : tuple of Substance
    bits : numpy.ndarray
        uint8, shape ``(n, N_BITS // 8)``.
    scaffolds : tuple of str
        Murcko scaffolds as SMILES, empty without rings.
    """

    substances: tuple[Substance, ...]
    bits: NDArray[np.uint8]
    scaffolds: tuple[str, ...]


def _key(substances: Sequence[Substance]) -> str:
    digest = hashlib.sha256(f"{_FORM} {FINGERPRINT} rdkit {rdkit.__version__}\n".encode())
    for substance in substances:
        digest.update(f"{substance.inchikey}\t{substance.smiles}\n".encode())
    return digest.hexdigest()


def _computed(substances: Sequence[Substance]) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    mols = [parent_of(substance.smiles).mol for substance in substances]
    bits = np.stack([morgan_bits(mol) for mol in mols]) if mols else np.zeros((0, N_BITS // 8), dtype=np.uint8)
    return bits, tuple(murcko_scaffold(mol) for mol in mols)


def _loaded(path: Path, n_substances: int) -> tuple[NDArray[np.uint8], tuple[str, ...]] | None:
    """Read a cached file; None where there is none, or it is damaged and must be made again."""
    try:
        # From memory, because numpy leaves the file open when its beginning is a damaged archive.
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
            bits, scaffolds = stored["bits"], stored["scaffolds"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    if bits.shape != (n_substances, N_BITS // 8) or bits.dtype != np.uint8 or scaffolds.shape != (n_substances,):
        return None
    return bits, tuple(map(str, scaffolds))


def _store(path: Path, bits: NDArray[np.uint8], scaffolds: tuple[str, ...]) -> None:
    """Write the file whole or not at all; without a writable cache the answer only comes later."""
    partial = path.with_suffix(f".{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as stream:
            np.savez_compressed(stream, bits=bits, scaffolds=np.array(scaffolds, dtype=np.str_))
        partial.replace(path)
    except OSError as error:
        _LOG.info("The structure index was not kept: %s", error)


@lru_cache(maxsize=4)
def index_of(substances: tuple[Substance, ...]) -> StructureIndex:
    """Index the substances that have a structure; what was computed once is read from the user's cache.

    Parameters
    ----------
    substances : tuple of Substance

    Raises
    ------
    ChemistryError
        When a structure of the catalogue cannot be read.
    """
    usable = tuple(substance for substance in substances if substance.smiles and substance.inchikey)
    path = cache_folder() / "structures" / f"{_key(usable)}.npz"
    found = _loaded(path, len(usable))
    if found is None:
        found = _computed(usable)
        _store(path, *found)
    bits, scaffolds = found
    bits.setflags(write=False)
    return StructureIndex(substances=usable, bits=bits, scaffolds=scaffolds)


def open_known(path: str | Path | None = None) -> Catalogue:
    """Open the catalogue together with the substances of the user's own register that are not in it; withdrawn ones stay out.

    Parameters
    ----------
    path : str or Path, optional
        Of the catalogue; by default the one that ships.

    Raises
    ------
    CatalogueError
        When either cannot be read.
    """
    from nps_ident.catalogue.register import open_register
    from nps_ident.catalogue.store import Catalogue, open_catalogue

    catalogue = open_catalogue(path)
    with open_register() as register:
        own = register.catalogue()
    known = {entry.substance.inchikey for entry in catalogue.entries}
    added = tuple(e for e in own.entries if e.substance.inchikey not in known and e.substance.status != "withdrawn")
    if not added:
        return catalogue
    both = hashlib.sha256(f"{catalogue.sha256} {own.sha256}".encode()).hexdigest()
    return Catalogue(entries=(*catalogue.entries, *added), source=f"{catalogue.source} and {own.source}", sha256=both)
