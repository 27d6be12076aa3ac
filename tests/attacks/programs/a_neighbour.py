"""Tries to use a Dask cluster at the given addresses, in every way, and prints those that worked."""

import sys
import urllib.request

from dask.distributed import Client, Security

OWN = sys.argv[1]


def connects(address: str, security: Security | None) -> bool:
    """Whether a client gets in."""
    try:
        with Client(address, timeout="2s", security=security):
            return True
    except (OSError, TypeError, ValueError, RuntimeError):
        return False


def answers(url: str) -> bool:
    """Whether a page is shown."""
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError:
        return False


if __name__ == "__main__":
    mine = Security(require_encryption=True, tls_ca_file=OWN, tls_client_key=OWN, tls_client_cert=OWN)
    for address in sys.argv[2:-1]:
        for security in (mine, Security.temporary()):
            if connects(address, security):
                print("client", address)
        if connects(address.replace("tls://", "tcp://"), Security(require_encryption=False)):
            print("client without TLS", address)
    for page in ("/", "/status", "/health", "/info/main/workers.html", "/json/counts.json", "/metrics"):
        url = f"http://127.0.0.1:{sys.argv[-1]}{page}"
        if answers(url):
            print("page", url)
