"""Bad options through the three doors of a real hub, form, query and JSON: nothing is ever submitted."""

import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from bad_options import bad_options
from campus_under_test import CampusUnderTest, Somebody, local_campus
from hpcampus_spawner.options import Options, parse_options
from hpcampus_spawner.refusal import Refused
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

# How many inputs are made up for each of the generated attacks.
EXAMPLES = int(os.environ.get("CAMPUS_EXAMPLES", "30"))
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
    headers = {"Content-Type": "application/json"}
    # Not `json=`: that refuses what isn't quite JSON, such as NaN, before the hub can.
    return person.api("POST", path, data=json.dumps({"user_options": options}), headers=headers)


def queue(campus: CampusUnderTest) -> list[Any]:
    path = campus.settings.state / "queue.json"
    jobs: list[Any] = json.loads(path.read_text()) if path.exists() else []
    return jobs


@pytest.mark.parametrize("door", [form, query, api])
@pytest.mark.parametrize(
    ("name", "server", "options", "sentence"),
    [
        ("rosa", "", {"cmd": "id"}, "Unknown option"),
        ("rosa", "", {"account": "vip"}, "Unknown option"),
        ("rosa", "", {"qos": "vip"}, "Unknown option"),
        ("rosa", "", {"output": "/home/ada/x"}, "Unknown option"),
        ("rosa", "", {"gpus": "99"}, "99 GPU"),
        ("rosa", "", {"partition": "a\0b"}, "partition: may hold letters"),
        ("rosa", "", {"memory_gib": "0"}, "memory_gib: Input should be greater"),
        ("rosa", "", {"hours": "UNLIMITED"}, "hours: must be a whole number"),
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
    answer = door(_logged_in(campus, name), server, options)
    assert answer.status_code == 400, answer.text
    assert sentence in answer.text.replace("&#39;", "'").replace("&#34;", '"')
    assert "Traceback" not in answer.text
    assert queue(campus) == []


@pytest.mark.parametrize("door", [form, query, api])
def test_every_bad_option_is_refused_at_every_door(campus: CampusUnderTest, door: Door) -> None:
    """Those that `test_options` tries on the validator. Forms and links bring text only."""
    rosa = _logged_in(campus)
    tried, wrong = 0, []
    for field, options in bad_options():
        given = options if door is api else as_text(options)
        if given is not None:
            tried += 1
            answer = door(rosa, "", given)
            if answer.status_code != 400 or field not in answer.text or "Traceback" in answer.text:
                wrong.append((given, answer.status_code))
    assert wrong == []
    assert tried > 100
    assert queue(campus) == []


def as_text(options: dict[str, Any]) -> dict[str, Any] | None:
    """The options as a form brings them; None where it can't."""
    text = {name: str(value) for name, value in options.items() if value is not None}
    try:
        "".join(text.values()).encode()
    except UnicodeEncodeError:
        return None
    return text or None


_NASTY = st.sampled_from(
    ["", " ", "-1", "0x10", "1e9", "\0", "\n#SBATCH -p vip", "$(id)", "{{7*7}}", "../..", "٣"]
)
_VALUES = st.text(st.characters(codec="utf-8"), max_size=30) | _NASTY | st.integers().map(str)
_NAMES = st.sampled_from(sorted(Options.model_fields)) | st.text(
    "abcdefgh_-.:<>'\" ", min_size=1, max_size=12
)


@settings(
    max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(options=st.dictionaries(_NAMES, _VALUES, min_size=1, max_size=4))
def test_all_doors_refuse_the_same(campus: CampusUnderTest, options: dict[str, Any]) -> None:
    """Generated: what the validator refuses is refused at every door, and submits nothing."""
    assume(_is_refused(options))
    rosa = _logged_in(campus)
    for door in (form, query, api):
        answer = door(rosa, "", options)
        assert answer.status_code == 400, f"{door.__name__}: {answer.status_code}"
        assert "Traceback" not in answer.text
    assert queue(campus) == []


def _is_refused(options: dict[str, Any]) -> bool:
    try:
        parse_options(options)
    except Refused:
        return True
    return False


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES | _VALUES, inner, max_size=3),
    max_leaves=8,
)


@settings(
    max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(options=_JSON)
def test_no_json_gets_through(campus: CampusUnderTest, options: Any) -> None:
    """Generated: the JSON door takes any shape, and answers each with 400."""
    # An empty object, or a null, asks for nothing special and is right.
    assume(options and _is_refused(options))
    answer = api(_logged_in(campus), "", options)
    assert answer.status_code == 400, answer.text
    assert queue(campus) == []


def _logged_in(campus: CampusUnderTest, name: str = "rosa") -> Somebody:
    """Logged in once, and not for every example."""
    if (campus, name) not in _PEOPLE:
        _PEOPLE[campus, name] = campus.person(name)
    return _PEOPLE[campus, name]


_PEOPLE: dict[tuple[CampusUnderTest, str], Somebody] = {}


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


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'"x"',
        b"\xff",
        b"[" * 5000,
        b'{"user_options": []}',
        b'{"user_options": "x"}',
        b'{"user_options": {"cpus": NaN}}',
        b'{"user_options": {"cpus": 1, "cpus": "many"}}',
        b'{"user_options": {"partition": "' + b"a" * 10_000_000 + b'"}}',
    ],
    ids=lambda body: ascii(body[:40]),
)
def test_a_body_that_is_no_object_is_refused(campus: CampusUnderTest, body: bytes) -> None:
    answer = campus.person("rosa").api("POST", "users/rosa/server", data=body)
    assert 400 <= answer.status_code < 500, answer.text
    assert queue(campus) == []
