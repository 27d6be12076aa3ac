"""How long one check of each exercise takes: the solution, on all its launches.

    python benchmarks/kernels_check.py                 # all problems
    python benchmarks/kernels_check.py attention scan  # some

Seconds of CPU time, of the judge and of the process in which the kernel runs, the least of three; others may
use the machine at the same time. A notebook's first check takes a second more, in which the judge starts.
Prints a table, writes benchmarks/results/kernels_check.json, and fails if a check takes 3 seconds or more.
"""

import os
import sys
from typing import Any

from hpcampus_kernels import PROBLEMS
from hpcampus_kernels.judging.judge import judged
from hpcampus_kernels.judging.runner import ForkedRunner
from hpcampus_kernels.judging.submission import submission
from outcome import keep, machine

MOST_SECONDS, REPEATS = 3.0, 3


def used() -> float:
    """CPU seconds so far, of this process and of those that it started and that have ended."""
    return sum(os.times()[:4])


def checked(name: str) -> float:
    """The seconds of one check, whose points must all be earned."""
    submitted = submission(PROBLEMS[name].gpu)
    question = {"problem": name, "cases": (), "seed": None, "require": {}, "first_only": False}
    start = used()
    with ForkedRunner(submitted) as runner:
        points = judged(submitted, question, runner)
    if lost := [point for point in points if point["earned"] < point["possible"]]:
        raise SystemExit(f"the solution of {name} isn't right: {lost}")
    return used() - start


def measured(name: str) -> dict[str, Any]:
    """The seconds of a check, with a line of the table."""
    problem, seconds = PROBLEMS[name], min(checked(name) for _ in range(REPEATS))
    launches = len(problem.cases) + len(problem.edges)
    print(f"{name:<18}{launches:>10}{seconds:>8.2f}", flush=True)
    return {"launches": launches, "seconds": round(seconds, 2)}


def main(wanted: list[str]) -> int:
    """Measure, print and write."""
    print(f"{'problem':<18}{'launches':>10}{'s':>8}")
    rows = {name: measured(name) for name in wanted or PROBLEMS}
    slow = [name for name, row in rows.items() if row["seconds"] >= MOST_SECONDS]
    print(f"{MOST_SECONDS:g} seconds or more: {', '.join(slow) or 'none'}")
    if not wanted:
        keep("kernels_check", {"machine": machine("numpy", "numba"), "problems": rows})
    return int(bool(slow))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
