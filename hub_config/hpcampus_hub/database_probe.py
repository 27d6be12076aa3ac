"""Whether a database takes a write at this moment, as the next start or submission will need it to."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import make_url

BUSY_SECONDS = 2
LEAST_FREE_MIB = 16
"""An SQLite file whose disk has less is as good as full: its log may still have room for a write or two."""

_METADATA = sa.MetaData()
_PROBES = sa.Table("campus_probes", _METADATA, sa.Column("written", sa.DateTime(timezone=True)))


class NotWritable(Exception):
    """The sentence says what is wrong, without any secret of the database's address."""


class DatabaseProbe:
    """Writes one row and takes it back. A file that was moved away or replaced counts as lost.

    SQLite's connections go on with a file that has been deleted, so what the hub writes into it is gone: the
    file is known by its number, and must be the one that was there first.
    """

    def __init__(self, url: str) -> None:
        self._file = _file(url)
        self._number = _number(self._file) if self._file else None
        # A connection for each probe: nothing of the hub's own pool is held while a probe waits.
        wait = {"timeout": BUSY_SECONDS} if self._file else {"connect_timeout": BUSY_SECONDS}
        self._engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args=wait)

    def write(self) -> None:
        """Raise `NotWritable` unless a row can be committed within a few seconds."""
        if self._file is not None:
            self._check_file(self._file)
        try:
            with self._engine.begin() as connection:
                _METADATA.create_all(connection)
                connection.execute(_PROBES.delete())
                connection.execute(_PROBES.insert().values(written=datetime.now(UTC)))
        except sa.exc.SQLAlchemyError as error:
            what = str(getattr(error, "orig", None) or type(error).__name__).splitlines()[0]
            raise NotWritable(f"it can't be written to ({what}).") from error

    def _check_file(self, file: Path) -> None:
        number = _number(file)
        # The exchange makes its file when it starts for the first time, a moment after the hub.
        self._number = self._number or number
        if number is None:
            raise NotWritable(f"{file.name} is gone. Stop the hub and bring the file back.")
        if number != self._number:
            raise NotWritable(f"{file.name} was replaced under the running hub. Restart the hub.")
        free = shutil.disk_usage(file.parent).free >> 20
        if free < LEAST_FREE_MIB:
            raise NotWritable(f"the disk of {file.name} is full but for {free} MiB. Make room on it.")


def _file(url: str) -> Path | None:
    parsed = make_url(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def _number(file: Path) -> int | None:
    try:
        return file.stat().st_ino
    except OSError:
        return None
