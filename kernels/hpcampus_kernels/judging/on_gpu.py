"""The kernel on a GPU, in the process that asked: a GPU can't be handed to a fork.

All that keeps a kernel apart from the answers here is that it is rebuilt from source that the gate has read.
"""

from collections.abc import Callable
from dataclasses import replace
from types import FunctionType
from typing import Any

import numpy as np

from hpcampus_kernels import backend, findings
from hpcampus_kernels.inspection.tools import ToolMissingError
from hpcampus_kernels.judging.rebuild import rebuilt
from hpcampus_kernels.judging.sanitizer import TOOLS, Said, watched
from hpcampus_kernels.judging.speed import Timed
from hpcampus_kernels.judging.submission import Submission
from hpcampus_kernels.judging.task import Outcome, Task
from hpcampus_kernels.launch import guarded
from hpcampus_kernels.problem import Problem
from hpcampus_kernels.verdict import Point

# What only the simulator sees.
UNSEEN = ("work", "order", "sectors", "banks")
BUSY_SECONDS, MOST_IN_A_ROW = 5e-3, 50


def compiled(submitted: Submission) -> Any:
    """The kernel, ready to be launched on the GPU."""

    def device(function: FunctionType) -> Any:
        return backend.cuda.jit(device=True)(function)

    # Under a name of its own: what Python knows of the lines of a cell must stay as it is.
    functions = tuple(replace(one, file=f"<checked {one.file}>") for one in submitted.functions)
    return backend.cuda.jit(rebuilt(Submission(functions), device))


def on_device(task: Task) -> list[Any]:
    """The arguments of a launch, with the arrays in the memory of the GPU."""
    values = task.arguments.values()
    return [backend.cuda.to_device(v) if isinstance(v, np.ndarray) else v for v in values]


class GpuRunner:
    """Runs launches of one kernel."""

    work, most = 400e6, 1e15
    beside = "a copy of as many bytes"

    def __init__(self, submitted: Submission) -> None:
        self._submitted, self._kernel = submitted, compiled(submitted)

    def __call__(self, task: Task) -> Outcome:
        """What comes of a launch, between guard zones."""
        run = guarded(self._kernel, task.case, task.arguments, task.shared_bytes)
        outside = findings.bounds(run, task.case)
        reason = findings.stopped(run, self._kernel.py_func.__code__.co_filename)
        return Outcome(bounds=outside, stopped=reason, after=(run.after,))

    def timed(self, task: Task) -> Timed | str:
        """The arrays after a first launch, and what launches again and gives seconds by the GPU's clock."""
        values = on_device(task)
        launch = self._kernel[task.case.grid, task.case.block, 0, task.shared_bytes]
        launch(*values)
        back = zip(task.arguments, values, strict=True)
        after = {name: value.copy_to_host() for name, value in back if hasattr(value, "copy_to_host")}
        return after, lambda: _seconds(lambda: launch(*values))

    def rival(self, problem: Problem, task: Task) -> Callable[[], float]:
        """A copy on the device: half of the bytes are read, half are written."""
        half = np.zeros(max(1, problem.bytes_moved(task.case.size) // 2), np.uint8)
        one, other = backend.cuda.to_device(half), backend.cuda.to_device(half)
        return lambda: _seconds(lambda: other.copy_to_device(one))

    def watched(self, task: Task) -> list[Said]:
        """What each tool of compute-sanitizer says of that launch; none if it isn't installed."""
        try:
            return [watched(self._submitted, task, tool) for tool in TOOLS]
        except ToolMissingError:
            return []


def _seconds(launch: Callable[[], None]) -> float:
    """Seconds of one launch: the mean of as many in a row as keep the GPU busy for some milliseconds.

    A launch takes the processor tens of microseconds, which would count if the GPU had to wait for it.
    """
    once = _elapsed(launch, 1)
    count = min(MOST_IN_A_ROW, int(BUSY_SECONDS / max(once, 1e-9)))
    return once if count <= 1 else _elapsed(launch, count) / count


def _elapsed(launch: Callable[[], None], count: int) -> float:
    start, end = backend.cuda.event(), backend.cuda.event()
    start.record()
    for _ in range(count):
        launch()
    end.record()
    end.synchronize()
    return float(backend.cuda.event_elapsed_time(start, end)) / 1000


def seen_on_gpu(point: Point) -> Point:
    """The point, or that it wasn't checked."""
    return replace(point, earned=0, possible=0, words="") if point.name in UNSEEN else point
