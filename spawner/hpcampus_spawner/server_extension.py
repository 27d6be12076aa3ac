"""What a notebook server on a node knows of its time: how much is left, and that its end is near.

Kernels and terminals that it starts are given what keeps their Dask to themselves. JupyterLab's part is the
extension `hpcampus-time`. A running cell counts as activity, so that nobody's computation is stopped for
idleness.
"""

import asyncio
import json
import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web
from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from hpcampus_spawner import hub_away
from hpcampus_spawner.dask_settings import dask_environment, ensure_certificate
from hpcampus_spawner.tls import hub_context

ENDS_SOON = "https://hpcampus.example/events/ends-soon"
BUSY_CHECK_SECONDS = 30
HUB_SECONDS = 10
FRESH_SECONDS = 5
"""Several tabs that ask at once cost the hub one question."""
PAGE_SECONDS = 150
"""An open page asks every 60 s how much time is left, a hidden one a little later."""
SAVE_SECONDS = 3
"""How long open pages have to save. Slurm kills what is left KillWait after SIGTERM: 30 s, if not set."""


class Remaining:
    """What the hub said last of the time left, counted down while the hub doesn't answer."""

    def __init__(self, hub: str, token: str) -> None:
        self._hub, self._token = hub, token
        self._tls = hub_context()
        self._asked = self._wanted = float("-inf")
        self._last: dict[str, Any] = {"seconds": None, "again": ""}

    async def ask(self, log: Any) -> dict[str, Any]:
        """The seconds left, or None where nobody knows, and a link to start again."""
        self._wanted = time.monotonic()
        if time.monotonic() - self._asked > FRESH_SECONDS:
            try:
                answer = await AsyncHTTPClient().fetch(self._request())
                self._last, self._asked = json.loads(answer.body), time.monotonic()
            except Exception as error:
                log.warning("The hub doesn't say how much time is left: %s", error)
        seconds = self._last["seconds"]
        elapsed = time.monotonic() - self._asked
        return {**self._last, "seconds": None if seconds is None else max(0, round(seconds - elapsed))}

    def page_is_open(self) -> bool:
        """Whether some page has asked lately."""
        return time.monotonic() - self._wanted < PAGE_SECONDS

    def _request(self) -> HTTPRequest:
        headers = {"Authorization": f"token {self._token}"}
        return HTTPRequest(self._hub, headers=headers, request_timeout=HUB_SECONDS, ssl_options=self._tls)


class RemainingHandler(APIHandler):
    """GET: what `Remaining` knows. Asking is no activity: an open page must not keep a server alive."""

    _track_activity = False

    @web.authenticated
    async def get(self) -> None:
        """Answer JupyterLab."""
        self.finish(await self.settings["campus_remaining"].ask(self.log))


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "hpcampus_spawner.server_extension"}]


def _load_jupyter_server_extension(server: Any) -> None:
    """Outside of a hub's server there is nobody to ask."""
    if "JUPYTERHUB_API_URL" not in os.environ:
        return
    user, name = os.environ["JUPYTERHUB_USER"], os.environ.get("JUPYTERHUB_SERVER_NAME", "")
    which = f"servers/{name}" if name else "server"
    hub = url_path_join(os.environ["JUPYTERHUB_API_URL"], "campus/users", user, which, "time")
    server.web_app.settings["campus_remaining"] = Remaining(hub, os.environ["JUPYTERHUB_API_TOKEN"])
    route = url_path_join(server.web_app.settings["base_url"], "campus/time")
    server.web_app.add_handlers(".*$", [(route, RemainingHandler)])
    server.event_logger.register_event_schema(Path(__file__).with_name("ends_soon.yaml"))
    _keep_dask_private(server.log)
    if hasattr(server.identity_provider, "hub_auth"):
        hub_away.bridge(server.identity_provider.hub_auth, server.log)


def _keep_dask_private(log: Any) -> None:
    """Without a certificate Dask refuses to start; everything else works."""
    os.environ.update(dask_environment(Path.home()))
    try:
        ensure_certificate(Path.home())
    except OSError as error:
        log.error("Dask can't be used, because its certificate can't be written: %s", error)


async def _start_jupyter_server_extension(server: Any) -> None:
    """Listen for signals from now on, and look for running cells."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, _tell, server)
    loop.add_signal_handler(signal.SIGTERM, _save_and_stop, server)
    server.campus_busy = loop.create_task(_count_busy_kernels(server))


def _tell(server: Any) -> None:
    """Have every open page save: what was typed and not saved is there and nowhere else."""
    server.log.info("The scheduler says that this job ends soon: open pages save now.")
    server.event_logger.emit(schema_id=ENDS_SOON, data={})


def _save_and_stop(server: Any) -> None:
    """Whoever ends the job, preemption too: open pages save first."""
    loop = asyncio.get_running_loop()
    # It comes from the scheduler and from the wrapper.
    loop.add_signal_handler(signal.SIGTERM, lambda: None)
    remaining = server.web_app.settings.get("campus_remaining")
    wait = SAVE_SECONDS if remaining is not None and remaining.page_is_open() else 0
    if wait:
        _tell(server)
        _let_kernels_end(server.kernel_manager)
    loop.call_later(wait, server.stop)


def _let_kernels_end(manager: Any) -> None:
    """The same signal has ended them: a word about their restart would stand before what pages say now."""
    for kernel_id in manager.list_kernel_ids():
        manager.get_kernel(kernel_id).stop_restarter()


async def _count_busy_kernels(server: Any) -> None:
    settings = server.web_app.settings
    while True:
        kernels = settings["kernel_manager"].list_kernels()
        if any(kernel["execution_state"] == "busy" for kernel in kernels):
            settings["last_activity_times"]["campus_busy_kernels"] = datetime.now(UTC)
        await asyncio.sleep(BUSY_CHECK_SECONDS)
