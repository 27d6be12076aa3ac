"""Extensions in `course.yaml`: what the file says holds, until somebody decides otherwise on the page."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from campus_under_test import wait_for
from hpcampus_courses import Course
from hpcampus_courses.extension import ExtensionWish
from hpcampus_grading.audit import entries
from hpcampus_grading.auditing import audit_all
from hpcampus_grading.database import Database
from hpcampus_grading.extensions import Extensions
from hpcampus_grading.stated_extensions import StatedExtensions, stated_by
from hpcampus_grading.store import Store

from tests.grading.conftest import COURSE

DUE = datetime(2026, 5, 1, 12, tzinfo=UTC)
LATER = {"learner": "ada", "due": DUE + timedelta(days=2), "reason": "was ill"}
FILE = stated_by("sums")


def course(*stated: dict[str, Any], **changes: Any) -> Course:
    """Sums, whose first lesson has a due date, three attempts and these extensions."""
    lesson = {"slug": "lesson1", "title": "Sums", "points": 3, "due": DUE, "attempts": 3}
    return Course.model_validate({**COURSE, "assignments": [{**lesson, "extensions": stated}], **changes})


@pytest.fixture
def stated(database: Database) -> StatedExtensions:
    return StatedExtensions(database)


@pytest.fixture
def extensions(database: Database) -> Extensions:
    return Extensions(database)


@pytest.fixture(autouse=True)
def sound_log(database: Database, tmp_path: Path) -> Iterator[None]:
    """Whatever a test did, the audit log tells the same as the tables."""
    yield
    assert not audit_all(database, Store(tmp_path / "store")).problems


def who_has(extensions: Extensions) -> list[tuple[str, datetime | None, int, str]]:
    return [(e.learner, e.due, e.attempts, e.granted_by) for e in extensions.of_assignment("sums", "lesson1")]


def actions(database: Database) -> list[tuple[str, str, str]]:
    with database.reading() as session:
        return [(e.action, e.facts["who"], e.facts["why"]) for e in entries(session) if e.facts]


def test_it_is_given_once_and_logged(
    database: Database, stated: StatedExtensions, extensions: Extensions
) -> None:
    file = course(LATER, {"learner": "ben", "attempts": 2, "reason": "a broken notebook"})
    for service in (stated, stated, StatedExtensions(database)):
        service.take_up(file)
    assert who_has(extensions) == [("ada", LATER["due"], 0, FILE), ("ben", None, 2, FILE)]
    assert actions(database) == [("extend", FILE, "was ill"), ("extend", FILE, "a broken notebook")]


def test_a_change_of_the_file_counts_and_so_does_what_is_gone_from_it(
    database: Database, stated: StatedExtensions, extensions: Extensions
) -> None:
    longer = {**LATER, "due": DUE + timedelta(days=9)}
    for file, due in ((course(LATER), LATER["due"]), (course(longer), longer["due"])):
        stated.take_up(file)
        assert [row[1] for row in who_has(extensions)] == [due]
    for _ in range(2):
        stated.take_up(course())
        assert who_has(extensions) == []
    stated.take_up(course(longer))
    assert [row[1] for row in who_has(extensions)] == [longer["due"]]
    assert [line[0] for line in actions(database)] == ["extend", "extend", "unextend", "extend"]


def test_the_page_has_the_last_word_until_the_file_changes(
    stated: StatedExtensions, extensions: Extensions
) -> None:
    file = course(LATER)
    stated.take_up(file)
    extensions.take_back("sums", "lesson1", "ada", "a mistake", "ines")
    stated.take_up(file)
    assert who_has(extensions) == []
    on_page = ExtensionWish(attempts=5, reason="instead")
    extensions.grant("sums", file.assignments[0], "ada", on_page, "ines")
    stated.take_up(file)
    stated.take_up(course())  # what the file gave is gone already; what ines gave isn't the file's
    assert who_has(extensions) == [("ada", None, 5, "ines")]
    stated.take_up(course({**LATER, "reason": "was ill for longer"}))
    assert who_has(extensions) == [("ada", LATER["due"], 0, FILE)]


def test_other_courses_and_the_extensions_of_people_are_left_alone(
    stated: StatedExtensions, extensions: Extensions
) -> None:
    extensions.grant(
        "sums", course().assignments[0], "ben", ExtensionWish(attempts=1, reason="asked"), "ines"
    )
    stated.take_up(course(LATER))
    stated.take_up(course(LATER, slug="other"))
    stated.take_up(course())
    assert [row[0] for row in who_has(extensions)] == ["ben"]
    assert [one.learner for one in extensions.of_assignment("other", "lesson1")] == ["ada"]


async def test_who_serves_follows_the_files_and_goes_on_after_a_failure(
    stated: StatedExtensions,
    extensions: Extensions,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that can't be written now is written as soon as it can; the log says so once."""
    monkeypatch.setattr("hpcampus_grading.stated_extensions.LOOK_SECONDS", 0.01)
    working, failures = stated.take_up, iter([OSError("no database"), OSError("still none")])

    def failing(file: Course) -> None:
        if error := next(failures, None):
            raise error
        working(file)

    monkeypatch.setattr(stated, "take_up", failing)
    courses = {"sums": course(LATER)}
    following = asyncio.create_task(stated.follow(courses))
    await asyncio.to_thread(wait_for, lambda: who_has(extensions) != [], "what the file states is given")
    courses["sums"] = course()
    await asyncio.to_thread(wait_for, lambda: who_has(extensions) == [], "it is taken back")
    following.cancel()
    assert caplog.text.count("not all in force yet") == 1
