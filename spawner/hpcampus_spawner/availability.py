"""What a cluster offers, asked for once for everybody, and more often while somebody looks."""

import asyncio
import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hpcampus_spawner.offers import Offers
from hpcampus_spawner.scheduler import Scheduler, SchedulerError

REFRESH_SECONDS = 15.0
"""The shortest time between two questions, after good answers and bad ones alike."""
QUIET_SECONDS = 60.0
"""The time between two questions while nobody looks, so that who comes first finds figures too."""
STALE = timedelta(minutes=2)
"""From this age on figures are not called current, even if no question has failed since."""

log = logging.getLogger("hpcampus.availability")


@dataclass(frozen=True)
class Seen:
    """The last good answer, and the reason why there is no newer one, if the latest question failed."""

    offers: Offers
    taken: datetime = field(default_factory=lambda: datetime.now(UTC))
    problem: str | None = None

    def age(self, now: datetime) -> timedelta:
        """How old the figures are."""
        return max(timedelta(0), now - self.taken)

    def current(self, now: datetime) -> bool:
        """Whether the figures can be taken for those of now."""
        return self.problem is None and self.age(now) < STALE


class Availability:
    """The memory of one cluster's offers."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._seen: Seen | None = None
        self._problem: str | None = None
        self._asked = -REFRESH_SECONDS
        self._asking: asyncio.Task[None] | None = None

    @property
    def problem(self) -> str | None:
        """Why the latest question had no answer; None when it had one, or none was asked yet."""
        return self._problem

    def look(self) -> Seen | None:
        """What is known, at once; when it is old, a new question starts behind the scenes."""
        idle = self._asking is None or self._asking.done()
        if idle and time.monotonic() - self._asked >= REFRESH_SECONDS:
            self._asking = asyncio.get_running_loop().create_task(self.ask())
        return self._seen

    async def run(self) -> None:
        """Look now and then, for ever."""
        while True:
            self.look()
            await asyncio.sleep(QUIET_SECONDS)

    async def ask(self) -> None:
        """Ask once, and keep the answer if there is a good one. Never raises."""
        self._asked = time.monotonic()
        try:
            offers = await self._scheduler.offers()
        except SchedulerError as error:
            if self._problem is None:
                log.warning("the scheduler doesn't say what it offers: %s", error)
            self._note(str(error))
        except Exception:
            log.exception("asking for what the scheduler offers failed in an unforeseen way")
            self._note("internal error")
        else:
            self._problem, self._seen = None, Seen(offers)
        # From its end: a slow scheduler is not asked without a pause.
        self._asked = time.monotonic()

    def _note(self, problem: str) -> None:
        self._problem = problem
        if self._seen is not None:
            self._seen = Seen(self._seen.offers, self._seen.taken, problem)
