"""One twin of LEONARDO for a whole benchmark, and a Unix account that may charge jobs there."""

import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from hpcampus_hub import unix_accounts
from hpcampus_hub.settings import SITES
from hpcampus_hub.twin import Twin
from hpcampus_spawner.allocation import Allocation
from hpcampus_spawner.site import Site

SITE = "leonardo"
ACCOUNT = "tra24_campus"
PARTITION = "boost_usr_prod"
USER = "hpcampus-bench"

Answer = TypeVar("Answer")


def wait_for(question: Callable[[], Answer | None], what: str, seconds: float, every: float = 0.1) -> Answer:
    """Ask until the answer is true; fails with `what` was waited for."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := question():
            return answer
        time.sleep(every)
    raise TimeoutError(f"not within {seconds:g} s: {what}")


@dataclass(frozen=True)
class BenchCluster:
    """A running twin; its jobs run as `USER`."""

    folder: Path
    environment: dict[str, str]

    def slurm(self, *argv: str) -> str:
        """What one of Slurm's commands answers, run as the account."""
        account = pwd.getpwnam(USER)
        return subprocess.run(
            argv,
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=[],
            cwd=account.pw_dir,
            env={"PATH": os.defpath, "HOME": account.pw_dir, **self.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def pending(self) -> int:
        """How many jobs wait."""
        return len(self.slurm("squeue", "-h", "-t", "PENDING", "-o", "%i").split())

    def cancel_all(self) -> None:
        """End every job of the account, and wait for that."""
        self.slurm("scancel", f"--user={USER}")
        wait_for(lambda: not self.slurm("squeue", "-h", "-o", "%i").split(), "no job is left", 120)

    def fill(self) -> None:
        """Take every GPU, so that what comes next has to wait."""
        argv = ["sbatch", "--parsable", f"--account={ACCOUNT}", f"--partition={PARTITION}", "--time=600"]
        job = self.slurm(
            *argv, "--nodes=2", "--exclusive", "--output=/dev/null", "--wrap=sleep 36000"
        ).strip()
        wait_for(
            lambda: self.slurm("squeue", "-h", "-j", job, "-o", "%T").strip() == "RUNNING",
            "the cluster is full",
            60,
        )

    def rpcs(self) -> int:
        """How many requests slurmctld has answered to the account's user and to root, by sdiag's count."""
        done = subprocess.run(
            ["sdiag"], env={**os.environ, **self.environment}, capture_output=True, text=True, check=True
        ).stdout
        # Nodes' own messages are no client's doing.
        section = done.partition("by message type")[2].partition("by user")[0]
        counted = re.findall(r"^\s*(\w+)\s+\(\s*\d+\)\s+count:(\d+)", section, re.MULTILINE)
        own = ("MESSAGE_", "REQUEST_STATS", "REQUEST_PING", "ACCOUNTING_")
        return sum(int(count) for name, count in counted if not name.startswith(own))


@contextmanager
def bench_cluster() -> Iterator[BenchCluster]:
    """The cluster while the block runs; as root. SIGTERM ends it like Ctrl-C, so that nothing is left."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    folder = Path(tempfile.mkdtemp(prefix="hpcampus-bench-", dir="/var/tmp"))
    folder.chmod(0o711)
    try:
        created = unix_accounts.ensure([USER], folder / "homes")
        try:
            with Twin(Site.load(SITES / f"{SITE}.yaml"), folder / "twin") as twin:
                twin.add_people([USER], Allocation(account=ACCOUNT))
                yield BenchCluster(folder, dict(twin.environment))
        finally:
            unix_accounts.remove(created)
    finally:
        shutil.rmtree(folder)


def say(sentence: str) -> None:
    """Progress, apart from the results."""
    print(sentence, file=sys.stderr, flush=True)
