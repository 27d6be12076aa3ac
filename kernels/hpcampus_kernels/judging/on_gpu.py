"""The kernel on a GPU, in the process that asked: a GPU can't be handed to a fork.

All that keeps a kernel apart from the answers here is that it is rebuilt from source that the gate has read.
"""

from dataclasses import replace
from types import FunctionType
from typing import Any

from hpcampus_kernels import backend, findings
from hpcampus_kernels.judging.rebuild import rebuilt
from hpcampus_kernels.judging.submission import Submission
from hpcampus_kernels.judging.task import Outcome, Task
from hpcampus_kernels.launch import guarded
from hpcampus_kernels.verdict import Point

# What only the simulator sees.
UNSEEN = ("work", "order", "sectors", "banks")


class GpuRunner:
    """Runs launches of one kernel."""

    def __init__(self, submitted: Submission) -> None:
        def device(function: FunctionType) -> Any:
            return backend.cuda.jit(device=True)(function)

        self._kernel = backend.cuda.jit(rebuilt(submitted, device))

    def __call__(self, task: Task) -> Outcome:
        """What comes of a launch, between guard zones."""
        run = guarded(self._kernel, task.case, task.arguments, task.shared_bytes)
        outside = findings.bounds(run, task.case)
        reason = findings.stopped(run, self._kernel.py_func.__code__.co_filename)
        return Outcome(bounds=outside, stopped=reason, after=(run.after,))


def seen_on_gpu(point: Point) -> Point:
    """The point, or that it wasn't checked."""
    return replace(point, earned=0, possible=0, words="") if point.name in UNSEEN else point
