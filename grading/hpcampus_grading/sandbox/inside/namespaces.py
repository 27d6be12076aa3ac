"""Namespaces of a submission's own: users, processes, mounts, network, and what processes share.

The warm parent is in a read-only world already, with no right but to make smaller worlds in it. A child
leaves for one of these, and the right stays behind.
"""

import contextlib
import fcntl
import os
import socket
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

from hpcampus_grading.sandbox.inside import system_calls

_NEW_MOUNTS, _NEW_CGROUPS, _NEW_NAMES, _NEW_IPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
_NEW_USERS, _NEW_PROCESSES, _NEW_NETWORK = 0x10000000, 0x20000000, 0x40000000
_USER = 1000

_NO_SETUID, _NO_DEVICES, _NO_PROGRAMS, _RECURSIVE, _PRIVATE = 2, 4, 8, 0x4000, 0x40000
_SET_FLAGS, _UP_AND_RUNNING = 0x8914, 0x41
_FILES_IN_A_FOLDER = 100_000


@contextlib.contextmanager
def of_processes() -> Iterator[None]:
    """The process that is forked in the block is the first of a new namespace; ours stays what it is."""
    system_calls.unshare(_NEW_PROCESSES)
    try:
        yield
    finally:
        # Only now: a child would have it, too.
        own = os.open("/proc/self/ns/pid", os.O_RDONLY)
        try:
            system_calls.enter(own, _NEW_PROCESSES)
        finally:
            os.close(own)


def furnish(folders: Mapping[str, int]) -> None:
    """Own mounts: empty folders in memory, each with its size in bytes, and /proc of the own processes."""
    system_calls.unshare(_NEW_MOUNTS | _NEW_IPC | _NEW_NAMES | _NEW_CGROUPS)
    system_calls.mount("none", "/", None, _RECURSIVE | _PRIVATE)
    for folder, size in folders.items():
        options = f"size={size},nr_inodes={_FILES_IN_A_FOLDER},mode=0700"
        system_calls.mount("tmpfs", folder, "tmpfs", _NO_SETUID | _NO_DEVICES, options)
    system_calls.mount("proc", "/proc", "proc", _NO_SETUID | _NO_DEVICES | _NO_PROGRAMS)


def become_a_user() -> None:
    """Have no say in the mounts any more, a network with a loopback that works, and no further namespaces."""
    user, group = os.getuid(), os.getgid()
    system_calls.unshare(_NEW_USERS | _NEW_NETWORK)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{_USER} {user} 1"),
        ("gid_map", f"{_USER} {group} 1"),
    ):
        Path("/proc/self", name).write_text(text, encoding="ascii")
    # Within a namespace of users everybody is root: what was never reachable for users would be again.
    Path("/proc/sys/user/max_user_namespaces").write_text("0", encoding="ascii")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh22x", b"lo", _UP_AND_RUNNING))
