"""A course's session on a cluster: the nodes that are kept for it are for those who may use them."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from campus_under_test import CampusUnderTest, Somebody, private_folder, wait_for
from hpcampus_hub.settings import COURSES
from twins import as_root, commands, twin_campus

pytestmark = pytest.mark.slurm

COURSE, PARTITION = "gpu-numba", "boost_usr_prod"
KEPT = "numba-class"
CLASS = f"campus/classes/{COURSE}/servers"


@pytest.fixture(scope="module")
def running_campus() -> Iterator[CampusUnderTest]:
    """A campus whose course meets just now."""
    courses, now = private_folder(), datetime.now(UTC)
    shutil.copytree(COURSES, courses, dirs_exist_ok=True)
    starts, ends = (now - timedelta(hours=1)).isoformat(), (now + timedelta(hours=2)).isoformat()
    with (courses / COURSE / "course.yaml").open("a") as course:
        course.write(f"sessions:\n  - {{reservation: {KEPT}, starts: '{starts}', ends: '{ends}'}}\n")
    try:
        with twin_campus(courses=courses) as campus:
            yield campus
    finally:
        shutil.rmtree(courses)


@pytest.fixture
def campus(running_campus: CampusUnderTest) -> Iterator[CampusUnderTest]:
    yield running_campus
    running_campus.stop_servers()


@pytest.fixture
def reservation(campus: CampusUnderTest) -> Iterator[str]:
    """One node is kept for Ada and not for Ben, and the hub knows it; answers which node."""
    wanted = ["StartTime=now", "Duration=180", "NodeCnt=1", f"PartitionName={PARTITION}", "Users=ada"]
    as_root(commands(campus), "scontrol", "create", "reservation", f"ReservationName={KEPT}", *wanted)
    try:
        wait_for(lambda: is_known(campus.person("rosa")), "the hub knows the reservation", 90)
        yield as_root(commands(campus), "scontrol", "-o", "show", "reservation", KEPT)
    finally:
        campus.stop_servers()
        as_root(commands(campus), "scontrol", "delete", f"ReservationName={KEPT}")


def is_known(rosa: Somebody) -> bool:
    """Whether the hub refuses it to her because it is other people's, and not because there is none."""
    answer = rosa.api("POST", "users/rosa/server", json={"gpus": 1, "reservation": KEPT})
    assert answer.status_code == 400, answer.text
    return "for other people" in answer.json()["message"]


def test_a_class_that_is_started_ahead_gets_the_nodes_that_are_kept_for_it(
    campus: CampusUnderTest, reservation: str
) -> None:
    """Whom the reservation doesn't let in is started beside it."""
    ines = campus.person("ines")
    answer = ines.api("POST", CLASS, json={})
    assert answer.ok, answer.text
    assert answer.json()["problems"] == {}
    wait_for(lambda: stages(ines) == {"ada": "ready", "ben": "ready"}, "both are ready", 120)
    listed = as_root(commands(campus), "squeue", "--noheader", "--state=running", "--format=%u|%v|%N")
    found = {
        learner: (kept, node) for learner, kept, node in (line.split("|") for line in listed.splitlines())
    }
    assert found["ada"][0] == KEPT
    assert f"Nodes={found['ada'][1]} " in reservation
    assert found["ben"][0] in ("", "(null)", "N/A")
    assert f"Nodes={found['ben'][1]} " not in reservation


def stages(ines: Somebody) -> dict[str, str]:
    return {row["learner"]: row["stage"] for row in ines.api("GET", CLASS).json()["servers"]}
