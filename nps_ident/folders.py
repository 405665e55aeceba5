"""Where the program keeps what belongs to the user: data (ledger, keys, register, installed libraries) and cache (compiled libraries)."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_folder", "data_folder"]


def _folder(kind: str) -> Path:
    home = os.environ.get("NPS_IDENT_HOME")
    if home:
        return Path(home) / kind
    from platformdirs import user_cache_path, user_data_path

    return (user_data_path if kind == "data" else user_cache_path)("nps-ident", appauthor=False)


def data_folder() -> Path:
    """The user's data folder; ``NPS_IDENT_HOME`` moves both folders below it.  Not created here."""
    return _folder("data")


def cache_folder() -> Path:
    """The user's cache folder: everything in it can be made again.  Not created here."""
    return _folder("cache")
