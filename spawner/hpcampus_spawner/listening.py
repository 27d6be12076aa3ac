"""Waiting until a server listens: JupyterHub's own waiting may look again only seconds later."""

import asyncio
import contextlib

LISTEN_SECONDS = 30.0
"""After that JupyterHub asks by itself, for as long as its http_timeout says."""
LOOK_SECONDS = 0.03
"""Between two looks of the whole hub: a class that starts together must not keep it busy with looking."""
SLOWEST_SECONDS = 0.5
"""But nobody looks less often than that."""

_waiting: set[object] = set()


async def until_listens(address: str, port: int) -> None:
    """Return when somebody listens there, or when it has taken too long."""
    me = object()
    _waiting.add(me)
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LISTEN_SECONDS):
                while not await _listens(address, port):
                    pause = LOOK_SECONDS * len(_waiting)
                    await asyncio.sleep(min(SLOWEST_SECONDS, pause))
    finally:
        _waiting.remove(me)


async def _listens(address: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(address, port)
    except OSError:
        return False
    writer.close()
    return True
