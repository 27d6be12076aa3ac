"""Runs a local job to its end: the part of a batch system's node daemon that a laptop needs.

Everything the job leaves behind ends with it, however it was started: the process adopts its orphans
(prctl(2), PR_SET_CHILD_SUBREAPER) and ends them all.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from hpcampus_spawner.folders import EXIT, spawn_folder
from hpcampus_spawner.timing import SIGNAL_SECONDS

GRACE_SECONDS = 10
_PR_SET_CHILD_SUBREAPER = 36
TIMED_OUT = 124


def main(spawn_id: str, seconds: int) -> int:
    """Run the spawn's script for at most `seconds`, write its exit code, leave nothing running."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # Noted, never raised: an exception at the wrong moment would leave the job's processes behind.
    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: asked.append(number))
    # A process that doesn't wait for it yet, such as the log-in shell, must not die of it: this is inherited.
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    folder = spawn_folder(spawn_id)
    job = subprocess.Popen(["bash", "-l", folder / "job.sh"], cwd=Path.home(), start_new_session=True)
    code = _wait(job, time.monotonic() + seconds, asked)
    _end_descendants()
    (folder / EXIT).write_text(str(code))
    return 0


def _wait(job: subprocess.Popen[bytes], deadline: float, asked: list[int]) -> int:
    told = False
    while (code := job.poll()) is None:
        if asked:
            return -asked[0]
        left = deadline - time.monotonic()
        if left < 0:
            return TIMED_OUT
        if left < SIGNAL_SECONDS and not told:
            told = True
            job.send_signal(signal.SIGUSR1)
        time.sleep(0.1)
    return code


def _end_descendants() -> None:
    """Ask every descendant to end, and after a while make them."""
    deadline = time.monotonic() + GRACE_SECONDS
    asked: set[int] = set()
    while family := _reap():
        number = signal.SIGTERM if time.monotonic() < deadline else signal.SIGKILL
        for pid in family:
            if number is signal.SIGKILL or pid not in asked:
                asked.add(pid)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
        time.sleep(0.05)


def _reap() -> set[int]:
    """Collect those that ended and return the PIDs of all that still live."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    return _descendants(os.getpid())


def _descendants(pid: int) -> set[int]:
    found: set[int] = set()
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found |= {int(child)} | _descendants(int(child))
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
