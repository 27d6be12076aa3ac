"""The hub's door for a server that asks how much time it has left."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.scopes import needs_scope
from jupyterhub.utils import url_path_join
from tornado import web

from hpcampus_spawner.spawner import BatchSpawner


class RemainingTimeHandler(APIHandler):
    """GET with the server's own token: the seconds left, and a link that starts the same server once more.

    The seconds come from the scheduler's last good answer, so a job that was given more time says so; null
    where the scheduler knows no end. Seconds and not a moment: nobody's clock has to be right but the hub's.
    """

    @needs_scope("access:servers")  # type: ignore[untyped-decorator]  # JupyterHub ships no types
    async def get(self, user_name: str, server_name: str = "") -> None:
        """Answer for one server; 404 when it isn't running."""
        user = self.find_user(user_name)
        spawner = user and user.spawners.get(server_name)
        if not isinstance(spawner, BatchSpawner) or not spawner.active:
            raise web.HTTPError(404, "this server isn't running")
        ends = spawner.ends()
        left = max(0, round((ends - datetime.now(UTC)).total_seconds())) if ends else None
        again = start_again(self.hub.base_url, user_name, server_name, spawner.user_options)
        self.finish(json.dumps({"seconds": left, "again": again}))


def start_again(hub: str, learner: str, server: str, options: Mapping[str, Any]) -> str:
    """A link that starts that server with those options; what is refused today is refused there."""
    path = url_path_join(hub, "spawn", quote(learner, safe=""), quote(server, safe=""))
    given = {f"opt-{name}": value for name, value in options.items() if value not in (None, "")}
    return f"{path}?{urlencode(given)}"


_USER = r"/api/campus/users/([^/]+)"
HANDLERS = [
    (rf"{_USER}/server/time", RemainingTimeHandler),
    (rf"{_USER}/servers/([^/]+)/time", RemainingTimeHandler),
]
