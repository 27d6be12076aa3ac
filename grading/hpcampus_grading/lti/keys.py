"""Our RSA keys at learning platforms: read with care, shown to everybody by their public half."""

import hashlib
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import RSAAlgorithm

from hpcampus_grading.lti.settings import NotSetUp

ALGORITHM = "RS256"  # the one that LTI's security framework asks of everybody
_LEAST_BITS = 2048


def load_key(path: Path) -> RSAPrivateKey:
    """The key in a file that nobody else can read; raises `NotSetUp`."""
    try:
        if path.stat().st_mode & 0o077:
            raise NotSetUp(f"{path} can be read by others: chmod 600 it, and make a new key if in doubt.")
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise NotSetUp(f"{path} is no private key that can be read: {error}") from error
    if not isinstance(key, RSAPrivateKey) or key.key_size < _LEAST_BITS:
        raise NotSetUp(f"{path} must be an RSA key of {_LEAST_BITS} bits or more.")
    return key


def public_jwk(key: RSAPrivateKey) -> dict[str, Any]:
    """The public half as a JSON web key; its `kid` is the key's thumbprint (RFC 7638)."""
    whole = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    needed = {name: whole[name] for name in ("e", "kty", "n")}
    text = json.dumps(needed, sort_keys=True, separators=(",", ":"))
    kid = hashlib.sha256(text.encode()).hexdigest()
    return {**needed, "kid": kid, "alg": ALGORITHM, "use": "sig"}
