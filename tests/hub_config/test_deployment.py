"""`campus.yaml`: who pays on which site, and that the demo can start wherever there is a scheduler for it."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from every_site import ALL_SITES, LESSON, SLURM_SITES
from hpcampus_hub.deployment import Deployment
from hpcampus_hub.settings import Settings
from hpcampus_hub.up import up
from hpcampus_spawner.allocation import Allocation
from hpcampus_spawner.matching import match
from hpcampus_spawner.models import BadFile
from hpcampus_spawner.needs import Needs

CAMPUS = """
researchers: people
allocations:
  here:
    courses:
      numba: tra24_numba
      mpi: {account: tra24_mpi, qos: training, reservation: monday}
    groups: {people: euhpc_1, staff: euhpc_2}
"""


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    file = tmp_path / "campus.yaml"
    file.write_text(CAMPUS)
    return Deployment.load(file)


def test_a_course_is_paid_by_its_project_whoever_starts_it(deployment: Deployment) -> None:
    found = deployment.allocation("here", course="numba", groups=["people"])
    assert found == Allocation(account="tra24_numba", reason="course numba")


def test_a_qos_and_a_reservation_come_with_the_project(deployment: Deployment) -> None:
    found = deployment.allocation("here", course="mpi", groups=[])
    assert (found.account, found.qos, found.reservation) == ("tra24_mpi", "training", "monday")


def test_a_notebook_of_ones_own_is_paid_by_the_first_group_that_can(deployment: Deployment) -> None:
    found = deployment.allocation("here", course=None, groups=["staff", "people", "others"])
    assert found == Allocation(account="euhpc_1", reason="group people")


@pytest.mark.parametrize(("site", "course"), [("here", "other"), ("elsewhere", "numba"), ("here", None)])
def test_nobody_pays_where_nothing_is_arranged(deployment: Deployment, site: str, course: str | None) -> None:
    assert deployment.allocation(site, course=course, groups=["others"]) == Allocation()


@pytest.mark.parametrize("value", ["a b", "--uid=0", "{account: a, colour: red}", "{qos: 'a,b'}", "[a]"])
def test_what_cannot_be_a_project_is_refused(tmp_path: Path, value: str) -> None:
    file = tmp_path / "campus.yaml"
    file.write_text(CAMPUS.replace("tra24_numba", value))
    with pytest.raises(BadFile, match=r"allocations\.here\.courses\.numba"):
        Deployment.load(file)


@pytest.mark.parametrize("site_id", SLURM_SITES)
def test_the_demo_has_what_each_site_asks_for(tmp_path: Path, site_id: str) -> None:
    deployment = Settings(state=tmp_path).deployment
    course = deployment.allocation(site_id, course="gpu-numba", groups=[])
    assert match(LESSON, SLURM_SITES[site_id], course)
    group = deployment.allocation(site_id, course=None, groups=[deployment.researchers])
    assert match(Needs(), SLURM_SITES[site_id], group)


@pytest.fixture
def signals() -> Iterator[None]:
    """What `campus up` does to signals ends with the test."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("signals")
@pytest.mark.parametrize("site_id", sorted(set(ALL_SITES) - set(SLURM_SITES) - {"local"}))
def test_a_campus_does_not_start_where_nothing_could_be_sent(tmp_path: Path, site_id: str) -> None:
    done = CliRunner().invoke(up, ["--site", site_id, "--state", str(tmp_path / "state")])
    assert done.exit_code == 1
    assert f"{ALL_SITES[site_id].name} can't be used yet" in done.output
    assert not (tmp_path / "state").exists()
