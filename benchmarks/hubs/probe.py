"""In every hub that is measured: how late its event loop is, and a token to drive it with."""

import asyncio
import json
import os
import time
from typing import Any, ClassVar

from tornado.web import RequestHandler

EVERY_SECONDS = 0.01
PLAN: dict[str, Any] = json.loads(os.environ["BENCHMARK"])


class Lag(RequestHandler):
    """GET answers how many ms late the loop was at every hundredth of a second since the last GET."""

    late: ClassVar[list[float]] = []
    watching: ClassVar[Any] = None

    async def get(self) -> None:
        if Lag.watching is None:
            Lag.watching = asyncio.create_task(Lag.watch())
        self.write({"late_ms": Lag.late})
        Lag.late = []

    def check_xsrf_cookie(self) -> None:
        """Only the benchmark knows this address."""

    @classmethod
    async def watch(cls) -> None:
        """Ask the loop every 10 ms, and say how late it came to each.

        A loop that stands still for two seconds comes too late to 200 questions, not to one: whoever wanted
        something in that time waited (the "coordinated omission" of load tests).
        """
        asked = time.monotonic()
        while True:
            await asyncio.sleep(max(0.0, asked - time.monotonic()))
            now = time.monotonic()
            while asked <= now:
                cls.late.append(1000 * (now - asked))
                asked += EVERY_SECONDS


def install(c: Any) -> None:
    """Let the benchmark in."""
    c.JupyterHub.extra_handlers = [*_listed(c.JupyterHub.extra_handlers), (r"/api/benchmark/lag", Lag)]
    scopes = ["admin:users", "admin:servers", "admin:groups", "tokens"]
    service = {"name": "benchmark", "api_token": PLAN["token"], "display": False}
    c.JupyterHub.services = [*_listed(c.JupyterHub.services), service]
    role = {"name": "benchmark", "services": ["benchmark"], "scopes": scopes}
    c.JupyterHub.load_roles = [*_listed(c.JupyterHub.load_roles), role]


def _listed(value: Any) -> list[Any]:
    """What the configuration has so far; traitlets answers something else where it has nothing."""
    return list(value) if isinstance(value, list) else []
