"""Right kernels: NumPy's answer, and no finding, with both warp sizes and under several schedules."""

import math
import os
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hpcampus_kernels import cuda
from hpcampus_kernels.simulator import output, simulate, undefined
from numba import float32, int32
from right_kernels import inclusive_scan, tiled_matmul

T = 8
PADDED = T + 1
N = 64
DETECTORS = ("races", "memory")
# `CAMPUS_SCHEDULES=20` asks for more.
SCHEDULES = int(os.environ.get("CAMPUS_SCHEDULES", "3"))


def saxpy(a: Any, x: Any, y: Any) -> None:
    for i in range(cuda.grid(1), y.size, cuda.gridsize(1)):
        y[i] = a * x[i] + y[i]


@cuda.jit
def reduce_shared(x: Any, out: Any) -> None:
    part = cuda.shared.array(N, float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    part[t] = x[i] if i < x.size else float32(0)
    cuda.syncthreads()
    step = N // 2
    while step > 0:
        if t < step:
            part[t] += part[t + step]
        cuda.syncthreads()
        step //= 2
    if t == 0:
        cuda.atomic.add(out, 0, part[0])


@cuda.jit(device=True)
def warp_sum(value: Any) -> Any:
    offset = cuda.warpsize // 2
    while offset > 0:
        value += cuda.shfl_down_sync(0xFFFFFFFF, value, offset)
        offset //= 2
    return value


@cuda.jit
def reduce_warp(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    total = warp_sum(x[i] if i < x.size else float32(0))
    if cuda.laneid == 0:
        cuda.atomic.add(out, 0, total)


@cuda.jit
def reduce_syncwarp(x: Any, out: Any) -> None:
    part = cuda.shared.array(N, float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    part[t] = x[i] if i < x.size else float32(0)
    cuda.syncwarp()
    step = cuda.warpsize // 2
    while step > 0:
        if cuda.laneid < step:
            part[t] += part[t + step]
        cuda.syncwarp()
        step //= 2
    if cuda.laneid == 0:
        cuda.atomic.add(out, 0, part[t])


@cuda.jit
def reduce_last_block(x: Any, parts: Any, ticket: Any, out: Any) -> None:
    last = cuda.shared.array(1, int32)
    t = cuda.threadIdx.x
    if t == 0:
        total = float32(0)
        for i in range(cuda.blockIdx.x * N, min(x.size, cuda.blockIdx.x * N + N)):
            total += x[i]
        parts[cuda.blockIdx.x] = total
        cuda.threadfence()
        last[0] = cuda.atomic.add(ticket, 0, 1) == cuda.gridDim.x - 1
    cuda.syncthreads()
    if last[0] and t == 0:
        total = float32(0)
        for block in range(cuda.gridDim.x):
            total += parts[block]
        out[0] = total


@cuda.jit
def reduce_locked(x: Any, lock: Any, out: Any) -> None:
    if cuda.threadIdx.x == 0:
        total = float32(0)
        for i in range(cuda.blockIdx.x * N, min(x.size, cuda.blockIdx.x * N + N)):
            total += x[i]
        while cuda.atomic.cas(lock, 0, 0, 1) != 0:
            pass
        cuda.threadfence()
        out[0] += total
        cuda.threadfence()
        cuda.atomic.exch(lock, 0, 0)


@cuda.jit
def histogram_shared(x: Any, counts: Any) -> None:
    own = cuda.shared.array(16, int32)
    for b in range(cuda.threadIdx.x, 16, cuda.blockDim.x):
        own[b] = 0
    cuda.syncthreads()
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        cuda.atomic.add(own, x[i], 1)
    cuda.syncthreads()
    for b in range(cuda.threadIdx.x, 16, cuda.blockDim.x):
        cuda.atomic.add(counts, b, own[b])


@cuda.jit
def softmax(x: Any, out: Any) -> None:
    part = cuda.shared.array(0, float32)
    row, t = cuda.blockIdx.x, cuda.threadIdx.x
    largest = float32(-math.inf)
    for i in range(t, x.shape[1], cuda.blockDim.x):
        largest = max(largest, x[row, i])
    part[t] = largest
    cuda.syncthreads()
    for other in range(cuda.blockDim.x):
        largest = max(largest, part[other])
    cuda.syncthreads()
    total = float32(0)
    for i in range(t, x.shape[1], cuda.blockDim.x):
        total += math.exp(x[row, i] - largest)
    part[t] = total
    cuda.syncthreads()
    total = float32(0)
    for other in range(cuda.blockDim.x):
        total += part[other]
    for i in range(t, x.shape[1], cuda.blockDim.x):
        out[row, i] = math.exp(x[row, i] - largest) / total


@cuda.jit
def heat(u: Any, out: Any) -> None:
    x, y = cuda.grid(2)
    if 0 < x < u.shape[1] - 1 and 0 < y < u.shape[0] - 1:
        out[y, x] = float32(0.25) * (u[y, x - 1] + u[y, x + 1] + u[y - 1, x] + u[y + 1, x])
    elif x < u.shape[1] and y < u.shape[0]:
        out[y, x] = u[y, x]


@cuda.jit
def transpose(a: Any, out: Any) -> None:
    tile = cuda.shared.array((T, PADDED), float32)
    x, y = cuda.grid(2)
    if x < a.shape[1] and y < a.shape[0]:
        tile[cuda.threadIdx.y, cuda.threadIdx.x] = a[y, x]
    cuda.syncthreads()
    x = cuda.blockIdx.y * T + cuda.threadIdx.x
    y = cuda.blockIdx.x * T + cuda.threadIdx.y
    if x < out.shape[1] and y < out.shape[0]:
        out[y, x] = tile[cuda.threadIdx.x, cuda.threadIdx.y]


@cuda.jit
def rows_by_warp(starts: Any, values: Any, out: Any) -> None:
    row = cuda.grid(1) // cuda.warpsize
    if row < out.size:
        total = float32(0)
        for i in range(starts[row] + cuda.laneid, starts[row + 1], cuda.warpsize):
            total += values[i]
        total = warp_sum(total)
        if cuda.laneid == 0:
            out[row] = total


@cuda.jit
def reverse_local(x: Any, out: Any) -> None:
    own = cuda.local.array(4, float32)
    start = cuda.grid(1) * 4
    if start + 4 <= x.size:
        for k in range(4):
            own[k] = x[start + k]
        for k in range(4):
            out[start + k] = own[3 - k]


Launch = tuple[Any, Any, Any, list[Any], int, Any, int]


def cases() -> dict[str, Callable[[], Launch]]:
    rng = np.random.default_rng(5)
    x, y = rng.random(150, np.float32), rng.random(150, np.float32)
    a, b = rng.random((13, 10), np.float32), rng.random((10, 11), np.float32)
    levels = rng.integers(0, 16, 200).astype(np.int32)
    square = rng.random((11, 13), np.float32)
    starts = np.array([0, 3, 3, 40, 50], np.int32)
    one, zero = (lambda: np.zeros(1, np.float32)), (lambda: np.zeros(1, np.int32))
    total = np.array([x.sum()])
    exps = np.exp(square - square.max(1, keepdims=True))
    local = x[:64].reshape(-1, 4)[:, ::-1].ravel()
    padded = square.copy()
    padded[1:-1, 1:-1] = 0.25 * (square[1:-1, :-2] + square[1:-1, 2:] + square[:-2, 1:-1] + square[2:, 1:-1])

    def new(*shape: int) -> Any:
        return output(undefined(shape, np.float32).array, defined=False)

    sums = np.array([x[i:j].sum() for i, j in pairwise(starts)])
    return {
        "saxpy": lambda: (saxpy, 3, 32, [np.float32(2), x, output(y.copy())], 2, 2 * x + y, 0),
        "matmul": lambda: (tiled_matmul(T), (2, 2), (T, T), [a, b, new(13, 11)], 2, a @ b, 0),
        "reduce_shared": lambda: (reduce_shared, 3, N, [x, one()], 1, total, 0),
        "reduce_warp": lambda: (reduce_warp, 3, N, [x, one()], 1, total, 0),
        "reduce_syncwarp": lambda: (reduce_syncwarp, 3, N, [x, one()], 1, total, 0),
        "last_block": lambda: (
            reduce_last_block,
            3,
            N,
            [x, undefined(3, np.float32), zero(), new(1)],
            3,
            total,
            0,
        ),
        "locked": lambda: (reduce_locked, 3, 32, [x, zero(), one()], 2, total, 0),
        "histogram": lambda: (
            histogram_shared,
            2,
            48,
            [levels, np.zeros(16, np.int32)],
            1,
            np.bincount(levels, minlength=16),
            0,
        ),
        "scan": lambda: (cuda.jit(inclusive_scan(N)), 1, N, [x[:N], new(N)], 1, np.cumsum(x[:N]), 0),
        "softmax": lambda: (softmax, 11, 8, [square, new(11, 13)], 1, exps / exps.sum(1, keepdims=True), 32),
        "heat": lambda: (heat, (2, 2), (T, T), [square, new(11, 13)], 1, padded, 0),
        "transpose": lambda: (transpose, (2, 2), (T, T), [square, new(13, 11)], 1, square.T, 0),
        "rows_by_warp": lambda: (rows_by_warp, 4, N, [starts, x, new(4)], 2, sums, 0),
        "reverse_local": lambda: (reverse_local, 1, 32, [x[:64], new(64)], 1, local, 0),
    }


@pytest.mark.parametrize("warpsize", [32, 64])
@pytest.mark.parametrize("name", cases())
def test_a_right_kernel_is_right_and_never_blamed(name: str, warpsize: int) -> None:
    for schedule in range(SCHEDULES):
        kernel, grid, block, arguments, place, expected, dynamic = cases()[name]()
        report = simulate(
            kernel,
            grid,
            block,
            *arguments,
            warpsize=warpsize,
            schedule=schedule,
            check=DETECTORS,
            shared_bytes=dynamic,
        )
        assert not report.findings, f"schedule {schedule}: {report}"
        result = list(report.arrays.values())[place - sum(np.isscalar(a) for a in arguments)]
        np.testing.assert_allclose(result, expected, rtol=1e-5)
