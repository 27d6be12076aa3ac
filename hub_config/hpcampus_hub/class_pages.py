"""The doors to a class's servers: a page for its instructors, and the same as REST."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

from hpcampus_courses import Course
from hpcampus_spawner.models import Model
from hpcampus_spawner.refusal import Refused
from hpcampus_spawner.spawner import BatchSpawner
from hpcampus_spawner.words import duration
from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.handlers.base import BaseHandler
from pydantic import Field, ValidationError
from tornado import web

from hpcampus_hub.class_servers import summary
from hpcampus_hub.prewarm import ClassRoom, prewarm_scope

MOST_LEARNERS = 5000


class Order(Model):
    """Whose servers to start or stop, None for everybody's; where and at which lesson, as when one starts."""

    learners: Annotated[tuple[str, ...], Field(max_length=MOST_LEARNERS)] | None = None
    site: str | None = None
    assignment: str | None = None

    @property
    def wishes(self) -> Mapping[str, object]:
        """The options beside the course; the spawner's own validator checks them."""
        given = {"site": self.site, "assignment": self.assignment}
        return {name: value for name, value in given.items() if value}


def _class_room(handler: Any, courses: Mapping[str, Course], slug: str) -> ClassRoom:
    """The course's, for those who may start its servers."""
    if not handler.current_user:
        raise web.HTTPError(403, "Log in, or send a token.")
    course = courses.get(slug)
    if course is None or not handler.has_scope(prewarm_scope(course)):
        raise web.HTTPError(
            403, "The class of a course is for its instructors. You aren't one of this course's."
        )
    return ClassRoom(handler, course)


async def _start(room: ClassRoom, order: Order) -> dict[str, str]:
    with _refusals():
        return await room.start(room.learners(order.learners), order.wishes)


async def _stop(room: ClassRoom, order: Order, starter: str) -> None:
    with _refusals():
        await room.stop(room.learners(order.learners), starter)


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except Refused as refused:
        raise web.HTTPError(400, refused.sentence) from None


class ClassApiHandler(APIHandler):
    """GET: the servers of the roster. POST: start them. DELETE: stop those that whoever asks has started."""

    def initialize(self, courses: Mapping[str, Course]) -> None:
        """The courses of this hub."""
        self._courses = courses

    async def get(self, slug: str) -> None:
        """All rows as JSON."""
        self._answer(_class_room(self, self._courses, slug))

    async def post(self, slug: str) -> None:
        """Who has a server keeps it; what didn't work is said by name."""
        room = _class_room(self, self._courses, slug)
        self._answer(room, await _start(room, self._order()))

    async def delete(self, slug: str) -> None:
        """Servers that learners started themselves, or other instructors, are left alone."""
        room = _class_room(self, self._courses, slug)
        await _stop(room, self._order(), self.current_user.name)
        self._answer(room)

    def _order(self) -> Order:
        try:
            return Order.model_validate(self.get_json_body() or {})
        except ValidationError:
            sentence = "An order may hold learners (a list of names), site and assignment."
            raise web.HTTPError(400, sentence) from None

    def _answer(self, room: ClassRoom, problems: Mapping[str, str] | None = None) -> None:
        rows = [row.model_dump(mode="json") for row in room.servers()]
        self.finish(json.dumps({"servers": rows, "problems": problems or {}}))


class ClassPageHandler(BaseHandler):
    """The same as a page with a form, which works without scripts."""

    def initialize(self, courses: Mapping[str, Course]) -> None:
        """The courses of this hub."""
        self._courses = courses

    @web.authenticated
    async def get(self, slug: str) -> None:
        """Show the class."""
        await self._show(_class_room(self, self._courses, slug), {})

    @web.authenticated
    async def post(self, slug: str) -> None:
        """Do what a button says, and show the class."""
        room = _class_room(self, self._courses, slug)
        verb, _, whose = self.get_body_argument("do").partition("-")
        names = tuple(self.get_body_arguments("learner"))
        if whose != "all" and not names:
            await self._show(room, {"Nobody is ticked": "Tick those whose notebooks you mean."})
            return
        order = Order(
            learners=None if whose == "all" else names,
            site=self.get_body_argument("site", None),
            assignment=self.get_body_argument("assignment", None),
        )
        problems: Mapping[str, str] = {}
        if verb == "start":
            problems = await _start(room, order)
        else:
            await _stop(room, order, self.current_user.name)
        if problems:
            await self._show(room, problems)
        else:
            self.redirect(self.request.path, status=303)

    async def _show(self, room: ClassRoom, problems: Mapping[str, str]) -> None:
        rows = room.servers()
        page = await self.render_template(
            "class.html",
            course=room.course,
            servers=rows,
            summary=summary(rows),
            lasts=duration(room.course.needs.walltime_minutes),
            sites=[cluster.site for cluster in BatchSpawner.clusters.values()],
            problems=problems,
        )
        self.finish(page)


def handlers(courses: Mapping[str, Course]) -> list[Any]:
    """For JupyterHub's `extra_handlers`."""
    # A dict, because JupyterHub copies its configuration.
    known = {"courses": dict(courses)}
    return [
        (r"/api/campus/classes/([^/]+)/servers", ClassApiHandler, known),
        (r"/campus/classes/([^/]+)", ClassPageHandler, known),
    ]
