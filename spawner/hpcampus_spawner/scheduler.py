"""The one interface to a batch system, and the states a job can be in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from hpcampus_spawner.offers import Offers
from hpcampus_spawner.request import JobRequest


class JobState(Enum):
    """What a job's state means for the notebook server in it."""

    PENDING = "pending"
    RUNNING = "running"
    ENDING = "ending"
    """Still holds its node, but nothing new starts in it."""
    PAUSED = "paused"
    """Alive and not reachable; it may come back."""
    GONE = "gone"


@dataclass(frozen=True)
class JobStatus:
    """One job, as the last good answer of the scheduler had it. Times are aware."""

    job_id: str
    state: JobState
    word: str
    """The scheduler's own word for the state, such as PENDING or OUT_OF_MEMORY."""
    reason: str = ""
    node: str = ""
    partition: str = ""
    """Where it runs or waits; several with commas between them."""
    place: int | None = None
    """Place among the pending jobs of its partition, from 1."""
    starts: datetime | None = None
    """When it is expected to start, while it waits."""
    started: datetime | None = None
    ends: datetime | None = None


@dataclass(frozen=True)
class Submission:
    """A job to be handed over: the request, the script, and what only the learner's own files may hold."""

    spawn_id: str
    tag: str
    """The job's comment, by which it is found again after a crash. Everybody can read it."""
    request: JobRequest
    script: str
    ticket: str
    """What the node wrapper needs to report to the hub; secret."""
    wanted: tuple[str, ...] = ()
    """The learner's other spawns whose job may still be there: their folders stay."""


@dataclass(frozen=True)
class Ending:
    """How a job ended, for the person who waited for it."""

    word: str
    exit_code: int | None
    log: str
    """The end of the job's output, as it stands; escape before showing."""


class SchedulerError(Exception):
    """The scheduler didn't answer, or not in a way that means anything: the truth is unknown."""


class SubmissionRefused(Exception):
    """The scheduler said no; the message is its own sentence."""


class Scheduler(Protocol):
    """A batch system that runs jobs as the learner."""

    async def submit(self, learner: str, submission: Submission) -> str:
        """Hand over the job and return its id; raises `SubmissionRefused` or `SchedulerError`."""

    async def jobs(self) -> Mapping[str, JobStatus]:
        """Ask once for all jobs; raises `SchedulerError` when there is no good answer."""

    async def find(self, learner: str, tag: str) -> str | None:
        """The id of the learner's job with that tag, finished ones included; raises `SchedulerError`."""

    async def cancel(self, learner: str, job_id: str) -> None:
        """End the job; ending one that is gone already is fine. Raises `SchedulerError`."""

    async def address(self, node: str) -> str:
        """Where the hub reaches that node; raises `SchedulerError`."""

    async def ending(self, learner: str, job_id: str, spawn_id: str) -> Ending:
        """What is known of how the job ended; never raises, unknown things stay empty."""

    async def offers(self) -> Offers:
        """What is free just now, and which reservations there are; raises `SchedulerError`."""

    async def estimate(self, learner: str, request: JobRequest) -> datetime | None:
        """When that job of the learner would start; None where nobody knows. Raises `SchedulerError`."""
