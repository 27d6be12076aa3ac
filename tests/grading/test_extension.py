"""A real Jupyter server with the extension: the lesson is there, and each role has its own tools."""

import io
import json
import os
import re
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
import pytest
import requests
from click.testing import CliRunner
from hpcampus_grading.archive import pack_bytes
from hpcampus_grading.commands.release import release

from tests.grading.conftest import DATABASES_IF_SLOW, Service, StubHub, empty_database

TOKEN = "of-the-notebook-server"


@pytest.fixture(params=DATABASES_IF_SLOW)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    yield from empty_database(request, tmp_path)


class Server:
    """A running notebook server and its owner's home."""

    def __init__(self, url: str, home: Path) -> None:
        self.url, self.home = url, home
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"token {TOKEN}"

    def get(self, path: str, **more: Any) -> requests.Response:
        """Ask for a page."""
        return self._session.get(f"{self.url}/{path}", timeout=120, **more)

    def post(self, path: str, **more: Any) -> requests.Response:
        """Press a button."""
        return self._session.post(f"{self.url}/{path}", timeout=300, **more)

    def put(self, path: str, **more: Any) -> requests.Response:
        """Save what a person typed."""
        return self._session.put(f"{self.url}/{path}", timeout=120, **more)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


@contextmanager
def notebook_server(tmp_path: Path, service: Service, token: str, role: str) -> Iterator[Server]:
    """`jupyter lab` as the hub starts it for a role."""
    home = tmp_path / f"home-of-{role}"
    home.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "JUPYTERHUB_API_TOKEN": token,
        "CAMPUS_EXCHANGE_URL": service.url,
        "CAMPUS_ROLE": role,
        "CAMPUS_COURSE": "sums",
        "CAMPUS_ASSIGNMENT": "lesson1",
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
    command += [f"--IdentityProvider.token={TOKEN}", "--ServerApp.port_retries=0", "--ip=127.0.0.1"]
    log = tmp_path / f"{role}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, cwd=home, stdout=output, stderr=output)
        server = Server(f"http://127.0.0.1:{port}", home)
        try:
            until(partial(answers, server), process, log)
            yield server
        finally:
            server.close()
            process.terminate()
            process.wait(20)


def answers(server: Server) -> bool:
    """Whether the server is up."""
    try:
        return server.get("api").ok
    except requests.ConnectionError:
        return False


def until(condition: Any, process: subprocess.Popen[bytes] | None = None, log: Path | None = None) -> None:
    """Wait for a condition, at most two minutes."""
    deadline = time.monotonic() + 120
    while not condition():
        assert process is None or process.poll() is None, log and log.read_text()
        assert time.monotonic() < deadline, log and log.read_text()
        time.sleep(0.1)


@pytest.fixture
def released(service: Service) -> None:
    for course in ("sums", "other"):
        done = CliRunner().invoke(release, [course, "lesson1"], env=dict(service.environment))
        assert done.exit_code == 0, done.output


def with_markdown(packed: bytes, text: str) -> bytes:
    """A submission with one more Markdown cell, and raw cells that hold a script."""
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        notebook = nbformat.reads(archive.read("lesson1.ipynb").decode(), as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell(text))
    for mimetype in ({}, {"raw_mimetype": "text/html"}):
        notebook.cells.insert(0, nbformat.v4.new_raw_cell("<svg onload=alert(3)>", metadata=mimetype))
    target = io.BytesIO()
    pack_bytes([("lesson1.ipynb", nbformat.writes(notebook).encode())], target)
    return target.getvalue()


def by_name(entry: dict[str, Any]) -> str:
    """The name of an assignment."""
    return str(entry["name"])


def disabled_plugins(server: Server) -> set[str]:
    """JupyterLab plugins of nbgrader that the page switches off."""
    page = re.search(r'"disabledExtensions": (\[.*?\])', server.get("lab").text)
    assert page
    names = [name.partition(":") for name in json.loads(page.group(1))]
    return {plugin for package, _, plugin in names if package == "@jupyter/nbgrader"}


