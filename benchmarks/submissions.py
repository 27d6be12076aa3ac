"""Can 300 learners hand in within ten seconds, and is anything lost when the exchange is killed midway?

`python benchmarks/submissions.py`: no root, a minute. Every learner is a thread with our own client, which
tries again for some seconds; whoever got a receipt must find the submission afterwards, once, with the bytes
they sent. The exchange is several processes, of which each is killed in turn, and then all; it is started
again at once when it dies, while a hub looks every 30 s. Latency is what a learner waits, retries included.
"""

import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import nbformat
import psutil
import requests
import yaml
from hpcampus_grading.auditing import audit_all
from hpcampus_grading.database import open_database
from hpcampus_grading.exchange.client import Client, ExchangeProblem
from hpcampus_grading.messages import Receipt
from hpcampus_grading.store import Store
from outcome import percentile, table, write

LEARNERS, SECONDS = 300, 10.0
COURSE = {
    "slug": "crowd",
    "title": "A crowd",
    "summary": "Everybody at once.",
    "language": "en",
    "level": "beginner",
    "licence": "CC-BY-4.0",
    "authors": ["The HPCampus authors"],
    "outcomes": ["Hand in."],
    "roster": "crowd",
    "instructors": "crowd-instructors",
    "needs": {"cpus": 1},
    "assignments": [{"slug": "lesson1", "title": "Hand in", "points": 1}],
}


