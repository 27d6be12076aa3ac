"""A class graded by jobs of a real Slurm, one of which is killed: nobody is lost, and nobody graded twice."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hpcampus_hub.twin import Twin
from hpcampus_spawner.allocation import Allocation
from hpcampus_spawner.matching import match
from hpcampus_spawner.needs import Needs
from hpcampus_spawner.request import VARIABLE
from twins import as_user, people, running_twin, site

pytestmark = [pytest.mark.slurm, pytest.mark.sandbox]

INSTRUCTOR = "twin-ines"
ALLOCATION = Allocation(account="tra24_campus")
SUPPORT = Path(__file__).parents[1] / "support"


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    """LEONARDO's twin, where the instructor may charge jobs."""
    with people(INSTRUCTOR), running_twin(site("leonardo")) as twin:
        twin.add_people([INSTRUCTOR], ALLOCATION)
        yield twin


def test_a_worker_is_killed_midway(twin: Twin) -> None:
    request = match(Needs(cpus=1, memory_gib=2, walltime_minutes=30), site("leonardo"), ALLOCATION)
    done = as_user(
        INSTRUCTOR,
        sys.executable,
        SUPPORT / "grade_on_slurm.py",
        "12",
        "2",
        "1",
        **{**twin.environment, VARIABLE: request.model_dump_json()},
    )
    assert done.returncode == 0, done.stderr
    came = json.loads(done.stdout.splitlines()[-1])
    assert came["killed"]
    assert (came["graded"], came["twice"], came["lost"], came["problems"]) == (12, 0, [], {})
    assert (came["right"], came["wrong"]) == (8, 4)
