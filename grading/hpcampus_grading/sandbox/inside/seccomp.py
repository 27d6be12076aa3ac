"""seccomp: the system calls that no notebook needs, and that kernels were broken through, fail.

A filter in the kernel's own small machine language (classic BPF): it looks at the number of each call and at
its first two arguments, and the walls inherit it to everything that is started later.
"""

import ctypes
import functools
import os
import struct

from hpcampus_grading.sandbox.inside import system_calls

# Name: number on x86-64, number on aarch64; None where it has none. From the kernel's <asm/unistd.h>.
_REFUSED: dict[str, tuple[int, int | None]] = {
    # other processes
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    # namespaces and mounts
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "unshare": (272, 97),
    "setns": (308, 268),
    # much of the kernel behind one call
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "fanotify_init": (300, 262),
    # the machine itself
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "syslog": (103, 116),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "iopl": (172, None),
    "ioperm": (173, None),
}
_CLONE, _CLONE3, _SOCKET, _IOCTL, _SECCOMP = (56, 220), (435, 435), (41, 198), (16, 29), (317, 277)
# Index of the columns above, and what <linux/audit.h> calls these machines.
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_X32 = 0x40000000

_NEW_NAMESPACES = 0x7E020000
_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16
_PUT_INTO_TERMINAL = 0x5412  # TIOCSTI: types into somebody's terminal

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _MACHINE, _FIRST, _SECOND = 0, 4, 16, 24
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS, _EAFNOSUPPORT = 1, 38, 97
_SET_FILTER, _SPECULATION_ALLOWED = 1, 4


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _give(value: int) -> bytes:
    return _step(_RETURN, value)


def _load(offset: int) -> bytes:
    return _step(_LOAD, offset)


@functools.cache
def program(machine: str, *, internet: bool) -> bytes:
    """The filter; without `internet` only sockets within the machine can be made."""
    column, audit = _MACHINES[machine]
    steps = [_load(_MACHINE), _step(_EQUAL, audit, 1), _give(_KILL), _load(_NUMBER)]
    if machine == "x86_64":
        steps += [_step(_AT_LEAST, _X32, 0, 1), _give(_ERROR | _ENOSYS)]
    for numbers in _REFUSED.values():
        if (number := numbers[column]) is not None:
            steps += [_step(_EQUAL, number, 0, 1), _give(_ERROR | _EPERM)]
    # Its flags are in memory, where a filter can't look: the C library falls back to clone.
    steps += [_step(_EQUAL, _CLONE3[column], 0, 1), _give(_ERROR | _ENOSYS)]
    flags = [_load(_FIRST), _step(_ANY_BIT, _NEW_NAMESPACES, 0, 1), _give(_ERROR | _EPERM), _give(_ALLOW)]
    steps += [_step(_EQUAL, _CLONE[column], 0, len(flags)), *flags]
    typing = [_load(_SECOND), _step(_EQUAL, _PUT_INTO_TERMINAL, 0, 1), _give(_ERROR | _EPERM), _give(_ALLOW)]
    steps += [_step(_EQUAL, _IOCTL[column], 0, len(typing)), *typing]
    families = (_UNIX, _INET, _INET6, _NETLINK) if internet else (_UNIX,)
    sockets = [_load(_FIRST)]
    for family in families:
        sockets += [_step(_EQUAL, family, 0, 1), _give(_ALLOW)]
    sockets.append(_give(_ERROR | _EAFNOSUPPORT))
    steps += [_step(_EQUAL, _SOCKET[column], 0, len(sockets)), *sockets, _give(_ALLOW)]
    return b"".join(steps)


def restrict(*, internet: bool) -> str:
    """Put the filter onto this process; answers in words what it does. Raises `OSError` where it can't."""
    machine = os.uname().machine
    if machine not in _MACHINES:
        raise OSError(_ENOSYS, f"there is no filter for processors of kind {machine}")
    code = program(machine, internet=internet)
    buffer = ctypes.create_string_buffer(code, len(code))
    head = ctypes.create_string_buffer(struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer)))
    # Without the flag older kernels slow down every later calculation, against a danger that isn't here.
    number = _SECCOMP[_MACHINES[machine][0]]
    system_calls.syscall(number, _SET_FILTER, _SPECULATION_ALLOWED, head)
    return f"seccomp: {len(_REFUSED)} system calls refused" + ("" if internet else ", and the internet")
