"""The folder that a twin lives in: its own, held by one twin at a time, and passable for jobs of any user."""

import fcntl
import os
import re
import shutil
import stat
from pathlib import Path

from hpcampus_hub.twin.errors import TwinUnavailable

README = "README"
# Slurm's configuration files have no quoting, and the path of a Unix socket has room for 107 bytes.
SAFE_PATH = re.compile(r"[A-Za-z0-9/_.-]{2,75}")


def claim(folder: Path) -> int:
    """Make the folder ours until the descriptor that this returns is closed, by us or by our death."""
    _check_path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        _check_owner(folder, handle)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.fchmod(handle, 0o755)
        _check_passable(folder)
    except BlockingIOError:
        os.close(handle)
        raise TwinUnavailable(
            f"Another twin is running in {folder}: stop it, or choose another folder."
        ) from None
    except BaseException:
        os.close(handle)
        raise
    return handle


def empty(folder: Path) -> None:
    """Remove what an earlier twin left; a folder with anything else in it is refused."""
    left = list(folder.iterdir())
    if left and not (folder / README).exists():
        raise TwinUnavailable(f"{folder} has other things in it: choose a folder of the twin's own.")
    for path in left:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != README:
            path.unlink()
    write(folder / README, "A twin of a cluster. Everything in here is removed at its next start.\n", 0o644)


def subfolder(path: Path, mode: int = 0o700) -> Path:
    """A new folder of exactly that mode, whatever the umask."""
    path.mkdir()
    path.chmod(mode)
    return path


def write(path: Path, content: str | bytes, mode: int) -> None:
    """A file that never has more than that mode, whatever the umask."""
    data = content.encode() if isinstance(content, str) else content
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(handle, mode)
        file.write(data)


def fake_devices(folder: Path, count: int) -> None:
    """Files gpu0, gpu1, … that stand for GPUs: /dev/null by other names.

    Where a container may not make devices they are ordinary files, which Slurm counts as well and complains
    about in its logs.
    """
    for number in range(count):
        path = folder / f"gpu{number}"
        try:
            os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3))
        except PermissionError:
            path.touch()
        path.chmod(0o666)


def _check_path(folder: Path) -> None:
    if not folder.is_absolute() or SAFE_PATH.fullmatch(str(folder)) is None:
        raise TwinUnavailable(
            f"A twin can't live in {folder}: its folder needs an absolute path of at most 75 letters, "
            "digits, dots, dashes and underscores."
        )


def _check_owner(folder: Path, handle: int) -> None:
    status = os.fstat(handle)
    if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise TwinUnavailable(
            f"{folder} can be changed by others than the user who starts the twin: choose another folder."
        )


def _check_passable(folder: Path) -> None:
    closed = next((parent for parent in folder.parents if not parent.stat().st_mode & stat.S_IXOTH), None)
    if closed is not None:
        raise TwinUnavailable(
            f"The twin's jobs run as other users, who can't pass through {closed}: choose a folder "
            "elsewhere, such as one below /var/lib."
        )
