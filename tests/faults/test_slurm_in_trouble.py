"""Slurm is killed, hangs, forgets, or loses a node: what runs goes on, and nobody is told a guess.

Each test states the fault, what is expected, and what must be kept.
"""

import os
import shutil
import signal

import pytest
from campus_under_test import wait_for
from lab import Lab
from ready import until_not_ready
from struck import COURSE, PARTITION, Struck

pytestmark = pytest.mark.slurm

SCHEDULER = "scheduler leonardo"
"""As the readiness endpoint calls it."""


def test_slurmctld_is_killed(struck: Struck) -> None:
    """Fault: SIGKILL for slurmctld. Expected: unknown is not gone, new starts are refused in words, the queue
    page says so, readiness is red. Kept: jobs and kernels."""
    ada = struck.running()
    job, kernel = struck.job(), Lab(ada, COURSE).kernel()
    ben = struck.campus.person("ben")
    with struck.closed():
        ben.start(COURSE, {"course": COURSE})
        waiting = next(event for event in ben.events(COURSE) if event.get("queue", {}).get("place"))
        struck.saved(waiting["queue"]["job"])
        struck.kill("slurmctld")
        with struck.silence():
            told = next(e for e in ben.events(COURSE) if "doesn't answer just now" in e.get("message", ""))
            assert told["queue"]["job"] == waiting["queue"]["job"]
            until_not_ready(struck.campus, SCHEDULER)
            kernel.is_kept()
            rosa = struck.campus.person("rosa")
            rosa.start("", {"cpus": "1"})
            last = list(rosa.events(""))[-1]
            assert "The scheduler doesn't answer, so your notebook can't start now" in last["message"]
        struck.twin.restart("slurmctld")
    ben.until_ready(COURSE)
    kernel.is_kept()
    assert {job, waiting["queue"]["job"]} == {j for j, state in struck.states().items() if state == "RUNNING"}


def test_slurmctld_hangs(struck: Struck) -> None:
    """Fault: SIGSTOP for slurmctld. Expected: every question ends by itself, the hub's pages stay quick,
    readiness is red. Kept: the kernel."""
    ada = struck.running()
    kernel = Lab(ada, COURSE).kernel()
    os.kill(struck.twin.pids["slurmctld"], signal.SIGSTOP)
    try:
        with struck.silence():
            until_not_ready(struck.campus, SCHEDULER)
            assert ada.get("/hub/home").ok
            kernel.is_kept()
    finally:
        os.kill(struck.twin.pids["slurmctld"], signal.SIGCONT)
    struck.asked_again()
    kernel.is_kept()


@pytest.mark.parametrize("lost", ["hub-munge.socket", "hub-slurm.conf"])
def test_the_hubs_way_to_slurm_is_lost(struck: Struck, lost: str) -> None:
    """Fault: munge is down, or slurm.conf can't be read. Expected: unknown, and readiness is red.
    Kept: the job's id and the kernel."""
    ada = struck.running()
    kernel, job = Lab(ada, COURSE).kernel(), struck.job()
    path = struck.twin.folder / lost
    away = path.with_suffix(".away")
    path.rename(away)
    try:
        with struck.silence():
            until_not_ready(struck.campus, SCHEDULER)
            kernel.is_kept()
    finally:
        away.rename(path)
    struck.asked_again()
    kernel.is_kept()
    assert struck.job() == job


def test_slurmctld_loses_its_state(struck: Struck) -> None:
    """Fault: SIGKILL for slurmctld, and its state is gone. Expected: the job is known to be gone, its learner
    reads that, and a new start works. Kept: nothing is left behind."""
    ada = struck.running()
    struck.kill("slurmctld")
    shutil.rmtree(struck.twin.folder / "state")
    (struck.twin.folder / "state").mkdir(mode=0o700)
    struck.twin.restart("slurmctld")
    assert "no longer knows its job" in struck.page_of_the_end(ada)
    struck.running()
    assert list(struck.states().values()).count("RUNNING") == 1


