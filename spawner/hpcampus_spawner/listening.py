"""Waiting until a server listens: JupyterHub's own waiting may look again only seconds later."""

import asyncio
import contextlib

LISTEN_SECONDS = 30.0
"""After that JupyterHub asks by itself, for as long as its http_timeout says."""
LOOK_SECONDS = 0.05
SLOWEST_SECONDS = 0.5


async def until_listens(address: str, port: int) -> None:
    """Return when somebody listens there, or when it has taken too long."""
    pause = LOOK_SECONDS
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LISTEN_SECONDS):
            while not await _listens(address, port):
                await asyncio.sleep(pause)
                # A class that starts together must not keep the hub busy with looking.
                pause = min(SLOWEST_SECONDS, pause * 1.2)


async def _listens(address: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(address, port)
    except OSError:
        return False
    writer.close()
    return True
