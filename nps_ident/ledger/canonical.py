"""The one form in which a record is hashed, signed and compared: canonical JSON, RFC 8785."""

from __future__ import annotations

from typing import Any

import rfc8785

from nps_ident.errors import LedgerError

__all__ = ["canonical"]


def canonical(value: Any) -> bytes:
    """The bytes of a JSON value by RFC 8785 (https://www.rfc-editor.org/rfc/rfc8785, 2020).

    Parameters
    ----------
    value : None, bool, int, float, str, list, tuple or dict with str keys
        A file name that is no valid Unicode reaches Python with lone surrogates, for which JSON has no form: each is written as the six
        characters of its escape.

    Returns
    -------
    bytes
        UTF-8; the same for equal values on every machine.

    Raises
    ------
    LedgerError
        When the value holds something else: NaN, infinity, an integer beyond 2**53, another type.
    """
    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError:
        pass
    try:
        return rfc8785.dumps(_encodable(value))
    except (rfc8785.CanonicalizationError, RecursionError) as error:
        raise LedgerError(f"A record cannot be written as JSON ({error}); expected finite numbers, text, lists and objects.") from None


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, (list, tuple)):
        return [_encodable(item) for item in value]
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    return value
