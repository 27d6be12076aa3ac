"""Data races are found in every schedule, whatever the sums came out as."""

from typing import Any

import numpy as np
import pytest
from hpcampus_kernels import cuda
from hpcampus_kernels.simulator import Report, simulate
from numba import float32, int32
from planted import NUMBERS, PLANE, SQUARE, Planted, found, new

N = 64


def histogram_plain(levels: Any, counts: Any) -> None:
    i = cuda.grid(1)
    if i < levels.size:
        counts[levels[i]] += 1  # here


def sum_plain(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < x.size:
        out[0] += x[i]  # here


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


def stencil_in_place(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    if 0 < i < out.size - 1:
        out[i] = out[i - 1] + out[i + 1] + x[i]  # here


def heat_in_place(a: Any, out: Any) -> None:
    x, y = cuda.grid(2)
    if 0 < x < a.shape[1] - 1 and 0 < y < a.shape[0] - 1:
        out[y, x] = a[y, x] + out[y, x - 1] + out[y - 1, x]  # here


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


def sum_of_tiles_one_barrier(x: Any, out: Any) -> None:
    tile = cuda.shared.array(8, float32)
    t = cuda.threadIdx.x
    total = float32(0)
    for start in range(0, x.size - x.size % 8, 8):
        tile[t] = x[start + t]  # here
        cuda.syncthreads()
        for k in range(8):
            total += tile[k]
    out[t] = total


def sort_in_one_step(x: Any, out: Any) -> None:
    part = cuda.shared.array(N, float32)
    t = cuda.threadIdx.x
    part[t] = x[N - t]
    cuda.syncthreads()
    for _ in range(N):
        if t + 1 < N and part[t] > part[t + 1]:
            part[t], part[t + 1] = part[t + 1], part[t]  # here
        cuda.syncthreads()
    out[t] = part[t]


def average_while_others_add(x: Any, out: Any) -> None:
    cuda.atomic.add(out, 0, x[cuda.grid(1)])
    out[1 + cuda.grid(1)] = out[0] / x.size  # here


def histogram_read_too_early(levels: Any, counts: Any) -> None:
    own = cuda.shared.array(16, int32)
    t = cuda.threadIdx.x
    if t < 16:
        own[t] = 0
    cuda.syncthreads()
    cuda.atomic.add(own, levels[cuda.grid(1)], 1)
    if t < 16:
        cuda.atomic.add(counts, t, own[t])  # here


def rest_of_warp_without_syncwarp(x: Any, out: Any) -> None:
    part = cuda.shared.array(N, float32)
    t = cuda.threadIdx.x
    part[t] = x[t]
    if t < 16:
        out[t] = part[t] + part[t + 16]


PLANTED = [
    Planted(histogram_plain, 2, 32, [np.arange(64) % 16, np.zeros(16, np.int32)], "race", "atomic operation"),
    Planted(sum_plain, 4, 32, [NUMBERS, new(1)], "race", "one change is lost"),
    Planted(reduce_no_barrier, 1, N, [NUMBERS, new(1)], "race", "there must be a barrier"),
    Planted(reverse_no_barrier, 1, N, [NUMBERS, new(N)], "race", "there must be a barrier"),
    Planted(
        matmul_one_barrier,
        (2, 2),
        (8, 8),
        [SQUARE, SQUARE, new(16, 16)],
        "race",
        "tile_a[0, 0] (shared memory)",
    ),
    Planted(scan_one_barrier, 1, N, [NUMBERS, new(N)], "race", "part["),
    Planted(stencil_in_place, 4, 32, [NUMBERS, new(100)], "race", "out["),
    Planted(heat_in_place, (2, 2), (8, 8), [PLANE, new(10, 12)], "race", "out["),
    Planted(sum_of_tiles_one_barrier, 1, 8, [NUMBERS, new(8)], "race", "tile["),
    Planted(sort_in_one_step, 1, N, [NUMBERS, new(N)], "race", "part["),
    Planted(average_while_others_add, 2, 32, [NUMBERS, new(65)], "race", "don't mix"),
    Planted(
        histogram_read_too_early,
        2,
        32,
        [np.arange(64) % 16, np.zeros(16, np.int32)],
        "race",
        "reads own[",
    ),
    Planted(last_block_without_fence, 3, 1, [NUMBERS, new(3), new(1), new(1)], "race", "parts["),
    Planted(last_block_with_block_fence, 3, 1, [NUMBERS, new(3), new(1), new(1)], "race", "parts["),
]


@pytest.mark.parametrize("planted", PLANTED, ids=str)
def test_every_mistake_is_found_in_any_order(planted: Planted) -> None:
    found(planted)


def test_a_decorated_kernel_is_judged_as_well() -> None:
    report = simulate(cuda.jit(histogram_plain), 2, 32, np.arange(64) % 16, np.zeros(16, np.int32))
    assert report.kinds() == {"race"}
    race = report.findings[0]
    assert (race.array, len(set(race.threads)), race.severity) == ("counts", 2, "error")


def test_threads_of_a_warp_need_syncwarp() -> None:
    assert "race" in simulate(rest_of_warp_without_syncwarp, 1, N, NUMBERS, new(N)).kinds()


def test_the_same_value_written_twice_is_a_warning() -> None:
    def any_above(x: Any, out: Any) -> None:
        if x[cuda.grid(1)] > 0:
            out[0] = 1

    report: Report = simulate(any_above, 2, 32, NUMBERS, new(1))
    assert [(f.kind, f.severity) for f in report.findings] == [("race", "warning")]
    assert not report.errors
