"""The simulator against Numba's own, in one run on one machine: tiled matmul of 64 and scan of 1024.

    python benchmarks/kernels_simulator.py

Prints a table and writes benchmarks/results/kernels_simulator.json. Each figure is the least
of three runs, in seconds of CPU time: others may use the machine at the same time.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

os.environ["NUMBA_ENABLE_CUDASIM"] = "1"
sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))

import numba.cuda
import numpy as np
from hpcampus_kernels.simulator import simulate
from outcome import keep, machine
from right_kernels import inclusive_scan, tiled_matmul

SIZE, TILE, SCAN, REPEATS = 64, 16, 1024, 3
DETECTORS = ("races", "memory")
MODES: dict[str, tuple[str, ...]] = {
    "no detectors": (),
    "detectors": DETECTORS,
    "detectors and measures": (*DETECTORS, "measures"),
}


def stock(kernel: Any) -> Any:
    """The same kernel for Numba's simulator, which knows `cuda` as Numba's own module only."""
    names = {**kernel.__globals__, "cuda": numba.cuda}
    copy = FunctionType(kernel.__code__, names, kernel.__name__, kernel.__defaults__, kernel.__closure__)
    return numba.cuda.jit(copy)


def least(run: Callable[[], object]) -> float:
    """CPU seconds of the fastest run."""
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


def measure(kernel: Any, grid: Any, block: Any, arguments: list[Any], expected: Any) -> dict[str, float]:
    """Seconds of Numba's simulator and of every mode of this one, whose answers must be right."""
    seconds = {"stock": least(lambda: stock(kernel)[grid, block](*arguments))}
    np.testing.assert_allclose(arguments[-1], expected, rtol=1e-4)
    for mode, check in MODES.items():
        arguments[-1][:] = 0
        seconds[mode] = least(lambda check=check: simulate(kernel, grid, block, *arguments, check=check))
        np.testing.assert_allclose(arguments[-1], expected, rtol=1e-4)
    return seconds


def main() -> None:
    """Measure, print and write."""
    rng = np.random.default_rng(1)
    a, b = rng.random((SIZE, SIZE), np.float32), rng.random((SIZE, SIZE), np.float32)
    x, blocks = rng.random(SCAN, np.float32), SIZE // TILE
    rows = {
        f"tiled matmul {SIZE}": measure(
            tiled_matmul(TILE), (blocks, blocks), (TILE, TILE), [a, b, np.zeros_like(a)], a @ b
        ),
        f"scan {SCAN}": measure(inclusive_scan(SCAN), 1, SCAN, [x, np.zeros_like(x)], np.cumsum(x)),
    }
    print(
        f"{'kernel':<18}{'stock s':>10}" + "".join(f"{mode + ' s':>28}{'times faster':>14}" for mode in MODES)
    )
    for name, seconds in rows.items():
        faster = "".join(f"{seconds[m]:>28.3f}{seconds['stock'] / seconds[m]:>14.1f}" for m in MODES)
        print(f"{name:<18}{seconds['stock']:>10.3f}{faster}")
    keep("kernels_simulator", {"machine": machine("numpy", "numba", "numba-cuda"), "seconds": rows})


if __name__ == "__main__":
    sys.exit(main())
