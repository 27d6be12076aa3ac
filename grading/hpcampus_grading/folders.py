"""Folders and files that are there completely or not at all."""

import ctypes
import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


@contextmanager
def replace_folder(target: Path) -> Iterator[Path]:
    """A fresh folder that takes the target's place when the block ends well; otherwise nothing changes.

    Whatever kills this process, the old folder or the new one is there. On a file system that can't exchange
    two names at once, such as NFS, one that is killed between two renamings leaves the old one for the next
    call to bring back.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    _bring_back(target)
    workshop = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    fresh = workshop / "new"
    fresh.mkdir()
    try:
        yield fresh
        if not target.exists():
            fresh.rename(target)
        elif not _exchange(fresh, target):
            _replace_in_two_steps(target, fresh, workshop / "old")
    finally:
        remove_folder(workshop)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two names in one step; False where the file system can't."""
    libc = ctypes.CDLL(None, use_errno=True)
    paths = os.fsencode(one), os.fsencode(other)
    return bool(libc.renameat2(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _RENAME_EXCHANGE) == 0)


def _replace_in_two_steps(target: Path, fresh: Path, old: Path) -> None:
    target.rename(old)
    try:
        fresh.rename(target)
    except OSError:
        old.rename(target)
        raise


def _bring_back(target: Path) -> None:
    """Undo a replacement that was killed between its two steps."""
    if not target.exists():
        for old in sorted(target.parent.glob(f".{glob.escape(target.name)}.*/old")):
            old.rename(target)
            return


def remove_folder(folder: Path) -> None:
    """Delete a folder also where nbgrader made its files and folders read-only."""
    for root, folders, _ in os.walk(folder):
        for name in folders:
            path = Path(root, name)
            if not path.is_symlink():
                path.chmod(0o700)
    shutil.rmtree(folder)


def write_atomically(path: Path, text: str) -> None:
    """Write a small file so that a reader sees the old text or the new, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as file:
        file.write(text)
    Path(file.name).rename(path)
