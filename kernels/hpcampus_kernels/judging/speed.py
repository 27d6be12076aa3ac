"""How fast a kernel is: on one core beside the CPU version of its problem, on a GPU beside a copy.

Both take turns, and the least time of each counts, because others use the machine as well. On a core it is
CPU time, which the system keeps for each process: the time of the kernel is read from outside of its own.
"""

from collections.abc import Callable
from math import prod
from typing import Protocol

from hpcampus_kernels.judging.task import Task
from hpcampus_kernels.problem import Array, Case, Problem
from hpcampus_kernels.verdict import Point

REPEATS = 7
SPEED, MEANING = "speed", "It is fast"
Timed = tuple[dict[str, Array], Callable[[], float]]


class Timer(Protocol):
    """Where kernels are timed.

    `work` is enough work for some milliseconds, in bytes and operations, and `most` more of it than the place
    can do in a second. `beside` says what a kernel is compared with.
    """

    work: float
    most: float
    beside: str

    def timed(self, task: Task) -> Timed | str:
        """The outputs of a first launch, and what launches again and gives seconds; words if it can't."""

    def rival(self, problem: Problem, task: Task) -> Callable[[], float]:
        """What does the same, or moves as much, and gives seconds."""


def typical(problem: Problem, work: float) -> Case:
    """A launch with that much work."""
    size = max((case.size for case in problem.cases), key=prod)
    while problem.bytes_moved(size) + problem.flops(size) < work:
        # A plane grows on both sides: a GPU has at most 65,535 blocks one above the other.
        plane = len(problem.launch(size).grid) > 1
        along = size.index(min(size)) if plane else 0
        size = (*size[:along], 2 * size[along], *size[along + 1 :])
    return problem.launch(size)


def speed(problem: Problem, task: Task, place: Timer, least: float) -> Point:
    """The point for at least that share of the rival's speed."""
    found = place.timed(task)
    if isinstance(found, str):
        return _lost(found)
    after, launch = found
    expected = zip(problem.outputs, problem.reference(*task.arguments.values()), strict=True)
    for name, right in expected:
        got = after.get(name)
        if got is None or got.shape != right.shape or problem.tolerance.wrong(got, right).any():
            return _lost("At a size that takes time its values are wrong.")
    other, kernel, rival = place.rival(problem, task), float("inf"), float("inf")
    for _ in range(REPEATS):
        rival, kernel = min(rival, other()), min(kernel, launch())
    fewest = max(problem.bytes_moved(task.case.size), problem.flops(task.case.size)) / place.most
    return judged(kernel, rival, fewest, least, place.beside)


def judged(kernel: float, rival: float, fewest: float, least: float, beside: str) -> Point:
    """The point for these seconds; fewer than the fewest that physics allows are not believed."""
    if not kernel > fewest:
        return _lost(f"{kernel:.2g} seconds is less than any processor needs: that can't be the whole work.")
    share = rival / kernel
    if share >= least:
        return Point(SPEED, MEANING, 1, 1, unit="comparisons")
    return _lost(
        f"It has {share:.2f} times the speed of {beside} ({1e3 * kernel:.2f} ms, not {1e3 * rival:.2f} ms); "
        f"at least {least:g} times was asked for."
    )


def _lost(words: str) -> Point:
    return Point(SPEED, MEANING, 0, 1, words, "comparisons")
