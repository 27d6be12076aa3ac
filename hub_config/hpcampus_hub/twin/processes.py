"""Processes known by what the kernel keeps about them: the environment they started with, where they work.

That finds what a crash left behind without any file of PIDs, and never takes a recycled PID for ours.
"""

import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
LOOK_SECONDS = 0.05


class Process(NamedTuple):
    """One live process; `started`, in clock ticks since boot, tells it from a later one of the same PID."""

    pid: int
    parent: int
    started: int


def everything() -> list[Process]:
    """All live processes; zombies are not."""
    found = (_read(int(entry.name)) for entry in PROC.iterdir() if entry.name.isdigit())
    return [process for process in found if process is not None]


def family(ours: Callable[[int], bool]) -> list[Process]:
    """The processes that are ours by their PID, and everything that they started; never the caller."""
    alive = everything()
    members = {process.pid for process in alive if ours(process.pid)}
    while more := {process.pid for process in alive if process.parent in members} - members:
        members |= more
    return [process for process in alive if process.pid in members and process.pid != os.getpid()]


def was_given(pid: int, name: str, value: str) -> bool:
    """Whether the process was started with name=value in its environment."""
    with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
        return f"{name}={value}".encode() in (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    return False


def works_in(pid: int, folder: Path, command: str) -> bool:
    """Whether the process is that command and its working directory is in the folder."""
    with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
        directory = (PROC / str(pid) / "cwd").readlink()
        return directory.is_relative_to(folder) and (PROC / str(pid) / "comm").read_text() == f"{command}\n"
    return False


def of_user(uid: int) -> list[Process]:
    """The processes that run with a user's rights."""
    return [process for process in everything() if _owner(process.pid) == uid]


def end(find: Callable[[], Iterable[Process]], seconds: float) -> list[Process]:
    """Kill what `find` finds until it finds nothing; returns what is still there when the time is over."""
    deadline = time.monotonic() + seconds
    while (left := list(find())) and time.monotonic() < deadline:
        for process in left:
            _kill(process)
        time.sleep(LOOK_SECONDS)
    return left


def _kill(process: Process) -> None:
    """Kill this very process: the handle pins it, so the PID can't change hands after the comparison."""
    with suppress(ProcessLookupError):
        handle = os.pidfd_open(process.pid)
        try:
            now = _read(process.pid)
            if now is not None and now.started == process.started:
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        finally:
            os.close(handle)


def _read(pid: int) -> Process | None:
    try:
        # The command's name stands in parentheses and may hold anything, spaces and parentheses too.
        fields = (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, parent, started = fields[0], int(fields[1]), int(fields[19])
    return None if state in "ZX" else Process(pid, parent, started)


def _owner(pid: int) -> int | None:
    try:
        return (PROC / str(pid)).stat().st_uid
    except (FileNotFoundError, ProcessLookupError):
        return None
