"""A learner and an instructor with nbgrader's own programs, and what each finds afterwards."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner
from hpcampus_grading.commands.release import release
from hpcampus_grading.messages import Receipt

from tests.grading.conftest import Service, StubHub

pytestmark = pytest.mark.sandbox
BIN = Path(sys.prefix) / "bin"


@dataclass(frozen=True)
class Seat:
    """A notebook server's terminal: a home, a token, and the variables that the hub sets."""

    home: Path
    environment: dict[str, str]

    def run(self, *command: str, ok: bool = True) -> str:
        """Run a program from the environment; its whole output."""
        done = subprocess.run(
            [str(BIN / command[0]), *command[1:]],
            env=self.environment,
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )
        assert (done.returncode == 0) is ok, done.stdout
        return done.stdout


@pytest.fixture
def seat(tmp_path: Path, service: Service, hub: StubHub) -> Callable[..., Seat]:
    def take(name: str, *groups: str, role: str = "learner") -> Seat:
        home = tmp_path / "homes" / name
        home.mkdir(parents=True)
        environment = {
            "PATH": "/usr/bin:/bin",  # alembic must be found all the same
            "HOME": str(home),
            "JUPYTERHUB_API_TOKEN": hub.add(name, *groups),
            "CAMPUS_EXCHANGE_URL": service.url,
            "CAMPUS_ROLE": role,
            "CAMPUS_COURSE": "sums",
            "CAMPUS_ASSIGNMENT": "lesson1",
        }
        return Seat(home, environment)

    return take


@pytest.fixture
def released(service: Service) -> str:
    """lesson1, released by the operator with `campus release`."""
    done = CliRunner().invoke(release, ["sums", "lesson1"], env=dict(service.environment))
    assert done.exit_code == 0, done.output
    return done.output


def solve(notebook: Path, total: str = "return np.sum(x)", twice: str = "return 2 * x") -> None:
    """Write answers into a fetched notebook."""
    content = nbformat.read(notebook, as_version=4)
    for name, answer in (("total", total), ("twice", twice)):
        cell = next(c for c in content.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)
        cell.source = f"def {name}(x):\n    {answer}"
    nbformat.write(content, notebook)


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
    assert "ada            0        3" in ines.run("campus", "grade", "sums", "lesson1")
    graded = ines.home / "courses/sums/autograded/ada/lesson1/lesson1.ipynb"
    before = graded.stat().st_mtime_ns
    ines.run("campus", "grade", "sums", "lesson1")
    assert graded.stat().st_mtime_ns == before
    solve(notebook)
    ada.run("nbgrader", "submit", "lesson1")
    assert "ada            3        3" in ines.run("campus", "grade", "sums", "lesson1")


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
