"""The hub dies while jobs are Slurm's: the same promises as on the embedded queue."""

import pytest
from campus_under_test import wait_for
from lab import Lab
from struck import COURSE, Struck
from twins import full_cluster, jobs

pytestmark = pytest.mark.slurm


def test_a_pending_job_is_adopted_and_a_running_one_survives(struck: Struck) -> None:
    """Fault: SIGKILL for the hub, once while the job waits and once while it runs. Expected: the same job
    goes on. Kept: the job, of which there is one, and the kernel."""
    campus, ada = struck.campus, struck.campus.person("ada")
    with full_cluster(campus):
        ada.start(COURSE, {"course": COURSE})
        waiting = next(event for event in ada.events(COURSE) if event.get("queue", {}).get("place"))
        job = waiting["queue"]["job"]
        campus.kill()
        campus.start()
        ada = campus.person("ada")
        again = wait_for(lambda: ada.model(COURSE), "ada's server is on its way again")
        assert not again["ready"]
        assert jobs(campus)[job] == "PENDING"
    ada.until_ready(COURSE)
    kernel = Lab(ada, COURSE).kernel()
    campus.kill()
    campus.start()
    kernel.is_kept()
    running = [other for other, state in jobs(campus).items() if state == "RUNNING"]
    assert running == [job]


def test_stopping_a_server_ends_its_job(struck: Struck) -> None:
    """No fault: Stop cancels the job, and so the learner's GPU is free again."""
    campus, ben = struck.campus, struck.campus.person("ben")
    before = set(jobs(campus))
    ben.start(COURSE, {"course": COURSE})
    ben.until_ready(COURSE)
    (job,) = set(jobs(campus)) - before
    ben.stop(COURSE)
    wait_for(lambda: jobs(campus).get(job, "CANCELLED") == "CANCELLED", "the job is cancelled")
