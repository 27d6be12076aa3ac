"""One job behind one server, as the hub follows it: handed over or found again, reported, located, ended."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from hpcampus_spawner import metrics
from hpcampus_spawner.cluster import Cluster
from hpcampus_spawner.failure import SpawnFailed
from hpcampus_spawner.history import History
from hpcampus_spawner.ledger import Spawn
from hpcampus_spawner.origin import Address, may_report
from hpcampus_spawner.scheduler import (
    JobState,
    JobStatus,
    SchedulerError,
    Submission,
    SubmissionRefused,
)
from hpcampus_spawner.words import (
    FOUND_AGAIN,
    STOPPED,
    SUBMITTED,
    ending_as_html,
    ending_in_words,
    state_in_words,
)

# Shorter than the wrapper waits for the answer to its report.
LOCATE_SECONDS = 15
STOP_SECONDS = 60

Place = TypeVar("Place", str, tuple[str, int])

log = logging.getLogger("hpcampus.job")


class ReportRefused(Exception):
    """A report that must not be believed; `status` is the HTTP status that says so."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Job:
    """The job of one spawn on one cluster; `job_id` is empty until the scheduler has named it."""

    def __init__(self, cluster: Cluster, learner: str, spawn_id: str) -> None:
        self.cluster = cluster
        self.learner = learner
        self.spawn_id = spawn_id
        self.job_id = ""
        self.up_since: datetime | None = None
        """When it reported its port to this hub; None for one that an earlier hub was told."""
        self._asked: datetime | None = None
        self._submitted: datetime | None = None
        self.history = History(spawn_id, cluster.unwritten)
        self._seen: tuple[JobStatus | None, bool, bool] | None = None
        self._since = 0.0
        self._claim: tuple[str, int] | None = None
        self._port: int | None = None
        self._way: tuple[str, int] | None = None
        self._reported = asyncio.Event()
        self._handing_over: asyncio.Task[None] | None = None

    def named(self, job_id: str, *, since: float = 0.0) -> None:
        """The scheduler calls it so; its answers before the monotonic time `since` can't know the job."""
        self.job_id, self._since = job_id, since

    def status(self) -> JobStatus | None:
        """What the scheduler last said of it; None while nobody knows."""
        return self.cluster.watcher.status(self.job_id, self._since) if self.job_id else None

    def is_gone(self) -> bool:
        """Whether the scheduler said so; silence is no answer."""
        status = self.status()
        return status is not None and status.state is JobState.GONE

    @property
    def has_reported(self) -> bool:
        """Whether its server is known to come up: the environment is loaded."""
        return self._port is not None

    def look(self) -> None:
        """Note in the history what the scheduler has to say that is new; an end is noted with its reason."""
        status, silent = self.status(), self.cluster.watcher.problem
        if not self.job_id or (status is None and silent is None) or self.is_gone():
            return
        seen = (status, silent is None, self.has_reported)
        if seen != self._seen:
            self._seen = seen
            sentence = state_in_words(status, silent, None, loaded=self.has_reported)
            self.history.state(sentence, status.starts if status else None)

    # -- the beginning

    async def submit(self, submission: Submission) -> None:
        """Hand it over in its turn; raises `SpawnFailed` when the scheduler says no, or doesn't answer."""
        ledger, self._asked = self.cluster.ledger, datetime.now(UTC)
        try:
            async with self.cluster.submissions.turn(self.spawn_id):
                self._handing_over = asyncio.create_task(self._hand_over(submission))
                # Who gives up a start must not leave a job that nobody knows yet: `cancel` waits for it.
                await asyncio.shield(self._handing_over)
        except SubmissionRefused as refused:
            self._count("refused")
            ledger.end(self.spawn_id, f"refused: {refused}")
            ledger.settle(self.spawn_id)
            self.history.note(f"The scheduler refused the job: {refused}")
            raise SpawnFailed(
                f"The scheduler of {self.cluster.site.system} refused the job: {refused}",
                reason="scheduler-refused",
            ) from None

    async def _hand_over(self, submission: Submission) -> None:
        """Submit, and write down what the job is called."""
        self.named(await self._named_by_scheduler(submission), since=time.monotonic())
        self._submitted = datetime.now(UTC)
        self.cluster.ledger.submitted(self.spawn_id, self.job_id)
        self.history.note(SUBMITTED.format(self.job_id))

    async def _named_by_scheduler(self, submission: Submission) -> str:
        """Submit; where the answer got lost, look whether the job is there before giving up."""
        try:
            job_id = await self.cluster.scheduler.submit(self.learner, submission)
            self._count("accepted")
            return job_id
        except SchedulerError as error:
            log.error("submission of spawn %s: %s", self.spawn_id, error)
        try:
            found = await self.cluster.scheduler.find(self.learner, submission.tag)
        except SchedulerError as error:
            log.error("looking for the job of spawn %s: %s", self.spawn_id, error)
            found = None
        self._count("unanswered" if found is None else "found")
        if found is None:
            self.cluster.ledger.end(self.spawn_id, "scheduler unavailable")
            raise SpawnFailed(
                "The scheduler doesn't answer, so your notebook can't start now. Nothing is lost; "
                "try again in a few minutes.",
                reason="scheduler-unavailable",
                status=503,
            )
        return found

    def _count(self, result: str) -> None:
        metrics.SUBMISSIONS.labels(self.cluster.site.id, result).inc()

    async def adopt(self, spawn: Spawn) -> bool:
        """Find the job that an earlier life of the hub submitted; False when there is no such job."""
        # By its tag, not by its id: the hub may have died before it wrote down the id, and a scheduler
        # that lost its state hands out the same ids again.
        job_id = await self._find(spawn)
        if job_id is None:
            self.cluster.ledger.end(spawn.spawn_id, "the scheduler knows no such job")
            return False
        self.named(job_id, since=time.monotonic())
        self.cluster.ledger.submitted(spawn.spawn_id, job_id)
        self.history.recall(self.cluster.ledger.events(spawn.spawn_id))
        self.history.note(FOUND_AGAIN)
        if spawn.port is not None:
            self._listens_on(spawn.port)
        return True

    async def _find(self, spawn: Spawn) -> str | None:
        """Ask until there is an answer: a start that fails would cancel a job that may well be there."""
        while True:
            try:
                return await self.cluster.scheduler.find(spawn.learner, spawn.tag)
            except SchedulerError as error:
                log.error("looking for the job of spawn %s: %s", self.spawn_id, error)
            await self.cluster.watcher.tick()

    def turn(self) -> int | None:
        """Its place among those that are still to be submitted; None when it was its turn."""
        return self.cluster.submissions.place(self.spawn_id)

    # -- its report

    async def recognise(self, spawn: Spawn, secret: str, source: Address | None) -> str:
        """The address of its node, for a report with its secret and from there; else `ReportRefused`."""
        if not spawn.is_secret(secret):
            log.warning("a report for spawn %s with a wrong secret came from %s", self.spawn_id, source)
            raise ReportRefused(403, "wrong secret")
        node = await self.address()
        if not await may_report(source, node, self.cluster.reports_from):
            log.error(
                "ALARM: the secret of %s's job %s was used from %s, and the job runs at %s. If its site's "
                "nodes come to this hub from there, campus.yaml has to say so: reach.%s.reports_from",
                self.learner,
                self.job_id,
                source,
                node,
                self.cluster.site.id,
            )
            raise ReportRefused(403, "it didn't come from where the job runs; the hub's log says more")
        return node

    def claim(self, spawn: Spawn, key: str, port: int) -> None:
        """Let one report win; raises `ReportRefused` for every other.

        The same report with the same key may come again, in case our answer got lost on the way.
        """
        if self._claim not in (None, (key, port)) or spawn.port not in (None, port):
            raise ReportRefused(409, "this job has reported before")
        self._claim = (key, port)

    def reported(self, port: int) -> None:
        """Its server will listen there, as it has just said."""
        self.up_since = datetime.now(UTC)
        self._listens_on(port)

    def _listens_on(self, port: int) -> None:
        self._port = port
        self._reported.set()

    def ready(self) -> None:
        """Its port answers: count how long that took, as far as this hub saw it."""
        status = self.status()
        dispatched = status.started if status else None
        moments = (self._asked, self._submitted, dispatched, self.up_since, datetime.now(UTC))
        metrics.count_start(self.cluster.site.id, *moments)

    async def where(self) -> tuple[str, int]:
        """The server's node and port, waited for as long as the job may still report; or `SpawnFailed`."""
        with self.cluster.watcher.waiting():
            port = await self._await_report()
            return await self._insist(self.address), port

    async def way_in(self, node: str, port: int, before: int | None = None) -> tuple[str, int]:
        """Where the hub reaches that port of the job's node; `before`: through which port it did so once."""
        self._way = node, port
        return await self._insist(lambda: self.cluster.network.way_to(node, port, before))

    async def way_back_in(self, port: int, before: int) -> tuple[str, int]:
        """The same for a server that this hub did not start itself."""
        return await self.way_in(await self._insist(self.address), port, before)

    def forget_way(self) -> None:
        """Nobody will go there again."""
        if self._way is not None:
            self.cluster.network.forget(*self._way)

    async def _insist(self, question: Callable[[], Awaitable[Place]]) -> Place:
        """Ask until there is an answer, for as long as the job lives; or `SpawnFailed`."""
        while True:
            try:
                return await question()
            except SchedulerError as error:
                log.error("looking for the node of spawn %s: %s", self.spawn_id, error)
            await self._fail_if_gone()
            await self.cluster.watcher.tick()

    async def _await_report(self) -> int:
        while True:
            tick = asyncio.ensure_future(self.cluster.watcher.tick())
            report = asyncio.ensure_future(self._reported.wait())
            either: list[asyncio.Future[Any]] = [tick, report]
            try:
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for waiter in either:
                    waiter.cancel()
            await self._fail_if_gone()
            self.look()
            if self._port is not None:
                return self._port

    async def address(self) -> str:
        """Where the job's node is; the watcher may be a moment behind the job's own report."""
        watcher = self.cluster.watcher
        try:
            async with asyncio.timeout(LOCATE_SECONDS):
                while (status := self.status()) is None or not status.node:
                    watcher.nudge()
                    await watcher.tick()
        except TimeoutError:
            raise SchedulerError("the scheduler doesn't say where the job runs") from None
        return await self.cluster.scheduler.address(status.node)

    # -- the end

    def ended(self, word: str) -> None:
        """Its server is no more, for that reason; the first one stays, and counts."""
        if self.cluster.ledger.end(self.spawn_id, word):
            metrics.ENDED_SERVERS.labels(self.cluster.site.id, word).inc()

    async def _fail_if_gone(self) -> None:
        """Raise `SpawnFailed` with the reason if the job ended before it became a server."""
        status = self.status()
        if status is None or status.state is not JobState.GONE:
            return
        async with self.cluster.farewells.turn(self.spawn_id):
            ending = await self.cluster.scheduler.ending(self.learner, self.job_id, self.spawn_id)
        sentence = ending_in_words(ending, status.word)
        log.error("job %s of %s: %s\n%s", self.job_id, self.learner, sentence, ending.log)
        self.cluster.ledger.end(self.spawn_id, sentence)
        self.cluster.ledger.settle(self.spawn_id)
        self.history.note(sentence)
        html = ending_as_html(sentence, ending)
        raise SpawnFailed(sentence, reason=status.word.lower(), html=html, status=502)

    async def cancel(self) -> None:
        """Cancel it and wait until it is gone; what can't be done now, the reconciler does later."""
        if self._handing_over is not None:
            # How that ended is the start's business.
            await asyncio.wait([self._handing_over], timeout=STOP_SECONDS)
        if not self.job_id:
            return
        self.history.note(STOPPED)
        try:
            async with self.cluster.farewells.turn(self.spawn_id):
                await self.cluster.scheduler.cancel(self.learner, self.job_id)
            with self.cluster.watcher.waiting():
                async with asyncio.timeout(STOP_SECONDS):
                    while not self.is_gone():
                        await self.cluster.watcher.tick()
        except (SchedulerError, TimeoutError) as error:
            log.error("job %s of %s is still to be cancelled: %s", self.job_id, self.learner, error)
