"""Runs a program as on an older kernel, without some system calls: `python lesser_kernel.py 444,317 ls`."""

import ctypes
import os
import struct
import sys

LANDLOCK, SECCOMP = 444, 317  # landlock_create_ruleset and seccomp on x86-64

_LOAD, _EQUAL, _RETURN, _ALLOW, _NO_SUCH_CALL = 0x20, 0x15, 0x06, 0x7FFF0000, 0x00050000 | 38
_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2


def main() -> None:
    """Refuse the calls, and become the program."""
    steps = [struct.pack("=HBBI", _LOAD, 0, 0, 0)]
    for number in map(int, sys.argv[1].split(",")):
        steps.append(struct.pack("=HBBI", _EQUAL, 0, 1, number))
        steps.append(struct.pack("=HBBI", _RETURN, 0, 0, _NO_SUCH_CALL))
    code = b"".join([*steps, struct.pack("=HBBI", _RETURN, 0, 0, _ALLOW)])
    buffer = ctypes.create_string_buffer(code, len(code))
    head = ctypes.create_string_buffer(struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer)))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    assert prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0
    assert prctl(_SET_SECCOMP, _FILTER, head, 0, 0) == 0
    os.execvp(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
