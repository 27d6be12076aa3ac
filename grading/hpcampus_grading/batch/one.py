"""The one door through which a submission is graded: plain data in, plain data out, nothing else is changed.

nbgrader's own converter does it, in a folder of its own and with a gradebook in which nobody else is; the
step that runs learners' cells is ours, in the sandbox.
"""

import io
import logging
import sqlite3
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from nbgrader.api import BaseCell, Comment, Grade, Gradebook, Notebook, SubmittedNotebook
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from hpcampus_grading.archive import IGNORED, BadArchive, files_to_pack, pack, unpack_file
from hpcampus_grading.batch.work import LIMITS, CellComment, CellScore, Graded, Material, Work
from hpcampus_grading.folders import remove_folder
from hpcampus_grading.notebooks import BadNotebook
from hpcampus_grading.warm_nbgrader import warm_nbgrader

_SAYS_NOTHING = "There was an error processing assignment"
# Tables of nbgrader's that hold what learners did, children first.
_PEOPLE = ("grade", "comment", "submitted_notebook", "submitted_assignment", "student")

# Steps that look at what else is known of who handed in; that is done when the result is entered.
_OF_A_PERSON = (".TakeOver", ".AssignLatePenalties")
# As nbgrader makes them for a submission that nobody has looked at.
_EMPTY = {
    "student": "id = :learner",
    "submitted_assignment": "student_id = :learner, timestamp = NULL, extension = NULL",
    "submitted_notebook": "flagged = FALSE, late_submission_penalty = NULL",
    "grade": "auto_score = NULL, manual_score = NULL, extra_credit = NULL, needs_manual_grade = TRUE",
    "comment": "auto_comment = NULL, manual_comment = NULL",
}


class Desk:
    """An assignment laid out for grading: one submission at a time, of which nothing is left for the next.

    One desk at a time in a process: nbgrader changes the working directory.
    """

    def __init__(self, material: Material) -> None:
        self._material = material
        self._things = ExitStack()
        self._root = Path(self._things.enter_context(tempfile.TemporaryDirectory(prefix="hpcampus-")))
        self._things.enter_context(warm_nbgrader(scratch=True))
        unpacked(material.source, self._root / "source" / material.assignment)
        (self._root / "gradebook.db").write_bytes(material.gradebook)
        self._url = f"sqlite:///{self._root}/gradebook.db"
        self._complaints = _Complaints(logging.ERROR)
        config = self._config()
        self._directory = CourseDirectory(config=config)
        # One for all: it keeps the objects that do the steps.
        self._converter = Autograde(coursedir=self._directory, config=config, log=self._complaints.logger())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Clear everything away."""
        self._things.close()

    def grade(self, work: Work) -> Graded:
        """Grade one submission."""
        self._complaints.forget()
        try:
            pass_on(self._root / "gradebook.db", work.learner)
            unpacked(work.files, self._root / "submitted" / work.learner / self._material.assignment)
            self._directory.student_id = work.learner
            self._converter.start()
            return self._graded(work)
        except (NbGraderException, BadArchive, BadNotebook) as error:
            problem = self._complaints.first() or str(error)
            return Graded(learner=work.learner, version=work.version, problem=problem)
        finally:
            for step in ("submitted", "autograded"):
                if (self._root / step).exists():
                    remove_folder(self._root / step)

    def _config(self) -> Config:
        config = Config(dict(self._material.settings))
        config.CourseDirectory.root = str(self._root)
        config.CourseDirectory.db_url = self._url
        config.CourseDirectory.course_id = self._material.course
        config.CourseDirectory.assignment_id = self._material.assignment
        steps = config.Autograde.autograde_preprocessors
        config.Autograde.autograde_preprocessors = [name for name in steps if not name.endswith(_OF_A_PERSON)]
        return config

    def _graded(self, work: Work) -> Graded:
        with Gradebook(self._url, self._material.course) as gradebook:
            scores, comments = (
                _of_cells(gradebook, Grade.auto_score),
                _of_cells(gradebook, Comment.auto_comment),
            )
            return Graded(
                learner=work.learner,
                version=work.version,
                files=packed(self._root / "autograded" / work.learner / self._material.assignment),
                scores=tuple(
                    CellScore(notebook=where, cell=cell, score=value) for where, cell, value in scores
                ),
                comments=tuple(
                    CellComment(notebook=where, cell=cell, comment=value) for where, cell, value in comments
                ),
            )


def packed(folder: Path) -> bytes:
    """All files of a folder, as a zip."""
    content = io.BytesIO()
    pack(folder, content, files_to_pack(folder, IGNORED, ()))
    return content.getvalue()


def unpacked(content: bytes, folder: Path) -> None:
    """Write the files of such a zip below a folder, checked as any that comes from elsewhere."""
    folder.mkdir(parents=True, exist_ok=True)
    unpack_file(io.BytesIO(content), folder, LIMITS)


def forget_people(gradebook: Path) -> None:
    """Remove from a gradebook of nbgrader's whoever is in it, with all they did; assignments stay."""
    with closing(sqlite3.connect(gradebook)) as database, database:
        for table in _PEOPLE:
            database.execute(f"DELETE FROM {table}")  # noqa: S608 (our own words)


def pass_on(gradebook: Path, learner: str) -> None:
    """Have what nbgrader made for the learner before, emptied, be another's: to make it anew takes long."""
    with closing(sqlite3.connect(gradebook)) as database, database:
        database.execute("PRAGMA synchronous = OFF")
        for table, values in _EMPTY.items():
            database.execute(f"UPDATE {table} SET {values}", {"learner": learner})  # noqa: S608 (our own words)


class _Complaints(logging.Handler):
    """What nbgrader logs as errors."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self._messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        self._messages.append(record.getMessage().strip())

    def forget(self) -> None:
        """Those of another submission."""
        self._messages.clear()

    def logger(self) -> logging.Logger:
        """A log that ends here, and nowhere else: a batch would drown its reader in it."""
        logger = logging.Logger("nbgrader", self.level)
        logger.addHandler(self)
        return logger

    def first(self) -> str:
        """The first that says something; of a traceback the last line."""
        said = [text for text in self._messages if text and not text.startswith(_SAYS_NOTHING)]
        first = said[0] if said else ""
        return first.splitlines()[-1] if first.startswith("Traceback") else first


def _of_cells(gradebook: Any, column: Any) -> Any:
    """Notebook, cell and what the column says, for all cells of the one submission that is there."""
    kind = column.class_
    return (
        gradebook.db.query(Notebook.name, BaseCell.name, column)
        .select_from(kind)
        .join(BaseCell, BaseCell.id == kind.cell_id)
        .join(SubmittedNotebook, SubmittedNotebook.id == kind.notebook_id)
        .join(Notebook, Notebook.id == SubmittedNotebook.notebook_id)
        .all()
    )
