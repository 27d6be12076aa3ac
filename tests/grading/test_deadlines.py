"""Deadlines, extensions, attempts and limits over HTTP: the server's clock and the course's rules count."""

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from hpcampus_grading.messages import Receipt

from tests.grading.conftest import COURSE, Service, StubHub
from tests.grading.test_service import SUBMIT, answer, answer_notebook, archive

HOUR = timedelta(hours=1)
EXTENSION = "courses/sums/assignments/lesson1/extensions/ada"
Change = Callable[..., None]


@pytest.fixture
def rules(courses: Path, service: Service, ines: str) -> Change:
    """Write other rules for lesson1 into course.yaml, which the running service takes up."""

    def change(**rules: Any) -> None:
        lesson1, lesson2 = COURSE["assignments"]
        title = uuid.uuid4().hex
        course = {**COURSE, "assignments": [{**lesson1, "title": title, **rules}, lesson2]}
        path = courses / "sums" / "course.yaml"
        fresh = path.with_suffix(".new")
        fresh.write_text(yaml.safe_dump(course))
        fresh.rename(path)
        until(lambda: all(title in answer.text for answer in of_everybody(service, "courses/sums", ines)))

    return change


def of_everybody(service: Service, path: str, token: str) -> list[requests.Response]:
    """Answers of all processes that serve: each connection comes to one of them by chance."""
    return [service.request("GET", path, token) for _ in range(20)]


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def ada(hub: StubHub) -> str:
    return hub.add("ada", "sums")


@pytest.fixture
def ines(hub: StubHub) -> str:
    return hub.add("ines", "sums-instructors")


def submit(service: Service, token: str, text: str = "x = 1", **headers: str) -> requests.Response:
    """Submit lesson1, with a header or two."""
    url = f"{service.url}/{SUBMIT}"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    headers = {"Authorization": f"Bearer {token}", **named}
    return requests.post(url, headers=headers, data=answer(text), timeout=60)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def ago(now: datetime, hours: float) -> str:
    return (now - hours * HOUR).isoformat()


@pytest.mark.parametrize(
    ("due_hours_ago", "percent"),
    [(-1, 0.0), (0.5, 0.0), (2, 10.0), (30, 50.0)],
)
def test_a_receipt_says_how_late_it_is_and_what_that_costs(
    service: Service, rules: Change, now: datetime, ada: str, due_hours_ago: float, percent: float
) -> None:
    rules(
        due=ago(now, due_hours_ago),
        grace_minutes=60,
        late=[{"within_hours": 24, "percent": 10}, {"within_hours": 48, "percent": 50}],
    )
    # The learner's own clock is an hour back, or their computer says so: it is noted and decides nothing.
    receipt = Receipt.model_validate_json(submit(service, ada, Sent_At=ago(now, due_hours_ago + 1)).content)
    assert receipt.due == now - due_hours_ago * HOUR
    assert receipt.sent_at == now - (due_hours_ago + 1) * HOUR
    assert receipt.late_seconds is not None
    late = due_hours_ago * HOUR.total_seconds() if percent else 0
    assert late <= receipt.late_seconds <= late + (datetime.now(UTC) - now).total_seconds()
    assert receipt.percent_off == percent


def test_after_the_end_nothing_is_accepted_but_by_an_extension(
    service: Service, rules: Change, now: datetime, ada: str, ines: str, hub: StubHub
) -> None:
    rules(due=ago(now, 2), late=[])
    ben = hub.add("ben", "sums")
    reply = submit(service, ada)
    assert reply.status_code == 403
    assert "by the server's clock. Nothing was stored." in reply.json()["detail"]
    assert service.request("GET", "submissions", ada).json() == []
    assert list(Path(service.environment["CAMPUS_EXCHANGE_STORE"], "objects").iterdir()) == []

    wish = {"due": (now + HOUR).isoformat(), "reason": "was ill"}
    assert service.request("PUT", EXTENSION, ada, json=wish).status_code == 403
    given = service.request("PUT", EXTENSION, ines, json=wish)
    assert (given.status_code, given.json()["granted_by"]) == (200, "ines")
    assert submit(service, ada).json()["late_seconds"] == 0
    assert submit(service, ben).status_code == 403
    shown = service.request("GET", "courses/sums", ada).json()["assignments"][0]
    assert datetime.fromisoformat(shown["due"]) == datetime.fromisoformat(shown["closes"]) == now + HOUR
    listed = service.request("GET", EXTENSION.removesuffix("/ada"), ines).json()
    assert [(entry["learner"], entry["reason"]) for entry in listed] == [("ada", "was ill")]

    assert service.request("DELETE", f"{EXTENSION}?reason=mistake", ines).status_code == 204
    assert submit(service, ada, "y = 2").status_code == 403
    log = service.request("GET", "courses/sums/audit", ines).json()
    assert [(line["action"], line["facts"].get("why")) for line in log] == [
        ("refused", None),
        ("extend", "was ill"),
        ("submit", None),
        ("unextend", "mistake"),
    ]


def test_an_extension_in_the_file_counts_without_a_restart(
    service: Service, rules: Change, now: datetime, ada: str, ines: str
) -> None:
    stated = {"learner": "ada", "due": (now + HOUR).isoformat(), "reason": "was ill"}
    rules(due=ago(now, 2), late=[], extensions=[stated])
    until(lambda: service.request("GET", EXTENSION.removesuffix("/ada"), ines).json() != [])
    receipt = submit(service, ada).json()
    assert (receipt["late_seconds"], datetime.fromisoformat(receipt["due"])) == (0, now + HOUR)
    # Nobody reads in the course's rules what others were given, and why.
    assert "was ill" not in service.request("GET", "courses/sums", ada).text
    assert service.request("DELETE", f"{EXTENSION}?reason=mistake", ines).status_code == 204
    assert submit(service, ada, "y = 2").status_code == 403
    log = service.request("GET", "courses/sums/audit", ines).json()
    assert [(line["action"], line["facts"]["who"]) for line in log] == [
        ("extend", "sums/course.yaml"),
        ("submit", "ada"),
        ("unextend", "ines"),
    ]


