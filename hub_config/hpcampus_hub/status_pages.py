"""How far a class is, as a page for its instructors and as a table to take away."""

import asyncio
from collections.abc import Sequence
from typing import Any

from hpcampus_courses import Course
from hpcampus_grading.class_messages import LearnerStatus
from hpcampus_grading.export import learners_csv
from tornado import web

from hpcampus_hub.enrolment import Enrolment
from hpcampus_hub.instructors_pages import InstructorsHandler, Records

_URGENCY = ("needs a person", "submitted", "graded", "nothing yet")


class StatusHandler(InstructorsHandler):
    """GET shows the numbers; with `assignment` also where each learner stands in it."""

    def initialize(self, enrolment: Enrolment, records: Records) -> None:
        """The rules of this hub, and what the exchange has written."""
        self._enrolment, self._records = enrolment, records

    @web.authenticated
    async def get(self, slug: str) -> None:
        """The page."""
        course = self.course(slug)
        roster, wanted = self.roster(course), self.wanted(course)
        status = await asyncio.to_thread(lambda: self._records.statuses.course(course, roster))
        page = await self.render_template(
            "status.html",
            course=course,
            status=status,
            wanted=wanted,
            learners=urgent_first(await self.learners(course, roster, wanted)) if wanted else (),
        )
        self.finish(page)

    def wanted(self, course: Course) -> str | None:
        """The assignment that is asked for; 404 for one that isn't there."""
        slug: str | None = self.get_query_argument("assignment", None)
        if slug is not None and all(one.slug != slug for one in course.assignments):
            raise web.HTTPError(404)
        return slug

    async def learners(
        self, course: Course, roster: Sequence[str], wanted: str | None
    ) -> tuple[LearnerStatus, ...]:
        """Where each learner stands."""
        return await asyncio.to_thread(lambda: self._records.statuses.learners(course, roster, wanted))


class StatusTableHandler(StatusHandler):
    """GET is where each learner stands, as CSV; the audit log keeps who took it away."""

    @web.authenticated
    async def get(self, slug: str) -> None:
        """The file."""
        course = self.course(slug)
        rows = await self.learners(course, self.roster(course), self.wanted(course))
        taken = (course.slug, self.current_user.name, len({row.learner for row in rows}))
        await asyncio.to_thread(lambda: self._records.statuses.write_down_export(*taken))
        self.set_header("Content-Type", "text/csv; charset=utf-8")
        self.set_header("Content-Disposition", f'attachment; filename="{course.slug}-status.csv"')
        self.finish(learners_csv(rows))


def urgent_first(rows: Sequence[LearnerStatus]) -> list[LearnerStatus]:
    """What a person should look at comes first, then by name."""
    return sorted(rows, key=lambda row: (row.flags == 0, _URGENCY.index(row.state), row.learner))


def handlers(enrolment: Enrolment, records: Records) -> list[Any]:
    """For JupyterHub's `extra_handlers`."""
    using = {"enrolment": enrolment, "records": records}
    return [
        (r"/campus/courses/([a-z0-9-]+)/status", StatusHandler, using),
        (r"/campus/courses/([a-z0-9-]+)/status\.csv", StatusTableHandler, using),
    ]
