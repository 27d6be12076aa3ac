"""The rows of a submission in nbgrader's gradebook, written table by table instead of one by one."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    GradeCell,
    MissingEntry,
    Notebook,
    SolutionCell,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
    TaskCell,
    new_uuid,
)
from nbgrader.utils import parse_utc
from sqlalchemy import Float, and_, bindparam, insert, or_, select, update

from hpcampus_grading.batch.work import CellComment, CellScore

_KINDS = {cell.__mapper__.polymorphic_identity: cell for cell in (GradeCell, SolutionCell, TaskCell)}
_WITH_POINTS, _WITH_COMMENTS = (GradeCell, TaskCell), (SolutionCell, TaskCell)
_Named = tuple[str, str]
"""The names of a notebook and of a cell in it."""


def add_rows(gradebook: Any, assignment: str, student: str, **given: Any) -> None:
    """What nbgrader's `add_submission` adds: a place for points and comments of each cell that has them.

    Raises `MissingEntry` for an assignment or a student that isn't there.
    """
    if "timestamp" in given:
        given["timestamp"] = parse_utc(given["timestamp"])
    found = gradebook.find_assignment(assignment).id
    _add(
        gradebook, {"assignment_id": found, "student_id": gradebook.find_student(student).id, **given}, {}, {}
    )


def enter_rows(
    gradebook: Any,
    assignment: str,
    student: str,
    timestamp: str | None,
    scores: Iterable[CellScore],
    comments: Iterable[CellComment],
) -> bool:
    """A submission and its results, new or in place of an earlier one; answers whether it is late.

    Of an earlier one people's points and comments stay, and nothing is taken off for lateness any more.
    Raises `MissingEntry` for an assignment, or for a cell, that isn't there.
    """
    points = {(found.notebook, found.cell): found.score for found in scores}
    words = {(found.notebook, found.cell): found.comment for found in comments}
    given = {"timestamp": parse_utc(timestamp)} if timestamp else {}
    known = gradebook.db.execute(_FOUND, {"assignment": assignment, "student": student}).one_or_none()
    if known is None:
        raise MissingEntry(f"There is no assignment {assignment!r}.")
    if known.submission is None:
        if gradebook.db.execute(_STUDENT, {"student": student}).one_or_none() is None:
            _insert(gradebook, Student, [{"id": student}])
        _add(gradebook, {"assignment_id": known.assignment, "student_id": student, **given}, points, words)
    else:
        _replace(gradebook, known.submission, given, points, words)
    when = given.get("timestamp", known.timestamp)
    due = known.duedate and known.duedate + (known.extension or timedelta())
    return bool(when and due and when > due)


_STUDENT = select(Student.id).where(Student.id == bindparam("student"))
_FOUND = (
    select(
        Assignment.id.label("assignment"),
        Assignment.duedate,
        SubmittedAssignment.id.label("submission"),
        SubmittedAssignment.timestamp,
        SubmittedAssignment.extension,
    )
    .outerjoin(
        SubmittedAssignment,
        and_(
            SubmittedAssignment.assignment_id == Assignment.id,
            SubmittedAssignment.student_id == bindparam("student"),
        ),
    )
    .where(Assignment.name == bindparam("assignment"))
)
_CELLS = (
    select(Notebook.id, Notebook.name, BaseCell.id, BaseCell.name, BaseCell.type)
    .outerjoin(BaseCell, BaseCell.notebook_id == Notebook.id)
    .where(Notebook.assignment_id == bindparam("assignment"))
)


def _add(
    gradebook: Any,
    entry: Mapping[str, Any],
    points: Mapping[_Named, float | None],
    words: Mapping[_Named, str | None],
) -> None:
    own = new_uuid()
    copies: dict[str, str] = {}
    places = []
    for notebook, named, cell, name, kind in gradebook.db.execute(
        _CELLS, {"assignment": entry["assignment_id"]}
    ):
        copy = copies.setdefault(notebook, new_uuid())
        places.append((_KINDS.get(kind), (named, name), {"notebook_id": copy, "cell_id": cell}))
    graded, commented = _with(_WITH_POINTS, places, points), _with(_WITH_COMMENTS, places, words)
    _insert(gradebook, SubmittedAssignment, [{"id": own, **entry}])
    notebooks = [{"id": copy, "assignment_id": own, "notebook_id": of} for of, copy in copies.items()]
    _insert(gradebook, SubmittedNotebook, notebooks)
    scored = [(points.get(name), place) for name, place in graded.items()]
    rows = [{**place, "auto_score": score, "needs_manual_grade": score is None} for score, place in scored]
    _insert(gradebook, Grade, rows)
    said = [{**place, "auto_comment": words.get(name)} for name, place in commented.items()]
    _insert(gradebook, Comment, said)


_SCORE = bindparam("score", type_=Float)
_COPY: Any = bindparam("copy")
_OF: Any = bindparam("of")
# nbgrader's own rule: who gave points to other work than this has to look again.
_SET_SCORE = (
    update(Grade.__table__)
    .where(Grade.notebook_id == _COPY, Grade.cell_id == _OF)
    .values(auto_score=_SCORE, needs_manual_grade=or_(Grade.manual_score.is_not(None), _SCORE.is_(None)))
)
_SET_COMMENT = (
    update(Comment.__table__)
    .where(Comment.notebook_id == _COPY, Comment.cell_id == _OF)
    .values(auto_comment=bindparam("comment"))
)


def _replace(
    gradebook: Any,
    submission: str,
    given: Mapping[str, Any],
    points: Mapping[_Named, float | None],
    words: Mapping[_Named, str | None],
) -> None:
    if given:
        entry = update(SubmittedAssignment).where(SubmittedAssignment.id == submission)
        gradebook.db.execute(entry.values(**given))
    own = SubmittedNotebook.assignment_id == submission
    gradebook.db.execute(update(SubmittedNotebook).where(own).values(late_submission_penalty=None))
    cells = (
        select(Notebook.name, BaseCell.name, BaseCell.type, SubmittedNotebook.id, BaseCell.id)
        .join(BaseCell, BaseCell.notebook_id == Notebook.id)
        .join(SubmittedNotebook, SubmittedNotebook.notebook_id == Notebook.id)
        .where(own)
    )
    places = [
        (_KINDS.get(kind), (notebook, name), {"copy": copy, "of": cell})
        for notebook, name, kind, copy, cell in gradebook.db.execute(cells)
    ]
    graded, commented = _with(_WITH_POINTS, places, points), _with(_WITH_COMMENTS, places, words)
    _update(gradebook, _SET_SCORE, [{**graded[name], "score": score} for name, score in points.items()])
    _update(gradebook, _SET_COMMENT, [{**commented[name], "comment": text} for name, text in words.items()])


def _with(
    kinds: tuple[Any, ...], places: Iterable[tuple[Any, _Named, dict[str, Any]]], wanted: Iterable[_Named]
) -> dict[_Named, dict[str, Any]]:
    """The places of such cells by name; `MissingEntry` where one is wanted that isn't there."""
    found = {name: place for kind, name, place in places if kind in kinds}
    for notebook, cell in wanted:
        if (notebook, cell) not in found:
            raise MissingEntry(f"The assignment has no cell {cell!r} in {notebook!r}.")
    return found


def _update(gradebook: Any, change: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        gradebook.db.connection().execute(change, rows)


def _insert(gradebook: Any, table: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        gradebook.db.execute(insert(table.__table__), rows)
