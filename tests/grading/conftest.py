"""A small course, a stand-in for the hub's API, and the real exchange service in a process of its own."""

import contextlib
import json
import os
import signal
import socket
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import nbformat
import psutil
import pytest
import requests
import sqlalchemy as sa
import yaml
from click.testing import CliRunner
from exchange_process import start_exchange
from hpcampus_grading.commands.release import release
from hpcampus_grading.database import Database, open_database
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from postgres import private_postgres
from seats import Seat

ACCESS = "access:services!service=exchange"
PREFIX = "/services/exchange/"
SERVICE_TOKEN = "the-token-of-the-service"


def code(source: str, grade_id: str = "", **flags: Any) -> Any:
    """A code cell; with a grade id also nbgrader's metadata."""
    cell = new_code_cell(source)
    if grade_id:
        cell.metadata["nbgrader"] = {
            "schema_version": 3,
            "grade_id": grade_id,
            "grade": "points" in flags,
            "solution": flags.pop("solution", False),
            "locked": flags.pop("locked", False),
            "task": False,
            **flags,
        }
    return cell


def test_cell(source: str, grade_id: str, points: int) -> Any:
    """A locked cell of tests."""
    return code(source, grade_id, points=points, locked=True)


test_cell.__test__ = False  # type: ignore[attr-defined]


def lesson() -> Any:
    """Two exercises with visible and hidden tests; 3 points in all."""
    notebook = new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.cells = [
        new_markdown_cell("# Sums"),
        code("import numpy as np"),
        code(
            "def total(x):\n    ### BEGIN SOLUTION\n    return np.sum(x)\n    ### END SOLUTION",
            "total",
            solution=True,
        ),
        test_cell(
            "assert total([1, 2]) == 3, 'the sum of 1 and 2 is 3'\n"
            "### BEGIN HIDDEN TESTS\n"
            "assert total(np.arange(17)) == 136, 'larger sums are wrong'\n"
            "### END HIDDEN TESTS",
            "total-test",
            2,
        ),
        code(
            "def twice(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION",
            "twice",
            solution=True,
        ),
        test_cell("assert twice(4) == 8", "twice-test", 1),
    ]
    return notebook


COURSE = {
    "slug": "sums",
    "title": "Sums",
    "summary": "Adding numbers.",
    "language": "en",
    "level": "beginner",
    "licence": "CC-BY-4.0",
    "authors": ["The HPCampus authors"],
    "outcomes": ["Add numbers."],
    "roster": "sums",
    "instructors": "sums-instructors",
    "needs": {"cpus": 1, "memory_gib": 1},
    "libraries": ["numpy"],
    "assignments": [
        {"slug": "lesson1", "title": "Sums", "points": 3, "due": "2020-01-01T00:00:00Z"},
        {"slug": "lesson2", "title": "More sums", "points": 3},
    ],
}


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL server of our own."""
    with private_postgres() as url:
        yield url


DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
# For tests that start many programs; what they ask of a database, others ask of both.
DATABASES_IF_SLOW = DATABASES if os.environ.get("CAMPUS_DATABASES") == "all" else DATABASES[:1]


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database, once of each kind."""
    yield from empty_database(request, tmp_path)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The same, opened."""
    database = open_database(database_url)
    yield database
    database.close()


def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database of the kind that is asked for."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/exchange.sqlite"
        return
    server = sa.create_engine(request.getfixturevalue("postgres"), isolation_level="AUTOCOMMIT")
    name = f"exchange_{uuid.uuid4().hex}"
    with server.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    yield server.url.set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


@pytest.fixture
def courses(tmp_path: Path) -> Path:
    """A folder with the course `sums`, and `other`, in which only rosa is."""
    folder = tmp_path / "courses-of-the-hub"
    other = {**COURSE, "slug": "other", "roster": "other", "instructors": "other-instructors"}
    for course in (COURSE, other):
        place = folder / str(course["slug"])
        for assignment in ("lesson1", "lesson2"):
            (place / "source" / assignment).mkdir(parents=True)
            nbformat.write(lesson(), place / "source" / assignment / f"{assignment}.ipynb")
        (place / "course.yaml").write_text(yaml.safe_dump(course))
    return folder


@dataclass
class StubHub:
    """What the exchange asks of the hub: whose a token is, and who is in a group."""

    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def add(self, name: str, *groups: str, scopes: tuple[str, ...] = (ACCESS,), kind: str = "user") -> str:
        """A user with a token, which is answered."""
        token = f"token-of-{name}-{len(self.users)}"
        self.users[token] = {"kind": kind, "name": name, "groups": list(groups), "scopes": list(scopes)}
        return token

    def answer(self, path: str, token: str) -> tuple[int, dict[str, Any]]:
        """Status and body of an answer."""
        if path == "/hub/api/user" and token in self.users:
            return 200, self.users[token]
        group = path.removeprefix("/hub/api/groups/")
        if group != path and token == SERVICE_TOKEN:
            known = group in self.groups
            return (200, {"name": group, "users": self.groups[group]}) if known else (404, {"status": 404})
        return 403, {"status": 403, "message": "Forbidden"}


@pytest.fixture
def hub() -> Iterator[StubHub]:
    stub = StubHub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            token = self.headers.get("Authorization", "").removeprefix("token ")
            stub.asked.append(token)
            code, answer = stub.answer(self.path, token)
            body = json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        stub.url = f"http://127.0.0.1:{server.server_address[1]}/hub/api"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield stub
        server.shutdown()
        thread.join()


@dataclass(frozen=True)
class Service:
    """The running exchange."""

    url: str
    pid: int
    log: Path
    environment: Mapping[str, str]

    def request(self, method: str, path: str, token: str | None = None, **more: Any) -> requests.Response:
        """Ask it something."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return requests.request(method, f"{self.url}/{path}", headers=headers, timeout=60, **more)


