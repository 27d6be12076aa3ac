"""Processes whose clock differs from everybody else's: the variables with which one has to be started."""

from collections.abc import Mapping
from pathlib import Path

_LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))


def missing() -> str | None:
    """Why no clock can be changed here."""
    return None if _LIBRARIES else "libfaketime not found: apt-get install faketime"


def clock_ahead(seconds: int) -> Mapping[str, str]:
    """A clock that is ahead, or behind; waiting takes as long as ever."""
    return {
        "LD_PRELOAD": str(_LIBRARIES[0]),
        "FAKETIME": f"{seconds:+d}s",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
