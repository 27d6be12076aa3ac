"""Waiting for a server that was running when the hub before ended: one that is slow is not gone."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from ssl import SSLContext

from jupyterhub.utils import url_path_join, wait_for_http_server

ANSWER_SECONDS = 600.0
"""How long it may say nothing. After that JupyterHub asks by itself, for as long as its http_timeout says."""
PROBE_SECONDS = 5.0

log = logging.getLogger("hpcampus.answering")


async def until_answers(url: str, ssl_context: SSLContext | None, gone: Callable[[], bool]) -> None:
    """Return when the server there answers anything, when its job is gone, or when it has taken too long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(ANSWER_SECONDS):
            while not await _answers(url, ssl_context) and not gone():
                log.info("%s doesn't answer yet, but its job lives: it is asked again", url)


async def _answers(url: str, ssl_context: SSLContext | None) -> bool:
    """One probe: who accepts a connection and says nothing must not hold up the next one."""
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            await wait_for_http_server(url_path_join(url, "api"), PROBE_SECONDS, ssl_context)
    except TimeoutError:
        return False
    return True
