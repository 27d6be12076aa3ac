"""Puts the walls around a process before any learner's code runs in it, and tries each from the inside.

What is reported is what was tried, not what was asked for: a wall that doesn't stop us doesn't count.
"""

import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hpcampus_grading.sandbox.inside import landlock, limits, namespaces, seccomp, system_calls

_NOWHERE = ("192.0.2.1", 9)  # an address that is kept for examples
_VIRTUAL = frozenset({"proc", "devpts", "devtmpfs"})
_OF_A_WORLD = 3  # processes in a namespace that each submission has with a parent of its own
Settings = Mapping[str, Any]
Layer = dict[str, str | bool | float]


def raise_walls(settings: Settings) -> list[Layer]:
    """Enter everything that this machine offers; answers the layers, each with how it holds or why not."""
    furnished = _tried("world", lambda: _own_folders_only(settings))
    began = time.perf_counter()
    if not settings["no_namespaces"]:
        namespaces.become_a_user()
    system_calls.drop_capabilities()
    system_calls.allow_no_new_privileges()
    world = not settings["no_world"]
    paths = settings["readable"], settings["writable"], settings["devices"]
    # The order matters: each wall lets the next ones be raised and tried.
    user = _tried("user", lambda: _user(settings))
    user["seconds"] = time.perf_counter() - began
    return [
        user,
        furnished,
        _tried("processes", lambda: _alone(settings)),
        _tried("network", lambda: _no_way_out(settings)),
        _tried("limits", lambda: limits.set_limits(settings["rlimits"])),
        _tried("landlock", lambda: landlock.restrict(*paths, tcp=world)),
        _tried("seccomp", lambda: seccomp.restrict(internet=world)),
    ]


def _tried(name: str, layer: Callable[[], str]) -> Layer:
    began = time.perf_counter()
    try:
        holds, how = True, layer()
    except OSError as error:
        holds, how = False, error.strerror or str(error)
    return {"name": name, "holds": holds, "how": how, "seconds": time.perf_counter() - began}


def _user(settings: Settings) -> str:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    if "CapEff:\t0000000000000000" not in status or "NoNewPrivs:\t1" not in status:
        raise OSError("it still has privileges")
    if not settings["no_world"]:
        return "a user namespace, without privileges"
    if settings["account"]:
        return f"the account {settings['account']}, without privileges"
    raise OSError("it has the account of the grader")


def _own_folders_only(settings: Settings) -> str:
    if settings["no_world"]:
        raise OSError("no mounts of its own")
    if not settings["no_namespaces"]:
        namespaces.furnish(settings["folders"])
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        _, place, kind, options = line.split()[:4]
        closed = "ro" in options.split(",") or kind in _VIRTUAL or place in settings["devices"]
        if not closed and place not in settings["writable"]:
            raise OSError(f"{place} can be written")
    return "a read-only world, and folders in memory"


def _alone(settings: Settings) -> str:
    if settings["no_world"]:
        raise OSError("no process namespace of its own")
    seen = sum(path.name.isdecimal() for path in Path("/proc").iterdir())
    if seen > (_OF_A_WORLD if settings["no_namespaces"] else 1):
        raise OSError("it sees other processes")
    return "a process namespace"


def _no_way_out(settings: Settings) -> str:
    if settings["no_world"]:
        raise OSError("no network namespace of its own")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            any_socket.connect(_NOWHERE)
        except OSError:
            return "a network namespace without routes"
    raise OSError("there is a way to other machines")
