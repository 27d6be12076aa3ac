"""How far a class is, read from the exchange's tables: one query for each kind of fact, whatever its size."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hpcampus_courses import Assignment, Course
from sqlalchemy import Row, Select, and_, func, select
from sqlalchemy.orm import Session

from hpcampus_grading import audit
from hpcampus_grading.class_messages import (
    AssignmentStatus,
    CourseStatus,
    ExerciseProgress,
    LearnerStatus,
    State,
)
from hpcampus_grading.clock import utc_now
from hpcampus_grading.database import Database
from hpcampus_grading.extensions import Extensions, lateness_now
from hpcampus_grading.flags import flag_counts
from hpcampus_grading.messages import Extension
from hpcampus_grading.tables import FeedbackRow, GradeRow, SubmissionRow

Place = tuple[str, str]
"""Assignment and learner."""
Columns = tuple[str, str, str, int, datetime, int | None, float | None]
"""Of a submission: id, assignment, learner, attempt, when it was received, seconds late and percent off."""


@dataclass(frozen=True)
class _Facts:
    """What the tables say: the latest submissions by place, the rest by submission."""

    latest: Mapping[Place, Row[*Columns]]
    grades: Mapping[str, dict[str, Any]]
    feedback: frozenset[str]
    flags: Mapping[str, int]
    extensions: Mapping[tuple[str, str, str], Extension]


class Statuses:
    """Answers for instructors; who is enrolled comes with the question, because the hub knows it."""

    def __init__(self, database: Database, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._extensions = Extensions(database)
        self._clock = clock

    def course(self, course: Course, roster: Sequence[str]) -> CourseStatus:
        """How far the class is with every assignment."""
        facts = self._facts(course.slug)
        return CourseStatus(
            slug=course.slug,
            title=course.title,
            at=self._clock(),
            assignments=tuple(_assignment(facts, course, one, roster) for one in course.assignments),
        )

    def learners(
        self, course: Course, roster: Sequence[str], assignment: str | None = None
    ) -> tuple[LearnerStatus, ...]:
        """Everybody who is enrolled or has handed in, by assignment and name."""
        facts = self._facts(course.slug)
        wanted = [one for one in course.assignments if assignment in (None, one.slug)]
        return tuple(row for one in wanted for row in _rows(facts, course, one, roster))

    def write_down_export(self, course: str, instructor: str, learners: int) -> None:
        """That somebody took the table of learners away."""
        with self._database.writing() as session:
            audit.append(session, self._clock(), "export", course, who=instructor, learners=learners)

    def _facts(self, course: str) -> _Facts:
        extensions = self._extensions.current([course])
        with self._database.reading() as session:
            return _Facts(
                latest={(row.assignment, row.learner): row for row in session.execute(_latest(course))},
                grades=_grades(session, course),
                feedback=_with_feedback(session, course),
                flags=flag_counts(session, course),
                extensions=extensions,
            )


def _latest(course: str) -> Select[*Columns]:
    s = SubmissionRow
    last = select(s.assignment, s.learner, func.max(s.attempt).label("attempt")).where(s.course == course)
    newest = last.group_by(s.assignment, s.learner).subquery()
    same = and_(
        s.assignment == newest.c.assignment,
        s.learner == newest.c.learner,
        s.attempt == newest.c.attempt,
    )
    columns = (s.id, s.assignment, s.learner, s.attempt, s.received_at, s.late_seconds, s.percent_off)
    return select(*columns).join(newest, same).where(s.course == course)


def _grades(session: Session, course: str) -> dict[str, dict[str, Any]]:
    """As they were written: a `Grade` as JSON. Thousands are read for one page, so none is checked again."""
    newest = select(func.max(GradeRow.number)).join(SubmissionRow).where(SubmissionRow.course == course)
    query = select(GradeRow.submission_id, GradeRow.grade).where(
        GradeRow.number.in_(newest.group_by(GradeRow.submission_id))
    )
    return dict(session.execute(query).all())


def _with_feedback(session: Session, course: str) -> frozenset[str]:
    query = select(FeedbackRow.submission_id).join(SubmissionRow).where(SubmissionRow.course == course)
    return frozenset(session.scalars(query))


def _assignment(
    facts: _Facts, course: Course, assignment: Assignment, roster: Sequence[str]
) -> AssignmentStatus:
    rows = [row for row in _rows(facts, course, assignment, roster) if row.enrolled]
    scores = [row.score for row in rows if row.score is not None]
    grades = [facts.grades[row.submission] for row in rows if row.submission and row.score is not None]
    return AssignmentStatus(
        slug=assignment.slug,
        title=assignment.title,
        due=assignment.due,
        learners=len(rows),
        submitted=sum(row.submission is not None for row in rows),
        graded=len(scores),
        needs_person=sum(row.state == "needs a person" for row in rows),
        late=sum(bool(row.late_seconds) for row in rows),
        flagged=sum(row.flags > 0 for row in rows),
        feedback=sum(row.feedback for row in rows),
        mean_score=sum(scores) / len(scores) if scores else None,
        exercises=tuple(_exercises(grades)),
    )


def _rows(
    facts: _Facts, course: Course, assignment: Assignment, roster: Sequence[str]
) -> Iterator[LearnerStatus]:
    enrolled = frozenset(roster)
    others = {learner for slug, learner in facts.latest if slug == assignment.slug}
    for learner in sorted(enrolled | others):
        found = facts.latest.get((assignment.slug, learner))
        if found is None:
            state: State = "nothing yet"
            yield LearnerStatus(
                learner=learner, assignment=assignment.slug, enrolled=True, state=state, attempts=0
            )
        else:
            extension = facts.extensions.get((course.slug, assignment.slug, learner))
            yield _row(facts, assignment, found, extension, enrolled=learner in enrolled)


def _row(
    facts: _Facts,
    assignment: Assignment,
    found: Row[*Columns],
    extension: Extension | None,
    *,
    enrolled: bool,
) -> LearnerStatus:
    then = (found.late_seconds, found.percent_off)
    late_seconds, percent_off = lateness_now(assignment, extension, found.received_at, then)
    grade = facts.grades.get(found.id)
    return LearnerStatus(
        learner=found.learner,
        assignment=assignment.slug,
        enrolled=enrolled,
        state=_state(grade),
        attempts=found.attempt,
        submission=found.id,
        received_at=found.received_at,
        late_seconds=late_seconds,
        percent_off=percent_off,
        score=grade and grade["score"],
        max_score=grade and grade["max_score"],
        flags=facts.flags.get(found.id, 0),
        feedback=found.id in facts.feedback,
    )


def _state(grade: Mapping[str, Any] | None) -> State:
    if grade is None:
        return "submitted"
    return "needs a person" if grade.get("needs_person") else "graded"


def _exercises(grades: Sequence[Mapping[str, Any]]) -> Iterator[ExerciseProgress]:
    """The cells with points, in the order of the first grade that has them."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for grade in grades:
        for cell in grade["cells"]:
            if cell["auto"] is not None or cell["manual"] is not None:
                found.setdefault((cell["notebook"], cell["cell"]), []).append(cell)
    for (notebook, name), cells in found.items():
        yield _exercise(notebook, name, cells)


def _exercise(notebook: str, name: str, cells: Sequence[Mapping[str, Any]]) -> ExerciseProgress:
    most = max((cell.get("points") or 0 for cell in cells), default=0) or None
    earned = [_points(cell) for cell in cells]
    full = sum(most is not None and points >= most for points in earned)
    none = sum(points <= 0 for points in earned)
    return ExerciseProgress(
        notebook=notebook,
        cell=name,
        points=most,
        graded=len(earned),
        full=full,
        some=len(earned) - full - none,
        none=none,
        mean=sum(earned) / len(earned),
    )


def _points(cell: Mapping[str, Any]) -> float:
    """What a person gave counts for what tests gave, as in nbgrader's gradebook."""
    own = cell["manual"] if cell["manual"] is not None else cell["auto"]
    return float(own or 0) + float(cell["extra"] or 0)
