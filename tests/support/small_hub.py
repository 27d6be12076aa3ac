"""JupyterHub's own user, spawner and request handler, without the rest of a hub: quick, and yet real."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hpcampus_spawner import answering, listening, watcher
from hpcampus_spawner.admission import Admission, Person
from hpcampus_spawner.cluster import Cluster
from hpcampus_spawner.launching import Launcher
from hpcampus_spawner.ledger import Ledger
from hpcampus_spawner.network import Direct, Network
from hpcampus_spawner.options import Options
from hpcampus_spawner.report import HANDLERS
from hpcampus_spawner.site import Site
from hpcampus_spawner.spawner import BatchSpawner
from hpcampus_spawner.ways import SharedAccount
from jupyterhub import orm
from jupyterhub.log import log_request
from jupyterhub.objects import Hub, Server
from jupyterhub.user import User
from spawning import ScriptedScheduler, a_site
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application

COURSE = "gpu-numba"


def admit(person: Person, server: str, options: Options, site_id: str) -> Admission:
    """Everybody may start everything, and the server learns its course."""
    environment = {"CAMPUS_COURSE": options.course or ""}
    return Admission(options.needs, wishes=options.wishes, environment=environment)


class SmallHub:
    """A hub of two sites, `small` and `far`, with scripted schedulers, people, and the door for reports."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.scheduler = ScriptedScheduler()
        self.network: Network = Direct()
        self.ledger = Ledger(f"sqlite:///{folder / 'spawns.sqlite'}")
        self.settings: dict[str, Any] = {}
        """More of JupyterHub's settings, for the spawners that are still to be made."""
        self._folder, self._patch = folder, monkeypatch
        self._db = orm.new_session_factory("sqlite:///:memory:")()
        self._hub = Hub(ip="127.0.0.1", port=8081, base_url="/hub/")
        self._far = a_site().model_copy(update={"id": "far", "system": "FAR"})
        self.far = ScriptedScheduler()
        self.cluster = self._open()
        self.url = ""

    def _open(self) -> Cluster:
        near, far = self._cluster(a_site(), self.scheduler), self._cluster(self._far, self.far)
        self.clusters = {near.site.id: near, far.site.id: far}
        self._patch.setattr(BatchSpawner, "clusters", self.clusters, raising=False)
        self._patch.setattr(BatchSpawner, "admit", staticmethod(admit), raising=False)
        return near

    def _cluster(self, site: Site, scheduler: ScriptedScheduler) -> Cluster:
        return Cluster(
            hub_id="test",
            site=site,
            launcher=Launcher(SharedAccount(self._folder / "homes")),
            scheduler=scheduler,
            ledger=self.ledger,
            network=self.network,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator["SmallHub"]:
        """Listen for reports; afterwards everything is closed."""
        self._patch.setattr(watcher, "BUSY_SECONDS", 0.01)
        self._patch.setattr(watcher, "QUIET_SECONDS", 0.05)
        # Scripted jobs report ports that nobody listens on.
        self._patch.setattr(listening, "LISTEN_SECONDS", 0.01)
        self._patch.setattr(answering, "ANSWER_SECONDS", 0.01)
        routes = [(f"/hub{pattern}", handler) for pattern, handler in HANDLERS]
        server = HTTPServer(Application(routes, hub=self._hub, db=self._db, log_function=log_request))
        door, port = bind_unused_port()
        server.add_socket(door)
        self.url = f"http://127.0.0.1:{port}/hub/api/campus/spawns"
        try:
            yield self
        finally:
            server.stop()
            await server.close_all_connections()
            await self._rest()
            self.ledger.close()
            engine = self._db.get_bind()
            self._db.close()
            engine.dispose()

    async def restart(self) -> None:
        """Forget what a hub that dies forgets: everything but the ledger and the scheduler's jobs."""
        await self._rest()
        self.cluster = self._open()

    async def _rest(self) -> None:
        for cluster in self.clusters.values():
            if cluster.watching is not None:
                cluster.watching.cancel()
                await asyncio.wait([cluster.watching])

    def spawner(self, learner: str = "ada", server: str = COURSE, **options: Any) -> BatchSpawner:
        """A new spawner of that learner, with a plan, as JupyterHub makes it just before the start."""
        row = orm.User.find(self._db, learner) or orm.User(name=learner)
        self._db.add(row)
        self._db.commit()
        settings = {"spawner_class": BatchSpawner, "hub": self._hub, "allow_named_servers": True}
        spawner: BatchSpawner = User(row, settings | self.settings).get_or_create_spawner(server, "")
        spawner.user_options = options or {"course": COURSE}
        spawner.api_token = f"token-of-{learner}"
        spawner.apply_user_options(spawner, spawner.user_options)
        return spawner

    def finish(self, spawner: BatchSpawner, port: int | None = None) -> None:
        """What JupyterHub does when a start has succeeded: the server is ready from now on."""
        where = {"proto": "http", "ip": spawner.ip, "port": port or spawner.port, "base_url": "/user/ada/"}
        row = orm.Server(cookie_name="none", **where)
        spawner.server = Server(orm_server=row)

    def ticket(self, spawner: BatchSpawner) -> dict[str, str]:
        """What the spawner's job was given, and nobody else."""
        tickets = {s.spawn_id: s.ticket for s in self.scheduler.submitted + self.far.submitted}
        ticket: dict[str, str] = json.loads(tickets[spawner.spawn_id])
        return ticket

    async def report(self, spawn_id: str, secret: str | None, body: Any, **headers: str) -> HTTPResponse:
        """Post a report, as JSON or as it stands."""
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        bearer = {"Authorization": f"Bearer {secret}"} if secret is not None else {}
        return await AsyncHTTPClient().fetch(
            f"{self.url}/{spawn_id}/port",
            method="POST",
            headers={"Content-Type": "application/json", **bearer, **headers},
            body=text,
            raise_error=False,
            request_timeout=10,
        )


@asynccontextmanager
async def starting(spawner: BatchSpawner) -> AsyncIterator["asyncio.Task[str]"]:
    """The spawner's start, under way; whatever is left of it at the end is given up."""
    start = asyncio.create_task(spawner.start())
    try:
        yield start
    finally:
        start.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await start


def snapshot(spawner: BatchSpawner) -> Mapping[str, Any]:
    """Every attribute that a report could try to change."""
    return {name: getattr(spawner, name) for name in spawner.trait_names() if not name.startswith("_")}
