"""nbgrader's converters and gradebook for one course folder, as calls that raise when they fail."""

import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps import NbGrader, NbGraderAPI

from hpcampus_grading.course_folder import CourseFolder
from hpcampus_grading.messages import AssignmentInfo
from hpcampus_grading.nbgrader_settings import apply_course, configure


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
        self._api = NbGraderAPI(config=app.config)

    def generate(self, assignment: AssignmentInfo) -> None:
        """Make the learners' version and the gradebook's entry, unless they are there."""
        with self._alone(), self._gradebook() as gradebook:
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
        with self._alone():
            self._do(f"collect {assignment}", self._api.collect, assignment, update=True)

    def autograde(self, assignment: str, *, again: bool = False) -> None:
        """Grade what is new, or with `again` all, in the sandbox; one failure doesn't stop the others."""
        with self._alone():
            self._do(f"grade all of {assignment}", self._api.autograde, assignment, "*", force=again)

    def feedback(self, assignment: str) -> None:
        """Make the feedback pages and release them, each to its learner."""
        with self._alone():
            self._do(f"make feedback for {assignment}", self._api.generate_feedback, assignment, force=True)
            self._do(f"release feedback for {assignment}", self._api.release_feedback, assignment)

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
        note = "needs a person: manual grading" if entry.needs_manual_grade else ""
        return Score(learner, entry.score, entry.max_score, note)

    def _gradebook(self) -> Any:
        return Gradebook(self._api.coursedir.db_url, self._folder.course)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Two graders of one course take turns."""
        with (self._folder.path / ".grading.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

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
