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
    """GET answers how many milliseconds late the loop was each time since the last GET."""

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
        """Sleep and see how much longer it took."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(EVERY_SECONDS)
            cls.late.append(1000 * (time.monotonic() - before - EVERY_SECONDS))


def install(c: Any) -> None:
    """Let the benchmark in."""
    c.JupyterHub.extra_handlers = [*_listed(c.JupyterHub.extra_handlers), (r"/api/benchmark/lag", Lag)]
    scopes = ["admin:users", "admin:servers", "admin:groups"]
    service = {"name": "benchmark", "api_token": PLAN["token"], "display": False}
    c.JupyterHub.services = [*_listed(c.JupyterHub.services), service]
    role = {"name": "benchmark", "services": ["benchmark"], "scopes": scopes}
    c.JupyterHub.load_roles = [*_listed(c.JupyterHub.load_roles), role]


def _listed(value: Any) -> list[Any]:
    """What the configuration has so far; traitlets answers something else where it has nothing."""
    return list(value) if isinstance(value, list) else []
