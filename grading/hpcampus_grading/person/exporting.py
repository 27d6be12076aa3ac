"""What the exchange has of a person, for them: in files they can read, without other people's names."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any
from zipfile import ZipFile

from sqlalchemy import DateTime, Table, select
from sqlalchemy.orm import Session

from hpcampus_grading import audit
from hpcampus_grading.clock import utc_now
from hpcampus_grading.database import Database
from hpcampus_grading.ledger import receipt_of
from hpcampus_grading.person.rows import belongs_to, doers, lines_naming, tables
from hpcampus_grading.store import Store
from hpcampus_grading.tables import FeedbackRow, SubmissionRow, UtcDateTime

SOMEBODY = "somebody else"
_ALWAYS = ("number", "id", "course", "assignment")


def export(
    database: Database,
    store: Store,
    name: str,
    by: str,
    archive: ZipFile,
    clock: Callable[[], datetime] = utc_now,
) -> int:
    """Write it all into the archive; answers how many submissions. The audit log keeps that this was done."""
    with database.writing() as session:
        audit.append(session, clock(), "person-export", "", who=by, learner=name)
    with database.reading() as session:
        kept = {
            "own": {table.name: list(_own(session, table, name)) for table in tables()},
            "done for others": {table.name: list(_done(session, table, name)) for table in tables()},
            "audit log": list(_log(session, name)),
        }
        archive.writestr("exchange.json", json.dumps(kept, indent=1, ensure_ascii=False, default=str))
        submissions = session.scalars(select(SubmissionRow).filter_by(learner=name)).all()
        for row in submissions:
            place = f"{row.course}/{row.assignment}/{row.attempt}"
            archive.write(store.path(row.sha256), f"{place}/submission.zip")
            archive.writestr(f"{place}/receipt.json", receipt_of(row).model_dump_json(indent=1))
            for feedback in _feedback(session, row):
                archive.write(store.path(feedback.sha256), f"{place}/feedback-{feedback.number}.zip")
    return len(submissions)


def _feedback(session: Session, row: SubmissionRow) -> list[FeedbackRow]:
    return list(session.scalars(select(FeedbackRow).filter_by(submission_id=row.id)))


def _own(session: Session, table: Table, name: str) -> Iterator[dict[str, Any]]:
    """Whole rows, but for who else did what."""
    mine = belongs_to(table, name)
    if mine is not None:
        others = {column.name for column in doers(table)}
        for row in session.execute(select(table).where(mine)).mappings():
            yield {key: SOMEBODY if key in others and value != name else value for key, value in row.items()}


def _done(session: Session, table: Table, name: str) -> Iterator[dict[str, Any]]:
    """That they did something and when, without whose it was."""
    mine = belongs_to(table, name)
    for doer in doers(table):
        shown = [
            column
            for column in table.c
            if column is doer or column.name in _ALWAYS or isinstance(column.type, DateTime | UtcDateTime)
        ]
        query = select(*shown).where(doer == name)
        for row in session.execute(query if mine is None else query.where(~mine)).mappings():
            yield dict(row)


def _log(session: Session, name: str) -> Iterator[Mapping[str, Any]]:
    for row, facts, about in lines_naming(session, name):
        told = facts if about else {key: facts[key] for key in ("who", "assignment") if key in facts}
        said = {
            key: SOMEBODY if key in ("who", "learner") and value != name else value
            for key, value in told.items()
        }
        yield {"line": row.number, "at": row.at, "action": row.action, "course": row.course, "facts": said}
