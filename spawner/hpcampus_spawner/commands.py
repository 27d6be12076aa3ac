"""The scheduler's commands, wherever they run: on the hub's machine, or on one that the hub reaches."""

import os
from collections.abc import Mapping
from typing import Protocol

from hpcampus_spawner import metrics
from hpcampus_spawner.calls import Call, NoAnswer, make
from hpcampus_spawner.scheduler import SchedulerError

QUERY_SECONDS = 25
_INHERITED = ("PATH", "HOME", "SLURM_CONF", "PBS_CONF_FILE")


class Commands(Protocol):
    """Runs read-only questions to a scheduler, as the hub. Times come back in UTC."""

    async def run(self, *argv: str) -> tuple[int, str, str]:
        """The exit code, output and complaints; raises `SchedulerError` when there is no answer."""


class LocalCommands:
    """On this machine, found on PATH; `environment` is what they need more."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        # In UTC wherever the machine is: a login node's zone need not be the hub's.
        self._environment = {**inherited, "LANG": "C.UTF-8", "TZ": "UTC", **(environment or {})}

    async def run(self, *argv: str) -> tuple[int, str, str]:
        """Run it and wait for its end."""
        try:
            answer = await make(Call(argv, self._environment), QUERY_SECONDS)
        except NoAnswer as problem:
            raise SchedulerError(str(problem)) from None
        return answer.code, answer.out.decode("utf-8", "replace"), answer.complaint


class CountedCommands:
    """The same, and monitoring counts each under the id of the site."""

    def __init__(self, site: str, commands: Commands) -> None:
        self._site, self._commands = site, commands

    async def run(self, *argv: str) -> tuple[int, str, str]:
        """Run it and count it."""
        with metrics.command(self._site, argv[0]) as outcome:
            answer = await self._commands.run(*argv)
            outcome.ended(answer[0])
        return answer


async def ask(commands: Commands, *argv: str) -> str:
    """The output of a question that succeeded; every other end of it is `SchedulerError`: unknown."""
    code, out, err = await commands.run(*argv)
    if code:
        raise SchedulerError(f"{argv[0]}: {err[-500:]}")
    return out
