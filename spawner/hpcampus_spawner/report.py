"""The hub's door for jobs: one integer port, once, for the live spawn. Everything else is refused."""

import json
from typing import Any

from jupyterhub.apihandlers.base import APIHandler
from tornado import web

from hpcampus_spawner.scheduler import SchedulerError
from hpcampus_spawner.spawner import BatchSpawner, ReportRefused

LONGEST_BODY = 64


class PortReportHandler(APIHandler):
    """POST {"port": N} with the spawn's secret as bearer token; answers the server's environment."""

    def check_xsrf_cookie(self) -> None:
        """No cookie counts here: the secret in the header is all that does."""

    async def prepare(self) -> None:
        """Skip the hub's own log-in: jobs have no account at the hub."""

    async def post(self, spawn_id: str) -> None:
        """Accept the report of one job."""
        secret = _bearer(self.request.headers.get("Authorization", ""))
        key = self.request.headers.get("Idempotency-Key", "")
        port = _port(self.request.body)
        spawner = BatchSpawner.cluster.expected.get(spawn_id)
        if spawner is None:
            raise web.HTTPError(410, "this server is no longer wanted")
        try:
            answer = await spawner.accept_report(secret, key, port)
        except ReportRefused as refused:
            raise web.HTTPError(refused.status, str(refused)) from None
        except SchedulerError as error:
            self.log.warning("report of spawn %s has to be repeated: %s", spawn_id, error)
            raise web.HTTPError(503, "try again") from None
        self.finish(json.dumps(answer))


def _bearer(header: str) -> str:
    scheme, _, secret = header.partition(" ")
    if scheme != "Bearer" or not secret:
        raise web.HTTPError(401, "a report needs the spawn's secret as bearer token")
    return secret


def _port(body: bytes) -> int:
    """The one thing that a report may say."""
    if len(body) > LONGEST_BODY:
        raise web.HTTPError(413, "a report is one small number")
    try:
        report = json.loads(body, object_pairs_hook=_only_port)
    except ValueError:
        report = None
    if type(report) is not int or not 1024 <= report <= 65535:
        raise web.HTTPError(400, 'a report is {"port": N}, with N from 1024 to 65535')
    return report


def _only_port(pairs: list[tuple[str, Any]]) -> Any:
    return pairs[0][1] if len(pairs) == 1 and pairs[0][0] == "port" else None


HANDLERS = [(r"/api/campus/spawns/([0-9a-f]{32})/port", PortReportHandler)]
