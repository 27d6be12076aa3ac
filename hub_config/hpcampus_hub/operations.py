"""What operators and their monitoring ask the hub: is it ready, and which jobs are there."""

import json
from datetime import UTC, datetime

from hpcampus_spawner.spawner import BatchSpawner
from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.proxy import Proxy
from jupyterhub.scopes import needs_scope
from tornado import web

from hpcampus_hub import readiness
from hpcampus_hub.database_probe import DatabaseProbe
from hpcampus_hub.job_list import ServerJob, server_jobs
from hpcampus_hub.readiness import Readiness
from hpcampus_hub.settings import Settings

READY = "campus_ready"
"""Under this name tornado's settings hold the hub's `Readiness`."""


def hub_readiness(settings: Settings, of_hub: Proxy) -> Readiness:
    """All that a start or a submission depends on."""
    urls = {settings.database_url(name): f"database {name}" for name in ("spawns", "hub")}
    exchange = f"http://127.0.0.1:{settings.ports()['exchange']}/services/exchange/health"
    return Readiness(
        {
            **{name: readiness.database(DatabaseProbe(url)) for url, name in urls.items()},
            **{f"scheduler {i}": readiness.scheduler(c) for i, c in BatchSpawner.clusters.items()},
            "exchange": readiness.service(exchange),
            "proxy": readiness.proxy(of_hub),
        }
    )


class ReadyHandler(APIHandler):
    """GET: 200 when the next start and submission should succeed, else 503; the body says what is wrong.

    Nobody need log in for it: monitoring has no account. What is wrong in detail stands in the log.
    """

    async def get(self) -> None:
        """Ask every check, or use an answer of a moment ago."""
        ready: Readiness = self.settings[READY]
        problems = await ready.problems()
        self.set_status(503 if problems else 200)
        self.finish(json.dumps({"ready": not problems, "problems": dict(problems)}))


def _jobs() -> list[ServerJob]:
    return server_jobs(BatchSpawner.clusters.values(), datetime.now(UTC))


class JobsApiHandler(APIHandler):
    """GET: every server's job, for those who may see all servers."""

    @needs_scope("admin:servers")
    async def get(self) -> None:
        """All rows as JSON."""
        self.finish(json.dumps([row.model_dump(mode="json") for row in _jobs()]))


class JobsPageHandler(BaseHandler):
    """The same as a page."""

    @web.authenticated
    @needs_scope("admin:servers")
    async def get(self) -> None:
        """Render the table."""
        self.finish(await self.render_template("jobs.html", jobs=_jobs()))


HANDLERS = [
    (r"/api/campus/ready", ReadyHandler),
    (r"/api/campus/jobs", JobsApiHandler),
    (r"/campus/jobs", JobsPageHandler),
]
