"""Kernels on the CPU compute what the simulator does; what has no counterpart there is refused by name."""

import math
from typing import Any

import numpy as np
import pytest
from hpcampus_kernels import PROBLEMS, cuda, on_cpu
from hpcampus_kernels.simulator import UnsupportedError, simulate
from numba import float32
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


def bits(k: Any, out: Any) -> None:
    i = cuda.grid(1)
    out[0, i] = cuda.popc(k[i]) + cuda.clz(k[i]) + cuda.ffs(k[i])
    out[1, i] = cuda.brev(np.uint32(k[i])) + cuda.selp(k[i] > 0, 3, 5)
    out[2, i] = cuda.atomic.inc(out, (3, 0), 5) + cuda.atomic.dec(out, (3, 1), 5)
    out[4, i] = cuda.lanemask_lt() + cuda.laneid


def fused(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    out[i] = cuda.fma(x[i], x[i], x[i + 1])


def darts(states: Any, out: Any) -> None:
    i = cuda.grid(1)
    cuda.syncthreads()
    out[i] = cuda.random.xoroshiro128p_uniform_float32(states, i)


def own_ways(x: Any, out: Any) -> None:
    t = cuda.threadIdx.x
    warp, total = t // cuda.warpsize, float32(0)
    if warp == 1:
        for k in range(warp, 7, 2):
            if k == 5:
                continue
            total += cuda.shfl_xor_sync(-1, x[t] + float32(k), 1)
            if k > 4:
                break
    else:
        while total < 3:
            total += float32(1) + cuda.shfl_sync(-1, x[t], 3)
            cuda.syncwarp()
    out[t] = total
    if t == 3:
        return
    out[t] += 1


def parameters_change(x: Any, out: Any) -> None:
    t = cuda.threadIdx.x
    out[t] = x[t]
    cuda.syncthreads()
    x, out = out, x
    out[t] = x[31 - t]


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
    (bits, 2, 48, [RNG.integers(-9, 1 << 31, 96).astype(np.int32), np.zeros((5, 96), np.int64)]),
    (fused, 2, 48, [ONE, np.zeros(96, np.float32)]),
    (darts, 2, 48, [cuda.random.create_xoroshiro128p_states(96, seed=5), np.zeros(96, np.float32)]),
    (own_ways, 1, 96, [ONE, np.zeros(96, np.float32)]),
    (parameters_change, 1, 32, [ONE[:32].copy(), np.zeros(32, np.float32)]),
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


@pytest.mark.parametrize("name", list(PROBLEMS))
def test_the_problems_are_right(name: str) -> None:
    problem = PROBLEMS[name]
    kernel = on_cpu(problem.gpu, parallel=False)
    for case in (*problem.cases, *problem.edges):
        arguments = problem.arguments(case.size, np.random.default_rng(1))
        expected = problem.reference(*arguments)
        after = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
        kernel[case.grid, case.block, 0, problem.shared_bytes(case.size)](*after)
        for name_of, wanted in zip(problem.outputs, expected, strict=True):
            got = after[problem.parameters.index(name_of)]
            assert not problem.tolerance.wrong(got, wanted).any(), str(case)


def test_an_index_behind_the_end_is_an_error() -> None:
    def beyond(x: Any, out: Any) -> None:
        out[cuda.grid(1)] = x[cuda.grid(1)]

    with pytest.raises(IndexError):
        on_cpu(beyond, parallel=False)[2, 8](np.zeros(12), np.zeros(12))


# Threads that don't come to where others wait for them.


def barrier_in_a_branch(x: Any, out: Any) -> None:
    if cuda.threadIdx.x < 3:
        cuda.syncthreads()
    out[0] = x[0]


def returns_early(x: Any, out: Any) -> None:
    if cuda.threadIdx.x >= 3:
        return
    cuda.syncthreads()
    out[0] = x[0]


def breaks_early(x: Any, out: Any) -> None:
    for k in range(4):
        if k == cuda.threadIdx.x:
            break
        cuda.syncthreads()
    out[0] = x[0]


def half_a_warp(x: Any, out: Any) -> None:
    if cuda.threadIdx.x < 2:
        out[0] = cuda.shfl_down_sync(-1, x[0], 1)


def from_nowhere(x: Any, out: Any) -> None:
    out[cuda.threadIdx.x] = cuda.shfl_down_sync(-1, x[0], 2)


@pytest.mark.parametrize(
    ("kernel", "words"),
    [
        (barrier_in_a_branch, "syncthreads in line .*others, which it waits for, don't"),
        (returns_early, "syncthreads in line .*others, which it waits for, don't"),
        (breaks_early, "syncthreads in line .*others, which it waits for, don't"),
        (half_a_warp, "shfl_down_sync in line .*others, which it waits for, don't"),
        (from_nowhere, "shfl_down_sync in line .*a lane that isn't there"),
    ],
)
@pytest.mark.parametrize("parallel", [False, True])
def test_threads_that_do_not_meet_are_an_error(kernel: Any, words: str, parallel: bool) -> None:
    with pytest.raises(RuntimeError, match=words):
        on_cpu(kernel, parallel=parallel)[1, 4](np.zeros(4), np.zeros(4))


def for_the_grid(x: Any, out: Any) -> None:
    cuda.cg.this_grid().sync()
    out[0] = x[0]


def sometimes(x: Any, out: Any) -> None:
    t = cuda.threadIdx.x
    out[t] = cuda.shfl_sync(-1, x[t], 0) if t < 4 else 0.0


def tuples(x: Any, out: Any) -> None:
    mine = (x[0], cuda.threadIdx.x)
    cuda.syncthreads()
    out[cuda.threadIdx.x] = mine[0]


def over_an_array(x: Any, out: Any) -> None:
    for value in x[cuda.threadIdx.x :]:
        cuda.syncthreads()
        out[0] = value


@cuda.jit(device=True)
def returns_twice(value: Any) -> Any:
    if value > 3:
        return value
    return cuda.shfl_sync(-1, value, 0)


def calls(x: Any, out: Any) -> None:
    out[0] = returns_twice(x[0])


@cuda.jit(device=True)
def endless(value: Any) -> Any:
    return endless(value)


def recursive(x: Any, out: Any) -> None:
    out[0] = endless(x[0])


def sleeps(x: Any, out: Any) -> None:
    cuda.nanosleep(5)
    out[0] = x[0]


@pytest.mark.parametrize(
    ("kernel", "words"),
    [
        (for_the_grid, r"cuda.cg.this_grid has no counterpart on a CPU \(line"),
        (sleeps, r"cuda.nanosleep has no counterpart on a CPU \(line"),
        (sometimes, "only sometimes computed"),
        (tuples, "mine is no number"),
        (over_an_array, "goes over something else than a range"),
        (calls, "returns_twice returns before its end"),
        (recursive, "endless calls itself"),
    ],
)
def test_what_it_cannot_do_is_refused_by_name(kernel: Any, words: str) -> None:
    with pytest.raises(UnsupportedError, match=words):
        on_cpu(kernel)[1, 4](np.zeros(4), np.zeros(4))


@cuda.jit(device=True)
def leading(value: Any) -> Any:
    return cuda.clz(value)


def leading_zeros(out: Any) -> None:
    t = cuda.threadIdx.x
    out[0, t], out[1, t], out[2, t] = cuda.clz(t), leading(t), cuda.clz(cuda.blockIdx.x)
    out[3, t], out[4, t] = cuda.clz(cuda.blockDim.x), cuda.clz(cuda.gridDim.x)
    out[5, t], out[6, t] = cuda.clz(cuda.laneid), cuda.clz(cuda.warpsize)
    out[7, t], out[8, t] = cuda.clz(cuda.grid(1)), cuda.clz(cuda.gridsize(1))


@pytest.mark.parametrize("where", [simulate, lambda kernel, *launch: on_cpu(kernel)[launch[:2]](launch[2])])
def test_indices_and_extents_have_32_bits_and_places_in_the_grid_64(where: Any) -> None:
    out = np.zeros((9, 4), np.int32)
    where(leading_zeros, 1, 4, out)
    of_thread = [[32, 31, 30, 30]] * 2
    of_all = [[count] * 4 for count in (32, 29, 31)]
    np.testing.assert_array_equal(
        out, [*of_thread, *of_all, of_thread[0], [26] * 4, [64, 63, 62, 62], [61] * 4]
    )
