"""A start is over when the server listens."""

import asyncio
import socket

import pytest
from hpcampus_spawner import listening
from hpcampus_spawner.listening import until_listens


async def test_it_waits_until_somebody_listens() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        waiting = asyncio.create_task(until_listens(*server.getsockname()))
        await asyncio.sleep(listening.LOOK_SECONDS)
        assert not waiting.done()
        server.listen()
        await asyncio.wait_for(waiting, listening.LISTEN_SECONDS - 5)


async def test_it_leaves_the_rest_to_jupyterhub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "LISTEN_SECONDS", 0.01)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        await asyncio.wait_for(until_listens(*nobody.getsockname()), 60)
