"""The audit log: complete, chained, and broken by every change that somebody makes behind its back."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from hpcampus_courses import Assignment
from hpcampus_courses.extension import ExtensionWish
from hpcampus_grading.audit import entries
from hpcampus_grading.auditing import Report, audit_all
from hpcampus_grading.commands.audit import audit
from hpcampus_grading.database import Database
from hpcampus_grading.extensions import Extensions
from hpcampus_grading.grades import Grades
from hpcampus_grading.ledger import Ledger, Upload
from hpcampus_grading.messages import Grade, Receipt
from hpcampus_grading.store import Store

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
LESSON = Assignment(slug="lesson1", title="Sums", points=3, due=NOON)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def receipts(database: Database, store: Store) -> list[Receipt]:
    """A course in which everything has happened once: ada and ben are graded, and ada has more time."""
    ledger = Ledger(database, store, clock=lambda: NOON)
    receipts = []
    for learner in ("ada", "ben"):
        with ledger.store.incoming() as file:
            file.write(learner.encode())
            receipts.append(ledger.submit("sums", LESSON, learner, Upload(file, 3, ()))[0])
    wish = ExtensionWish(due=NOON + timedelta(days=1), reason="was ill")
    Extensions(database).grant("sums", LESSON, "ada", wish, "ines")
    grades = Grades(database)
    for score in (1, 2):
        grade = Grade(submission=receipts[0].id, score=score, max_score=3)
        grades.record(
            "sums", "lesson1", [grade], "ines", "a mistake in the tests" if score == 2 else "graded"
        )
    with ledger.store.incoming() as file:
        file.write(b"well done")
        ledger.give_feedback(receipts[0], "ines", Upload(file, 9, ()))
    grades.exported("sums", "ines")
    return receipts


def report(database: Database, **more: object) -> Report:
    return audit_all(database, **more)  # type: ignore[arg-type]


def test_everything_that_happened_is_in_it(database: Database, receipts: list[Receipt]) -> None:
    with database.reading() as session:
        log = list(entries(session))
    assert [entry.action for entry in log] == [
        "submit",
        "submit",
        "extend",
        "grade",
        "grade",
        "feedback",
        "export",
    ]
    change = log[4].facts
    assert change is not None
    assert {name: change[name] for name in ("who", "learner", "old", "new", "why")} == {
        "who": "ines",
        "learner": "ada",
        "old": 1,
        "new": 2,
        "why": "a mistake in the tests",
    }
    assert [entry.hash for entry in log[:2]] == [receipt.audit_hash for receipt in receipts]


@pytest.mark.usefixtures("receipts")
def test_nothing_is_wrong_when_nobody_touched_it(database: Database, store: Store) -> None:
    found = report(database, store=store)
    assert (found.problems, found.lines, found.before_the_log) == ((), 7, 0)


TAMPERING = {
    "a line's text": "UPDATE audit SET body = replace(body, 'ada', 'eve') WHERE number = 4",
    "a line's text, so that it can't be read": "UPDATE audit SET body = '[3]' WHERE number = 4",
    "a line's time": "UPDATE audit SET at = '2026-01-01 00:00:00' WHERE number = 2",
    "a line that is gone": "DELETE FROM audit WHERE number = 3",
    "the first line": "DELETE FROM audit WHERE number = 1",
    "a line's action": "UPDATE audit SET action = 'release' WHERE number = 6",
    "a line's place": "UPDATE audit SET number = 9 WHERE number = 7",
    "a submission's hash": "UPDATE submissions SET sha256 = 'f' WHERE learner = 'ben'",
    "a submission's owner": "UPDATE submissions SET learner = 'eve' WHERE learner = 'ben'",
    "a submission that is gone": "DELETE FROM submissions WHERE learner = 'ben'",
    "an extension's end": "UPDATE extensions SET due = '2027-01-01 00:00:00'",
    "an extension for another": "UPDATE extensions SET learner = 'eve'",
    "a grade": """UPDATE grades SET grade = '{"score": 3.0}' WHERE number = 2""",
    "a grade that is gone": "DELETE FROM grades WHERE number = 2",
    "feedback that is gone": "DELETE FROM feedback",
}


@pytest.mark.usefixtures("receipts")
@pytest.mark.parametrize("statement", TAMPERING.values(), ids=TAMPERING)
def test_every_change_behind_its_back_shows(database: Database, statement: str) -> None:
    with database.engine.begin() as connection:
        assert connection.execute(sa.text(statement)).rowcount
    assert report(database).problems


def test_a_log_that_was_cut_off_shows_by_a_receipt_and_by_a_noted_hash(
    database: Database, receipts: list[Receipt]
) -> None:
    head = report(database).head
    assert report(database, head=head, receipt=receipts[1]).problems == ()
    with database.engine.begin() as connection:
        for statement in (
            "DELETE FROM audit WHERE number > 1",
            "DELETE FROM feedback",
            "DELETE FROM grades",
            "DELETE FROM extensions",
            "DELETE FROM submissions WHERE learner = 'ben'",
        ):
            connection.execute(sa.text(statement))
    assert report(database).problems == ()  # the rest is a whole log of its own
    assert "cut off" in report(database, head=head).problems[0]
    assert "cut off" in report(database, receipt=receipts[1]).problems[0]


def test_who_came_first_need_not_be_written_down_first(database: Database, store: Store) -> None:
    moments = iter([NOON, NOON - timedelta(seconds=1)])
    ledger = Ledger(database, store, clock=lambda: next(moments))
    for learner in ("ada", "ben"):
        with ledger.store.incoming() as file:
            file.write(learner.encode())
            ledger.submit("sums", LESSON, learner, Upload(file, 3, ()))
    assert (report(database).problems, report(database).before_the_log) == ((), 0)


def test_rows_from_before_the_log_are_counted_and_not_blamed(
    database: Database, receipts: list[Receipt]
) -> None:
    with database.engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO submissions"
                " (id, course, assignment, learner, attempt, received_at, sha256, size, files)"
                " VALUES ('old', 'sums', 'lesson1', 'eve', 1, '2025-05-01 12:00:00', 'x', 4, '[]')"
            )
        )
    assert (report(database).problems, report(database).before_the_log) == ((), 1)


@pytest.mark.usefixtures("receipts")
def test_a_line_that_lost_its_text_without_an_erasure_shows(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(sa.text("UPDATE audit SET body = NULL WHERE action = 'export'"))
    (problem,) = report(database).problems
    assert "no erasure in the log says so" in problem
    assert report(database).erased == 1


def test_a_damaged_file_shows(database: Database, store: Store, receipts: list[Receipt]) -> None:
    path = store.path(receipts[0].sha256)
    path.chmod(0o600)
    path.write_bytes(b"other")
    (problem,) = report(database, store=store).problems
    assert "has changed since it was stored" in problem


@pytest.mark.usefixtures("receipts")
def test_the_command_says_what_is_wrong(database: Database, database_url: str) -> None:
    done = CliRunner().invoke(audit, ["verify", "--db", database_url])
    assert (done.exit_code, done.output.splitlines()[0]) == (
        0,
        "7 lines, 0 of them erased; 0 rows are older.",
    )
    with database.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM audit WHERE number = 3"))
    done = CliRunner().invoke(audit, ["verify", "--db", database_url])
    assert (done.exit_code, done.output.splitlines()[0]) == (1, "Line 3 is missing: the next one is 4.")
