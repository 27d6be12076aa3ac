"""A real Jupyter server with the extension, and a small HTTP server that plays the hub."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from hpcampus_spawner import server_extension
from hpcampus_spawner.server_extension import ENDS_SOON
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

TOKEN = "of-the-server"


@dataclass
class PretendHub:
    """Says how much time is left, or nothing; notes what it was asked."""

    seconds: int | None = 600
    silent: bool = False
    asked: list[tuple[str, str | None]] = field(default_factory=list)


@dataclass(frozen=True)
class Server:
    """A running notebook server."""

    url: str
    process: subprocess.Popen[bytes]
    hub: PretendHub

    def time(self) -> dict[str, Any]:
        """What JupyterLab is told."""
        answer = requests.get(
            f"{self.url}/campus/time", headers={"Authorization": f"token {TOKEN}"}, timeout=60
        )
        assert answer.ok, answer.text
        told: dict[str, Any] = answer.json()
        return told


@pytest.fixture(scope="module")
def hub() -> Iterator[tuple[PretendHub, str]]:
    hub = PretendHub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hub.asked.append((self.path, self.headers["Authorization"]))
            self.send_response(503 if hub.silent else 200)
            self.end_headers()
            self.wfile.write(json.dumps({"seconds": hub.seconds, "again": "/hub/spawn/ada"}).encode())

        def log_message(self, *args: object) -> None:
            """Tests' output is for tests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
    yield hub, f"http://127.0.0.1:{server.server_port}/hub/api"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def server(hub: tuple[PretendHub, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(hub, tmp_path_factory.mktemp("home")) as server:
        yield server


@contextmanager
def running_server(hub: tuple[PretendHub, str], home: Path) -> Iterator[Server]:
    """A notebook server in that home; its log is there too."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "JUPYTER_TOKEN": TOKEN,
        "JUPYTERHUB_API_URL": hub[1],
        "JUPYTERHUB_API_TOKEN": TOKEN,
        "JUPYTERHUB_USER": "ada",
        "JUPYTERHUB_SERVER_NAME": "gpu-numba",
    }
    options = [f"--ServerApp.port={port}", "--allow-root", "--no-browser"]
    # Of all extensions only ours: the others take seconds to start.
    options += ["--ServerApp.jpserver_extensions={'hpcampus_spawner.server_extension': True}"]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyter_server", *options],
            env=environment,
            cwd=home,
            stderr=log,
        )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while not answers(url):
        assert process.poll() is None, (home / "log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    yield Server(url, process, hub[0])
    process.terminate()
    process.wait(30)


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/api", timeout=5).ok
    except requests.RequestException:
        return False


@pytest.fixture(autouse=True)
def no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_extension, "FRESH_SECONDS", -1)


def test_it_asks_the_hub_for_its_own_time_with_its_own_token(server: Server) -> None:
    told = server.time()
    assert told["again"] == "/hub/spawn/ada"
    assert 590 <= told["seconds"] <= 600
    assert server.hub.asked[-1] == ("/hub/api/campus/users/ada/servers/gpu-numba/time", f"token {TOKEN}")


def test_nobody_else_is_told(server: Server) -> None:
    assert requests.get(f"{server.url}/campus/time", timeout=60).status_code == 403


async def subscribe(server: Server) -> WebSocketClientConnection:
    """Listen to what the server tells its pages."""
    url = f"{server.url.replace('http', 'ws', 1)}/api/events/subscribe"
    headers = {"Authorization": f"token {TOKEN}", "Origin": server.url}
    return await websocket_connect(HTTPRequest(url, headers=headers))


def test_at_the_signal_every_open_page_is_told_to_save(server: Server) -> None:
    async def event() -> dict[str, Any]:
        page = await subscribe(server)
        server.process.send_signal(signal.SIGUSR1)
        text = await asyncio.wait_for(page.read_message(), 60)
        page.close()
        assert await page.read_message() is None
        told: dict[str, Any] = json.loads(str(text))
        return told

    assert asyncio.run(event())["schema_id"] == ENDS_SOON
    assert server.process.poll() is None


@pytest.mark.parametrize("open_page", [True, False])
def test_whoever_ends_the_job_open_pages_save_first(
    hub: tuple[PretendHub, str], tmp_path: Path, open_page: bool
) -> None:
    with running_server(hub, tmp_path) as server:

        async def until_told() -> None:
            page = await subscribe(server)
            server.process.send_signal(signal.SIGTERM)
            assert ENDS_SOON in str(await asyncio.wait_for(page.read_message(), 60))
            page.close()
            assert await page.read_message() is None

        if open_page:
            server.time()
            asyncio.run(until_told())
            model = {"type": "file", "format": "text", "content": "typed just before"}
            where = f"{server.url}/api/contents/typed.txt"
            saved = requests.put(where, json=model, headers={"Authorization": f"token {TOKEN}"}, timeout=20)
            assert saved.ok
        # It comes from the scheduler and from the wrapper.
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0
    assert (tmp_path / "typed.txt").exists() == open_page
    assert ("open pages save now" in (tmp_path / "log").read_text()) == open_page


async def test_without_the_hub_the_time_runs_on(hub: tuple[PretendHub, str]) -> None:
    log = SimpleNamespace(warning=lambda *words: None)
    remaining = server_extension.Remaining(f"{hub[1]}/time", TOKEN)
    hub[0].silent = True
    assert (await remaining.ask(log))["seconds"] is None
    hub[0].silent = False
    assert (await remaining.ask(log))["seconds"] == 600
    hub[0].silent = True
    remaining._asked -= 100
    assert (await remaining.ask(log))["seconds"] == 500
    hub[0].silent = False
    hub[0].seconds = None
    assert (await remaining.ask(log))["seconds"] is None
    hub[0].seconds = 600


@pytest.mark.parametrize(("state", "counts"), [("busy", True), ("idle", False)])
async def test_a_running_cell_counts_as_activity(
    monkeypatch: pytest.MonkeyPatch, state: str, counts: bool
) -> None:
    monkeypatch.setattr(server_extension, "BUSY_CHECK_SECONDS", 0.01)
    asked = asyncio.Semaphore(0)
    kernels = SimpleNamespace(list_kernels=lambda: [asked.release(), {"execution_state": state}][1:])
    times: dict[str, datetime] = {}
    settings = {"kernel_manager": kernels, "last_activity_times": times}
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "add_signal_handler", lambda *what: None)
    server = SimpleNamespace(web_app=SimpleNamespace(settings=settings))
    await server_extension._start_jupyter_server_extension(server)
    await asyncio.wait_for(asked.acquire(), 60)
    await asyncio.wait_for(asked.acquire(), 60)
    server.campus_busy.cancel()
    assert ([moment.tzinfo for moment in times.values()] == [UTC]) is counts


def test_outside_of_a_hub_there_is_nothing_to_tell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("JUPYTERHUB_API_URL", raising=False)
    server_extension._load_jupyter_server_extension(SimpleNamespace())
