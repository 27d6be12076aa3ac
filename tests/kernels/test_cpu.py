"""Kernels on the CPU compute what the simulator does; what has no counterpart there is refused by name."""

import math
from typing import Any

import numpy as np
import pytest
from hpcampus_kernels import PROBLEMS, cuda
from hpcampus_kernels.cpu import on_cpu
from hpcampus_kernels.simulator import UnsupportedError, simulate
from numba import float32, int32
from right_kernels import inclusive_scan, tiled_matmul

RNG = np.random.default_rng(3)
HALF = 0.5


@cuda.jit(device=True)
def squared(value: Any) -> Any:
    return value * value


@cuda.jit(device=True)
def mine(x: Any, step: int = 0) -> Any:
    return x[cuda.grid(1) + step]


def saxpy(a: Any, x: Any, y: Any) -> None:
    for i in range(cuda.grid(1), y.size, cuda.gridsize(1)):
        y[i] = a * x[i] + y[i]


def heat(u: Any, out: Any) -> None:
    x, y = cuda.grid(2)
    if x >= u.shape[1] or y >= u.shape[0]:
        return
    if 0 < x < u.shape[1] - 1 and 0 < y < u.shape[0] - 1:
        out[y, x] = float32(0.25) * (u[y, x - 1] + u[y, x + 1] + u[y - 1, x] + u[y + 1, x])
    else:
        out[y, x] = u[y, x]


def functions(x: Any, out: Any) -> None:
    own = cuda.local.array(2, float32)
    i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    if i + 1 < x.size:
        own[0], own[1] = mine(x), mine(x, step=1)
        out[i] = math.floor(squared(own[0]) + own[1]) / 2 + HALF + cuda.popc(i) + cuda.warpsize


def histogram(levels: Any, counts: Any) -> None:
    for i in range(cuda.grid(1), levels.size, cuda.gridsize(1)):
        cuda.atomic.add(counts, levels[i], 1)


