"""Which rows of the exchange's tables are about a person, by the names of their columns.

`learner` says whose a row is, `submission_id` to whose submission it belongs, and a name that ends in `_by`
who did it. A table that comes later and keeps to this is covered without another word.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import JSON, Column, ColumnElement, String, Table, Text, cast, func, or_, select
from sqlalchemy.orm import Session

from hpcampus_grading.audit import facts_of
from hpcampus_grading.tables import AuditRow, Base, SubmissionRow


def tables() -> list[Table]:
    """Every table of the exchange, those that others point to first."""
    return list(Base.metadata.sorted_tables)


def belongs_to(table: Table, name: str) -> ColumnElement[bool] | None:
    """What is true of the person's own rows; None for a table in which nobody has any."""
    conditions: list[ColumnElement[bool]] = []
    if "learner" in table.c:
        conditions.append(table.c.learner == name)
    if "submission_id" in table.c:
        own = select(SubmissionRow.id).where(SubmissionRow.learner == name)
        conditions.append(table.c.submission_id.in_(own))
    return or_(*conditions) if conditions else None


def doers(table: Table) -> list[Column[Any]]:
    """The columns that say who did something, which needn't be whose the row is."""
    return [column for column in table.c if column.name.endswith("_by")]


def own_counts(session: Session, name: str) -> Mapping[str, int]:
    """How many rows are the person's own, by table."""
    found = {}
    for table in tables():
        mine = belongs_to(table, name)
        if mine is not None:
            found[table.name] = session.scalar(select(func.count()).select_from(table).where(mine)) or 0
    return found


def lines_naming(session: Session, name: str) -> Iterator[tuple[AuditRow, dict[str, Any], bool]]:
    """Lines of the audit log in which somebody is named, with their facts, and whether it is about them.

    A line that only says what they did to another's work isn't.
    """
    naming = select(AuditRow).where(AuditRow.body.contains(name, autoescape=True))
    for row in session.scalars(naming.order_by(AuditRow.number)):
        facts = facts_of(row) or {}
        if name in (facts.get("learner"), facts.get("who")):
            whose = facts.get("learner") or (facts["who"] if row.action == "submit" else None)
            yield row, facts, whose == name


def mentions(session: Session, name: str) -> Iterator[str]:
    """Where else the name stands as a word, such as in a reason that somebody typed: for people to judge."""
    word = as_word(name)
    for table in tables():
        key = next(iter(table.primary_key.columns))
        for column in table.c:
            if isinstance(column.type, String | Text | JSON):
                text = cast(column, Text)
                query = select(key, text).where(text.contains(name, autoescape=True))
                for number, said in session.execute(query):
                    if word.search(str(said).encode()):
                        yield f"{table.name} {number}, {column.name}"


def as_word(name: str) -> re.Pattern[bytes]:
    """The name, and not a longer one that holds it."""
    return re.compile(rb"(?<![A-Za-z0-9_])" + re.escape(name.encode()) + rb"(?![A-Za-z0-9_])")
