"""A small course, a stand-in for the hub's API, and the real exchange service in a process of its own."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import nbformat
import pytest
import requests
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ACCESS = "access:services!service=exchange"
PREFIX = "/services/exchange/"


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
    """What the exchange asks of the hub: whose a token is."""

    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def add(self, name: str, *groups: str, scopes: tuple[str, ...] = (ACCESS,), kind: str = "user") -> str:
        """A user with a token, which is answered."""
        token = f"token-of-{name}-{len(self.users)}"
        self.users[token] = {"kind": kind, "name": name, "groups": list(groups), "scopes": list(scopes)}
        return token


@pytest.fixture
def hub() -> Iterator[StubHub]:
    stub = StubHub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            token = self.headers.get("Authorization", "").removeprefix("token ")
            stub.asked.append(token)
            user = stub.users.get(token) if self.path == "/hub/api/user" else None
            body = json.dumps(user or {"status": 403, "message": "Forbidden"}).encode()
            self.send_response(200 if user else 403)
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


def wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the service answers, at most half a minute."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            if requests.get(f"{url}/health", timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.05)
    raise AssertionError(f"the service did not start: {log.read_text()}")


@pytest.fixture
def service(tmp_path: Path, hub: StubHub, courses: Path) -> Iterator[Service]:
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
        "JUPYTERHUB_API_TOKEN": "the-token-of-the-service",
        "CAMPUS_EXCHANGE_DB": f"sqlite:///{tmp_path}/exchange.sqlite",
        "CAMPUS_EXCHANGE_STORE": str(tmp_path / "store"),
        "CAMPUS_COURSES": str(courses),
    }
    with log.open("wb") as output:
        command = [sys.executable, "-m", "hpcampus_grading.service"]
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, cwd=tmp_path)
        url = f"http://127.0.0.1:{port}{PREFIX}".rstrip("/")
        try:
            wait_until_ready(url, process, log)
            yield Service(url, process.pid, log, environment)
        finally:
            process.terminate()
            process.wait(10)
