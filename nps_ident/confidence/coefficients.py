"""Files of coefficients: named JSON that carries the hash of its own content, so that none is used that was altered."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nps_ident.errors import CalibrationError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SHIPPED", "content_hash", "require_unaltered"]

SHIPPED = Path(__file__).parent / "calibrations"


def content_hash(fields: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON (RFC 8785) of a file's content without its own hash."""
    import rfc8785

    return hashlib.sha256(rfc8785.dumps({key: value for key, value in fields.items() if key != "sha256"})).hexdigest()


def require_unaltered(fields: Mapping[str, Any], *, schema: str, where: str) -> None:
    """Refuse the content of a file of coefficients that is of another schema, or not what was hashed; ``where`` names it in the error."""
    if fields["schema"] != schema:
        raise CalibrationError(f"{where}: schema {fields['schema']!r}; expected {schema!r}.")
    if fields["sha256"] != content_hash(fields):
        raise CalibrationError(f"{where}: the content does not agree with its hash: it was altered after it was made.")
