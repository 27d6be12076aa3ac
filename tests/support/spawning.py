"""What tests of the spawner share: small sites, submissions, and schedulers that answer as told."""

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from hpcampus_spawner.offers import Offers
from hpcampus_spawner.request import JobRequest
from hpcampus_spawner.scheduler import Ending, JobState, JobStatus, SchedulerError, Submission
from hpcampus_spawner.site import Partition, Rule, Scheduler, Site

FAKE_COMMAND = Path(__file__).with_name("fake_slurm_command.sh")
SECRET = "a-secret-that-must-not-be-seen"


def a_site(*partitions: Partition, account_required: bool = False) -> Site:
    """A site with those partitions, or with one small one."""
    return Site(
        id="small",
        factory="none",
        system="SMALL",
        scheduler=Scheduler(kind="slurm"),
        partitions=partitions or (Partition(name="cpu", cpus=8, memory_gib=16, gpus=0),),
        account=Rule(required=account_required),
        gpu_request="gres",
        confidence="none",
    )


def a_submission(script: str = "#!/bin/bash\n", *, cpus: int = 1, minutes: int = 10) -> Submission:
    """A job that is ready to be handed over."""
    spawn_id = uuid4().hex
    request = JobRequest(partition="cpu", cpus=cpus, memory_mib=1024, walltime_minutes=minutes)
    return Submission(
        spawn_id=spawn_id,
        tag=f"hpcampus:test:{spawn_id}",
        request=request,
        script=script,
        ticket=f'{{"url": "http://hub", "secret": "{SECRET}"}}',
    )


def a_request(partition: str = "cpu", gpus: int = 0) -> JobRequest:
    """A small request."""
    return JobRequest(partition=partition, cpus=1, gpus=gpus, memory_mib=1024, walltime_minutes=10)


async def until(condition: Callable[[], Awaitable[object]], what: str, seconds: float = 20) -> None:
    """Ask until the answer is true; fails with `what` was waited for."""
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        await asyncio.sleep(0.02)


def running(job_id: str, node: str = "n1") -> JobStatus:
    """A job that runs."""
    return JobStatus(job_id, JobState.RUNNING, "RUNNING", node=node)


def pending(job_id: str, place: int = 1) -> JobStatus:
    """A job that waits."""
    return JobStatus(job_id, JobState.PENDING, "PENDING", reason="Priority", place=place)


@dataclass
class ScriptedScheduler:
    """A scheduler in memory. `silent` makes it fail to answer; everything asked of it is counted."""

    known: dict[str, JobStatus] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    silent: bool = False
    questions: int = 0
    cancelled: list[tuple[str, str]] = field(default_factory=list)
    submitted: list[Submission] = field(default_factory=list)
    offered: Offers = field(default_factory=Offers)
    looks: int = 0
    starts: datetime | None = None
    guesses: int = 0
    node_address: str = "127.0.0.1"
    on_submit: Callable[[], Awaitable[None]] | None = None
    on_answer: Callable[[], Awaitable[None]] | None = None

    async def submit(self, learner: str, submission: Submission) -> str:
        """Queue the job."""
        self._speak()
        self.submitted.append(submission)
        if self.on_submit is not None:
            await self.on_submit()
        job_id = str(len(self.submitted))
        self.known[job_id] = pending(job_id)
        self.tags[submission.tag] = job_id
        return job_id

    async def jobs(self) -> Mapping[str, JobStatus]:
        """The jobs as they are now, however long the answer takes."""
        self.questions += 1
        self._speak()
        answer = dict(self.known)
        if self.on_answer is not None:
            await self.on_answer()
        return answer

    async def find(self, learner: str, tag: str) -> str | None:
        """The job with that tag."""
        self._speak()
        return self.tags.get(tag)

    async def cancel(self, learner: str, job_id: str) -> None:
        """Note the wish; the test decides when the job ends."""
        self._speak()
        self.cancelled.append((learner, job_id))

    async def address(self, node: str) -> str:
        """Every node is this machine, unless the test says otherwise."""
        self._speak()
        return self.node_address

    async def offers(self) -> Offers:
        """What the test says is free, however long the answer takes."""
        self.looks += 1
        self._speak()
        if self.on_answer is not None:
            await self.on_answer()
        return self.offered

    async def estimate(self, learner: str, request: JobRequest) -> datetime | None:
        """What the test says, for everybody."""
        self.guesses += 1
        self._speak()
        return self.starts

    async def ending(self, learner: str, job_id: str, spawn_id: str) -> Ending:
        """Nothing special."""
        return Ending(self.known[job_id].word if job_id in self.known else "", 3, "the <end> of the log")

    def _speak(self) -> None:
        if self.silent:
            raise SchedulerError("no answer")


class FakeSlurm:
    """Executables named like Slurm's, in a folder to be put on PATH; each answers as `answer` said last."""

    COMMANDS = ("sbatch", "squeue", "scancel", "scontrol", "sinfo")

    def __init__(self, folder: Path, commands: tuple[str, ...] = COMMANDS) -> None:
        self.folder = folder
        folder.mkdir()
        for command in commands:
            shutil.copy(FAKE_COMMAND, folder / command)
            self.answer(command)

    def answer(
        self, command: str, out: str = "", *, err: str = "", code: int = 0, hangs: bool = False
    ) -> None:
        """Say what the command prints and how it ends."""
        (self.folder / f"{command}.out").write_text(out)
        (self.folder / f"{command}.err").write_text(err)
        (self.folder / f"{command}.code").write_text(str(code))
        (self.folder / f"{command}.hangs").unlink(missing_ok=True)
        if hangs:
            (self.folder / f"{command}.hangs").touch()

    def argv(self, command: str) -> list[str]:
        """The arguments of the latest call."""
        return self._read(command, "argv").splitlines()

    def environment(self, command: str) -> dict[str, str]:
        """The environment of the latest call."""
        lines = (line.partition("=") for line in self._read(command, "env").splitlines())
        return {name: value for name, _, value in lines}

    def stdin(self, command: str) -> str:
        """What the latest call was given to read."""
        return self._read(command, "stdin")

    def calls(self, command: str) -> int:
        """How often it was called."""
        return len(self.pids(command))

    def pids(self, command: str) -> list[int]:
        """The process of every call."""
        noted = self.folder / f"{command}.calls"
        return [int(line) for line in noted.read_text().splitlines()] if noted.exists() else []

    def _read(self, command: str, what: str) -> str:
        return (self.folder / f"{command}.{what}").read_text()
