"""TLS on every way between people, hub and nodes, where `campus.yaml` asks for it.

JupyterHub makes the certificates (`internal_ssl`); here is what it leaves to operators: the names in them,
and that they don't run out.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from certipy import Certipy
from cryptography import x509
from hpcampus_spawner.certificates import alt_name
from hpcampus_spawner.models import Model
from hpcampus_spawner.ssh import Host

RENEW = timedelta(days=365)
WARN = timedelta(days=30)
_MADE_ANEW = ("hub-internal", "proxy-api", "proxy-client")
"""Of the hub and the proxy; both start with new ones, and servers believe the authorities behind them."""


class Tls(Model):
    """Hub, proxy, services and notebook servers speak TLS, each with a certificate of its own."""

    address: Host = "127.0.0.1"
    """Where nodes, and the operators' reverse proxy, reach the hub's machine: the proxy listens there."""
    names: tuple[Host, ...] = ()
    """By which other names people ask for the campus."""


def alt_names(hosts: Iterable[str]) -> list[str]:
    """These hosts, each once, as JupyterHub wants them for its certificates."""
    return [alt_name(host) for host in dict.fromkeys(hosts)]


def hub_certificate(folder: Path) -> tuple[Path, Path]:
    """The files of key and certificate of the hub, which the proxy shows too."""
    files = folder / "hub-internal" / "hub-internal"
    return files.with_suffix(".key"), files.with_suffix(".crt")


def hub_authority(folder: Path) -> Path:
    """The certificate that clients of the campus have to believe."""
    return folder / "hub-ca" / "hub-ca.crt"


def drop_stale(folder: Path, names: Iterable[str]) -> None:
    """Take away what lacks one of the names or ends within a year: JupyterHub then makes it anew."""
    if not folder.exists():
        return
    store = Certipy(store_dir=str(folder)).store
    for component in _MADE_ANEW:
        if component in store.store and _is_stale(folder / component / f"{component}.crt", frozenset(names)):
            store.remove_files(component, delete_dir=True)


def ending(folder: Path) -> Iterator[str]:
    """The authorities whose own certificates end within a month, each with the day."""
    for file in sorted(folder.glob("*-ca/*-ca.crt")):
        end = _load(file).not_valid_after_utc
        if end - datetime.now(UTC) < WARN:
            yield f"{file.stem} ({end:%Y-%m-%d})"


def _is_stale(file: Path, names: frozenset[str]) -> bool:
    certificate = _load(file)
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    known = {alt_name(str(name.value)) for name in found}
    return not names <= known or certificate.not_valid_after_utc - datetime.now(UTC) < RENEW


def _load(file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(file.read_bytes())
