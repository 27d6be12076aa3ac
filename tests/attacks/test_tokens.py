"""What a learner can do with what they hold, on a real hub that logs everything: nothing beyond their own.

The hub runs with DEBUG on, and so do its servers: what they write is searched at the end.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from campus_under_test import CampusUnderTest, Somebody, free_port, local_campus, wait_for
from what_is_secret import of_files, of_processes, token_of

COURSE = "gpu-numba"
NOBODY = 65534
ACTIVE = {"PENDING", "RUNNING", "COMPLETING"}


@pytest.fixture(scope="module")
def campus() -> Iterator[CampusUnderTest]:
    with local_campus(arguments=["--debug", "--Spawner.args=--debug"]) as campus:
        yield campus


@pytest.fixture(scope="module")
def ada(campus: CampusUnderTest) -> Somebody:
    """Ada, with her lesson open."""
    ada = campus.person("ada")
    ada.start(COURSE, {"course": COURSE})
    ada.until_ready(COURSE)
    ada.server_started(COURSE)
    return ada


@pytest.fixture(scope="module")
def own_token(ada: Somebody) -> str:
    """A token of Ada's with all that she may do."""
    answer = ada.api("POST", "users/ada/tokens", json={"expires_in": 3600})
    return str(answer.json()["token"])


@pytest.fixture(scope="module")
def server_token(campus: CampusUnderTest, ada: Somebody) -> str:
    """The token that Ada's notebook server holds, and with it every cell that she runs."""
    return token_of(campus, ada.name)


def call(campus: CampusUnderTest, token: str, method: str, path: str, body: Any = None) -> requests.Response:
    """A call of the hub's API with nothing but that token."""
    headers = {"Authorization": f"token {token}"}
    url = f"{campus.settings.url}/hub/api/{path}"
    return requests.request(method, url, headers=headers, json=body, timeout=60, allow_redirects=False)


def queue(campus: CampusUnderTest, name: str) -> list[dict[str, Any]]:
    jobs = json.loads((campus.settings.state / "queue.json").read_text())
    return [job for job in jobs if job["learner"] == name]


FORBIDDEN: list[tuple[str, str, Any]] = [
    ("GET", "users/ben", None),
    ("POST", "users/ben/server", {}),
    ("POST", f"users/ben/servers/{COURSE}", {"course": COURSE}),
    ("DELETE", f"users/ben/servers/{COURSE}", None),
    ("POST", "users/ben/activity", {"last_activity": "2030-01-01T00:00:00Z"}),
    ("GET", "users/ben/tokens", None),
    ("POST", "users/ben/tokens", {}),
    ("POST", "users/ben", None),
    ("POST", "users", {"usernames": ["mallory"]}),
    ("DELETE", "users/ben", None),
    ("PATCH", "users/ada", {"admin": True}),
    ("PATCH", "users/ben", {"name": "mallory"}),
    ("GET", "groups", None),
    ("POST", "groups/gpu-numba-instructors/users", {"users": ["ada"]}),
    ("POST", "groups/researchers/users", {"users": ["ada"]}),
    ("GET", "services", None),
    ("GET", "proxy", None),
    ("POST", "proxy", {}),
    ("POST", "shutdown", {}),
    ("GET", "info", None),
    ("GET", "campus/jobs", None),
    ("GET", f"campus/users/ben/servers/{COURSE}/time", None),
    ("POST", "users/ada/tokens", {"scopes": ["admin:users"]}),
    ("POST", "users/ada/tokens", {"scopes": ["servers"]}),
    ("POST", "users/ada/tokens", {"scopes": ["read:users!user=ben"]}),
    ("POST", "users/ada/tokens", {"roles": ["admin"]}),
    ("POST", "users/ada/tokens", {"expires_in": 10**9}),
]


@pytest.mark.parametrize(("method", "path", "body"), FORBIDDEN)
def test_a_learners_own_token_reaches_nobody_else_and_grows_no_rights(
    campus: CampusUnderTest, own_token: str, method: str, path: str, body: Any
) -> None:
    """JupyterHub says 404 of people whom one may not know about, and 400 of a token that can't be."""
    answer = call(campus, own_token, method, path, body)
    assert answer.status_code in ({400, 403} if path == "users/ada/tokens" else {403, 404}), answer.text
    assert "Traceback" not in answer.text


def test_a_learner_sees_nobody_else_in_the_list_of_people(campus: CampusUnderTest, own_token: str) -> None:
    answer = call(campus, own_token, "GET", "users")
    assert answer.status_code == 403 or [user["name"] for user in answer.json()] == ["ada"]


OF_A_SERVER: list[tuple[str, str, Any]] = [
    ("GET", "users", None),
    ("POST", f"users/ada/servers/{COURSE}", {}),
    ("DELETE", f"users/ada/servers/{COURSE}", None),
    ("POST", "users/ada/tokens", {}),
    ("GET", "users/ada/tokens", None),
    ("POST", "users/ada/tokens", {"scopes": ["self"], "expires_in": 60}),
]


@pytest.mark.parametrize(("method", "path", "body"), [*FORBIDDEN, *OF_A_SERVER])
def test_the_token_of_a_server_is_for_that_server(
    campus: CampusUnderTest, server_token: str, method: str, path: str, body: Any
) -> None:
    answer = call(campus, server_token, method, path, body)
    assert answer.status_code in {403, 404}, answer.text


def test_a_token_ends_within_a_month(campus: CampusUnderTest, ada: Somebody) -> None:
    """Whoever asks for no end gets that one; what a notebook leaks doesn't work for ever."""
    assert ada.api("POST", "users/ada/tokens", json={}).json()["expires_at"] is not None


