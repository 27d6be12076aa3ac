"""Barriers that not all threads reach, and kernels that never end."""

from typing import Any

import pytest
from hpcampus_kernels import cuda
from numba import float32
from planted import NUMBERS, PLANE, Planted, found, new

N = 64


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


def row_returns_before_barrier(a: Any, out: Any) -> None:
    x, y = cuda.grid(2)
    if y >= a.shape[0] or x >= a.shape[1]:
        return
    tile = cuda.shared.array((8, 8), float32)
    tile[cuda.threadIdx.y, cuda.threadIdx.x] = a[y, x]
    cuda.syncthreads()  # here
    out[y, x] = tile[cuda.threadIdx.y, cuda.threadIdx.x]


def return_before_barrier(x: Any, out: Any) -> None:
    t = cuda.grid(1)
    if t >= x.size:
        return
    out[t] = x[t]
    cuda.syncthreads()  # here


def shuffle_in_a_branch(x: Any, out: Any) -> None:
    value = x[cuda.grid(1)]
    if cuda.laneid < 16:
        value += cuda.shfl_down_sync(0xFFFFFFFF, value, 8)  # here
    else:
        cuda.syncthreads()
    out[cuda.grid(1)] = value


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


PLANTED = [
    Planted(
        barrier_in_branch,
        1,
        N,
        [NUMBERS, new(N)],
        "barrier",
        "32 threads of the block wait at a barrier, but 32 have",
    ),
    Planted(
        two_barriers,
        1,
        N,
        [NUMBERS, new(N)],
        "barrier",
        "Some threads of the block wait at the barrier of line",
    ),
    Planted(
        row_returns_before_barrier,
        (2, 2),
        (8, 8),
        [PLANE, new(10, 12)],
        "barrier",
        "have ended without it",
    ),
    Planted(return_before_barrier, 2, N, [NUMBERS, new(100)], "barrier", "28 have ended without it"),
    Planted(
        shuffle_in_a_branch,
        1,
        32,
        [NUMBERS, new(32)],
        "barrier",
        "waits in shfl_down_sync for lanes of its warp",
    ),
    Planted(wait_for_nobody, 1, 32, [NUMBERS, new(1)], "endless", "a value that no other thread will write"),
    Planted(lock_never_opened, 2, 1, [NUMBERS, new(1)], "endless", "Thread 0 of block 1 waits in a loop"),
    Planted(loop_for_ever, 1, 32, [NUMBERS, new(32)], "endless", "it does not end"),
]


@pytest.mark.parametrize("planted", PLANTED, ids=str)
def test_every_mistake_is_found_in_any_order(planted: Planted) -> None:
    found(planted)
