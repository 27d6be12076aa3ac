"""A learner and an instructor with nbgrader's own programs, and what each finds afterwards."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner
from hpcampus_grading.commands.release import release
from hpcampus_grading.messages import Receipt
from seats import Seat, solve

from tests.grading.conftest import DATABASES_IF_SLOW, Service, empty_database, lesson

pytestmark = pytest.mark.sandbox


@pytest.fixture(params=DATABASES_IF_SLOW)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    yield from empty_database(request, tmp_path)


def test_releasing_the_same_source_again_is_instant(released: str, service: Service) -> None:
    assert released.startswith("Released sums/lesson1")
    again = CliRunner().invoke(release, ["sums", "lesson1"], env=dict(service.environment))
    assert "is released already" in again.output
    unknown = CliRunner().invoke(release, ["sums", "lesson9"], env=dict(service.environment))
    assert (unknown.exit_code, "has no assignment 'lesson9'" in unknown.output) == (1, True)


def test_from_fetch_to_feedback(released: str, seat: Callable[..., Seat], service: Service) -> None:
    ada, ben = seat("ada", "sums"), seat("ben", "sums")
    ines = seat("ines", "sums-instructors", role="instructor")
    assert "sums lesson1" in ada.run("nbgrader", "list")
    for learner in (ada, ben):
        learner.run("nbgrader", "fetch_assignment", "lesson1")
    folder = ada.home / "sums" / "lesson1"
    fetched = (folder / "lesson1.ipynb").read_text()
    assert "HIDDEN" not in fetched
    assert "np.arange(17)" not in fetched
    ada.run("nbgrader", "fetch_assignment", "lesson1", ok=False)  # never over one's own work

    solve(folder / "lesson1.ipynb")
    solve(ben.home / "sums" / "lesson1" / "lesson1.ipynb", total="return x[0] + x[1]", twice="return x")
    said = ada.run("nbgrader", "submit", "lesson1")
    ben.run("nbgrader", "submit", "lesson1")
    (receipt_file,) = (folder / "receipts").iterdir()
    receipt = Receipt.model_validate_json(receipt_file.read_bytes())
    assert str(receipt_file) in said
    assert receipt.sha256 in said
    assert ada.run("nbgrader", "submit", "lesson1")  # the receipt is no part of the next submission
    assert list((folder / "receipts").iterdir()) == [receipt_file]

    inbound = ines.run("nbgrader", "list", "--inbound")
    assert "sums ada lesson1" in inbound
    assert "sums ben lesson1" in inbound
    table = ines.run("campus", "grade", "sums", "lesson1", "--feedback")
    rows = [line.split() for line in table.splitlines() if line.startswith(("ada", "ben"))]
    assert rows == [["ada", "3", "3"], ["ben", "0", "3"]]
    assert (ines.home / "courses/sums/autograded/ada/lesson1/lesson1.ipynb").exists()

    assert "feedback ready to be fetched" in ada.run("nbgrader", "list", "--cached")
    ben.run("nbgrader", "fetch_feedback", "lesson1")
    ada.run("nbgrader", "fetch_feedback", "lesson1")
    assert "feedback already fetched" in ada.run("nbgrader", "list", "--cached")
    (page,) = (ben.home / "sums/lesson1/feedback").glob("*/lesson1.html")
    text = page.read_text()
    assert "larger sums are wrong" in text
    assert "arange(17)" not in text
    assert ">arange<" not in text
    assert "Hidden tests ran here" in text


def test_grading_again_grades_only_what_is_new(released: str, seat: Callable[..., Seat]) -> None:
    ada = seat("ada", "sums")
    ines = seat("ines", "sums-instructors", role="instructor")
    assert "Nobody has submitted yet." in ines.run("campus", "grade", "sums", "lesson1")
    ada.run("nbgrader", "fetch_assignment", "lesson1")
    notebook = ada.home / "sums/lesson1/lesson1.ipynb"
    solve(notebook, total="import os; os._exit(0)")
    ada.run("nbgrader", "submit", "lesson1")
    assert "ada            1        3" in ines.run("campus", "grade", "sums", "lesson1")
    graded = ines.home / "courses/sums/autograded/ada/lesson1/lesson1.ipynb"
    before = graded.stat().st_mtime_ns
    ines.run("campus", "grade", "sums", "lesson1")
    assert graded.stat().st_mtime_ns == before
    solve(notebook)
    ada.run("nbgrader", "submit", "lesson1")
    assert "ada            3        3" in ines.run("campus", "grade", "sums", "lesson1")


def test_tests_made_from_the_solution(
    seat: Callable[..., Seat], service: Service, courses: Path, tmp_path: Path
) -> None:
    mark = tmp_path / "it-ran"
    lesson_with_autotests(courses / "sums/source/lesson1", mark)
    # It would run the course's own code, with the rights of the hub.
    refused = CliRunner().invoke(release, ["sums", "lesson1"], env=dict(service.environment))
    assert (refused.exit_code, "Formgrader" in refused.output, mark.exists()) == (1, True, False)
    ines = seat("ines", "sums-instructors", role="instructor")
    assert "Nobody has submitted yet." in ines.run("campus", "grade", "sums", "lesson1")
    ines.run("nbgrader", "generate_assignment", "lesson1", "--force")
    ines.run("nbgrader", "release_assignment", "lesson1", "--force")
    for name, answer in (("ada", "return np.sum(x)"), ("ben", "return x[0] + x[1]")):
        learner = seat(name, "sums")
        learner.run("nbgrader", "fetch_assignment", "lesson1")
        fetched = learner.home / "sums/lesson1/lesson1.ipynb"
        assert ["AUTOTEST" in fetched.read_text(), "arange(17)" in fetched.read_text()] == [False, False]
        solve(fetched, total=answer)
        learner.run("nbgrader", "submit", "lesson1")
    table = ines.run("campus", "grade", "sums", "lesson1")
    rows = [line.split() for line in table.splitlines() if line.startswith(("ada", "ben"))]
    assert rows == [["ada", "3", "3"], ["ben", "1", "3"]]


def lesson_with_autotests(folder: Path, mark: Path) -> None:
    """The lesson with tests that nbgrader is to make of the solution, one of them hidden."""
    made = lesson()
    made.cells[1].source += f"\nopen({str(mark)!r}, 'w').close()"
    hidden = "### BEGIN HIDDEN TESTS\n### HASHED AUTOTEST total(np.arange(17))\n### END HIDDEN TESTS"
    made.cells[3].source = f"### AUTOTEST total([1, 2])\n{hidden}"
    nbformat.write(made, folder / "lesson1.ipynb")
    shutil.copy(Path(__file__).parent / "autotests.yml", folder)


def test_learners_can_not_grade_and_strangers_can_not_submit(
    released: str, seat: Callable[..., Seat]
) -> None:
    ada, eve = seat("ada", "sums"), seat("eve")
    assert "not an instructor of 'sums'" in ada.run("campus", "grade", "sums", "lesson1", ok=False)
    (eve.home / "sums" / "lesson1").mkdir(parents=True)
    (eve.home / "sums" / "lesson1" / "lesson1.ipynb").write_text(json.dumps({"cells": []}))
    assert "not in the course 'sums'" in eve.run("nbgrader", "submit", "lesson1", ok=False)
    ada.run("nbgrader", "fetch_assignment", "lesson1")
    (ada.home / "sums/lesson1/lesson1.ipynb").write_text("not JSON")
    assert "lesson1.ipynb is not a notebook" in ada.run("nbgrader", "submit", "lesson1", ok=False)
    with (ada.home / "sums/lesson1/data.bin").open("wb") as large:
        os.truncate(large.fileno(), 1 << 30)
    assert "too large to send" in ada.run("nbgrader", "submit", "lesson1", ok=False)