def test_an_app_is_its_owners_alone(campus: CampusUnderTest, ada: Somebody) -> None:
    """Without a cookie, and with Ben's, neither page nor websocket."""
    ben = campus.person("ben")
    with app() as port:
        path = f"/user/ada/{COURSE}/proxy/{port}/"
        assert "Directory listing" in ada.get(path).text
        assert ben.get(path).status_code == 403
        assert "Directory listing" not in requests.get(f"{ben.url}{path}", timeout=30).text
        for cookies in ({}, ben.http.cookies.get_dict()):
            assert ask_for_a_socket(f"{ada.url}{path}", cookies) == 403


class app:  # noqa: N801 - read as a word: with app() as port
    """A program of the account that runs the notebooks here."""

    def __enter__(self) -> int:
        port = free_port()
        user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        argv = [sys.executable, "-I", "-m", "http.server", str(port), "--bind", "127.0.0.1"]
        argv += ["--directory", "/usr/share"]
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(argv, cwd="/", stdout=quiet, stderr=quiet, **user)  # type: ignore[call-overload]

        def answers() -> bool:
            try:
                return requests.get(f"http://127.0.0.1:{port}/", timeout=5).ok
            except requests.RequestException:
                return False

        wait_for(answers, "the app answers")
        return port

    def __exit__(self, *why: object) -> None:
        self._process.kill()
        self._process.wait()


def ask_for_a_socket(url: str, cookies: dict[str, str]) -> int:
    """The status with which a websocket is answered; 101 would be yes."""
    headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    headers |= {"Sec-WebSocket-Key": "x" * 22 + "=="}
    with requests.get(
        url, headers=headers, cookies=cookies, timeout=30, allow_redirects=False, stream=True
    ) as answer:
        return answer.status_code


def test_fifty_starts_at_once_are_one_job(campus: CampusUnderTest) -> None:
    ben = campus.person("ben")
    ben.home()

    def start(number: int) -> int:
        return ben.api("POST", f"users/ben/servers/{COURSE}", json={"course": COURSE}).status_code

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(start, range(50)))
    assert set(answers) <= {201, 202, 400, 429}, answers
    # 202 comes before the job is handed over: whatever the fifty have caused is there when the server is up.
    ben.until_ready(COURSE)
    assert len([job for job in queue(campus, "ben") if job["word"] in ACTIVE]) == 1
    assert len({job["spawn_id"] for job in queue(campus, "ben")}) == 1
    ben.stop(COURSE)


def test_start_and_stop_in_turns_leave_no_second_job(campus: CampusUnderTest) -> None:
    ben = campus.person("ben")
    ben.home()
    most = 0

    def flap(number: int) -> int:
        method = "POST" if number % 2 == 0 else "DELETE"
        body = {"json": {"course": COURSE}} if method == "POST" else {}
        return ben.api(method, f"users/ben/servers/{COURSE}", **body).status_code

    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(flap, number) for number in range(24)]
        while not all(answer.done() for answer in answers):
            most = max(most, sum(job["word"] in ACTIVE for job in queue(campus, "ben")))
    # 500 is what JupyterHub says to who loses a race for the same server.
    assert {answer.result() for answer in answers} <= {201, 202, 204, 400, 404, 429, 500}
    assert most == 1
    if ben.model(COURSE) is not None:
        ben.stop(COURSE)
    wait_for(
        lambda: not [job for job in queue(campus, "ben") if job["word"] in ACTIVE], "nothing of Ben's is left"
    )


def test_a_token_is_worth_nothing_when_its_server_has_stopped(
    campus: CampusUnderTest, ada: Somebody, server_token: str
) -> None:
    assert call(campus, server_token, "GET", "user").ok
    ada.stop(COURSE)
    assert call(campus, server_token, "GET", "user").status_code in {401, 403}


def test_no_log_holds_a_secret(campus: CampusUnderTest, own_token: str, server_token: str) -> None:
    """Everything that was handed out on this hub so far, and what a job that waits holds."""
    rosa, ada = campus.person("rosa"), campus.person("ada")
    ada.stop_all()
    rosa.start("", {"cpus": "8"})
    rosa.until_ready("")
    ada.start(COURSE, {"course": COURSE})
    (ticket,) = wait_for(
        lambda: [job["ticket"] for job in queue(campus, "ada") if job["ticket"]], "Ada waits"
    )
    rosa.stop("")
    ada.until_ready(COURSE)
    lab = ada.get(f"/user/ada/{COURSE}/lab")
    secrets = {
        "own token": own_token,
        "token of a server that stopped": server_token,
        "token of a server": token_of(campus, "ada"),
        "secret of a report": json.loads(ticket)["secret"],
        **of_files(campus.settings.state),
        **of_processes(campus),
        **of_browser(ada, lab),
    }
    ada.stop(COURSE)
    logs = [campus.settings.state / "hub.log", *(campus.settings.state / "homes").rglob("*.log")]
    texts = {log: log.read_text(errors="replace") for log in logs}
    assert "[D " in texts[logs[0]], "the hub logs no details: this test shows nothing"
    assert any("[D " in text for log, text in texts.items() if log.name == "job.log")
    assert len(secrets) > 12
    found = [(what, log) for what, secret in secrets.items() for log in logs if secret in texts[log]]
    # Ada's session, in Ada's own private file, at the most talkative level alone.
    found = [(what, log) for what, log in found if (log.name, "session-id" in what) != ("job.log", True)]
    assert found == []


def of_browser(person: Somebody, last: requests.Response) -> dict[str, str]:
    """Cookies, and the codes that went through the address bar."""
    cookies = {f"cookie {c.name} of {c.path}": str(c.value) for c in person.http.cookies if c.value}
    steps = [parse_qsl(urlsplit(step.headers.get("Location", "")).query) for step in last.history]
    return cookies | {name: value for step in steps for name, value in step if name in ("code", "state")}
