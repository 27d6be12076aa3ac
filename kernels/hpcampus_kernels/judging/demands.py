"""What an exercise can ask for besides a right kernel: little traffic, and what the compiler makes of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FunctionType
from typing import Any

import numpy as np

from hpcampus_kernels import inspection, simulated
from hpcampus_kernels.judging.rebuild import rebuilt
from hpcampus_kernels.judging.submission import Submission
from hpcampus_kernels.judging.task import Outcome, Traffic
from hpcampus_kernels.problem import Problem
from hpcampus_kernels.verdict import Point

SECTORS, BANKS = "sectors", "banks"
TRAFFIC = {
    SECTORS: ("global", "Neighbours in a warp use neighbours in memory", "sectors of 32 bytes"),
    BANKS: ("shared", "Threads of a warp use different banks", "rounds of the banks"),
}
# What the compiler knows, as a number for an architecture; `float64` is counted for all of them together.
COMPILED: dict[str, tuple[str, Callable[[inspection.Compiled], int]]] = {
    "registers": ("It needs few registers", lambda made: made.registers),
    "spills": ("All values fit into registers", lambda made: made.spills),
    "local": ("No array lies in local memory", lambda made: made.stack),
}
FLOAT64 = "float64"
NAMES = (SECTORS, BANKS, *COMPILED, FLOAT64)


def demanded(
    submitted: Submission, problem: Problem, outcomes: Sequence[Outcome], require: Mapping[str, float]
) -> Iterator[Point]:
    """The points for what was asked, each with the most that may be."""
    for name in require:
        if name in TRAFFIC:
            yield _traffic(name, require[name], outcomes)
    asked = {name: most for name, most in require.items() if name not in TRAFFIC}
    if asked:
        yield from _compiled(submitted, problem, asked)


def _traffic(name: str, most: float, outcomes: Sequence[Outcome]) -> Point:
    """One of as many as there are lines with such accesses; all launches count together."""
    space, meaning, unit = TRAFFIC[name]
    if not outcomes or any(outcome.stopped for outcome in outcomes):
        return Point(name, meaning, 0, 1, "The kernel did not run to its end.")
    lines: dict[tuple[str, str, str], list[Traffic]] = {}
    for used in (one for outcome in outcomes for one in outcome.traffic if one.space == space):
        lines.setdefault((used.line, used.array, used.kind), []).append(used)
    words = [text for used in lines.values() if (text := _wasted(used, most, unit))]
    return Point(name, meaning, len(lines) - len(words), len(lines), "\n".join(words), "lines")


def _wasted(used: Sequence[Traffic], most: float, unit: str) -> str:
    transfers, ideal = (sum(getattr(one, name) for one in used) for name in ("transfers", "ideal"))
    if transfers <= most * ideal:
        return ""
    first = used[0]
    stride = f" with a stride of {abs(first.stride)} bytes" if first.stride else ""
    does = "reads" if first.kind == "read" else "writes"
    return (
        f"{first.line.partition(':')[0].capitalize()} {does} {first.array}{stride}: {transfers} {unit} where "
        f"{ideal} would do, {transfers / ideal:.1f} times as many; at most {most:g} times was asked for."
    )


def _compiled(submitted: Submission, problem: Problem, asked: Mapping[str, float]) -> Iterator[Point]:
    meanings = {name: meaning for name, (meaning, _) in COMPILED.items()}
    meanings[FLOAT64] = "No arithmetic in float64 that nobody asked for"
    case = problem.cases[0]
    arguments = problem.arguments(case.size, np.random.default_rng(1))
    try:
        threads, shared = int(np.prod(case.block)), problem.shared_bytes(case.size)
        made = inspection.inspect(
            rebuilt(submitted, _device), arguments, threads=threads, dynamic_shared=shared, sass=False
        )
    except inspection.CompilationError as error:
        yield from (Point(name, meanings[name], 0, 1, f"{error}.") for name in asked)
    except ImportError:
        # Without the compiler nobody knows; that is no lost point.
        yield from (Point(name, meanings[name], 0, 0) for name in asked)
    else:
        for name, most in asked.items():
            words = _too_many_doubles(made, most) if name == FLOAT64 else _too_much(name, made, most)
            yield Point(name, meanings[name], int(not words), 1, words, "compilations")


def _device(function: FunctionType) -> Any:
    return simulated.jit(function, device=True)


def _too_much(name: str, made: inspection.Inspection, most: float) -> str:
    numbers = {f"{one.gpu} ({one.arch})": COMPILED[name][1](one) for one in made.compiled.values()}
    gpu, number = max(numbers.items(), key=lambda pair: pair[1])
    unit = {
        "registers": "registers for each thread",
        "spills": "bytes of spills",
        "local": "bytes of local memory",
    }
    return (
        "" if number <= most else f"On {gpu} it needs {number} {unit[name]}; at most {most:g} were asked for."
    )


def _too_many_doubles(made: inspection.Inspection, most: float) -> str:
    uses = made.unasked_float64
    if sum(use.count for use in uses) <= most:
        return ""
    lines = "; ".join(str(use) for use in uses)
    return f"{lines}. A number with a point is float64, and so is what it is multiplied with."
