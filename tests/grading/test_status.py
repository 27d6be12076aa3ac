"""How far a class is: the same numbers over HTTP, as CSV and in a terminal, by today's rules."""

import csv
import io
import json
from typing import Any

import pytest
from click.testing import CliRunner
from hpcampus_grading.commands.status import status
from hpcampus_grading.database import open_database
from hpcampus_grading.flags import flag_counts

from tests.grading.conftest import Service, StubHub
from tests.grading.test_grades import GRADES, grade
from tests.grading.test_service import SUBMIT, answer

EXTENSION = "courses/sums/assignments/lesson1/extensions"


@pytest.fixture
def ines(service: Service, hub: StubHub) -> str:
    """She teaches five; ada and ben and cleo have handed in, dora hasn't, and eve is no longer enrolled."""
    ines = hub.add("ines", "sums-instructors")
    hub.groups["sums"] = ["ada", "ben", "cleo", "dora"]
    ids = {}
    for name in ("ada", "ben", "cleo", "eve"):
        token = hub.add(name, "sums")
        ids[name] = service.request("POST", SUBMIT, token, data=answer(name)).json()["id"]
    again = service.request("POST", SUBMIT, hub.add("ada", "sums"), data=answer("better")).json()["id"]
    grades = [
        grade(ids["ada"], 0, cells=cells(0, 0)),  # her first: what she handed in later counts
        grade(again, 3, cells=cells(2, 1)),
        grade(ids["ben"], 1.5, cells=cells(1.5, 0), needs_person=True),
        grade(ids["eve"], 3, cells=cells(2, 1)),
    ]
    body = {"reason": "graded", "grades": grades}
    assert service.request("PUT", GRADES, ines, json=body).ok
    return ines


def cells(total: float, twice: float) -> list[dict[str, Any]]:
    """The grades of the two cells of lesson1 that have points, and a comment on one that has none."""
    return [
        {"notebook": "lesson1", "cell": "total-test", "auto": 0, "manual": total, "points": 2},
        {"notebook": "lesson1", "cell": "twice-test", "auto": twice, "points": 1},
        {"notebook": "lesson1", "cell": "twice", "comment": "nearly"},
    ]


def extend(service: Service, ines: str, learner: str) -> None:
    """Give a learner time until long after the test."""
    wish = {"due": "2100-01-01T00:00:00Z", "reason": "ill"}
    assert service.request("PUT", f"{EXTENSION}/{learner}", ines, json=wish).ok


def test_the_numbers_count_enrolled_learners_by_their_latest_submission(service: Service, ines: str) -> None:
    extend(service, ines, "cleo")
    told = service.request("GET", "courses/sums/status", ines).json()
    first, second = told["assignments"]
    assert (told["slug"], first["slug"], first["title"]) == ("sums", "lesson1", "Sums")
    counts = ("learners", "submitted", "graded", "needs_person", "late", "flagged", "feedback")
    assert [first[name] for name in counts] == [4, 3, 2, 1, 2, 0, 0]
    assert first["mean_score"] == 2.25
    shown = [
        [one[name] for name in ("cell", "points", "full", "some", "none", "mean")]
        for one in first["exercises"]
    ]
    assert shown == [["total-test", 2, 1, 1, 0, 1.75], ["twice-test", 1, 1, 0, 1, 0.5]]
    assert ([second[name] for name in counts], second["mean_score"]) == ([4, 0, 0, 0, 0, 0, 0], None)


def test_where_each_learner_stands(service: Service, ines: str) -> None:
    extend(service, ines, "cleo")
    rows = service.request("GET", "courses/sums/status/learners?assignment=lesson1", ines).json()
    seen = {
        r["learner"]: (r["state"], r["attempts"], r["score"], bool(r["late_seconds"]), r["enrolled"])
        for r in rows
    }
    assert seen == {
        "ada": ("graded", 2, 3, True, True),
        "ben": ("needs a person", 1, 1.5, True, True),
        "cleo": ("submitted", 1, None, False, True),
        "dora": ("nothing yet", 0, None, False, True),
        "eve": ("graded", 1, 3, True, False),
    }
    everything = service.request("GET", "courses/sums/status/learners", ines).json()
    assert len(everything) == 5 + 4


def test_feedback_is_counted_when_it_is_released(service: Service, ines: str) -> None:
    rows = service.request("GET", "courses/sums/status/learners?assignment=lesson1", ines).json()
    page = answer("a page")
    assert service.request("PUT", f"submissions/{rows[0]['submission']}/feedback", ines, data=page).ok
    told = service.request("GET", "courses/sums/status", ines).json()
    assert told["assignments"][0]["feedback"] == 1


def test_the_table_is_written_down_when_it_is_taken_away(service: Service, ines: str) -> None:
    reply = service.request("GET", "courses/sums/status.csv?assignment=lesson1", ines)
    rows = list(csv.DictReader(io.StringIO(reply.text)))
    assert [(row["learner"], row["state"], row["enrolled"]) for row in rows][-2:] == [
        ("dora", "nothing yet", "yes"),
        ("eve", "graded", ""),
    ]
    last = service.request("GET", "courses/sums/audit", ines).json()[-1]
    assert (last["action"], last["facts"]) == ("export", {"who": "ines", "learners": 5})


@pytest.mark.parametrize("path", ["status", "status/learners", "status.csv"])
def test_learners_and_strangers_see_nothing_of_it(service: Service, hub: StubHub, path: str) -> None:
    for token in (hub.add("ada", "sums"), hub.add("rosa")):
        assert service.request("GET", f"courses/sums/{path}", token).status_code == 403


def test_an_assignment_that_is_not_there(service: Service, ines: str) -> None:
    reply = service.request("GET", "courses/sums/status/learners?assignment=lesson9", ines)
    assert (reply.status_code, "has no assignment 'lesson9'" in reply.text) == (404, True)


def test_in_a_terminal(service: Service, ines: str) -> None:
    seat = {"CAMPUS_EXCHANGE_URL": service.url, "JUPYTERHUB_API_TOKEN": ines}

    def campus_status(*options: str, ok: bool = True) -> str:
        done = CliRunner().invoke(status, ["sums", *options], env=seat)
        assert (done.exit_code == 0) is ok, done.output
        return done.output

    said = campus_status()
    assert "submitted 3 of 4, graded 2, needs a person 1, late 3, flagged 0" in said
    assert "twice-test  all    1  some    0  none    1  mean 0.5 of 1" in said
    assert "lesson2: More sums" in said
    assert "lesson2" not in campus_status("--assignment", "lesson1")
    assert "lesson1  ben  needs a person, 1.5 of 3, late, 0 % off" in campus_status("--learners")
    told = json.loads(campus_status("--json"))
    assert told["assignments"][0]["submitted"] == 3
    assert json.loads(campus_status("--learners", "--json"))[0]["learner"] == "ada"
    assert campus_status("--csv").startswith('"learner","assignment"')
    assert "has no assignment 'lesson9'" in campus_status("--assignment", "lesson9", ok=False)
    assert "Choose one" in campus_status("--csv", "--json", ok=False)


def test_without_a_table_of_flags_nothing_is_flagged(database_url: str) -> None:
    database = open_database(database_url)
    with database.reading() as session:
        assert flag_counts(session, "sums") == {}
    database.close()
