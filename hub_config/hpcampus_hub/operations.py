"""What operators and their monitoring ask the hub: is it ready, and which jobs are there."""

import json
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from hpcampus_spawner.spawner import BatchSpawner
from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.proxy import Proxy
from jupyterhub.scopes import needs_scope
from sqlalchemy.orm import Session
from tornado import web

from hpcampus_hub import readiness
from hpcampus_hub.database_probe import DatabaseProbe
from hpcampus_hub.job_list import ServerJob, server_jobs
from hpcampus_hub.readiness import Readiness
from hpcampus_hub.settings import Settings

READY = "campus_ready"
"""Under this name tornado's settings hold the hub's `Readiness`."""


def hub_readiness(settings: Settings, of_hub: Proxy, session: Session) -> Readiness:
    """All that a start or a submission depends on; `session` is the hub's own with its database."""
    files = {} if settings.database else {"spawns": None, "exchange": None}
    sessions = {"hub": session, **files}
    exchange = f"http://127.0.0.1:{settings.ports()['exchange']}/services/exchange/health"
    return Readiness(
        {
            **{
                f"database {name}": readiness.database(DatabaseProbe(settings.database_url(name)), own)
                for name, own in sessions.items()
            },
            **{f"scheduler {i}": readiness.scheduler(c) for i, c in BatchSpawner.clusters.items()},
            "exchange": readiness.service(exchange),
            "proxy": readiness.proxy(of_hub),
            "certificates": readiness.certificates(settings.certificates),
        }
    )


class ReadyHandler(APIHandler):
    """GET: 200 when the next start and submission should succeed, else 503; the body says what is wrong.

    Nobody need log in for it: monitoring has no account. What is wrong in detail stands in the log.
    """

    async def get(self) -> None:
        """Ask every check, or use an answer of a moment ago."""
        ready: Readiness | None = self.settings.get(READY)
        problems = await ready.problems() if ready else {"hub": "it is still starting."}
        self.set_status(503 if problems else 200)
        self.finish(json.dumps({"ready": not problems, "problems": dict(problems)}))


def _jobs(courses: Collection[str]) -> list[ServerJob]:
    return server_jobs(BatchSpawner.clusters.values(), courses, datetime.now(UTC))


class JobsApiHandler(APIHandler):
    """GET: every server's job, for those who may see all servers."""

    def initialize(self, courses: Collection[str]) -> None:
        """The servers of these names are courses'."""
        self._courses = courses

    @needs_scope("admin:servers")
    async def get(self) -> None:
        """All rows as JSON."""
        self.finish(json.dumps([row.model_dump(mode="json") for row in _jobs(self._courses)]))


class JobsPageHandler(BaseHandler):
    """The same as a page."""

    def initialize(self, courses: Collection[str]) -> None:
        """The servers of these names are courses'."""
        self._courses = courses

    @web.authenticated
    @needs_scope("admin:servers")
    async def get(self) -> None:
        """Render the table."""
        self.finish(await self.render_template("jobs.html", jobs=_jobs(self._courses)))


def handlers(courses: Collection[str]) -> list[Any]:
    """For JupyterHub's `extra_handlers`."""
    return [
        (r"/api/campus/ready", ReadyHandler),
        (r"/api/campus/jobs", JobsApiHandler, {"courses": courses}),
        (r"/campus/jobs", JobsPageHandler, {"courses": courses}),
    ]
