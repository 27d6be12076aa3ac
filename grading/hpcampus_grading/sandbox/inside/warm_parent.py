"""The warm parent: imports what a course uses, then forks once for each submission that it is told of.

It runs no learner's code, holds no secret, and is itself in a read-only world without a network.
Started with one argument, its settings as JSON; it takes orders on a socket and ends when that is closed.
"""

import contextlib
import json
import os
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

from hpcampus_grading.sandbox.inside import child, namespaces, system_calls, warming
from hpcampus_grading.sandbox.inside.outputs import Outputs
from hpcampus_grading.sandbox.inside.serving import Interpreter
from hpcampus_grading.sandbox.inside.shell import make_shell

_LONGEST_ORDER = 1 << 16


def main() -> None:
    """Warm up, say so, and fork until nobody asks any more."""
    settings = json.loads(sys.argv[1])
    control = socket.socket(fileno=settings["control"])
    control.set_inheritable(False)
    system_calls.die_with_parent(signal.SIGKILL)
    system_calls.adopt_orphans()
    os.chdir("/")
    sys.path[:0] = settings["paths"]
    failed = warming.import_all(settings["imports"])
    outputs = Outputs()
    shell = make_shell(outputs)
    warming.warm_numba()
    warming.warm_shell(shell, outputs)
    answer = {"ready": True, "not_imported": failed, "no_namespaces": _can_not_leave()}
    control.send(json.dumps(answer).encode())
    _forget_ourselves()
    interpreter = Interpreter(shell, outputs)
    warming.freeze()
    while True:
        order, handles, _, _ = socket.recv_fds(control, _LONGEST_ORDER, 2)
        if not order:
            break
        _bury()
        _fork(control, json.loads(order), handles, interpreter)
    _end_descendants()


def _bury() -> None:
    """Take note of keepers that have ended since."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _can_not_leave() -> str:
    """Why children can't have namespaces of their own; empty when they can."""
    reading, writing = os.pipe()
    trial = os.fork()
    if trial == 0:
        try:
            namespaces.leave()
        except OSError as error:
            os.write(writing, (error.strerror or str(error)).encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(trial, 0)
    with os.fdopen(reading, encoding="utf-8") as told:
        return told.read()


def _forget_ourselves() -> None:
    """Leave to the cells the names and the path that they would have in a Python of their own."""
    sys.path.pop(0)
    sys.argv = [""]
    for name in [name for name in sys.modules if name.partition(".")[0] == "hpcampus_grading"]:
        del sys.modules[name]


def _fork(
    control: socket.socket, settings: dict[str, Any], handles: list[int], interpreter: Interpreter
) -> None:
    messenger = os.fork()
    if messenger == 0:
        try:
            channel = socket.socket(fileno=handles[0])
            child.begin(control, settings, channel, handles[1], lambda: interpreter.serve(channel, settings))
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(1)
    for handle in handles:
        os.close(handle)
    os.waitpid(messenger, 0)


def _end_descendants() -> None:
    """Kill what is left of a submission that had no namespace to end with: orphans come to us, one by one."""
    while True:
        for process in _children():
            os.kill(process, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _children() -> list[int]:
    tasks = Path("/proc/self/task")
    return [int(pid) for task in tasks.iterdir() for pid in (task / "children").read_text().split()]


if __name__ == "__main__":
    main()
