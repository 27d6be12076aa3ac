"""The simulator against Numba's own, in one run on one machine: tiled matmul of 64 and scan of 1024.

    python benchmarks/kernels_simulator.py

Prints a table and writes benchmarks/results/kernels_simulator.json. Each figure is the least
of three runs, in seconds of CPU time: others may use the machine at the same time.
"""

import json
import os
import platform
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

os.environ["NUMBA_ENABLE_CUDASIM"] = "1"  # read when Numba is imported: its launches are to be simulated
from hpcampus_kernels.simulator import simulate
from numba import cuda, float32

RESULT = Path(__file__).parent / "results" / "kernels_simulator.json"
SIZE, TILE, SCAN, REPEATS = 64, 16, 1024, 3
DETECTORS = ("races", "memory")
MODES: dict[str, tuple[str, ...]] = {
    "no detectors": (),
    "detectors": DETECTORS,
    "detectors and measures": (*DETECTORS, "measures"),
}


@cuda.jit
def matmul(a: Any, b: Any, c: Any) -> None:
    tile_a = cuda.shared.array((TILE, TILE), float32)
    tile_b = cuda.shared.array((TILE, TILE), float32)
    column, row = cuda.grid(2)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    total = float32(0)
    for start in range(0, a.shape[1], TILE):
        tile_a[y, x] = a[row, start + x]
        tile_b[y, x] = b[start + y, column]
        cuda.syncthreads()
        for k in range(TILE):
            total += tile_a[y, k] * tile_b[k, x]
        cuda.syncthreads()
    c[row, column] = total


@cuda.jit
def scan(x: Any, out: Any) -> None:
    part = cuda.shared.array(SCAN, float32)
    t = cuda.threadIdx.x
    part[t] = x[t]
    cuda.syncthreads()
    step = 1
    while step < SCAN:
        before = part[t - step] if t >= step else float32(0)
        cuda.syncthreads()
        part[t] += before
        cuda.syncthreads()
        step *= 2
    out[t] = part[t]


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
    seconds = {"stock": least(lambda: kernel[grid, block](*arguments))}
    np.testing.assert_allclose(arguments[-1], expected, rtol=1e-4)
    for mode, check in MODES.items():
        arguments[-1][:] = 0
        seconds[mode] = least(lambda check=check: simulate(kernel, grid, block, *arguments, check=check))
        np.testing.assert_allclose(arguments[-1], expected, rtol=1e-4)
    return seconds


def machine() -> dict[str, str]:
    """Where and with what this ran."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    cpu = next(line.partition(": ")[2] for line in lines if line.startswith("model name"))
    packages = {name: version(name) for name in ("numpy", "numba", "numba-cuda", "greenlet")}
    load = Path("/proc/loadavg").read_text(encoding="utf-8").split()[0]
    return {"cpu": cpu, "python": platform.python_version(), "load": load, **packages}


def main() -> None:
    """Measure, print and write."""
    rng = np.random.default_rng(1)
    a, b = rng.random((SIZE, SIZE), np.float32), rng.random((SIZE, SIZE), np.float32)
    x, blocks = rng.random(SCAN, np.float32), SIZE // TILE
    rows = {
        f"tiled matmul {SIZE}": measure(
            matmul, (blocks, blocks), (TILE, TILE), [a, b, np.zeros_like(a)], a @ b
        ),
        f"scan {SCAN}": measure(scan, 1, SCAN, [x, np.zeros_like(x)], np.cumsum(x)),
    }
    print(
        f"{'kernel':<18}{'stock s':>10}" + "".join(f"{mode + ' s':>28}{'times faster':>14}" for mode in MODES)
    )
    for name, seconds in rows.items():
        faster = "".join(f"{seconds[m]:>28.3f}{seconds['stock'] / seconds[m]:>14.1f}" for m in MODES)
        print(f"{name:<18}{seconds['stock']:>10.3f}{faster}")
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps({"machine": machine(), "seconds": rows}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
