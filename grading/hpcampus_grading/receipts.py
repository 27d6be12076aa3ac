"""Receipts that only the exchange can make, and that anybody with its public key can check (Ed25519)."""

import base64
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

KEY_FILE = "receipt-key.pem"
# A signature is over these words and the fields below, so that it can't stand for anything else.
_PURPOSE = b"HPCampus receipt, version 1\n"
_SIGNED = (
    "id",
    "course",
    "assignment",
    "learner",
    "attempt",
    "received_at",
    "sent_at",
    "due",
    "late_seconds",
    "percent_off",
    "sha256",
    "size",
    "files",
    "audit_hash",
)


class BadKey(ValueError):
    """A file that holds no key of the kind that receipts are signed with."""


class PublicKey:
    """Checks receipts; `name` is the start of the key's fingerprint, and stands in every receipt."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key
        self.name = hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        """Read it; raises `BadKey`."""
        try:
            key = load_pem_public_key(pem)
        except ValueError as error:
            raise BadKey(f"this is not a public key: {error}") from error
        if not isinstance(key, Ed25519PublicKey):
            raise BadKey("this is a public key, but not an Ed25519 key")
        return cls(key)

    def pem(self) -> str:
        """The key as text, for everybody."""
        return self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def has_signed(self, receipt: Mapping[str, Any]) -> bool:
        """Whether the receipt, as parsed JSON, is exactly what was signed with this key."""
        try:
            self._key.verify(base64.b64decode(receipt["signature"]), _signed_bytes(receipt))
        except (InvalidSignature, KeyError, TypeError, ValueError):
            return False
        return True


class SigningKey:
    """Signs receipts; lives in a file that only the exchange's account can read."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = PublicKey(key.public_key())

    @classmethod
    def of(cls, folder: Path) -> Self:
        """The key in that folder, made on first use; raises `BadKey` for one that others could have read."""
        path = folder / KEY_FILE
        if not path.exists():
            _make(path)
        if path.stat().st_mode & 0o077:
            raise BadKey(
                f"{path} can be read by others: chmod 600 it, and make a new one if you are in doubt"
            )
        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
        except ValueError as error:
            raise BadKey(f"{path} is not a private key: {error}") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise BadKey(f"{path} is not an Ed25519 key")
        return cls(key)

    def sign(self, receipt: Mapping[str, Any]) -> str:
        """The signature of a receipt, as parsed JSON; in base64."""
        return base64.b64encode(self._key.sign(_signed_bytes(receipt))).decode()


def _signed_bytes(receipt: Mapping[str, Any]) -> bytes:
    fields = {name: receipt[name] for name in _SIGNED}
    return _PURPOSE + json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


def _make(path: Path) -> None:
    """A new key, complete or not there at all, also when two processes start at once."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with tempfile.NamedTemporaryFile(dir=path.parent) as file:  # made with mode 0600
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(file.name, path)
