"""Where this hub lives and what it serves: read once from the environment, which `campus` sets."""

import json
import os
import secrets
import socket
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Self

from hpcampus_courses import Catalogue
from hpcampus_spawner.models import BadFile, Model
from hpcampus_spawner.site import Site
from pydantic import Field

from hpcampus_hub.deployment import Deployment
from hpcampus_hub.tls import hub_authority

HUB_CONFIG = Path(__file__).parents[1]
SITES = HUB_CONFIG / "sites"
CAMPUS = HUB_CONFIG / "campus.yaml"
CONFIG_FILE = HUB_CONFIG / "jupyterhub_config.py"
COURSES = HUB_CONFIG.parent / "courses"
NOTEBOOKS = HUB_CONFIG.parent / "notebooks"
PORTS = ("hub", "proxy_api", "exchange")


class Settings(Model):
    """One hub. `state` is private to its owner."""

    state: Path
    site_ids: tuple[str, ...] = Field(default=("local",), min_length=1)
    """The operator's order: who names no site gets the first where the request fits."""
    port: int = Field(default=8000, ge=1, le=65535)
    database: str = ""
    """An SQLAlchemy URL for all of the hub's tables; empty for SQLite files in `state`."""
    campus: Path = CAMPUS
    courses: Path = COURSES
    sites: Path = SITES
    environments: Mapping[str, Mapping[str, str]] = {}
    """By site: what the commands of its scheduler need."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read the CAMPUS_* variables that `to_environment` wrote."""
        return cls.model_validate_json(environ["CAMPUS_SETTINGS"])

    @classmethod
    def saved(cls, state: Path) -> Self:
        """The settings of the campus that lives in that folder; raises `BadFile`."""
        try:
            return cls.model_validate_json((state / "settings.json").read_text())
        except (OSError, ValueError) as problem:
            raise BadFile(f"{state} holds no campus: {problem}") from problem

    def save(self) -> None:
        """Keep the settings beside all else, for commands that look at the campus from outside."""
        (self.state / "settings.json").write_text(self.model_dump_json())

    def to_environment(self) -> dict[str, str]:
        """The variable that carries these settings to the hub's process."""
        return {"CAMPUS_SETTINGS": self.model_dump_json()}

    def site(self, site_id: str) -> Site:
        """A site's facts; raises `BadFile` for one that isn't in the catalogue."""
        path = self.sites / f"{site_id}.yaml"
        if not path.is_file():
            known = ", ".join(sorted(path.stem for path in self.sites.glob("*.yaml")))
            raise BadFile(f"There is no site {site_id!r}. The sites are: {known}.")
        return Site.load(path)

    @property
    def deployment(self) -> Deployment:
        """Who is on this campus."""
        return Deployment.load(self.campus)

    @cached_property
    def catalogue(self) -> Catalogue:
        """The courses that are offered, as their files are at each moment."""
        return Catalogue.follow(self.courses)

    @property
    def address(self) -> str:
        """Where the proxy listens, as HOST:PORT; beyond this machine only with TLS."""
        tls = self.deployment.tls
        return f"{tls.address if tls else '127.0.0.1'}:{self.port}"

    @property
    def url(self) -> str:
        """Where a browser, or a reverse proxy, finds the hub."""
        return f"{'https' if self.deployment.tls else 'http'}://{self.address}"

    @property
    def certificates(self) -> Path:
        """Where JupyterHub keeps its certificates, if it has any."""
        return self.state / "internal-ssl"

    @property
    def believed(self) -> Path | None:
        """The certificate that clients of the hub have to believe; None where all is plain."""
        return hub_authority(self.certificates) if self.deployment.tls else None

    @property
    def shares_one_account(self) -> bool:
        """Without root everybody runs as the hub's own Unix account: a demo, not a service."""
        return os.geteuid() != 0

    def database_url(self, name: str) -> str:
        """The database for one part of the hub; parts share a server, but not an SQLite file."""
        return self.database or f"sqlite:///{self.state / name}.sqlite"

    def ports(self) -> dict[str, int]:
        """Ports for the hub's own processes, chosen once: running servers remember the hub's."""
        path = self.state / "ports.json"
        if not path.exists():
            path.write_text(json.dumps(_free_ports(PORTS)))
        ports: dict[str, int] = json.loads(path.read_text())
        return ports

    @property
    def proxy_pid_file(self) -> Path:
        """Where the hub notes the process of its proxy, which outlives it."""
        return self.state / "proxy.pid"

    def secret(self, name: str) -> str:
        """A random secret of this hub, made on first use and kept in a private file."""
        path = self.state / f"{name}.secret"
        if not path.exists():
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_hex(32))
        return path.read_text()


def _free_ports(names: tuple[str, ...]) -> dict[str, int]:
    sockets = {name: socket.socket() for name in names}
    try:
        for one in sockets.values():
            one.bind(("127.0.0.1", 0))
        return {name: one.getsockname()[1] for name, one in sockets.items()}
    finally:
        for one in sockets.values():
            one.close()
