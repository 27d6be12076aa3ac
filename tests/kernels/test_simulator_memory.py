"""Elements that nobody has written yet, that nobody writes, or that are written twice."""

from typing import Any

import numpy as np
import pytest
from hpcampus_kernels import cuda
from hpcampus_kernels.simulator import output, undefined
from numba import float32, int32
from planted import NUMBERS, Planted, found, new

N = 64


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


PLANTED = [
    Planted(histogram_unset, 2, 32, [np.arange(64) % 16, np.zeros(16, np.int32)], "uninitialised", "own[0]"),
    Planted(tile_partly_set, 1, N, [NUMBERS, new(N)], "uninitialised", "Shared memory starts with anything"),
    Planted(local_unset, 1, 32, [NUMBERS, new(32)], "uninitialised", "own[3] before it wrote it"),
    Planted(global_unset, 4, 32, [NUMBERS, undefined(100, np.float32)], "uninitialised", "out[0]"),
    Planted(stride_of_a_block, 2, 16, [NUMBERS, output(new(100))], "repeated", "was written by 2 threads"),
    Planted(
        every_block_everything,
        2,
        32,
        [NUMBERS, output(new(100))],
        "repeated",
        "100 of 100 elements were done more",
    ),
    Planted(
        one_grid_only,
        2,
        32,
        [NUMBERS, output(new(100))],
        "unwritten",
        "36 of 100 elements of out were never written",
    ),
    Planted(guard_too_small, 2, 32, [NUMBERS, output(new(100))], "unwritten", "first out[99]"),
]


@pytest.mark.parametrize("planted", PLANTED, ids=str)
def test_every_mistake_is_found_in_any_order(planted: Planted) -> None:
    found(planted)
