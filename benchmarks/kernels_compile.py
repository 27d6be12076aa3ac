"""All kernels of the exercises, compiled for three generations of GPUs on a machine without one.

    python benchmarks/kernels_compile.py

Prints a table and writes benchmarks/results/kernels_compile.json: what each kernel needs, and the seconds of
CPU time that it took, the start of the compiler included in the first one's, and NVIDIA's programs in each.
Others may use the machine at the same time; the seconds of the clock are given for all together. It fails if
a kernel spills registers or if all of them took more than 30 seconds.
"""

import math
import os
import sys
import time
from typing import Any

import numpy as np
from hpcampus_kernels import PROBLEMS, Inspection, Problem, inspect
from outcome import keep, machine

MOST_SECONDS = 30.0
PACKAGES = ("numba", "numba-cuda", "nvidia-nvvm", "nvidia-cuda-nvcc")


def compiled(problem: Problem) -> Inspection:
    """The GPU version, for the arguments and the blocks of its first launch."""
    case = problem.cases[0]
    return inspect(
        problem.gpu,
        problem.arguments(case.size, np.random.default_rng(1)),
        threads=math.prod(problem.launch(case.size).block),
        dynamic_shared=problem.shared_bytes(case.size),
        sass=False,
    )


def used() -> float:
    """Seconds of CPU time so far, of this process and of the programs that it ran."""
    return sum(os.times()[:4])


def row(inspection: Inspection) -> dict[str, Any]:
    """What is kept of one kernel."""
    return {
        arch: {
            "registers": c.registers,
            "spills": c.spills,
            "stack": c.stack,
            "shared": c.shared,
            "barriers": c.barriers,
            "threads": c.threads,
            "occupancy": round(c.occupancy.share, 4),
        }
        for arch, c in inspection.compiled.items()
    }


def main() -> int:
    """Measure, print and write."""
    measured_on = machine(*PACKAGES)
    seconds, rows, float64 = dict[str, float](), dict[str, Any](), dict[str, int]()
    clock = time.perf_counter()
    print(f"{'kernel':<16}{'s':>6}  registers, shared bytes, occupancy on A100, H100 and B200")
    for name, problem in PROBLEMS.items():
        start = used()
        inspection = compiled(problem)
        seconds[name] = round(used() - start, 3)
        rows[name] = row(inspection)
        float64[name] = sum(use.count for use in inspection.unasked_float64)
        cells = (f"{c['registers']:>4}{c['shared']:>6}{c['occupancy']:>6.0%}" for c in rows[name].values())
        print(f"{name:<16}{seconds[name]:>6.2f}  {'  '.join(cells)}")
    total, clock = round(sum(seconds.values()), 2), round(time.perf_counter() - clock, 2)
    spills = {name for name, archs in rows.items() if any(c["spills"] for c in archs.values())}
    print(f"{len(rows)} kernels for 3 architectures in {total} s ({clock} by the clock)")
    print(f"spilling: {', '.join(spills) or 'none'}")
    print(f"float64 that nobody asked for: {', '.join(n for n in float64 if float64[n]) or 'none'}")
    total_seconds = {"cpu": total, "clock": clock}
    result = {"machine": measured_on, "total_seconds": total_seconds, "seconds": seconds, "kernels": rows}
    keep("kernels_compile", result | {"unasked_float64": float64})
    return int(bool(spills) or total > MOST_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
