"""The GPU versions of the exercises' kernels on one core, by `on_cpu`, against NumPy and the simulator.

    python benchmarks/kernels_on_cpu.py               # all of them, in about three minutes
    python benchmarks/kernels_on_cpu.py heat softmax  # some of them, without writing the result

Against NumPy or SciPy at the sizes of `kernels_cpu.py`; against the simulator, without its detectors, in the
largest launch that a check of the exercise tries. Least CPU time of a few runs, in turns. Each answer is
compared with the problem's reference. Prints a table and writes benchmarks/results/kernels_on_cpu.json.
"""

import os
import sys
from collections.abc import Callable
from math import prod
from typing import Any

os.environ["HPCAMPUS_CUDA"] = "simulator"

import numpy as np
from hpcampus_kernels import PROBLEMS, Case, Problem, on_cpu
from kernels_cpu import ONE_THREAD, SIZES, seconds
from kernels_cpu_rivals import RIVALS
from outcome import keep, machine

REPEATS = 3
Run = Callable[[], object]


def prepared(problem: Problem, case: Case, kernel: Any) -> tuple[Run, tuple[Any, ...]]:
    """A launch of that kernel, which was tried, and its arguments."""
    arguments = problem.arguments(case.size, np.random.default_rng(1))
    expected = problem.reference(*arguments)
    launch = kernel[case.grid, case.block, 0, problem.shared_bytes(case.size)]
    launch(*arguments)
    after = dict(zip(problem.parameters, arguments, strict=True))
    for output, right in zip(problem.outputs, expected, strict=True):
        if problem.tolerance.wrong(np.asarray(after[output]), right).any():
            raise AssertionError(f"{problem.name}: {output} is wrong in a launch of {case}")
    return lambda: launch(*arguments), arguments


def least(runs: dict[str, Run]) -> dict[str, float]:
    """The least seconds of each, in turns."""
    found = dict.fromkeys(runs, float("inf"))
    for _ in range(REPEATS):
        for label, run in runs.items():
            found[label] = min(found[label], seconds(run))
    return found


def compare(name: str) -> dict[str, Any]:
    """The seconds of the first launch, and of all contestants at the two sizes."""
    problem = PROBLEMS[name]
    real, small = problem.launch(SIZES[name]), max(problem.cases, key=lambda case: prod(case.size))
    kernel, fast = (on_cpu(problem.gpu, parallel=False, bounds=bounds) for bounds in (True, False))
    first = seconds(lambda: prepared(problem, small, kernel))
    checked, arguments = prepared(problem, real, kernel)
    rivals = {label: prepare(*arguments) for label, prepare in RIVALS[name].items()}
    large = least({"on_cpu": checked, "without bounds": prepared(problem, real, fast)[0], **rivals})
    tried = {"on_cpu": kernel, "simulator": problem.gpu}
    in_check = least({label: prepared(problem, small, one)[0] for label, one in tried.items()})
    sizes = {"size": real.size, "check": str(small)}
    return {"first_launch": first, **sizes, "seconds": large, "seconds_in_check": in_check}


def row(name: str, result: dict[str, Any]) -> None:
    """A row of the table; the fastest rival counts."""
    large, small = result["seconds"], result["seconds_in_check"]
    rival = min(value for label, value in large.items() if label not in ("on_cpu", "without bounds"))
    size = " x ".join(f"{extent:,}" for extent in result["size"])
    print(
        f"{name:<16}{size:<24}{1e3 * rival:>10.1f}{1e3 * large['on_cpu']:>10.1f}"
        f"{1e3 * large['without bounds']:>10.1f}{rival / large['on_cpu']:>8.2f}"
        f"{small['simulator'] / small['on_cpu']:>12.0f}{result['first_launch']:>8.1f}",
        flush=True,
    )


def main(wanted: list[str]) -> None:
    """Measure, print and, if all were measured, write."""
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | ONE_THREAD)
    measured_on = machine("numpy", "scipy", "numba")
    columns = ("np ms", "on_cpu ms", "no bounds", "ratio")
    print(f"{'problem':<16}{'size':<24}{''.join(f'{c:>10}' for c in columns[:3])}{columns[3]:>8}", end="")
    print(f"{'x simulator':>12}{'JIT s':>8}")
    results = {}
    for name in wanted or SIZES:
        results[name] = compare(name)
        row(name, results[name])
    if not wanted:
        keep("kernels_on_cpu", {"machine": measured_on, "problems": results})


if __name__ == "__main__":
    main(sys.argv[1:])
