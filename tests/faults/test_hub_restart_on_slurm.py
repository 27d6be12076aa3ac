"""The hub dies while jobs are Slurm's: the same promises as on the embedded queue."""

from collections.abc import Iterator

import pytest
from campus_under_test import CampusUnderTest, wait_for
from twins import full_cluster, jobs, twin_campus

pytestmark = pytest.mark.slurm

COURSE = "gpu-numba"


@pytest.fixture(scope="module")
def campus() -> Iterator[CampusUnderTest]:
    """One campus on a twin for all tests; each leaves it without servers."""
    with twin_campus() as campus:
        yield campus


def test_a_pending_job_is_adopted_and_a_running_one_survives(campus: CampusUnderTest) -> None:
    """Fault: SIGKILL, once while the job waits and once while it runs. Kept: the job, and it is one."""
    ada = campus.person("ada")
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
    started = ada.server_started(COURSE)
    campus.kill()
    campus.start()
    assert campus.person("ada").server_started(COURSE) == started
    running = [other for other, state in jobs(campus).items() if state == "RUNNING"]
    assert running == [job]


def test_stopping_a_server_ends_its_job(campus: CampusUnderTest) -> None:
    """No fault: Stop cancels the job, and so the learner's GPU is free again."""
    ben = campus.person("ben")
    before = set(jobs(campus))
    ben.start(COURSE, {"course": COURSE})
    ben.until_ready(COURSE)
    (job,) = set(jobs(campus)) - before
    ben.stop(COURSE)
    wait_for(lambda: jobs(campus).get(job, "CANCELLED") == "CANCELLED", "the job is cancelled")