def test_an_extension_also_helps_what_was_submitted_before_it(
    service: Service, rules: Change, now: datetime, ada: str, ines: str
) -> None:
    rules(due=ago(now, 2), late=[{"within_hours": 24, "percent": 20}])
    receipt = submit(service, ada).json()
    assert receipt["percent_off"] == 20
    wish = {"due": (now - HOUR / 2).isoformat(), "reason": "the cluster was down"}
    service.request("PUT", EXTENSION, ines, json=wish)
    (found,) = service.request("GET", "courses/sums/submissions", ines).json()
    assert (found["percent_off"], found["receipt"]) == (20, receipt)
    assert found["late_seconds"] < receipt["late_seconds"]
    wish = {"due": (now + HOUR).isoformat(), "reason": "the cluster was down"}
    service.request("PUT", EXTENSION, ines, json=wish)
    (found,) = service.request("GET", "courses/sums/submissions", ines).json()
    assert (found["late_seconds"], found["percent_off"], found["receipt"]) == (0, 0, receipt)


def test_attempts_are_counted_and_an_instructor_may_give_more(
    service: Service, rules: Change, ada: str, ines: str
) -> None:
    rules(due=None, attempts=2)
    assert [submit(service, ada, text).status_code for text in ("a", "b", "b", "c")] == [201, 201, 200, 403]
    assert "2 are allowed" in submit(service, ada, "c").json()["detail"]
    wish = {"attempts": 1, "reason": "the notebook was broken"}
    assert service.request("PUT", EXTENSION, ines, json=wish).status_code == 200
    assert [submit(service, ada, text).status_code for text in ("c", "d")] == [201, 403]


def test_an_extension_that_extends_nothing_is_refused(
    service: Service, rules: Change, now: datetime, ines: str
) -> None:
    rules(due=ago(now, -2))
    for wish, sentence in (
        ({}, "neither more time"),
        ({"due": ago(now, -1)}, "choose a later moment"),
        ({"attempts": 1}, "as often as one likes already"),
    ):
        reply = service.request("PUT", EXTENSION, ines, json={**wish, "reason": "x"})
        assert (reply.status_code, sentence in reply.text) == (422, True), reply.text
    assert (
        service.request("PUT", EXTENSION, ines, json={"due": ago(now, -3), "reason": " "}).status_code == 422
    )
    no_due = EXTENSION.replace("lesson1", "lesson2")
    reply = service.request("PUT", no_due, ines, json={"due": ago(now, -3), "reason": "x"})
    assert "has no due date" in reply.json()["detail"]


def test_a_request_sent_again_is_the_same_submission(service: Service, ada: str) -> None:
    first = submit(service, ada, "first", Idempotency_Key="attempt-0001")
    assert submit(service, ada, "second", Idempotency_Key="attempt-0002").status_code == 201
    # The answer to the first was lost, and the client asks again although there is a newer one by now.
    again = submit(service, ada, "first", Idempotency_Key="attempt-0001")
    assert (again.status_code, again.json()) == (200, first.json())
    assert len(service.request("GET", "submissions", ada).json()) == 2
    other = submit(service, ada, "third", Idempotency_Key="attempt-0001")
    assert (other.status_code, "Use a new key" in other.text) == (422, True)
    assert submit(service, ada, Idempotency_Key="no spaces").status_code == 422


def test_only_the_kinds_of_files_that_the_course_names(service: Service, rules: Change, ada: str) -> None:
    rules(accepts={"types": [".ipynb", ".csv"], "files": 2, "mib": 1})
    notebook = answer_notebook()
    for files, code, sentence in (
        ({"data.CSV": b"1"}, 201, ""),
        ({"run.exe": b"MZ"}, 422, "'run.exe' can't be handed in, only files that end with .ipynb, .csv."),
        ({"rules.mk": b"all:"}, 422, "Move it out of the folder"),
        ({"a.csv": b"1", "b.csv": b"2"}, 413, "2 are allowed"),
    ):
        reply = service.request("POST", SUBMIT, ada, data=archive(lesson1=notebook, **files))
        assert (reply.status_code, sentence in reply.text) == (code, True), reply.text
    reply = service.request("POST", SUBMIT, ada, data=bytes(2 << 20))
    assert (reply.status_code, "larger than the 1 MiB" in reply.text) == (413, True)


def test_a_course_that_is_added_needs_no_restart(
    service: Service, courses: Path, hub: StubHub, ines: str
) -> None:
    import shutil

    new = courses / "new"
    shutil.copytree(courses / "sums", new)
    facts = {**COURSE, "slug": "new", "roster": "new", "instructors": "sums-instructors"}
    (new / "course.yaml").write_text(yaml.safe_dump(facts))
    until(lambda: all(answer.ok for answer in of_everybody(service, "courses/new", ines)))
    nora = hub.add("nora", "new")
    reply = service.request("POST", SUBMIT.replace("sums", "new"), nora, data=answer())
    assert reply.status_code == 201
    hub.groups["new"] = ["nora", "olaf"]
    assert service.request("GET", "courses/new/learners", ines).json() == ["nora", "olaf"]
    assert service.request("GET", "courses/sums/learners", ines).json() == []
    assert service.request("GET", "courses/new/learners", nora).status_code == 403
