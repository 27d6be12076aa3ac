"""A notebook server started by hand on the node, ours or a stock one: seconds, memory, file operations."""

import json
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cluster import USER, wait_for
from hub import COURSE, PYTHONS

# Operations that a file system's metadata server may have to answer.
TRACED = "%file,getdents64"
PREFIX = "/user/ada/"


@dataclass
class PretendedHub:
    """A hub that knows everybody: its API's address, and the ports that jobs have reported."""

    url: str = ""
    ports: list[int] = field(default_factory=list)
    answer: dict[str, Any] = field(default_factory=dict)
    """What a job of ours gets for its report."""


@contextmanager
def pretended_hub() -> Iterator[PretendedHub]:
    """It answers while the block runs."""
    hub = PretendedHub()

    class Handler(BaseHTTPRequestHandler):
        """All that a server asks of its hub while it starts."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if b'"port"' in sent:
                hub.ports.append(json.loads(sent)["port"])
                if hub.answer:
                    hub.answer["environment"] |= _address(hub.ports[-1])
            body = json.dumps({"version": "6.1.1", **hub.answer}).encode()
            self.send_response(200)
            self.send_header("X-JupyterHub-Version", "6.1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the base class calls it so

        def log_message(self, *args: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hub.url = f"http://127.0.0.1:{server.server_port}/hub/api"
    yield hub
    server.shutdown()
    server.server_close()


def seconds(kind: str, hub: PretendedHub, *, packed: bool = False) -> float:
    """How long the server alone takes until it answers: `packed`, from an image that is mounted for it."""
    port = _free_port()
    variables = _environment(hub.url, port)
    if packed:
        command = [str(PYTHONS[kind]), "-P", "-I", str(Path(__file__).with_name("from_image.py"))]
    elif kind == "hpcampus":
        command = [str(PYTHONS[kind]), "-P", "-m", "hpcampus_spawner.server"]
    else:
        command = [str(PYTHONS[kind].with_name("jupyterhub-singleuser"))]
    began = time.monotonic()
    with _running(command, PYTHONS[kind], variables) as process:
        assert process.stdin is not None
        process.stdin.write(json.dumps({"environment": {}, "arguments": []}).encode())
        process.stdin.close()
        _until_it_answers(process, port)
        return time.monotonic() - began


def footprint(kind: str, hub: PretendedHub) -> dict[str, Any]:
    """What a whole job needs, its wrapper included: memory, and file operations, some of them shared."""
    variables = _environment(hub.url, 0)
    python = PYTHONS[kind]
    spawn_id = secrets.token_hex(16)
    hub.ports.clear()
    if kind == "hpcampus":
        command = [str(python), "-I", "-m", "hpcampus_spawner.node", spawn_id]
    else:
        programs = ("batchspawner-singleuser", "jupyterhub-singleuser")
        command = [str(python.with_name(program)) for program in programs]
    notes = Path(tempfile.mkdtemp(prefix="hpcampus-notes-", dir="/var/tmp")) / "operations"
    # -u: strace itself stays root, or programs like fusermount would lose their rights.
    traced = ["strace", "-f", "-qq", "-y", "-u", USER, "-e", f"trace={TRACED}", "-o", str(notes), *command]
    try:
        with _running(traced, python, variables, as_root=True, ticket=(spawn_id, hub)) as process:
            port = wait_for(lambda: hub.ports and hub.ports[-1], "the port is reported", 60)
            _until_it_answers(process, port)
            memory = _memory_mib(process.pid)
            # A call that was interrupted by another thread stands on two lines.
            lines = [
                line for line in notes.read_text(errors="replace").splitlines() if "resumed>" not in line
            ]
        environment = f"{python.parents[1]}/"
        shared = sum(environment in line for line in lines)
        return {"MiB": memory, "file operations": len(lines), "in the environment": shared}
    finally:
        shutil.rmtree(notes.parent)


@contextmanager
def _running(
    command: list[str],
    python: Path,
    variables: dict[str, str],
    *,
    as_root: bool = False,
    ticket: tuple[str, PretendedHub] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """The command as the Unix account, in a new home that has the lesson; killed and removed at the end."""
    account = pwd.getpwnam(USER)
    home = Path(tempfile.mkdtemp(prefix="hpcampus-home-", dir="/var/tmp"))
    (home / COURSE / "lesson1").mkdir(parents=True)
    if ticket is not None:
        spawn_id, hub = ticket
        hub.answer = {"environment": variables, "arguments": []}
        folder = home / ".hpcampus" / "spawns" / spawn_id
        folder.mkdir(parents=True)
        (folder / "ticket.json").write_text(json.dumps({"url": f"{hub.url}/report", "secret": "none"}))
    subprocess.run(["chown", "-R", f"{USER}:", str(home)], check=True)
    become = {} if as_root else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    process = subprocess.Popen(
        command,
        cwd=home,
        env={"PATH": f"{python.parent}:/usr/bin:/bin", "HOME": str(home), **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        **become,  # type: ignore[call-overload]
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        shutil.rmtree(home)


def _environment(hub: str, port: int) -> dict[str, str]:
    return {
        "LANG": "C.UTF-8",
        "JUPYTERHUB_API_TOKEN": secrets.token_hex(16),
        "JUPYTERHUB_API_URL": hub,
        "JUPYTERHUB_ACTIVITY_URL": f"{hub}/users/ada/activity",
        "JUPYTERHUB_BASE_URL": "/",
        "JUPYTERHUB_CLIENT_ID": "jupyterhub-user-ada",
        "JUPYTERHUB_HOST": "",
        "JUPYTERHUB_OAUTH_SCOPES": "[]",
        "JUPYTERHUB_OAUTH_ACCESS_SCOPES": "[]",
        "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
        **_address(port),
        "JUPYTERHUB_USER": "ada",
        "CAMPUS_ROLE": "learner",
        "CAMPUS_COURSE": COURSE,
        "CAMPUS_ASSIGNMENT": "lesson1",
    }


def _address(port: int) -> dict[str, str]:
    return {"JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}{PREFIX}"}


def _until_it_answers(process: subprocess.Popen[bytes], port: int) -> None:
    url = f"http://127.0.0.1:{port}{PREFIX}api"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        assert process.poll() is None, f"the server ended with {process.returncode}"
        try:
            opener.open(url, timeout=30).read()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.01)


def _memory_mib(leader: int) -> float:
    """Of all processes of the session, shared pages counted by their share."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(folder.name)) == leader and "strace" not in (folder / "comm").read_text():
                found = re.search(r"^Pss:\s+(\d+)", (folder / "smaps_rollup").read_text(), re.MULTILINE)
                total += int(found.group(1)) if found else 0
        except OSError:
            continue
    return total / 1024


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
