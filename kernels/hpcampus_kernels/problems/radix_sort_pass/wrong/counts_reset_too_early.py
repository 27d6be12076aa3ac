"""Fast threads set the counts to 0 for the next tile, where slow ones still look up their place."""

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.radix_sort_pass import DIGITS
from hpcampus_kernels.problems.radix_sort_pass.gpu import PLACES, begin_tile, rank_in_warp, starts

FINDING = "race"


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
            rank = rank_in_warp(digit, inside)
            if inside:
                cuda.atomic.add(before, warp * DIGITS + digit, 1)
            cuda.syncthreads()
            begin_tile(start, before)
            cuda.syncthreads()
            if inside:
                out[row, before[warp * DIGITS + digit] + rank] = key
