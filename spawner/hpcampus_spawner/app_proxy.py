"""Apps behind a notebook server, such as Dask's dashboard: the learner's own alone, and kept in their place.

jupyter-server-proxy passes on to any port of the node, whoever listens there, and sends back whatever comes.
On a shared node that could be a neighbour's page, which would run with the learner's log-in. And no app may
speak for the whole of the hub's address: a proxied one sits below `/user/NAME/proxy/PORT`.
"""

import os
import re
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import jupyter_server_proxy
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.routing import PathMatches, Rule
from tornado.web import HTTPError, OutputTransform, authenticated

from hpcampus_spawner.shared_node.neighbours import listeners

APP = r"proxy/(?:absolute/)?(?:(?P<host>[^/]*):)?(?P<port>\d+)"
"""What follows the server's address."""
THIS_NODE = (None, "localhost", "127.0.0.1")
"""Compared as it was typed: a name that looks like one of these may lead anywhere."""
OF_THE_WHOLE_HOST = (
    "Alt-Svc",
    "Clear-Site-Data",
    "NEL",
    "Refresh",
    "Report-To",
    "Reporting-Endpoints",
    "Service-Worker-Allowed",
    "Strict-Transport-Security",
)
"""Headers by which one page would change what a browser does with all others, or send it elsewhere."""
OURS = ("jupyterhub-", "_xsrf")
"""How the names of cookies begin by which hub and servers know a person."""
ELSEWHERE = b"This app tried to send you to another site. Go there yourself if you trust it.\n"


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "hpcampus_spawner.app_proxy"}]


def _load_jupyter_server_extension(server: Any) -> None:
    """Load jupyter-server-proxy with our own rules before and after it."""
    base_url = server.web_app.settings["base_url"]
    app = url_path_join(base_url, APP)
    server.web_app.add_handlers(".*$", [Rule(_NotMine(f"{app}(?:/.*)?"), _Refusal)])
    server.web_app.add_transform(partial(InItsPlace, re.compile(f"{app}(?=/|$)")))
    jupyter_server_proxy._load_jupyter_server_extension(server)


def problem(app: re.Match[str]) -> str | None:
    """Why nothing may be passed on to that app, in words; None when it may."""
    port = int(app["port"])
    if app["host"] not in THIS_NODE:
        return "Only programs on your notebook's own node can be shown here."
    try:
        theirs = listeners(port)
    except OSError:
        return "This node doesn't say whose programs listen at its ports, so none can be shown here."
    if not theirs:
        return f"Nothing listens at port {port} of your notebook's node. Is your program running there?"
    if theirs != {os.getuid()}:
        return f"Somebody else's program listens at port {port} of this node. Start yours at another port."
    return None


class _NotMine(PathMatches):
    """Matches the address of an app that isn't the learner's own."""

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        found = self.regex.match(request.path)
        return {} if found and problem(found) else None


class _Refusal(JupyterHandler):
    """Says why."""

    @authenticated
    def get(self) -> None:
        found = re.search(APP, self.request.path)
        raise HTTPError(403, (found and problem(found)) or "Try again.")

    post = put = patch = delete = head = options = get


class InItsPlace(OutputTransform):
    """Keeps what an app answers below the app's own address; other answers stay as they are."""

    def __init__(self, app: re.Pattern[str], request: HTTPServerRequest) -> None:
        found = app.match(request.path)
        self._place = found.group() if found else None
        self._host = request.host
        self._stopped = False

    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        """The headers, and the whole answer where it would lead elsewhere."""
        if self._place is None:
            return status_code, headers, chunk
        for name in OF_THE_WHOLE_HOST:
            headers.pop(name, None)
        cookies = headers.get_list("Set-Cookie")
        headers.pop("Set-Cookie", None)
        for cookie in filter(None, (limited(cookie, self._place) for cookie in cookies)):
            headers.add("Set-Cookie", cookie)
        if all(stays(location, self._host) for location in headers.get_list("Location")):
            return status_code, headers, chunk
        self._stopped = True
        plain = {"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(ELSEWHERE))}
        return 502, HTTPHeaders(plain), ELSEWHERE

    def transform_chunk(self, chunk: bytes, finishing: bool) -> bytes:
        """Nothing follows an answer that was replaced."""
        return b"" if self._stopped else chunk


def limited(cookie: str, place: str) -> str | None:
    """The cookie of an app, for the app's address alone; None for one that poses as the hub's."""
    pair, *attributes = (part.strip() for part in cookie.split(";"))
    if pair.startswith(OURS):
        return None
    wide = ("path", "domain")
    kept = [one for one in attributes if one.partition("=")[0].strip().lower() not in wide]
    return "; ".join([pair, *kept, f"Path={place}"])


def stays(location: str, host: str) -> bool:
    """Whether a browser that is sent there stays with the same host, read as browsers read it."""
    if any(ord(character) < 0x21 or character == "\\" for character in location):
        return False
    try:
        parts = urlsplit(location)
    except ValueError:
        return False
    if not parts.scheme and not parts.netloc:
        # Browsers skip more slashes than the standard has: ///evil is a host, too.
        return not location.startswith("//")
    return parts.scheme in ("http", "https", "") and parts.netloc == host
