"""The sum of the last row is still read when fast threads set it to 0 for the next."""

import math

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.reduction.gpu import MOST_WARPS, ZERO
from hpcampus_kernels.problems.softmax.gpu import LOWEST, block_max

FINDING = "race"


@cuda.jit
def softmax(x: Array, out: Array) -> None:
    parts, whole = cuda.shared.array(MOST_WARPS, np.float32), cuda.shared.array(1, np.float32)
    rows, columns = x.shape
    for row in range(cuda.blockIdx.x, rows, cuda.gridDim.x):
        if cuda.threadIdx.x == 0:
            whole[0] = ZERO
        highest = LOWEST
        for i in range(cuda.threadIdx.x, columns, cuda.blockDim.x):
            highest = max(highest, x[row, i])
        top = block_max(highest, parts)
        for i in range(cuda.threadIdx.x, columns, cuda.blockDim.x):
            cuda.atomic.add(whole, 0, math.exp(x[row, i] - top))
        cuda.syncthreads()
        for i in range(cuda.threadIdx.x, columns, cuda.blockDim.x):
            out[row, i] = math.exp(x[row, i] - top) / whole[0]
