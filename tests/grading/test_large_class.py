"""What a class costs grows with the class, not with its square: SQLite's own steps are counted."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hpcampus_grading.database import Database, open_database
from hpcampus_grading.extensions import Extensions
from hpcampus_grading.grades import Grades
from hpcampus_grading.ledger import Ledger
from hpcampus_grading.messages import Grade
from hpcampus_grading.store import Store
from hpcampus_grading.tables import ExtensionRow, FeedbackRow, GradeRow, SubmissionRow
from sqlalchemy import event

Ask = Callable[[Database, Path], object]
NOW = datetime(2031, 1, 1, tzinfo=UTC)
FEW, MANY = 100, 800
ARCHIVE = {"sha256": "0" * 64, "size": 1, "files": []}


def fill(database: Database, learners: int) -> None:
    """A submission, a grade, feedback and an extension for everybody."""
    with database.writing() as session:
        for number in range(learners):
            name, place = f"{number:032x}", {"course": "sums", "assignment": "lesson1"}
            place["learner"] = f"learner{number}"
            session.add(SubmissionRow(id=name, attempt=1, received_at=NOW, **place, **ARCHIVE))
            session.flush()
            grade = Grade(submission=name, score=1, max_score=1).model_dump(mode="json")
            by: dict[str, Any] = {"recorded_by": "ines", "recorded_at": NOW, "reason": "graded"}
            session.add(GradeRow(submission_id=name, grade=grade, **by))
            session.add(FeedbackRow(submission_id=name, released_by="ines", released_at=NOW, **ARCHIVE))
            given = {"attempts": 1, "reason": "was ill", "granted_by": "ines", "granted_at": NOW}
            session.add(ExtensionRow(**place, **given))


def steps(folder: Path, learners: int, ask: Ask) -> int:
    """How many hundreds of steps SQLite takes for a question about so many learners."""
    folder.mkdir()
    database, taken = open_database(f"sqlite:///{folder}/exchange.sqlite"), 0

    def count() -> None:
        nonlocal taken
        taken += 1

    fill(database, learners)
    event.listen(database.engine, "checkout", lambda dbapi, *_: dbapi.set_progress_handler(count, 100))
    ask(database, folder)
    database.close()
    return taken


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda database, _: Grades(database).latest("sums"), id="grades"),
        pytest.param(lambda database, _: Extensions(database).current(["sums"]), id="extensions"),
        pytest.param(
            lambda database, folder: Ledger(database, Store(folder / "store")).submissions(["sums"]),
            id="submissions",
        ),
    ],
)
def test_the_work_grows_with_the_class_and_not_with_its_square(tmp_path: Path, ask: Ask) -> None:
    few, many = (steps(tmp_path / str(learners), learners, ask) for learners in (FEW, MANY))
    assert 0 < many < 2 * few * MANY / FEW
