"""What every Dask of a notebook server begins with: TLS, and a dashboard that answers its own user alone.

Without TLS a scheduler runs what anybody sends who can reach its port, with the rights of who started it.
The certificate is the learner's own: it is made once, trusts nothing but itself, and lies in a private file
of their home, so that workers on other nodes find it too. Who passes `security` to a cluster has their way.
"""

import contextlib
import os
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hpcampus_spawner.folders import PRIVATE
from hpcampus_spawner.shared_node import neighbours

CERTIFICATE = "dask.pem"
# "No well-defined expiration date": RFC 5280, 4.1.2.5. It lives as long as the home, like a key of SSH.
FOR_EVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
# The clock of another node, whose worker checks it, may be behind.
SKEW = timedelta(days=1)
_ROLES = ("CLIENT", "SCHEDULER", "WORKER")


def dask_environment(home: Path) -> Mapping[str, str]:
    """The variables that Dask reads; without the certificate it refuses to start, which is right."""
    file = str(home / PRIVATE / CERTIFICATE)
    parts = {f"TLS__{role}__{part}": file for role in _ROLES for part in ("KEY", "CERT")}
    comm = {"REQUIRE_ENCRYPTION": "true", "TLS__CA_FILE": file, **parts}
    return {
        "DASK_DISTRIBUTED__SCHEDULER__PRELOAD": neighbours.__file__,
        **{f"DASK_DISTRIBUTED__COMM__{name}": value for name, value in comm.items()},
    }


def ensure_certificate(home: Path) -> None:
    """Make the learner's certificate unless there is one; of several servers that try, one wins."""
    folder = home / PRIVATE
    file = folder / CERTIFICATE
    if file.exists():
        return
    folder.mkdir(mode=0o700, exist_ok=True)
    # Of mode 0600, and complete before it bears its name.
    handle, name = tempfile.mkstemp(dir=folder)
    try:
        with os.fdopen(handle, "wb") as fresh:
            fresh.write(_key_and_certificate())
        with contextlib.suppress(FileExistsError):
            file.hardlink_to(name)
    finally:
        Path(name).unlink()


def _key_and_certificate() -> bytes:
    # Imported only here: most servers find the file, and this takes a while.
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "dask")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - SKEW)
        .not_valid_after(FOR_EVER)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return secret + certificate.public_bytes(serialization.Encoding.PEM)
