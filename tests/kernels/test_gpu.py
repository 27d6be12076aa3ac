"""Kernels on a GPU, and under NVIDIA's compute-sanitizer: `make test-gpu`, where there is one."""

import os
from typing import Any

import numpy as np
import pytest
from hpcampus_kernels import PROBLEMS, cuda
from hpcampus_kernels.check import judge
from hpcampus_kernels.inspection import ToolMissingError
from hpcampus_kernels.judging.judge import launch
from hpcampus_kernels.judging.sanitizer import TOOLS, watched
from hpcampus_kernels.judging.submission import submission
from hpcampus_kernels.simulator import simulate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_kernels import BLOCKS, arguments, programs, written
from unfused import unfused

pytestmark = pytest.mark.gpu
MANY = int(os.environ.get("CAMPUS_EXAMPLES", "20"))


def wrong(problem: str, name: str) -> Any:
    return next(one.kernel for one in PROBLEMS[problem].wrong if one.name == name)


def said(problem: str, kernel: Any, tool: str) -> Any:
    """What a tool of compute-sanitizer says of the first launch."""
    asked = PROBLEMS[problem]
    try:
        return watched(submission(kernel), launch(asked, asked.cases[0], seed=1), tool)
    except ToolMissingError as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_solution_is_right(name: str) -> None:
    verdict = judge(submission(PROBLEMS[name].gpu), name)
    assert verdict.passed, str(verdict)


@pytest.mark.parametrize("name", PROBLEMS)
def test_wrong_values_are_seen(name: str) -> None:
    for one in PROBLEMS[name].wrong:
        if one.finding == "values":
            assert not judge(submission(one.kernel), name).passed, one.name


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_solution_is_timed_beside_a_copy(name: str) -> None:
    point = judge(submission(PROBLEMS[name].gpu), name, require={"speed": 1e-6})["speed"]
    assert point.passed, point.words


@settings(max_examples=MANY, suppress_health_check=list(HealthCheck))
@given(programs, st.sampled_from([32, 64]), st.integers(0, 99))
def test_random_kernels_do_what_they_do_in_the_simulator(parts: Any, threads: int, seed: int) -> None:
    kernel, text = written(parts)
    here, there = arguments(seed), arguments(seed)
    with np.errstate(all="ignore"):
        simulate(kernel, BLOCKS, threads, *here, check=[])
    with pytest.MonkeyPatch.context() as patch:
        unfused(patch)
        cuda.jit(lto=False)(kernel)[BLOCKS, threads](*there)
    for one, other in zip(here, there, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=text)


@pytest.mark.parametrize("tool", TOOLS)
def test_compute_sanitizer_has_nothing_to_say_of_a_solution(tool: str) -> None:
    for problem in ("reduction", "matmul"):
        assert said(problem, PROBLEMS[problem].gpu, tool).errors == 0


@pytest.mark.parametrize(
    ("problem", "name", "tool"),
    [
        ("vector_add", "no_guard", "memcheck"),
        ("reduction", "no_barrier", "racecheck"),
        ("matmul", "next_tile_too_early", "racecheck"),
        ("reduction", "barrier_for_some", "synccheck"),
    ],
)
def test_compute_sanitizer_finds_what_it_looks_for(problem: str, name: str, tool: str) -> None:
    found = said(problem, wrong(problem, name), tool)
    assert found.errors, found
