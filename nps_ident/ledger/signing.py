"""Signed heads: what a hash chain cannot say about itself, namely where it ends.

A chain that was cut verifies as well as a whole one.  So after each batch the place and hash of the last record are signed with the
laboratory's Ed25519 key, and the newest head is kept outside the database, beside the key; a copy sent elsewhere proves even more.

``cryptography`` is imported inside the functions: identifying a spectrum must not wait for it until there is something to sign.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nps_ident.errors import LedgerError
from nps_ident.folders import data_folder
from nps_ident.ledger.canonical import canonical

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["KEY_VARIABLE", "Head", "head_file", "key_file", "load_or_make_key", "public_key_of", "read_head", "sign", "write_head"]

SCHEMA = "nps-ident/ledger-head/1"
KEY_VARIABLE = "NPS_IDENT_LEDGER_KEY"
# Signed in front of the head, so that no signature made for another purpose can pass as one of a head.
_PURPOSE = b"nps-ident ledger head 1\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The end of a ledger at one time, signed.

    Parameters
    ----------
    ledger : str
        The ledger's own id.
    sequence : int
        Number of the last record.
    hash : str
        Of that record, 64 hexadecimal digits.
    time : str
        UTC, ISO 8601.
    public_key, signature : str
        Hexadecimal, 32 and 64 bytes.
    """

    ledger: str
    sequence: int
    hash: str
    time: str
    public_key: str
    signature: str

    def to_dict(self) -> dict[str, Any]:
        """The head as its file holds it."""
        return {"schema": SCHEMA, **self._signed(), "signature": self.signature}

    def _signed(self) -> dict[str, Any]:
        return {"ledger": self.ledger, "sequence": self.sequence, "hash": self.hash, "time": self.time, "public_key": self.public_key}

    def is_genuine(self) -> bool:
        """Whether the signature is that of the head's own public key; whose key it is must be known from elsewhere."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.public_key))
            key.verify(bytes.fromhex(self.signature), _PURPOSE + canonical(self._signed()))
        except (InvalidSignature, ValueError):
            return False
        return True


def key_file(key: str | Path | None = None) -> Path:
    """Where the signing key is: as given, else as ``NPS_IDENT_LEDGER_KEY`` says, else ``ledger.key`` in the user's data folder."""
    named = key or os.environ.get(KEY_VARIABLE)
    return Path(named) if named else data_folder() / "ledger.key"


def head_file(ledger: str, key: Path) -> Path:
    """Where the newest head of a ledger is kept: beside the key, under the ledger's id."""
    return key.parent / "heads" / f"{ledger}.json"


def sign(key: Ed25519PrivateKey, *, ledger: str, sequence: int, record_hash: str, time: str) -> Head:
    """Sign the end of a ledger."""
    public = key.public_key().public_bytes_raw().hex()
    bare = Head(ledger=ledger, sequence=sequence, hash=record_hash, time=time, public_key=public, signature="")
    return replace(bare, signature=key.sign(_PURPOSE + canonical(bare._signed())).hex())


def load_or_make_key(path: Path) -> Ed25519PrivateKey:
    """The private key in a PEM file (PKCS 8, RFC 8410); made on first use, readable by its owner only, its public half beside it.

    Raises
    ------
    LedgerError
        When the file cannot be read or written or holds no Ed25519 private key.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        if not path.exists():
            new = Ed25519PrivateKey.generate()
            pem = new.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
            public = new.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            if _place_new(path, pem):
                _replace(path.with_suffix(".pub"), public)
        stored = path.read_bytes()
    except OSError as error:
        raise LedgerError(f"{path}: the signing key cannot be read or made ({error.strerror}).") from None
    key: object = None
    with suppress(ValueError, TypeError):
        key = serialization.load_pem_private_key(stored, password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise LedgerError(f"{path}: no readable private key; expected an Ed25519 key as PEM without a password.")
    return key


def public_key_of(path: Path) -> str:
    """The public key, hexadecimal, of a PEM file with a private or a public Ed25519 key.

    Raises
    ------
    LedgerError
        When the file cannot be read or holds neither.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        stored = path.read_bytes()
    except OSError as error:
        raise LedgerError(f"{path}: the key cannot be read ({error.strerror}).") from None
    if b"PRIVATE KEY" in stored:
        return load_or_make_key(path).public_key().public_bytes_raw().hex()
    key: object = None
    with suppress(ValueError):
        key = serialization.load_pem_public_key(stored)
    if not isinstance(key, Ed25519PublicKey):
        raise LedgerError(f"{path}: no key; expected an Ed25519 key as PEM.")
    return key.public_bytes_raw().hex()


def read_head(path: Path) -> Head:
    """Read a head from its file; its signature is not checked here.

    Raises
    ------
    LedgerError
        When the file cannot be read or is no head.
    """
    try:
        fields = json.loads(path.read_bytes())
        schema = fields.pop("schema")
        head = Head(**fields)
    except OSError as error:
        raise LedgerError(f"{path}: the head cannot be read ({error.strerror}).") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        schema = None
    if schema != SCHEMA:
        raise LedgerError(f"{path}: the content is not a signed head; expected JSON with schema {SCHEMA}.")
    texts = (head.ledger, head.hash, head.time, head.public_key, head.signature)
    if type(head.sequence) is not int or not all(isinstance(text, str) for text in texts):
        raise LedgerError(f"{path}: the head has fields of the wrong type; expected a whole number and text.")
    return head


def write_head(head: Head, path: Path) -> None:
    """Put a head in place of an older one, so that a crash leaves one or the other whole.

    Raises
    ------
    LedgerError
        When the file cannot be written.
    """
    try:
        _replace(path, json.dumps(head.to_dict(), indent=1).encode() + b"\n")
    except OSError as error:
        raise LedgerError(
            f"{path}: the signed head cannot be written ({error.strerror}); the records are kept, the next recording signs them."
        ) from None


def _draft(path: Path, content: bytes) -> str:
    """A new file of mode 0600 in the folder of ``path``, on the disk before it is named in the end."""
    import tempfile

    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return name


def _replace(path: Path, content: bytes) -> None:
    Path(_draft(path, content)).replace(path)


def _place_new(path: Path, content: bytes) -> bool:
    """Put a file where none is; False, and nothing done, when another process was first: two keys must never replace each other."""
    draft = Path(_draft(path, content))
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True
