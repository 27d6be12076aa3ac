"""The exchange's tables. What is written is never changed but where a docstring says so.

A change here needs a step in `migrations/versions`; a test compares the two.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# The hub's own tables may be in the same database, with a version of theirs.
VERSION_TABLE = "exchange_version"
REVISION = "0004"
"""The last of the migrations: a database that is there needs none."""


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes, kept in UTC also where the database forgets the zone (SQLite)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive datetime: its zone could only be guessed."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """The tables of the exchange."""


class Archived:
    """Columns of everything that points into the store; `files` is a list of `FileEntry` as JSON."""

    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    files: Mapped[list[dict[str, Any]]] = mapped_column(JSON)


class ReleaseRow(Archived, Base):
    """One version of an assignment for learners; the newest that is not withdrawn counts."""

    __tablename__ = "releases"

    number: Mapped[int] = mapped_column(primary_key=True)
    course: Mapped[str] = mapped_column(String(64), index=True)
    assignment: Mapped[str] = mapped_column(String(64))
    source_sha256: Mapped[str | None] = mapped_column(String(64))
    released_by: Mapped[str] = mapped_column(String(128))
    released_at: Mapped[datetime] = mapped_column(UtcDateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SubmissionRow(Archived, Base):
    """One submission. `attempt` counts from 1, and keeps two at once from both being first.

    `due`, `late_seconds` and `percent_off` are what was true when it was received, and what the receipt says.
    `key` and `sent_at` came with the request: the sender's name for it, and the sender's clock.
    Rows from before receipts were signed have no `signature`, `signed_with` or `audit_hash`.
    """

    __tablename__ = "submissions"
    __table_args__ = (
        UniqueConstraint("course", "assignment", "learner", "attempt"),
        Index("one_submission_a_key", "course", "assignment", "learner", "key", unique=True),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    course: Mapped[str] = mapped_column(String(64))
    assignment: Mapped[str] = mapped_column(String(64))
    learner: Mapped[str] = mapped_column(String(128), index=True)
    attempt: Mapped[int]
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    due: Mapped[datetime | None] = mapped_column(UtcDateTime)
    late_seconds: Mapped[int | None]
    percent_off: Mapped[float | None]
    key: Mapped[str | None] = mapped_column(String(64))
    audit_hash: Mapped[str | None] = mapped_column(String(64))
    signed_with: Mapped[str | None] = mapped_column(String(16))
    signature: Mapped[str | None] = mapped_column(String(128))


class FeedbackRow(Archived, Base):
    """Feedback on one submission; the newest counts."""

    __tablename__ = "feedback"

    number: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[str] = mapped_column(ForeignKey("submissions.id"), index=True)
    released_by: Mapped[str] = mapped_column(String(128))
    released_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ExtensionRow(Base):
    """More time or more attempts for one learner; the newest row counts, one with neither takes them back."""

    __tablename__ = "extensions"
    __table_args__ = (Index("extensions_of_an_assignment", "course", "assignment", "learner"),)

    number: Mapped[int] = mapped_column(primary_key=True)
    course: Mapped[str] = mapped_column(String(64))
    assignment: Mapped[str] = mapped_column(String(64))
    learner: Mapped[str] = mapped_column(String(128))
    due: Mapped[datetime | None] = mapped_column(UtcDateTime)
    attempts: Mapped[int]
    reason: Mapped[str] = mapped_column(Text)
    granted_by: Mapped[str] = mapped_column(String(128))
    granted_at: Mapped[datetime] = mapped_column(UtcDateTime)


class GradeRow(Base):
    """What a submission was worth at a moment; the newest row counts. `grade` is a `Grade` as JSON."""

    __tablename__ = "grades"

    number: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[str] = mapped_column(ForeignKey("submissions.id"), index=True)
    grade: Mapped[dict[str, Any]] = mapped_column(JSON)
    reason: Mapped[str] = mapped_column(Text)
    recorded_by: Mapped[str] = mapped_column(String(128))
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SentGradeRow(Base):
    """A score that a learning platform has taken; of each line item and learner the newest row counts."""

    __tablename__ = "sent_grades"
    __table_args__ = (Index("sent_grades_of_a_learner", "course", "assignment", "learner"),)

    number: Mapped[int] = mapped_column(primary_key=True)
    course: Mapped[str] = mapped_column(String(64))
    assignment: Mapped[str] = mapped_column(String(64))
    learner: Mapped[str] = mapped_column(String(128))
    line_item: Mapped[str] = mapped_column(Text)
    submission_id: Mapped[str] = mapped_column(ForeignKey("submissions.id"), index=True)
    score: Mapped[float]
    max_score: Mapped[float]
    finished: Mapped[bool]
    sent_by: Mapped[str] = mapped_column(String(128))
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime)


class FlagRow(Base):
    """A sign of tampering in one cell of a submission; the last four say what a person made of it, and once.

    `verdict` is `upheld` or `dismissed`, None while nobody has decided.
    """

    __tablename__ = "integrity_flags"
    __table_args__ = (UniqueConstraint("submission_id", "notebook", "cell", "kind"),)

    number: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[str] = mapped_column(ForeignKey("submissions.id"), index=True)
    notebook: Mapped[str] = mapped_column(String(128))
    cell: Mapped[str] = mapped_column(String(256))
    kind: Mapped[str] = mapped_column(String(16))
    evidence: Mapped[str] = mapped_column(Text)
    raised_at: Mapped[datetime] = mapped_column(UtcDateTime)
    verdict: Mapped[str | None] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(Text)
    decided_by: Mapped[str | None] = mapped_column(String(128))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AuditRow(Base):
    """One line of the audit log, chained to the line before by `hash`.

    `body` is JSON as it was hashed; only erasing a person empties it, and the chain holds without it.
    """

    __tablename__ = "audit"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    action: Mapped[str] = mapped_column(String(32))
    course: Mapped[str] = mapped_column(String(64), index=True)
    body: Mapped[str | None] = mapped_column(Text)
    body_sha256: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
