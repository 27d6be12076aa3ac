"""Every server that somebody wants, with the job behind it: what operators see."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from hpcampus_spawner.cluster import Cluster
from hpcampus_spawner.ledger import Spawn
from hpcampus_spawner.models import Model
from hpcampus_spawner.scheduler import JobState, JobStatus


class ServerJob(Model):
    """One row. What the scheduler hasn't said is empty."""

    person: str
    server: str
    site: str
    job: str
    state: str
    reason: str
    node: str
    gpus: int
    since: datetime
    until: datetime | None
    age_seconds: float | None
    """How old the scheduler's answer is; None when there was none."""


def server_jobs(clusters: Iterable[Cluster], now: datetime) -> list[ServerJob]:
    """All rows, the oldest first, from what the watchers know already: the scheduler isn't asked."""
    return sorted(
        (row for cluster in clusters for row in _rows(cluster, now)), key=lambda row: (row.since, row.person)
    )


def _rows(cluster: Cluster, now: datetime) -> Iterator[ServerJob]:
    latest = cluster.watcher.latest
    age = (now - latest.taken).total_seconds() if latest else None
    for spawn in cluster.ledger.all_live(cluster.site.id):
        status = cluster.watcher.status(spawn.job_id, since=0.0) if spawn.job_id else None
        yield _row(cluster, spawn, status, age)


def _row(cluster: Cluster, spawn: Spawn, status: JobStatus | None, age: float | None) -> ServerJob:
    waits = status is not None and status.state is JobState.PENDING
    return ServerJob(
        person=spawn.learner,
        server=spawn.server,
        site=cluster.site.id,
        job=spawn.job_id or "",
        state=status.word if status else "UNKNOWN" if spawn.job_id else "SUBMITTING",
        reason=status.reason if status and waits else "",
        node=status.node if status else "",
        gpus=spawn.gpus,
        since=spawn.created,
        until=status.ends if status else None,
        age_seconds=age,
    )
