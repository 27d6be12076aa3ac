"""When a job would start that can't start now: the scheduler's own guess, shared by all who ask the same."""

import asyncio
import logging
import time
from dataclasses import dataclass
from datetime import datetime

from hpcampus_spawner.request import JobRequest
from hpcampus_spawner.scheduler import Scheduler, SchedulerError

KEPT_SECONDS = 60.0
WAIT_SECONDS = 2.0
"""How long a page waits for a guess; it comes later to the next page."""

log = logging.getLogger("hpcampus.estimates")


@dataclass(frozen=True)
class _Guess:
    asked: float
    task: "asyncio.Task[datetime | None]"


class Estimates:
    """The guesses of one cluster: one question at a time, and one a minute for the same job."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._guesses: dict[JobRequest, _Guess] = {}
        self._one_at_a_time = asyncio.Lock()

    async def start_of(self, learner: str, request: JobRequest) -> datetime | None:
        """When that job would start; None where nobody says so in time. Never raises.

        Asked as the learner, for a job that differs from others' in nothing but its owner.
        """
        now = time.monotonic()
        self._guesses = {r: g for r, g in self._guesses.items() if now - g.asked < KEPT_SECONDS}
        job = request.model_copy(update={"explanation": ()})
        if job not in self._guesses:
            task = asyncio.get_running_loop().create_task(self._ask(learner, job))
            self._guesses[job] = _Guess(now, task)
        task = self._guesses[job].task
        done, _ = await asyncio.wait([task], timeout=WAIT_SECONDS)
        return task.result() if done else None

    async def _ask(self, learner: str, request: JobRequest) -> datetime | None:
        try:
            async with self._one_at_a_time:
                return await self._scheduler.estimate(learner, request)
        except SchedulerError as error:
            log.info("no estimate for %s: %s", learner, error)
        except Exception:
            log.exception("an estimate failed in an unforeseen way")
        return None
