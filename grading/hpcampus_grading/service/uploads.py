"""An upload as a stream: counted while it arrives, checked when it is complete, never held in memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, BinaryIO

from fastapi import HTTPException, Request, status
from starlette.concurrency import run_in_threadpool

from hpcampus_grading.archive import BadArchive, Limits, TooLarge, inspect
from hpcampus_grading.ledger import Upload
from hpcampus_grading.notebooks import BadNotebook
from hpcampus_grading.store import Store

ZIP = "application/zip"
# What the description of the API says of a body or an answer that is a zip.
_A_ZIP = {"content": {ZIP: {"schema": {"type": "string", "format": "binary"}}}}
ZIP_BODY: dict[str, Any] = {"requestBody": {**_A_ZIP, "required": True}}
ZIP_REPLY: dict[int | str, dict[str, Any]] = {200: _A_ZIP}

_BUFFER = 1 << 20


@asynccontextmanager
async def received(request: Request, store: Store, limits: Limits) -> AsyncIterator[Upload]:
    """The body of a request as a checked archive in the store's incoming folder."""
    _refuse_announced_size(request, limits)
    with store.incoming() as file:
        size = await _save(request, file, limits)
        try:
            files = await run_in_threadpool(inspect, Path(file.name), limits)
        except TooLarge as error:
            raise HTTPException(status.HTTP_413_CONTENT_TOO_LARGE, str(error)) from error
        except (BadArchive, BadNotebook) as error:
            raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, str(error)) from error
        yield Upload(file, size, files)


def _refuse_announced_size(request: Request, limits: Limits) -> None:
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limits.packed:
        raise _too_large(limits)


async def _save(request: Request, file: BinaryIO, limits: Limits) -> int:
    size, waiting = 0, bytearray()
    async for chunk in request.stream():
        size += len(chunk)
        if size > limits.packed:
            raise _too_large(limits)
        waiting += chunk
        if len(waiting) >= _BUFFER:
            await run_in_threadpool(file.write, bytes(waiting))
            waiting.clear()
    await run_in_threadpool(file.write, bytes(waiting))
    await run_in_threadpool(file.flush)
    return size


def _too_large(limits: Limits) -> HTTPException:
    return HTTPException(
        status.HTTP_413_CONTENT_TOO_LARGE,
        f"This is larger than the {limits.packed >> 20} MiB that can be sent. Nothing was stored. "
        "Remove data files and outputs that the work doesn't need, and try again.",
        # What is still on its way will not be read.
        headers={"Connection": "close"},
    )
