"""Where a job keeps its files, below the learner's home. Used on both sides, so standard library only."""

import re
from pathlib import Path

SPAWN_ID = re.compile(r"[0-9a-f]{32}")


def spawn_folder(spawn_id: str) -> Path:
    """The private folder of one spawn; raises ValueError for anything that isn't a spawn's id."""
    if not SPAWN_ID.fullmatch(spawn_id):
        raise ValueError("not a spawn id")
    return Path.home() / ".hpcampus" / "spawns" / spawn_id


TICKET = "ticket.json"
LOG = "job.log"
EXIT = "exit"
PROCESS = "process.json"
