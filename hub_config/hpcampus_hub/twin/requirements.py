"""What a machine must have before a twin can start on it."""

import os
import shutil

from hpcampus_hub.twin.errors import TwinUnavailable

# program: the Debian package that brings it
PROGRAMS = {
    "munged": "munge",
    "slurmctld": "slurmctld",
    "slurmd": "slurmd",
    "slurmdbd": "slurmdbd",
    "sinfo": "slurm-client",
    "mariadbd": "mariadb-server",
    "mariadb-install-db": "mariadb-server",
}


def find(program: str) -> str | None:
    """The program's path; daemons are looked for where a shell without an administrator's PATH has none."""
    return shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")


def check() -> None:
    """Raise `TwinUnavailable` with the one thing to do when a twin can't run here."""
    missing = {program: package for program, package in PROGRAMS.items() if find(program) is None}
    if missing:
        packages = " ".join(dict.fromkeys(missing.values()))
        raise TwinUnavailable(
            f"A twin needs {', '.join(missing)}, not found on this machine. "
            f"Install them with: apt-get install --no-install-recommends {packages}"
        )
    if os.geteuid() != 0:
        raise TwinUnavailable(
            "A twin runs its jobs as different Unix users, which only root can do: start it as root."
        )