def extremes(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    cuda.atomic.max(out, (0, 0), x[i])
    cuda.atomic.min(out, (0, 1), x[i])
    cuda.atomic.cas(out, (1, 0), 0, 5)
    cuda.atomic.exch(out, (1, 1), 7)


@cuda.jit
def reduce(x: Any, out: Any) -> None:
    part = cuda.shared.array(64, float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    part[t] = x[i] if i < x.size else float32(0)
    cuda.syncthreads()
    step = 32
    while step > 0:
        if t < step:
            part[t] += part[t + step]
        cuda.syncthreads()
        step //= 2
    if t == 0:
        cuda.atomic.add(out, 0, part[0])


def ping_pong(x: Any, out: Any) -> None:
    one = cuda.shared.array(32, float32)
    other = cuda.shared.array(32, float32)
    t = cuda.threadIdx.x
    count = 0
    one[t] = x[t]
    cuda.syncthreads()
    for k in range(5):
        if k == 4:
            break
        other[t] = one[(t + k) % 32] + count
        count += t % 3
        one, other = other, one
        cuda.syncthreads()
    out[t] = one[t] + count


def held(x: Any, out: Any) -> None:
    tile = cuda.shared.array(32, float32)
    t = cuda.threadIdx.x
    tile[t] = x[t]
    cuda.syncthreads()
    out[t] = tile[31 - t]


def carried(x: Any, out: Any) -> None:
    t = cuda.threadIdx.x
    for k in range(3):
        if k == 0:
            mine = x[t]
        out[t] += mine
        cuda.syncthreads()


ONE, SQUARE = RNG.random(150, np.float32), RNG.random((40, 24), np.float32)
LEVELS = RNG.integers(0, 16, 500).astype(np.int32)
SAME = [
    (saxpy, 3, 32, [np.float32(2), ONE, ONE[::-1].copy()]),
    (heat, (2, 5), (16, 8), [SQUARE, np.zeros_like(SQUARE)]),
    (functions, 5, 32, [ONE, np.zeros(150)]),
    (histogram, 2, 48, [LEVELS, np.zeros(16, np.int32)]),
    (extremes, 1, 100, [ONE, np.zeros((2, 2), np.float32)]),
    (tiled_matmul(8), (5, 5), (8, 8), [SQUARE, SQUARE.T.copy(), np.zeros((40, 40), np.float32)]),
    (inclusive_scan(64), 1, 64, [ONE[:64], np.zeros(64, np.float32)]),
    (reduce, 3, 64, [ONE, np.zeros(1, np.float32)]),
    (held, 1, 32, [ONE[:32], np.zeros(32, np.float32)]),
    (carried, 1, 32, [ONE[:32], np.zeros(32, np.float32)]),
    (ping_pong, 1, 32, [ONE[:32], np.zeros(32, np.float32)]),
]


@pytest.mark.parametrize(
    ("kernel", "grid", "block", "arguments"),
    SAME,
    ids=[getattr(row[0], "__name__", "kernel") for row in SAME],
)
def test_it_computes_what_the_simulator_does(
    kernel: Any, grid: Any, block: Any, arguments: list[Any]
) -> None:
    here = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
    there = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
    report = simulate(kernel, grid, block, *here, check=["races", "memory"])
    assert not report.findings, str(report)
    on_cpu(kernel, parallel=False)[grid, block](*there)
    for one, other in zip(here, there, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kernel", [saxpy, tiled_matmul(8)], ids=["whole", "split"])
def test_blocks_run_at_the_same_time(kernel: Any) -> None:
    shape: tuple[Any, Any] = (5, 64) if kernel is saxpy else ((5, 5), (8, 8))
    arguments = (SQUARE, SQUARE.T.copy(), np.zeros((40, 40), np.float32))
    given = (np.float32(2), ONE, ONE.copy()) if kernel is saxpy else arguments
    on_cpu(kernel, bounds=False)[shape](*given)
    want = 3 * ONE if kernel is saxpy else SQUARE @ SQUARE.T
    np.testing.assert_allclose(given[-1], want, rtol=1e-5)


# The others have shuffles, votes, dynamic shared memory, or local arrays that live on after a barrier.
RUN_HERE = {
    "vector_add",
    "saxpy",
    "grey",
    "transpose",
    "matmul",
    "convolution",
    "heat",
    "life",
    "k_means",
    "mandelbrot",
    "black_scholes",
}


@pytest.mark.parametrize("name", sorted(RUN_HERE))
def test_the_problems_that_can_run_here_are_right(name: str) -> None:
    problem = PROBLEMS[name]
    case = problem.cases[0]
    arguments = problem.arguments(case.size, np.random.default_rng(1))
    expected = problem.reference(*arguments)
    after = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
    on_cpu(problem.gpu, parallel=False)[case.grid, case.block](*after)
    for name_of, wanted in zip(problem.outputs, expected, strict=True):
        got = after[problem.parameters.index(name_of)]
        assert not problem.tolerance.wrong(got, wanted).any()


@pytest.mark.parametrize("name", sorted(set(PROBLEMS) - RUN_HERE))
def test_the_problems_that_cannot_are_refused_by_name(name: str) -> None:
    problem = PROBLEMS[name]
    case = problem.cases[0]
    arguments = problem.arguments(case.size, np.random.default_rng(1))
    with pytest.raises(UnsupportedError):
        on_cpu(problem.gpu, parallel=False)[case.grid, case.block](*arguments)


def test_an_index_behind_the_end_is_an_error() -> None:
    def beyond(x: Any, out: Any) -> None:
        out[cuda.grid(1)] = x[cuda.grid(1)]

    with pytest.raises(IndexError):
        on_cpu(beyond, parallel=False)[2, 8](np.zeros(12), np.zeros(12))


def shuffles(x: Any, out: Any) -> None:
    out[0] = cuda.shfl_down_sync(-1, x[0], 1)


def barrier_in_a_branch(x: Any, out: Any) -> None:
    if cuda.threadIdx.x < 3:
        cuda.syncthreads()
    out[0] = x[0]


def returns_early(x: Any, out: Any) -> None:
    if cuda.grid(1) >= x.size:
        return
    cuda.syncthreads()
    out[0] = x[0]


def dynamic_memory(x: Any, out: Any) -> None:
    part = cuda.shared.array(0, int32)
    part[cuda.threadIdx.x] = x[0]
    cuda.syncthreads()
    out[0] = part[0]


@pytest.mark.parametrize(
    ("kernel", "words"),
    [
        (shuffles, r"cuda.shfl_down_sync has no counterpart on a CPU \(line"),
        (barrier_in_a_branch, "decides for each thread on its own"),
        (returns_early, "returns before others reach a barrier"),
        (dynamic_memory, "dynamic shared memory isn't split"),
    ],
)
def test_what_it_cannot_do_is_refused_by_name(kernel: Any, words: str) -> None:
    with pytest.raises(UnsupportedError, match=words):
        on_cpu(kernel)[1, 4](np.zeros(4), np.zeros(4))
