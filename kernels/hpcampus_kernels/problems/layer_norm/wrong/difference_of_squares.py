"""The mean of the squares less the square of the mean: float32 has lost what two large numbers differ by."""

import math

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.layer_norm import EPSILON
from hpcampus_kernels.problems.layer_norm.gpu import ONE
from hpcampus_kernels.problems.reduction.gpu import MOST_WARPS, ZERO, block_sum

FINDING = "values"


@cuda.jit
def layer_norm(x: Array, scale: Array, shift: Array, out: Array) -> None:
    sums = cuda.shared.array(MOST_WARPS, np.float32)
    rows, columns = x.shape
    share = ONE / np.float32(columns)
    for row in range(cuda.blockIdx.x, rows, cuda.gridDim.x):
        total, squares = ZERO, ZERO
        for i in range(cuda.threadIdx.x, columns, cuda.blockDim.x):
            total += x[row, i]
            squares += x[row, i] * x[row, i]
        mean = block_sum(total, sums) * share
        variance = block_sum(squares, sums) * share - mean * mean
        factor = ONE / math.sqrt(variance + EPSILON)
        for i in range(cuda.threadIdx.x, columns, cuda.blockDim.x):
            out[row, i] = (x[row, i] - mean) * factor * scale[i] + shift[i]
