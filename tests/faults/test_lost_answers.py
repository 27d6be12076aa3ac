"""What sbatch said never reaches the hub: the job is found again, and there is never a second one.

Each test states the fault, what is expected, and what must be kept.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from campus_under_test import CampusUnderTest, wait_for
from struck import COURSE, Struck
from twins import jobs

pytestmark = pytest.mark.slurm

COMMANDS = Path(__file__).with_name("commands")


@pytest.fixture
def hub_with(struck: Struck) -> Iterator[CampusUnderTest]:
    """The campus, whose hub finds the commands of a test first; afterwards as before."""
    campus = struck.campus
    campus.commands = campus.settings.state / "commands"
    campus.commands.mkdir(mode=0o755)
    yield campus
    shutil.rmtree(campus.commands)
    campus.commands = None
    campus.kill()
    campus.start()


def install(campus: CampusUnderTest, name: str) -> None:
    """Put that command in front of the real sbatch, and restart the hub."""
    assert campus.commands is not None
    shutil.copy(COMMANDS / name, campus.commands / "sbatch")
    (campus.commands / "sbatch").chmod(0o755)
    campus.kill()
    campus.start()


def running(campus: CampusUnderTest) -> list[str]:
    return [job for job, state in jobs(campus).items() if state == "RUNNING"]


def test_the_answer_of_sbatch_is_lost(hub_with: CampusUnderTest) -> None:
    """Fault: sbatch times out, but the job was accepted. Expected: it is found by its tag. Kept: one job."""
    install(hub_with, "sbatch_without_answer.sh")
    ada = hub_with.person("ada")
    ada.start(COURSE, {"course": COURSE})
    ada.until_ready(COURSE)
    assert len(running(hub_with)) == 1


def test_the_hub_dies_before_it_writes_down_the_job(hub_with: CampusUnderTest) -> None:
    """Fault: SIGKILL between sbatch's success and the hub's next step. Expected: the next hub finds the job.
    Kept: the job, of which there is one."""
    install(hub_with, "sbatch_that_keeps_its_answer.sh")
    before = set(jobs(hub_with))
    ben = hub_with.person("ben")
    ben.start(COURSE, {"course": COURSE})
    wait_for(lambda: set(jobs(hub_with)) - before, "Slurm has the job")
    hub_with.kill()
    hub_with.start()
    hub_with.person("ben").until_ready(COURSE)
    assert len(running(hub_with)) == 1
    assert len(set(jobs(hub_with)) - before) == 1
