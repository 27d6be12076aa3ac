"""TLS on the node: whom to believe, and the server's own key and certificate. Standard library only."""

import os
import ssl
from pathlib import Path

from hpcampus_spawner.folders import write_private

# JupyterHub's names. The authorities also have to vouch for whoever connects to the server.
AUTHORITIES = "JUPYTERHUB_SSL_CLIENT_CA"
_FILES = {
    AUTHORITIES: "authorities.pem",
    "JUPYTERHUB_SSL_KEYFILE": "key.pem",
    "JUPYTERHUB_SSL_CERTFILE": "certificate.pem",
}


def hub_context(authorities: str | None = None) -> ssl.SSLContext | None:
    """Believes a hub whose certificate is of the authorities (PEM) that it told us, or of a public one.

    Without `authorities` those of this notebook server count; where there are none, None: nothing special.
    """
    file = os.environ.get(AUTHORITIES)
    if authorities is None and not file:
        return None
    context = ssl.create_default_context()
    context.load_verify_locations(cafile=None if authorities else file, cadata=authorities)
    return context


def variables(private: Path) -> dict[str, str]:
    """Where the server finds its files. JupyterHub reads these when it is imported, before there are any."""
    return {variable: str(private / file) for variable, file in _FILES.items()}


def keep(private: Path, *, authorities: str, key: str, certificate: str) -> None:
    """Write these files (PEM) into a folder of the node that is closed to everybody else."""
    for file, text in zip(_FILES.values(), (authorities, key, certificate), strict=True):
        write_private(private / file, text)
