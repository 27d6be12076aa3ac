"""What the queue page shows of one server: where its job stands now, and what has happened to it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

from hpcampus_spawner.cluster import Cluster
from hpcampus_spawner.job import Job
from hpcampus_spawner.request import JobRequest
from hpcampus_spawner.scheduler import JobState, JobStatus
from hpcampus_spawner.words import state_in_words, turn_in_words

SAY_AGAIN_SECONDS = 15


def whereabouts(cluster: Cluster | None, job: Job | None, request: JobRequest | None) -> dict[str, Any]:
    """`cluster`: the one that the job is on or is to be on; everything is None before a start."""
    if job is not None:
        job.look()
    status = job.status() if job else None
    return {
        "progress": _progress(status),
        "message": _message(cluster, job, status),
        "queue": {
            "site": cluster.site.name if cluster else "",
            "job": job.job_id if job else "",
            "state": status.state.value if status else "",
            "place": status.place if status else None,
            "starts": status.starts.isoformat() if status and status.starts else None,
            "node": status.node if status else "",
            "explanation": list(request.explanation) if request else [],
        },
        "history": job.history.shown if job else [],
    }


async def changes(
    cluster_now: Callable[[], Cluster | None], look: Callable[[], dict[str, Any]]
) -> AsyncIterator[dict[str, Any]]:
    """What `look` sees, each time that it changes, for as long as there is a cluster.

    With it comes `age`, of the scheduler's answer, in seconds. Without a change it is said again now and
    then, so that a page can tell an old answer from a new one, and notices when the hub is gone.
    """
    last: dict[str, Any] = {}
    told = 0.0
    while (cluster := cluster_now()) is not None:
        event = look()
        if event != last or time.monotonic() - told >= SAY_AGAIN_SECONDS:
            last, told = event, time.monotonic()
            yield {**event, "age": age_seconds(cluster)}
        with suppress(TimeoutError):
            async with asyncio.timeout(SAY_AGAIN_SECONDS):
                await cluster.watcher.tick()


def age_seconds(cluster: Cluster) -> float | None:
    """How long ago the scheduler last gave a good answer; None when it never did."""
    return cluster.watcher.age() if cluster.watcher.latest else None


def _progress(status: JobStatus | None) -> int:
    if status is None:
        return 10
    return 60 if status.state is JobState.RUNNING else 20


def _message(cluster: Cluster | None, job: Job | None, status: JobStatus | None) -> str:
    turn = job.turn() if job else None
    if turn:
        return turn_in_words(turn)
    watcher = cluster.watcher if cluster else None
    taken = watcher.latest.taken if watcher and watcher.latest else None
    loaded = job is not None and job.has_reported
    return state_in_words(status, watcher.problem if watcher else None, taken, loaded=loaded)
