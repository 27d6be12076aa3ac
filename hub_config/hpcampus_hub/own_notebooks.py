"""The door to a named notebook of one's own: from the name on the home page to the form, with no script."""

from collections.abc import Collection
from typing import Any

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.slugs import is_valid_safe_slug
from jupyterhub.utils import url_path_join
from tornado import web

NAMING = "A name has up to 30 small letters, digits and single dashes, and starts with a letter."


class NewNotebookHandler(BaseHandler):  # type: ignore[misc]  # JupyterHub has no types
    """GET ?name=… leads to the form of that server, where it is decided who may start it."""

    def initialize(self, courses: Collection[str]) -> None:
        """Names of courses are theirs."""
        self._courses = courses

    @web.authenticated
    def get(self) -> None:
        """Redirect, or say what is wrong with the name."""
        name = self.get_query_argument("name", "").strip()
        if not is_valid_safe_slug(name):
            raise web.HTTPError(400, NAMING)
        if name in self._courses:
            raise web.HTTPError(400, f"A course is called {name}. Choose another name.")
        self.redirect(url_path_join(self.hub.base_url, "spawn", self.current_user.escaped_name, name))


def handlers(courses: Collection[str]) -> list[Any]:
    """For JupyterHub's `extra_handlers`."""
    return [(r"/campus/notebook", NewNotebookHandler, {"courses": courses})]
