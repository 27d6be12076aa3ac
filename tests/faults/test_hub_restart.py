"""The hub dies and comes back: servers and queued jobs must not notice.

Each test states the fault, what is expected, and what must be kept.
"""

import json
import signal
from typing import Any

import pytest
from campus_under_test import CampusUnderTest, Somebody, jobs_left, wait_for

COURSE = "gpu-numba"
LESSON = {"course": COURSE, "assignment": "lesson1"}


def start_lesson(person: Somebody) -> None:
    answer = person.start(COURSE, LESSON)
    assert answer.status_code == 302, answer.text


def queue(campus: CampusUnderTest) -> list[dict[str, Any]]:
    jobs: list[dict[str, Any]] = json.loads((campus.settings.state / "queue.json").read_text())
    return jobs


def running(campus: CampusUnderTest) -> dict[str, str]:
    """Who has a running job, and its id; fails when somebody has two."""
    jobs = [job for job in queue(campus) if job["word"] == "RUNNING"]
    found = {job["learner"]: job["job_id"] for job in jobs}
    assert len(found) == len(jobs), jobs
    return found


def waiting(person: Somebody) -> dict[str, Any]:
    """The event that shows the person's place in the queue."""
    return next(event for event in person.events(COURSE) if event.get("queue", {}).get("place"))


@pytest.mark.parametrize("fault", [signal.SIGTERM, signal.SIGKILL])
def test_a_running_server_survives_the_hub(campus: CampusUnderTest, fault: signal.Signals) -> None:
    """Fault: the hub ends, kindly or not. Expected: it finds the server again. Kept: job and kernels."""
    ada = campus.person("ada")
    start_lesson(ada)
    ada.until_ready(COURSE)
    before, started = queue(campus), ada.server_started(COURSE)
    campus.end(fault)
    campus.start()
    ada = campus.person("ada")
    ada.until_ready(COURSE)
    assert queue(campus) == before
    assert ada.server_started(COURSE) == started


def test_a_pending_job_is_adopted(campus: CampusUnderTest) -> None:
    """Fault: SIGKILL while a job waits. Expected: the same job goes on. Kept: the place in the queue."""
    ada, ben = campus.person("ada"), campus.person("ben")
    start_lesson(ada)
    ada.until_ready(COURSE)
    start_lesson(ben)
    job = waiting(ben)["queue"]["job"]
    campus.kill()
    campus.start()
    ben = campus.person("ben")
    wait_for(lambda: ben.model(COURSE), "ben's server is on its way again")
    assert waiting(ben)["queue"] | {"starts": None} == {
        "site": "this machine",
        "job": job,
        "state": "pending",
        "place": 1,
        "starts": None,
        "node": "",
        "explanation": [
            "No GPU on this machine: the work runs on the CPU.",
            "local: 2 CPUs and 4 GiB for 1 h.",
        ],
    }
    campus.person("ada").stop(COURSE)
    ben.until_ready(COURSE)
    assert running(campus) == {"ben": job}


def test_a_job_that_starts_while_the_hub_is_away_waits_for_it(campus: CampusUnderTest) -> None:
    """Fault: the hub dies just after submission. Expected: the job's report is repeated. Kept: the job."""
    ada = campus.person("ada")
    start_lesson(ada)
    campus.kill()
    campus.start()
    campus.person("ada").until_ready(COURSE)
    assert set(running(campus)) == {"ada"}


def test_stopping_a_server_ends_its_job(campus: CampusUnderTest) -> None:
    """No fault: Stop means that nothing of the job is left."""
    ada = campus.person("ada")
    start_lesson(ada)
    ada.until_ready(COURSE)
    assert jobs_left(campus.settings.state)
    ada.stop(COURSE)
    wait_for(lambda: not jobs_left(campus.settings.state), "nothing of the job is left", 30)


def test_cancelling_in_the_queue_hits_the_right_job(campus: CampusUnderTest) -> None:
    """No fault: Cancel takes that one job out of the queue, and leaves the running one alone."""
    ada, ben = campus.person("ada"), campus.person("ben")
    start_lesson(ada)
    ada.until_ready(COURSE)
    start_lesson(ben)
    waiting(ben)
    ben.stop(COURSE)
    assert {job["learner"]: job["word"] for job in queue(campus)} == {"ada": "RUNNING", "ben": "CANCELLED"}
    assert ada.server_started(COURSE)
