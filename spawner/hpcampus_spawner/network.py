"""How the hub reaches the ports of nodes: directly, or through a login node."""

import asyncio
import logging
import random
import re
import socket
from typing import Protocol

from hpcampus_spawner.calls import NoAnswer
from hpcampus_spawner.scheduler import SchedulerError
from hpcampus_spawner.ssh import Connection

# Below the range from which Linux takes the ports of outgoing connections.
PORTS = range(20000, 32000)
TRIES = 5
HERE = "127.0.0.1"
_NODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*", re.ASCII)

log = logging.getLogger("hpcampus.network")


class Network(Protocol):
    """What is between the hub and the nodes of one cluster."""

    hub_url: str | None
    """Where jobs find the hub; None where the hub's own address will do."""
    lasting: bool
    """Whether a way is still there when the hub was started again."""

    def host(self, node: str) -> str:
        """Which host the hub connects to for that node: its servers' certificates bear this name."""

    async def way_to(self, node: str, port: int, before: int | None = None) -> tuple[str, int]:
        """Where the hub connects to reach that port; raises `SchedulerError` when it can't just now.

        `before` is the port that a hub before this one used for it.
        """

    def forget(self, node: str, port: int) -> None:
        """Nobody wants to go there any more."""


class Direct:
    """The hub and the nodes are in one network."""

    lasting = True

    def __init__(self, hub_url: str | None = None) -> None:
        self.hub_url = hub_url

    def host(self, node: str) -> str:
        """The node itself."""
        return node

    async def way_to(self, node: str, port: int, before: int | None = None) -> tuple[str, int]:
        """There itself."""
        return node, port

    def forget(self, node: str, port: int) -> None:
        """Nothing was made."""


class Tunnel:
    """Ports of this machine that lead through the SSH connection to a login node."""

    lasting = False

    def __init__(self, connection: Connection, hub_url: str) -> None:
        self.hub_url: str | None = hub_url
        self._connection = connection
        self._ways: dict[tuple[str, int], int] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def host(self, node: str) -> str:
        """This machine."""
        return HERE

    async def way_to(self, node: str, port: int, before: int | None = None) -> tuple[str, int]:
        """A port of 127.0.0.1, the same one as long as the server lives."""
        try:
            if not _NODE.fullmatch(node):
                raise SchedulerError(f"no address that ssh could be given: {node[:100]!r}")
            if (node, port) not in self._ways:
                self._ways[node, port] = await self._lead(f"{node}:{port}", before)
        except NoAnswer as problem:
            raise SchedulerError(str(problem)) from None
        return HERE, self._ways[node, port]

    async def _lead(self, target: str, before: int | None) -> int:
        tries = ([before] if before in PORTS else []) + [_free_port() for _ in range(TRIES)]
        for port in tries:
            assert port is not None
            if await self._connection.forward(port, target):
                return port
        raise SchedulerError(f"no port of this machine could be led to {target}")

    def forget(self, node: str, port: int) -> None:
        """Take the port back, whenever the connection has time for it."""
        ours = self._ways.pop((node, port), None)
        if ours is not None:
            task = asyncio.get_running_loop().create_task(self._close(ours))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def _close(self, port: int) -> None:
        try:
            await self._connection.take_back(port)
        except NoAnswer as problem:
            log.warning("port %s stays open for now: %s", port, problem)


def _free_port() -> int:
    """A port that was free a moment ago."""
    while True:
        port = random.choice(PORTS)  # noqa: S311 - not a secret
        with socket.socket() as holder:
            try:
                holder.bind((HERE, port))
            except OSError:
                continue
            return port
