"""The course folder and its gradebook as a batch sees them: what there is to grade, and where results go.

Results are written here and nowhere else, by one process at a time.
"""

import json
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import unquote

from nbformat.v4 import new_notebook
from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import AssignLatePenalties, latesubmissions
from pydantic import JsonValue
from traitlets.config import Config

from hpcampus_grading.batch.one import forget_people, packed, unpacked
from hpcampus_grading.batch.work import Graded, Material, Work
from hpcampus_grading.exchange.instructor import read_receipt
from hpcampus_grading.folders import replace_folder
from hpcampus_grading.open_gradebook import OpenGradebook
from hpcampus_grading.submission_rows import enter_rows

Enter = Callable[[Graded], None]
_SQLITE = "sqlite:///"
_READ_ONLY = 0o444


class Book:
    """One assignment of a course folder, with a gradebook that may be a copy of the course's own."""

    def __init__(self, course: str, root: Path, config: Config, assignment: str) -> None:
        self._course, self._root, self._config, self._assignment = course, root, config, assignment
        self._directory = CourseDirectory(config=config)
        self._url = str(self._directory.db_url)

    def material(self) -> Material:
        """The assignment as it is in the gradebook now."""
        source = self._root / "source" / self._assignment
        return Material(
            course=self._course,
            assignment=self._assignment,
            source=packed(source),
            gradebook=_without_people(database_file(self._url)),
            settings=_plain(self._config),
        )

    def submitted(self) -> list[str]:
        """Whose submission was collected, by name."""
        return sorted(path.parent.name for path in self._root.glob(f"submitted/*/{self._assignment}"))

    def waiting(self, since: float | None = None) -> list[str]:
        """Whose submission isn't graded yet, or wasn't since a moment (in seconds since 1970)."""
        return [learner for learner in self.submitted() if not self._graded(learner, since)]

    def is_current(self, learner: str) -> bool:
        """Whether what was graded is what was collected."""
        graded = self._folder("autograded", learner)
        return graded.is_dir() and _version(graded) == _version(self._folder("submitted", learner))

    def work(self, learner: str) -> Work:
        """A learner's submission as it was collected."""
        files = packed(self._folder("submitted", learner))
        return Work(learner=learner, version=self.version(learner), files=files)

    def version(self, learner: str) -> str:
        """Which of the learner's submissions was collected."""
        return _version(self._folder("submitted", learner))

    @contextmanager
    def entering(self) -> Iterator[Enter]:
        """Write scores and comments into the gradebook; people's points stay, and they are to look again.

        The gradebook stays open within the block. All that is written of a submission reaches the disk
        together, or nothing does.
        """
        gradebook = OpenGradebook(self._url, self._course)

        def enter(graded: Graded) -> None:
            with gradebook, patch.object(latesubmissions, "Gradebook", gradebook.opened_by_nbgrader):
                if self._write(gradebook, graded):
                    for notebook in sorted({cell.notebook for cell in graded.scores}):
                        self._take_off_for_lateness(graded.learner, notebook)
            gradebook.close()

        try:
            yield enter
        finally:
            Gradebook.close(gradebook)

    def keep(self, graded: Graded) -> None:
        """Put the executed notebooks where nbgrader's other steps look for them; complete, or not at all.

        They come after the gradebook: where they are, the submission is graded.
        """
        with replace_folder(self._folder("autograded", graded.learner)) as fresh:
            unpacked(graded.files, fresh)
            for path in fresh.rglob("*"):
                if path.is_file():
                    path.chmod(_READ_ONLY)

    def scores(self) -> Mapping[str, float]:
        """What everybody has now, lateness taken off, by learner."""
        with Gradebook(self._url, self._course) as gradebook:
            return {
                entry.student.id: entry.score - sum(n.late_submission_penalty or 0 for n in entry.notebooks)
                for entry in gradebook.assignment_submissions(self._assignment)
            }

    def _folder(self, step: str, learner: str) -> Path:
        return self._root / step / learner / self._assignment

    def _graded(self, learner: str, since: float | None) -> bool:
        if not self.is_current(learner):
            return False
        return since is None or self._folder("autograded", learner).stat().st_mtime > since

    def _write(self, gradebook: OpenGradebook, graded: Graded) -> bool:
        """All but what is taken off for lateness; answers whether it is late."""
        when = self._directory.get_existing_timestamp(str(self._folder("submitted", graded.learner)))
        results = graded.scores, graded.comments
        return enter_rows(gradebook, self._assignment, graded.learner, when, *results)

    def _take_off_for_lateness(self, learner: str, notebook: str) -> None:
        """nbgrader's own step, which needs nothing of the notebook but its name."""
        names = {
            "student": learner,
            "assignment": self._assignment,
            "notebook": notebook,
            "db_url": self._url,
        }
        empty: Any = new_notebook()  # type: ignore[no-untyped-call]
        AssignLatePenalties(config=self._config).preprocess(empty, {"nbgrader": names})


def database_file(url: str) -> Path:
    """The file of a gradebook; raises ValueError for one that isn't SQLite's."""
    if not url.startswith(_SQLITE):
        raise ValueError(
            "The course's gradebook is not an SQLite file, and only such a one can be graded into."
        )
    return Path(unquote(url.removeprefix(_SQLITE)))


def copy_database(source: Path, target: Path) -> None:
    """A copy that is consistent whoever writes meanwhile."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def _without_people(file: Path) -> bytes:
    """The gradebook with its assignments, and nobody in it."""
    with tempfile.TemporaryDirectory(prefix="hpcampus-") as name:
        copy = Path(name, "gradebook.db")
        copy_database(file, copy)
        forget_people(copy)
        with closing(sqlite3.connect(copy, isolation_level=None)) as database:
            database.execute("VACUUM")
        return copy.read_bytes()


def _plain(config: Config) -> dict[str, JsonValue]:
    """nbgrader's settings that are plain data, without those that name folders of this machine."""
    kept: dict[str, JsonValue] = {}
    for section, values in config.items():
        if section not in ("CourseDirectory", "NbGrader") and not section.startswith("Exchange"):
            kept[section] = {name: value for name, value in values.items() if _is_plain(value)}
    return kept


def _is_plain(value: Any) -> bool:
    try:
        json.dumps(value)
    except TypeError:
        return False
    return True


def _version(folder: Path) -> str:
    """Which submission lies in a folder: the exchange's name for it, or its time if somebody put it there."""
    receipt = read_receipt(folder)
    if receipt is not None:
        return receipt.id
    try:
        return (folder / "timestamp.txt").read_text().strip()
    except OSError:
        return ""
