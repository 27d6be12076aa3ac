"""Every problem: its GPU version is never blamed, its wrong solutions always, for the right reason."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hpcampus_kernels import PROBLEMS, Case, Problem
from hpcampus_kernels.problem import Tolerance, Wrong
from hpcampus_kernels.simulator import Report, output, sanitize

# All launches under 20 schedules take long: `make test-schedules` asks for them.
SCHEDULES = int(os.environ.get("CAMPUS_SCHEDULES", "3"))
DETECTORS = ("races", "memory")
# What only shows in the compiled code.
COMPILED = ("float64", "local memory")
WASTE = ("coalescing", "bank conflict")


def sanitized(
    problem: Problem, kernel: Any, case: Case, schedules: int, **settings: Any
) -> tuple[Report, Any]:
    """What the sanitizer says of a kernel, and the arguments of the launch as they were before."""
    values = problem.arguments(case.size, np.random.default_rng(5))
    arguments = [value.copy() if isinstance(value, np.ndarray) else value for value in values]
    if problem.writes == "once":
        for place, name in enumerate(problem.parameters):
            if name in problem.outputs:
                arguments[place] = output(arguments[place])  # type: ignore[type-var]
    shared_bytes = problem.shared_bytes(case.size)
    report = sanitize(
        kernel,
        case.grid,
        case.block,
        *arguments,
        schedules=range(schedules),
        shared_bytes=shared_bytes,
        **settings,
    )
    return report, values


def wrong_output(problem: Problem, report: Report, values: Any) -> str:
    """The name of the first output that is not what NumPy says, or nothing."""
    expected = zip(problem.outputs, problem.reference(*values), strict=True)
    return next((n for n, right in expected if problem.tolerance.wrong(report.arrays[n], right).any()), "")


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_gpu_version_is_never_blamed_with_either_warp(name: str) -> None:
    problem = PROBLEMS[name]
    cases = (*problem.cases, *problem.edges)
    for case in cases if SCHEDULES > 3 else (*problem.cases[1:3], *problem.edges[:1]):
        report, values = sanitized(problem, problem.gpu, case, SCHEDULES, check=DETECTORS)
        assert not report.findings, f"{case}: {report}"
        assert not wrong_output(problem, report, values), str(case)


def transfers(report: Report, space: str) -> int:
    """How often memory was asked for something."""
    return sum(measure.transfers for measure in report.measures if measure.space == space)


def wasted(problem: Problem, report: Report, case: Case) -> set[str]:
    """Memory that was asked for half as much again as by the right kernel, or more often."""
    right, _ = sanitized(problem, problem.gpu, case, 1, warpsizes=(32,))
    spaces = {"coalescing": "global", "bank conflict": "shared"}
    return {name for name, s in spaces.items() if transfers(report, s) >= 1.5 * transfers(right, s) > 0}


def seen(problem: Problem, wrong: Wrong, case: Case) -> set[str]:
    """What is found out about a wrong solution in one launch."""
    report, values = sanitized(problem, wrong.kernel, case, 1, warpsizes=(32,))
    if wrong.finding not in (*WASTE, "values") and wrong.finding not in report.kinds():
        report, values = sanitized(problem, wrong.kernel, case, 2)
    found = report.kinds() | ({"values"} if wrong_output(problem, report, values) else set())
    return found | wasted(problem, report, case) if wrong.finding in WASTE else found


@pytest.mark.parametrize("problem", PROBLEMS)
def test_every_wrong_solution_causes_its_finding(problem: str) -> None:
    asked = PROBLEMS[problem]
    missed = [
        (wrong.name, wrong.finding)
        for wrong in asked.wrong
        if wrong.finding not in COMPILED
        and not any(wrong.finding in seen(asked, wrong, case) for case in asked.cases)
    ]
    assert missed == []
    assert 2 <= len(asked.wrong) <= 5


@pytest.mark.parametrize("problem", PROBLEMS)
def test_what_only_shows_in_compiled_code_is_right(problem: str) -> None:
    asked = PROBLEMS[problem]
    for wrong in asked.wrong:
        if wrong.finding in COMPILED:
            report, values = sanitized(asked, wrong.kernel, asked.edges[-1], 2, check=DETECTORS)
            assert not report.errors, f"{wrong.name}: {report}"
            assert not wrong_output(asked, report, values), wrong.name


@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_wrong_solution_says_its_mistake_in_a_sentence(problem: str) -> None:
    for wrong in PROBLEMS[problem].wrong:
        assert wrong.mistake.endswith("."), wrong.name
        assert "\n" not in wrong.mistake, wrong.name


def test_float64_is_where_it_was_planted_and_nowhere_else() -> None:
    program = [sys.executable, str(Path(__file__).with_name("kernel_types.py"))]
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "0", "HPCAMPUS_CUDA": "numba-cuda"}
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=True)
    kernels = [json.loads(line) for line in done.stdout.splitlines()]
    got = {(k["problem"], k["version"]) for k in kernels if k["float64"]}
    planted = {(p.name, w.name) for p in PROBLEMS.values() for w in p.wrong if w.finding == "float64"}
    assert got == planted
    assert len(kernels) == sum(1 + len(problem.wrong) for problem in PROBLEMS.values())


def test_a_problem_is_imported_when_it_is_asked_for() -> None:
    script = (
        "import sys, hpcampus_kernels as kernels\n"
        "assert 'vector_add' in kernels.PROBLEMS\n"
        "kernels.PROBLEMS['vector_add']\n"
        "print([name for name in kernels.PROBLEMS if f'hpcampus_kernels.problems.{name}' in sys.modules])\n"
        "print([name for name in sys.modules if name.endswith(('.cpu', '.gpu')) and '.problems.' in name])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["['vector_add']", "[]"]


def test_an_unknown_problem_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="vector_subtract"):
        PROBLEMS["vector_subtract"]


def test_a_share_of_the_elements_may_be_wrong_but_none_may_be_nan() -> None:
    tolerance = Tolerance(0.0, 0.0, "a test", share=0.02)
    right = np.zeros(100, np.float32)
    for wrong, count in ((2, 0), (3, 3)):
        assert tolerance.wrong(np.where(np.arange(100) < wrong, 1, right), right).sum() == count
    assert tolerance.wrong(np.where(np.arange(100) < 1, np.nan, right), right).sum() == 1
