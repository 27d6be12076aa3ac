"""A server that was running is asked until it answers."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hpcampus_spawner import answering
from hpcampus_spawner.answering import until_answers

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@asynccontextmanager
async def server_that_hangs(probes: int) -> AsyncIterator[tuple[str, list[object]]]:
    """A server that accepts and says nothing for the first probes; yields its URL, and who asked so far."""
    asked: list[object] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(reader)
        if len(asked) <= probes:
            await reader.read()
        else:
            await reader.readline()
            writer.write(ANSWER)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/user/ada", asked


async def test_a_server_that_hangs_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "PROBE_SECONDS", 0.1)
    async with server_that_hangs(probes=2) as (url, asked):
        await asyncio.wait_for(until_answers(url, None, gone=lambda: False), 60)
        assert len(asked) == 3


async def test_nobody_asks_after_the_jobs_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "PROBE_SECONDS", 0.1)
    async with server_that_hangs(probes=10**6) as (url, _):
        await asyncio.wait_for(until_answers(url, None, gone=lambda: True), 60)


async def test_asking_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "PROBE_SECONDS", 0.05)
    monkeypatch.setattr(answering, "ANSWER_SECONDS", 0.2)
    async with server_that_hangs(probes=10**6) as (url, _):
        began = time.monotonic()
        await asyncio.wait_for(until_answers(url, None, gone=lambda: False), 60)
        assert time.monotonic() - began >= 0.2
