"""What somebody tried that isn't theirs to do stands in the audit log, and is refused whatever happens."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hpcampus_grading.audit import entries
from hpcampus_grading.auditing import audit_all
from hpcampus_grading.database import Database, open_database
from hpcampus_grading.own_work import OwnWork
from hpcampus_grading.refusals import Refusals

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def kept(database: Database) -> list[tuple[str, object]]:
    with database.reading() as session:
        return [(entry.course, entry.facts) for entry in entries(session)]


def test_the_same_is_written_once_an_hour(database: Database) -> None:
    moments = iter([NOON, NOON + timedelta(minutes=59), NOON + timedelta(minutes=60), NOON])
    refusals = Refusals(database, lambda: next(moments))
    for _ in range(3):
        refusals.keep("sums", "ada", "GET /courses/{course}/grades")
    refusals.keep("sums", "ben", "GET /courses/{course}/grades")
    facts = {"what": "GET /courses/{course}/grades"}
    assert kept(database) == [("sums", {"who": name, **facts}) for name in ("ada", "ada", "ben")]
    assert audit_all(database).problems == ()


def test_what_is_about_ones_own_work_is_kept_and_stays_refused(database: Database) -> None:
    with pytest.raises(OwnWork), Refusals(database).of_own_work("sums", "tom", "grade"):
        raise OwnWork
    assert kept(database) == [("sums", {"who": "tom", "what": "grade on their own work"})]


def test_a_database_that_is_away_makes_nothing_allowed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database = open_database(f"sqlite:///{tmp_path}/exchange.sqlite")
    refusals = Refusals(database)
    (tmp_path / "exchange.sqlite").unlink()
    refusals.keep("sums", "ada", "GET /courses/{course}/grades")
    assert "who=ada" in caplog.text
    assert "only in this log" in caplog.text
    database.close()
