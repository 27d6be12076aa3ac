"""The warm parent's world, as arguments for bubblewrap: own namespaces, no network, everything read-only.

Each submission leaves it for a smaller one, with folders and processes that are its own alone.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

from hpcampus_grading.sandbox.plan import Plan
from hpcampus_grading.sandbox.surroundings import (
    CODE,
    ETC,
    HOME,
    SCRATCH,
    SHARED,
    SYSTEM,
    SandboxUnavailable,
    environment,
    gpus,
    interpreter,
    library_folders,
    python_folders,
)

_CODE = Path("/campus")


def command(plan: Plan, settings: str) -> list[str]:
    """The whole command line. Raises `SandboxUnavailable` when bubblewrap or a library is missing."""
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise SandboxUnavailable(
            "Nothing was graded: bubblewrap is not installed here, and learners' code is not run without "
            "it. Install the package 'bubblewrap'."
        )
    return [bwrap, *_walls(plan), *_world(plan), *_environment(plan), "--", *interpreter(_CODE, settings)]


def _walls(plan: Plan) -> Iterator[str]:
    yield from ("--unshare-all", "--unshare-user", "--new-session", "--die-with-parent")
    # The warm parent makes a smaller world for each child, and the child gives up the right to do so. As
    # another user than this one it would be in a namespace below the one that it must have the right in.
    yield from ("--uid", "0", "--gid", "0", "--hostname", "sandbox")
    yield from ("--cap-drop", "ALL", "--cap-add", "CAP_SYS_ADMIN", "--cap-add", "CAP_SETFCAP")
    yield from ("--proc", "/proc", "--dev", "/dev")
    for folder in (SCRATCH, HOME, SHARED):
        yield from ("--size", str(plan.limits.disk_mib << 20), "--tmpfs", folder)
    yield from ("--chdir", HOME)


def _world(plan: Plan) -> Iterator[str]:
    for place in SYSTEM:
        if Path(place).is_symlink():
            yield from ("--symlink", str(Path(place).readlink()), place)
        elif Path(place).exists():
            yield from ("--ro-bind", place, place)
    for path in ETC:
        yield from ("--ro-bind-try", path, path)
    for folder in (*python_folders(), *library_folders(plan)):
        yield from ("--ro-bind", str(folder), str(folder))
    for part in ("hpcampus_grading/__init__.py", "hpcampus_grading/sandbox"):
        yield from ("--ro-bind", str(CODE / part), str(_CODE / part))
    for device in gpus(plan):
        yield from ("--dev-bind", device, device)
    # Only the folders in memory, which have a size, can be written.
    yield from ("--remount-ro", "/dev", "--remount-ro", "/")


def _environment(plan: Plan) -> Iterator[str]:
    yield "--clearenv"
    for name, value in environment(plan, HOME, SCRATCH).items():
        yield from ("--setenv", name, value)
