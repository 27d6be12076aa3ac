"""Where a job keeps its files, below the learner's home. Used on both sides, so standard library only."""

import contextlib
import os
import re
import shutil
import time
from collections.abc import Collection
from pathlib import Path

SPAWN_ID = re.compile(r"[0-9a-f]{32}")
PRIVATE = ".hpcampus"
"""What of a home is ours; closed to everybody else."""


def spawn_folder(spawn_id: str) -> Path:
    """The private folder of one spawn; raises ValueError for anything that isn't a spawn's id."""
    if not SPAWN_ID.fullmatch(spawn_id):
        raise ValueError("not a spawn id")
    return _spawns() / spawn_id


def write_private(path: Path, text: str) -> None:
    """Make a new file that nobody else can read, not even for a moment."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


TICKET = "ticket.json"
LOG = "job.log"
EXIT = "exit"
PROCESS = "process.json"

KEPT = 5
"""So many folders of jobs that are over stay: their logs say why the last ones failed."""
LONGEST_WAIT_SECONDS = 30 * 24 * 3600
"""A ticket that nobody has taken for so long belongs to no job any more."""


def forget_old(wanted: Collection[str]) -> None:
    """Remove the folders of the learner's jobs that are over, but for the last few.

    `wanted` are the spawns whose job may still be there, as far as the hub knows. Another hub's jobs may use
    the same home: one that still waits for its turn is known by its ticket.
    """
    # What can't be tidied up must not cost anybody a start.
    with contextlib.suppress(OSError):
        over = [
            folder
            for folder in _spawns().iterdir()
            if SPAWN_ID.fullmatch(folder.name) and folder.name not in wanted and not _waits(folder)
        ]
        for folder in sorted(over, key=_last_used)[:-KEPT]:
            shutil.rmtree(folder, ignore_errors=True)


def _spawns() -> Path:
    return Path.home() / PRIVATE / "spawns"


def _waits(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        return time.time() - (folder / TICKET).stat().st_mtime < LONGEST_WAIT_SECONDS
    return False


def _last_used(folder: Path) -> float:
    """When the job last wrote into its log, or when its folder was made."""
    for path in (folder / LOG, folder):
        with contextlib.suppress(OSError):
            return path.stat().st_mtime
    return 0.0