def wait_until_ready(url: str, lives: Callable[[], bool], log: Path) -> None:
    """Wait until the service answers, at most two minutes: other tests may keep the machine busy."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert lives(), log.read_text()
        try:
            if requests.get(f"{url}/health", timeout=30).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.05)
    raise AssertionError(f"the service did not start: {log.read_text() if log.exists() else 'no word of it'}")


def who_serves(port: int) -> set[int]:
    """The processes that listen on a port of this machine."""
    found = psutil.net_connections("tcp4")
    return {
        one.pid for one in found if one.status == psutil.CONN_LISTEN and one.laddr.port == port and one.pid
    }


@pytest.fixture
def more_environment() -> Mapping[str, str]:
    """What else the hub tells the service; a test may say more."""
    return {}


@pytest.fixture
def service(
    tmp_path: Path, hub: StubHub, courses: Path, database_url: str, more_environment: Mapping[str, str]
) -> Iterator[Service]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path / "exchange.log"
    environment = {
        "PATH": os.environ["PATH"],
        "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}",
        "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
        "JUPYTERHUB_SERVICE_NAME": "exchange",
        "JUPYTERHUB_API_URL": hub.url,
        "JUPYTERHUB_API_TOKEN": SERVICE_TOKEN,
        "CAMPUS_EXCHANGE_DB": database_url,
        "CAMPUS_EXCHANGE_STORE": str(tmp_path / "store"),
        "CAMPUS_COURSES": str(courses),
        **more_environment,
    }
    process = start_exchange(environment, tmp_path, log)
    url = f"http://127.0.0.1:{port}{PREFIX}".rstrip("/")
    try:
        wait_until_ready(url, process.is_alive, log)
        assert process.pid is not None
        yield Service(url, process.pid, log, environment)
    finally:
        # A test that killed the first one left others behind, which would go on for a while.
        process.terminate()
        process.join(10)
        process.close()
        for left in who_serves(port):
            with contextlib.suppress(ProcessLookupError):
                os.kill(left, signal.SIGKILL)


@pytest.fixture
def seat(tmp_path: Path, service: Service, hub: StubHub) -> Callable[..., Seat]:
    def take(name: str, *groups: str, role: str = "learner") -> Seat:
        home = tmp_path / "homes" / name
        home.mkdir(parents=True)
        environment = {
            "PATH": "/usr/bin:/bin",  # alembic must be found all the same
            "HOME": str(home),
            "JUPYTERHUB_API_TOKEN": hub.add(name, *groups),
            "CAMPUS_EXCHANGE_URL": service.url,
            "CAMPUS_ROLE": role,
            "CAMPUS_COURSE": "sums",
            "CAMPUS_ASSIGNMENT": "lesson1",
        }
        return Seat(home, environment)

    return take


@pytest.fixture
def released(service: Service) -> str:
    """lesson1, released by the operator with `campus release`."""
    done = CliRunner().invoke(release, ["sums", "lesson1"], env=dict(service.environment))
    assert done.exit_code == 0, done.output
    return done.output
