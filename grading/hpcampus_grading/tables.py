"""The exchange's database: what was released, submitted and answered. Any SQLAlchemy URL works."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    DateTime,
    Dialect,
    Engine,
    ForeignKey,
    String,
    TypeDecorator,
    UniqueConstraint,
    create_engine,
    event,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


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
    """One submission; never changed. `attempt` counts from 1, and keeps two at once from both being first."""

    __tablename__ = "submissions"
    __table_args__ = (UniqueConstraint("course", "assignment", "learner", "attempt"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    course: Mapped[str] = mapped_column(String(64))
    assignment: Mapped[str] = mapped_column(String(64))
    learner: Mapped[str] = mapped_column(String(128), index=True)
    attempt: Mapped[int]
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    late_seconds: Mapped[int | None]
    feedback: Mapped[list["FeedbackRow"]] = relationship(order_by="FeedbackRow.number", lazy="selectin")


class FeedbackRow(Archived, Base):
    """Feedback on one submission; the newest counts."""

    __tablename__ = "feedback"

    number: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[str] = mapped_column(ForeignKey("submissions.id"), index=True)
    released_by: Mapped[str] = mapped_column(String(128))
    released_at: Mapped[datetime] = mapped_column(UtcDateTime)


def open_database(url: str) -> Engine:
    """Connect, and make the tables that are missing."""
    engine = create_engine(url, pool_pre_ping=True)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    Base.metadata.create_all(engine)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """Readers beside a writer, and a commit that is on the disk before it returns."""
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=15000", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
