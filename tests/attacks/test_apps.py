"""Attacks through, and by, apps behind a notebook server: a real server, and an app that notes who comes."""

import http.client
import json
import os
import pwd
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from campus_under_test import free_port, wait_for
from hpcampus_spawner.app_proxy import limited, stays

TOKEN = "of-the-server"
BASE = "/user/ada/gpu-numba"
NOBODY = 65534
WIDE = {
    "Alt-Svc": 'h3="evil.example:443"',
    "Clear-Site-Data": '"*"',
    "Refresh": "0;url=https://evil.example/",
    "Service-Worker-Allowed": "/",
    "Strict-Transport-Security": "max-age=0",
}


class App(ThreadingHTTPServer):
    """A learner's own program; `visits` are the paths that it was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.visits: list[str] = []


class Answers(BaseHTTPRequestHandler):
    """Misbehaves as the path says."""

    server: App

    def do_GET(self) -> None:
        self.server.visits.append(self.path)
        parts = urlsplit(self.path)
        location = parse_qs(parts.query).get("to", [])
        self.send_response(302 if location else 200)
        for to in location:
            self.send_header("Location", to)
        self.send_header("Set-Cookie", "theme=dark; Path=/; Domain=campus.example; HttpOnly")
        self.send_header("Set-Cookie", "jupyterhub-session-id=stolen; Path=/hub/")
        for name, value in WIDE.items():
            self.send_header(name, value)
        self.send_header("X-Mine", "kept")
        self.end_headers()
        self.wfile.write(b"hello from the app")

    def log_message(self, *args: object) -> None:
        """Tests' output is for tests."""


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    app = App()
    threading.Thread(target=app.serve_forever, kwargs={"poll_interval": 0.02}).start()
    yield app
    app.shutdown()
    app.server_close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a notebook server with the settings of this environment."""
    home, port = tmp_path_factory.mktemp("home"), free_port()
    options = [f"--ServerApp.port={port}", f"--ServerApp.base_url={BASE}/", "--allow-root", "--no-browser"]
    options += ["--ServerApp.jpserver_extensions={'hpcampus_spawner.app_proxy': True}"]
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "JUPYTER_TOKEN": TOKEN}
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyter_server", *options], env=environment, cwd=home, stderr=log
        )
    try:
        wait_for(lambda: process.poll() is not None or listening(port), "the server listens")
        assert process.poll() is None, (home / "log").read_text()
        yield port
    finally:
        process.terminate()
        process.wait(30)


def listening(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def ask(server: int, path: str, token: str | None = TOKEN, **headers: str) -> tuple[int, requests.Response]:
    """Ask for a path as it stands: `requests` would tidy it up."""
    connection = http.client.HTTPConnection("127.0.0.1", server, timeout=30)
    connection.putrequest("GET", f"{BASE}{path}")
    for name, value in {**({"Authorization": f"token {token}"} if token else {}), **headers}.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    response = requests.Response()
    response.status_code, response._content = answer.status, answer.read()
    response.headers.update(answer.headers)
    response.raw = answer
    connection.close()
    return answer.status, response


def ask_for_a_socket(server: int, path: str, **headers: str) -> int:
    """The status with which a websocket is answered; 101 would be yes."""
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    return ask(server, path, None, **upgrade, **{"Sec-WebSocket-Key": "x" * 22 + "=="}, **headers)[0]


def test_ones_own_app_is_shown(server: int, app: App) -> None:
    for name in ("", "localhost:", "127.0.0.1:", "absolute/"):
        status, answer = ask(server, f"/proxy/{name}{app.server_port}/page")
        assert (status, answer.text) == (200, "hello from the app")


HOSTS = [
    "169.254.169.254",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "::1",
    "0x7f000001",
    "2130706433",
    "0177.0.0.1",
    "017700000001",
    "127.1",
    "0",
    "0.0.0.0",
    "127.0.0.2",
    "127.0.0.1.",
    "127.0.0.1%2f",
    "127.0.0.1%00",
    "%31%32%37.1",
    "%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1",
    "localhost.",
    "LOCALHOST",
    "localhost.evil.example",
    "localhost%20",
    "evil.example@localhost",
    "localhost%40evil.example",
    "ip6-localhost",
    "rebind.example",
    "slurmctld",
    "n2",
]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("way", ["/proxy/", "/proxy/absolute/"])
def test_no_other_host_is_reached_by_any_name(server: int, app: App, way: str, host: str) -> None:
    """The app would answer, if one of these names led to this node."""
    before = list(app.visits)
    path = f"{way}{host}:{app.server_port}/"
    assert ask(server, path)[0] == 403
    assert ask_for_a_socket(server, path, Authorization=f"token {TOKEN}") == 403
    assert app.visits == before


def test_the_allowed_hosts_are_set_for_the_whole_environment() -> None:
    """Not left to whatever jupyter-server-proxy's default becomes."""
    shown = subprocess.run(
        [sys.executable, "-m", "jupyter_server", "--show-config-json"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert json.loads(shown)["ServerProxy"] == {"host_allowlist": ["localhost", "127.0.0.1"]}


@pytest.mark.parametrize(
    "path",
    [
        "/proxy/<script>alert(1)</script>:80/",
        "/proxy/%3Cscript%3Ealert(1)%3C%2Fscript%3E:80/",
        "/proxy/1/<b>x",
    ],
)
def test_what_is_wrong_with_an_address_is_said_without_running_it(server: int, path: str) -> None:
    status, answer = ask(server, path)
    # 302: to the same place without the last slash, where it is 404.
    assert 302 <= status < 500
    assert "<script>alert" not in answer.text
    assert "<b>x" not in answer.text


@pytest.mark.parametrize("token", [None, "of-somebody-else"])
def test_nobody_without_the_token_gets_to_an_app(server: int, app: App, token: str | None) -> None:
    before = list(app.visits)
    status, _ = ask(server, f"/proxy/{app.server_port}/", token)
    assert status in {302, 403}
    headers = {"Authorization": f"token {token}"} if token else {}
    assert ask_for_a_socket(server, f"/proxy/{app.server_port}/ws", **headers) == 403
    assert app.visits == before


ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example/",
    "\\\\evil.example",
    "http:evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "http://127.0.0.1.evil.example/",
    "http://127.0.0.1@evil.example/",
    "ftp://127.0.0.1/",
    " //evil.example",
    "/\t/evil.example",
    "http://[evil",
]


@pytest.mark.parametrize("to", ELSEWHERE)
@pytest.mark.parametrize("accept", ["*/*", "text/event-stream"])
def test_an_app_sends_nobody_to_another_site(server: int, app: App, to: str, accept: str) -> None:
    path = f"/proxy/{app.server_port}/?{urlencode({'to': to})}"
    status, answer = ask(server, path, Accept=accept)
    if status == 302:
        # jupyter-server-proxy has made a page of the app of it.
        assert answer.headers["Location"].startswith(f"{BASE}/proxy/{app.server_port}/")
    else:
        assert (status in {500, 502}, answer.headers.get("Location")) == (True, None)
        assert "hello" not in answer.text


def test_an_app_may_send_people_to_its_own_pages(server: int, app: App) -> None:
    status, answer = ask(server, f"/proxy/{app.server_port}/?to=/page")
    assert (status, answer.headers["Location"]) == (302, f"{BASE}/proxy/{app.server_port}/page")


@pytest.mark.parametrize("accept", ["*/*", "text/event-stream"])
@pytest.mark.parametrize("way", ["", "absolute/", "localhost:"])
def test_an_app_speaks_for_its_own_address_alone(server: int, app: App, accept: str, way: str) -> None:
    """Its cookies stay below it, it poses as nobody, and it changes nothing for the rest of the host."""
    place = f"{BASE}/proxy/{way}{app.server_port}"
    status, answer = ask(server, place.removeprefix(BASE) + "/", Accept=accept)
    assert (status, answer.headers["X-Mine"]) == (200, "kept")
    assert not WIDE.keys() & answer.headers.keys()
    cookies = answer.raw.headers.get_all("Set-Cookie", [])
    cookies = [cookie for cookie in cookies if not cookie.startswith("username-127")]
    # Of several, jupyter-server-proxy hands on the last one alone where it streams.
    assert cookies in ([f"theme=dark; HttpOnly; Path={place}"], [])


@pytest.mark.parametrize(
    ("cookie", "kept"),
    [
        ("a=b", "a=b; Path=/p"),
        ("a=b;path=/;DOMAIN=x; Secure", "a=b; Secure; Path=/p"),
        ("a=b; Path = /hub/", "a=b; Path=/p"),
        ("a=b; SameSite=Lax; path", "a=b; SameSite=Lax; Path=/p"),
        (" jupyterhub-user-ada=x", None),
        ("_xsrf=x; Path=/hub/", None),
    ],
)
def test_a_cookie_is_limited_to_the_app(cookie: str, kept: str | None) -> None:
    assert limited(cookie, "/p") == kept


@pytest.mark.parametrize("location", ["", "/", "page", "?x=1", "#a", "../up", "https://h:1/x", "http://h:1"])
def test_what_stays_with_the_host(location: str) -> None:
    assert stays(location, "h:1")


@contextmanager
def somebody_elses(address: str, port: int = 0) -> Iterator[int]:
    """A program of another user of this machine, at that port or any."""
    code = (
        "import socket, sys; s = socket.create_server((sys.argv[1], int(sys.argv[2])));"
        "print(s.getsockname()[1], flush=True);"
        "s.accept(); print('visited', flush=True)"
    )
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", code, address, str(port)],
        stdout=subprocess.PIPE,
        text=True,
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        cwd="/",
    )
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
        assert process.poll() is None, "the neighbour's program was visited"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.root
@pytest.mark.parametrize("name", ["", "localhost:", "absolute/"])
def test_a_neighbours_program_is_not_shown_as_ones_own(server: int, name: str) -> None:
    """On a shared node anybody can take the port that a link of one's own leads to."""
    assert pwd.getpwuid(NOBODY).pw_uid != os.getuid()
    with somebody_elses("127.0.0.1") as port:
        status, answer = ask(server, f"/proxy/{name}{port}/")
        assert status == 403
        assert "Somebody else" in answer.text


@pytest.mark.root
def test_a_neighbour_beside_ones_own_program_is_enough(server: int, app: App) -> None:
    with somebody_elses("127.0.0.2", app.server_port):
        assert ask(server, f"/proxy/{app.server_port}/")[0] == 403
    assert ask(server, f"/proxy/{app.server_port}/")[0] == 200


def test_where_nothing_listens_the_page_says_so(server: int) -> None:
    status, answer = ask(server, f"/proxy/{free_port()}/")
    assert status == 403
    assert "Nothing listens" in answer.text
