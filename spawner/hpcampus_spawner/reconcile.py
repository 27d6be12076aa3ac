"""After a crash, and for ever after: no job without a server, no server's job forgotten."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from hpcampus_spawner.cluster import Cluster
from hpcampus_spawner.ledger import Spawn
from hpcampus_spawner.refusal import Refused
from hpcampus_spawner.scheduler import JobState, SchedulerError

# Has the hub start that server again, which adopts the job; raises `Refused` when the hub doesn't want it.
Resume = Callable[[Spawn], Awaitable[None]]

AT_ONCE = 10
RETRIES = (1, 5, 30, 60)
"""Seconds between the tries to have a spawn taken up again."""
UNCERTAIN = timedelta(minutes=6)
"""How long a submission without an answer may still become a job: a request that waits in the socket of a
slurmctld that hangs is good for as long as munge's credential, which is 5 minutes."""

log = logging.getLogger("hpcampus.reconcile")


async def adopt_all(cluster: Cluster, resume: Resume) -> None:
    """Once, when a hub has started: have every live spawn that it doesn't know of taken up again."""
    gate = asyncio.Semaphore(AT_ONCE)
    live = cluster.ledger.all_live(cluster.site.id)
    left = [spawn for spawn in live if spawn.spawn_id not in cluster.expected]
    await asyncio.gather(*(_take_up(cluster, resume, spawn, gate) for spawn in left))


async def _take_up(cluster: Cluster, resume: Resume, spawn: Spawn, gate: asyncio.Semaphore) -> None:
    """Only a clear no ends the job; a hub that is busy or in trouble is asked again."""
    for pause in (*RETRIES, None):
        try:
            async with gate:
                await resume(spawn)
            return
        except Refused as refused:
            log.error("%s/%s can't go on: %s", spawn.learner, spawn.server, refused)
            cluster.ledger.end(spawn.spawn_id, f"the hub could not take it up again: {refused}")
            return
        except Exception:
            log.exception("can't resume %s/%s yet", spawn.learner, spawn.server)
        if pause is not None:
            await asyncio.sleep(pause)


async def settle_for_ever(cluster: Cluster) -> None:
    """At every answer of the scheduler, end the jobs of servers that are no more."""
    while True:
        await cluster.watcher.tick()
        try:
            await settle(cluster)
        except Exception:
            log.exception("settling failed; it is tried again")


async def settle(cluster: Cluster, uncertain: timedelta = UNCERTAIN) -> None:
    """End or write off every job whose server has ended; unknown things wait for a better answer.

    A spawn without a job's id is written off only when `uncertain` is over and the scheduler has no such job.
    """
    if cluster.watcher.problem is not None:
        return
    for spawn in cluster.ledger.unsettled(cluster.site.id):
        try:
            await _settle_one(cluster, spawn, uncertain)
        except SchedulerError as error:
            log.warning("job %s of %s: %s", spawn.job_id, spawn.learner, error)


async def _settle_one(cluster: Cluster, spawn: Spawn, uncertain: timedelta) -> None:
    # Taken before the search: a job that appears during it counts as not searched for.
    late = datetime.now(UTC) - spawn.created > uncertain
    job_id = spawn.job_id or await cluster.scheduler.find(spawn.learner, spawn.tag)
    if job_id is None:
        if late:
            cluster.ledger.settle(spawn.spawn_id)
        return
    if spawn.job_id is None:
        cluster.ledger.submitted(spawn.spawn_id, job_id)
    job = cluster.watcher.status(job_id, since=0.0)
    if job is not None and job.state is JobState.GONE:
        cluster.ledger.settle(spawn.spawn_id)
    elif job is not None and job.state is not JobState.ENDING:
        if await cluster.scheduler.find(spawn.learner, spawn.tag) != job_id:
            # A scheduler that lost its state has given the id to another job.
            cluster.ledger.settle(spawn.spawn_id)
            return
        log.info("cancelling job %s of %s: its server has ended", job_id, spawn.learner)
        await cluster.scheduler.cancel(spawn.learner, job_id)
        cluster.watcher.nudge()


async def end_all(cluster: Cluster, deadline_seconds: float) -> bool:
    """Cancel every job of this hub and wait; True when none is left."""
    for spawn in cluster.ledger.all_live(cluster.site.id):
        cluster.ledger.end(spawn.spawn_id, "the hub was shut down")
    try:
        async with asyncio.timeout(deadline_seconds):
            while cluster.ledger.unsettled(cluster.site.id):
                await cluster.watcher.ask()
                # Nothing submits any more, so what the scheduler doesn't have won't come.
                await settle(cluster, uncertain=timedelta(0))
                await asyncio.sleep(0.2)
    except TimeoutError:
        return False
    return True
