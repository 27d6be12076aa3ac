"""Stops servers that nobody uses, where `campus.yaml` says so: a node is for those who work on it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from hpcampus_spawner.idleness import is_idle
from hpcampus_spawner.spawner import BatchSpawner

IDLE = "IDLE"
"""What the ledger says of a server that was stopped for it."""

Users = Callable[[], Iterable[Any]]
Stop = Callable[[BatchSpawner], Awaitable[None]]


async def stop_idle_for_ever(users: Users, limit: timedelta, stop: Stop, log: Any) -> None:
    """Look ten times within the limit; a server that can't be stopped is tried again."""
    since = datetime.now(UTC)
    while True:
        await asyncio.sleep(limit.total_seconds() / 10)
        for spawner in idle_servers(users(), limit, since):
            log.info("stopping %s: nobody used it for %s", spawner._log_name, limit)
            try:
                await stop(spawner)
            except Exception:
                log.exception("%s could not be stopped", spawner._log_name)


def idle_servers(users: Iterable[Any], limit: timedelta, since: datetime) -> list[BatchSpawner]:
    """Those that nobody used for longer than the limit; `since` is when servers could first tell this hub."""
    now = datetime.now(UTC)
    ready = [spawner for user in users for spawner in user.spawners.values() if spawner.ready]
    return [one for one in ready if one.job and is_idle(one.job.status(), _used(one, since), now, limit)]


def _used(spawner: BatchSpawner, since: datetime) -> datetime:
    """When it was last used: when it came up at the earliest.

    What JupyterHub calls its start is when somebody asked for it: its job may have waited for hours since.
    JupyterHub's moments are UTC without a zone.
    """
    row, up = spawner.orm_spawner, spawner.job.up_since if spawner.job else None
    moments: list[datetime | None] = [row.last_activity, row.started, up]
    return max([since, *(moment.replace(tzinfo=UTC) for moment in moments if moment)])
