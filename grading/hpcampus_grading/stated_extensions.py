"""Extensions that `course.yaml` states: the file's word becomes the database's, where all others are."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from hpcampus_courses import Course
from hpcampus_courses.extension import ExtensionWish
from hpcampus_courses.live import LOOK_SECONDS
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hpcampus_grading.clock import utc_now
from hpcampus_grading.database import Database
from hpcampus_grading.extensions import Action, gives, write_extension
from hpcampus_grading.tables import ExtensionRow

log = logging.getLogger("hpcampus.exchange")

_Place = tuple[str, str]
_GONE = ExtensionWish(reason="is no longer in course.yaml")


def stated_by(course: str) -> str:
    """Who gave it, in words: no user's name has a slash."""
    return f"{course}/course.yaml"


class StatedExtensions:
    """Takes up what files say. Whoever decides on the page later has the last word until the file changes.

    Several processes may do so at once: each looks again in its turn to write.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock
        self._taken_up: dict[str, Course] = {}
        self._fails = False

    def take_up(self, course: Course) -> None:
        """Give what the course's file states and nobody gave yet, and take back what it states no more."""
        with self._database.reading() as session:
            if not any(_changes(session, course)):
                return
        with self._database.writing() as session:
            for action, (assignment, learner), wish in list(_changes(session, course)):
                place = (course.slug, assignment, learner)
                write_extension(session, self._clock(), action, place, wish, stated_by(course.slug))

    async def follow(self, courses: Mapping[str, Course]) -> None:
        """Take up every course, and again what changes, for ever."""
        while True:
            await asyncio.to_thread(self._take_up_changed, courses)
            await asyncio.sleep(LOOK_SECONDS)

    def _take_up_changed(self, courses: Mapping[str, Course]) -> None:
        try:
            for slug, course in courses.items():
                if self._taken_up.get(slug) != course:
                    self.take_up(course)
                    self._taken_up[slug] = course
        except Exception:  # without the database, say: the next round tries again
            if not self._fails:
                log.exception("action=extend the extensions in the courses' files are not all in force yet")
            self._fails = True
        else:
            self._fails = False


def _changes(session: Session, course: Course) -> Iterator[tuple[Action, _Place, ExtensionWish]]:
    """What is to be written so that the file's own extensions are those that it states."""
    stated = {(a.slug, one.learner): one for a in course.assignments for one in a.extensions}
    newest = _newest(session, course.slug)
    own = _newest(session, course.slug, stated_by(course.slug))
    for place, wish in stated.items():
        if place not in own or _said(own[place]) != (wish.due, wish.attempts, wish.reason):
            yield "extend", place, wish
    for place in own.keys() - stated.keys():
        if gives(own[place]) and newest[place].number == own[place].number:
            yield "unextend", place, _GONE


def _newest(session: Session, course: str, granted_by: str | None = None) -> Mapping[_Place, ExtensionRow]:
    """The newest row of each assignment and learner, of all rows or of those that one gave."""
    numbers = select(func.max(ExtensionRow.number)).filter_by(course=course)
    if granted_by is not None:
        numbers = numbers.filter_by(granted_by=granted_by)
    numbers = numbers.group_by(ExtensionRow.assignment, ExtensionRow.learner)
    rows = session.scalars(select(ExtensionRow).where(ExtensionRow.number.in_(numbers)))
    return {(row.assignment, row.learner): row for row in rows}


def _said(row: ExtensionRow) -> tuple[datetime | None, int, str]:
    return row.due, row.attempts, row.reason
