"""The wrapper on the node, against a small real HTTP server that plays the hub."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from certipy import Certipy
from hpcampus_spawner import node
from spawning import SECRET

STUB = Path(__file__).parents[1] / "support" / "stub_singleuser"
TRUNCATED = -1


@dataclass
class PretendHub:
    """Answers reports with the statuses it was given, one after the other; notes what came."""

    statuses: list[int]
    answer: dict[str, Any]
    reports: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    all_here: threading.Barrier | None = None

    def open(self, port: int = 0) -> ThreadingHTTPServer:
        """Listen; a port of 0 means any."""
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hub.reports.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                if hub.all_here is not None:
                    hub.all_here.wait()
                status = hub.statuses.pop(0)
                text = json.dumps(hub.answer).encode()
                self.send_response(200 if status == TRUNCATED else status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text[:5] if status == TRUNCATED else text)

            def log_message(self, *args: object) -> None:
                """Tests' output is for tests."""

        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
        return server


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """Where the stub of a server says how it was run."""
    return tmp_path / "notes.json"


@pytest.fixture
def hub(notes: Path) -> PretendHub:
    environment = {
        "STUB_NOTES": str(notes),
        "STUB_CODE": "5",
        "JUPYTERHUB_API_TOKEN": "t",
    }
    return PretendHub([200], {"environment": environment, "arguments": ["--a b", "$(id)"]})


@pytest.fixture
def serve(hub: PretendHub) -> Iterator[Callable[[int], str]]:
    """Opens the hub on a port and says where reports go."""
    opened: list[ThreadingHTTPServer] = []

    def serve(port: int = 0) -> str:
        opened.append(hub.open(port))
        return f"http://127.0.0.1:{opened[-1].server_port}/report"

    yield serve
    for server in opened:
        server.shutdown()
        server.server_close()


class Job:
    """One spawn of a learner with a home: a ticket, and the wrapper as the job script runs it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.spawn_id = uuid4().hex
        self.folder = home / ".hpcampus" / "spawns" / self.spawn_id
        self.folder.mkdir(parents=True)
        self.environment: dict[str, str] = {}

    def ticket(self, url: str, **more: str) -> None:
        """Put the ticket where the launcher puts it."""
        (self.folder / "ticket.json").write_text(json.dumps({"url": url, "secret": SECRET, **more}))

    def start(self) -> subprocess.Popen[str]:
        """Start the wrapper."""
        return subprocess.Popen(
            [sys.executable, "-I", "-m", "hpcampus_spawner.node", self.spawn_id],
            env={
                "HOME": str(self.home),
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(STUB),
                "http_proxy": "http://127.0.0.1:9",
                **self.environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self) -> tuple[int, str]:
        """Run it to its end: the exit code, and what stands in the job's log."""
        process = self.start()
        log, _ = process.communicate(timeout=30)
        return process.returncode, log


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def test_it_reports_a_port_and_becomes_the_server(
    job: Job, hub: PretendHub, serve: Callable[..., str], notes: Path
) -> None:
    job.ticket(serve())
    assert job.run() == (5, "")
    ((path, headers, body),) = hub.reports
    assert (path, headers["authorization"]) == ("/report", f"Bearer {SECRET}")
    assert headers["content-type"] == "application/json"
    report = json.loads(body)
    assert list(report) == ["port"]
    assert 1024 <= report["port"] <= 65535
    seen = json.loads(notes.read_text())
    assert seen["argv"] == ["--a b", "$(id)"]
    assert seen["cwd"] == str(job.home)
    assert seen["environment"]["JUPYTERHUB_API_TOKEN"] == "t"
    # The environment's own programs come first, be it packed or not.
    assert Path(seen["environment"]["PATH"].split(":")[0]).name == "bin"
    assert "/usr/bin" not in seen["environment"]["PATH"].split(":")[0]
    assert seen["stdin"] == ""
    assert SECRET not in json.dumps(seen)


