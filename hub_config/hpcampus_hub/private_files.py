"""The hub's secrets lie in files that nobody else can read, or the hub doesn't start."""

import os
import stat
from pathlib import Path

from hpcampus_spawner.models import BadFile

SECRET = {
    "*.secret": "secrets of the hub",
    "internal-ssl/**/*.key": "the keys of certificates",
    "*.sqlite*": "tokens, records and grades",
    "passwords.json": "the demo's log-ins",
    "queue.json": "the secrets of jobs that wait",
    "settings.json": "the database's address, which may hold a password",
}
"""What a state folder's private files are called, and what others would learn from them."""
CLOSED = ("store", "ssh")
"""Folders of which nobody else may see anything."""
_BY_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def check(state: Path) -> None:
    """Raise `BadFile` for the first thing in the folder that others can get at; what isn't there is fine."""
    if not state.exists():
        return
    # Learners' homes may lie below it: passing through is all that others may do.
    _refuse(state, _BY_OTHERS & ~(stat.S_IXGRP | stat.S_IXOTH), "everything that the hub keeps", 711)
    for pattern, what in SECRET.items():
        for file in sorted(state.glob(pattern)):
            _refuse(file, _BY_OTHERS, what, 600)
    for name in CLOSED:
        if (state / name).exists():
            _refuse(state / name, _BY_OTHERS, "what only the hub may read", 700)


def _refuse(path: Path, too_much: int, what: str, right: int) -> None:
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        raise BadFile(f"{path} is a link, and holds {what}: put the thing itself there.")
    if status.st_uid != os.geteuid():
        raise BadFile(
            f"{path} holds {what} and belongs to another account ({status.st_uid}), which could read it. "
            "Start the hub as that account, or give it to this one with chown."
        )
    if status.st_mode & too_much:
        raise BadFile(
            f"{path} holds {what}, and other accounts can get at it (mode {status.st_mode & 0o777:o}). "
            f"Whoever had a look may know them now. Renew them if in doubt, then: chmod {right} {path}"
        )
