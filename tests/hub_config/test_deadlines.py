"""Deadlines on the hub's pages: a learner reads their own, an instructor gives more, and nobody else can."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from campus_under_test import CampusUnderTest, local_campus, private_folder, wait_for
from hpcampus_hub.settings import COURSES

COURSE = "gpu-numba"
PAGE = f"/hub/campus/courses/{COURSE}/deadlines"
DUE = datetime(2031, 3, 4, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def courses() -> Iterator[Path]:
    """The course, with a deadline and two attempts."""
    folder = private_folder()
    shutil.copytree(COURSES / COURSE, folder / COURSE)
    path = folder / COURSE / "course.yaml"
    course = yaml.safe_load(path.read_text())
    late = [{"within_hours": 24, "percent": 25}]
    course["assignments"][0] |= {"due": DUE, "grace_minutes": 15, "late": late, "attempts": 2}
    path.write_text(yaml.safe_dump(course))
    for place in [folder, *folder.rglob("*")]:
        place.chmod(0o755 if place.is_dir() else 0o644)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def campus(courses: Path) -> Iterator[CampusUnderTest]:
    with local_campus(courses=courses) as campus:
        yield campus


def test_a_learner_reads_what_holds_for_them(campus: CampusUnderTest) -> None:
    home = campus.person("ada").home()
    assert f'due <time datetime="{DUE.isoformat()}">' in home  # in the reader's own time zone, by moments.js
    assert "up to 24 hours later it costs 25 %" in home
    assert f'after <time datetime="{(DUE + timedelta(hours=24)).isoformat()}">' in home
    assert "you may submit 2 times" in home
    assert "toLocaleString" in home


def test_an_instructor_gives_more_and_takes_it_back(campus: CampusUnderTest) -> None:
    ada, ines = campus.person("ada"), campus.person("ines")
    assert PAGE in ines.home()
    shown = ines.get(PAGE).text
    assert '<option value="ada">' in shown
    assert '<option value="rosa">' not in shown  # not enrolled
    wish = {"assignment": "lesson1", "learner": "ada", "reason": "<was ill>"}
    # Typed at 12:00 where clocks are an hour ahead of UTC.
    later = {**wish, "due": "2031-03-11T12:00", "minutes_from_utc": "-60", "attempts": "1"}
    given = ines.post(PAGE, later)
    assert given.ok, given.text
    assert "&lt;was ill&gt;" in given.text
    home = ada.home()
    assert 'due <time datetime="2031-03-11T11:00:00+00:00">' in home
    assert "your own extension" in home
    assert "you may submit 3 times" in home
    assert "your own extension" not in campus.person("ben").home()
    # The exchange goes by the same.
    shown = ada.exchange("GET", f"courses/{COURSE}").json()["assignments"][0]
    assert (shown["due"], shown["attempts"]) == ("2031-03-11T11:00:00Z", 3)
    assert ines.post(PAGE, {**wish, "take_back": "yes"}).ok
    assert "your own extension" not in ada.home()
    log = ines.exchange("GET", f"courses/{COURSE}/audit").json()
    assert [line["action"] for line in log][-2:] == ["extend", "unextend"]


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        ({"due": "2031-03-01T12:00"}, "choose a later moment"),
        ({"due": "tomorrow"}, "can&#39;t be read"),
        ({"due": "9999-12-31T23:59", "minutes_from_utc": "-99999999"}, "can&#39;t be read"),
        ({"attempts": "-1"}, "can&#39;t be read"),
        ({"attempts": "1", "learner": "../eve"}, "is not the name of a learner"),
        ({"attempts": "1", "assignment": "lesson9"}, "has no assignment"),
        ({"attempts": "1", "reason": ""}, "Say why"),
        ({}, "neither more time nor more attempts"),
    ],
)
def test_what_makes_no_sense_is_said_on_the_page(
    campus: CampusUnderTest, wish: dict[str, str], sentence: str
) -> None:
    form = {"assignment": "lesson1", "learner": "ben", "reason": "why not", **wish}
    answer = campus.person("ines").post(PAGE, form)
    assert (answer.status_code, sentence in answer.text) == (422, True), answer.text
    assert "Nothing was changed." in answer.text


def test_nobody_else_gets_there(campus: CampusUnderTest) -> None:
    form = {"assignment": "lesson1", "learner": "ada", "attempts": "1", "reason": "for me"}
    for name in ("ada", "rosa", "otto"):
        person = campus.person(name)
        assert PAGE not in person.home()
        assert [person.get(PAGE).status_code, person.post(PAGE, form).status_code] == [404, 404]
    ines = campus.person("ines")
    forged = ines.http.post(f"{ines.url}{PAGE}", data=form, timeout=60)
    assert forged.status_code == 403  # no _xsrf: another site made the browser send it


def test_who_also_learns_gives_themselves_nothing(campus: CampusUnderTest) -> None:
    otto, ines = campus.person("otto"), campus.person("ines")
    assert otto.api("POST", f"groups/{COURSE}/users", json={"users": ["ines"]}).ok
    form = {"assignment": "lesson1", "learner": "ines", "attempts": "1", "reason": "for me"}
    answer = ines.post(PAGE, form)
    assert (answer.status_code, "another instructor has to do it" in answer.text) == (422, True)
    assert ines.post(PAGE, {**form, "learner": "ada"}).ok
    assert otto.api("DELETE", f"groups/{COURSE}/users", json={"users": ["ines"]}).ok


def test_what_the_file_gives_is_on_the_pages(campus: CampusUnderTest, courses: Path) -> None:
    path = courses / COURSE / "course.yaml"
    course = yaml.safe_load(path.read_text())
    course["assignments"][0]["extensions"] = [{"learner": "ben", "attempts": 1, "reason": "a bad network"}]
    fresh = path.with_suffix(".new")
    fresh.write_text(yaml.safe_dump(course))
    fresh.rename(path)
    ben, ines = campus.person("ben"), campus.person("ines")
    wait_for(lambda: "your own extension" in ben.home(), "the file's extension is in force", 30)
    shown = ines.get(PAGE).text
    assert "a bad network" in shown
    assert f"{COURSE}/course.yaml" in shown
    assert ines.post(
        PAGE, {"assignment": "lesson1", "learner": "ben", "reason": "solved", "take_back": "yes"}
    ).ok
    assert "your own extension" not in ben.home()


def test_a_course_that_changes_needs_no_restart(campus: CampusUnderTest, courses: Path) -> None:
    path = courses / COURSE / "course.yaml"
    path.write_text(path.read_text().replace("GPU programming with Numba", "GPUs from Python"))
    ada = campus.person("ada")
    wait_for(lambda: "GPUs from Python" in ada.home(), "the page shows the new title", 30)
