"""Calls of the Linux kernel for which Python 3.11 has no function; each raises `OSError` when it fails."""

import ctypes
import os
from collections.abc import Sequence
from typing import Any

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.syscall.restype = ctypes.c_long

_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP = 1, 24
_PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 36, 38, 47, 4
_CAPABILITY_VERSION_3 = 0x20080522
_NO_SUCH_CAPABILITY = 22


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def syscall(number: int, *arguments: Any) -> int:
    """Any call by its number; arguments are integers, None or ctypes objects."""
    words = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    return _checked(_LIBC.syscall(ctypes.c_long(number), *words))


def unshare(flags: int) -> None:
    """Leave the namespaces that the flags name for new ones."""
    _checked(_LIBC.unshare(ctypes.c_int(flags)))


def enter(namespace: int, kind: int) -> None:
    """Enter the namespace that is open as this descriptor, or have the next child be in it."""
    _checked(_LIBC.setns(ctypes.c_int(namespace), ctypes.c_int(kind)))


def mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    """Mount a file system, or change how one is mounted."""
    texts = [None if text is None else text.encode() for text in (source, target, kind)]
    _checked(_LIBC.mount(*texts, ctypes.c_ulong(flags), options.encode()))


def _prctl(option: int, *arguments: int) -> None:
    words = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:4]]
    _checked(_LIBC.prctl(ctypes.c_int(option), *words))


def die_with_parent(signal: int) -> None:
    """Get the signal when the process that made this one is gone."""
    _prctl(_PR_SET_PDEATHSIG, signal)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parents are gone."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def allow_no_new_privileges() -> None:
    """No program that is run from here gives more rights: set-user-id counts for nothing."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def drop_capabilities() -> None:
    """Give up all capabilities, for ever."""
    for capability in range(64):
        try:
            _prctl(_PR_CAPBSET_DROP, capability)
        except OSError as error:
            # The kernel has no more of them, or we never had the right to have any.
            if error.errno == _NO_SUCH_CAPABILITY or capability == 0:
                break
            raise
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    _set_capabilities((0, 0, 0, 0, 0, 0))


def _set_capabilities(words: Sequence[int]) -> None:
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _checked(_LIBC.capset(ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)(*words))))
