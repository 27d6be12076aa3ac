"""PBS Pro: submission through the launcher, one `qstat` for everybody, and what its answers mean.

PBS has no comment on a job that its owner may set, so the tag travels as the job's name. Only an answer that
succeeded can say that a job is gone: every error leaves the truth unknown.
"""

import re
import signal
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from hpcampus_spawner.commands import Commands, LocalCommands, ask
from hpcampus_spawner.launching import Launcher, LauncherError, NotAllowed
from hpcampus_spawner.offers import Offers
from hpcampus_spawner.pbs_jobs import parse_jobs, read_answer
from hpcampus_spawner.pbs_offers import parse_offers
from hpcampus_spawner.request import JobRequest
from hpcampus_spawner.scheduler import Ending, JobStatus, SchedulerError, Submission, SubmissionRefused
from hpcampus_spawner.site import Partition

# Fits the ledger, and qdel's argument.
_JOB_ID = re.compile(r"[0-9]{1,12}\.[A-Za-z0-9.-]{1,51}")
_GONE = ("Unknown Job Id", "Job has finished")
# Why MoM, PBS's node daemon, ended a job, as Exit_status.
_KILLED = {-26: "OUT_OF_MEMORY", -27: "OUT_OF_MEMORY", -28: "TIMEOUT", -29: "TIMEOUT"}
# What is added to the number of the signal that ended a job.
_SIGNAL = 256


def job_name(tag: str) -> str:
    """The tag as a job's name, in which PBS allows no colon."""
    return tag.replace(":", ".")


def qsub_options(submission: Submission) -> list[str]:
    """The options of qsub for a request, each a flag and its value with a space between."""
    request = submission.request
    options = [f"-N {job_name(submission.tag)}", f"-l {_chunk(request)}", f"-l walltime={_clock(request)}"]
    if request.select is None:
        options.append(f"-q {request.partition}")
        if request.exclusive:
            options.append("-l place=excl")
    if request.account is not None:
        option = "-W group_list=" if request.account_request == "group-list" else "-A "
        options.append(f"{option}{request.account}")
    return options


def _chunk(request: JobRequest) -> str:
    """One chunk. With a whole node that is chosen by a resource comes everything in it."""
    parts: dict[str, object] = {}
    if not (request.select and request.exclusive):
        parts["ncpus"] = request.cpus
        if request.memory_mib is not None and not request.exclusive:
            parts["mem"] = f"{request.memory_mib}mb"
        if request.gpus and request.gpu_request != "whole-node":
            parts["ngpus"] = request.gpus
    chosen = [request.select] if request.select else []
    return ":".join(["select=1", *chosen, *(f"{name}={value}" for name, value in parts.items())])


def _clock(request: JobRequest) -> str:
    hours, minutes = divmod(request.walltime_minutes, 60)
    return f"{hours:02}:{minutes:02}:00"


