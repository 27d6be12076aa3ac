"""Waiting for a condition, never for a length of time."""

import time
from collections.abc import Callable

LOOK_SECONDS = 0.05


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    """Look until the condition holds; False when it doesn't in the time given."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_SECONDS)
    return True