class Hub(BaseHTTPRequestHandler):
    """Says of every token whose it is: the learner's name is in it."""

    def do_GET(self) -> None:
        """Answer /hub/api/user."""
        name = self.headers["Authorization"].removeprefix("token ")
        scopes = ["access:services!service=exchange"]
        body = json.dumps({"kind": "user", "name": name, "groups": ["crowd"], "scopes": scopes}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@dataclass
class Exchange:
    """The service, which is started again when it dies."""

    folder: Path
    hub: str
    url: str = ""
    starts: int = 0
    process: subprocess.Popen[bytes] | None = None
    ending: threading.Event = field(default_factory=threading.Event)

    def keep_alive(self) -> None:
        """Start it again as long as nobody says that this is the end."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"http://127.0.0.1:{free.getsockname()[1]}"
        self.url = f"{address}/services/exchange"
        environment = {
            "PATH": os.environ["PATH"],
            "JUPYTERHUB_SERVICE_URL": address,
            "JUPYTERHUB_SERVICE_PREFIX": "/services/exchange/",
            "JUPYTERHUB_SERVICE_NAME": "exchange",
            "JUPYTERHUB_API_URL": self.hub,
            "JUPYTERHUB_API_TOKEN": "of-the-service",
            "CAMPUS_EXCHANGE_DB": f"sqlite:///{self.folder}/exchange.sqlite",
            "CAMPUS_EXCHANGE_STORE": str(self.folder / "store"),
            "CAMPUS_COURSES": str(self.folder / "courses"),
        }
        command = [sys.executable, "-m", "hpcampus_grading.service"]
        with (self.folder / "exchange.log").open("ab") as log:
            while not self.ending.is_set():
                self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
                self.starts += 1
                self.process.wait()

    def until_ready(self) -> None:
        """Wait until it answers."""
        while True:
            try:
                if self.url and requests.get(f"{self.url}/health", timeout=5).ok:
                    return
            except requests.ConnectionError:
                pass
            time.sleep(0.05)

    def kill(self, whom: str) -> None:
        """kill -9: one that serves, the one that starts them, or all."""
        assert self.process is not None
        starts = psutil.Process(self.process.pid)
        for victim in {
            "one that serves": starts.children()[:1],
            "the one that starts them": [starts],
            "all of them": [starts, *starts.children()],
        }[whom]:
            victim.kill()

    def end(self) -> None:
        """Stop it for good."""
        self.ending.set()
        assert self.process is not None
        self.process.terminate()
        self.process.wait()
        for left in psutil.net_connections("tcp4"):
            if left.status == psutil.CONN_LISTEN and left.pid and f":{left.laddr.port}/" in self.url:
                psutil.Process(left.pid).terminate()


@contextmanager
def exchange(folder: Path) -> Iterator[Exchange]:
    """A course, a hub that knows everybody, and the exchange."""
    source = folder / "courses" / "crowd" / "source" / "lesson1"
    source.mkdir(parents=True)
    (source / "lesson1.ipynb").touch()
    (folder / "courses" / "crowd" / "course.yaml").write_text(yaml.safe_dump(COURSE))
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as hub:
        hub.daemon_threads = True
        threading.Thread(target=hub.serve_forever, daemon=True).start()
        running = Exchange(folder, f"http://127.0.0.1:{hub.server_address[1]}/hub/api")
        thread = threading.Thread(target=running.keep_alive)
        thread.start()
        running.until_ready()
        yield running
        running.end()
        thread.join()
        hub.shutdown()


@dataclass(frozen=True)
class Attempt:
    """What one learner saw."""

    learner: str
    seconds: float
    receipt: Receipt | None
    refusal: str = ""


def hand_in(running: Exchange, folder: Path, number: int, start: float) -> Attempt:
    """One learner, at their moment within the ten seconds."""
    work = folder / "homes" / f"learner{number}"
    work.mkdir(parents=True)
    cells = [nbformat.v4.new_code_cell(f"answer = {number}\n" + "# thinking\n" * 2000)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), work / "lesson1.ipynb")
    client = Client(running.url, work.name)
    time.sleep(max(0, start + number * SECONDS / LEARNERS - time.monotonic()))
    begun = time.monotonic()
    try:
        receipt = client.submit("crowd", "lesson1", work, [work / "lesson1.ipynb"])
        return Attempt(work.name, time.monotonic() - begun, receipt)
    except ExchangeProblem as error:
        return Attempt(work.name, time.monotonic() - begun, None, str(error))


def run(kill: str) -> dict[str, Any]:
    """One crowd; halfway through somebody is killed."""
    with tempfile.TemporaryDirectory(prefix="hpcampus-crowd-") as name:
        folder = Path(name)
        with exchange(folder) as running, ThreadPoolExecutor(LEARNERS) as pool:
            start = time.monotonic() + 3
            waiting = [pool.submit(hand_in, running, folder, n, start) for n in range(LEARNERS)]
            if kill != "nobody":
                time.sleep(max(0, start + SECONDS / 2 - time.monotonic()))
                running.kill(kill)
            attempts = [one.result() for one in waiting]
            starts = running.starts
        return {"kill -9": kill, "starts": starts, **_outcome(folder, attempts)}


def _outcome(folder: Path, attempts: list[Attempt]) -> dict[str, Any]:
    database = open_database(f"sqlite:///{folder}/exchange.sqlite")
    store = Store(folder / "store")
    report = audit_all(database, store)
    assert report.problems == (), report.problems
    with database.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT learner, id, sha256 FROM submissions").all()
    database.close()
    acknowledged = {(a.learner, a.receipt.id, a.receipt.sha256) for a in attempts if a.receipt}
    stored = {tuple(row) for row in rows}
    for learner, _, sha256 in stored:
        content = store.path(sha256).read_bytes()
        sent = (folder / "homes" / learner / "lesson1.ipynb").read_bytes()
        assert _notebook_in(content) == sent
    seconds = [attempt.seconds for attempt in attempts if attempt.receipt]
    return {
        "acknowledged": len(acknowledged),
        "refused": sum(1 for attempt in attempts if attempt.refusal),
        "lost": len(acknowledged - stored),
        "twice": len(rows) - len({row[0] for row in rows}),
        "p50 s": percentile(seconds, 50),
        "p95 s": percentile(seconds, 95),
        "max s": max(seconds),
    }


def _notebook_in(content: bytes) -> bytes:

    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        return packed.read("lesson1.ipynb")


if __name__ == "__main__":
    rows = [run(kill) for kill in ("nobody", "one that serves", "the one that starts them", "all of them")]
    table(rows)
    write("submissions", rows, "hpcampus-grading", "fastapi", "uvicorn", learners=LEARNERS, seconds=SECONDS)
