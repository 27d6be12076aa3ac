"""The environment as one file: a start then asks the shared file system for one file, not for thousands.

`tools/pack_environment.sh` puts the image beside the environment's own folders, so whoever may change the one
may change the other. Each job mounts it for itself below its private folder, where no other account can look
or write. Standard library only.
"""

import contextlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

IMAGE = "environment.squashfs"
MOUNT_SECONDS = 10


@contextmanager
def environment(private: Path) -> Iterator[Path]:
    """The folder to run from: the image, mounted below `private`, or the environment as it lies."""
    image = Path(sys.prefix) / IMAGE
    if not image.exists():
        yield Path(sys.prefix)
        return
    mount = private / "environment"
    mount.mkdir(mode=0o700)
    if _mount(image, mount):
        try:
            yield mount
        finally:
            _unmount(mount)
    else:
        print("This node can't mount the environment's image: starting takes longer.", flush=True)
        yield Path(sys.prefix)


def _mount(image: Path, mount: Path) -> bool:
    # The one that needs fewer turns into the kernel and reads with several threads comes first.
    program = shutil.which("squashfuse_ll") or shutil.which("squashfuse")
    if program is None or _unmounter() is None:
        return False
    process = subprocess.Popen(
        # Resolved once: the name may come to mean a newer image while this job runs.
        [program, "-f", str(image.resolve()), str(mount)],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # The scheduler sends SIGTERM to all of a job's processes: the server still needs its files then.
        preexec_fn=_survive_sigterm,  # noqa: PLW1509 - there are no threads here
    )
    deadline = time.monotonic() + MOUNT_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if mount.is_mount():
            return True
        time.sleep(0.005)
    process.kill()
    process.wait()
    return False


def _survive_sigterm() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _unmount(mount: Path) -> None:
    """Lazily: what is still open stays readable until it is closed."""
    program = _unmounter()
    assert program is not None
    with contextlib.suppress(OSError):
        subprocess.run([program, "-u", "-z", str(mount)], check=False, stderr=subprocess.DEVNULL)
    with contextlib.suppress(OSError):
        mount.rmdir()


def _unmounter() -> str | None:
    return shutil.which("fusermount3") or shutil.which("fusermount")
