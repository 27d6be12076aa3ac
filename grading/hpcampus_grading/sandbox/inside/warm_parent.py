"""The warm parent: imports what a course uses, then forks once for each submission that it is told of.

It runs no learner's code, holds no secret, and is itself in a read-only world without a network.
Started with one argument, its settings as JSON; it takes orders on a socket and ends when that is closed.
"""

import contextlib
import json
import os
import select
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

sys.path.insert(0, str(Path(__file__).parents[3]))

from hpcampus_grading.sandbox.inside import child, limits, namespaces, system_calls, warming
from hpcampus_grading.sandbox.inside.outputs import Outputs
from hpcampus_grading.sandbox.inside.serving import Interpreter
from hpcampus_grading.sandbox.inside.shell import make_shell

_LONGEST_ORDER = 1 << 16
_PAUSE = 0.2
"""Seconds between two looks at the memory."""


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
    warming.warm_walls()
    answer = {"ready": True, "not_imported": failed, "no_namespaces": _can_not_leave()}
    control.send(json.dumps(answer).encode())
    _forget_ourselves()
    interpreter = Interpreter(shell, outputs)
    warming.freeze()
    _serve(control, interpreter)
    _end_descendants()


def _serve(control: socket.socket, interpreter: Interpreter) -> None:
    """Fork for each order, and look after what was forked last."""
    forked: _Forked | None = None
    while True:
        awaited: list[Any] = [control, forked.handle] if forked else [control]
        ready = select.select(awaited, [], [], _PAUSE if forked else None)[0]
        if control in ready:
            order, handles, _, _ = socket.recv_fds(control, _LONGEST_ORDER, 2)
            if not order:
                return
            forked = None  # whose handle is not for the next
            _bury()
            forked = _Forked(control, json.loads(order), handles, interpreter)
        elif forked and not ready:
            forked.end_if_greedy()
        else:
            forked = None
            _bury()


def _bury() -> None:
    """Take note of children that have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


class _Forked:
    """A submission's first process, seen from outside; the grader is told by which handle to end it."""

    def __init__(
        self,
        control: socket.socket,
        settings: dict[str, Any],
        handles: list[int],
        interpreter: Interpreter,
    ) -> None:
        # Where there is no world of its own, /proc shows the whole machine's processes.
        self._most = None if settings["no_world"] else settings["memory_of_all"]
        self._memory = limits.Memory()
        self._told, self._tell = os.pipe()
        with contextlib.nullcontext() if settings["no_namespaces"] else namespaces.of_processes():
            process = os.fork()
            if process == 0:
                self._become(control, settings, handles, interpreter)
        self.handle = os.pidfd_open(process)
        socket.send_fds(control, [b"{}"], [self.handle])
        for handle in (self._told, self._tell, *handles):
            os.close(handle)

    def __del__(self) -> None:
        os.close(self.handle)

    def _become(
        self,
        control: socket.socket,
        settings: dict[str, Any],
        handles: list[int],
        interpreter: Interpreter,
    ) -> NoReturn:
        """Wait until the grader has been told, and begin."""
        try:
            os.close(self._tell)
            os.read(self._told, 1)
            os.close(self._told)
            channel = socket.socket(fileno=handles[0])
            child.begin(control, settings, handles[1], lambda: interpreter.serve(channel, settings))
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(1)

    def end_if_greedy(self) -> None:
        """No limit of the kernel's adds up what all its processes use."""
        if self._most is not None and self._memory.used() > self._most:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.handle, signal.SIGKILL)


def _can_not_leave() -> str:
    """Why children can't have namespaces of their own; empty when they can."""
    reading, writing = os.pipe()
    trial = os.fork()
    if trial == 0:
        _try_to_leave(writing)
    os.close(writing)
    os.waitpid(trial, 0)
    with os.fdopen(reading, encoding="utf-8") as told:
        return told.read()


def _try_to_leave(writing: int) -> NoReturn:
    try:
        with namespaces.of_processes():
            first = os.fork()
            if first == 0:
                namespaces.furnish({})
                namespaces.become_a_user()
                os._exit(0)
            os.waitpid(first, 0)
    except OSError as error:
        os.write(writing, (error.strerror or str(error)).encode())
    finally:
        os._exit(0)


def _forget_ourselves() -> None:
    """Leave to the cells the names and the path that they would have in a Python of their own."""
    sys.path.pop(0)
    sys.argv = [""]
    for name in [name for name in sys.modules if name.partition(".")[0] == "hpcampus_grading"]:
        del sys.modules[name]


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
