"""Limits that nothing inside can raise again, and a watch over what no limit of the kernel's adds up."""

import os
import resource
import signal
from collections.abc import Mapping
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_LOOKS_PER_SECOND = 5


def set_limits(values: Mapping[str, int]) -> str:
    """Set resource limits by their names without RLIMIT_; answers in words which.

    DATA counts from what the warm parent already uses. It counts memory that can be written, so that CUDA may
    reserve all the addresses that it likes.
    """
    for name, value in values.items():
        limit = getattr(resource, f"RLIMIT_{name}")
        wanted = value + _writable_memory() if name == "DATA" else value
        hard = resource.getrlimit(limit)[1]
        lowest = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(limit, (lowest, lowest))
    return f"limits: {', '.join(values)}"


def _writable_memory() -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) << 10
    return 0


def wait_for(process: int, most_memory: int | None) -> None:
    """Wait until the process has ended, or all processes together use more memory than that.

    Orphans are taken in on the way: whoever waits here is the first process of its namespace. With
    `most_memory` None nothing is added up: then /proc shows the whole machine's processes.
    """
    inherited = _own_memory("self")
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    while (ended := os.waitpid(-1, os.WNOHANG)[0]) != process:
        if ended:
            continue
        if most_memory is not None and _memory_of_all(inherited) > most_memory:
            return
        signal.sigtimedwait({signal.SIGCHLD}, 1 / _LOOKS_PER_SECOND)


def _memory_of_all(inherited: int) -> int:
    """Bytes that are nobody's but these processes', beyond what each has from the warm parent."""
    processes = [path.name for path in Path("/proc").iterdir() if path.name.isdecimal()]
    return sum(max(0, _own_memory(process) - inherited) for process in processes)


def _own_memory(process: str) -> int:
    try:
        resident, shared = Path("/proc", process, "statm").read_text(encoding="ascii").split()[1:3]
    except (OSError, ValueError):
        return 0  # it ended in between
    return (int(resident) - int(shared)) * _PAGE
