"""A course folder with submissions of a small assignment, made without an exchange."""

import os
import signal
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
from hpcampus_grading.batch.grading import Batch, grade_waiting
from hpcampus_grading.batch.regrading import regrade
from hpcampus_grading.batch.workers import Crew
from hpcampus_grading.course_folder import CourseFolder
from hpcampus_grading.gradebook import CourseGradebook
from hpcampus_grading.messages import AssignmentInfo, CourseInfo, timestamp
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.api import Gradebook

COURSE, ASSIGNMENT = "squares", "a1"
RIGHT = "def square(x):\n    return x * x"
WRONG = "def square(x):\n    return 0"


def _cell(source: str, grade_id: str, **flags: Any) -> Any:
    known = {"schema_version": 3, "grade": False, "solution": False, "locked": False, "task": False}
    cell: Any = new_code_cell(source)  # type: ignore[no-untyped-call]
    cell.metadata["nbgrader"] = {"grade_id": grade_id, **known, **flags}
    return cell


def notebook(test: str = "assert square(3) == 9") -> Any:
    """One answer with a test for 2 points, and one for 3 points that only a person can grade."""
    made: Any = new_notebook()  # type: ignore[no-untyped-call]
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    solution = f"### BEGIN SOLUTION\n{RIGHT}\n### END SOLUTION"
    essay = "### BEGIN SOLUTION\n'because'\n### END SOLUTION"
    made.cells = [
        _cell(solution, "square", solution=True),
        _cell(test, "square-test", grade=True, locked=True, points=2),
        _cell(essay, "why", grade=True, solution=True, points=3),
    ]
    return made


class ClassFolder:
    """`~/courses/squares`, below any folder."""

    def __init__(self, parent: Path) -> None:
        self.folder = CourseFolder(COURSE, parent)
        self.root = self.folder.path
        self.root.mkdir(parents=True, exist_ok=True)

    def prepare(self) -> "ClassFolder":
        """Write the source, and have nbgrader know it."""
        assignment = AssignmentInfo(
            slug=ASSIGNMENT, title="Squares", notebook="a1.ipynb", points=5, due=None, released=True
        )
        info = CourseInfo(
            slug=COURSE, title="Squares", role="instructor", libraries=(), assignments=(assignment,)
        )
        (self.root / "course.json").write_text(info.model_dump_json())
        self.write_source(notebook())
        self.gradebook().generate(assignment)
        return self

    def gradebook(self) -> CourseGradebook:
        """The gradebook, opened anew."""
        return CourseGradebook(self.folder)

    def write_source(self, content: Any) -> None:
        """Change the tests."""
        folder = self.root / "source" / ASSIGNMENT
        folder.mkdir(parents=True, exist_ok=True)
        nbformat.write(content, folder / "a1.ipynb")  # type: ignore[no-untyped-call]

    def submit(self, learner: str, answer: str = RIGHT, why: str = "'because'") -> None:
        """A submission, as if it had been collected; a later one replaces it."""
        content: Any = nbformat.read(  # type: ignore[no-untyped-call]
            self.root / "release" / ASSIGNMENT / "a1.ipynb", as_version=4
        )
        content.cells[0].source, content.cells[2].source = answer, why
        target = self.root / "submitted" / learner / ASSIGNMENT
        target.mkdir(parents=True, exist_ok=True)
        nbformat.write(content, target / "a1.ipynb")  # type: ignore[no-untyped-call]
        (target / "timestamp.txt").write_text(timestamp(datetime.now(UTC)))

    def submit_all(self, learners: Iterable[str], answer: str = RIGHT) -> None:
        """The same from everybody."""
        for learner in learners:
            self.submit(learner, answer)

    def graded_at(self) -> Mapping[str, int]:
        """When each learner's executed notebook was put where it is, in nanoseconds."""
        found = self.root.glob(f"autograded/*/{ASSIGNMENT}/a1.ipynb")
        return {path.parent.parent.name: path.stat().st_mtime_ns for path in found}

    def scores(self) -> Mapping[tuple[str, str], float | None]:
        """The automatic score of each cell of each learner, and under `+` what a person gave."""
        with Gradebook(f"sqlite:///{self.root}/gradebook.db", COURSE) as gradebook:
            return {
                (entry.student.id, grade.name): grade.auto_score
                for entry in gradebook.assignment_submissions(ASSIGNMENT)
                for notebook_ in entry.notebooks
                for grade in notebook_.grades
            }

    def grade_by_hand(self, learner: str, points: float, comment: str) -> None:
        """What a person gives for the part that has no test, and says about the other."""
        with Gradebook(f"sqlite:///{self.root}/gradebook.db", COURSE) as gradebook:
            grade = gradebook.find_grade("why", "a1", ASSIGNMENT, learner)
            grade.manual_score, grade.needs_manual_grade = points, False
            gradebook.find_comment("square", "a1", ASSIGNMENT, learner).manual_comment = comment
            gradebook.db.commit()

    def by_hand(self, learner: str) -> tuple[float | None, str | None]:
        """What a person gave and said."""
        with Gradebook(f"sqlite:///{self.root}/gradebook.db", COURSE) as gradebook:
            grade = gradebook.find_grade("why", "a1", ASSIGNMENT, learner)
            comment = gradebook.find_comment("square", "a1", ASSIGNMENT, learner)
            return grade.manual_score, comment.manual_comment


def grade(parent: Path, workers: int = 1, *, again: bool = False, die_after: int | None = None) -> Batch:
    """Grade what waits; with `die_after` this process kills itself when so many are done."""
    return grade_waiting(
        CourseGradebook(CourseFolder(COURSE, parent)),
        ASSIGNMENT,
        Crew("here", workers),
        dying_after(die_after),
        again=again,
    )


def regrade_and_die(parent: Path, submissions: int) -> None:
    """Grade again what was graded, and kill this process when so many are done."""
    gradebook = CourseGradebook(CourseFolder(COURSE, parent))
    with regrade(gradebook, ASSIGNMENT, Crew("here", 1), dying_after(submissions)):
        raise AssertionError("it should be dead by now")


def dying_after(submissions: int | None) -> Callable[[int, int], None]:
    """Progress that ends this process, as `kill -9` does, when so many are done."""

    def progress(done: int, of: int) -> None:
        if submissions is not None and done >= submissions:
            os.kill(os.getpid(), signal.SIGKILL)

    return progress