def test_slurmctld_forgets_that_a_job_runs(struck: Struck) -> None:
    """Fault: SIGKILL for slurmctld before it has written down that a job runs: to it, the job waits again.
    Expected: Slurm ends what it finds running, nothing becomes a second server, a new start works.
    Kept: what was saved."""
    ada = struck.campus.person("ada")
    state = struck.twin.folder / "state"
    with struck.closed():
        ada.start(COURSE, {"course": COURSE})
        job = next(event for event in ada.events(COURSE) if event.get("queue", {}).get("place"))["queue"][
            "job"
        ]
        struck.saved(job)
        shutil.copytree(state, state.with_name("state-before"))
    ada.until_ready(COURSE)
    lab = Lab(ada, COURSE)
    assert lab.save("kept.txt", "by the first start").ok
    struck.kill("slurmctld")
    shutil.rmtree(state)
    state.with_name("state-before").rename(state)
    struck.twin.restart("slurmctld")
    struck.slurm("scontrol", "update", f"PartitionName={PARTITION}", "State=UP")
    assert "It failed." in struck.page_of_the_end(ada)
    struck.running()
    assert lab.saved("kept.txt") == "by the first start"


def test_a_job_is_started_a_second_time(struck: Struck) -> None:
    """Fault: an administrator has Slurm run a job again, although it was submitted with `--no-requeue`.
    Expected: the second start finds out and ends, the learner is told, a new start works.
    Kept: what was saved."""
    ada = struck.running()
    lab, job = Lab(ada, COURSE), struck.job()
    assert lab.save("kept.txt", "by the first start").ok
    struck.slurm("scontrol", "update", f"JobId={job}", "Requeue=1")
    struck.slurm("scontrol", "requeue", job)
    # Slurm would wait for two minutes.
    wait_for(lambda: struck.states()[job] == "PENDING", "the job waits again")
    struck.slurm("scontrol", "update", f"JobId={job}", "StartTime=now")
    assert "It failed." in struck.page_of_the_end(ada)
    assert "This job was started before" in struck.log_of("ada")
    struck.running()
    assert lab.saved("kept.txt") == "by the first start"


def test_slurmd_restarts(struck: Struck) -> None:
    """Fault: SIGKILL for slurmd. Expected: nothing that anybody notices. Kept: the kernel."""
    kernel, node = Lab(struck.running(), COURSE).kernel(), struck.node(struck.job())
    struck.kill(f"slurmd-{node}")
    struck.twin.restart(f"slurmd-{node}")
    struck.asked_again()
    kernel.is_kept()


def test_a_node_dies(struck: Struck) -> None:
    """Fault: slurmd, slurmstepd and the job are killed. Expected: the learner reads at once that the notebook
    doesn't answer, then that the node failed, with a way to start again; that works. Kept: what was saved."""
    ada = struck.running()
    lab, job = Lab(ada, COURSE), struck.job()
    assert lab.save("kept.txt", "before the node died").ok
    node = struck.node(job)
    struck.kill_node(node, job)
    # Slurm doesn't know yet: the proxy's answer is a page of ours, which looks again by itself.
    unknown = ada.get(f"/user/ada/{COURSE}/lab")
    assert unknown.status_code == 503
    assert "Your notebook doesn't answer" in unknown.text
    assert "its node may have failed" in unknown.text
    assert 'http-equiv="refresh"' in unknown.text
    page = struck.page_of_the_end(ada)
    assert "The node that your job ran on failed" in page
    assert f"/hub/spawn/ada/{COURSE}" in page
    assert struck.states().get(job, "NODE_FAIL") == "NODE_FAIL"
    struck.twin.restart(f"slurmd-{node}")
    struck.running()
    assert lab.saved("kept.txt") == "before the node died"


def test_a_job_is_suspended(struck: Struck) -> None:
    """Fault: `scontrol suspend`. Expected: a pause is no end. Kept: the kernel, however long it takes."""
    ada = struck.running()
    kernel, job = Lab(ada, COURSE).kernel(), struck.job()
    struck.slurm("scontrol", "suspend", job)
    struck.asked_again()
    assert struck.states()[job] == "SUSPENDED"
    model = ada.model(COURSE)
    assert model
    assert model["ready"]
    struck.slurm("scontrol", "resume", job)
    kernel.is_kept()


def test_an_administrator_cancels_a_job_that_waits(struck: Struck) -> None:
    """Fault: `scancel` by root. Expected: whoever waits is told at once, with the reason, and not when a time
    limit is over. Kept: nothing, it was told to go."""
    ada = struck.campus.person("ada")
    with struck.closed():
        ada.start(COURSE, {"course": COURSE})
        waiting = next(event for event in ada.events(COURSE) if event.get("queue", {}).get("place"))
        struck.slurm("scancel", waiting["queue"]["job"])
        last = list(ada.events(COURSE))[-1]
    assert last["failed"]
    assert "The job was cancelled." in last["message"]
    assert ada.model(COURSE) is None
