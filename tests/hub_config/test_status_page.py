"""How far a class is, on the hub's pages: for the course's instructors, and for nobody else."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
from campus_under_test import CampusUnderTest, Somebody, local_campus
from people_in_browsers import COURSE, LESSON

from tests.grading.test_service import answer_notebook, archive

PAGE = f"/hub/campus/courses/{COURSE}/status"


@pytest.fixture(scope="module")
def campus() -> Iterator[CampusUnderTest]:
    with local_campus() as campus:
        yield campus


@pytest.fixture(scope="module")
def ines(campus: CampusUnderTest) -> Somebody:
    """She has graded what ada handed in."""
    ada, ines = campus.person("ada"), campus.person("ines")
    place = f"courses/{COURSE}/assignments/{LESSON}"
    receipt = ada.exchange("POST", f"{place}/submissions", data=archive(lesson1=answer_notebook()))
    assert receipt.ok, receipt.text
    cell = {"notebook": LESSON, "cell": "add-values-test", "auto": 1, "points": 1}
    grade: dict[str, Any] = {"submission": receipt.json()["id"], "score": 1, "max_score": 20, "cells": [cell]}
    recorded = ines.exchange("PUT", f"{place}/grades", json={"reason": "graded", "grades": [grade]})
    assert recorded.ok, recorded.text
    return ines


def test_an_instructor_sees_how_the_class_is_doing(ines: Somebody) -> None:
    assert PAGE in ines.home()
    shown = ines.get(PAGE).text
    assert "<dt>Submitted</dt><dd>1 of 2</dd>" in shown
    assert "<dt>Graded</dt><dd>1, 1.0 points on average</dd>" in shown
    assert '<th scope="row">add-values-test</th>' in shown
    assert '<th scope="row">ben</th>' not in shown
    learners = ines.get(f"{PAGE}?assignment={LESSON}").text
    assert learners.index('<th scope="row">ada</th>') < learners.index('<th scope="row">ben</th>')
    assert "nothing yet" in learners
    assert ines.get(f"{PAGE}?assignment=lesson9").status_code == 404


def test_the_same_as_a_table(ines: Somebody) -> None:
    reply = ines.get(f"{PAGE}.csv")
    assert reply.headers["Content-Type"].startswith("text/csv")
    assert "attachment" in reply.headers["Content-Disposition"]
    rows = [row for row in csv.DictReader(io.StringIO(reply.text)) if row["assignment"] == "lesson1"]
    assert [(row["learner"], row["state"], row["score"]) for row in rows] == [
        ("ada", "graded", "1.0"),
        ("ben", "nothing yet", ""),
    ]
    log = ines.exchange("GET", f"courses/{COURSE}/audit").json()
    assert (log[-1]["action"], log[-1]["facts"]) == ("export", {"who": "ines", "learners": 2})


def test_nobody_else_gets_there(campus: CampusUnderTest) -> None:
    for name in ("ada", "rosa", "otto"):
        person = campus.person(name)
        assert PAGE not in person.home()
        for page in (PAGE, f"{PAGE}.csv"):
            assert person.get(page).status_code == 404
