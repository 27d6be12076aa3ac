"""The wrapper on the compute node: reports a port to the hub, gets the server's environment back, runs it.

The ticket in the learner's home names the hub and holds the one-time secret of this spawn. Tokens come with
the hub's answer, so that none waits in a file while the job is queued. Standard library only.
"""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from hpcampus_spawner import tls
from hpcampus_spawner.folders import TICKET, spawn_folder
from hpcampus_spawner.image import environment

REPORT_SECONDS = 300
"""How long an unreachable hub is asked again: a restart of the hub must not cost the job."""


class Stop(Exception):
    """This job can't become a server; the message is for the learner, who reads it in the log."""


@dataclass(frozen=True)
class Ticket:
    """Where to report, and the right to do it once."""

    url: str
    secret: str
    authorities: str | None
    """Who vouches for the hub (PEM), where hub and servers have certificates of their own."""


def take_ticket(spawn_id: str) -> Ticket:
    """Read the ticket and destroy it; a job that the scheduler starts a second time finds none."""
    path = spawn_folder(spawn_id) / TICKET
    try:
        # Renaming is atomic: of two starts of the same job only one gets the file.
        mine = path.rename(path.with_suffix(f".{os.getpid()}"))
        fields = json.loads(mine.read_text())
        mine.unlink()
    except FileNotFoundError:
        raise Stop("This job was started before, and only its first start may become your server.") from None
    return Ticket(url=str(fields["url"]), secret=str(fields["secret"]), authorities=fields.get("authorities"))


def reserve_port() -> socket.socket:
    """Bind a free port and keep it: the server can listen on it, others aren't given it.

    On Linux several sockets with SO_REUSEADDR may be bound to one port as long as none of them listens.
    """
    reserved = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind(("", 0))
    return reserved


def report(ticket: Ticket, port: int) -> dict[str, Any]:
    """Tell the hub the port and return what it answers; raises `Stop` when the hub refuses.

    Every try carries the same key, so that an answer lost on the way can be asked for again.
    """
    request = urllib.request.Request(  # noqa: S310 - the URL is the hub's own, from the ticket
        ticket.url,
        data=json.dumps({"port": port}).encode(),
        headers={
            "Authorization": f"Bearer {ticket.secret}",
            "Content-Type": "application/json",
            "Idempotency-Key": uuid.uuid4().hex,
        },
        method="POST",
    )
    # No proxy: the hub is in the same house, whatever the site sets for the world outside.
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}),
        urllib.request.HTTPSHandler(context=tls.hub_context(ticket.authorities)),
    )
    deadline = time.monotonic() + REPORT_SECONDS
    pause = 0.5
    while True:
        try:
            with opener.open(request, timeout=20) as response:
                answer: dict[str, Any] = json.load(response)
                return answer
        except urllib.error.HTTPError as error:
            if error.code < 500:
                raise Stop(f"The hub doesn't want this job any more (it answered {error.code}).") from None
            problem = f"it answered {error.code}"
        except (OSError, http.client.HTTPException, ValueError) as error:
            # Not there, or gone in the middle of its answer.
            problem = str(error)
        if time.monotonic() > deadline:
            raise Stop(f"The hub can't be reached from this node ({problem}).")
        print(f"The hub isn't ready ({problem}); trying again.", flush=True)
        time.sleep(pause)
        pause = min(15, pause * 2)


class Server:
    """The server's process: it starts at once, and becomes the server when it gets the hub's answer."""

    def __init__(self, environment: Path, runtime: str, variables: Mapping[str, str]) -> None:
        self._programs = environment / "bin"
        self._process = subprocess.Popen(
            # -P: a learner's random.py at home must not stand in for Python's own.
            [str(self._programs / Path(sys.executable).name), "-P", "-m", "hpcampus_spawner.server"],
            # Kernels listen on sockets there: private, on the node, and short enough for a socket's name.
            env={**os.environ, "JUPYTER_RUNTIME_DIR": runtime, **variables},
            cwd=Path.home(),
            stdin=subprocess.PIPE,
        )

    def run(self, answer: dict[str, Any]) -> int:
        """Run it with the environment that the hub sent, and hand on the signals."""
        variables = {"PATH": os.environ.get("PATH", os.defpath), **answer["environment"]}
        # The environment's own programs come first: alembic, jupyter and friends are called by name.
        variables["PATH"] = f"{self._programs}:{variables['PATH']}"
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            signal.signal(number, self._hand_on)
        self._tell(json.dumps({"environment": variables, "arguments": answer["arguments"]}))
        return self._process.wait()

    def give_up(self) -> None:
        """End it; it has done nothing yet."""
        self._tell("")
        self._process.kill()
        self._process.wait()

    def _tell(self, text: str) -> None:
        assert self._process.stdin is not None
        # A server that has ended by itself is found by its exit code.
        with contextlib.suppress(BrokenPipeError), self._process.stdin as pipe:
            pipe.write(text.encode())

    def _hand_on(self, number: int, frame: FrameType | None) -> None:
        self._process.send_signal(number)


def main(spawn_id: str) -> int:
    """Become the server of that spawn; the exit code is the server's."""
    os.umask(0o077)
    # The end is near: ignored, also by the server, until somebody there can do something about it.
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    # Cancelled while it still reports: nothing stays behind on the node.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(prefix="hpcampus-") as private:
        try:
            ticket = take_ticket(spawn_id)
            with reserve_port() as reserved, environment(Path(private)) as programs:
                server = Server(programs, private, tls.variables(Path(private)) if ticket.authorities else {})
                try:
                    answer = report(ticket, reserved.getsockname()[1])
                    if ticket.authorities:
                        tls.keep(Path(private), authorities=ticket.authorities, **answer["tls"])
                except Stop:
                    server.give_up()
                    raise
                return server.run(answer)
        except Stop as reason:
            print(reason, flush=True)
            return 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
