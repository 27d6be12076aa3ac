"""One watcher for a cluster: it asks the scheduler once for everybody, and remembers the last good answer."""

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from hpcampus_spawner.scheduler import JobState, JobStatus, Scheduler, SchedulerError

BUSY_SECONDS = 2.0
QUIET_SECONDS = 15.0
PATIENCE = 5.0
"""A query that takes long is asked again only after this many times its duration."""
LONGEST_SECONDS = 45.0
"""But a scheduler that is back after an outage is to be noticed soon."""

log = logging.getLogger("hpcampus.watcher")


@dataclass(frozen=True)
class Snapshot:
    """One good answer; `asked` is the monotonic time before the question, `taken` the wall-clock time."""

    jobs: Mapping[str, JobStatus]
    asked: float
    taken: datetime = field(default_factory=lambda: datetime.now(UTC))


class Watcher:
    """Keeps the picture of all jobs; `run` is its only task, everybody else just looks."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._good: list[Snapshot] = []
        self._began = time.monotonic()
        self._waiting = 0
        self._nudged = asyncio.Event()
        self._tick = asyncio.Condition()
        self.problem: str | None = None
        """Why the latest question had no answer; None when it had one."""

    @property
    def latest(self) -> Snapshot | None:
        """The last good answer, however old."""
        return self._good[-1] if self._good else None

    def age(self) -> float:
        """Seconds since the question that had the last good answer; while there was none, since the first."""
        return time.monotonic() - (self.latest.asked if self.latest else self._began)

    def status(self, job_id: str, since: float) -> JobStatus | None:
        """What is known of a job submitted at the monotonic time `since`; None when nothing is.

        A job counts as gone without a trace only when two good answers in a row, both asked for after it
        was submitted, don't have it.
        """
        if self.latest and job_id in self.latest.jobs:
            return self.latest.jobs[job_id]
        if len(self._good) == 2 and all(s.asked > since and job_id not in s.jobs for s in self._good):
            return JobStatus(job_id, JobState.GONE, "FORGOTTEN")
        return None

    def pending(self, partition: str) -> int | None:
        """How many jobs of anybody wait for that partition; None while that isn't known."""
        if self.latest is None:
            return None
        waiting = [job.partition for job in self.latest.jobs.values() if job.state is JobState.PENDING]
        return sum(partition in wanted.split(",") for wanted in waiting) if all(waiting) else None

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """While somebody waits, the scheduler is asked more often."""
        self._waiting += 1
        self.nudge()
        try:
            yield
        finally:
            self._waiting -= 1

    def nudge(self) -> None:
        """Something was just changed: ask again now."""
        self._nudged.set()

    async def tick(self) -> None:
        """Wait for the next answer, good or not."""
        async with self._tick:
            await self._tick.wait()

    async def run(self) -> None:
        """Ask for ever. Anything unexpected is logged and is one more unknown, never the end."""
        while True:
            began = time.monotonic()
            self._nudged.clear()
            try:
                await self.ask()
            except Exception:
                log.exception("the watcher's question failed in an unforeseen way")
                self.problem = "internal error"
            async with self._tick:
                self._tick.notify_all()
            await self._pause(time.monotonic() - began)

    async def ask(self) -> None:
        """Ask once, and keep the answer if there is a good one."""
        asked = time.monotonic()
        try:
            jobs = await self._scheduler.jobs()
        except SchedulerError as error:
            if self.problem is None:
                log.warning("the scheduler doesn't answer: %s", error)
            self.problem = str(error)
            return
        if self.problem is not None:
            log.info("the scheduler answers again")
        self.problem = None
        self._good = [*self._good[-1:], Snapshot(jobs, asked)]

    async def _pause(self, took: float) -> None:
        pause = max(BUSY_SECONDS if self._waiting else QUIET_SECONDS, min(PATIENCE * took, LONGEST_SECONDS))
        # Changes in quick succession share one question.
        await asyncio.sleep(min(pause, max(0.2, took)))
        # Not wait_for: in Python 3.11 it can swallow the cancellation that ends this task.
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._nudged.wait()
