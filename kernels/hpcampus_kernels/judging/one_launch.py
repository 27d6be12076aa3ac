"""One launch on a GPU in a process of its own, for a program that watches it from outside."""

import sys

from hpcampus_kernels import backend
from hpcampus_kernels.judging.frames import read_frame
from hpcampus_kernels.judging.on_gpu import compiled, on_device
from hpcampus_kernels.judging.submission import Submission
from hpcampus_kernels.judging.task import Task


def main() -> None:
    """Read a kernel and a task from standard input, and launch."""
    head, arrays = read_frame(sys.stdin.buffer)
    task = Task.from_frame(head, arrays)
    kernel = compiled(Submission.from_data(head["submission"]))
    kernel[task.case.grid, task.case.block, 0, task.shared_bytes](*on_device(task))
    backend.cuda.synchronize()
