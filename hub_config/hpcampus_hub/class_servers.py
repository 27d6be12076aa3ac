"""The servers of a class as its instructors see them: one row for everybody on the course's roster."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from hpcampus_courses import Course
from hpcampus_spawner.cluster import Cluster
from hpcampus_spawner.ledger import Spawn
from hpcampus_spawner.models import Model
from hpcampus_spawner.scheduler import JobState

Stage = Literal["none", "failed", "submitting", "waiting", "starting", "ready", "stopping"]
ON_THE_WAY: tuple[Stage, ...] = ("submitting", "waiting", "starting", "stopping")
_IN_WORDS: Mapping[Stage, str] = {
    "ready": "ready",
    "starting": "starting",
    "waiting": "in the queue",
    "submitting": "to be handed to the scheduler",
    "stopping": "stopping",
    "failed": "could not start",
    "none": "none",
}


class LearnerServer(Model):
    """One learner's server of the course. What isn't known, or isn't there, is empty."""

    learner: str
    stage: Stage
    detail: str = ""
    """Why it waits, in the scheduler's word, or why it could not start."""
    place: int | None = None
    site: str = ""
    node: str = ""
    since: datetime | None = None
    until: datetime | None = None
    started_by: str = ""
    """Who pressed Start, if it wasn't the learner."""

    @property
    def in_words(self) -> str:
        """Its stage, for a table."""
        return _IN_WORDS[self.stage]

    @property
    def on_the_way(self) -> bool:
        """Whether it will soon be at another stage."""
        return self.stage in ON_THE_WAY


def live_spawns(clusters: Iterable[Cluster], course: Course) -> dict[str, Spawn]:
    """The live spawns of that course's servers, by learner."""
    found = (spawn for cluster in clusters for spawn in cluster.ledger.all_live(cluster.site.id))
    return {spawn.learner: spawn for spawn in found if spawn.server == course.slug}


def class_servers(users: Iterable[Any], course: Course, live: Mapping[str, Spawn]) -> list[LearnerServer]:
    """A row for each of JupyterHub's users, from what the hub knows already: no scheduler is asked."""
    return [_row(user.name, user.spawners.get(course.slug), live.get(user.name)) for user in users]


def summary(rows: Sequence[LearnerServer]) -> str:
    """How many are at which stage, in a sentence."""
    counts = Counter(row.stage for row in rows)
    parts = [f"{words}: {counts[stage]}" for stage, words in _IN_WORDS.items() if counts[stage]]
    return f"Notebooks of the {len(rows)} on the roster: {', '.join(parts)}."


def _row(learner: str, spawner: Any, spawn: Spawn | None) -> LearnerServer:
    if spawner is None or not spawner.active:
        problem = spawner and spawner._failed
        detail = str(getattr(problem, "jupyterhub_message", "")) if problem else ""
        return LearnerServer(learner=learner, stage="failed" if problem else "none", detail=detail)
    job = spawner.job
    status = job.status() if job else None
    waits = status is not None and status.state is JobState.PENDING
    return LearnerServer(
        learner=learner,
        stage=_stage(spawner, waits),
        detail=status.reason if status and waits else "",
        place=status.place if status else None,
        site=job.cluster.site.name if job else "",
        node=status.node if status else "",
        since=spawn.created if spawn else None,
        until=status.ends if status else None,
        started_by=(spawn.started_by if spawn else None) or "",
    )


def _stage(spawner: Any, waits: bool) -> Stage:
    if spawner.pending == "stop":
        return "stopping"
    if spawner.ready:
        return "ready"
    if spawner.job is None or spawner.job.turn() is not None:
        return "submitting"
    status = spawner.job.status()
    return "waiting" if waits or status is None else "starting"
