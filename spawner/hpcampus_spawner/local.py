"""The embedded scheduler: one queue on this machine, first come, first served.

The queue stands in one file, so that jobs outlive the hub; it moves whenever somebody asks for the jobs.
"""

import asyncio
import contextlib
import json
import logging
import os
import tempfile
from collections.abc import Coroutine, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from hpcampus_spawner.launcher import alive
from hpcampus_spawner.launching import Launcher, LauncherError
from hpcampus_spawner.local_job import TIMED_OUT
from hpcampus_spawner.models import Model
from hpcampus_spawner.offers import Offers, PartitionOffer, Room
from hpcampus_spawner.request import JobRequest
from hpcampus_spawner.scheduler import Ending, JobState, JobStatus, SchedulerError, Submission

PARTITION = "local"
"""What the site's file calls the one queue."""
KEPT = timedelta(minutes=5)
"""How long a job that ended can still be asked about."""
PATIENCE_SECONDS = 3
"""So long an answer waits for learners' own processes; who needs longer holds up nobody else."""


class LocalJob(Model):
    """One job of the queue, as it is written down; the script and the ticket only until it starts."""

    job_id: str
    learner: str
    spawn_id: str
    tag: str
    cpus: int
    seconds: int
    script: str = ""
    ticket: str = ""
    pid: int | None = None
    born: str | None = None
    started: datetime | None = None
    ended: datetime | None = None
    word: str = "PENDING"

    @property
    def state(self) -> JobState:
        """What the word means."""
        words = {"PENDING": JobState.PENDING, "RUNNING": JobState.RUNNING, "COMPLETING": JobState.ENDING}
        return words.get(self.word, JobState.GONE)

    @property
    def active(self) -> bool:
        """Whether it holds its CPUs."""
        return self.state in (JobState.RUNNING, JobState.ENDING)

    @property
    def ends(self) -> datetime | None:
        """When its time is over."""
        return self.started and self.started + timedelta(seconds=self.seconds)


log = logging.getLogger("hpcampus.local")

_QUEUE = TypeAdapter(tuple[LocalJob, ...])


