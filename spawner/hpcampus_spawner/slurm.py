"""Slurm: submission through the launcher, one `squeue` for everybody, and what its answers mean.

Only an answer that succeeded can say that a job is gone: every error leaves the truth unknown.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from hpcampus_spawner.commands import Commands, LocalCommands, ask
from hpcampus_spawner.launching import Launcher, LauncherError, NotAllowed
from hpcampus_spawner.offers import Offers
from hpcampus_spawner.request import JobRequest
from hpcampus_spawner.scheduler import (
    Ending,
    JobState,
    JobStatus,
    SchedulerError,
    Submission,
    SubmissionRefused,
)
from hpcampus_spawner.slurm_offers import RESERVATIONS, SINFO, moment, parse_offers

_JOB_ID = re.compile(r"[0-9]{1,12}")
# No column here holds a text that a user can choose: one could forge whole rows with it.
_COLUMNS = "%i|%T|%P|%Q|%S|%e|%r|%N"

_STATES = {
    JobState.PENDING: "PENDING CONFIGURING REQUEUED REQUEUE_HOLD REQUEUE_FED SPECIAL_EXIT RESV_DEL_HOLD",
    JobState.RUNNING: "RUNNING RESIZING SIGNALING",
    JobState.ENDING: "COMPLETING STAGE_OUT",
    JobState.PAUSED: "SUSPENDED STOPPED",
    JobState.GONE: "BOOT_FAIL CANCELLED COMPLETED DEADLINE FAILED NODE_FAIL OUT_OF_MEMORY PREEMPTED TIMEOUT "
    "REVOKED LAUNCH_FAILED",
}
STATES = {word: state for state, words in _STATES.items() for word in words.split()}


def sbatch_options(submission: Submission) -> list[str]:
    """The options of sbatch for a job, each `--name=value` or `--name`."""
    return [
        "--job-name=hpcampus",
        f"--comment={submission.tag}",
        *request_options(submission.request),
    ]


def request_options(request: JobRequest) -> list[str]:
    """The options of sbatch that say what a job is to get."""
    options = {
        "partition": request.partition,
        "account": request.account,
        "qos": request.qos,
        "reservation": request.reservation,
        "constraint": request.constraint,
        "cpus-per-task": request.cpus,
        "mem": _mem(request),
        "time": request.walltime_minutes,
        **_gpu_option(request),
    }
    named = [f"--{name}={value}" for name, value in options.items() if value is not None]
    return [*named, "--exclusive"] if request.exclusive else named


def _mem(request: JobRequest) -> str | None:
    """A whole node's job gets all of its memory, which Slurm writes as 0."""
    if request.exclusive:
        return "0"
    return None if request.memory_mib is None else f"{request.memory_mib}M"


def _gpu_option(request: JobRequest) -> dict[str, str]:
    """How this site wants its GPUs asked for; a whole node's come with it."""
    count = request.gpus
    if not count or request.gpu_request == "whole-node":
        return {}
    wanted = f"{request.gpu_type}:{count}" if request.gpu_type else str(count)
    if request.gpu_request in ("gpus", "gpus-per-node"):
        return {request.gpu_request: wanted}
    return {"gres": f"shard:{count}" if request.gpu_request == "shard" else f"gpu:{wanted}"}


def parse_squeue(text: str) -> dict[str, JobStatus]:
    """Read the answer of the one query for all jobs; raises `SchedulerError` for a row that isn't one."""
    rows = [_row(line) for line in text.splitlines() if line.strip()]
    places = _places(rows)
    return {row[0]: _status(row, places.get(row[0])) for row in rows}


def _row(line: str) -> list[str]:
    row = line.strip().split("|")
    if len(row) != _COLUMNS.count("|") + 1:
        raise SchedulerError(f"squeue answered a line that can't be read: {line[:200]!r}")
    return row


def _status(row: list[str], place: int | None) -> JobStatus:
    job_id, word, partition, _, starts, ends, reason, node = row
    # A state of a newer Slurm that isn't known here must never end a server.
    state = STATES.get(word, JobState.PAUSED)
    return JobStatus(
        job_id=job_id,
        state=state,
        word=word,
        reason="" if reason == "None" else reason,
        node=node,
        partition=partition,
        place=place,
        starts=moment(starts) if state is JobState.PENDING else None,
        started=moment(starts) if state is not JobState.PENDING else None,
        ends=moment(ends) if state is not JobState.PENDING else None,
    )


def _places(rows: list[list[str]]) -> dict[str, int]:
    """Each pending job's place in its partition: by priority, older jobs first among equals."""
    queues: dict[str, list[tuple[int, int, str]]] = {}
    for job_id, word, partition, priority, *_ in rows:
        if STATES.get(word) is JobState.PENDING:
            number = int(re.match(r"\d*", job_id).group() or 0)  # type: ignore[union-attr]
            rank = int(priority) if priority.isdigit() else 0
            queues.setdefault(partition, []).append((-rank, number, job_id))
    return {
        job_id: place
        for queue in queues.values()
        for place, (_, _, job_id) in enumerate(sorted(queue), start=1)
    }


