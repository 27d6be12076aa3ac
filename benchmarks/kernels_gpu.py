"""The kernels of the exercises on a GPU: beside a copy, beside libraries, and under compute-sanitizer.

    python benchmarks/kernels_gpu.py                   # all problems
    python benchmarks/kernels_gpu.py scan attention    # some

It needs an NVIDIA GPU, and `pip install './kernels[cuda]'`; for the second and third part PyTorch with CUDA,
and compute-sanitizer (of a CUDA toolkit, or nvidia-cuda-sanitizer-api). A part whose program is missing
says so and is left out. It prints tables and writes benchmarks/results/kernels_gpu.json, with the name of the
device.

1. Speed: seconds of the GPU's clock for one of many launches in a row, at a size that no cache holds, in
   turns with a copy of as many bytes as the kernel has to move at least; the least of several. A kernel whose
   time is that of memory should reach 0.85.
2. Libraries: tiled matmul and attention as a share of the speed of cuBLAS and PyTorch, in float32.
3. Verdicts: for each solution and each wrong one, what our simulator finds and which tools of
   compute-sanitizer find an error, on the same launch.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from hpcampus_kernels import PROBLEMS, Problem, backend, device
from hpcampus_kernels.inspection import ToolMissingError
from hpcampus_kernels.judging.judge import launch
from hpcampus_kernels.judging.on_gpu import GpuRunner
from hpcampus_kernels.judging.sanitizer import TOOLS, watched
from hpcampus_kernels.judging.submission import submission
from hpcampus_kernels.simulator import Finding, sanitize
from outcome import table, write

REPEATS, IN_A_ROW, SEED = 15, 10, 1
# Which tool can see what a finding of the simulator is about. It sees races in shared memory only, and what
# nobody wrote in global memory only.
SEES = {"outside": "memcheck", "race": "racecheck", "barrier": "synccheck", "uninitialised": "initcheck"}
SHARED = {"race": True, "uninitialised": False}
LIBRARIES = ("matmul", "attention")
# Programs of compute-sanitizer at a time: each compiles its kernel on a core of its own.
AT_A_TIME = 8
MANY = 1 << 26
SIZES: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("vector_add", "saxpy", "black_scholes"), (MANY,)),
    **dict.fromkeys(("reduction", "dot"), (2 * MANY,)),
    "monte_carlo_pi": (16 * MANY,),
    "histogram": (2 * MANY, 256),
    "k_means": (MANY // 4, 16),
    **dict.fromkeys(("grey", "transpose", "convolution", "heat"), (8192, 8192)),
    "life": (16384, 16384),
    "mandelbrot": (4096, 4096),
    "matmul": (4096, 4096, 4096),
    **dict.fromkeys(("scan", "compaction", "softmax", "layer_norm", "radix_sort_pass"), (8192, 8192)),
    "attention": (65536,),
    "n_body": (65536,),
    "spmv": (1_000_000, 1_000_000, 32),
}


def speeds(problem: Problem) -> dict[str, Any]:
    """How long the solution and a copy of its bytes take."""
    case = problem.launch(SIZES[problem.name])
    task, runner = launch(problem, case, SEED), GpuRunner(submission(problem.gpu))
    found = runner.timed(task)
    if isinstance(found, str):
        return {"problem": problem.name, "size": str(case.size), "refused": found}
    kernel, copy = float("inf"), float("inf")
    rival = runner.rival(problem, task)
    for _ in range(REPEATS):
        kernel, copy = min(kernel, found[1]()), min(copy, rival())
    moved, flops = problem.bytes_moved(case.size), problem.flops(case.size)
    return {
        "problem": problem.name,
        "size": " x ".join(map(str, case.size)),
        "kernel ms": 1e3 * kernel,
        "GB/s": moved / kernel / 1e9,
        "GFLOP/s": flops / kernel / 1e9,
        "copy ms": 1e3 * copy,
        "share of copy": copy / kernel,
    }


def library(torch: Any, problem: Problem) -> Callable[[], Any]:
    """What PyTorch calls for the same work; its matrix product is cuBLAS'."""
    torch.backends.cuda.matmul.allow_tf32 = False
    task = launch(problem, problem.launch(SIZES[problem.name]), SEED)
    values = [torch.from_numpy(v).cuda() for v in task.arguments.values()]
    if problem.name == "matmul":
        return lambda: torch.mm(values[0], values[1])
    batched = [value[None, None] for value in values[:3]]
    return lambda: torch.nn.functional.scaled_dot_product_attention(*batched)


