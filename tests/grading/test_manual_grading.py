"""What people give stays: when tests run again, and when another instructor grades, too."""

from collections.abc import Callable
from typing import Any

import pytest
from seats import Seat, solve

from tests.grading.conftest import Service

BY_HAND = """
import sys, warnings
warnings.simplefilter("ignore")
from nbgrader.api import Gradebook
with Gradebook(sys.argv[1]) as book:
    grade = book.find_grade("twice-test", "lesson1", "lesson1", "ada")
    grade.manual_score, grade.extra_credit, grade.needs_manual_grade = 0.5, 0.25, False
    book.find_comment("twice", "lesson1", "lesson1", "ada").manual_comment = "nearly"
    book.db.commit()
"""
LOOK = """
import sys, warnings
warnings.simplefilter("ignore")
from nbgrader.api import Gradebook
with Gradebook(sys.argv[1]) as book:
    grade = book.find_grade("twice-test", "lesson1", "lesson1", "ada")
    comment = book.find_comment("twice", "lesson1", "lesson1", "ada").comment
    print(grade.auto_score, grade.manual_score, grade.extra_credit, comment, grade.needs_manual_grade)
"""


def book(seat: Seat) -> str:
    """The URL of an instructor's own gradebook."""
    return f"sqlite:///{seat.home}/courses/sums/gradebook.db"


@pytest.mark.sandbox
@pytest.mark.usefixtures("released")
def test_points_and_comments_of_people_survive_everything(
    seat: Callable[..., Seat], service: Service
) -> None:
    """Through nbgrader's own gradebook: grade, change by hand, grade again; then somebody else."""
    ada = seat("ada", "sums")
    ines = seat("ines", "sums-instructors", role="instructor")
    ivan = seat("ivan", "sums-instructors", role="instructor")
    ada.run("nbgrader", "fetch_assignment", "lesson1")
    solve(ada.home / "sums" / "lesson1" / "lesson1.ipynb", twice="return x")
    ada.run("nbgrader", "submit", "lesson1")

    grade = ("campus", "grade", "sums", "lesson1")
    assert "ada            2        3" in ines.run(*grade)
    ines.run("python", "-c", BY_HAND, book(ines))
    # A person looks again at what they gave before the tests ran again.
    assert "ada         2.75        3  needs a person: manual grading" in ines.run(*grade, "--again")
    assert ines.run("python", "-c", LOOK, book(ines)).strip() == "0.0 0.5 0.25 nearly True"

    assert "ada         2.75        3" in ivan.run(*grade)
    assert ivan.run("python", "-c", LOOK, book(ivan)).strip() == "0.0 0.5 0.25 nearly False"
    (recorded,) = grades(service, ines)
    cell = next(one for one in recorded["grade"]["cells"] if one["cell"] == "twice-test")
    assert (cell["auto"], cell["manual"], cell["extra"], cell["points"]) == (0, 0.5, 0.25, 1)
    assert recorded["grade"]["score"] == 2.75
    log = service.request(
        "GET", "courses/sums/audit?limit=1000", ines.environment["JUPYTERHUB_API_TOKEN"]
    ).json()
    scores = [line["facts"]["new"] for line in log if line["action"] == "grade"]
    assert scores[:2] == [2, 2.75]
    assert set(scores[2:]) <= {2.75}  # nobody's grading took anything away, not for a moment


def grades(service: Service, seat: Seat) -> list[dict[str, Any]]:
    """What the exchange has."""
    reply = service.request("GET", "courses/sums/grades", seat.environment["JUPYTERHUB_API_TOKEN"])
    found: list[dict[str, Any]] = reply.json()
    return found
