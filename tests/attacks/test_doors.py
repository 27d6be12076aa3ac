"""Bad options through the three doors of a real hub, form, query and JSON: nothing is ever submitted."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from campus_under_test import CampusUnderTest, Somebody, local_campus

Door = Callable[[Somebody, str, dict[str, Any]], requests.Response]


@pytest.fixture(scope="module")
def campus() -> Iterator[CampusUnderTest]:
    """One campus for all attacks: none of them may harm it."""
    with local_campus() as campus:
        yield campus


def form(person: Somebody, server: str, options: dict[str, Any]) -> requests.Response:
    return person.start(server, options)


def query(person: Somebody, server: str, options: dict[str, Any]) -> requests.Response:
    parameters = {f"opt-{name}": value for name, value in options.items()}
    url = f"{person.url}/hub/spawn/{person.name}/{server}".rstrip("/")
    return person.http.get(url, params=parameters, timeout=60, allow_redirects=False)


def api(person: Somebody, server: str, options: dict[str, Any]) -> requests.Response:
    path = f"users/{person.name}/servers/{server}" if server else f"users/{person.name}/server"
    return person.api("POST", path, json={"user_options": options})


def queue(campus: CampusUnderTest) -> list[Any]:
    path = campus.settings.state / "queue.json"
    jobs: list[Any] = json.loads(path.read_text()) if path.exists() else []
    return jobs


@pytest.mark.parametrize("door", [form, query, api])
@pytest.mark.parametrize(
    ("name", "server", "options", "sentence"),
    [
        ("rosa", "", {"cmd": "id"}, "Unknown option"),
        ("rosa", "", {"gpus": "99"}, "99 GPU"),
        ("rosa", "", {"partition": "local --chdir=/etc"}, "partition: may hold letters"),
        ("rosa", "", {"partition": "local\n#SBATCH --qos=vip"}, "partition: may hold letters"),
        ("rosa", "", {"hours": "-1"}, "hours: must be a whole number"),
        ("rosa", "", {"cpus": "{{7*7}}"}, "cpus: must be a whole number"),
        ("rosa", "", {"reservation": "vip,--uid=0"}, "reservation: may hold letters"),
        ("rosa", "", {"reservation": "vip"}, "has no reservation vip"),
        ("rosa", "", {"gpus": "1", "gpu_type": "a100:4"}, "gpu_type: may hold letters"),
        ("rosa", "", {"gpu_type": "a100"}, "ask for at least one"),
        ("rosa", "work", {"gpus": "99"}, "99 GPU"),
        ("rosa", "work", {"course": "gpu-numba"}, "on its server of that name"),
        ("ada", "work", {"cpus": "1"}, "Choose one of your courses"),
        ("ada", "gpu-numba", {"course": "gpu-numba", "reservation": "vip"}, "not both"),
        ("ada", "gpu-numba", {"course": "../../etc"}, "course: may hold letters"),
        ("ada", "gpu-numba", {"course": "gpu-numba", "cpus": "4"}, "not both"),
        ("ada", "gpu-numba", {"course": "gpu-numba", "assignment": "exam"}, "no such lesson"),
        ("rosa", "gpu-numba", {"course": "gpu-numba"}, "enrolled in GPU programming"),
        ("ada", "", {"cpus": "1"}, "Choose one of your courses"),
        ("ada", "other", {"course": "gpu-numba"}, "on its server of that name"),
    ],
)
def test_bad_options_are_refused_in_words(
    campus: CampusUnderTest, door: Door, name: str, server: str, options: dict[str, Any], sentence: str
) -> None:
    answer = door(campus.person(name), server, options)
    assert answer.status_code == 400, answer.text
    assert sentence in answer.text.replace("&#39;", "'").replace("&#34;", '"')
    assert "Traceback" not in answer.text
    assert queue(campus) == []


@pytest.mark.parametrize("name", ["", "Work", "a--b", "-a", "../admin", "<b>x</b>", "a" * 31, "//x.example"])
def test_a_name_that_no_notebook_can_have_is_refused(campus: CampusUnderTest, name: str) -> None:
    rosa = campus.person("rosa")
    answer = rosa.http.get(
        f"{rosa.url}/hub/campus/notebook", params={"name": name}, timeout=30, allow_redirects=False
    )
    assert answer.status_code == 400
    assert "single dashes" in answer.text
    assert "<b>x" not in answer.text


def test_the_door_to_a_new_notebook_leads_to_its_form_and_nowhere_else(campus: CampusUnderTest) -> None:
    rosa = campus.person("rosa")
    door = f"{rosa.url}/hub/campus/notebook"
    answer = rosa.http.get(door, params={"name": "work"}, timeout=30, allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/hub/spawn/rosa/work")
    taken = rosa.http.get(door, params={"name": "gpu-numba"}, timeout=30, allow_redirects=False)
    assert taken.status_code == 400
    assert "A course is called gpu-numba" in taken.text
    assert requests.get(door, params={"name": "work"}, timeout=30, allow_redirects=False).status_code == 302
    assert queue(campus) == []


def test_a_poisoned_option_neither_starts_nor_stays(campus: CampusUnderTest) -> None:
    """What JupyterHub's own storage would choke on is refused, and the hub still starts afterwards."""
    poison = {"cpus": {"__jupyterhub_bytes__": True, "data": "!"}}
    assert api(campus.person("rosa"), "", poison).status_code in {400, 500}
    campus.end()
    campus.start()
    assert campus.person("rosa").api("GET", "users/rosa").ok
    assert queue(campus) == []


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"\xff", b"[" * 5000, b'{"user_options": []}'])
def test_a_body_that_is_no_object_is_refused(campus: CampusUnderTest, body: bytes) -> None:
    answer = campus.person("rosa").api("POST", "users/rosa/server", data=body)
    assert 400 <= answer.status_code < 500, answer.text
    assert queue(campus) == []
