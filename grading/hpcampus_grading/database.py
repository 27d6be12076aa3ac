"""The exchange's database behind one SQLAlchemy URL: brought up to date when opened, one writer at a time."""

import errno
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, column, create_engine, event, select, table, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from hpcampus_grading.tables import REVISION, VERSION_TABLE, Base

_MIGRATIONS = "hpcampus_grading:migrations"
# PostgreSQL's lock of this number means: this one writes. It is ours alone in a database shared with the hub.
_WRITER = 0x68706361
_WRITES = "campus_writes"
_FILE = "campus_file"


class DatabaseGone(OSError):
    """The file of the database was moved away, or another was put in its place; nothing was written."""


class Database:
    """Short transactions; whatever was written when a `writing` block ended has reached the disk.

    Writers take turns, in all processes: so numbers that count upwards have no gaps, and the audit log is one
    chain.
    """

    def __init__(self, url: str) -> None:
        self.engine = create_engine(url, pool_pre_ping=True)
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "connect", _remember_file(self.engine))
            event.listen(self.engine, "begin", _begin_sqlite)
        self._writer = self.engine.execution_options(**{_WRITES: True})
        self._file: tuple[int, int] | None = None

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that only looks."""
        self._look()
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session that is committed at the end, or leaves nothing when the block raises."""
        self._look()
        with Session(self._writer, expire_on_commit=False) as session, session.begin():
            _wait_for_turn(session.connection())
            _check_file(session.connection())
            yield session

    def _look(self) -> None:
        """Forget connections to a file that was replaced, and make none where it is gone: SQLite would."""
        if self.engine.dialect.name != "sqlite":
            return
        file = self.engine.url.database
        found = _identity(file)
        if found is None:
            raise DatabaseGone(errno.ENOENT, "the database is not where it was", file)
        if found != self._file:
            self.engine.dispose()
            self._file = found

    def check(self) -> None:
        """Raise unless it answers and, with SQLite, is still where it was opened."""
        with self.reading() as session:
            session.execute(select(1))
            _check_file(session.connection())

    def migrate(self, revision: str = "head") -> None:
        """Take the steps that are missing; several processes may start at once."""
        # Only here: most starts need none, and learners may be waiting for this one.
        from alembic import command  # noqa: PLC0415
        from alembic.config import Config  # noqa: PLC0415

        config = Config()
        config.set_main_option("script_location", _MIGRATIONS)
        with self._writer.begin() as connection:
            _wait_for_turn(connection)
            config.attributes["connection"] = connection
            command.upgrade(config, revision)

    def is_current(self) -> bool:
        """Whether no step is missing."""
        last: Any = select(column("version_num")).select_from(table(VERSION_TABLE))
        try:
            with self.engine.connect() as connection:
                return connection.execute(last).scalar() == REVISION
        except DBAPIError:  # there is no such table yet, or no database, which the migration will say
            return False

    def forget_deleted(self) -> None:
        """Rewrite the database's files, so that nothing of what was deleted is left in them; others wait."""
        if self.engine.dialect.name == "sqlite":
            self._rewrite_sqlite()
            return
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for table in Base.metadata.sorted_tables:
                connection.exec_driver_sql(f"VACUUM (FULL) {table.name}")

    def _rewrite_sqlite(self) -> None:
        """The file, and the log beside it; raises `OperationalError` while somebody reads for too long."""
        connection = self.engine.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute("VACUUM")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            (busy, *_), *_ = cursor.fetchall()
            if busy:
                raise sqlite3.OperationalError("the log beside the database is in use")
        finally:
            connection.close()

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()


def open_database(url: str) -> Database:
    """Connect, and bring the tables up to date."""
    database = Database(url)
    if not database.is_current():
        database.migrate()
    return database


def _wait_for_turn(connection: Connection) -> None:
    """SQLite's writers wait for each other when their transaction begins; PostgreSQL is told to do so."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _WRITER})


def _check_file(connection: Connection) -> None:
    """SQLite goes on with a file that was moved away; what is written into it then would be lost with it."""
    file = connection.engine.url.database
    if connection.dialect.name == "sqlite" and connection.info.get(_FILE) != _identity(file):
        connection.invalidate()
        raise DatabaseGone(errno.ENOENT, "the database is not where it was", file)


def _identity(file: str | None) -> tuple[int, int] | None:
    try:
        found = Path(file or "").stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _remember_file(engine: Engine) -> Callable[[Any, Any], None]:
    def remember(_connection: Any, record: Any) -> None:
        record.info[_FILE] = _identity(engine.url.database)

    return remember


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """Readers beside a writer, and a commit that is on the disk before it returns."""
    # Transactions begin where we say so, not where Python's module thinks that one is needed.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=15000", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later could find its writing refused at once.
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
