"""Whose sockets are whose on a node that several people share, as the kernel's own tables say.

Dask loads this file by its path, in whatever environment a kernel runs: standard library only.
"""

import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
LISTENS = "0A"


class Row(NamedTuple):
    """One socket: its two ends as (address, port), its state in the kernel's digits, and its owner."""

    here: tuple[str, int]
    there: tuple[str, int]
    state: str
    uid: int


def sockets() -> Iterator[Row]:
    """Every TCP socket of this node; raises OSError where the kernel hides them. (proc(5))"""
    for table in TABLES:
        try:
            lines = table.read_text().splitlines()[1:]
        except FileNotFoundError:
            # A node without IPv6 has no such table.
            continue
        for line in lines:
            _, here, there, state, _, _, _, uid, *_ = line.split()
            yield Row(_end(here), _end(there), state, int(uid))


def _end(text: str) -> tuple[str, int]:
    """Read 0100007F:1F90, words of 32 bits in this machine's order of bytes."""
    digits, _, port = text.partition(":")
    words = [int(digits[start : start + 8], 16) for start in range(0, len(digits), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
    return _plain(socket.inet_ntop(family, packed)), int(port, 16)


def _plain(address: str) -> str:
    """An address of IPv4 is one also where a socket of IPv6 has it."""
    return address.removeprefix("::ffff:")


def listeners(port: int) -> set[int]:
    """The users who listen on that port, on any of the node's addresses."""
    return {row.uid for row in sockets() if row.state == LISTENS and row.here[1] == port}


def owner(here: tuple[str, int], there: tuple[str, int]) -> int | None:
    """The user at the other end of a connection, `there`; None when that end isn't on this node."""
    wanted = (_plain(there[0]), there[1]), (_plain(here[0]), here[1])
    # One that is being closed belongs to nobody, which the kernel writes as 0.
    return next((row.uid for row in sockets() if (row.here, row.there) == wanted), None)


def dask_setup(scheduler: Any) -> None:
    """Called by Dask when a scheduler starts: its dashboard answers the same user on the same node alone.

    Dask's dashboard knows no log-in, and shows a computation's names, logs and lines of code.
    """
    server = getattr(scheduler, "http_server", None)
    if server is None:
        return
    handle = server.handle_stream

    def only_mine(stream: Any, address: Any) -> Any:
        here = stream.socket.getsockname()
        if owner((here[0], here[1]), (address[0], address[1])) == os.getuid():
            return handle(stream, address)
        stream.close()
        return None

    server.handle_stream = only_mine
