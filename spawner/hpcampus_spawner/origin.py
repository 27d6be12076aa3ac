"""From where the report of a job may come: its node's own addresses, and networks that the operators name.

A report names no address, and still one from elsewhere means that somebody has got hold of a job's secret.
"""

import asyncio
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Annotated

from pydantic import BeforeValidator
from tornado.httputil import HTTPServerRequest

from hpcampus_spawner.scheduler import SchedulerError

Address = IPv4Address | IPv6Address
IpNetwork = Annotated[IPv4Network | IPv6Network, BeforeValidator(ip_network)]
THIS_MACHINE: tuple[IpNetwork, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


def address(text: str) -> Address:
    """Read an address; one of IPv4 stays one in the clothes of IPv6. Raises ValueError."""
    found = ip_address(text.partition("%")[0])
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def caller(request: HTTPServerRequest) -> Address | None:
    """Who called, or None where nobody can know; behind the hub's own proxy it is whom the proxy saw.

    The proxy is on this machine and puts what it saw at the end of X-Forwarded-For. What stands before that,
    and X-Real-Ip, is what a caller says of itself, so tornado's `remote_ip` will not do.
    """
    try:
        # Of a Unix socket there is no address.
        peer = address(request.connection.context.address[0])  # type: ignore[union-attr]
        seen = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        return address(seen) if seen and peer.is_loopback else peer
    except (ValueError, IndexError, TypeError):
        return None


async def may_report(source: Address | None, node: str, elsewhere: Iterable[IpNetwork]) -> bool:
    """Whether that is an address of the node, or in one of the networks; raises `SchedulerError`."""
    if source is None:
        return False
    if any(source in network for network in elsewhere):
        return True
    theirs = await _addresses(node)
    # This machine has many addresses for itself, and they all mean the same.
    return source in theirs or (source.is_loopback and any(one.is_loopback for one in theirs))


async def _addresses(node: str) -> frozenset[Address]:
    try:
        return frozenset({address(node)})
    except ValueError:
        pass
    try:
        found = await asyncio.get_running_loop().getaddrinfo(node, None, type=socket.SOCK_STREAM)
    except OSError as problem:
        raise SchedulerError(f"the node's address {node[:100]!r} can't be looked up: {problem}") from None
    return frozenset(address(str(entry[4][0])) for entry in found)