class LocalScheduler:
    """Runs at most `cpus` CPUs' worth of jobs at once; `file` (mode 0600) keeps the queue."""

    def __init__(self, launcher: Launcher, file: Path, cpus: int) -> None:
        self._launcher = launcher
        self._file = file
        self._cpus = cpus
        # One task at most for each job, while a process of its learner does something: their home may hang.
        # The queue itself is never changed across an await, and each change ends with the file written.
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._queue = _QUEUE.validate_json(file.read_bytes()) if file.exists() else ()

    async def submit(self, learner: str, submission: Submission) -> str:
        """Put the job at the end of the queue, and start it if there is room."""
        number = max((int(job.job_id) for job in self._queue), default=0) + 1
        job = LocalJob(
            job_id=str(number),
            learner=learner,
            spawn_id=submission.spawn_id,
            tag=submission.tag,
            cpus=submission.request.cpus,
            seconds=60 * submission.request.walltime_minutes,
            script=submission.script,
            ticket=submission.ticket,
        )
        self._save((*self._queue, job))
        self._move()
        await self._patience(job.job_id)
        return job.job_id

    async def jobs(self) -> Mapping[str, JobStatus]:
        """Let the queue move, then say where everybody is."""
        self._move()
        await self._patience(*self._under_way)
        # One that ended just now has made room.
        self._move()
        await self._patience(*self._under_way)
        pending = [job.job_id for job in self._queue if job.state is JobState.PENDING]
        return {job.job_id: self._status(job, pending) for job in self._queue}

    async def find(self, learner: str, tag: str) -> str | None:
        """Look for the tag in the queue."""
        found = (job.job_id for job in self._queue if (job.learner, job.tag) == (learner, tag))
        return next(found, None)

    async def cancel(self, learner: str, job_id: str) -> None:
        """Take the job out of the queue, or ask its process to end."""
        # What is just being started can be stopped then.
        while job_id in self._under_way:
            await asyncio.wait([self._under_way[job_id]])
        mine = (job for job in self._queue if (job.learner, job.job_id) == (learner, job_id))
        job = next(mine, None)
        if job is None:
            return
        if job.state is JobState.PENDING:
            self._replace(job, word="CANCELLED", ended=datetime.now(UTC), script="", ticket="")
        elif job.state is JobState.RUNNING:
            await asyncio.shield(self._begin(job, self._stop(job)))

    async def address(self, node: str) -> str:
        """Every job runs here."""
        return "127.0.0.1"

    async def offers(self) -> Offers:
        """The CPUs that the queue could still hand out, unless somebody waits for them already."""
        await self.jobs()
        waiting = any(job.state is JobState.PENDING for job in self._queue)
        free = 0 if waiting else max(0, self._cpus - self._busy())
        room = Room(nodes=1, cpus=free, empty=not self._busy())
        offer = PartitionOffer(
            open=True, total=1, idle=int(room.empty), mixed=int(not room.empty), rooms=(room,)
        )
        return Offers({PARTITION: offer})

    async def estimate(self, learner: str, request: JobRequest) -> datetime | None:
        """The latest moment at which everybody before it must have made room; None while that is open."""
        waiting = any(job.state is JobState.PENDING for job in self._queue)
        return None if waiting else self._estimate()

    async def ending(self, learner: str, job_id: str, spawn_id: str) -> Ending:
        """The exit code that the job wrote and the end of its log."""
        word = next((job.word for job in self._queue if job.job_id == job_id), "")
        try:
            answer = await self._launcher.order(learner, "result", spawn_id=spawn_id)
        except LauncherError:
            return Ending(word, None, "")
        return Ending(word, answer["exit_code"], str(answer["log"]))

    def _move(self) -> None:
        """Notice jobs that ended, and begin to start those whose turn it is."""
        for job in filter(self._ended, self._queue):
            if job.state is JobState.RUNNING:
                self._begin(job, self._end(job))
            else:
                self._replace(job, word="CANCELLED", ended=datetime.now(UTC))
        self._forget_old()
        for job in self._queue:
            if job.state is not JobState.PENDING or job.job_id in self._under_way:
                continue
            if self._busy() + job.cpus > self._cpus:
                break
            self._begin(job, self._start(job))

    def _ended(self, job: LocalJob) -> bool:
        """Whether its process is gone, and nothing was made of that yet."""
        known = not job.active or job.job_id in self._under_way
        return not known and (job.pid is None or not alive(job.pid, job.born))

    def _forget_old(self) -> None:
        oldest = datetime.now(UTC) - KEPT
        # The last one stays, so that no number is ever given twice.
        kept = tuple(
            job for job in self._queue if job.ended is None or job.ended > oldest or job is self._queue[-1]
        )
        if kept != self._queue:
            self._save(kept)

    def _begin(self, job: LocalJob, order: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A task of its own: whoever stops waiting leaves no process that the queue doesn't know."""
        task = self._under_way[job.job_id] = asyncio.create_task(order)
        task.add_done_callback(lambda _: self._under_way.pop(job.job_id))
        return task

    async def _patience(self, *job_ids: str) -> None:
        """Wait a little for what is under way for these jobs."""
        tasks = [self._under_way[job_id] for job_id in job_ids if job_id in self._under_way]
        if tasks:
            await asyncio.wait(tasks, timeout=PATIENCE_SECONDS)

    async def _end(self, job: LocalJob) -> None:
        """Write down how a job that nobody cancelled ended, by the exit code that it wrote."""
        code = None
        with contextlib.suppress(SchedulerError):
            code = (await self._order(job, "result"))["exit_code"]
        word = {0: "COMPLETED", None: "COMPLETED", TIMED_OUT: "TIMEOUT"}.get(code, "FAILED")
        self._replace(job, word=word, ended=datetime.now(UTC))

    async def _stop(self, job: LocalJob) -> None:
        await self._order(job, "stop")
        self._replace(job, word="COMPLETING")

    def _busy(self) -> int:
        return sum(job.cpus for job in self._queue if job.active or job.job_id in self._under_way)

    async def _start(self, job: LocalJob) -> None:
        wanted = [other.spawn_id for other in self._queue if other.state is not JobState.GONE]
        how = {"script": job.script, "ticket": job.ticket, "seconds": job.seconds, "wanted": wanted}
        try:
            answer = await self._order(job, "start", **how)
        except SchedulerError as error:
            log.error("job %s of %s can't start: %s", job.job_id, job.learner, error)
            self._replace(job, word="LAUNCH_FAILED", ended=datetime.now(UTC), script="", ticket="")
            return
        process = answer["process"]
        self._replace(
            job,
            word="RUNNING",
            started=datetime.now(UTC),
            pid=process["pid"],
            born=process["born"],
            script="",
            ticket="",
        )

    async def _order(self, job: LocalJob, verb: str, **fields: Any) -> dict[str, Any]:
        try:
            return await self._launcher.order(job.learner, verb, spawn_id=job.spawn_id, **fields)
        except LauncherError as error:
            raise SchedulerError(str(error)) from error

    def _status(self, job: LocalJob, pending: list[str]) -> JobStatus:
        place = pending.index(job.job_id) + 1 if job.job_id in pending else None
        return JobStatus(
            job_id=job.job_id,
            state=job.state,
            word=job.word,
            reason="Resources" if place else "",
            node="" if place else "local",
            partition=PARTITION,
            place=place,
            starts=self._estimate() if place == 1 else None,
            started=job.started,
            ends=job.ends,
        )

    def _estimate(self) -> datetime | None:
        """The latest moment at which a running job must have made room."""
        ends = [job.ends for job in self._queue if job.active and job.ends]
        return min(ends, default=None)

    def _replace(self, job: LocalJob, **changes: Any) -> None:
        changed = job.model_copy(update=changes)
        self._save(tuple(changed if other is job else other for other in self._queue))

    def _save(self, queue: Iterable[LocalJob]) -> None:
        """Replace the file at once, so that a crash leaves the old queue or the new one."""
        self._queue = tuple(queue)
        text = json.dumps(_QUEUE.dump_python(self._queue, mode="json"))
        handle, name = tempfile.mkstemp(dir=self._file.parent)
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(self._file)
