"""What the pages say of deadlines: a learner's own ones, and an instructor's page to give more time."""

import asyncio
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from hpcampus_courses import Assignment, Course
from hpcampus_courses.extension import ExtensionWish, UserName
from hpcampus_grading.extensions import BadExtension, Extensions, attempts_of, deadline_of
from hpcampus_grading.messages import Extension
from hpcampus_grading.own_work import OwnWork
from pydantic import TypeAdapter, ValidationError
from tornado import web

from hpcampus_hub.enrolment import Enrolment
from hpcampus_hub.instructors_pages import InstructorsHandler, Records

_NAME: TypeAdapter[str] = TypeAdapter(UserName)


@dataclass(frozen=True)
class OwnDeadline:
    """What holds for one learner: None where there is no such limit."""

    due: datetime | None
    closes: datetime | None
    attempts: int | None
    extended: bool


class Deadlines:
    """What the exchange's database says of deadlines."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def __deepcopy__(self, memo: object) -> Self:
        """JupyterHub copies its configuration; what never changes needs no copy."""
        return self

    @property
    def extensions(self) -> Extensions:
        """The extensions of all courses."""
        return self._records.extensions

    async def own(self, user: Any, course: Course) -> Mapping[str, OwnDeadline]:
        """The user's own, by assignment."""
        found = await asyncio.to_thread(lambda: self.extensions.current([course.slug], learner=user.name))
        return {
            assignment.slug: _own(assignment, found.get((course.slug, assignment.slug, user.name)))
            for assignment in course.assignments
        }

    async def given(self, course: Course) -> list[tuple[Assignment, tuple[Extension, ...]]]:
        """Who has an extension, by assignment."""
        found = await asyncio.to_thread(lambda: self.extensions.current([course.slug]))
        return [
            (assignment, tuple(e for (_, slug, _), e in sorted(found.items()) if slug == assignment.slug))
            for assignment in course.assignments
        ]


def _own(assignment: Assignment, extension: Extension | None) -> OwnDeadline:
    deadline = deadline_of(assignment, extension)
    return OwnDeadline(
        due=deadline.due if deadline else None,
        closes=deadline.closes if deadline else None,
        attempts=attempts_of(assignment, extension),
        extended=extension is not None,
    )


class DeadlinesHandler(InstructorsHandler):
    """GET shows the deadlines of a course to its instructors; POST gives a learner more, or takes it back."""

    def initialize(self, enrolment: Enrolment, deadlines: Deadlines) -> None:
        """The rules of this hub, and where extensions are kept."""
        self._enrolment, self._deadlines = enrolment, deadlines

    @web.authenticated
    async def get(self, slug: str) -> None:
        """The page."""
        await self._show(self.course(slug))

    @web.authenticated
    async def post(self, slug: str) -> None:
        """Do what the form says, and show the page again."""
        course = self.course(slug)
        try:
            await self._change(course)
        except (BadExtension, LookupError, OwnWork) as error:
            self.set_status(422)
            await self._show(course, problem=str(error))
            return
        self.redirect(self.request.uri or "")

    async def _change(self, course: Course) -> None:
        assignment = course.assignment(self.get_body_argument("assignment"))
        learner, reason = _learner(self.get_body_argument("learner")), self.get_body_argument("reason", "")
        if not reason:
            raise BadExtension("Say why: the reason is kept with the extension.")
        extensions, me = self._deadlines.extensions, self.current_user.name
        if self.get_body_argument("take_back", ""):
            arguments = (course.slug, assignment.slug, learner, reason[:1000], me)
            await asyncio.to_thread(extensions.take_back, *arguments)
            return
        wish = _wish(
            self.get_body_argument("due", ""),
            self.get_body_argument("minutes_from_utc", ""),
            self.get_body_argument("attempts", ""),
            reason,
        )
        grant = functools.partial(extensions.grant, enrolled=me in self.roster(course))
        await asyncio.to_thread(grant, course.slug, assignment, learner, wish, me)

    async def _show(self, course: Course, problem: str = "") -> None:
        self.finish(
            await self.render_template(
                "deadlines.html",
                course=course,
                given=await self._deadlines.given(course),
                learners=self.roster(course),
                problem=problem,
            )
        )


def _learner(name: str) -> str:
    try:
        return _NAME.validate_python(name)
    except ValidationError:
        raise BadExtension(f"{name!r} is not the name of a learner.") from None


def _wish(due: str, minutes_from_utc: str, attempts: str, reason: str) -> ExtensionWish:
    """The form's fields; the moment is by the clock of the browser, whose distance from UTC comes with it."""
    try:
        moment = datetime.fromisoformat(due).replace(tzinfo=UTC) if due else None
        if moment is not None and minutes_from_utc:
            moment += timedelta(minutes=int(minutes_from_utc))
        return ExtensionWish(due=moment, attempts=int(attempts or 0), reason=reason)
    except (ValidationError, ValueError, OverflowError):
        raise BadExtension("The moment or the number of attempts can't be read.") from None


def handlers(enrolment: Enrolment, deadlines: Deadlines) -> list[Any]:
    """For JupyterHub's `extra_handlers`."""
    using = {"enrolment": enrolment, "deadlines": deadlines}
    return [(r"/campus/courses/([a-z0-9-]+)/deadlines", DeadlinesHandler, using)]
