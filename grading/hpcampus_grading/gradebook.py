"""nbgrader's converters and gradebook for one course folder, as calls that raise when they fail."""

import copy
import fcntl
import os
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps import NbGrader, NbGraderAPI

from hpcampus_grading.batch.book import Book, copy_database, database_file
from hpcampus_grading.course_folder import CourseFolder
from hpcampus_grading.messages import AssignmentInfo, Grade, RecordedGrade
from hpcampus_grading.nbgrader_settings import apply_course, configure
from hpcampus_grading.new_gradebook import ensure_gradebook
from hpcampus_grading.recording import bring_back, flags_of, grades_of
from hpcampus_grading.side_by_side import side_by_side
from hpcampus_grading.warm_nbgrader import warm_nbgrader


class GradingProblem(RuntimeError):
    """One of nbgrader's steps failed; `log` is what it said."""

    def __init__(self, sentence: str, log: str) -> None:
        super().__init__(sentence)
        self.log = log


@dataclass(frozen=True)
class Score:
    """How one learner stands in an assignment; `note` says what a person has to do, empty when nothing."""

    learner: str
    score: float | None
    max_score: float
    note: str


class CourseGradebook:
    """The gradebook of a course folder. One process at a time changes it."""

    def __init__(self, folder: CourseFolder) -> None:
        self._folder = folder
        find_programs()
        app = NbGrader()
        app.load_cwd_config = False
        app.load_config_file()
        configure(app.config)
        apply_course(app.config, folder)
        self._config = app.config
        self._api = NbGraderAPI(config=app.config)

    def generate(self, assignment: AssignmentInfo) -> None:
        """Make the learners' version and the gradebook's entry, unless they are there."""
        ensure_gradebook(self._folder)
        with self._folder.alone(), self._gradebook() as gradebook:
            try:
                known = bool(gradebook.find_assignment(assignment.slug).notebooks)
            except MissingEntry:
                known = False
            if not known:
                self._do(f"generate {assignment.slug}", self._api.generate_assignment, assignment.slug)
            # nbgrader's dates are in UTC and don't say so.
            due = assignment.due and assignment.due.astimezone(UTC).replace(tzinfo=None)
            gradebook.update_or_create_assignment(assignment.slug, duedate=due)

    def collect(self, assignment: str) -> None:
        """Bring new submissions from the exchange."""
        with self._folder.alone():
            self._do(f"collect {assignment}", self._api.collect, assignment, update=True)

    @property
    def folder(self) -> CourseFolder:
        """The course folder that it belongs to."""
        return self._folder

    def book(self, assignment: str) -> Book:
        """An assignment as those see it who grade many submissions of it."""
        return Book(self._folder.course, self._folder.path, self._config, assignment)

    @contextmanager
    def grading(self, assignment: str) -> Iterator[None]:
        """One batch of an assignment at a time: who comes second finds what the first has done."""
        with (self._folder.path / f".grading-{assignment}.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def round(self, assignment: str, *, again: bool) -> Iterator[float | None]:
        """Since when a submission must have been graded to count as graded; None for ever.

        A round that grades all again has a beginning, which stays until it was gone through.
        """
        marker = self._folder.path / f".again-{assignment}"
        if not again:
            yield None
            return
        if not marker.exists():
            marker.touch()
        yield marker.stat().st_mtime
        marker.unlink()

    @contextmanager
    def trial(self, assignment: str, folder: Path) -> Iterator[Book]:
        """A copy of the gradebook in an empty folder, with the tests as they are in the source now."""
        for name in ("source", "submitted", "autograded"):
            (folder / name).symlink_to(self._folder.path / name)
        copy_database(database_file(self._api.coursedir.db_url), folder / "gradebook.db")
        config = copy.deepcopy(self._config)
        config.CourseDirectory.root = str(folder)
        config.CourseDirectory.db_url = f"sqlite:///{folder}/gradebook.db"
        self._do(f"generate {assignment}", NbGraderAPI(config=config).generate_assignment, assignment)
        yield Book(self._folder.course, folder, config, assignment)

    def generate_again(self, assignment: str) -> None:
        """Take the tests as they are in the source now; what learners did stays."""
        with self._folder.alone():
            self._do(f"generate {assignment}", self._api.generate_assignment, assignment)

    def feedback(self, assignment: str, learner: str | None = None, *, processes: int = 1) -> None:
        """Make the feedback pages and release them, each to its learner; or those of one learner."""
        with self._folder.alone():
            if learner is not None:
                self._make_feedback(assignment, learner)
            else:
                self.make_feedback(assignment, processes)
            release = self._api.release_feedback
            self._do(f"release feedback for {assignment}", release, assignment, learner)

    def make_feedback(self, assignment: str, processes: int = 1) -> None:
        """Make everybody's pages, in so many processes at the same time; the caller has the folder alone."""
        graded = sorted(path.parent.name for path in self._folder.path.glob(f"autograded/*/{assignment}"))
        parts = [graded[first::processes] for first in range(min(processes, len(graded)))]
        directory = self._api.coursedir
        left_out = directory.student_id_exclude

        def make(part: Sequence[str]) -> None:
            directory.student_id_exclude = ",".join([left_out, *sorted({*graded} - {*part})])
            try:
                self._make_feedback(assignment, None)
            finally:
                directory.student_id_exclude = left_out

        side_by_side(parts, make)

    def _make_feedback(self, assignment: str, learner: str | None) -> None:
        make = self._api.generate_feedback
        with warm_nbgrader():
            self._do(f"make feedback for {assignment}", make, assignment, learner, force=True)

    def grades(self, assignment: str, only: Collection[str] | None = None) -> list[Grade]:
        """What submissions are worth, cell by cell, as the exchange records it; everybody's, or only some."""
        with self._gradebook() as gradebook:
            return list(grades_of(gradebook, self._folder.path, assignment, only))

    def bring_back(self, assignment: str, recorded: Sequence[RecordedGrade]) -> int:
        """Restore the points and comments that people gave; answers to how many cells."""
        with self._folder.alone(), self._gradebook() as gradebook:
            return bring_back(gradebook, assignment, recorded, self._folder.path / "autograded")

    def take_over(self, assignment: str, recorded: Sequence[RecordedGrade]) -> int:
        """Bring in what other instructors gave, where nothing was given here; answers to how many cells."""
        with self._folder.alone(), self._gradebook() as gradebook:
            graded = self._folder.path / "autograded"
            return bring_back(gradebook, assignment, recorded, graded, only_missing=True)

    def automatic_points(self, assignment: str) -> dict[str, dict[str, float]]:
        """What the tests gave, by learner and cell."""
        with self._gradebook() as gradebook:
            return {
                entry.student.id: {
                    grade.name: grade.auto_score
                    for notebook in entry.notebooks
                    for grade in notebook.grades
                    if grade.auto_score is not None
                }
                for entry in gradebook.assignment_submissions(assignment)
            }

    def scores(self, assignment: str) -> list[Score]:
        """Everybody whose submission was collected, by name."""
        learners = sorted(self._api.get_submitted_students(assignment))
        with self._gradebook() as gradebook:
            return [self._score(gradebook, assignment, learner) for learner in learners]

    def _score(self, gradebook: Any, assignment: str, learner: str) -> Score:
        graded = (self._folder.path / "autograded" / learner / assignment).is_dir()
        try:
            entry = gradebook.find_submission(assignment, learner)
        except MissingEntry:
            return Score(
                learner, None, gradebook.find_assignment(assignment).max_score, "could not be graded"
            )
        if not graded:
            return Score(learner, None, entry.max_score, "could not be graded")
        reasons = ["manual grading"] if entry.needs_manual_grade else []
        if flags := flags_of(self._folder.path / "autograded" / learner / assignment):
            reasons.append(f"tampering suspected in {', '.join(dict.fromkeys(flag.cell for flag in flags))}")
        note = f"needs a person: {'; '.join(reasons)}" if reasons else ""
        return Score(learner, entry.score, entry.max_score, note)

    def _gradebook(self) -> Any:
        return Gradebook(self._api.coursedir.db_url, self._folder.course)

    def _do(self, what: str, step: Callable[..., dict[str, Any]], *args: Any, **more: Any) -> None:
        result = step(*args, **more)
        if not result["success"]:
            log = "\n".join(str(result.get(part) or "") for part in ("log", "error"))
            raise GradingProblem(f"nbgrader could not {what}.", log)


def find_programs() -> None:
    """Put this Python's own programs on PATH: nbgrader calls `alembic` by its name alone."""
    own = str(Path(sys.prefix, "bin"))
    path = os.environ.get("PATH", os.defpath)
    if own not in path.split(os.pathsep):
        os.environ["PATH"] = f"{own}{os.pathsep}{path}"
