"""A class that is graded by jobs of Slurm, one of which is killed midway; run as the instructor.

`python grade_on_slurm.py SUBMISSIONS JOBS KILL`, with the request for a job in CAMPUS_JOB_REQUEST and a HOME
to write into; says what came of it, as JSON, when none of its jobs is left. The killed job is the first that
runs when a third is done.
"""

import json
import os
import subprocess
import sys
import time
import warnings
from collections import Counter
from pathlib import Path

from campus_under_test import wait_for
from class_folder import ASSIGNMENT, RIGHT, WRONG, ClassFolder
from hpcampus_grading.batch.grading import grade_waiting
from hpcampus_grading.batch.workers import Crew
from sqlalchemy.exc import SAWarning


def main(submissions: int, jobs: int, kill: bool) -> dict[str, object]:
    """Grade a new class; every third of it is wrong."""
    warnings.filterwarnings("ignore", category=SAWarning, module="nbgrader")
    squares = ClassFolder(Path.home() / f"courses-{submissions}-{jobs}-{kill:d}").prepare()
    names = [f"learner{number:03}" for number in range(submissions)]
    for number, name in enumerate(names):
        squares.submit(name, RIGHT if number % 3 else WRONG)
    begun, first, killed = time.monotonic(), 0.0, ""

    def progress(done: int, of: int) -> None:
        nonlocal first, killed
        if done and not first:
            first = time.monotonic()
        if kill and not killed and done >= of // 3:
            killed = _kill_one()

    batch = grade_waiting(squares.gradebook(), ASSIGNMENT, Crew("slurm", jobs), progress)
    ended, scores = time.monotonic(), squares.scores()
    # Slurm lists a job that was cancelled until its node has tidied up after it.
    wait_for(lambda: not _jobs(), "no job of ours is left")
    return {
        "jobs": jobs,
        "killed": killed,
        "graded": len(batch.graded),
        "twice": max(Counter(batch.graded).values(), default=0) - 1,
        "lost": sorted(set(names) - set(batch.graded)),
        "problems": dict(batch.problems),
        "right": sum(scores[name, "square-test"] == 2 for name in names),
        "wrong": sum(scores[name, "square-test"] == 0 for name in names),
        "seconds to first": first - begun,
        "seconds in all": ended - begun,
    }


def _jobs(*states: str) -> list[str]:
    """Our jobs in some states, or in any."""
    wanted = [f"--states={','.join(states)}"] if states else []
    command = ["squeue", "--noheader", f"--user={os.getuid()}", "--format=%i", *wanted]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def _kill_one() -> str:
    job = _jobs("RUNNING")[0]
    subprocess.run(["scancel", "--signal=KILL", "--full", job], check=True)
    return job


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "1")) + "\n")
