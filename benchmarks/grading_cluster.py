"""How fast are 200 submissions graded by 1, 2 and 4 jobs of Slurm, and is any lost when one job is killed?

`tools/apart.sh .venv/bin/python benchmarks/grading_cluster.py`: root and Slurm's packages, some minutes. The
jobs of a twin share the cores of this one machine: what this shows is that the work is shared out and
survives, not how much faster a cluster is. A number behind the command asks for so many submissions instead,
to try it out, and writes nothing.
"""

import json
import pwd
import subprocess
import sys
from pathlib import Path
from typing import Any

from cluster import ACCOUNT, SITE, USER, BenchCluster, bench_cluster, say
from hpcampus_hub.settings import SITES
from hpcampus_spawner.allocation import Allocation
from hpcampus_spawner.matching import match
from hpcampus_spawner.needs import Needs
from hpcampus_spawner.request import VARIABLE
from hpcampus_spawner.site import Site
from outcome import table, write

SUBMISSIONS = 200
PROGRAM = Path(__file__).parents[1] / "tests" / "support" / "grade_on_slurm.py"


def run(cluster: BenchCluster, submissions: int, jobs: int, kill: bool) -> dict[str, Any]:
    """One class."""
    say(f"{submissions} submissions, {jobs} jobs{', one is killed' if kill else ''} …")
    site = Site.load(SITES / f"{SITE}.yaml")
    request = match(Needs(cpus=1, memory_gib=2, walltime_minutes=60), site, Allocation(account=ACCOUNT))
    account = pwd.getpwnam(USER)
    done = subprocess.run(
        [sys.executable, PROGRAM, str(submissions), str(jobs), str(int(kill))],
        user=account.pw_uid,
        group=account.pw_gid,
        extra_groups=[],
        cwd=account.pw_dir,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": account.pw_dir,
            **cluster.environment,
            VARIABLE: request.model_dump_json(),
        },
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    came = json.loads(done.stdout.splitlines()[-1])
    # What a batch takes beyond the start of its first worker is what grows with the class.
    seconds = came["seconds in all"] - came["seconds to first"]
    return {
        "jobs": jobs,
        "killed": int(bool(came["killed"])),
        "graded": came["graded"],
        "lost": len(came["lost"]),
        "twice": came["twice"],
        "right": came["right"],
        "wrong": came["wrong"],
        "until the first s": came["seconds to first"],
        "in all s": came["seconds in all"],
        "submissions a minute": 60 * (came["graded"] - 1) / seconds,
    }


def main(submissions: int) -> None:
    """All classes, one after the other."""
    with bench_cluster() as cluster:
        rows = [run(cluster, submissions, jobs, kill) for jobs in (1, 2, 4) for kill in (False, True)]
    table(rows)
    if submissions == SUBMISSIONS:
        write(
            "grading_cluster",
            rows,
            "hpcampus-grading",
            "distributed",
            "dask-jobqueue",
            submissions=submissions,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SUBMISSIONS)
