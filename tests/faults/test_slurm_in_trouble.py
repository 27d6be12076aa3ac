"""Slurm is killed, hangs, forgets, or loses a node: what runs goes on, and nobody is told a guess.

Each test states the fault, what is expected, and what must be kept.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from campus_under_test import CampusUnderTest, Somebody, wait_for
from hpcampus_hub.twin import Twin
from hpcampus_hub.twin.processes import works_in
from twins import campus_and_twin

pytestmark = pytest.mark.slurm

COURSE = "gpu-numba"
SILENCE = "the scheduler doesn't answer"


class Struck:
    """A campus, its twin, and the means to hurt it."""

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
        environment = {**os.environ, **self.twin.environment}
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def states(self) -> dict[str, str]:
        """The state of every job that slurmctld remembers."""
        listed = self.slurm("squeue", "--noheader", "--states=all", "--format=%i %T").splitlines()
        return dict(line.split() for line in listed)

    def job(self) -> str:
        """The one job that is running."""
        (job,) = [job for job, state in self.states().items() if state == "RUNNING"]
        return job

    def asked_again(self, times: int = 2) -> None:
        """Wait until the hub has asked for all jobs that often from now on."""
        enough = self._questions() + times
        wait_for(lambda: self._questions() >= enough, "the hub asks again", 90)

    def _questions(self) -> int:
        counted = re.search(r"REQUEST_JOB_INFO +\( 2003\) count:(\d+)", self.slurm("sdiag"))
        return int(counted.group(1)) if counted else 0

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Jobs are taken, but none starts."""
        self.slurm("scontrol", "update", "PartitionName=boost_usr_prod", "State=DOWN")
        try:
            yield
        finally:
            self.slurm("scontrol", "update", "PartitionName=boost_usr_prod", "State=UP")

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


@pytest.fixture(scope="module")
def pair() -> Iterator[Struck]:
    with campus_and_twin() as (campus, twin):
        yield Struck(campus, twin)


@pytest.fixture
def struck(pair: Struck) -> Iterator[Struck]:
    """The campus, on which nobody has a server yet."""
    yield pair
    pair.campus.stop_servers()


def test_slurmctld_is_killed(struck: Struck) -> None:
    """Expected: unknown is not gone, new starts are refused in words, the queue page says so. Kept: jobs."""
    ada = struck.running()
    started, job = ada.server_started(COURSE), struck.job()
    ben = struck.campus.person("ben")
    with struck.closed():
        ben.start(COURSE, {"course": COURSE})
        waiting = next(event for event in ben.events(COURSE) if event.get("queue", {}).get("place"))
        struck.saved(waiting["queue"]["job"])
        struck.kill("slurmctld")
        with struck.silence():
            told = next(e for e in ben.events(COURSE) if "doesn't answer just now" in e.get("message", ""))
            assert told["queue"]["job"] == waiting["queue"]["job"]
            assert ada.server_started(COURSE) == started
            rosa = struck.campus.person("rosa")
            rosa.start("", {"cpus": "1"})
            last = list(rosa.events(""))[-1]
            assert "The scheduler doesn't answer, so your notebook can't start now" in last["message"]
        struck.twin.restart("slurmctld")
    ben.until_ready(COURSE)
    assert ada.server_started(COURSE) == started
    assert {job, waiting["queue"]["job"]} == {j for j, state in struck.states().items() if state == "RUNNING"}


def test_slurmctld_hangs(struck: Struck) -> None:
    """Expected: every question ends by itself, and the hub's pages stay quick. Kept: the server."""
    ada = struck.running()
    started = ada.server_started(COURSE)
    os.kill(struck.twin.pids["slurmctld"], signal.SIGSTOP)
    try:
        with struck.silence():
            assert ada.get("/hub/home").ok
            assert ada.server_started(COURSE) == started
    finally:
        os.kill(struck.twin.pids["slurmctld"], signal.SIGCONT)
    struck.asked_again()
    assert ada.server_started(COURSE) == started


