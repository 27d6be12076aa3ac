"""What the hub must remember of every spawn, written before the scheduler is told: one table of a database.

A row is *live* until its server ends, and *unsettled* until the scheduler has confirmed that no job is left.
So whatever crashes, the hub finds every job it ever submitted, and adopts or cancels it.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa


class _Moment(sa.TypeDecorator[datetime]):
    """A moment in UTC; SQLite forgets the zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


_METADATA = sa.MetaData()
_SPAWNS = sa.Table(
    "campus_spawns",
    _METADATA,
    sa.Column("spawn_id", sa.String(32), primary_key=True),
    sa.Column("learner", sa.String(255), nullable=False),
    sa.Column("server", sa.String(255), nullable=False),
    sa.Column("site", sa.String(31), nullable=False),
    sa.Column("tag", sa.String(128), nullable=False),
    sa.Column("options", sa.JSON, nullable=False),
    sa.Column("gpus", sa.Integer, nullable=False, default=0),
    sa.Column("secret_hash", sa.String(64), nullable=False),
    sa.Column("job_id", sa.String(64)),
    sa.Column("port", sa.Integer),
    sa.Column("api_token", sa.String(255)),
    sa.Column("created", _Moment, nullable=False),
    sa.Column("ended", _Moment),
    sa.Column("reason", sa.Text),
    sa.Column("settled", sa.Boolean, nullable=False, default=False),
)
# At most one job per server: the database itself refuses a second live row.
sa.Index(
    "campus_spawns_one_live",
    _SPAWNS.c.learner,
    _SPAWNS.c.server,
    unique=True,
    sqlite_where=_SPAWNS.c.ended.is_(None),
    postgresql_where=_SPAWNS.c.ended.is_(None),
)


@dataclass(frozen=True)
class Spawn:
    """One row: a server that was asked for, and the job behind it."""

    spawn_id: str
    learner: str
    server: str
    site: str
    tag: str
    options: dict[str, Any]
    gpus: int
    secret_hash: str
    job_id: str | None
    port: int | None
    api_token: str | None
    created: datetime
    ended: datetime | None
    reason: str | None
    settled: bool

    def is_secret(self, secret: str) -> bool:
        """Whether that is the secret which the job was given."""
        return hmac.compare_digest(_digest(secret), self.secret_hash)


class Ledger:
    """The table, behind one SQLAlchemy URL; every method is one short transaction."""

    def __init__(self, url: str) -> None:
        self._engine = sa.create_engine(url, pool_pre_ping=True)
        if self._engine.dialect.name == "sqlite":
            sa.event.listen(self._engine, "connect", _durable_sqlite)
        _METADATA.create_all(self._engine)

    def close(self) -> None:
        """Give the connections back; the ledger opens new ones when it is used again."""
        self._engine.dispose()

    def open(self, *, secret: str, **fields: Any) -> None:
        """Write down a new spawn; raises IntegrityError when that server has a live one.

        Of the secret only the hash is kept: enough to recognise it, not enough to use it.
        """
        row = {"created": datetime.now(UTC), "settled": False, "secret_hash": _digest(secret), **fields}
        with self._engine.begin() as connection:
            connection.execute(_SPAWNS.insert().values(row))

    def live(self, learner: str, server: str) -> Spawn | None:
        """The live spawn of that server."""
        mine = (_SPAWNS.c.learner == learner) & (_SPAWNS.c.server == server)
        return next(iter(self._select(mine & _SPAWNS.c.ended.is_(None))), None)

    def latest(self, learner: str, server: str) -> Spawn | None:
        """The last spawn of that server, whether it lives or has ended."""
        mine = (_SPAWNS.c.learner == learner) & (_SPAWNS.c.server == server)
        return next(reversed(self._select(mine)), None)

    def is_live(self, spawn_id: str) -> bool:
        """Whether that spawn's server is still wanted."""
        return bool(self._select((_SPAWNS.c.spawn_id == spawn_id) & _SPAWNS.c.ended.is_(None)))

    def all_live(self, site: str) -> list[Spawn]:
        """Every live spawn of that site."""
        return self._select((_SPAWNS.c.site == site) & _SPAWNS.c.ended.is_(None))

    def unsettled(self, site: str) -> list[Spawn]:
        """Spawns of that site which ended, and whose job may still be there."""
        ended = _SPAWNS.c.ended.is_not(None) & ~_SPAWNS.c.settled
        return self._select((_SPAWNS.c.site == site) & ended)

    def sites(self) -> set[str]:
        """The sites where something is live or unsettled."""
        with self._engine.begin() as connection:
            rows = connection.execute(sa.select(_SPAWNS.c.site).where(~_SPAWNS.c.settled).distinct())
            return set(rows.scalars())

    def submitted(self, spawn_id: str, job_id: str) -> None:
        """Note the job's id."""
        self._update(spawn_id, job_id=job_id)

    def reported(self, spawn_id: str, port: int, api_token: str) -> None:
        """Note the port, and the token that the server was given, for a hub that restarts just now."""
        self._update(spawn_id, port=port, api_token=api_token)

    def end(self, spawn_id: str, reason: str) -> None:
        """The server is no more; its job may still have to go. The first reason stays."""
        live = (_SPAWNS.c.spawn_id == spawn_id) & _SPAWNS.c.ended.is_(None)
        with self._engine.begin() as connection:
            connection.execute(
                _SPAWNS.update().where(live).values(ended=datetime.now(UTC), reason=reason, api_token=None)
            )

    def settle(self, spawn_id: str) -> None:
        """The scheduler has nothing left of it."""
        self._update(spawn_id, settled=True)

    def _update(self, spawn_id: str, **values: Any) -> None:
        with self._engine.begin() as connection:
            connection.execute(_SPAWNS.update().where(_SPAWNS.c.spawn_id == spawn_id).values(**values))

    def _select(self, condition: sa.ColumnElement[bool]) -> list[Spawn]:
        with self._engine.begin() as connection:
            rows = connection.execute(_SPAWNS.select().where(condition).order_by(_SPAWNS.c.created))
            return [Spawn(**row) for row in rows.mappings()]


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _durable_sqlite(connection: Any, record: Any) -> None:
    """Readers don't wait for writers, and what is committed survives a crash of the machine."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
