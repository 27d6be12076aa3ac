"""What a warm parent is told when it starts, and for each child: settings as plain data."""

import os
from dataclasses import dataclass
from typing import Any

from hpcampus_grading.sandbox.plan import Plan
from hpcampus_grading.sandbox.surroundings import SHARED, devices, library_folders, readable

_FILE_SIZE = 256 << 20


@dataclass(frozen=True)
class Place:
    """Where a warm parent is: its folders, and why it has no world of its own or makes no namespaces."""

    home: str
    scratch: str
    no_world: str = ""
    no_namespaces: str = ""

    @property
    def reusable(self) -> bool:
        """Whether one submission leaves nothing to the next."""
        return not self.no_world and not self.no_namespaces


def for_parent(plan: Plan, control: int) -> dict[str, Any]:
    """What the parent imports, and from where; it takes its orders from the descriptor `control`."""
    paths = [str(folder.parent) for folder in library_folders(plan)]
    return {"control": control, "paths": paths, "imports": [*plan.libraries, *plan.imports]}


def for_child(plan: Plan, place: Place) -> dict[str, Any]:
    """The folders, limits and rules of one submission."""
    limits = plan.limits
    writable = [place.home, place.scratch, *([] if place.no_world else [SHARED])]
    return {
        "home": place.home,
        "no_world": place.no_world,
        "no_namespaces": place.no_namespaces,
        "account": "nobody" if os.geteuid() == 0 else "",
        "folders": dict.fromkeys(writable, limits.disk_mib << 20),
        "readable": readable(plan) if place.no_world else ["/"],
        "writable": writable,
        "devices": devices(plan),
        "memory_of_all": limits.memory_mib << 20,
        "output_bytes": limits.output_kib << 10,
        "rlimits": {
            "DATA": limits.memory_mib << 20,
            "NPROC": limits.processes,
            "FSIZE": _FILE_SIZE,
            "CPU": int((limits.start_seconds + limits.total_seconds) * limits.threads) + 1,
            "NOFILE": 1024,
            "CORE": 0,
        },
    }
