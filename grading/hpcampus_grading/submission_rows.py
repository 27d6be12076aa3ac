"""The rows of a submission in nbgrader's gradebook, written table by table instead of one by one."""

from collections.abc import Iterable, Mapping
from typing import Any

from nbgrader.api import (
    BaseCell,
    Comment,
    Grade,
    GradeCell,
    MissingEntry,
    Notebook,
    SolutionCell,
    SubmittedAssignment,
    SubmittedNotebook,
    TaskCell,
    new_uuid,
)
from nbgrader.utils import parse_utc
from sqlalchemy import Float, bindparam, insert, or_, update

from hpcampus_grading.batch.work import CellComment, CellScore

_KINDS = {cell.__mapper__.polymorphic_identity: cell for cell in (GradeCell, SolutionCell, TaskCell)}
_WITH_POINTS, _WITH_COMMENTS = (GradeCell, TaskCell), (SolutionCell, TaskCell)


def add_rows(gradebook: Any, assignment: str, student: str, **given: Any) -> None:
    """What nbgrader's `add_submission` adds: a place for points and comments of each cell that has them.

    Raises `MissingEntry` for an assignment or a student that isn't there.
    """
    if "timestamp" in given:
        given["timestamp"] = parse_utc(given["timestamp"])
    found = gradebook.find_assignment(assignment).id
    entry = {"id": new_uuid(), "assignment_id": found, "student_id": gradebook.find_student(student).id}
    notebooks = [row.id for row in gradebook.db.query(Notebook.id).filter_by(assignment_id=found)]
    copies = {notebook: new_uuid() for notebook in notebooks}
    cells = gradebook.db.query(BaseCell.notebook_id, BaseCell.id, BaseCell.type)
    parts = [
        (_KINDS.get(kind), {"notebook_id": copies[notebook], "cell_id": cell})
        for notebook, cell, kind in cells.filter(BaseCell.notebook_id.in_(notebooks))
    ]
    _insert(gradebook, SubmittedAssignment, [entry | given])
    _insert(
        gradebook,
        SubmittedNotebook,
        [{"id": copy, "assignment_id": entry["id"], "notebook_id": own} for own, copy in copies.items()],
    )
    _insert(gradebook, Grade, [part for kind, part in parts if kind in _WITH_POINTS])
    _insert(gradebook, Comment, [part for kind, part in parts if kind in _WITH_COMMENTS])


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


def write_results(
    gradebook: Any, submission: str, scores: Iterable[CellScore], comments: Iterable[CellComment]
) -> None:
    """What the tests gave, and what nbgrader has to say; nothing is taken off for lateness any more.

    Raises `MissingEntry` for a cell that the assignment doesn't have.
    """
    own = SubmittedNotebook.assignment_id == submission
    gradebook.db.execute(update(SubmittedNotebook).where(own).values(late_submission_penalty=None))
    cells = (
        gradebook.db.query(Notebook.name, BaseCell.name, BaseCell.type, SubmittedNotebook.id, BaseCell.id)
        .join(BaseCell, BaseCell.notebook_id == Notebook.id)
        .join(SubmittedNotebook, SubmittedNotebook.notebook_id == Notebook.id)
        .filter(own)
        .all()
    )
    places = [
        (_KINDS.get(kind), (notebook, name), {"copy": copy, "of": cell})
        for notebook, name, kind, copy, cell in cells
    ]
    graded = {name: place for kind, name, place in places if kind in _WITH_POINTS}
    commented = {name: place for kind, name, place in places if kind in _WITH_COMMENTS}
    _update(gradebook, _SET_SCORE, [_at(graded, found) | {"score": found.score} for found in scores])
    _update(
        gradebook, _SET_COMMENT, [_at(commented, found) | {"comment": found.comment} for found in comments]
    )


def _at(places: Mapping[tuple[str, str], dict[str, Any]], found: CellScore | CellComment) -> dict[str, Any]:
    try:
        return places[found.notebook, found.cell]
    except KeyError as error:
        raise MissingEntry(f"The assignment has no cell {found.cell!r} in {found.notebook!r}.") from error


def _update(gradebook: Any, change: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        gradebook.db.connection().execute(change, rows)


def _insert(gradebook: Any, table: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        gradebook.db.execute(insert(table.__table__), rows)
