"""Prints all that this account can find out on this machine, from Slurm, processes and files.

Arguments: the job to look at, from when on files are of interest (seconds since 1970), and folders to search.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

LONGEST = 1 << 20


def commands(job: str) -> list[list[str]]:
    """What everybody can ask a cluster for."""
    return [
        ["squeue", "-a", "-h", "-o", "%i %u %j %k %o %Z %N"],
        ["squeue", "-a", "-O", "JobID,Comment:200,Command:200,WorkDir:200,STDOUT:300,STDERR:300,STDIN:300"],
        ["scontrol", "show", "job", "-d", job],
        ["scontrol", "show", "step", job],
        ["scontrol", "write", "batch_script", job, "-"],
        ["scontrol", "listpids", job],
        ["scontrol", "show", "config"],
        ["sacct", "-a", "-B", "-j", job],
        ["sacct", "-a", "--env-vars", "-j", job],
        ["sacct", "-a", "-P", "-o", "ALL"],
        ["sstat", "-a", "-j", job],
        ["sattach", f"{job}.batch"],
        ["ps", "auxeww"],
        ["env"],
    ]


def everything(job: str, since: float, folders: list[str]) -> Iterator[bytes]:
    """The answers of the commands, then what processes and files show."""
    for argv in commands(job):
        yield f"\n== {' '.join(argv)}\n".encode()
        try:
            done = subprocess.run(
                argv, capture_output=True, timeout=20, check=False, stdin=subprocess.DEVNULL
            )
            yield done.stdout + done.stderr
        except (OSError, subprocess.TimeoutExpired) as problem:
            yield str(problem).encode()
    for process in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ", "status", "maps", "stack"):
            yield content(process / name)
    for folder in folders:
        for where, _, names in os.walk(folder):
            yield f"\n== {where}\n".encode()
            for name in names:
                path = Path(where, name)
                yield f"{name}\n".encode(errors="replace")
                yield recent(path, since)


def recent(path: Path, since: float) -> bytes:
    """A file's content if it was changed since then; links and devices are not followed."""
    try:
        interesting = path.is_file() and not path.is_symlink() and path.stat().st_mtime >= since
    except OSError:
        return b""
    return content(path) if interesting else b""


def content(path: Path) -> bytes:
    """What can be read of it."""
    try:
        with path.open("rb") as file:
            return file.read(LONGEST)
    except OSError:
        return b""


if __name__ == "__main__":
    for piece in everything(sys.argv[1], float(sys.argv[2]), sys.argv[3:]):
        sys.stdout.buffer.write(piece)
