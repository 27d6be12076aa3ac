"""The CPU versions of the exercises' kernels against NumPy and SciPy, on one core.

    python benchmarks/kernels_cpu.py            # all of them, in about two minutes
    python benchmarks/kernels_cpu.py heat life  # some of them, without writing the result

All contestants of a problem take turns, twelve times and for at least a second, and the least CPU time of
each counts: others may use the machine at the same time. BLAS has one thread. Each answer is first compared
with the problem's reference.
Prints a table and writes benchmarks/results/kernels_cpu.json.
"""

import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from hpcampus_kernels import PROBLEMS
from kernels_cpu_rivals import RIVALS
from outcome import keep, machine

# What takes a millisecond needs more runs until one had the memory for itself.
REPEATS, LEAST_SECONDS = 12, 1.0
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
SIZES: dict[str, tuple[int, ...]] = {
    "vector_add": (10_000_000,),
    "saxpy": (10_000_000,),
    "grey": (2048, 2048),
    "transpose": (4096, 4096),
    "matmul": (1024, 1024, 1024),
    "convolution": (1024, 1024),
    "heat": (2048, 2048),
    "life": (2048, 2048),
    "reduction": (10_000_000,),
    "dot": (10_000_000,),
    "histogram": (10_000_000, 256),
    "scan": (1, 10_000_000),
    "compaction": (1, 10_000_000),
    "softmax": (4096, 1024),
    "layer_norm": (4096, 1024),
    "attention": (2048,),
    "n_body": (4096,),
    "spmv": (100_000, 100_000, 20),
    "k_means": (200_000, 16),
    "mandelbrot": (600, 800),
    "black_scholes": (2_000_000,),
    "monte_carlo_pi": (10_000_000,),
    "radix_sort_pass": (1, 10_000_000),
}


def seconds(run: Callable[[], object]) -> float:
    """CPU time of one run, in all threads."""
    start = time.process_time()
    run()
    return time.process_time() - start


def compare(name: str) -> dict[str, Any]:
    """The first call of a problem's CPU version, and the least seconds of it and of each rival."""
    problem, size = PROBLEMS[name], SIZES[name]
    arguments = problem.arguments(size, np.random.default_rng(1))
    expected = problem.reference(*arguments)
    compiling = seconds(lambda: problem.cpu(*arguments))
    after = dict(zip(problem.parameters, arguments, strict=True))
    for output, right in zip(problem.outputs, expected, strict=True):
        wrong = problem.tolerance.wrong(np.asarray(after[output]), right)
        if wrong.any():
            raise AssertionError(f"{name}: {np.count_nonzero(wrong)} elements of {output} are wrong")
    del expected
    rivals = {label: prepare(*arguments) for label, prepare in RIVALS[name].items()}
    runs: dict[str, Callable[[], object]] = {"numba": lambda: problem.cpu(*arguments), **rivals}
    least = dict.fromkeys(runs, float("inf"))
    done, begun = 0, time.process_time()
    while done < REPEATS or time.process_time() - begun < LEAST_SECONDS:
        done += 1
        for label, run in runs.items():
            least[label] = min(least[label], seconds(run))
    return {"size": size, "first_call": compiling, "seconds": least}


def rows(name: str, result: dict[str, Any]) -> None:
    """A row of the table for each rival."""
    least = result["seconds"]
    size = " x ".join(f"{extent:,}" for extent in result["size"])
    for label in (label for label in least if label != "numba"):
        print(
            f"{name:<16}{size:<26}{label:<34}{1e3 * least[label]:>10.1f}{1e3 * least['numba']:>10.1f}"
            f"{least[label] / least['numba']:>8.2f}{result['first_call']:>8.1f}",
            flush=True,
        )


def main(wanted: list[str]) -> None:
    """Measure, print and, if all were measured, write."""
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | ONE_THREAD)
    measured_on = machine("numpy", "scipy", "numba")
    print(f"{'problem':<16}{'size':<26}{'rival':<34}{'rival ms':>10}{'numba ms':>10}{'ratio':>8}{'JIT s':>8}")
    results = {}
    for name in wanted or SIZES:
        results[name] = compare(name)
        rows(name, results[name])
    if not wanted:
        keep("kernels_cpu", {"machine": measured_on, "problems": results})


if __name__ == "__main__":
    main(sys.argv[1:])
