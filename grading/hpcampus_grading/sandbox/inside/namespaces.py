"""Namespaces of a submission's own: users, processes, mounts, network, and what processes share.

The warm parent is in a read-only world already. A child leaves it for one that is smaller still.
"""

import fcntl
import os
import socket
import struct
from collections.abc import Mapping
from pathlib import Path

from hpcampus_grading.sandbox.inside import system_calls

_NEW_MOUNTS, _NEW_CGROUPS, _NEW_NAMES, _NEW_IPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
_NEW_USERS, _NEW_PROCESSES, _NEW_NETWORK = 0x10000000, 0x20000000, 0x40000000
ALL = _NEW_USERS | _NEW_MOUNTS | _NEW_PROCESSES | _NEW_NETWORK | _NEW_IPC | _NEW_NAMES | _NEW_CGROUPS

_NO_SETUID, _NO_DEVICES, _NO_PROGRAMS, _RECURSIVE, _PRIVATE = 2, 4, 8, 0x4000, 0x40000
_SET_FLAGS, _UP_AND_RUNNING = 0x8914, 0x41
_FILES_IN_A_FOLDER = 100_000


def leave() -> None:
    """Leave all namespaces; the next process that is forked is the first of the new ones."""
    user, group = os.getuid(), os.getgid()
    system_calls.unshare(ALL)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        Path("/proc/self", name).write_text(text, encoding="ascii")


def furnish(folders: Mapping[str, int]) -> None:
    """Empty folders in memory, each with its size in bytes, fresh /proc, and a loopback that works."""
    system_calls.mount("none", "/", None, _RECURSIVE | _PRIVATE)
    for folder, size in folders.items():
        options = f"size={size},nr_inodes={_FILES_IN_A_FOLDER},mode=0700"
        system_calls.mount("tmpfs", folder, "tmpfs", _NO_SETUID | _NO_DEVICES, options)
    system_calls.mount("proc", "/proc", "proc", _NO_SETUID | _NO_DEVICES | _NO_PROGRAMS)
    # Within a namespace of users everybody is root: what was never reachable for users would be again.
    Path("/proc/sys/user/max_user_namespaces").write_text("0", encoding="ascii")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh22x", b"lo", _UP_AND_RUNNING))
