"""The three versions of every problem agree, and a right kernel is never blamed, however it is written."""

import math
from typing import Any

import numpy as np
import pytest
from hpcampus_kernels import PROBLEMS, Problem, check, cuda
from hpcampus_kernels.check import judge
from hpcampus_kernels.judging.judge import launch
from hpcampus_kernels.judging.submission import submission
from hpcampus_kernels.launch import guarded


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "problem" in metafunc.fixturenames:
        metafunc.parametrize("problem", PROBLEMS.values(), ids=list(PROBLEMS))


def test_the_gpu_version_passes_every_point(problem: Problem) -> None:
    verdict = judge(submission(problem.gpu), problem.name)
    assert verdict.passed, str(verdict)
    launches = len(problem.cases) + len(problem.edges)
    assert all(point.possible == launches for point in verdict.points)


def test_the_cpu_version_agrees_with_the_reference(problem: Problem) -> None:
    for case in (*problem.cases, *problem.edges):
        arguments = problem.arguments(case.size, np.random.default_rng(3))
        expected = problem.reference(*arguments)
        problem.cpu(*arguments)
        after = dict(zip(problem.parameters, arguments, strict=True))
        for name, right in zip(problem.outputs, expected, strict=True):
            assert not problem.tolerance.wrong(np.asarray(after[name]), right).any()


@pytest.mark.parametrize("name", ["vector_add", "saxpy", "grey"])
def test_the_gpu_version_agrees_between_guard_zones(name: str) -> None:
    problem = PROBLEMS[name]
    case = problem.cases[1]
    before = launch(problem, case, seed=1).arguments
    done = guarded(problem.gpu, case, before)
    assert done.error is None
    assert not done.damaged
    (expected,) = problem.reference(*before.values())
    assert not problem.tolerance.wrong(done.after[problem.outputs[0]], expected).any()


# For a size of their own, what the formulas of each problem give: operations and bytes.
COSTS = {
    "vector_add": ((1000,), 1000, 12_000),
    "saxpy": ((1000,), 2000, 12_000),
    "grey": ((20, 50), 5 * 1000, 16 * 1000),
    "transpose": ((20, 50), 0, 8 * 1000),
    "matmul": ((10, 20, 30), 2 * 6000, 4 * (200 + 600 + 300)),
    "convolution": ((20, 50), 98 * 1000, 8 * 1000 + 4 * 49),
    "heat": ((12, 52), 7 * 10 * 50, 8 * 12 * 52),
    "life": ((20, 50), 9 * 1000, 2 * 1000),
    "reduction": ((1000,), 1000, 4000),
    "dot": ((1000,), 2000, 8000),
    "histogram": ((1000, 50), 1000, 4000 + 200),
    "scan": ((20, 50), 1000, 8 * 1000),
    "compaction": ((20, 50), 1000, 6 * 1000 + 4 * 20),
    "softmax": ((20, 50), 5 * 1000, 8 * 1000),
    "layer_norm": ((20, 50), 8 * 1000, 8 * 1000 + 8 * 50),
    "attention": ((10,), 4 * 100 * 32, 16 * 10 * 32),
    "n_body": ((10,), 20 * 100, 28 * 10),
    "spmv": ((10, 20, 5), 100, 8 * 50 + 4 * 11 + 4 * 10 + 4 * 20),
    "k_means": ((100, 5), 3 * 100 * 5 * 8, 4 * 800 + 4 * 100),
    "mandelbrot": ((20, 50), 8 * 64 * 1000, 4 * 1000),
    "black_scholes": ((1000,), 60_000, 20_000),
    "monte_carlo_pi": ((1000,), 14_000, 4),
    "radix_sort_pass": ((20, 50), 2000, 8000),
}


def test_costs_are_those_of_the_formula(problem: Problem) -> None:
    size, flops, moved = COSTS[problem.name]
    assert (problem.flops(size), problem.bytes_moved(size)) == (flops, moved)