@pytest.mark.usefixtures("released")
def test_a_learner_finds_the_lesson_and_the_assignment_list(
    tmp_path: Path, service: Service, hub: StubHub
) -> None:
    with notebook_server(tmp_path, service, hub.add("ada", "sums", "other"), "learner") as server:
        assert (server.home / "sums/lesson1/lesson1.ipynb").is_file()
        assert disabled_plugins(server) == {"formgrader", "create-assignment", "course-list"}
        assert server.get("formgrader").status_code == 404
        stranger = requests.get(f"{server.url}/assignments", timeout=60, allow_redirects=False)
        assert (stranger.status_code, "/login" in stranger.headers["Location"]) == (302, True)
        assert server.get("lsp/status").status_code == 404
        assert server.get("server-proxy/servers-info").json() == {"server_processes": []}
        listed = server.get("assignments", params={"course_id": "sums"}).json()
        assert (listed["success"], listed["value"][0]["status"]) == (True, "fetched")
        assert listed["value"][0]["notebooks"][0]["path"] == "sums/lesson1/lesson1.ipynb"
        assert server.get("courses").json()["value"] == ["sums", "other"]
        told = server.get("campus/deadlines").json()["assignments"]
        assert [(one["slug"], one["due"], one["used"]) for one in told] == [
            ("lesson1", "2020-01-01T00:00:00Z", 0)
        ]
        submission = {"course_id": "sums", "assignment_id": "lesson1"}
        reply = server.post("assignments/submit", json=submission).json()
        assert reply["success"], reply
        (submitted,) = [entry for entry in reply["value"] if entry["status"] == "submitted"]
        assert submitted["submissions"][0]["timestamp"].endswith(" UTC")
        assert len(list((server.home / "sums/lesson1/receipts").iterdir())) == 1


@pytest.mark.sandbox
@pytest.mark.usefixtures("released")
def test_an_instructor_grades_in_formgrader(tmp_path: Path, service: Service, hub: StubHub) -> None:
    ada, ines = hub.add("ada", "sums"), hub.add("ines", "sums-instructors")
    source = "courses/sums/assignments/lesson1"
    fetched = service.request("GET", f"{source}/release", ada).content
    hostile = with_markdown(fetched, "Hello <script>alert(1)</script> [x](javascript:alert(2)) **bold**")
    assert service.request("POST", f"{source}/submissions", ada, data=hostile).ok
    with notebook_server(tmp_path, service, ines, "instructor") as server:
        folder = server.home / "courses/sums"
        until((folder / "release/lesson2/lesson2.ipynb").exists)
        assert disabled_plugins(server) == {"course-list", "formgrader"}  # ours opens a tab
        manage = server.get("formgrader/manage_assignments")
        assert (manage.status_code, "sums" in manage.text) == (200, True)
        (first, _) = sorted(server.get("formgrader/api/assignments").json(), key=by_name)
        assert (first["name"], first["status"], first["max_score"]) == ("lesson1", "released", 3)
        assert server.post("formgrader/api/assignment/lesson1/collect").json()["success"]
        graded = server.post("formgrader/api/submission/lesson1/ada/autograde").json()
        assert graded["success"], graded
        (submission,) = server.get("formgrader/api/submissions/lesson1").json()
        assert (submission["student"], submission["score"], submission["autograded"]) == ("ada", 0, True)
        (notebook,) = server.get("formgrader/api/submitted_notebooks/lesson1/lesson1").json()
        page = server.get(f"formgrader/submissions/{notebook['id']}/").text
        assert "Hello" in page
        assert "twice-test" in page  # where points and comments are typed
        assert "<strong>bold</strong>" in page
        assert [bad for bad in ("<script>alert(", "javascript:alert(", "<svg onload") if bad in page] == []
        a_person_gives_points(server, notebook)
        graded = server.post("formgrader/api/submission/lesson1/ada/autograde").json()
        assert graded["success"], graded
        (submission,) = server.get("formgrader/api/submissions/lesson1").json()
        assert (submission["score"], submission["needs_manual_grade"]) == (0.5, True)
        assert named(server, "comment", "twice", notebook)["manual_comment"] == "nearly"
        assert server.post("formgrader/api/assignment/lesson1/generate_feedback").json()["success"]
        assert server.post("formgrader/api/assignment/lesson1/release_feedback").json()["success"]
    own = service.request("GET", "submissions", ada).json()
    assert [entry["path"] for entry in own[0]["feedback"]["files"]] == ["lesson1.html"]


def named(server: Server, kind: str, name: str, notebook: dict[str, Any]) -> dict[str, Any]:
    """The grade or the comment of a cell, as Formgrader's page asks for it."""
    found = server.get(f"formgrader/api/{kind}s", params={"submission_id": notebook["id"]}).json()
    (one,) = [one for one in found if one["name"] == name]
    return dict(one)


def a_person_gives_points(server: Server, notebook: dict[str, Any]) -> None:
    """Half a point and a comment, as the page sends them."""
    given = {
        "grade": ("twice-test", {"manual_score": 0.5}),
        "comment": ("twice", {"manual_comment": "nearly"}),
    }
    for kind, (name, change) in given.items():
        one = named(server, kind, name, notebook)
        assert server.put(f"formgrader/api/{kind}/{one['id']}", json={**one, **change}).ok


def test_a_server_starts_also_when_the_exchange_is_away(
    tmp_path: Path, service: Service, hub: StubHub
) -> None:
    with notebook_server(tmp_path, service, "a token that nobody knows", "learner") as server:
        assert server.get("api/contents").ok
        assert "could not be prepared" in (tmp_path / "learner.log").read_text()
