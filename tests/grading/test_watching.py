"""Grading on submission, and again after a test was fixed: learners, an instructor and the real exchange."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
import yaml
from campus_under_test import wait_for
from hpcampus_grading.batch.workers import Crew
from hpcampus_grading.exchange.client import Client
from hpcampus_grading.grading import Grader
from hpcampus_grading.messages import Receipt
from hpcampus_grading.watching import Watch
from seats import BIN, Seat, solve

from tests.grading.conftest import DATABASES_IF_SLOW, Service, StubHub, empty_database

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning"),
    pytest.mark.filterwarnings("ignore:Passing unrecognized arguments:DeprecationWarning"),  # nbgrader's own
]
RIGHT, WRONG = "return np.sum(x)", "return 0"


@pytest.fixture(params=DATABASES_IF_SLOW)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    yield from empty_database(request, tmp_path)


@pytest.fixture
def courses(courses: Path) -> Path:
    """lesson1 is graded at once for a learner's first two submissions; lesson2 when somebody asks."""
    file = courses / "sums" / "course.yaml"
    course = yaml.safe_load(file.read_text())
    course["assignments"][0]["grade_on_submission"] = {"attempts": 2}
    file.write_text(yaml.safe_dump(course))
    return courses


@pytest.fixture
def hand_in(tmp_path: Path, service: Service, hub: StubHub, released: str) -> Callable[[str, str], Receipt]:
    """A learner's submission of lesson1."""

    def submit(learner: str, total: str) -> Receipt:
        token = next((t for t, user in hub.users.items() if user["name"] == learner), None)
        client = Client(service.url, token or hub.add(learner, "sums"))
        folder = tmp_path / "handed-in" / learner
        if not folder.exists():
            client.fetch("sums", "lesson1", folder)
        solve(folder / "lesson1.ipynb", total=total)
        return client.submit("sums", "lesson1", folder, [folder / "lesson1.ipynb"])

    return submit


@pytest.fixture
def ines(seat: Callable[..., Seat], monkeypatch: pytest.MonkeyPatch) -> Seat:
    """This process is the instructor's."""
    taken = seat("ines", "sums-instructors", role="instructor")
    for name in ("HOME", "JUPYTERHUB_API_TOKEN", "CAMPUS_EXCHANGE_URL"):
        monkeypatch.setenv(name, taken.environment[name])
    return taken


def recorded(client: Client) -> dict[str, tuple[float, str]]:
    """The grade of each submission, and why it is what it is."""
    grades = client.recorded_grades("sums", "lesson1")
    return {entry.grade.submission: (entry.grade.score, entry.reason) for entry in grades}


def test_what_comes_in_is_answered_as_the_course_says(
    hand_in: Callable[[str, str], Receipt], ines: Seat
) -> None:
    said: list[str] = []
    grader = Grader("sums", Crew("here", 1), said.append)
    watch = Watch(grader, said.append)
    watch.look()
    assert said == []

    first, other = hand_in("ada", WRONG), hand_in("ben", RIGHT)
    watch.look()
    assert recorded(grader.client) == {
        first.id: (1, "graded on submission"),
        other.id: (3, "graded on submission"),
    }
    watch.look()
    assert said == ["lesson1: ada has 1 of 3.", "lesson1: ben has 3 of 3."]
    second = hand_in("ada", RIGHT)
    watch.look()
    assert recorded(grader.client)[second.id] == (3, "graded on submission")
    given = [one.receipt.id for one in grader.client.submissions("sums", "lesson1") if one.feedback]
    assert sorted(given) == sorted([first.id, second.id, other.id])

    third = hand_in("ada", WRONG + "  # once more")
    watch.look()
    assert third.id not in recorded(grader.client)
    assert "ada" in ines.run("campus", "grade", "sums", "lesson1")
    assert recorded(grader.client)[third.id] == (1, "campus grade")


def test_one_that_can_not_be_graded_is_tried_once_and_keeps_nobody_waiting(
    hand_in: Callable[[str, str], Receipt], ines: Seat, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    grader = Grader("sums", Crew("here", 1), said.append)
    watch = Watch(grader, said.append)
    bad, good = hand_in("ada", RIGHT), hand_in("ben", RIGHT)
    grader.assignment("lesson1")
    grader.gradebook.collect("lesson1")
    notebook = ines.home / "courses/sums/submitted/ada/lesson1/lesson1.ipynb"
    notebook.chmod(0o644)
    notebook.write_text("{}")
    watch.look()
    watch.look()
    assert recorded(grader.client).keys() == {good.id}
    assert sum("Not graded: ada." in line for line in said) == 1
    assert bad.id not in recorded(grader.client)


def test_the_command_goes_on_until_it_is_stopped(
    hand_in: Callable[[str, str], Receipt], ines: Seat, service: Service
) -> None:
    receipt = hand_in("ada", RIGHT)
    command = [str(BIN / "campus"), "grade", "sums", "--watch"]
    with subprocess.Popen(command, env=ines.environment, cwd=ines.home, stdout=subprocess.PIPE) as process:
        client = Client(service.url, ines.environment["JUPYTERHUB_API_TOKEN"])
        wait_for(lambda: receipt.id in recorded(client), "the submission is graded")
        process.terminate()
        assert process.wait(30) != 0


def test_a_regrade_is_asked_about_and_written_down_with_its_reason(
    hand_in: Callable[[str, str], Receipt], ines: Seat, service: Service
) -> None:
    hand_in("ada", "return 4")
    assert "ada            1        3" in ines.run("campus", "grade", "sums", "lesson1")
    source = ines.home / "courses/sums/source/lesson1/lesson1.ipynb"
    content = nbformat.read(source, as_version=4)
    content.cells[3].source = "assert total([1, 2]) == 4"
    nbformat.write(content, source)

    shown = ines.run("campus", "regrade", "sums", "lesson1", "--why", "a test was wrong", ok=False)
    assert "ada: 1 -> 3 (+2)" in shown
    assert "Aborted" in shown  # nobody answered
    written = ines.run("campus", "regrade", "sums", "lesson1", "--why", "a test was wrong", "--yes")
    assert "1 of 1 scores change." in written
    client = Client(service.url, ines.environment["JUPYTERHUB_API_TOKEN"])
    assert list(recorded(client).values()) == [(3, "a test was wrong")]
    lines = service.request("GET", "courses/sums/audit", ines.environment["JUPYTERHUB_API_TOKEN"]).json()
    (change,) = [line["facts"] for line in lines if line["facts"].get("why") == "a test was wrong"]
    assert (change["who"], change["old"], change["new"]) == ("ines", 1, 3)
