"""The one that knows the answers: it makes the inputs of every launch, and judges what came of them."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

import numpy as np

from hpcampus_kernels import findings
from hpcampus_kernels.judging import sanitizer
from hpcampus_kernels.judging.demands import demanded
from hpcampus_kernels.judging.sanitizer import SANITIZER, Said
from hpcampus_kernels.judging.speed import SPEED, Timer, speed, typical
from hpcampus_kernels.judging.submission import Submission
from hpcampus_kernels.judging.task import ORDERS, Outcome, Task, case_from
from hpcampus_kernels.problem import Case, Problem
from hpcampus_kernels.problems import PROBLEMS
from hpcampus_kernels.verdict import Point

BOUNDS, WORK, VALUES, ORDER = POINTS = ("bounds", "work", "values", "order")
ANY_ORDER = "Any order of threads will do, and warps of 32 or 64"
MEANINGS = {
    "once": ("It stays inside its arrays", "Every element is done once", "The values are right", ANY_ORDER),
    "shared": (
        "It stays inside its arrays",
        "Nothing is left out or lost",
        "The values are right",
        ANY_ORDER,
    ),
}


class Runner(Timer, Protocol):
    """Where a kernel runs: it takes a launch and says what came of it."""

    def __call__(self, task: Task) -> Outcome: ...

    def watched(self, task: Task) -> list[Said]: ...


# For one launch: what is wrong at each point.
Explanation = Mapping[str, str | None]


def judged(submitted: Submission, question: Mapping[str, Any], run: Runner) -> list[dict[str, Any]]:
    """The points of a kernel, as data: see `check.check` for what can be asked."""
    problem = PROBLEMS[question["problem"]]
    cases = tuple(map(case_from, question["cases"])) or (*problem.cases, *problem.edges)
    # Nobody can know the inputs before: they are other ones in every check.
    seed = secrets.randbits(64) if question["seed"] is None else int(question["seed"])
    explanations, outcomes = [], []
    for case in cases:
        task = launch(problem, case, seed)
        outcomes.append(run(task))
        explanations.append(explanation(problem, task, outcomes[-1]))
        lost = any(explanations[-1].values())
        if outcomes[-1].stopped or (lost and question["first_only"]):
            break
    points = [_point(name, problem, cases, explanations) for name in POINTS]
    require = dict(question["require"])
    least, loudest = require.pop(SPEED, None), require.pop(SANITIZER, None)
    points += demanded(submitted, problem, outcomes, require)
    if least is not None and not any(outcome.stopped for outcome in outcomes):
        points.append(speed(problem, launch(problem, typical(problem, run.work), seed), run, least))
    if loudest is not None:
        points.append(sanitizer.point(run.watched(launch(problem, cases[0], seed)), loudest))
    return [asdict(point) for point in points]


def launch(problem: Problem, case: Case, seed: int) -> Task:
    """One launch, with inputs that follow from the seed."""
    values = problem.arguments(case.size, np.random.default_rng((seed, *case.size)))
    # A kernel that makes far more steps than the exercise needs does not end.
    elements = sum(value.size for value in values if isinstance(value, np.ndarray))
    # Some steps are needed for the smallest size, too: a block works on a whole tile.
    budget = 200_000 + 30 * (elements + int(np.prod(case.threads))) + 10 * problem.flops(case.size)
    arguments = dict(zip(problem.parameters, values, strict=True))
    return Task(case, problem.rules, arguments, problem.shared_bytes(case.size), budget)


def explanation(problem: Problem, task: Task, outcome: Outcome) -> Explanation:
    """What is wrong with one launch, by point."""
    if reason := outcome.stopped:
        return {BOUNDS: outcome.bounds or reason, WORK: reason, VALUES: reason, ORDER: reason}
    wrong = _wrong_values(problem, task, outcome) or ["Nothing came back from the kernel."]
    return {
        BOUNDS: outcome.bounds,
        WORK: outcome.work,
        VALUES: wrong[0],
        ORDER: outcome.order or _later(wrong),
    }


def _wrong_values(problem: Problem, task: Task, outcome: Outcome) -> list[str | None]:
    """For each order of the threads what is wrong with the arrays that it left."""
    expected = dict(zip(problem.outputs, problem.reference(*task.arguments.values()), strict=True))
    return [
        findings.changed(task.arguments, after, problem.rules)
        or findings.values(after, expected, problem, task.case)
        for after in outcome.after
    ]


def _later(wrong: Sequence[str | None]) -> str | None:
    """What is wrong in another order only: the first is the natural one."""
    if wrong[0]:
        return None
    for (warpsize, _), words in zip(ORDERS, wrong[1:], strict=False):
        if words:
            return f"With warps of {warpsize} threads, in another order: {words}"
    return None


def _point(name: str, problem: Problem, cases: Sequence[Case], explanations: Sequence[Explanation]) -> Point:
    found = [explanation.get(name) for explanation in explanations]
    first = next(((case, words) for case, words in zip(cases, found, strict=False) if words), None)
    words = f"Tried with {first[0]}. {first[1]}" if first else ""
    meaning = MEANINGS[problem.writes][POINTS.index(name)]
    return Point(name, meaning, found.count(None), len(cases), words)
