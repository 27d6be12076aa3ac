"""A class presses Start at once: nobody is refused, and the scheduler doesn't feel the size of the class.

`CAMPUS_FAULTS=all` makes it a class of 200.
"""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import invariants
import pytest
import yaml
from campus_under_test import CampusUnderTest, free_port, private_folder, wait_for
from hpcampus_hub.people import demo_homes
from hpcampus_hub.settings import CAMPUS, Settings
from hpcampus_hub.up import twins_of
from struck import COURSE
from twins import commands, full_cluster, jobs, requests_of_root

pytestmark = pytest.mark.slurm

LEARNERS = 200 if os.environ.get("CAMPUS_FAULTS") == "all" else 20
"""Each is a Unix account."""
MOST_REQUESTS_A_SECOND = 6
"""The watcher's shortest pause is 0.2 s, while jobs are handed over."""


@pytest.fixture
def campus() -> Iterator[CampusUnderTest]:
    """A campus whose people are a class; all GPUs are taken, so that everybody waits."""
    state = private_folder()
    house = yaml.safe_load(CAMPUS.read_text())
    names = [f"pupil{number:03}" for number in range(LEARNERS)]
    house["demo"] |= {name: {"shown_as": "learner", "groups": [COURSE]} for name in names}
    (state / "campus.yaml").write_text(yaml.safe_dump(house))
    settings = Settings(state=state, port=free_port(), site_ids=("leonardo",), campus=state / "campus.yaml")
    with demo_homes(settings), twins_of(settings) as on_twins:
        campus = CampusUnderTest(on_twins, as_root=True)
        campus.start()
        try:
            with full_cluster(campus):
                yield campus
        finally:
            campus.stop()


def test_a_class_starts_at_once(campus: CampusUnderTest) -> None:
    """Fault: everybody presses Start within seconds. Expected: each gets a job, nobody a refusal, and the
    scheduler is asked as often as for one. Kept: one job for each."""
    names = [name for name in campus.settings.deployment.demo if name.startswith("pupil")]
    people = [campus.person(name) for name in names]
    before, began = requests_of_root(commands(campus)), time.monotonic()
    with ThreadPoolExecutor(LEARNERS) as together:
        answers = list(together.map(lambda person: person.start(COURSE, {"course": COURSE}), people))
    assert [answer.status_code for answer in answers] == [302] * LEARNERS
    wait_for(lambda: list(jobs(campus).values()).count("PENDING") == LEARNERS, "everybody waits", 300)
    asked = requests_of_root(commands(campus)) - before
    # A look at all jobs, a look at all nodes now and then: however large the class is.
    assert asked <= MOST_REQUESTS_A_SECOND * (time.monotonic() - began) + 10
    invariants.hold(campus)
    # And away again. Nobody looks meanwhile: so many who ask for their page ten times a second are no class.
    with ThreadPoolExecutor(LEARNERS) as together:
        list(together.map(lambda person: person.press_stop(COURSE), people))
    wait_for(lambda: "PENDING" not in jobs(campus).values(), "nobody waits any more", 300)
    invariants.hold(campus)
