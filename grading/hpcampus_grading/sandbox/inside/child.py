"""One submission's process: out of the warm parent, behind the walls, and only then the learner's code.

It is the first of its namespace: the kernel ends what it started before it is gone itself.
"""

import io
import json
import os
import signal
import socket
import sys
import tarfile
from collections.abc import Callable
from typing import Any

from hpcampus_grading.sandbox.inside import system_calls, walls


def begin(control: socket.socket, settings: dict[str, Any], files: int, serve: Callable[[], None]) -> None:
    """Raise the walls, report them, and run the cells."""
    os.umask(0o077)
    layers = walls.raise_walls(settings)
    system_calls.die_with_parent(signal.SIGKILL)
    _unpack(files, settings["home"])
    control.send(json.dumps(layers).encode())
    control.close()
    os.setsid()
    _stand_for_a_fresh_start()
    serve()


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
