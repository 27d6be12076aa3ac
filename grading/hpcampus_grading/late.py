"""Server extensions that are loaded when they are first asked for."""

import asyncio
import importlib
from collections.abc import Sequence
from typing import Any

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado.httputil import HTTPServerRequest
from tornado.routing import PathMatches, Rule
from tornado.web import authenticated

from hpcampus_grading.parts import Part


class LateParts:
    """Keeps the place of some parts until somebody opens one of them; then all are loaded."""

    def __init__(self, server: Any, parts: Sequence[Part]) -> None:
        self._server = server
        self._parts = parts
        self._loading: asyncio.Task[None] | None = None
        self.loaded = False

    def keep_places(self) -> None:
        """Answer for the parts from now on."""
        base_url = self._server.web_app.settings["base_url"]
        rules = [
            Rule(_UntilLoaded(url_path_join(base_url, part.paths), self), _Usher, {"parts": self})
            for part in self._parts
        ]
        self._server.web_app.add_handlers(".*$", rules)

    async def load(self) -> None:
        """Load them once; whoever comes meanwhile waits for the same."""
        if self._loading is None:
            self._loading = asyncio.create_task(self._load())
        # One who goes away must not take the loading from the others.
        await asyncio.shield(self._loading)

    async def _load(self) -> None:
        # The server goes on answering while they are imported.
        await asyncio.to_thread(self._import)
        extensions = self._server.extension_manager
        for part in self._parts:
            extensions.add_extension(part.extension, enabled=True)
            extensions.link_extension(part.extension)
            extensions.load_extension(part.extension)
        self.loaded = True

    def _import(self) -> None:
        for part in self._parts:
            try:
                importlib.import_module(part.extension)
            except Exception as error:
                self._server.log.error("%s can't be loaded: %s", part.extension, error)


class _UntilLoaded(PathMatches):
    """Matches a part's paths until the part itself answers there."""

    def __init__(self, pattern: str, parts: LateParts) -> None:
        super().__init__(pattern)
        self._parts = parts

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        return None if self._parts.loaded else super().match(request)


class _Usher(JupyterHandler):
    """Has the parts loaded, and sends the browser to the same place again."""

    def initialize(self, parts: LateParts) -> None:
        self._parts = parts

    @authenticated
    async def get(self, *_: str, **__: str) -> None:
        await self._parts.load()
        # 307: the same method, with the same body.
        self.redirect(self.request.uri or "", status=307)

    post = put = patch = delete = head = options = get
