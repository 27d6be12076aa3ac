"""The certificate of one notebook server, made when it is known where the server is.

JupyterHub's own is made before the start, for a name that isn't known yet, and its key stays with the hub.
This one is made when the job reports, for the address by which hub and proxy reach the server, and its key
goes to the job and nowhere else. It is a server's certificate only: it opens nothing as a client's.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY = "notebooks-ca"
"""What JupyterHub calls the authority of notebook servers; hub and proxy believe it."""
VALID = timedelta(days=60)
"""Longer than any job: one that is given more time has no way to get another certificate."""
SKEW = timedelta(days=1)
"""A node's clock may be behind."""


@dataclass(frozen=True)
class Authority:
    """Signs the certificates of notebook servers."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    def issue(self, spawn_id: str, names: Iterable[str]) -> dict[str, str]:
        """A new key and its certificate for these addresses and names, both as PEM."""
        # An elliptic curve: making an RSA key takes so long that a class which starts would hold up the hub.
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, spawn_id)]))
            .issuer_name(self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - SKEW)
            .not_valid_after(min(now + VALID, self.certificate.not_valid_after_utc))
            .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False)
            .sign(self.key, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        form = serialization.PrivateFormat.PKCS8
        return {
            "key": key.private_bytes(pem, form, serialization.NoEncryption()).decode(),
            "certificate": certificate.public_bytes(pem).decode(),
        }


@cache
def authority(folder: str) -> Authority:
    """The authority of notebook servers, read once from where JupyterHub keeps its certificates."""
    files = Path(folder) / AUTHORITY / AUTHORITY
    certificate = x509.load_pem_x509_certificate(files.with_suffix(".crt").read_bytes())
    key = serialization.load_pem_private_key(files.with_suffix(".key").read_bytes(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return Authority(certificate, key)


def alt_name(host: str) -> str:
    """An address or a name as JupyterHub wants it for a certificate: IP:10.0.0.1 or DNS:node1."""
    return f"{'IP' if _is_address(host) else 'DNS'}:{host}"


def _general_name(name: str) -> x509.GeneralName:
    kind, _, value = name.partition(":")
    return x509.IPAddress(ipaddress.ip_address(value)) if kind == "IP" else x509.DNSName(value)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
