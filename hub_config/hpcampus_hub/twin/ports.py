"""Free TCP ports for daemons that must be told theirs before they start."""

import random
import socket
from contextlib import ExitStack

# Below the range from which Linux takes the ports of outgoing connections: nothing else picks one of these
# by chance between our look and the daemon's start.
PORTS = range(20000, 32000)


def free_ports(count: int) -> list[int]:
    """So many ports of 127.0.0.1 that nobody listens on, all different."""
    with ExitStack() as held:
        found: list[int] = []
        for port in random.sample(PORTS, len(PORTS)):
            if len(found) == count:
                return found
            if _hold(port, held):
                found.append(port)
    raise OSError(f"fewer than {count} free ports between {PORTS.start} and {PORTS.stop}")


def _hold(port: int, held: ExitStack) -> bool:
    holder = held.enter_context(socket.socket())
    try:
        holder.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True
