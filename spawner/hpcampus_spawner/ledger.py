"""What the hub must remember of every spawn, written before the scheduler is told: one row of a database.

A row is *live* until its server ends, and *unsettled* until the scheduler has confirmed that no job is left.
So whatever crashes, the hub finds every job it ever submitted, and adopts or cancels it.
What learners read of their job's history is kept beside it, until the next start of the same server.
"""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from hpcampus_spawner.models import BadFile
from hpcampus_spawner.tables import EVENTS, SPAWNS, bring_up_to_date


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
    started_by: str | None
    """Who pressed Start, if it wasn't the learner."""
    created: datetime
    ended: datetime | None
    reason: str | None
    settled: bool

    def is_secret(self, secret: str) -> bool:
        """Whether that is the secret which the job was given."""
        return hmac.compare_digest(_digest(secret), self.secret_hash)


@dataclass(frozen=True)
class Event:
    """Something that happened to a spawn, in a sentence; `moment` is the one that the sentence speaks of.

    Numbers go up from 1 within a spawn. The text may hold words of the scheduler: escape it before showing.
    """

    spawn_id: str
    number: int
    at: datetime
    text: str
    moment: datetime | None = None


class Ledger:
    """Both tables, behind one SQLAlchemy URL; every method is one short transaction.

    Raises `BadFile` for a database of a version that is too old.
    """

    def __init__(self, url: str) -> None:
        self._engine = sa.create_engine(url, pool_pre_ping=True)
        if self._engine.dialect.name == "sqlite":
            sa.event.listen(self._engine, "connect", _durable_sqlite)
        try:
            bring_up_to_date(self._engine)
        except BadFile:
            self._engine.dispose()
            raise

    def close(self) -> None:
        """Give the connections back; the ledger opens new ones when it is used again."""
        self._engine.dispose()

    def open(self, *, secret: str, **fields: Any) -> None:
        """Write down a new spawn; raises IntegrityError when that server has a live one.

        Of the secret only the hash is kept: enough to recognise it, not enough to use it. The events of the
        server's earlier spawns are forgotten.
        """
        row = {"created": datetime.now(UTC), "settled": False, "secret_hash": _digest(secret), **fields}
        same = (SPAWNS.c.learner == row["learner"]) & (SPAWNS.c.server == row["server"])
        earlier = sa.select(SPAWNS.c.spawn_id).where(same)
        with self._engine.begin() as connection:
            connection.execute(EVENTS.delete().where(EVENTS.c.spawn_id.in_(earlier)))
            connection.execute(SPAWNS.insert().values(row))

    def live(self, learner: str, server: str) -> Spawn | None:
        """The live spawn of that server."""
        mine = (SPAWNS.c.learner == learner) & (SPAWNS.c.server == server)
        return next(iter(self._select(mine & SPAWNS.c.ended.is_(None))), None)

    def latest(self, learner: str, server: str) -> Spawn | None:
        """The last spawn of that server, whether it lives or has ended."""
        mine = (SPAWNS.c.learner == learner) & (SPAWNS.c.server == server)
        return next(reversed(self._select(mine)), None)

    def is_live(self, spawn_id: str) -> bool:
        """Whether that spawn's server is still wanted."""
        return bool(self._select((SPAWNS.c.spawn_id == spawn_id) & SPAWNS.c.ended.is_(None)))

    def all_live(self, site: str) -> list[Spawn]:
        """Every live spawn of that site."""
        return self._select((SPAWNS.c.site == site) & SPAWNS.c.ended.is_(None))

    def unsettled(self, site: str) -> list[Spawn]:
        """Spawns of that site which ended, and whose job may still be there."""
        ended = SPAWNS.c.ended.is_not(None) & ~SPAWNS.c.settled
        return self._select((SPAWNS.c.site == site) & ended)

    def unsettled_of(self, learner: str) -> list[str]:
        """The ids of that learner's spawns, at any site, whose job may still be there."""
        mine = (SPAWNS.c.learner == learner) & ~SPAWNS.c.settled
        return [spawn.spawn_id for spawn in self._select(mine)]

    def sites(self) -> set[str]:
        """The sites where something is live or unsettled."""
        with self._engine.begin() as connection:
            rows = connection.execute(sa.select(SPAWNS.c.site).where(~SPAWNS.c.settled).distinct())
            return set(rows.scalars())

    def submitted(self, spawn_id: str, job_id: str) -> None:
        """Note the job's id."""
        self._update(spawn_id, job_id=job_id)

    def reported(self, spawn_id: str, port: int, api_token: str) -> None:
        """Note the port, and the token that the server was given, for a hub that restarts just now."""
        self._update(spawn_id, port=port, api_token=api_token)

    def end(self, spawn_id: str, reason: str) -> bool:
        """The server is no more; its job may still have to go. The first reason stays: whether this is it."""
        live = (SPAWNS.c.spawn_id == spawn_id) & SPAWNS.c.ended.is_(None)
        with self._engine.begin() as connection:
            done = connection.execute(
                SPAWNS.update().where(live).values(ended=datetime.now(UTC), reason=reason, api_token=None)
            )
            return done.rowcount > 0

    def settle(self, spawn_id: str) -> None:
        """The scheduler has nothing left of it."""
        self._update(spawn_id, settled=True)

    def write_events(self, events: Iterable[Event], keep: int) -> None:
        """Note what happened; of each spawn only its first event and the latest are kept, `keep` in all."""
        rows = [asdict(event) for event in events]
        with self._engine.begin() as connection:
            connection.execute(EVENTS.insert(), rows)
            for row in rows:
                if row["number"] > keep:
                    old = EVENTS.c.number.between(2, row["number"] - keep + 1)
                    connection.execute(EVENTS.delete().where((EVENTS.c.spawn_id == row["spawn_id"]) & old))

    def events(self, spawn_id: str) -> list[Event]:
        """What was noted of that spawn, the oldest first."""
        wanted = EVENTS.select().where(EVENTS.c.spawn_id == spawn_id).order_by(EVENTS.c.number)
        with self._engine.begin() as connection:
            return [Event(**row) for row in connection.execute(wanted).mappings()]

    def _update(self, spawn_id: str, **values: Any) -> None:
        with self._engine.begin() as connection:
            connection.execute(SPAWNS.update().where(SPAWNS.c.spawn_id == spawn_id).values(**values))

    def _select(self, condition: sa.ColumnElement[bool]) -> list[Spawn]:
        with self._engine.begin() as connection:
            rows = connection.execute(SPAWNS.select().where(condition).order_by(SPAWNS.c.created))
            return [Spawn(**row) for row in rows.mappings()]


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _durable_sqlite(connection: Any, record: Any) -> None:
    """Readers don't wait for writers, and what is committed survives a crash of the machine."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
