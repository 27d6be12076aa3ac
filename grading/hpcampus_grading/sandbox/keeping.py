"""Keeps a warm parent between the notebooks of one thread, for a minute after the last of them.

Each thread has its own: the kernel ends a sandbox with the thread that started it.
"""

import atexit
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from hpcampus_grading.sandbox.plan import Plan
from hpcampus_grading.sandbox.warm import WarmParent

_IDLE_SECONDS = 60


class _Kept(threading.local):
    """The parent of this thread, what it was started for, and when it will be given up."""

    key: object = None
    parent: WarmParent | None = None
    timer: threading.Timer | None = None


_kept = _Kept()


@contextmanager
def warm_parent(plan: Plan) -> Iterator[WarmParent]:
    """A parent for this plan; raises `SandboxUnavailable` when there can be none."""
    started_for = plan.libraries, plan.imports, plan.gpu, plan.may_lack
    # A copy of this process must not talk with this process's parent.
    key = (*started_for, plan.limits.threads, plan.limits.disk_mib, os.getpid())
    parent = _take(key)
    if parent is None:
        parent = WarmParent(plan)
    try:
        yield parent
    finally:
        if parent.place.reusable and parent.lives:
            _keep(key, parent)
        else:
            parent.close()


def end_warm_parent() -> None:
    """End the parent that this thread has kept, if it has one."""
    _take(None)


def _take(key: object) -> WarmParent | None:
    """The kept parent, if it is alive and was started for the same; another one is ended."""
    parent, timer, found = _kept.parent, _kept.timer, _kept.key
    _kept.parent = _kept.timer = _kept.key = None
    if timer is not None:
        timer.cancel()
        timer.join()
    if parent is None:
        return None
    if found == key and parent.lives:
        return parent
    parent.close()
    return None


def _keep(key: object, parent: WarmParent) -> None:
    end_warm_parent()
    timer = threading.Timer(_IDLE_SECONDS, parent.close)
    timer.daemon = True
    _kept.key, _kept.parent, _kept.timer = key, parent, timer
    timer.start()


atexit.register(end_warm_parent)
