"""A plain 1e-5 is a float64, and so are the root and all that it meets."""

import math

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.reduction.gpu import MOST_WARPS, ZERO, block_sum

ONE = np.float32(1)
FINDING = "float64"


@cuda.jit
def layer_norm(x: Array, scale: Array, shift: Array, out: Array) -> None:
    sums = cuda.shared.array(MOST_WARPS, np.float32)
    rows, columns = x.shape
    share = ONE / np.float32(columns)
    for row in range(cuda.blockIdx.x, rows, cuda.gridDim.x):
        first, total = x[row, 0], ZERO
        for i in range(cuda.threadIdx.x, columns, cuda.blockDim.x):
            total += x[row, i] - first
        mean = first + block_sum(total, sums) * share
        squares = ZERO
        for i in range(cuda.threadIdx.x, columns, cuda.blockDim.x):
            centred = x[row, i] - mean
            squares += centred * centred
        factor = ONE / math.sqrt(block_sum(squares, sums) * share + 1e-5)
        for i in range(cuda.threadIdx.x, columns, cuda.blockDim.x):
            out[row, i] = (x[row, i] - mean) * factor * scale[i] + shift[i]
