"""A campus on a twin, and the means to hurt it."""

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from campus_under_test import CampusUnderTest, Somebody, wait_for
from hpcampus_hub.twin import Twin
from hpcampus_hub.twin.processes import works_in
from hpcampus_spawner.folders import LOG
from hpcampus_spawner.scheduler import JobState
from hpcampus_spawner.slurm import STATES
from twins import as_root

COURSE = "gpu-numba"
PARTITION = "boost_usr_prod"
SILENCE = "the scheduler doesn't answer"


class Struck:
    """A campus and its twin."""

    def __init__(self, campus: CampusUnderTest, twin: Twin) -> None:
        self.campus, self.twin = campus, twin

    def running(self, name: str = "ada") -> Somebody:
        """Somebody with a running lesson."""
        person = self.campus.person(name)
        person.start(COURSE, {"course": COURSE})
        person.until_ready(COURSE)
        return person

    def slurm(self, *argv: str) -> str:
        """One of Slurm's commands, as root."""
        return as_root(self.twin.environment, *argv)

    def states(self) -> dict[str, str]:
        """The state of every job that slurmctld remembers."""
        listed = self.slurm("squeue", "--noheader", "--states=all", "--format=%i %T").splitlines()
        return dict(line.split() for line in listed)

    def job(self) -> str:
        """The one job that is running."""
        (job,) = [job for job, state in self.states().items() if state == "RUNNING"]
        return job

    def ended(self, job: str, seconds: float = 60) -> str:
        """Wait for the end of a job; returns Slurm's word for it."""

        def word() -> str | None:
            word = self.states().get(job, "FORGOTTEN")
            return None if STATES.get(word, JobState.GONE) is not JobState.GONE else word

        return wait_for(word, f"job {job} has ended", seconds)

    def node(self, job: str) -> str:
        """Where it runs."""
        return self.slurm("squeue", "--noheader", f"--job={job}", "--format=%N")

    def asked_again(self, times: int = 2) -> None:
        """Wait until the hub has asked for all jobs that often from now on.

        After a question of 25 s without an answer it pauses for 45 s.
        """
        enough = self.questions() + times
        wait_for(lambda: self.questions() >= enough, "the hub asks again", 180)

    def questions(self) -> int:
        """How often slurmctld was asked for all jobs since it started."""
        counted = re.search(r"REQUEST_JOB_INFO +\( 2003\) count:(\d+)", self.slurm("sdiag"))
        return int(counted.group(1)) if counted else 0

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Jobs are taken, but none starts."""
        self.slurm("scontrol", "update", f"PartitionName={PARTITION}", "State=DOWN")
        try:
            yield
        finally:
            self.slurm("scontrol", "update", f"PartitionName={PARTITION}", "State=UP")

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Inside, the hub's questions have no answer; at the beginning wait until it has noticed."""
        noticed = self.campus.log.count(SILENCE)
        wait_for(lambda: self.campus.log.count(SILENCE) > noticed, "the hub notices", 90)
        yield

    def saved(self, job: str) -> None:
        """Wait until slurmctld has written the job down: a younger one would be lost with it."""
        now, state = time.time(), self.twin.folder / "state" / "job_state"
        # Something to write down, for the case that it has written just before.
        self.slurm("scontrol", "update", f"JobId={job}", "Nice=1")
        wait_for(lambda: state.exists() and state.stat().st_mtime > now, "slurmctld saves its jobs")

    def kill(self, daemon: str) -> None:
        """SIGKILL for a daemon."""
        os.kill(self.twin.pids[daemon], signal.SIGKILL)

    def kill_node(self, node: str, job: str) -> None:
        """SIGKILL for all that the node does: slurmd, and the job with its slurmstepd."""
        self.kill(f"slurmd-{node}")
        for process in self.twin.processes():
            if _of_job(process.pid, self.twin.folder / "spool" / node, job):
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)

    def log_of(self, name: str) -> str:
        """What that person's jobs have written."""
        logs = (self.campus.home(name) / ".hpcampus" / "spawns").glob(f"*/{LOG}")
        return "".join(log.read_text() for log in logs)

    def page_of_the_end(self, person: Somebody, server: str = COURSE) -> str:
        """What the hub shows whoever opens the notebook that is no more."""
        wait_for(lambda: person.model(server) is None, "the server is known to be gone", 150)
        return person.get(f"/user/{person.name}/{server}/lab").text


def _of_job(pid: int, spool: Path, job: str) -> bool:
    """Whether the process is the job's slurmstepd, or was started by it."""
    with suppress(OSError):
        if f"SLURM_JOB_ID={job}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            return True
    return works_in(pid, spool, "slurmstepd")
