"""The check that exercises call: run a kernel on many launches, and say in words what is wrong with it."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hpcampus_kernels import backend
from hpcampus_kernels.judging import client
from hpcampus_kernels.judging.demands import NAMES
from hpcampus_kernels.judging.gate import refusal
from hpcampus_kernels.judging.judge import MEANINGS, POINTS, judged
from hpcampus_kernels.judging.on_gpu import GpuRunner, seen_on_gpu
from hpcampus_kernels.judging.sanitizer import SANITIZER
from hpcampus_kernels.judging.speed import SPEED
from hpcampus_kernels.judging.submission import Submission, UnfitError, submission
from hpcampus_kernels.problem import Case, Problem
from hpcampus_kernels.problems import PROBLEMS
from hpcampus_kernels.verdict import Point, Verdict

PROBLEMS_FOLDER = Path(__file__).parent / "problems"


def check(
    kernel: Any,
    problem: str,
    cases: Iterable[Case] | None = None,
    seed: int | None = None,
    *,
    require: Mapping[str, float] | None = None,
    hint: int | None = None,
) -> Verdict:
    """Try a kernel on the problem's launches, or on those given, with inputs that are other ones each time.

    The verdict has the points `bounds` (it stays inside its arrays), `work` (nothing is left out, done twice
    or lost), `values` (the output is right everywhere, and NaN never is) and `order` (other orders of
    threads, and warps of 64, do as well). `require` asks for more, by name, with the most that may be:
    "sectors" and "banks" (transfers with global and with shared memory, times those needed), "registers",
    "spills", "local" (bytes of local memory), "float64" (instructions that nobody asked for). The last four
    need the extra `inspect`. "speed" is the least share of the speed of the CPU version that comes with
    the package, on one core; on a GPU, of the speed of a copy. "sanitizer" is the most errors that each tool
    of NVIDIA's compute-sanitizer may count, on a GPU only. `hint`, from 1 to 3, gives hints in place of
    explanations. A `seed` makes the inputs always the same ones.

    A mistake in the kernel is a lost point, never an exception. An unknown problem or requirement is a
    LookupError, no launch at all a ValueError.
    """
    if problem not in PROBLEMS:
        raise LookupError(f"there is no problem {problem!r}; there are: {', '.join(PROBLEMS)}")
    asked, tried = dict(require or {}), None if cases is None else tuple(cases)
    known = (*NAMES, SPEED, SANITIZER)
    if unknown := asked.keys() - set(known):
        raise LookupError(f"nothing is called {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
    if tried == ():
        raise ValueError("a check needs at least one launch to try")
    try:
        submitted = submission(kernel)
        if any(Path(function.file).is_relative_to(PROBLEMS_FOLDER) for function in submitted.functions):
            raise UnfitError("This uses a solution that comes with the package: write one of your own.")
        verdict = judge(submitted, problem, tried or (), seed, asked)
    except UnfitError as error:
        verdict = _unfit(PROBLEMS[problem], str(error))
    return verdict if hint is None else verdict.hinted(hint)


def judge(
    submitted: Submission,
    problem: str,
    cases: tuple[Case, ...] = (),
    seed: int | None = None,
    require: Mapping[str, float] | None = None,
    *,
    first_only: bool = False,
) -> Verdict:
    """The verdict on the source of a kernel; without cases on all launches of the problem.

    With `first_only` it ends at the first launch in which something is wrong.
    """
    wanted = PROBLEMS[problem]
    if reason := _other_parameters(submitted, wanted) or refusal(submitted):
        return _unfit(wanted, reason)
    question = {
        "problem": problem,
        "submission": submitted.as_data(),
        "cases": [asdict(case) for case in cases],
        "seed": seed,
        "require": dict(require or {}),
        "first_only": first_only,
    }
    if not backend.SIMULATED:
        points = judged(submitted, question, GpuRunner(submitted))
        return Verdict(problem, tuple(seen_on_gpu(Point(**point)) for point in points))
    answer = client.ask(question)
    if "refused" in answer:
        return _unfit(wanted, answer["refused"])
    return Verdict(problem, tuple(Point(**point) for point in answer["points"]))


def _other_parameters(submitted: Submission, problem: Problem) -> str | None:
    parameters = submitted.parameters
    if len(parameters) == len(problem.parameters):
        return None
    wanted = ", ".join(problem.parameters)
    return f"The kernel has {len(parameters)} parameters, but it must have these: {wanted}."


def _unfit(problem: Problem, reason: str) -> Verdict:
    """The verdict on what can't be launched at all."""
    possible = len(problem.cases) + len(problem.edges)
    meanings = zip(POINTS, MEANINGS[problem.writes], strict=True)
    points = (Point(name, meaning, 0, possible, reason) for name, meaning in meanings)
    return Verdict(problem.name, tuple(points) if backend.SIMULATED else tuple(map(seen_on_gpu, points)))
