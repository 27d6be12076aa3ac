"""Commands that end by themselves, with a time limit and an environment of their own."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from hpcampus_hub.twin import requirements
from hpcampus_hub.twin.errors import TwinUnavailable

COMMAND_SECONDS = 60


class CommandFailed(TwinUnavailable):
    """A command of the twin's own refused or took too long; the message holds what it said."""


def run(
    argv: Sequence[str | Path],
    environment: Mapping[str, str],
    harmless: str | None = None,
    seconds: float = COMMAND_SECONDS,
) -> str:
    """The output of a command; one that fails while it prints `harmless` has not failed."""
    program = requirements.find(str(argv[0]))
    try:
        done = subprocess.run(
            [program or argv[0], *argv[1:]],
            env={"PATH": os.defpath, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            umask=0o022,
        )
    except subprocess.TimeoutExpired:
        raise CommandFailed(f"`{_shown(argv)}` didn't answer in {seconds:g} s.") from None
    if done.returncode and not (harmless and harmless in done.stdout):
        raise CommandFailed(f"`{_shown(argv)}` failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def _shown(argv: Sequence[str | Path]) -> str:
    return " ".join(map(str, argv))
