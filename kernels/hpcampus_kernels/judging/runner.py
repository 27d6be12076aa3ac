"""The process in which a kernel runs: it has the kernel, the simulator, and one launch at a time."""

import os
import resource
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from types import FunctionType, TracebackType
from typing import IO

import numpy as np

from hpcampus_kernels.cpu import on_cpu
from hpcampus_kernels.judging.frames import read_frame, write_frame
from hpcampus_kernels.judging.perform import perform
from hpcampus_kernels.judging.rebuild import rebuilt
from hpcampus_kernels.judging.sanitizer import Said
from hpcampus_kernels.judging.speed import Timed
from hpcampus_kernels.judging.submission import Submission
from hpcampus_kernels.judging.task import ORDERS, Outcome, Task
from hpcampus_kernels.problem import Problem

AGAIN = b"."
CPU_SECONDS = 60
MEMORY_BYTES = 16 << 30
ENDED = (
    "The process in which the kernel ran has ended. "
    f"It needed more than {CPU_SECONDS} seconds, or too much memory."
)
UNREADABLE = Outcome(stopped="What came back from the kernel can't be read.")


class ForkedRunner:
    """A fork of this process that runs launches until the `with` ends."""

    work, most = 20e6, 1e12
    beside = "the version for CPUs, on one core"

    def __init__(self, submitted: Submission) -> None:
        task_end, tasks = os.pipe()
        outcomes, outcome_end = os.pipe()
        self.child = os.fork()
        if not self.child:
            os.close(tasks)
            os.close(outcomes)
            _run_and_end(submitted, task_end, outcome_end)
        os.close(task_end)
        os.close(outcome_end)
        self._tasks, self._outcomes = os.fdopen(tasks, "wb"), os.fdopen(outcomes, "rb")

    def __call__(self, task: Task) -> Outcome:
        """What comes of a launch; that the process died is words, too."""
        try:
            write_frame(self._tasks, *task.frame())
            outcome = Outcome.from_frame(*read_frame(self._outcomes))
        except (OSError, EOFError):
            return Outcome(stopped=ENDED)
        except (ValueError, KeyError, TypeError, AttributeError):
            return UNREADABLE
        whole = outcome.stopped or len(outcome.after) == 1 + len(ORDERS)
        return outcome if whole else UNREADABLE

    def timed(self, task: Task) -> Timed | str:
        """The arrays after a first launch at a CPU's speed, and what launches again and gives CPU seconds."""
        try:
            head, arrays = task.frame()
            write_frame(self._tasks, {**head, "timed": True}, arrays)
            answer, after = read_frame(self._outcomes)
        except (OSError, EOFError, ValueError, KeyError):
            return ENDED
        return (after, self._again) if "refused" not in answer else str(answer["refused"])[:2000]

    def rival(self, problem: Problem, task: Task) -> Callable[[], float]:
        """The CPU version. It runs here, not where the kernel is."""
        values = [v.copy() if isinstance(v, np.ndarray) else v for v in task.arguments.values()]
        problem.cpu(*values)  # compiles

        def run() -> float:
            start = time.process_time()
            problem.cpu(*values)
            return time.process_time() - start

        return run

    def watched(self, _task: Task) -> list[Said]:
        """Nothing: compute-sanitizer watches GPUs only."""
        return []

    def _again(self) -> float:
        start = _seconds_of(self.child)
        self._tasks.write(AGAIN)
        self._tasks.flush()
        self._outcomes.read(len(AGAIN))
        return _seconds_of(self.child) - start

    def __enter__(self) -> "ForkedRunner":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._outcomes.close()
        with suppress(BrokenPipeError):
            self._tasks.close()
        os.waitpid(self.child, 0)


def _seconds_of(process: int) -> float:
    """CPU seconds of another process: Linux makes the clock's number from that of the process."""
    return time.clock_gettime((~process << 3) | 2)


def _run_and_end(submitted: Submission, task_end: int, outcome_end: int) -> None:
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nowhere, standard)
        # Other pipes lead to the judge and to who asked it.
        kept = sorted((task_end, outcome_end))
        for low, high in ((3, kept[0]), (kept[0] + 1, kept[1]), (kept[1] + 1, 1024)):
            os.closerange(low, high)
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        _run(submitted, os.fdopen(task_end, "rb"), os.fdopen(outcome_end, "wb"))
    finally:
        os._exit(0 if sys.exc_info()[0] is None else 1)


def _run(submitted: Submission, tasks: IO[bytes], outcomes: IO[bytes]) -> None:
    kernel = rebuilt(submitted)
    while True:
        try:
            head, arrays = read_frame(tasks)
        except EOFError:
            return
        task = Task.from_frame(head, arrays)
        if head.get("timed"):
            _timed(kernel, task, tasks, outcomes)
            return
        write_frame(outcomes, *perform(kernel, task).frame())


def _timed(kernel: FunctionType, task: Task, tasks: IO[bytes], outcomes: IO[bytes]) -> None:
    """Launch once, then each time that the judge says so."""
    values = [v.copy() if isinstance(v, np.ndarray) else v for v in task.arguments.values()]
    try:
        launch = on_cpu(kernel, parallel=False)[task.case.grid, task.case.block, 0, task.shared_bytes]
        launch(*values)
    except Exception as error:  # what can't be translated, and what the kernel does wrong
        write_frame(outcomes, {"refused": f"At a CPU's speed it can't run: {error}"})
        return
    after = dict(zip(task.arguments, values, strict=True))
    write_frame(outcomes, {}, {n: v for n, v in after.items() if isinstance(v, np.ndarray)})
    while tasks.read(len(AGAIN)):
        launch(*values)
        outcomes.write(AGAIN)
        outcomes.flush()
