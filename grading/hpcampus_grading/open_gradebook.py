"""nbgrader's gradebook, kept open while many submissions are graded; see `warm_nbgrader`."""

from collections.abc import Callable, Mapping
from typing import Any, Self

from nbgrader.api import BaseCell, Comment, Grade, Gradebook, GradeCell, SourceCell, TaskCell
from sqlalchemy import event
from sqlalchemy.orm import undefer

from hpcampus_grading.repairing import known_cells
from hpcampus_grading.submission_rows import add_rows


class OpenGradebook(Gradebook):  # type: ignore[misc]  # nbgrader has no types
    """A gradebook that stays open: whoever opens it next finds no object of the one before."""

    def __init__(self, *args: Any, scratch: bool = False) -> None:
        super().__init__(*args)
        if scratch:
            self.engine.dispose()
            event.listen(self.engine, "connect", _wait_for_no_disk)
        self._commit = self.db.commit
        self.db.commit = self._write
        self._courses = {self.course_id}
        self._parts: dict[tuple[Any, ...], Any] = {}
        self._assignments: dict[tuple[Any, ...], Any] = {}

    def opened_by_nbgrader(self, db_url: str, course_id: str = "default_course") -> Self:
        """Itself, for a step of nbgrader's that would open the gradebook anew."""
        return self.of_course(course_id)

    def of_course(self, course: str) -> Self:
        """The same, for another course: nbgrader's steps name one, or its default."""
        if course not in self._courses:
            self.check_course(course)
            self._courses.add(course)
        return self

    def add_submission(self, assignment: str, student: str, **given: Any) -> Any:
        """A new submission, with places for the points and comments of all cells."""
        add_rows(self, assignment, student, **given)
        return self.find_submission(assignment, student)

    def find_grade(self, grade_cell: str, *place: str) -> Any:
        """The points of a learner's cell; `place` is the notebook, the assignment and the learner."""
        grades = self._of_learner(Grade, place, undefer(Grade.max_score))
        return grades.get(grade_cell) or super().find_grade(grade_cell, *place)

    def find_comment(self, solution_cell: str, *place: str) -> Any:
        """The comment on a learner's cell; `place` is the notebook, the assignment and the learner."""
        comments = self._of_learner(Comment, place)
        return comments.get(solution_cell) or super().find_comment(solution_cell, *place)

    def find_source_cell(self, name: str, *place: str) -> Any:
        """A cell as the instructor wrote it; `place` is the notebook and the assignment."""
        return self._of_notebook(place, SourceCell).get(name) or super().find_source_cell(name, *place)

    def find_graded_cell(self, name: str, *place: str) -> Any:
        """A cell that gives points; `place` is the notebook and the assignment."""
        cells = self._of_notebook(place, TaskCell, GradeCell)
        return cells.get(name) or super().find_graded_cell(name, *place)

    def known_cells(self, *place: str) -> Mapping[str, Any]:
        """What `RepairCells` knows of a notebook; `place` is its name and the assignment."""
        found: Mapping[str, Any] = _first(self._assignments, place, lambda: known_cells(self, *place))
        return found

    def _of_notebook(self, place: tuple[str, ...], *kinds: Any) -> dict[str, Any]:
        """All cells of these kinds by their names."""

        def read() -> dict[str, Any]:
            notebook = self.find_notebook(*place).id
            rows = (self.db.query(kind).filter_by(notebook_id=notebook) for kind in kinds)
            return {cell.name: cell for cells in rows for cell in cells}

        found: dict[str, Any] = _first(self._assignments, (kinds, *place), read)
        return found

    def _of_learner(self, kind: Any, place: tuple[str, ...], *options: Any) -> dict[str, Any]:
        """All points, or all comments, of a learner's notebook by the names of their cells."""

        def read() -> dict[str, Any]:
            notebook = _first(self._parts, place, lambda: self.find_submission_notebook(*place).id)
            rows = self.db.query(BaseCell.name, kind).join(BaseCell, BaseCell.id == kind.cell_id)
            return dict(rows.options(*options).filter(kind.notebook_id == notebook).all())

        found: dict[str, Any] = _first(self._parts, (kind, *place), read)
        return found

    def __exit__(self, kind: Any, *_: Any) -> None:
        """Write what a step left, but not yet to the disk; forget all of the submission if it failed."""
        self._parts.clear()
        if kind is None:
            self.db.flush()
            self.db.expunge_all()
        else:
            self._courses.clear()
            self.db.remove()

    def close(self) -> None:
        """Keep what was written and end the transaction: the next one reads what others wrote since."""
        try:
            self._commit()
        finally:
            self.db.remove()

    def _write(self) -> None:
        """Let the database refuse what is new; all else waits until the step is done."""
        if self.db.new:
            self.db.flush()


def _wait_for_no_disk(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous = OFF")


def _first(kept: dict[tuple[Any, ...], Any], key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
    """What was made for the key the first time."""
    if key not in kept:
        kept[key] = make()
    return kept[key]
