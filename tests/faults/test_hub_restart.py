"""The hub dies and comes back: servers and queued jobs must not notice.

Each test states the fault, what is expected, and what must be kept.
"""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from campus_under_test import CampusUnderTest, Somebody, jobs_left, wait_for
from hpcampus_spawner.folders import LOG
from lab import Lab

COURSE = "gpu-numba"
LESSON = {"course": COURSE, "assignment": "lesson1"}
ASKED_AGAIN = "doesn't answer yet, but its job lives"
LAST_ANSWER = "its last answer counts"


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


@contextmanager
def hanging(campus: CampusUnderTest) -> Iterator[None]:
    """Notebook servers neither answer nor end."""
    servers = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            of_campus = f"HOME={campus.settings.state}/homes/".encode() in (process / "environ").read_bytes()
            if of_campus and b"hpcampus_spawner.server" in (process / "cmdline").read_bytes():
                servers.append(int(process.name))
        except OSError:
            continue
    assert servers
    for pid in servers:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in servers:
            os.kill(pid, signal.SIGCONT)


def job_log(campus: CampusUnderTest) -> str:
    """What the jobs of all people have written."""
    logs = campus.settings.state.glob(f"homes/*/.hpcampus/spawns/*/{LOG}")
    return "".join(log.read_text() for log in logs)


@pytest.mark.parametrize("fault", [signal.SIGTERM, signal.SIGKILL])
def test_a_running_server_survives_the_hub(campus: CampusUnderTest, fault: signal.Signals) -> None:
    """Fault: the hub ends, kindly or not. Expected: the proxy serves on, and the next hub goes on with both.
    Kept: the job, the kernel, and the way to it."""
    ada = campus.person("ada")
    start_lesson(ada)
    ada.until_ready(COURSE)
    before, proxy = queue(campus), campus.settings.proxy_pid_file.read_text()
    kernel = Lab(ada, COURSE).kernel()
    campus.end(fault)
    kernel.is_kept()
    campus.start()
    kernel.is_kept()
    campus.person("ada").until_ready(COURSE)
    kernel.is_kept()
    assert queue(campus) == before
    assert campus.settings.proxy_pid_file.read_text() == proxy


def test_a_server_that_answers_slowly_is_waited_for(campus: CampusUnderTest) -> None:
    """Fault: the hub restarts while a server hangs. Expected: it is asked again, and not stopped, while its
    job lives. Kept: the kernel."""
    ada = campus.person("ada")
    start_lesson(ada)
    ada.until_ready(COURSE)
    kernel = Lab(ada, COURSE).kernel()
    asked = campus.log.count(ASKED_AGAIN)
    with hanging(campus):
        campus.kill()
        campus.start()
        wait_for(lambda: campus.log.count(ASKED_AGAIN) > asked + 1, "the hub asks twice")
        assert set(running(campus)) == {"ada"}
    campus.person("ada").until_ready(COURSE)
    kernel.is_kept()


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


def test_a_learner_works_on_without_the_hub(campus: CampusUnderTest) -> None:
    """Fault: the hub is away for longer than servers believe its word on who somebody is. Expected: its last
    word counts until it is back, for those whom it let in. Kept: the kernel, and what is saved meanwhile."""
    ada = campus.person("ada")
    start_lesson(ada)
    ada.until_ready(COURSE)
    lab = Lab(ada, COURSE)
    kernel = lab.kernel()
    campus.end()
    wait_for(lambda: lab.call("GET", "status").ok and LAST_ANSWER in job_log(campus), "its word is too old")
    assert lab.save("meanwhile.txt", "saved without the hub").ok
    kernel.is_kept()
    stranger = Lab(ada, COURSE, token="of-nobody")
    assert stranger.call("GET", "status").status_code >= 400
    campus.start()
    campus.person("ada").until_ready(COURSE)
    kernel.is_kept()
    assert lab.saved("meanwhile.txt") == "saved without the hub"


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