class PbsScheduler:
    """PBS Pro through its own commands: questions as the hub, everything else as the learner.

    PBS itself doesn't say which nodes are one of the site's `partitions`: their facts do.
    """

    def __init__(
        self,
        launcher: Launcher,
        commands: Commands | None = None,
        partitions: Iterable[Partition] = (),
    ) -> None:
        self._launcher = launcher
        self._commands = commands or LocalCommands()
        self._partitions = tuple(partitions)
        self._addresses: dict[str, str] = {}

    async def submit(self, learner: str, submission: Submission) -> str:
        """Hand the job to qsub as the learner."""
        try:
            answer = await self._launcher.order(
                learner,
                "qsub",
                spawn_id=submission.spawn_id,
                options=qsub_options(submission),
                script=submission.script,
                ticket=submission.ticket,
                wanted=submission.wanted,
            )
        except NotAllowed as refused:
            raise SubmissionRefused(str(refused)) from None
        except LauncherError as error:
            raise SchedulerError(str(error)) from error
        err = str(answer.get("err", "no answer in time"))
        if answer.get("code") == 0:
            return _job_id(str(answer["out"]))
        if answer.get("timeout") or _unreachable(err):
            raise SchedulerError(f"qsub: {err}")
        raise SubmissionRefused(_sentence(err))

    async def jobs(self) -> Mapping[str, JobStatus]:
        """One qstat for all jobs of all people; a job that ended is no longer among them."""
        return parse_jobs(await self._query("qstat", "-f", "-F", "json"))

    async def find(self, learner: str, tag: str) -> str | None:
        """Look among that learner's jobs alone, so that nobody else's job name can answer.

        Finished jobs are not among them: not every PBS keeps a history, and one without it would fail.
        """
        text = await self._query("qselect", "-u", learner, "-N", job_name(tag))
        return next((_job_id(line) for line in text.splitlines() if line.strip()), None)

    async def cancel(self, learner: str, job_id: str) -> None:
        """Delete the job as the learner."""
        answer = await self._order(learner, "qdel", job_id=job_id)
        err = str(answer.get("err", "no answer in time"))
        if answer.get("code") != 0 and not any(sign in err for sign in _GONE):
            raise SchedulerError(f"qdel: {err}")

    async def address(self, node: str) -> str:
        """The host of the node's MoM: its short name need not resolve where the hub runs."""
        if node not in self._addresses:
            nodes = read_answer(await self._query("pbsnodes", "-F", "json", node), "nodes")
            self._addresses[node] = str(nodes.get(node, {}).get("Mom", node))
        return self._addresses[node]

    async def offers(self) -> Offers:
        """Two questions: queues, because they can be closed, and nodes. Reservations are not asked for."""
        queues = await self._query("qstat", "-Q", "-f", "-F", "json")
        return parse_offers(self._partitions, queues, await self._query("pbsnodes", "-a", "-F", "json"))

    async def estimate(self, learner: str, request: JobRequest) -> datetime | None:
        """PBS has no guess for a job that it wasn't given."""
        return None

    async def ending(self, learner: str, job_id: str, spawn_id: str) -> Ending:
        """The job's record, where this PBS keeps a history, and the end of its log."""
        try:
            text = await self._query("qstat", "-x", "-f", "-F", "json", job_id)
            word, code = _how_it_ended(read_answer(text, "Jobs").get(job_id, {}))
        except SchedulerError:
            word, code = "", None
        try:
            log = str((await self._order(learner, "result", spawn_id=spawn_id))["log"])
        except SchedulerError:
            log = ""
        return Ending(word, code, log)

    async def _query(self, *argv: str) -> str:
        return await ask(self._commands, *argv)

    async def _order(self, learner: str, verb: str, **fields: Any) -> dict[str, Any]:
        try:
            return await self._launcher.order(learner, verb, **fields)
        except LauncherError as error:
            raise SchedulerError(str(error)) from error


def _how_it_ended(job: Mapping[str, Any]) -> tuple[str, int | None]:
    """Exit_status as a word that everybody knows, and the script's own exit code."""
    status = job.get("Exit_status")
    if not isinstance(status, int):
        return "", None
    if status < 0:
        return _KILLED.get(status, "LAUNCH_FAILED"), None
    if status >= _SIGNAL:
        return ("CANCELLED" if status - _SIGNAL == signal.SIGTERM else "FAILED"), None
    return ("FAILED" if status else "COMPLETED"), status


def _job_id(text: str) -> str:
    """The job's id, as PBS writes it everywhere: number.server."""
    found = text.strip()
    if not _JOB_ID.fullmatch(found):
        raise SchedulerError(f"PBS answered no job's id: {found[:200]!r}")
    return found


def _unreachable(err: str) -> bool:
    """Whether qsub failed to reach the server, which may have accepted the job all the same."""
    signs = (
        "cannot connect to server",
        "Cannot connect to specified server host",
        "Connection refused",
        "Communication failure",
        "pbs_iff",
        "Protocol",
        "End of File",
        "timed out",
        "Expired credential",
        "Server shutting down",
    )
    return any(sign.lower() in err.lower() for sign in signs)


def _sentence(err: str) -> str:
    """The reason in qsub's error output, without its prefixes."""
    lines = (line.strip().removeprefix("qsub:").strip() for line in err.splitlines())
    return " ".join(line for line in lines if line) or "qsub gave no reason"
