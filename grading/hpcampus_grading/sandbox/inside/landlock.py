"""Landlock: the kernel's own list of what a process may open, and whom it may reach.

It needs no privilege and no namespace, and nothing that runs later can take it off.
Names and numbers are those of <linux/landlock.h>; what a kernel doesn't know yet is left out.
"""

import ctypes
import os
import stat
import struct
from collections.abc import Iterable

from hpcampus_grading.sandbox.inside import system_calls

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION_FLAG, _RULE_PATH_BENEATH = 1, 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
TRUNCATE, IOCTL_DEVICE = 1 << 14, 1 << 15
_READ = EXECUTE | READ_FILE | READ_DIR
_ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEVICE
_DEVICE = READ_FILE | WRITE_FILE | IOCTL_DEVICE
# How many of the rights on files the kernel knows, by its ABI: the newest are refer, truncate and ioctl.
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
_BIND_AND_CONNECT_TCP, _ABSTRACT_SOCKETS_AND_SIGNALS = 3, 3
_NETWORK_SINCE, _SCOPES_SINCE = 4, 6


def abi() -> int:
    """The version that the running kernel offers; raises `OSError` where it offers none."""
    return system_calls.syscall(_CREATE, None, 0, _VERSION_FLAG)


def restrict(readable: Iterable[str], writable: Iterable[str], devices: Iterable[str], *, tcp: bool) -> str:
    """Close everything but these paths, and TCP unless `tcp`; answers in words what is closed now.

    Raises `OSError` where the kernel has no Landlock. Privileges must have been given up before.
    """
    version = abi()
    rights = (1 << _RIGHTS.get(version, 16)) - 1
    network = _BIND_AND_CONNECT_TCP if version >= _NETWORK_SINCE and not tcp else 0
    scoped = _ABSTRACT_SOCKETS_AND_SIGNALS if version >= _SCOPES_SINCE else 0
    attributes = struct.pack("=QQQ", rights, network, scoped)[: _size(version)]
    ruleset = system_calls.syscall(_CREATE, ctypes.c_char_p(attributes), len(attributes), 0)
    try:
        for paths, allowed in ((readable, _READ), (writable, rights), (devices, _DEVICE)):
            for path in paths:
                _allow(ruleset, path, allowed & rights)
        system_calls.syscall(_RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)
    closed = ["files", *(["TCP"] if network else []), *(["signals"] if scoped else [])]
    return f"Landlock {version}: {', '.join(closed)}"


def _size(version: int) -> int:
    if version < _NETWORK_SINCE:
        return 8
    return 16 if version < _SCOPES_SINCE else 24


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what isn't there needs no rule
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            rights &= _ON_FILES
        rule = ctypes.c_char_p(struct.pack("=Qi", rights, place))
        system_calls.syscall(_ADD, ruleset, _RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(place)
