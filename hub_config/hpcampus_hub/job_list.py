"""Every server that somebody wants, with the job behind it: what operators see."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime

from hpcampus_spawner.cluster import Cluster
from hpcampus_spawner.ledger import Spawn
from hpcampus_spawner.models import Model
from hpcampus_spawner.scheduler import JobState, JobStatus


class ServerJob(Model):
    """One row. What the scheduler hasn't said is empty."""

    person: str
    server: str
    course: str
    """Empty for a notebook of one's own."""
    site: str
    job: str
    state: str
    reason: str
    node: str
    gpus: int
    since: datetime
    """When it was asked for."""
    until: datetime | None
    started_by: str
    """Who pressed Start, if it wasn't the person."""
    age_seconds: float | None
    """How old the scheduler's answer is; None when there was none."""


def server_jobs(clusters: Iterable[Cluster], courses: Collection[str], now: datetime) -> list[ServerJob]:
    """All rows, the oldest first, from what the watchers know already: the scheduler isn't asked.

    A course's server bears the name of one of the courses.
    """
    rows = (row for cluster in clusters for row in _rows(cluster, courses, now))
    return sorted(rows, key=lambda row: (row.since, row.person))


def _rows(cluster: Cluster, courses: Collection[str], now: datetime) -> Iterator[ServerJob]:
    latest = cluster.watcher.latest
    age = (now - latest.taken).total_seconds() if latest else None
    for spawn in cluster.ledger.all_live(cluster.site.id):
        status = cluster.watcher.status(spawn.job_id, since=0.0) if spawn.job_id else None
        course = spawn.server if spawn.server in courses else ""
        yield _row(spawn, course, status, age)


def _row(spawn: Spawn, course: str, status: JobStatus | None, age: float | None) -> ServerJob:
    waits = status is not None and status.state is JobState.PENDING
    return ServerJob(
        person=spawn.learner,
        server=spawn.server,
        course=course,
        site=spawn.site,
        job=spawn.job_id or "",
        state=status.word if status else "UNKNOWN" if spawn.job_id else "SUBMITTING",
        reason=status.reason if status and waits else "",
        node=status.node if status else "",
        gpus=spawn.gpus,
        since=spawn.created,
        until=status.ends if status else None,
        started_by=spawn.started_by or "",
        age_seconds=age,
    )
