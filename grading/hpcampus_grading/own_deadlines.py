"""What JupyterLab's Assignment List is told of deadlines: one's own, and how often one has submitted."""

import asyncio
import os
from collections.abc import Mapping
from typing import Any

from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web

from hpcampus_grading.exchange.client import Client, ExchangeProblem


class DeadlinesHandler(APIHandler):
    """GET: the assignments of this server's course, with what holds for whoever's server it is."""

    @web.authenticated
    async def get(self) -> None:
        """Ask the exchange; a refusal is its sentence."""
        try:
            self.finish({"assignments": await asyncio.to_thread(own_deadlines, os.environ)})
        except ExchangeProblem as problem:
            self.set_status(502)
            self.finish({"message": str(problem)})


def own_deadlines(environment: Mapping[str, str]) -> list[dict[str, Any]]:
    """By assignment; `attempts` None is any number, `used` how many there were. Raises `ExchangeProblem`."""
    client, course = Client.from_environment(environment), environment.get("CAMPUS_COURSE", "")
    used: dict[str, int] = {}
    for submission in client.own_submissions(course):
        used[submission.receipt.assignment] = submission.receipt.attempt
    wanted = {"slug", "title", "due", "closes", "attempts", "extended"}
    return [
        {**one.model_dump(mode="json", include=wanted), "used": used.get(one.slug, 0)}
        for one in client.course(course).assignments
        if one.released
    ]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "hpcampus_grading.own_deadlines"}]


def _load_jupyter_server_extension(server: Any) -> None:
    route = url_path_join(server.web_app.settings["base_url"], "campus/deadlines")
    server.web_app.add_handlers(".*$", [(route, DeadlinesHandler)])
