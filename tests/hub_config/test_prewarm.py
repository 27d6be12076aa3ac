"""An instructor starts servers for the roster ahead of class: those of the course, and nobody else's."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from campus_under_test import CampusUnderTest, Somebody, local_campus, private_folder, wait_for
from hpcampus_hub.settings import COURSES

COURSE = "gpu-numba"
CLASS = f"campus/classes/{COURSE}/servers"
PAGE = f"/hub/campus/classes/{COURSE}"


@pytest.fixture(scope="module")
def running_campus() -> Iterator[CampusUnderTest]:
    with local_campus() as campus:
        yield campus


@pytest.fixture
def campus(running_campus: CampusUnderTest) -> Iterator[CampusUnderTest]:
    yield running_campus
    running_campus.stop_servers()


@pytest.fixture
def ines(campus: CampusUnderTest) -> Somebody:
    return campus.person("ines")


def rows(of: Somebody) -> dict[str, dict[str, Any]]:
    """The class as an instructor sees it, by learner."""
    answer = of.api("GET", CLASS)
    assert answer.ok, answer.text
    return {row["learner"]: row for row in answer.json()["servers"]}


def order(who: Somebody, method: str, **body: Any) -> requests.Response:
    return who.api(method, CLASS, json=body)


def until_ready(ines: Somebody, *learners: str) -> None:
    wait_for(
        lambda: all(rows(ines)[name]["stage"] == "ready" for name in learners), f"{learners} are ready", 90
    )


def test_servers_for_the_whole_roster_come_up_and_are_the_learners_own(
    campus: CampusUnderTest, ines: Somebody
) -> None:
    assert {row["stage"] for row in rows(ines).values()} == {"none"}
    answer = order(ines, "POST")
    assert answer.ok, answer.text
    assert answer.json()["problems"] == {}
    assert set(rows(ines)) == {"ada", "ben"}
    until_ready(ines, "ada", "ben")
    row = rows(ines)["ada"]
    assert (row["started_by"], row["node"], row["site"]) == ("ines", "local", "this machine")
    assert row["since"] < row["until"]
    ada = campus.person("ada")
    assert ada.server_started(COURSE)
    assert (campus.home("ada") / COURSE / "lesson1").is_dir()
    # Whoever starts a server gets no way into it.
    assert ines.get(f"/user/ada/{COURSE}/api/status").status_code == 403
    (job,) = [job for job in campus.person("otto").api("GET", "campus/jobs").json() if job["person"] == "ada"]
    assert (job["course"], job["started_by"]) == (COURSE, "ines")
    assert order(ines, "DELETE").ok
    wait_for(lambda: {row["stage"] for row in rows(ines).values()} == {"none"}, "all are stopped")


def test_who_has_a_server_keeps_it_and_it_is_not_the_instructors_to_stop(
    campus: CampusUnderTest, ines: Somebody
) -> None:
    ada = campus.person("ada")
    ada.start(COURSE, {"course": COURSE})
    ada.until_ready(COURSE)
    started = ada.server_started(COURSE)
    assert order(ines, "POST").json()["problems"] == {}
    until_ready(ines, "ben")
    assert rows(ines)["ada"]["started_by"] == ""
    assert order(ines, "DELETE").ok
    wait_for(lambda: rows(ines)["ben"]["stage"] == "none", "Ben's is stopped")
    assert ada.server_started(COURSE) == started


def test_some_of_the_roster(ines: Somebody) -> None:
    assert order(ines, "POST", learners=["ben"], assignment="lesson1", site="local").ok
    until_ready(ines, "ben")
    assert rows(ines)["ada"]["stage"] == "none"
    assert order(ines, "DELETE", learners=["ada"]).ok
    assert rows(ines)["ben"]["stage"] == "ready"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"learners": ["ada", "rosa"]}, "Not on the roster of GPU programming with Numba: rosa."),
        ({"learners": ["nobody"]}, "Not on the roster"),
        ({"site": "no such site; true"}, "site"),
        ({"assignment": "../x"}, "assignment"),
        ({"learners": "ada"}, "An order may hold"),
        ({"learners": ["ada"], "cpus": 64}, "An order may hold"),
        ({"learners": ["ada"], "reservation": "x"}, "An order may hold"),
    ],
)
def test_what_is_wrong_with_an_order_is_said_and_nobody_is_started(
    ines: Somebody, body: dict[str, Any], sentence: str
) -> None:
    answer = order(ines, "POST", **body)
    assert answer.status_code == 400
    assert sentence in answer.json()["message"]
    assert {row["stage"] for row in rows(ines).values()} == {"none"}


@pytest.mark.parametrize("name", ["ada", "rosa", "otto"])
def test_a_class_is_for_its_instructors(campus: CampusUnderTest, ines: Somebody, name: str) -> None:
    """Learners, researchers and operators aren't among them."""
    other = campus.person(name)
    for method in ("GET", "POST", "DELETE"):
        answer = other.api(method, CLASS)
        assert answer.status_code == 403
        assert "for its instructors" in answer.json()["message"]
    assert other.get(PAGE).status_code == 403
    assert ines.api("GET", "campus/classes/no-such-course/servers").status_code == 403
    assert PAGE not in other.home()
    assert PAGE in ines.home()
    assert {row["stage"] for row in rows(ines).values()} == {"none"}


