"""Wrong kernels: every mistake is found, in two kernels at least, and named with its array and its line."""

import inspect
from typing import Any

import numpy as np
import pytest
from hpcampus_kernels import cuda
from hpcampus_kernels.simulator import Report, output, sanitize, simulate, undefined
from hpcampus_kernels.simulator.convert import python_function
from numba import float32, int32

N = 64


def add_no_guard(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    out[i] = x[i] + 1  # here


def rows_no_guard(a: Any, out: Any) -> None:
    i, j = cuda.grid(2)
    out[i, j] = a[i, j]  # here


def add_guard_too_large(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i <= out.size:
        out[i] = x[i] + 1  # here


def loop_too_long(x: Any, out: Any) -> None:
    for i in range(cuda.grid(1), x.size + 1, cuda.gridsize(1)):
        out[i] = x[i]  # here


def difference_at_the_edge(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < x.size:
        out[i] = x[i] - x[i - 1]  # here


def life_at_the_edge(a: Any, out: Any) -> None:
    x, y = cuda.grid(2)
    if x < a.shape[1] and y < a.shape[0]:
        out[y, x] = a[y - 1, x]  # here


def histogram_plain(levels: Any, counts: Any) -> None:
    i = cuda.grid(1)
    if i < levels.size:
        counts[levels[i]] += 1  # here


def sum_plain(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < x.size:
        out[0] += x[i]  # here


def histogram_unset(levels: Any, counts: Any) -> None:
    own = cuda.shared.array(16, int32)
    i = cuda.grid(1)
    if i < levels.size:
        cuda.atomic.add(own, levels[i], 1)  # here
    cuda.syncthreads()
    if cuda.threadIdx.x < 16:
        cuda.atomic.add(counts, cuda.threadIdx.x, own[cuda.threadIdx.x])


def tile_partly_set(x: Any, out: Any) -> None:
    tile = cuda.shared.array(N, float32)
    t = cuda.threadIdx.x
    if t < 40:
        tile[t] = x[t]
    cuda.syncthreads()
    out[t] = tile[N - 1 - t]  # here


def local_unset(x: Any, out: Any) -> None:
    own = cuda.local.array(4, float32)
    for k in range(3):
        own[k] = x[k]
    out[cuda.grid(1)] = own[3]  # here


def global_unset(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < x.size:
        out[i] += x[i]  # here


def reduce_no_barrier(x: Any, out: Any) -> None:
    part = cuda.shared.array(N, float32)
    t = cuda.threadIdx.x
    part[t] = x[t]
    cuda.syncthreads()
    step = N // 2
    while step > 0:
        if t < step:
            part[t] += part[t + step]  # here
        step //= 2
    if t == 0:
        out[0] = part[0]


def reverse_no_barrier(x: Any, out: Any) -> None:
    part = cuda.shared.array(N, float32)
    t = cuda.threadIdx.x
    part[t] = x[t]  # here
    out[t] = part[N - 1 - t]


def barrier_in_branch(x: Any, out: Any) -> None:
    t = cuda.threadIdx.x
    step = N // 2
    if t < step:
        out[t] = x[t]
        cuda.syncthreads()  # here


def two_barriers(x: Any, out: Any) -> None:
    t = cuda.threadIdx.x
    if t % 2:
        out[t] = x[t]
        cuda.syncthreads()
    else:
        cuda.syncthreads()


def return_before_barrier(x: Any, out: Any) -> None:
    t = cuda.grid(1)
    if t >= x.size:
        return
    out[t] = x[t]
    cuda.syncthreads()  # here


def matmul_one_barrier(a: Any, b: Any, c: Any) -> None:
    tile_a = cuda.shared.array((8, 8), float32)
    tile_b = cuda.shared.array((8, 8), float32)
    column, row = cuda.grid(2)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    total = float32(0)
    for start in range(0, a.shape[1], 8):
        tile_a[y, x] = a[row, start + x]  # here
        tile_b[y, x] = b[start + y, column]
        cuda.syncthreads()
        for k in range(8):
            total += tile_a[y, k] * tile_b[k, x]
    c[row, column] = total


def scan_one_barrier(x: Any, out: Any) -> None:
    part = cuda.shared.array(N, float32)
    t = cuda.threadIdx.x
    part[t] = x[t]
    cuda.syncthreads()
    step = 1
    while step < N:
        if t >= step:
            part[t] += part[t - step]  # here
        cuda.syncthreads()
        step *= 2
    out[t] = part[t]


def stride_of_a_block(x: Any, out: Any) -> None:
    for i in range(cuda.grid(1), out.size, cuda.blockDim.x):
        out[i] = x[i]  # here


def every_block_everything(x: Any, out: Any) -> None:
    for i in range(cuda.threadIdx.x, out.size, cuda.blockDim.x):
        out[i] = x[i]  # here


def one_grid_only(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        out[i] = x[i]


def guard_too_small(x: Any, out: Any) -> None:
    for i in range(cuda.grid(1), out.size - 1, cuda.gridsize(1)):
        out[i] = x[i]


def stencil_in_place(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    if 0 < i < out.size - 1:
        out[i] = out[i - 1] + out[i + 1] + x[i]  # here


def heat_in_place(a: Any, out: Any) -> None:
    x, y = cuda.grid(2)
    if 0 < x < a.shape[1] - 1 and 0 < y < a.shape[0] - 1:
        out[y, x] = a[y, x] + out[y, x - 1] + out[y - 1, x]  # here


def wait_for_nobody(x: Any, out: Any) -> None:
    while cuda.atomic.add(out, 0, 0) == 0:  # here
        pass


def lock_never_opened(x: Any, out: Any) -> None:
    while cuda.atomic.cas(out, 0, 0, 1) != 0:  # here
        pass


def loop_for_ever(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    while i < out.size:
        out[i] = x[i]


def warp_sum_of_32(x: Any, out: Any) -> None:
    value = x[cuda.grid(1)]
    offset = 16
    while offset > 0:
        value += cuda.shfl_down_sync(0xFFFFFFFF, value, offset)
        offset //= 2
    if cuda.laneid == 0:
        cuda.atomic.add(out, 0, value)


def lane_by_32(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    bits = cuda.ballot_sync(0xFFFFFFFF, x[i] > 0)
    if i % 32 == 0:
        out[i // 32] = cuda.popc(bits)


def rest_of_warp_without_syncwarp(x: Any, out: Any) -> None:
    part = cuda.shared.array(N, float32)
    t = cuda.threadIdx.x
    part[t] = x[t]
    if t < 16:
        out[t] = part[t] + part[t + 16]


def first_come_first_served(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    if x[i] > 0:
        place = cuda.atomic.add(out, 0, 1)
        out[1 + int(place)] = i


def last_one_wins(x: Any, out: Any) -> None:
    cuda.atomic.exch(out, 0, cuda.grid(1))


def last_block_without_fence(x: Any, parts: Any, ticket: Any, out: Any) -> None:
    if cuda.threadIdx.x == 0:
        parts[cuda.blockIdx.x] = x[cuda.blockIdx.x]  # here
        if cuda.atomic.add(ticket, 0, 1) == cuda.gridDim.x - 1:
            for block in range(cuda.gridDim.x):
                out[0] += parts[block]


def last_block_with_block_fence(x: Any, parts: Any, ticket: Any, out: Any) -> None:
    if cuda.threadIdx.x == 0:
        parts[cuda.blockIdx.x] = x[cuda.blockIdx.x]  # here
        cuda.threadfence_block()
        if cuda.atomic.add(ticket, 0, 1) == cuda.gridDim.x - 1:
            for block in range(cuda.gridDim.x):
                out[0] += parts[block]


def shuffle_in_a_branch(x: Any, out: Any) -> None:
    value = x[cuda.grid(1)]
    if cuda.laneid < 16:
        value += cuda.shfl_down_sync(0xFFFFFFFF, value, 8)  # here
    else:
        cuda.syncthreads()
    out[cuda.grid(1)] = value


X = np.arange(1, 101, dtype=np.float32)
A = np.arange(1, 121, dtype=np.float32).reshape(10, 12)
S = np.arange(256, dtype=np.float32).reshape(16, 16)


def line(kernel: Any) -> int | None:
    source, start = inspect.getsourcelines(python_function(kernel))
    return next((start + n for n, text in enumerate(source) if text.endswith("# here\n")), None)


def new(*shape: int) -> Any:
    return np.zeros(shape, np.float32)


FOUND = [
    (add_no_guard, 4, 32, [X, new(100)], "outside", "x[100], but x has 100 elements, 0 to 99"),
    (rows_no_guard, (2, 2), (8, 8), [A, new(10, 12)], "outside", "but a has the shape (10, 12)"),
    (add_guard_too_large, 4, 32, [X, new(100)], "outside", "Thread 4 of block 3 changed out[100]"),
    (loop_too_long, 1, 32, [X, new(100)], "outside", "x[100]"),
    (
        difference_at_the_edge,
        4,
        32,
        [X, new(100)],
        "outside",
        "x[-1], but x has 100 elements, 0 to 99; on a GPU",
    ),
    (life_at_the_edge, (2, 2), (8, 8), [A, new(10, 12)], "outside", "a[-1, 0]"),
    (histogram_plain, 2, 32, [np.arange(64) % 16, np.zeros(16, np.int32)], "race", "atomic operation"),
    (sum_plain, 4, 32, [X, new(1)], "race", "one change is lost"),
    (histogram_unset, 2, 32, [np.arange(64) % 16, np.zeros(16, np.int32)], "uninitialised", "own[0]"),
    (tile_partly_set, 1, N, [X, new(N)], "uninitialised", "Shared memory starts with anything"),
    (local_unset, 1, 32, [X, new(32)], "uninitialised", "own[3] before it wrote it"),
    (global_unset, 4, 32, [X, undefined(100, np.float32)], "uninitialised", "out[0]"),
    (reduce_no_barrier, 1, N, [X, new(1)], "race", "there must be a barrier"),
    (reverse_no_barrier, 1, N, [X, new(N)], "race", "there must be a barrier"),
    (
        barrier_in_branch,
        1,
        N,
        [X, new(N)],
        "barrier",
        "32 threads of the block wait at a barrier, but 32 have",
    ),
    (two_barriers, 1, N, [X, new(N)], "barrier", "Some threads of the block wait at the barrier of line"),
    (return_before_barrier, 2, N, [X, new(100)], "barrier", "28 have ended without it"),
    (matmul_one_barrier, (2, 2), (8, 8), [S, S, new(16, 16)], "race", "tile_a[0, 0] (shared memory)"),
    (scan_one_barrier, 1, N, [X, new(N)], "race", "part["),
    (stride_of_a_block, 2, 16, [X, output(new(100))], "repeated", "was written by 2 threads"),
    (every_block_everything, 2, 32, [X, output(new(100))], "repeated", "100 of 100 elements were done more"),
    (
        one_grid_only,
        2,
        32,
        [X, output(new(100))],
        "unwritten",
        "36 of 100 elements of out were never written",
    ),
    (guard_too_small, 2, 32, [X, output(new(100))], "unwritten", "first out[99]"),
    (stencil_in_place, 4, 32, [X, new(100)], "race", "out["),
    (heat_in_place, (2, 2), (8, 8), [A, new(10, 12)], "race", "out["),
    (wait_for_nobody, 1, 32, [X, new(1)], "endless", "a value that no other thread will write"),
    (lock_never_opened, 2, 1, [X, new(1)], "endless", "Thread 0 of block 1 waits in a loop"),
    (loop_for_ever, 1, 32, [X, new(32)], "endless", "it does not end"),
    (last_block_without_fence, 3, 1, [X, new(3), new(1), new(1)], "race", "parts["),
    (last_block_with_block_fence, 3, 1, [X, new(3), new(1), new(1)], "race", "parts["),
    (shuffle_in_a_branch, 1, 32, [X, new(32)], "barrier", "waits in shfl_down_sync for lanes of its warp"),
]


@pytest.mark.parametrize(
    ("kernel", "grid", "block", "arguments", "kind", "words"), FOUND, ids=[row[0].__name__ for row in FOUND]
)
def test_every_mistake_is_found_in_any_order(
    kernel: Any, grid: Any, block: Any, arguments: list[Any], kind: str, words: str
) -> None:
    for schedule in range(3):
        budget = 200_000 if kind == "endless" else 3_000_000
        report = simulate(kernel, grid, block, *fresh(arguments), schedule=schedule, budget=budget)
        named = [finding for finding in report.findings if finding.kind == kind]
        assert named, str(report)
        lines = {finding.line.number for finding in named if finding.line}
        assert line(kernel) is None or line(kernel) in lines, str(report)
        if schedule == 0:
            assert any(words in finding.message for finding in named), str(report)


def fresh(arguments: list[Any]) -> list[Any]:
    return [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]


def test_a_decorated_kernel_is_judged_as_well() -> None:
    report = simulate(cuda.jit(histogram_plain), 2, 32, np.arange(64) % 16, np.zeros(16, np.int32))
    assert report.kinds() == {"race"}
    race = report.findings[0]
    assert (race.array, len(set(race.threads)), race.severity) == ("counts", 2, "error")


@pytest.mark.parametrize(
    ("kernel", "arguments"),
    [
        (warp_sum_of_32, [X, new(1)]),
        (lane_by_32, [X - 50, np.zeros(2, np.int32)]),
    ],
)
def test_a_warp_is_not_always_32_threads(kernel: Any, arguments: list[Any]) -> None:
    report = sanitize(kernel, 1, N, *arguments)
    assert "warp" in report.kinds(), str(report)
    assert "warps of 64 threads" in str(report)


def test_threads_of_a_warp_need_syncwarp() -> None:
    assert "race" in simulate(rest_of_warp_without_syncwarp, 1, N, X, new(N)).kinds()


@pytest.mark.parametrize(
    ("kernel", "out"), [(first_come_first_served, np.zeros(N + 1, np.int32)), (last_one_wins, new(1))]
)
def test_a_result_that_depends_on_the_schedule(kernel: Any, out: Any) -> None:
    report = sanitize(kernel, 2, 32, X - 50, out, warpsizes=[32])
    assert report.kinds() == {"schedule"}, str(report)


def test_the_same_value_written_twice_is_a_warning() -> None:
    def any_above(x: Any, out: Any) -> None:
        if x[cuda.grid(1)] > 0:
            out[0] = 1

    report: Report = simulate(any_above, 2, 32, X, new(1))
    assert [(f.kind, f.severity) for f in report.findings] == [("race", "warning")]
    assert not report.errors
