"""Whether the next start and the next submission would succeed; if not, why: for monitoring and operators."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from pathlib import Path

from hpcampus_spawner.cluster import Cluster
from jupyterhub.proxy import Proxy
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from tornado.httpclient import AsyncHTTPClient, HTTPClientError

from hpcampus_hub.database_probe import DatabaseProbe, NotWritable
from hpcampus_hub.tls import ending

ANSWER_SECONDS = 5
FRESH_SECONDS = 3
"""Many questions in a short time share one answer."""

log = logging.getLogger("hpcampus.readiness")
# Returns what is wrong, or None.
Check = Callable[[], Awaitable[str | None]]


class Readiness:
    """All checks of one hub, by the name of what each looks at."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks
        self._asking = asyncio.Lock()
        self._known: tuple[float, Mapping[str, str]] | None = None

    async def problems(self) -> Mapping[str, str]:
        """What is wrong now, by name; empty when the hub is ready."""
        async with self._asking:
            if self._known is None or time.monotonic() - self._known[0] > FRESH_SECONDS:
                answers = await asyncio.gather(*(_ask(name, check) for name, check in self._checks.items()))
                found = {name: answer for name, answer in zip(self._checks, answers, strict=True) if answer}
                self._report(found)
                self._known = time.monotonic(), found
            return self._known[1]

    def _report(self, found: Mapping[str, str]) -> None:
        """Changes go to the log, once."""
        before = self._known[1] if self._known else {}
        for name in found.keys() - before.keys():
            log.error("not ready: %s: %s", name, found[name])
        for name in before.keys() - found.keys():
            log.info("ready again: %s", name)


async def _ask(name: str, check: Check) -> str | None:
    try:
        return await asyncio.wait_for(check(), ANSWER_SECONDS)
    except TimeoutError:
        return f"no answer within {ANSWER_SECONDS} s."
    except Exception:
        log.exception("the check of %s failed in an unforeseen way", name)
        return "the check itself failed; the hub's log has the details."


def database(probe: DatabaseProbe, session: Session | None = None) -> Check:
    """A database takes a write. Asked in a thread: one that is locked must not hold up the hub.

    `session` is the hub's own. It keeps its connection from one request to the next, so the first one after a
    crash of the database would fail; a connection that was cut is given up here.
    """

    async def check() -> str | None:
        try:
            await asyncio.to_thread(probe.write)
        except NotWritable as problem:
            return str(problem)
        if session is not None:
            _give_up_if_cut(session)
        return None

    return check


def _give_up_if_cut(session: Session) -> None:
    try:
        session.execute(select(1))
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        log.warning("the hub's connection to its database was cut; it gets a new one")
        session.rollback()


def scheduler(cluster: Cluster) -> Check:
    """The scheduler of a site answered when it was asked last."""

    async def check() -> str | None:
        if cluster.watcher.latest is None and cluster.watcher.problem is None:
            await cluster.watcher.tick()
        problem = cluster.watcher.problem
        return None if problem is None else f"it doesn't answer: {problem}"

    return check


def proxy(of_hub: Proxy) -> Check:
    """The proxy answers its API."""

    async def check() -> str | None:
        try:
            await of_hub.get_all_routes()
        except Exception as error:  # Every implementation of a proxy has errors of its own.
            if getattr(error, "status", None) == HTTPStatus.FORBIDDEN:
                return "it refuses this hub's token: it isn't the proxy that this hub started. End it."
            return f"it can't be asked for its routes ({type(error).__name__})."
        return None

    return check


def certificates(folder: Path) -> Check:
    """The authorities behind all certificates don't end soon."""

    async def check() -> str | None:
        if found := ", ".join(ending(folder)):
            return f"{found} ends soon: stop all notebooks and the hub, and delete its folder internal-ssl."
        return None

    return check


def service(url: str) -> Check:
    """A service of the hub answers its health check."""

    async def check() -> str | None:
        try:
            answer = await AsyncHTTPClient().fetch(url, raise_error=False)
        except (OSError, HTTPClientError):
            return "nobody answers there. The hub looks every 30 s and starts it again."
        return None if answer.code == 200 else f"its health check answered {answer.code}."

    return check