def test_an_instructor_has_no_right_of_jupyterhubs_own_over_these_people(ines: Somebody) -> None:
    assert ines.api("POST", f"users/ada/servers/{COURSE}").status_code in {403, 404}
    assert ines.api("POST", "users/ada/server").status_code in {403, 404}
    assert ines.api("GET", "users/ada").status_code in {403, 404}


def with_token(campus: CampusUnderTest, token: str, method: str = "GET") -> int:
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{campus.settings.url}/hub/api/{CLASS}"
    return requests.request(method, url, headers=headers, json={"learners": []}, timeout=60).status_code


def test_a_token_needs_that_right_by_name(campus: CampusUnderTest, ines: Somebody) -> None:
    """A token for other things won't do, such as that of a notebook server; one for this alone will."""

    def token(of: Somebody, *scopes: str) -> requests.Response:
        return of.api("POST", f"users/{of.name}/tokens", json={"scopes": list(scopes)})

    right = f"custom:campus:prewarm!group={COURSE}"
    assert with_token(campus, token(ines, "servers!user").json()["token"]) == 403
    assert with_token(campus, ines.exchange_token()) == 403
    assert with_token(campus, token(ines, right).json()["token"], "POST") == 200
    assert not token(campus.person("ada"), right).ok
    assert with_token(campus, "no-token") == 403


def press(who: Somebody, do: str, **form: Any) -> requests.Response:
    """Press a button of the page."""
    data = {"_xsrf": who._xsrf(), "do": do, **form}
    return who.http.post(f"{who.url}{PAGE}", data=data, timeout=60, allow_redirects=False)


def test_the_page_works_without_scripts(campus: CampusUnderTest, ines: Somebody) -> None:
    assert "Notebooks of the 2 on the roster: none: 2." in ines.get(PAGE).text
    assert "Tick those" in press(ines, "start").text
    assert press(ines, "start", learner=["ada"], site="").status_code == 303
    until_ready(ines, "ada")
    assert "Notebooks of the 2 on the roster: ready: 1, none: 1." in ines.get(PAGE).text
    assert press(ines, "stop", learner=["ada", "ben"]).status_code == 303
    wait_for(lambda: rows(ines)["ada"]["stage"] == "none", "Ada's is stopped")
    # No button of another site's page.
    form = {"do": "start-all"}
    assert ines.http.post(f"{ines.url}{PAGE}", data=form, timeout=60).status_code == 403
    assert {row["stage"] for row in rows(ines).values()} == {"none"}


def test_a_hub_that_restarts_still_knows_who_started_what(campus: CampusUnderTest, ines: Somebody) -> None:
    """Fault: SIGKILL for the hub; one job waits, another runs. Kept: both, and who may stop them."""
    rosa = campus.person("rosa")
    rosa.start("", {"cpus": "6", "hours": "1"})
    rosa.until_ready("")
    order(ines, "POST")
    until_ready(ines, "ada")
    wait_for(lambda: rows(ines)["ben"]["stage"] == "waiting", "Ben's waits in the queue")
    assert rows(ines)["ben"]["place"] == 1
    campus.kill()
    campus.start()
    ines = campus.person("ines")
    wait_for(lambda: rows(ines)["ben"]["stage"] == "waiting", "Ben's waits again")
    assert {row["started_by"] for row in rows(ines).values()} == {"ines"}
    assert order(ines, "DELETE").ok
    wait_for(lambda: {row["stage"] for row in rows(ines).values()} == {"none"}, "all are stopped")


@pytest.fixture
def too_large() -> Iterator[Path]:
    """The courses, with a lesson that no machine here is large enough for."""
    courses = private_folder()
    shutil.copytree(COURSES, courses, dirs_exist_ok=True)
    file = courses / COURSE / "course.yaml"
    file.write_text(file.read_text().replace("cpus: 2", "cpus: 64"))
    yield courses
    shutil.rmtree(courses)


def test_what_the_spawner_or_the_hub_refuses_is_said_by_name(too_large: Path) -> None:
    with local_campus(courses=too_large, arguments=["--JupyterHub.active_server_limit=1"]) as campus:
        ines = campus.person("ines")
        assert order(ines, "POST", learners=["ada"]).ok
        wait_for(lambda: rows(ines)["ada"]["stage"] == "failed", "Ada's is refused")
        assert "What would work" in rows(ines)["ada"]["detail"]
        assert "could not start: " in ines.get(PAGE).text
        rosa = campus.person("rosa")
        rosa.start("", {"cpus": "1"})
        rosa.until_ready("")
        assert "limit exceeded" in order(ines, "POST", learners=["ben"]).json()["problems"]["ben"]
        assert "limit exceeded" in press(ines, "start-all").text
