"""A gradebook that was lost is made anew, from submissions and from the grades that people gave."""

import csv
import io
import json
from typing import Any

import pytest
from seats import Seat, solve

from tests.grading.conftest import Service


@pytest.mark.sandbox
@pytest.mark.usefixtures("released")
def test_a_gradebook_is_made_anew_with_what_people_gave(seat: Any, service: Service) -> None:
    """Ada hands in by the plain command; her teacher gives points by hand; then the gradebook is lost."""
    ada: Seat = seat("ada", "sums")
    ines: Seat = seat("ines", "sums-instructors", role="instructor")
    ada.run("nbgrader", "fetch_assignment", "lesson1")
    folder = ada.home / "sums" / "lesson1"
    solve(folder / "lesson1.ipynb", twice="return x")
    said = ada.run("campus", "submit", "sums", "lesson1", str(folder))
    (receipt,) = (folder / "receipts").iterdir()
    assert str(receipt) in said
    assert " late, which costs nothing" in said
    assert "Genuine" in ada.run("campus", "receipt", "verify", str(receipt), "--files", str(folder))

    assert "ada            2        3" in ines.run("campus", "grade", "sums", "lesson1")
    course = ines.home / "courses" / "sums"
    by_hand = (
        "import sys, warnings; warnings.simplefilter('ignore')\n"
        "from nbgrader.api import Gradebook\n"
        "with Gradebook(sys.argv[1]) as book:\n"
        "    grade = book.find_grade('twice-test', 'lesson1', 'lesson1', 'ada')\n"
        "    grade.manual_score, grade.needs_manual_grade = 0.5, False\n"
        "    book.find_comment('twice', 'lesson1', 'lesson1', 'ada').manual_comment = 'nearly'\n"
        "    book.db.commit()\n"
    )
    ines.run("python", "-c", by_hand, f"sqlite:///{course}/gradebook.db")
    assert "ada: 2.0 -> 2.5" in ines.run(
        "campus", "gradebook", "record", "sums", "lesson1", "--why", "effort"
    )
    (course / "gradebook.db").unlink()
    said = ines.run("campus", "gradebook", "rebuild", "sums")
    assert "lesson1: 1 submissions, 2 cells as people had graded them." in said
    assert "->" not in said  # nobody's points changed
    assert "1 grades" not in ines.run("campus", "gradebook", "record", "sums", "lesson1")
    exported = list(csv.DictReader(io.StringIO(ines.run("campus", "gradebook", "export", "sums"))))
    assert [(row["learner"], row["score"]) for row in exported] == [("ada", "2.5")]
    shown = service.request("GET", "courses/sums/grades", ines.environment["JUPYTERHUB_API_TOKEN"]).json()
    assert "nearly" in json.dumps(shown)
