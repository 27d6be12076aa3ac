"""The audit log: who did what, and when, each line chained to the one before by its hash.

A line that is changed, removed or put in between breaks the chain. That the end was cut off shows in any
receipt of it, because a receipt names the hash of its own line, and in a hash that an auditor wrote down.
"""

import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hpcampus_grading.messages import timestamp
from hpcampus_grading.tables import AuditRow

BEFORE_THE_FIRST = "0" * 64
REFUSED = "refused"
"""The action of a line about what somebody tried that isn't theirs to do."""
ERASE = "erase"
"""The action of a line that says which other lines an erasure changed."""


@dataclass(frozen=True)
class Entry:
    """One line of the log; `facts` is None where a person was erased."""

    number: int
    at: datetime
    action: str
    course: str
    facts: dict[str, Any] | None
    hash: str


def append(session: Session, at: datetime, action: str, course: str, **facts: Any) -> str:
    """Write a line in the transaction of what it is about; answers its hash.

    The caller holds the turn of `Database.writing`, so that no two lines follow the same one.
    """
    last = session.execute(
        select(AuditRow.number, AuditRow.hash).order_by(AuditRow.number.desc()).limit(1)
    ).first()
    number, previous = (last.number + 1, last.hash) if last else (1, BEFORE_THE_FIRST)
    body = salted(facts)
    row = AuditRow(number=number, at=at, action=action, course=course, body=body, body_sha256=sha256(body))
    row.hash = _chained(previous, row)
    session.add(row)
    session.flush()
    return row.hash


def entries(
    session: Session, course: str | None = None, after: int = 0, limit: int | None = None
) -> Iterator[Entry]:
    """Lines of the log, or those about one course, oldest first."""
    query = select(AuditRow).where(AuditRow.number > after).order_by(AuditRow.number).limit(limit)
    if course is not None:
        query = query.filter_by(course=course)
    for row in session.scalars(query.execution_options(yield_per=1000)):
        yield _entry(row)


def broken_links(rows: Sequence[AuditRow]) -> Iterator[str]:
    """What is wrong with the chain, a sentence for each place."""
    previous, expected = BEFORE_THE_FIRST, 1
    erased = erasures(rows)
    for row in rows:
        if row.number != expected:
            yield f"Line {expected} is missing: the next one is {row.number}."
        elif row.hash != _chained(previous, row):
            yield f"Line {row.number} ({row.action}) does not follow from the line before: one was changed."
        if row.body is None and row.number not in erased.emptied:
            yield f"The text of line {row.number} ({row.action}) is gone, and no erasure in the log says so."
        elif row.body is not None and sha256(row.body) != erased.expected(row):
            yield f"The text of line {row.number} ({row.action}) was changed."
        previous, expected = row.hash, row.number + 1


@dataclass(frozen=True)
class Erasures:
    """Lines that lost their text when a person was erased, and the hashes of texts that lost a name only."""

    emptied: frozenset[int]
    rewritten: Mapping[int, str]

    def expected(self, row: AuditRow) -> str:
        """The hash that the text of a line has now."""
        return self.rewritten.get(row.number, row.body_sha256)


def erasures(rows: Sequence[AuditRow]) -> Erasures:
    """What the log itself says of erasures: only a line that stands in the chain as it is can say so."""
    emptied: set[int] = set()
    rewritten: dict[int, str] = {}
    # From the end on: such a line may itself have lost the name of somebody who was erased later.
    for row in reversed(rows):
        if row.action != ERASE or row.body is None:
            continue
        if sha256(row.body) == rewritten.get(row.number, row.body_sha256):
            facts = json.loads(row.body)
            emptied.update(facts["emptied"])
            rewritten = {int(number): text for number, text in facts["rewritten"].items()} | rewritten
    return Erasures(frozenset(emptied), rewritten)


def salted(facts: Mapping[str, Any]) -> str:
    """A line's text; the salt keeps anybody from guessing, by its hash alone, what was erased."""
    return json.dumps({**facts, "salt": secrets.token_hex(16)}, sort_keys=True, ensure_ascii=False)


def _entry(row: AuditRow) -> Entry:
    return Entry(row.number, row.at, row.action, row.course, facts_of(row), row.hash)


def facts_of(row: AuditRow) -> dict[str, Any] | None:
    """The facts without the salt; none where somebody left no JSON, which `broken_links` reports."""
    if row.body is None:
        return None
    try:
        facts = dict(json.loads(row.body))
    except (ValueError, TypeError):
        return {}
    facts.pop("salt", None)
    return facts


def _chained(previous: str, row: AuditRow) -> str:
    at = timestamp(row.at.astimezone(UTC))
    return sha256(json.dumps([previous, row.number, at, row.action, row.course, row.body_sha256]))


def sha256(text: str) -> str:
    """The hash of a line's text."""
    return hashlib.sha256(text.encode()).hexdigest()
