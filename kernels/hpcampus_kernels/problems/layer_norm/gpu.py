"""Layer normalisation on a GPU: a block for each row."""

import math

import numpy as np

from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.layer_norm import EPSILON
from hpcampus_kernels.problems.reduction.gpu import MOST_WARPS, ZERO, block_sum

ONE = np.float32(1)


@cuda.jit
def layer_norm(x: Array, scale: Array, shift: Array, out: Array) -> None:
    sums = cuda.shared.array(MOST_WARPS, np.float32)
    rows, columns = x.shape
    # An integer times a float32 is a float64: it is turned into a float32 first.
    share = ONE / np.float32(columns)
    for row in range(cuda.blockIdx.x, rows, cuda.gridDim.x):
        # Differences to the first value are small numbers: their sum keeps its digits.
        first, total = x[row, 0], ZERO
        for i in range(cuda.threadIdx.x, columns, cuda.blockDim.x):
            total += x[row, i] - first
        mean = first + block_sum(total, sums) * share
        # The mean of the squares less the square of the mean would be the difference of two large numbers.
        # A second pass is right, and cheap: the row is still in the cache.
        squares = ZERO
        for i in range(cuda.threadIdx.x, columns, cuda.blockDim.x):
            centred = x[row, i] - mean
            squares += centred * centred
        factor = ONE / math.sqrt(block_sum(squares, sums) * share + EPSILON)
        for i in range(cuda.threadIdx.x, columns, cuda.blockDim.x):
            out[row, i] = (x[row, i] - mean) * factor * scale[i] + shift[i]
