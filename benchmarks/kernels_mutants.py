"""How many mutants of the exercises' solutions `check` finds out: one mistake at a time.

    python benchmarks/kernels_mutants.py                # all problems
    python benchmarks/kernels_mutants.py scan spmv      # some; the others keep their last result

Prints a table and writes benchmarks/results/kernels_mutants.json after each problem.
"""

import json
import sys
import time
from typing import Any

from hpcampus_kernels import PROBLEMS
from hpcampus_kernels.mutation import score
from outcome import RESULTS, keep, machine

NAME = "kernels_mutants"


def last() -> dict[str, Any]:
    """The results so far, by problem."""
    try:
        problems: dict[str, Any] = json.loads((RESULTS / f"{NAME}.json").read_text("utf-8"))["problems"]
    except FileNotFoundError:
        return {}
    return problems


def measured(name: str) -> dict[str, Any]:
    """The score of a problem, as data, with a line of the table."""
    start = time.monotonic()
    found = score(PROBLEMS[name])
    tried = len(found.killed) + len(found.alive)
    print(
        f"{name:<18}{tried:>8}{len(found.killed):>8}{len(found.alive):>8}{len(found.equivalent):>12}"
        f"{found.share:>8.1%}{time.monotonic() - start:>8.0f}",
        flush=True,
    )
    for mutant in found.alive:
        print(f"    {mutant.kind}, {mutant.label}")
    return found.as_data()


def main(wanted: list[str]) -> None:
    """Measure, print and write."""
    measured_on = machine("numpy", "numba")
    print(f"{'problem':<18}{'mutants':>8}{'killed':>8}{'alive':>8}{'equivalent':>12}{'share':>8}{'s':>8}")
    for name in wanted or PROBLEMS:
        result = measured(name)
        results = {**last(), name: result}
        ordered = {known: results[known] for known in PROBLEMS if known in results}
        keep(NAME, {"machine": measured_on, "problems": ordered})
    killed, alive = (sum(p["killed"] for p in last().values()), sum(len(p["alive"]) for p in last().values()))
    print(f"{killed} of {killed + alive} mutants killed: {killed / (killed + alive):.1%}")


if __name__ == "__main__":
    main(sys.argv[1:])
