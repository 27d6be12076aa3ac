"""Whether the audit log is whole, and whether the tables say what it says."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hpcampus_grading.audit import Entry, broken_links, entries
from hpcampus_grading.clock import in_utc
from hpcampus_grading.database import Database
from hpcampus_grading.messages import Receipt
from hpcampus_grading.store import DamagedFile, Store
from hpcampus_grading.tables import (
    AuditRow,
    ExtensionRow,
    FeedbackRow,
    GradeRow,
    ReleaseRow,
    SentGradeRow,
    SubmissionRow,
)

_What = tuple[object, ...]


@dataclass(frozen=True)
class Report:
    """What an audit found: the lines of the log, how many were erased, its last hash, and what is wrong."""

    lines: int
    erased: int
    head: str
    before_the_log: int
    problems: tuple[str, ...]


def audit_all(
    database: Database, store: Store | None = None, *, head: str | None = None, receipt: Receipt | None = None
) -> Report:
    """Check the chain, the tables against it and, with a store, every stored file.

    `head` is a hash that was noted at an earlier audit, `receipt` one that a learner has: both must be in it.
    """
    with database.reading() as session:
        rows = session.scalars(select(AuditRow).order_by(AuditRow.number)).all()
        log = list(entries(session))
        problems = [*broken_links(rows), *_missing(log, head, receipt)]
        found, before = _tables_against(session, log)
        problems += found
        if store is not None:
            problems += _damaged(session, store)
    erased = sum(entry.facts is None for entry in log)
    return Report(len(log), erased, log[-1].hash if log else "", before, tuple(problems))


def _missing(log: list[Entry], head: str | None, receipt: Receipt | None) -> Iterator[str]:
    hashes = {entry.hash for entry in log}
    if head is not None and head not in hashes:
        yield f"The hash {head} that was noted earlier is not in the log: it was cut off, or rewritten."
    if receipt is not None and receipt.audit_hash not in hashes:
        yield f"The receipt {receipt.id} names a line that is not in the log: it was cut off, or rewritten."


@dataclass(frozen=True)
class _Kind:
    """A kind of row, when it was written, and what of it the log's facts repeat."""

    name: str
    actions: frozenset[str]
    row: type[Any]
    moment: Callable[[Any], datetime]
    of_row: Callable[[Any], _What]
    facts: tuple[str, ...]


_KINDS = (
    _Kind(
        "submission",
        frozenset({"submit"}),
        SubmissionRow,
        lambda row: row.received_at,
        lambda row: (row.id, row.assignment, row.learner, row.attempt, row.sha256),
        ("submission", "assignment", "who", "attempt", "sha256"),
    ),
    _Kind(
        "feedback",
        frozenset({"feedback"}),
        FeedbackRow,
        lambda row: row.released_at,
        lambda row: (row.submission_id, row.released_by, row.sha256),
        ("submission", "who", "sha256"),
    ),
    _Kind(
        "release",
        frozenset({"release"}),
        ReleaseRow,
        lambda row: row.released_at,
        lambda row: (row.assignment, row.released_by, row.sha256),
        ("assignment", "who", "sha256"),
    ),
    _Kind(
        "extension",
        frozenset({"extend", "unextend"}),
        ExtensionRow,
        lambda row: row.granted_at,
        lambda row: (row.assignment, row.learner, row.due and in_utc(row.due).isoformat(), row.attempts),
        ("assignment", "learner", "due", "attempts"),
    ),
    _Kind(
        "grade",
        frozenset({"grade"}),
        GradeRow,
        lambda row: row.recorded_at,
        lambda row: (row.submission_id, row.recorded_by, row.grade["score"]),
        ("submission", "who", "new"),
    ),
    _Kind(
        "sent grade",
        frozenset({"send"}),
        SentGradeRow,
        lambda row: row.sent_at,
        lambda row: (row.submission_id, row.learner, row.sent_by, row.score, row.max_score),
        ("submission", "learner", "who", "score", "max_score"),
    ),
)


def _tables_against(session: Session, log: list[Entry]) -> tuple[list[str], int]:
    """Differences between tables and log, and the number of rows from before there was a log."""
    problems: list[str] = []
    before = 0
    # A submission is received before its turn to be written comes: the first line needn't be the earliest.
    began = min((entry.at for entry in log), default=None)
    for kind in _KINDS:
        rows = session.scalars(select(kind.row)).all()
        there, told = Counter(map(kind.of_row, rows)), Counter(_told(kind, log))
        old = {kind.of_row(row) for row in rows if began is None or kind.moment(row) < began}
        untold = there - told
        older = old & set(untold)
        before += len(older)
        problems += [
            f"The {kind.name} {_said(what)} is not in the log." for what in untold if what not in older
        ]
        problems += [
            f"The log tells of the {kind.name} {_said(what)}, which is gone." for what in told - there
        ]
    return problems, before


def _told(kind: _Kind, log: list[Entry]) -> Iterator[_What]:
    for entry in log:
        if entry.facts is not None and entry.action in kind.actions:
            # A line that was tampered with may lack any of them.
            yield tuple(entry.facts.get(name) for name in kind.facts)


def _said(what: _What) -> str:
    return " ".join(str(part) for part in what)


def _damaged(session: Session, store: Store) -> Iterator[str]:
    hashes: set[str] = set()
    for row in (SubmissionRow, FeedbackRow, ReleaseRow):
        hashes.update(_hashes(session, row))
    for sha256 in sorted(hashes):
        try:
            store.path(sha256)
        except DamagedFile as error:
            yield f"{error}."


def _hashes(session: Session, row: type[Any]) -> Iterable[str]:
    return session.scalars(select(row.sha256)).all()
