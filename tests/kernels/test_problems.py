"""Every problem: its GPU version is never blamed, its wrong solutions always, for the right reason."""

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hpcampus_kernels import PROBLEMS, Case, Problem
from hpcampus_kernels.simulator import Report, output, sanitize

# All launches under 20 schedules take long: `CAMPUS_SCHEDULES=20` asks for them.
SCHEDULES = int(os.environ.get("CAMPUS_SCHEDULES", "3"))
DETECTORS = ("races", "memory")


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