class SlurmScheduler:
    """Slurm through its own commands: questions as the hub, everything else as the learner."""

    def __init__(self, launcher: Launcher, commands: Commands | None = None) -> None:
        self._launcher = launcher
        self._commands = commands or LocalCommands()
        self._addresses: dict[str, str] = {}

    async def submit(self, learner: str, submission: Submission) -> str:
        """Hand the job to sbatch as the learner."""
        try:
            answer = await self._launcher.order(
                learner,
                "sbatch",
                spawn_id=submission.spawn_id,
                options=sbatch_options(submission),
                script=submission.script,
                ticket=submission.ticket,
                wanted=submission.wanted,
            )
        except NotAllowed as refused:
            raise SubmissionRefused(str(refused)) from None
        except LauncherError as error:
            raise SchedulerError(str(error)) from error
        if answer.get("code") == 0:
            return _job_id(str(answer["out"]))
        if answer.get("timeout") or _unreachable(str(answer["err"])):
            raise SchedulerError(f"sbatch: {answer.get('err', 'no answer in time')}")
        raise SubmissionRefused(_sentence(str(answer["err"])))

    async def jobs(self) -> Mapping[str, JobStatus]:
        """One squeue for all jobs of all people, those that ended lately included."""
        return parse_squeue(await self._query("squeue", "-h", "-a", "-t", "all", "-o", _COLUMNS))

    async def find(self, learner: str, tag: str) -> str | None:
        """Look among that learner's jobs alone, so that nobody else's comment can answer."""
        text = await self._query("squeue", "-h", "-t", "all", "-u", learner, "-o", "%i|%k")
        rows = (line.partition("|") for line in text.splitlines())
        return next((job_id for job_id, _, comment in rows if comment == tag), None)

    async def cancel(self, learner: str, job_id: str) -> None:
        """Cancel as the learner."""
        try:
            answer = await self._launcher.order(learner, "scancel", job_id=job_id)
        except LauncherError as error:
            raise SchedulerError(str(error)) from error
        if answer.get("code") != 0 and "Invalid job id" not in str(answer.get("err")):
            raise SchedulerError(f"scancel: {answer.get('err', 'no answer in time')}")

    async def address(self, node: str) -> str:
        """The node's NodeAddr: its short name need not resolve where the hub runs."""
        if node not in self._addresses:
            text = await self._query("scontrol", "show", "node", "-o", node)
            self._addresses[node] = _fields(text).get("NodeAddr", node)
        return self._addresses[node]

    async def offers(self) -> Offers:
        """Two questions: `sinfo` for nodes and partitions, `scontrol` for reservations."""
        nodes = await self._query(*SINFO)
        return parse_offers(nodes, await self._query(*RESERVATIONS))

    async def estimate(self, learner: str, request: JobRequest) -> datetime | None:
        """What `sbatch --test-only` says as the learner; nothing is submitted."""
        try:
            answer = await self._launcher.order(learner, "estimate", options=request_options(request))
        except LauncherError as error:
            raise SchedulerError(str(error)) from error
        found = re.search(r"\bto start at (\S+)", str(answer.get("err", "")))
        return moment(found[1]) if found else None

    async def ending(self, learner: str, job_id: str, spawn_id: str) -> Ending:
        """The job's record while slurmctld remembers it, and the end of its log."""
        try:
            fields = _fields(await self._query("scontrol", "show", "job", "-o", job_id))
        except SchedulerError:
            fields = {}
        try:
            log = str((await self._launcher.order(learner, "result", spawn_id=spawn_id))["log"])
        except LauncherError:
            log = ""
        code = fields.get("ExitCode", "").partition(":")[0]
        return Ending(fields.get("JobState", ""), int(code) if code.isdigit() else None, log)

    async def _query(self, *argv: str) -> str:
        return await ask(self._commands, *argv)


def _job_id(out: str) -> str:
    """What --parsable answers: `id` or `id;cluster`. Whoever runs sbatch could make up something else."""
    job_id = out.strip().split(";")[0]
    if not _JOB_ID.fullmatch(job_id):
        raise SchedulerError(f"sbatch answered no job id: {job_id[:100]!r}")
    return job_id


def _fields(text: str) -> dict[str, str]:
    return dict(part.partition("=")[::2] for part in text.split() if "=" in part)


def _unreachable(err: str) -> bool:
    """Whether sbatch failed to reach slurmctld, which may have accepted the job all the same."""
    signs = (
        "Unable to contact slurm controller",
        "Socket timed out",
        "Protocol authentication",
        "Zero Bytes were transmitted",
        "Message receive failure",
        "Message send failure",
        "Connection ",
        "fatal:",
    )
    return any(sign in err for sign in signs)


def _sentence(err: str) -> str:
    """The reason in sbatch's error output, without its prefixes."""
    lines: Iterator[str] = (line.split("error:")[-1].strip() for line in err.splitlines())
    return " ".join(line for line in lines if line) or "sbatch gave no reason"
