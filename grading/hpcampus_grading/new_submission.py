"""The rows of a new submission in nbgrader's gradebook, written table by table instead of one by one."""

from typing import Any

from nbgrader.api import (
    BaseCell,
    Comment,
    Grade,
    GradeCell,
    Notebook,
    SolutionCell,
    SubmittedAssignment,
    SubmittedNotebook,
    TaskCell,
    new_uuid,
)
from nbgrader.utils import parse_utc
from sqlalchemy import insert

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


def _insert(gradebook: Any, table: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        gradebook.db.execute(insert(table.__table__), rows)
