"""More time, or more attempts, for one learner: given by an instructor, or stated in the course's file."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Literal

from hpcampus_courses import Assignment, Deadline
from hpcampus_courses.extension import ExtensionWish
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hpcampus_grading import audit
from hpcampus_grading.clock import in_utc, utc_now
from hpcampus_grading.database import Database
from hpcampus_grading.messages import Extension
from hpcampus_grading.own_work import refuse_own
from hpcampus_grading.refusals import Refusals
from hpcampus_grading.tables import ExtensionRow

Action = Literal["extend", "unextend"]


class BadExtension(ValueError):
    """An extension that would extend nothing; the message says why."""


class Extensions:
    """The extensions of all courses. Nothing is overwritten: the newest one of a learner counts."""

    def __init__(self, database: Database, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock
        self._refusals = Refusals(database, clock)

    def grant(
        self,
        course: str,
        assignment: Assignment,
        learner: str,
        wish: ExtensionWish,
        instructor: str,
        *,
        enrolled: bool = False,
    ) -> Extension:
        """Give a learner more; replaces what they had.

        Raises `BadExtension`, and `OwnWork` where the instructor is the learner and `enrolled`.
        """
        with self._refusals.of_own_work(course, instructor, "extend"):
            refuse_own(instructor, learner, enrolled=enrolled)
        if problem := assignment.why_not(wish):
            raise BadExtension(problem)
        return self._write("extend", course, assignment.slug, learner, wish, instructor)

    def take_back(self, course: str, assignment: str, learner: str, reason: str, instructor: str) -> None:
        """Let the course's own rules hold for the learner again."""
        self._write("unextend", course, assignment, learner, ExtensionWish(reason=reason), instructor)

    def of_assignment(self, course: str, assignment: str) -> tuple[Extension, ...]:
        """Who has one now, by name."""
        found = self.current([course], assignment).values()
        return tuple(sorted(found, key=lambda extension: extension.learner))

    def current(
        self, courses: Sequence[str], assignment: str | None = None, learner: str | None = None
    ) -> Mapping[tuple[str, str, str], Extension]:
        """What counts now, by course, assignment and learner."""
        newest = select(func.max(ExtensionRow.number)).group_by(
            ExtensionRow.course, ExtensionRow.assignment, ExtensionRow.learner
        )
        query = select(ExtensionRow).where(ExtensionRow.course.in_(courses), ExtensionRow.number.in_(newest))
        if assignment is not None:
            query = query.filter_by(assignment=assignment)
        if learner is not None:
            query = query.filter_by(learner=learner)
        with self._database.reading() as session:
            rows = session.scalars(query).all()
        return {(row.course, row.assignment, row.learner): _extension(row) for row in rows if gives(row)}

    def _write(
        self, action: Action, course: str, assignment: str, learner: str, wish: ExtensionWish, instructor: str
    ) -> Extension:
        now = self._clock()
        with self._database.writing() as session:
            row = write_extension(session, now, action, (course, assignment, learner), wish, instructor)
            return _extension(row)


def write_extension(
    session: Session, now: datetime, action: Action, of: tuple[str, str, str], wish: ExtensionWish, who: str
) -> ExtensionRow:
    """Add what counts from now on, `of` a course, an assignment and a learner, and a line of the log."""
    course, assignment, learner = of
    row = ExtensionRow(
        course=course,
        assignment=assignment,
        learner=learner,
        due=wish.due,
        attempts=wish.attempts,
        reason=wish.reason,
        granted_by=who,
        granted_at=now,
    )
    session.add(row)
    audit.append(
        session,
        now,
        action,
        course,
        who=who,
        assignment=assignment,
        learner=learner,
        due=wish.due and in_utc(wish.due).isoformat(),
        attempts=wish.attempts,
        why=wish.reason,
    )
    session.flush()
    return row


def extension_of(session: Session, course: str, assignment: str, learner: str) -> ExtensionRow | None:
    """The extension that counts for a learner now."""
    query = select(ExtensionRow).filter_by(course=course, assignment=assignment, learner=learner)
    row = session.scalars(query.order_by(ExtensionRow.number.desc()).limit(1)).first()
    return row if row is not None and gives(row) else None


def deadline_of(assignment: Assignment, extension: Extension | ExtensionRow | None) -> Deadline | None:
    """The deadline that holds; a course that moved its own beyond an extension's is not taken at its word."""
    if assignment.due is None or extension is None or extension.due is None:
        return assignment.deadline()
    return assignment.deadline(max(extension.due, assignment.due))


def attempts_of(assignment: Assignment, extension: Extension | ExtensionRow | None) -> int | None:
    """How often the learner may submit; None for as often as they like."""
    more = extension.attempts if extension else 0
    return None if assignment.attempts is None else assignment.attempts + more


def lateness_now(
    assignment: Assignment | None,
    extension: Extension | ExtensionRow | None,
    received_at: datetime,
    then: tuple[int | None, float | None],
) -> tuple[int | None, float | None]:
    """Seconds late and percent off by today's rules; `then` is what was said when it was received.

    What an earlier rule accepted and today's would refuse stays as it was. None where there is no deadline.
    """
    deadline = None if assignment is None else deadline_of(assignment, extension)
    if deadline is None:
        return None, None
    standing = deadline.standing(received_at)
    return (standing.late_seconds, standing.percent_off) if standing else then


def gives(row: ExtensionRow) -> bool:
    """Whether a row gives something, and doesn't take back what was given."""
    return row.due is not None or row.attempts > 0


def _extension(row: ExtensionRow) -> Extension:
    return Extension(
        learner=row.learner,
        due=row.due,
        attempts=row.attempts,
        reason=row.reason,
        granted_by=row.granted_by,
        granted_at=row.granted_at,
    )
