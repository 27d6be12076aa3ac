"""One submission's processes: out of the warm parent, behind the walls, and only then the learner's code.

warm parent ── messenger: leaves the namespaces, tells the grader whom to kill, and ends
                   └── keeper: raises the walls, reports them, and waits; with it all that follows ends
                           └── interpreter: runs the cells
"""

import io
import json
import os
import signal
import socket
import sys
import tarfile
import time
from collections.abc import Callable
from typing import Any

from hpcampus_grading.sandbox.inside import limits, namespaces, system_calls, walls


def begin(
    control: socket.socket,
    settings: dict[str, Any],
    channel: socket.socket,
    files: int,
    serve: Callable[[], None],
) -> None:
    """The messenger: what it forks is all that is left of it. It never returns."""
    if not settings["no_namespaces"]:
        began = time.perf_counter()
        namespaces.leave()
        settings["leaving"] = time.perf_counter() - began
    told, tell = os.pipe()
    keeper = os.fork()
    if keeper == 0:
        os.close(tell)
        os.read(told, 1)
        os.close(told)
        _keep(control, settings, channel, files, serve)
    handle = os.pidfd_open(keeper)
    socket.send_fds(control, [b"{}"], [handle])
    os._exit(0)


def _keep(
    control: socket.socket,
    settings: dict[str, Any],
    channel: socket.socket,
    files: int,
    serve: Callable[[], None],
) -> None:
    os.umask(0o077)
    layers = walls.raise_walls(settings)
    _unpack(files, settings["home"])
    control.send(json.dumps(layers).encode())
    control.close()
    interpreter = os.fork()
    if interpreter == 0:
        system_calls.die_with_parent(signal.SIGKILL)
        os.setsid()
        _stand_for_a_fresh_start()
        serve()
        os._exit(0)
    system_calls.hide_memory()
    channel.close()
    limits.wait_for(interpreter, None if settings["no_world"] else settings["memory_of_all"])
    os._exit(0)


def _unpack(files: int, home: str) -> None:
    os.chdir(home)
    with os.fdopen(files, "rb") as file:
        content = file.read()
    if not content:
        return
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)  # new in 3.11.4
        archive.extractall(home)  # noqa: S202 (our own archive, and we are behind the walls)


def _stand_for_a_fresh_start() -> None:
    """What a new process has for itself and a fork shares; Python sees to its own random numbers."""
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
