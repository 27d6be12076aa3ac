"""The kernel on a GPU, in the process that asked: a GPU can't be handed to a fork.

All that keeps a kernel apart from the answers here is that it is rebuilt from source that the gate has read.
"""

from collections.abc import Callable
from dataclasses import replace
from types import FunctionType
from typing import Any

import numpy as np

from hpcampus_kernels import backend, findings
from hpcampus_kernels.judging.rebuild import rebuilt
from hpcampus_kernels.judging.speed import Timed
from hpcampus_kernels.judging.submission import Submission
from hpcampus_kernels.judging.task import Outcome, Task
from hpcampus_kernels.launch import guarded
from hpcampus_kernels.problem import Problem
from hpcampus_kernels.verdict import Point

# What only the simulator sees.
UNSEEN = ("work", "order", "sectors", "banks")


class GpuRunner:
    """Runs launches of one kernel."""

    work, most = 400e6, 1e15
    beside = "a copy of as many bytes"

    def __init__(self, submitted: Submission) -> None:
        def device(function: FunctionType) -> Any:
            return backend.cuda.jit(device=True)(function)

        # Under a name of its own: what Python knows of the lines of a cell must stay as it is.
        functions = tuple(replace(one, file=f"<checked {one.file}>") for one in submitted.functions)
        self._kernel = backend.cuda.jit(rebuilt(Submission(functions), device))

    def __call__(self, task: Task) -> Outcome:
        """What comes of a launch, between guard zones."""
        run = guarded(self._kernel, task.case, task.arguments, task.shared_bytes)
        outside = findings.bounds(run, task.case)
        reason = findings.stopped(run, self._kernel.py_func.__code__.co_filename)
        return Outcome(bounds=outside, stopped=reason, after=(run.after,))

    def timed(self, task: Task) -> Timed | str:
        """The arrays after a first launch, and what launches again and gives seconds by the GPU's clock."""
        values = [
            backend.cuda.to_device(v) if isinstance(v, np.ndarray) else v for v in task.arguments.values()
        ]
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


def _seconds(launch: Callable[[], None]) -> float:
    start, end = backend.cuda.event(), backend.cuda.event()
    start.record()
    launch()
    end.record()
    end.synchronize()
    return float(backend.cuda.event_elapsed_time(start, end)) / 1000


def seen_on_gpu(point: Point) -> Point:
    """The point, or that it wasn't checked."""
    return replace(point, earned=0, possible=0, words="") if point.name in UNSEEN else point
