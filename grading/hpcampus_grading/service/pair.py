"""Several processes that serve one address, so that one of them can die and nobody waits.

Each listens for itself, once it is ready to answer; the kernel shares the callers out among them. The process
that started them serves nobody, and starts another for one that ends. When it is killed itself, they go on
until its successor has had the time to start its own.
"""

import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

log = logging.getLogger("hpcampus.exchange")

PROCESSES = 2
# The hub looks every 30 s whether its service lives, and an exchange starts within seconds.
_LINGER_SECONDS = 60.0
# One that can't live is not started more often than this.
_PAUSE_SECONDS = 0.5
_ASKING = (signal.SIGTERM, signal.SIGINT)


class _Ended(BaseException):
    """Somebody asked us to end."""


def keep_serving(serve: Callable[[], None], processes: int = PROCESSES) -> None:
    """Have so many processes serve until SIGTERM or SIGINT; the caller must have no threads."""
    children: set[int] = set()
    # The writing end is held by this process alone: the kernel closes it, however this process ends.
    alive = os.pipe()
    with _until_asked():
        try:
            while True:
                while len(children) < processes:
                    with _undisturbed():
                        children.add(_start(serve, *alive))
                ended, status = os.wait()
                children.discard(ended)
                log.error("action=restart pid=%s status=%s", ended, os.waitstatus_to_exitcode(status))
                time.sleep(_PAUSE_SECONDS)
        except _Ended:
            pass
    for child in children:
        os.kill(child, signal.SIGTERM)
    for child in children:
        os.waitpid(child, 0)


def listening(host: str, port: int) -> socket.socket:
    """A socket on an address that our other processes listen on too; other users' can't."""
    one = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    one.bind((host, port))
    return one


def checked(check: Callable[[], None]) -> None:
    """Run a check in a process of its own, which may leave anything behind; ends us as it ended."""
    child = os.fork()
    if child == 0:
        _leave(check)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code:
        sys.exit(code)


def _start(serve: Callable[[], None], alive: int, told: int) -> int:
    child = os.fork()
    if child == 0:
        os.close(told)
        for number in _ASKING:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ASKING)
        threading.Thread(target=_end_after, args=(alive,), daemon=True).start()
        _leave(serve)
    return child


def _end_after(alive: int) -> None:
    """Wait until the process that started us is gone, and a while longer; then end as if asked to."""
    os.read(alive, 1)
    log.error("action=linger the process that started this one is gone")
    time.sleep(_LINGER_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


def _leave(work: Callable[[], None]) -> NoReturn:
    """Do the work of a child, and never come back to what its parent was doing."""
    code = 1
    try:
        work()
        code = 0
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else 1
        if isinstance(ending.code, str):
            print(ending.code, file=sys.stderr, flush=True)  # noqa: T201 (as Python itself does)
    except BaseException:
        log.exception("action=ended")
    finally:
        os._exit(code)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Nobody's asking comes between a fork and our note of it, or reaches a child as if it were us."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ASKING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ASKING)


@contextmanager
def _until_asked() -> Iterator[None]:
    def ended(number: int, frame: FrameType | None) -> None:
        raise _Ended

    before = {number: signal.signal(number, ended) for number in _ASKING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
