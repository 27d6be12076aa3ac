"""The hub's door for jobs: one integer port, once, for the live spawn. Everything else is refused."""

import json

from jupyterhub.apihandlers.base import APIHandler
from tornado import web

from hpcampus_spawner.job import ReportRefused
from hpcampus_spawner.origin import caller
from hpcampus_spawner.scheduler import SchedulerError
from hpcampus_spawner.spawner import BatchSpawner

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
        clusters = BatchSpawner.clusters.values()
        spawner = next((c.expected[spawn_id] for c in clusters if spawn_id in c.expected), None)
        if spawner is None:
            if any(cluster.ledger.is_live(spawn_id) for cluster in clusters):
                # The hub has just started and adopts this job in a moment.
                raise web.HTTPError(503, "try again")
            raise web.HTTPError(410, "this server is no longer wanted")
        try:
            answer = await spawner.accept_report(secret, key, port, caller(self.request))
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
        # Pairs, because a dict would hide a key that comes twice.
        report = json.loads(body, object_pairs_hook=tuple)
    except ValueError:
        report = None
    port = report[0][1] if isinstance(report, tuple) and [key for key, _ in report] == ["port"] else None
    if type(port) is not int or not 1024 <= port <= 65535:
        raise web.HTTPError(400, 'a report is {"port": N}, with N from 1024 to 65535')
    return port


HANDLERS = [(r"/api/campus/spawns/([0-9a-f]{32})/port", PortReportHandler)]