def test_a_launch_for_any_size_has_enough_threads(problem: Problem) -> None:
    for case in (*problem.cases, *problem.edges):
        launch = problem.launch(case.size)
        assert launch.size == case.size
        assert min(launch.grid) >= 1
        # Whole warps of 32 or of 64 threads, and no more than a block can have.
        assert math.prod(launch.block) % 64 == 0
        assert math.prod(launch.block) <= 1024


def test_a_problem_has_ragged_launches_and_one_block_grids(problem: Problem) -> None:
    elements = [case.size[:1] if problem.writes == "shared" else case.size for case in problem.cases]
    threads = [math.prod(case.threads) for case in problem.cases]
    assert any(math.prod(size) % count for size, count in zip(elements, threads, strict=True))
    assert any(math.prod(case.grid) == 1 for case in (*problem.cases, *problem.edges))


def test_inputs_follow_from_the_seed(problem: Problem) -> None:
    first, again, other = (
        problem.arguments(problem.cases[1].size, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert all(np.array_equal(one, two, equal_nan=True) for one, two in zip(first, again, strict=True))
    assert any(not np.array_equal(one, two, equal_nan=True) for one, two in zip(first, other, strict=True))


def test_a_check_is_small_enough_to_be_quick(problem: Problem) -> None:
    # The simulator needs about 0.1 ms for a thread; a learner should not wait.
    assert sum(math.prod(case.threads) for case in problem.cases) < 5000


@cuda.jit
def saxpy_while(a: Any, x: Any, y: Any) -> None:
    i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    while i < len(y):
        y[i] += a * x[i]
        i += cuda.gridDim.x * cuda.blockDim.x


@cuda.jit
def add_twice_in_its_own_element(x: Any, y: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i >= out.shape[0]:
        return
    out[i] = x[i]
    out[i] += y[i]


@cuda.jit
def grey_by_slices(rgb: Any, grey: Any) -> None:
    x, y = cuda.grid(2)
    if y < rgb.shape[0] and x < rgb.shape[1]:
        pixel = rgb[y, x]
        total = 0.0
        for channel, weight in enumerate((0.2126, 0.7152, 0.0722)):
            total += weight * pixel[channel]
        grey[y, x] = total


@cuda.jit
def histogram_with_a_stride_of_its_own(levels: Any, counts: Any) -> None:
    chunk = (levels.size + cuda.gridsize(1) - 1) // cuda.gridsize(1)
    start = cuda.grid(1) * chunk
    for level in levels[start : start + chunk]:
        if level >= 0 and level < counts.size:
            cuda.atomic.add(counts, level, 1)


@cuda.jit
def histogram_private_to_a_block(levels: Any, counts: Any) -> None:
    private = cuda.shared.array(64, np.int32)
    for i in range(cuda.threadIdx.x, 64, cuda.blockDim.x):
        private[i] = 0
    cuda.syncthreads()
    for i in range(cuda.grid(1), levels.size, cuda.gridsize(1)):
        if 0 <= levels[i] < counts.size:
            cuda.atomic.add(private, levels[i], 1)
    cuda.syncthreads()
    for i in range(cuda.threadIdx.x, counts.size, cuda.blockDim.x):
        cuda.atomic.add(counts, i, private[i])


@cuda.jit
def histogram_in_turns(levels: Any, counts: Any) -> None:
    """The last thread of the first block counts twice, thread 0 halves it all: the barrier orders them."""
    if cuda.blockIdx.x == 0:
        if cuda.threadIdx.x == cuda.blockDim.x - 1:
            for level in levels:
                if 0 <= level < counts.size:
                    counts[level] += 2
        cuda.syncthreads()
        if cuda.threadIdx.x == 0:
            for level in range(counts.size):
                counts[level] //= 2


@pytest.mark.parametrize(
    ("kernel", "name"),
    [
        (saxpy_while, "saxpy"),
        (add_twice_in_its_own_element, "vector_add"),
        (grey_by_slices, "grey"),
        (histogram_with_a_stride_of_its_own, "histogram"),
        (histogram_private_to_a_block, "histogram"),
        (histogram_in_turns, "histogram"),
    ],
)
def test_another_right_way_to_write_it_passes(kernel: Any, name: str) -> None:
    verdict = check(kernel, name)
    assert verdict.passed, str(verdict)
