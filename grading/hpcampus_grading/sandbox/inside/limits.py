"""Limits that nothing inside can raise again, and a watch over what no limit of the kernel's adds up."""

import os
import resource
from collections.abc import Mapping
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


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


class Memory:
    """Adds up what all processes use that can be seen, beyond what each has from this one."""

    def __init__(self) -> None:
        self._inherited = _own_memory("self")

    def used(self) -> int:
        """Bytes."""
        processes = [path.name for path in Path("/proc").iterdir() if path.name.isdecimal()]
        return sum(max(0, _own_memory(process) - self._inherited) for process in processes)


def _own_memory(process: str) -> int:
    try:
        resident, shared = Path("/proc", process, "statm").read_text(encoding="ascii").split()[1:3]
    except (OSError, ValueError):
        return 0  # it ended in between
    return (int(resident) - int(shared)) * _PAGE
