"""Grades as they were recorded with the exchange: never overwritten, each change in the audit log.

An instructor's gradebook is nbgrader's and lies in their home; this is what it can be compared with, and what
people's own points and comments are brought back from when it is lost.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from hpcampus_grading import audit, integrity
from hpcampus_grading.clock import utc_now
from hpcampus_grading.database import Database
from hpcampus_grading.messages import CellGrade, Grade, GradeChange, RecordedGrade
from hpcampus_grading.own_work import refuse_own
from hpcampus_grading.refusals import Refusals
from hpcampus_grading.tables import GradeRow, SubmissionRow

_COLUMNS = (
    SubmissionRow.learner,
    SubmissionRow.assignment,
    GradeRow.grade,
    GradeRow.reason,
    GradeRow.recorded_by,
    GradeRow.recorded_at,
)
_RECORDED = TypeAdapter(tuple[RecordedGrade, ...])
_GRADES = TypeAdapter(tuple[Grade, ...])


class NoSuchSubmission(LookupError):
    """A grade for something that isn't a submission of that assignment; nothing was recorded."""


class Grades:
    """Who was given which points, by whom and why."""

    def __init__(self, database: Database, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock
        self._refusals = Refusals(database, clock)

    def record(
        self,
        course: str,
        assignment: str,
        grades: Sequence[Grade],
        instructor: str,
        reason: str,
        *,
        enrolled: bool = False,
    ) -> tuple[GradeChange, ...]:
        """Record all of them, or none; known ones are left as they are.

        Raises `NoSuchSubmission`, and `OwnWork` for a grade of the instructor's own who is `enrolled`, too.
        """
        refusals = self._refusals.of_own_work(course, instructor, "grade")
        with refusals, self._database.writing() as session:
            owners, known = _owners(session, course, assignment), _latest(session, course, assignment)
            changes = []
            for grade in grades:
                learner = owners.get(grade.submission)
                if learner is None:
                    raise NoSuchSubmission(
                        f"{grade.submission} is no submission of {course}/{assignment}. Nothing was recorded."
                    )
                old = known.get(grade.submission)
                if grade == old:
                    continue
                refuse_own(instructor, learner, enrolled=enrolled)
                known[grade.submission] = grade
                change = GradeChange(
                    learner=learner, submission=grade.submission, old=old and old.score, new=grade.score
                )
                self._write(session, grade, instructor, reason)
                integrity.keep(session, grade.submission, grade.flags, self._clock())
                audit.append(
                    session,
                    self._clock(),
                    "grade",
                    course,
                    who=instructor,
                    why=reason,
                    assignment=assignment,
                    **change.model_dump(),
                    cells=_changed_cells(old, grade),
                )
                changes.append(change)
            return tuple(changes)

    def _write(self, session: Session, grade: Grade, instructor: str, reason: str) -> None:
        session.add(
            GradeRow(
                submission_id=grade.submission,
                grade=grade.model_dump(mode="json"),
                reason=reason,
                recorded_by=instructor,
                recorded_at=self._clock(),
            )
        )

    def latest(self, course: str, assignment: str | None = None) -> tuple[RecordedGrade, ...]:
        """The grade of each submission that has one, by learner and time."""
        query = _newest(course, assignment).order_by(
            SubmissionRow.learner, SubmissionRow.assignment, SubmissionRow.attempt
        )
        with self._database.reading() as session:
            return _RECORDED.validate_python([row._asdict() for row in session.execute(query)])

    def exported(self, course: str, instructor: str) -> tuple[RecordedGrade, ...]:
        """The grade of each learner's latest graded submission; that they were taken away is written down."""
        latest = {(grade.learner, grade.assignment): grade for grade in self.latest(course)}
        with self._database.writing() as session:
            audit.append(session, self._clock(), "export", course, who=instructor, grades=len(latest))
        return tuple(latest.values())


def _newest(course: str, assignment: str | None = None) -> Select[*tuple[Any, ...]]:
    """The columns of a `RecordedGrade`, of each submission's newest grade."""
    newest = select(func.max(GradeRow.number).label("number")).group_by(GradeRow.submission_id).subquery()
    query = (
        select(*_COLUMNS)
        .join(SubmissionRow, GradeRow.submission_id == SubmissionRow.id)
        # Not `number IN (…)`: SQLite would try each of these numbers with each submission.
        .join(newest, GradeRow.number == newest.c.number)
        .where(SubmissionRow.course == course)
    )
    return query if assignment is None else query.where(SubmissionRow.assignment == assignment)


def _latest(session: Session, course: str, assignment: str) -> dict[str, Grade]:
    grades = _GRADES.validate_python([row.grade for row in session.execute(_newest(course, assignment))])
    return {grade.submission: grade for grade in grades}


def _owners(session: Session, course: str, assignment: str) -> dict[str, str]:
    query = select(SubmissionRow.id, SubmissionRow.learner).filter_by(course=course, assignment=assignment)
    return {row.id: row.learner for row in session.execute(query)}


def _changed_cells(old: Grade | None, new: Grade) -> list[dict[str, Any]]:
    """The points of each cell that is not as it was; comments stay in the grade itself."""
    before = {(cell.notebook, cell.cell): cell for cell in old.cells} if old else {}
    return [
        {
            "notebook": cell.notebook,
            "cell": cell.cell,
            "old": _points(before.get((cell.notebook, cell.cell))),
            "new": _points(cell),
        }
        for cell in new.cells
        if before.get((cell.notebook, cell.cell)) != cell
    ]


def _points(cell: CellGrade | None) -> dict[str, float | None] | None:
    return None if cell is None else {"auto": cell.auto, "manual": cell.manual, "extra": cell.extra}
