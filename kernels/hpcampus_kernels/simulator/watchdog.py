"""Ends a kernel that never ends, even in a loop that touches nothing: no simulated launch ever hangs.

A second thread of the operating system looks at the log now and then. It looks only: a kernel runs at full
speed, and stops with an exception when it made more steps than its budget, or none at all for too long.
"""

import ctypes
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from hpcampus_kernels.simulator.log import Log

LOOK_SECONDS = 0.05


class OverBudgetError(BaseException):
    """The kernel made more steps than it may. No `except Exception` in a kernel catches it."""


@contextmanager
def watchdog(log: Log | None, budget: int, seconds: float) -> Iterator[None]:
    """Raise OverBudgetError here after that many accesses, or after `seconds` without one."""
    done = threading.Event()
    args = (log, budget, seconds, threading.get_ident(), done)
    watcher = threading.Thread(target=_watch, args=args, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _watch(log: Log | None, budget: int, seconds: float, thread: int, done: threading.Event) -> None:
    last, since = -1, time.process_time()
    while not done.wait(LOOK_SECONDS):
        steps = 0 if log is None else log.flushed + len(log.entries) // 2
        if steps != last:
            last, since = steps, time.process_time()
        # Seconds of work, not of the clock: a busy machine must not end anything.
        if steps > budget or time.process_time() - since > seconds:
            error = ctypes.py_object(OverBudgetError)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), error)
            return
