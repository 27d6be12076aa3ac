"""A pass of radix sort on a GPU: a block for each row.

Where a key goes: behind all keys of the row with a lower digit, those of earlier tiles with its digit, of
earlier warps, and of lower lanes.
"""

from typing import Any

import numpy as np

from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.radix_sort_pass import BITS, DIGITS
from hpcampus_kernels.problems.reduction.gpu import ALL, MOST_WARPS

PLACES = MOST_WARPS * DIGITS


@cuda.jit(device=True)
def starts(keys: Array, row: int, shift: int, start: Array) -> None:
    """Where the keys with each digit begin in the row: all keys are counted, and the counts added up."""
    if cuda.threadIdx.x < DIGITS:
        start[cuda.threadIdx.x] = 0
    cuda.syncthreads()
    for i in range(cuda.threadIdx.x, keys.shape[1], cuda.blockDim.x):
        cuda.atomic.add(start, (keys[row, i] >> shift) % DIGITS, 1)
    cuda.syncthreads()
    # Sixteen numbers: one thread has added them up before several have agreed how to.
    if cuda.threadIdx.x == 0:
        total = 0
        for digit in range(DIGITS):
            count = start[digit]
            start[digit] = total
            total += count
    cuda.syncthreads()


@cuda.jit(device=True)
def rank_in_warp(digit: Any, inside: Any) -> Any:
    """How many lower lanes have a key with the same digit: each bit is put to the vote."""
    same = cuda.ballot_sync(ALL, inside)
    for bit in range(BITS):
        is_one = (digit >> bit) % 2 == 1
        ones = cuda.ballot_sync(ALL, is_one)
        same &= ones if is_one else ~ones
    below = (1 << cuda.threadIdx.x % cuda.warpsize) - 1
    return cuda.popc(same & below)


@cuda.jit(device=True)
def begin_tile(start: Array, before: Array) -> None:
    """Counts by warp become places; where the next tile goes on is kept in `start`."""
    if cuda.threadIdx.x < DIGITS:
        digit = cuda.threadIdx.x
        for warp in range(cuda.blockDim.x // cuda.warpsize):
            count = before[warp * DIGITS + digit]
            before[warp * DIGITS + digit] = start[digit]
            start[digit] += count


@cuda.jit
def radix_sort_pass(keys: Array, shift: int, out: Array) -> None:
    start, before = cuda.shared.array(DIGITS, np.int32), cuda.shared.array(PLACES, np.int32)
    rows, columns = keys.shape
    t, warp = cuda.threadIdx.x, cuda.threadIdx.x // cuda.warpsize
    for row in range(cuda.blockIdx.x, rows, cuda.gridDim.x):
        starts(keys, row, shift, start)
        for first in range(0, columns, cuda.blockDim.x):
            inside = first + t < columns
            key = keys[row, first + t] if inside else np.uint32(0)
            digit = (key >> shift) % DIGITS
            for place in range(t, cuda.blockDim.x // cuda.warpsize * DIGITS, cuda.blockDim.x):
                before[place] = 0
            cuda.syncthreads()
            # An atomic counter alone would give each key a place, too, but not in the order of the row.
            rank = rank_in_warp(digit, inside)
            if inside:
                cuda.atomic.add(before, warp * DIGITS + digit, 1)
            cuda.syncthreads()
            begin_tile(start, before)
            cuda.syncthreads()
            if inside:
                out[row, before[warp * DIGITS + digit] + rank] = key
            # Nobody may set the counts to 0 for the next tile while others still look up their place.
            cuda.syncthreads()
