"""Programs that the hub calls: fed through stdin, with limits on time and output, and without a shell."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

LONGEST_ANSWER = 64 * 1024 * 1024
"""Bytes. The answer for one learner comes from a process that this learner could tamper with."""
GRACE_SECONDS = 3
_CHUNK = 64 * 1024


class NoAnswer(Exception):
    """The program didn't start, took too long, or answered too much: whether it did its work is unknown."""


@dataclass(frozen=True)
class Call:
    """One call; `rights` are the arguments of subprocess that make it another account's process."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    stdin: bytes = b""
    rights: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What a program said, and how it ended."""

    code: int
    out: bytes
    err: bytes

    @property
    def complaint(self) -> str:
        """The end of what it wrote to stderr, for an operator's log."""
        return self.err.decode("utf-8", "replace").strip()[-2000:]


async def make(call: Call, seconds: float, most: int = LONGEST_ANSWER) -> Answer:
    """Make the call and wait for its end; raises `NoAnswer`."""
    try:
        process = await asyncio.create_subprocess_exec(
            *call.argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd="/",
            env=dict(call.environment),
            start_new_session=True,
            **call.rights,
        )
    except OSError as error:
        raise NoAnswer(f"{call.argv[0]}: {error}") from error
    try:
        async with asyncio.timeout(seconds):
            return await _converse(process, call.stdin, most)
    except TimeoutError:
        await _end(process)
        raise NoAnswer(f"{call.argv[0]}: no answer within {seconds:g} s") from None
    except OverflowError:
        await _end(process)
        raise NoAnswer(f"{call.argv[0]}: an answer of more than {most} bytes") from None


async def _converse(process: asyncio.subprocess.Process, stdin: bytes, most: int) -> Answer:
    assert process.stdout is not None
    assert process.stderr is not None
    out = asyncio.create_task(_read(process.stdout, most))
    err = asyncio.create_task(_read(process.stderr, most))
    feeding = asyncio.create_task(_feed(process, stdin))
    try:
        await asyncio.gather(out, err, feeding)
    finally:
        # When one gives up, the others must have let go before anybody else reads.
        for task in (out, err, feeding):
            task.cancel()
        await asyncio.wait((out, err, feeding))
    return Answer(await process.wait(), out.result(), err.result())


async def _feed(process: asyncio.subprocess.Process, stdin: bytes) -> None:
    """A program that doesn't read to the end is judged by what it answers."""
    assert process.stdin is not None
    with contextlib.suppress(ConnectionError):
        process.stdin.write(stdin)
        await process.stdin.drain()
    process.stdin.close()


async def _read(stream: asyncio.StreamReader, most: int) -> bytes:
    read = bytearray()
    while chunk := await stream.read(_CHUNK):
        read += chunk
        if len(read) > most:
            raise OverflowError
    return bytes(read)


async def _end(process: asyncio.subprocess.Process) -> None:
    """End its whole group, which it leads: a command that hangs must not stay behind.

    sudo is asked first, because it alone can end what it runs as somebody else.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(_see_off(process), GRACE_SECONDS)
            return


async def _see_off(process: asyncio.subprocess.Process) -> None:
    """Wait for its end; what it still says is not kept."""
    for stream in (process.stdout, process.stderr):
        assert stream is not None
        while await stream.read(_CHUNK):
            pass
    await process.wait()
