"""Taking turns: a few submissions at once, and everybody else knows their place."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

AT_ONCE = max(2, min(8, (os.cpu_count() or 1) // 2))
"""Each submission is a process or two on the hub's machine, which needs a processor for itself."""


class Turns:
    """Lets `at_once` through at a time, first come, first served."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._waiting: dict[str, None] = {}

    @asynccontextmanager
    async def turn(self, who: str) -> AsyncIterator[None]:
        """Wait for one's turn, and have it for the length of the block."""
        self._waiting[who] = None
        try:
            await self._free.acquire()
        finally:
            del self._waiting[who]
        try:
            yield
        finally:
            self._free.release()

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def place(self, who: str) -> int | None:
        """The place among those who wait, from 1; None for one who doesn't."""
        if who not in self._waiting:
            return None
        return list(self._waiting).index(who) + 1
