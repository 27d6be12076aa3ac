"""The check that exercises call: run a kernel on many launches, and say in words what is wrong with it."""

import inspect
from collections.abc import Iterable
from typing import Any

from hpcampus_kernels import backend, findings
from hpcampus_kernels.launch import Run, run
from hpcampus_kernels.problem import Case, Kernel, Problem
from hpcampus_kernels.problems import PROBLEMS
from hpcampus_kernels.verdict import Point, Verdict
from hpcampus_kernels.work import work

BOUNDS, WORK, VALUES = POINTS = ("bounds", "work", "values")
MEANINGS = {
    "once": ("It stays inside its arrays", "Every element is done once", "The values are right"),
    "shared": ("It stays inside its arrays", "Nothing is left out or lost", "The values are right"),
}
# For one launch: what is wrong at each point.
Explanation = dict[str, str | None]


def check(kernel: Any, problem: str, cases: Iterable[Case] | None = None, seed: int = 1) -> Verdict:
    """Try a kernel on the problem's launches, or on those given, with inputs that follow from the seed.

    The verdict has the points `bounds` (it stays inside its arrays), `work` (nothing is left out, done twice
    or lost; on the simulator only) and `values` (the output is right everywhere, and NaN never is). A mistake
    in the kernel is a lost point, never an exception. An unknown problem is a LookupError, no launch at all a
    ValueError.
    """
    if problem not in PROBLEMS:
        raise LookupError(f"there is no problem {problem!r}; there are: {', '.join(PROBLEMS)}")
    asked = PROBLEMS[problem]
    tried = asked.cases if cases is None else tuple(cases)
    if not tried:
        raise ValueError("a check needs at least one launch to try")
    if reason := _unfit(kernel, asked):
        return Verdict(problem, tuple(_point(name, asked, 0, len(tried), reason) for name in POINTS))
    return _verdict(asked, tried, _explanations(kernel, asked, tried, seed))


def _unfit(kernel: Any, problem: Problem) -> str | None:
    """Why this can't be launched at all."""
    if not hasattr(kernel, "py_func"):
        return "This is no kernel: put @cuda.jit on the line above its `def`."
    parameters = inspect.signature(kernel.py_func).parameters
    if len(parameters) != len(problem.parameters):
        wanted = ", ".join(problem.parameters)
        return f"The kernel has {len(parameters)} parameters, but it must have these: {wanted}."
    return None


def _explanations(kernel: Kernel, problem: Problem, cases: tuple[Case, ...], seed: int) -> list[Explanation]:
    """One for each case; the list ends early when the kernel stops."""
    explanations = []
    for case in cases:
        done = run(kernel, problem, case, seed)
        explanations.append(_explanation(kernel, problem, case, done))
        if done.error is not None:
            break
    return explanations


def _explanation(kernel: Kernel, problem: Problem, case: Case, done: Run) -> Explanation:
    outside = findings.bounds(done, case)
    if reason := findings.stopped(done, kernel.py_func.__code__.co_filename):
        return {BOUNDS: outside or reason, WORK: reason, VALUES: reason}
    return {BOUNDS: outside, WORK: work(done, problem, case), VALUES: findings.values(done, problem, case)}


def _verdict(problem: Problem, cases: tuple[Case, ...], explanations: list[Explanation]) -> Verdict:
    points = []
    for name in POINTS:
        found = [explanation[name] for explanation in explanations]
        first = next(((case, words) for case, words in zip(cases, found, strict=False) if words), None)
        words = f"Tried with {first[0]}. {first[1]}" if first else ""
        points.append(_point(name, problem, found.count(None), len(cases), words))
    return Verdict(problem.name, tuple(points))


def _point(name: str, problem: Problem, earned: int, possible: int, words: str) -> Point:
    if name == WORK and not backend.SIMULATED:
        earned, possible, words = 0, 0, ""
    return Point(name, MEANINGS[problem.writes][POINTS.index(name)], earned, possible, words)