def test_versions_that_the_quick_start_does_not_fit_start_as_jupyterhub_starts_them(
    job: Job, serve: Callable[..., str], notes: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken" / "jupyterlab"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("")
    job.environment["PYTHONPATH"] = f"{broken.parent}:{STUB}"
    job.ticket(serve())
    code, log = job.run()
    assert code == 5
    assert "slow way" in log
    assert json.loads(notes.read_text())["argv"] == ["--a b", "$(id)"]


def test_the_ticket_is_used_up(job: Job, serve: Callable[..., str]) -> None:
    job.ticket(serve())
    job.run()
    assert SECRET not in "".join(path.read_text() for path in job.folder.iterdir())


def test_a_second_start_of_the_same_job_stops_itself(
    job: Job, hub: PretendHub, serve: Callable[..., str], notes: Path
) -> None:
    job.ticket(serve())
    job.run()
    notes.unlink()
    code, log = job.run()
    assert code == 3
    assert "started before" in log
    assert len(hub.reports) == 1
    assert not notes.exists()


@pytest.mark.parametrize("status", [400, 401, 403, 409, 410])
def test_a_hub_that_refuses_ends_the_job_with_a_sentence(
    job: Job, hub: PretendHub, serve: Callable[..., str], notes: Path, status: int
) -> None:
    hub.statuses = [status]
    job.ticket(serve())
    code, log = job.run()
    assert code == 3
    assert log == f"The hub doesn't want this job any more (it answered {status}).\n"
    assert not notes.exists()


def test_a_hub_that_is_not_ready_is_asked_again_with_the_same_key(
    job: Job, hub: PretendHub, serve: Callable[..., str], notes: Path
) -> None:
    hub.statuses = [503, TRUNCATED, 200]
    job.ticket(serve())
    code, log = job.run()
    assert code == 5
    assert log.count("trying again") == 2
    assert SECRET not in log
    assert len({(headers["idempotency-key"], body) for _, headers, body in hub.reports}) == 1
    assert len(hub.reports) == 3
    assert notes.exists()


def test_a_hub_that_restarts_does_not_cost_the_job(
    job: Job, hub: PretendHub, serve: Callable[..., str]
) -> None:
    first = hub.open()
    first.shutdown()
    first.server_close()
    job.ticket(f"http://127.0.0.1:{first.server_port}/report")
    with job.start() as process:
        assert process.stdout is not None
        assert "trying again" in process.stdout.readline()
        serve(first.server_port)
        assert process.wait(30) == 5
    assert len(hub.reports) == 1


def test_two_jobs_get_different_ports(tmp_path: Path, hub: PretendHub, serve: Callable[..., str]) -> None:
    hub.statuses = [200, 200]
    hub.all_here = threading.Barrier(2, timeout=20)  # so that neither has ended when the other starts
    url = serve()
    jobs = [Job(tmp_path / name) for name in ("one", "two")]
    for job in jobs:
        job.ticket(url)
    for process in [job.start() for job in jobs]:
        with process:
            assert process.wait(30) == 5
    assert len({body for _, _, body in hub.reports}) == 2


def test_a_reserved_port_is_the_jobs_own() -> None:
    """Nobody else is given the port between its report and the moment when the server listens on it."""
    with node.reserve_port() as reserved:
        where = reserved.getsockname()
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(where)
        with socket.socket() as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind(where)
            server.listen()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 7), (signal.SIGUSR1, 8)])
def test_signals_are_handed_on_to_the_server(
    job: Job,
    hub: PretendHub,
    serve: Callable[..., str],
    notes: Path,
    number: signal.Signals,
    code: int,
) -> None:
    del hub.answer["environment"]["STUB_CODE"]
    job.ticket(serve())
    with job.start() as process:
        deadline = time.monotonic() + 20
        while not notes.exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(number)
        assert process.wait(20) == code


def test_the_servers_key_is_in_files_for_the_learner_alone(
    job: Job, hub: PretendHub, serve: Callable[..., str], notes: Path, tmp_path: Path
) -> None:
    """The server hears where they are, and they go with the job."""
    authority = Certipy(store_dir=str(tmp_path / "authorities")).create_ca("hub-ca")
    authorities = Path(authority["files"]["cert"]).read_text()
    del hub.answer["environment"]["STUB_CODE"]
    hub.answer["tls"] = {"key": "a key", "certificate": "a certificate"}
    job.ticket(serve(), authorities=authorities)
    with job.start() as process:
        try:
            deadline = time.monotonic() + 20
            while not notes.exists():
                assert time.monotonic() < deadline
                time.sleep(0.02)
            environment = json.loads(notes.read_text())["environment"]
            names = ("JUPYTERHUB_SSL_KEYFILE", "JUPYTERHUB_SSL_CERTFILE", "JUPYTERHUB_SSL_CLIENT_CA")
            files = [Path(environment[name]) for name in names]
            assert [file.read_text() for file in files] == ["a key", "a certificate", authorities]
            assert [path.stat().st_mode & 0o077 for path in (*files, files[0].parent)] == [0] * 4
            assert job.home not in files[0].parents
        finally:
            process.terminate()
        assert process.wait(20) == 7
    assert not any(file.exists() for file in files)


def test_the_end_may_be_near_before_there_is_a_server(
    job: Job, hub: PretendHub, serve: Callable[..., str], notes: Path
) -> None:
    """Neither the wrapper nor a server that isn't ready for the signal dies of it."""
    first = hub.open()
    first.shutdown()
    first.server_close()
    job.ticket(f"http://127.0.0.1:{first.server_port}/report")
    with job.start() as process:
        assert process.stdout is not None
        assert "trying again" in process.stdout.readline()
        process.send_signal(signal.SIGUSR1)
        serve(first.server_port)
        assert process.wait(30) == 5
    assert json.loads(notes.read_text())["ignores_usr1"]


def test_a_file_at_home_does_not_stand_in_for_pythons_own(
    job: Job, serve: Callable[..., str], notes: Path
) -> None:
    (job.home / "random.py").write_text("raise SystemExit('my own random')\n")
    job.ticket(serve())
    assert job.run() == (5, "")
    assert str(job.home) not in json.loads(notes.read_text())["random"]


@pytest.mark.parametrize("ticket", ["", "[]", "{}", '{"url": 1'])
def test_a_broken_ticket_ends_the_job(job: Job, notes: Path, ticket: str) -> None:
    (job.folder / "ticket.json").write_text(ticket)
    code, _ = job.run()
    assert code != 0
    assert not notes.exists()