@pytest.mark.parametrize("lost", ["hub-munge.socket", "hub-slurm.conf"])
def test_the_hubs_way_to_slurm_is_lost(struck: Struck, lost: str) -> None:
    """Fault: munge is down, or slurm.conf can't be read. Expected: unknown. Kept: the job."""
    ada = struck.running()
    started, job = ada.server_started(COURSE), struck.job()
    path = struck.twin.folder / lost
    away = path.with_suffix(".away")
    path.rename(away)
    try:
        with struck.silence():
            assert ada.server_started(COURSE) == started
    finally:
        away.rename(path)
    struck.asked_again()
    assert (ada.server_started(COURSE), struck.job()) == (started, job)


def test_slurmctld_loses_its_state(struck: Struck) -> None:
    """Expected: the job is known to be gone, and a new one can be started. Kept: nothing is left behind."""
    ada = struck.running()
    struck.kill("slurmctld")
    shutil.rmtree(struck.twin.folder / "state")
    (struck.twin.folder / "state").mkdir(mode=0o700)
    struck.twin.restart("slurmctld")
    wait_for(lambda: ada.model(COURSE) is None, "the server is known to be gone", 120)
    struck.running()
    assert list(struck.states().values()).count("RUNNING") == 1


def test_slurmd_restarts(struck: Struck) -> None:
    """Expected: nothing that anybody notices. Kept: kernels."""
    ada = struck.running()
    started, node = ada.server_started(COURSE), struck.slurm("squeue", "--noheader", "--format=%N")
    struck.kill(f"slurmd-{node}")
    struck.twin.restart(f"slurmd-{node}")
    struck.asked_again()
    assert ada.server_started(COURSE) == started


def test_a_node_dies(struck: Struck) -> None:
    """Fault: slurmd, slurmstepd and the job are killed. Expected: NODE_FAIL is noticed; a new start works."""
    ada = struck.running()
    job, node = struck.job(), struck.slurm("squeue", "--noheader", "--format=%N")
    struck.kill(f"slurmd-{node}")
    for process in struck.twin.processes():
        if _of_job(process.pid, struck.twin.folder / "spool" / node, job):
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
    wait_for(lambda: ada.model(COURSE) is None, "the server is known to be gone", 120)
    assert struck.states().get(job, "NODE_FAIL") == "NODE_FAIL"
    struck.twin.restart(f"slurmd-{node}")
    struck.running()


def _of_job(pid: int, spool: Path, job: str) -> bool:
    """Whether the process is the job's slurmstepd, or was started by it."""
    with suppress(OSError):
        if f"SLURM_JOB_ID={job}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            return True
    return works_in(pid, spool, "slurmstepd")


def test_a_job_is_suspended(struck: Struck) -> None:
    """Expected: a pause is no end. Kept: the server, for as long as the pause takes."""
    ada = struck.running()
    started, job = ada.server_started(COURSE), struck.job()
    struck.slurm("scontrol", "suspend", job)
    struck.asked_again()
    assert struck.states()[job] == "SUSPENDED"
    model = ada.model(COURSE)
    assert model
    assert model["ready"]
    struck.slurm("scontrol", "resume", job)
    assert ada.server_started(COURSE) == started


def test_an_administrator_cancels_a_job_that_waits(struck: Struck) -> None:
    """Expected: whoever waits is told at once, with the reason, not when a time limit is over."""
    ada = struck.campus.person("ada")
    with struck.closed():
        ada.start(COURSE, {"course": COURSE})
        waiting = next(event for event in ada.events(COURSE) if event.get("queue", {}).get("place"))
        struck.slurm("scancel", waiting["queue"]["job"])
        last = list(ada.events(COURSE))[-1]
    assert last["failed"]
    assert "The job was cancelled." in last["message"]
    assert ada.model(COURSE) is None