def seconds(torch: Any, run: Callable[[], Any]) -> float:
    """Of one run in a row of them, by the GPU's clock: the least of several rows."""
    run()
    times = []
    for _ in range(REPEATS):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(IN_A_ROW):
            run()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end) / 1e3 / IN_A_ROW)
    return float(min(times))


def beside_libraries(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The share of a library's speed, for the problems that have one."""
    asked = [row for row in rows if row["problem"] in LIBRARIES and "kernel ms" in row]
    try:
        import torch  # noqa: PLC0415 - a large package that this part alone needs
    except ImportError:
        print("PyTorch isn't installed: nothing is compared with libraries.")
        return
    for row in asked:
        problem = PROBLEMS[row["problem"]]
        least = seconds(torch, library(torch, problem))
        share = 1e3 * least / row["kernel ms"]
        yield {"problem": problem.name, "library ms": 1e3 * least, "share of library": share}


def could_be_seen(finding: Finding) -> bool:
    """Whether a tool of compute-sanitizer looks at that memory at all."""
    return SHARED.get(finding.kind) in (None, "shared memory" in finding.message.lower())


def verdicts(problem: Problem, pool: ThreadPoolExecutor) -> Iterator[dict[str, Any]]:
    """Simulator and compute-sanitizer on the first launch of the solution, and of each wrong one."""
    task = launch(problem, problem.cases[0], SEED)
    kernels = {"solution": problem.gpu} | {wrong.name: wrong.kernel for wrong in problem.wrong}
    asked = {
        name: [pool.submit(watched, submission(kernel), task, tool) for tool in TOOLS]
        for name, kernel in kernels.items()
    }
    for name, kernel in kernels.items():
        values = [v.copy() if isinstance(v, np.ndarray) else v for v in task.arguments.values()]
        report = sanitize(kernel, task.case.grid, task.case.block, *values, shared_bytes=task.shared_bytes)
        said = [future.result() for future in asked[name]]
        ours = {finding.kind for finding in report.errors}
        visible = {SEES[f.kind] for f in report.errors if f.kind in SEES and could_be_seen(f)}
        theirs = {one.tool for one in said if one.errors}
        yield {
            "problem": problem.name,
            "kernel": name,
            "simulator": ", ".join(sorted(ours)),
            "compute-sanitizer": ", ".join(sorted(theirs)),
            "failed": ", ".join(one.tool for one in said if one.errors is None),
            "agree": visible == theirs,
        }


def main(wanted: list[str]) -> int:
    """Measure, print and write; 1 without a GPU."""
    if backend.SIMULATED:
        print(
            f"{device()} This benchmark measures GPUs: run it where there is one, with numba-cuda installed."
        )
        return 1
    print(device())
    problems = [PROBLEMS[name] for name in wanted or PROBLEMS]
    speed_rows = [speeds(problem) for problem in problems]
    for row in speed_rows:
        print(row) if "refused" in row else None
    table([row for row in speed_rows if "refused" not in row])
    library_rows, verdict_rows = list(beside_libraries(speed_rows)), []
    if library_rows:
        table(library_rows)
    try:
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            verdict_rows = [row for problem in problems for row in verdicts(problem, pool)]
        table(verdict_rows)
    except ToolMissingError as error:
        print(f"{error}: no verdicts are compared.")
    more = {"device": device(), "libraries": library_rows, "verdicts": verdict_rows}
    write("kernels_gpu", speed_rows, "numpy", "numba", "numba-cuda", **more)
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("problem", nargs="*", choices=[*PROBLEMS, []], metavar="PROBLEM")
    sys.exit(main(parser.parse_args().problem))
