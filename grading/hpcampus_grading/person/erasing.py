"""Erase a person from the exchange: rows, files that nobody else handed in, and their part of the audit log.

The log stays one chain, because its hashes are over the hash of each text and not over the text. A line about
the person loses its text. One that says what they did to others' work keeps it, with another name in place of
theirs. Which lines these are, and the hashes of the new texts, stand in a line of their own, so that nobody
can empty or rewrite one and call it an erasure. The other name is made for this, and what it stood for is
kept nowhere.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from hpcampus_grading import audit
from hpcampus_grading.clock import utc_now
from hpcampus_grading.database import Database
from hpcampus_grading.person.rows import belongs_to, doers, lines_naming, mentions, tables
from hpcampus_grading.store import Store


@dataclass(frozen=True)
class Erased:
    """What was done. `mentions` are places where the name still stands, in what others wrote."""

    subject: str
    removed: Mapping[str, int]
    files: int
    emptied: int
    rewritten: int
    mentions: tuple[str, ...]


def erase(
    database: Database, store: Store, name: str, by: str, clock: Callable[[], datetime] = utc_now
) -> Erased:
    """Erase them; may be repeated, and ends what was interrupted. The person should be off the roster.

    Raises `OperationalError`, of SQLAlchemy or of sqlite3, while others keep the database busy.
    """
    subject = f"erased-{secrets.token_hex(8)}"
    with database.writing() as session:
        removed = _rows(session, name, subject)
        emptied, rewritten = _lines(session, name, subject)
        audit.append(
            session,
            clock(),
            audit.ERASE,
            "",
            who=subject if by == name else by,
            subject=subject,
            removed=removed,
            emptied=emptied,
            rewritten=rewritten,
        )
    files = remove_orphans(database, store)
    database.forget_deleted()
    with database.reading() as session:
        left = tuple(mentions(session, name))
    return Erased(subject, removed, files, len(emptied), len(rewritten), left)


def remove_orphans(database: Database, store: Store) -> int:
    """Remove files that no row names: a person's who was erased, or of an upload that was refused.

    In the turn of those who write, so that nobody's file goes between its being kept and being named.
    """
    store.sweep()
    with database.writing() as session:
        named = {
            value
            for table in tables()
            for column in table.c
            if column.name.endswith("sha256")
            for value in session.scalars(select(column).distinct())
        }
        return store.keep_only(named)


def _rows(session: Session, name: str, subject: str) -> dict[str, int]:
    removed = {}
    for table in reversed(tables()):
        mine = belongs_to(table, name)
        if mine is not None:
            found = len(session.execute(select(*table.primary_key).where(mine)).all())
            session.execute(delete(table).where(mine))
            removed[table.name] = found
        for column in doers(table):
            session.execute(update(table).where(column == name).values({column.name: subject}))
    return removed


def _lines(session: Session, name: str, subject: str) -> tuple[list[int], dict[str, str]]:
    emptied, rewritten = [], {}
    for row, facts, about in list(lines_naming(session, name)):
        if about:
            row.body = None
            emptied.append(row.number)
        else:
            row.body = audit.salted(
                {key: subject if value == name else value for key, value in facts.items()}
            )
            rewritten[str(row.number)] = audit.sha256(row.body)
    session.flush()
    return emptied, rewritten
