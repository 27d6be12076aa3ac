"""Grades with the exchange: recorded with who and why, and exported."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from hpcampus_grading.export import grades_csv, safe_csv
from hpcampus_grading.messages import Grade, RecordedGrade
from hypothesis import example, given
from hypothesis import strategies as st

from tests.grading.conftest import Service, StubHub
from tests.grading.test_service import SUBMIT, answer

GRADES = "courses/sums/assignments/lesson1/grades"


@pytest.fixture
def ines(hub: StubHub) -> str:
    return hub.add("ines", "sums-instructors")


def grade(identifier: str, score: float, **more: Any) -> dict[str, Any]:
    return {"submission": identifier, "score": score, "max_score": 3, **more}


def test_every_change_of_a_grade_is_written_down(service: Service, hub: StubHub, ines: str) -> None:
    ada = hub.add("ada", "sums")
    identifier = service.request("POST", SUBMIT, ada, data=answer()).json()["id"]
    cell = {"notebook": "lesson1", "cell": "twice-test", "auto": 1}
    first = {"reason": "graded", "grades": [grade(identifier, 1, cells=[cell])]}
    assert service.request("PUT", GRADES, ada, json=first).status_code == 403
    changes = service.request("PUT", GRADES, ines, json=first).json()
    assert changes == [{"learner": "ada", "submission": identifier, "old": None, "new": 1}]
    assert service.request("PUT", GRADES, ines, json=first).json() == []
    second = grade(identifier, 2.5, cells=[{**cell, "manual": 2.5, "comment": "well argued"}])
    body = {"reason": "asked for a second look", "grades": [second]}
    assert service.request("PUT", GRADES, ines, json=body).json()[0]["old"] == 1
    (entry,) = service.request("GET", "courses/sums/grades", ines).json()
    assert (entry["learner"], entry["grade"]["score"], entry["recorded_by"]) == ("ada", 2.5, "ines")
    lines = service.request("GET", "courses/sums/audit?after=2", ines).json()
    assert [(line["action"], line["facts"]["why"], line["facts"]["new"]) for line in lines] == [
        ("grade", "graded", 1),
        ("grade", "asked for a second look", 2.5),
    ]
    points = {"auto": 1, "manual": None, "extra": None}
    changed = {"notebook": "lesson1", "cell": "twice-test", "old": points, "new": {**points, "manual": 2.5}}
    assert lines[1]["facts"]["cells"] == [changed]


def test_a_grade_for_nothing_is_refused_with_all_others(service: Service, hub: StubHub, ines: str) -> None:
    identifier = service.request("POST", SUBMIT, hub.add("ada", "sums"), data=answer()).json()["id"]
    body = {"reason": "graded", "grades": [grade(identifier, 1), grade("0" * 32, 1)]}
    reply = service.request("PUT", GRADES, ines, json=body)
    assert (reply.status_code, "Nothing was recorded" in reply.text) == (422, True)
    assert service.request("GET", "courses/sums/grades", ines).json() == []


def test_an_export_is_safe_for_spreadsheets_and_written_down(
    service: Service, hub: StubHub, ines: str
) -> None:
    ada = hub.add("ada", "sums")
    identifiers = [service.request("POST", SUBMIT, ada, data=answer(t)).json()["id"] for t in "ab"]
    body = {"reason": "graded", "grades": [grade(i, n) for n, i in enumerate(identifiers, 1)]}
    service.request("PUT", GRADES, ines, json=body)
    reply = service.request("GET", "courses/sums/grades.csv", ines)
    assert reply.headers["Content-Type"].startswith("text/csv")
    (row,) = csv.DictReader(io.StringIO(reply.text))
    assert (row["learner"], row["score"]) == ("ada", "2.0")  # the latest of two
    assert service.request("GET", "courses/sums/grades.csv", ada).status_code == 403
    *_, export, refused = service.request("GET", "courses/sums/audit", ines).json()
    assert (export["action"], export["facts"]) == ("export", {"who": "ines", "grades": 1})
    assert (refused["action"], refused["facts"]["who"]) == ("refused", "ada")


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
@example("=1+1")
@example("\t=1+1")
@example("＝1+1")  # noqa: RUF001 (some spreadsheets fold it)
@example('";=cmd()')
def test_no_text_is_a_formula(text: str) -> None:
    """As a spreadsheet reads it: with commas, and also where it separates by semicolons or tabs."""
    table = safe_csv(("name", "score"), [(text, -1.5)])
    (_, (name, score)) = csv.reader(io.StringIO(table, newline=""))
    assert (name.removeprefix("'"), score) == (text.removeprefix("'"), "-1.5")
    assert not name.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))  # noqa: RUF001
    for separator in ";\t":
        for row in csv.reader(io.StringIO(table, newline=""), delimiter=separator):
            assert not any(field.lstrip().startswith("=") for field in row)


def test_a_name_that_looks_like_a_formula_is_shown_as_text() -> None:
    entry = RecordedGrade.model_construct(
        learner="@x",
        assignment="lesson1",
        grade=Grade(submission="0" * 32, score=1, max_score=1),
        recorded_by="ines",
        recorded_at=datetime.now(UTC),
    )
    assert grades_csv([entry]).splitlines()[1].startswith('"\'@x",')
