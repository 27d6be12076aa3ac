"""Questions to a batch system through its own commands, run by the hub for itself; they only read."""

import asyncio
import os
from collections.abc import Mapping

from hpcampus_spawner.scheduler import SchedulerError

QUERY_SECONDS = 25


class Query:
    """Runs a command, found on PATH, in a scrubbed environment; `environment` is what the commands need."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "TZ") if name in os.environ}
        self._environment = {**inherited, "LANG": "C.UTF-8", **(environment or {})}

    async def __call__(self, *argv: str) -> str:
        """What the command prints; raises `SchedulerError` when it fails or takes too long."""
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=self._environment,
            )
        except OSError as error:
            raise SchedulerError(f"{argv[0]}: {error}") from error
        try:
            out, err = await asyncio.wait_for(process.communicate(), QUERY_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise SchedulerError(f"{argv[0]}: no answer within {QUERY_SECONDS} s") from None
        if process.returncode:
            raise SchedulerError(f"{argv[0]}: {err.decode('utf-8', 'replace').strip()[-500:]}")
        return out.decode("utf-8", "replace")
