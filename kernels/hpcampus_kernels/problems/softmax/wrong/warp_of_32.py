"""The search for the highest value starts 16 lanes apart: of a warp with 64 lanes it sees the lower half."""

import math

from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.reduction.gpu import ALL, ZERO
from hpcampus_kernels.problems.softmax.gpu import LOWEST

FINDING = "warp"


@cuda.jit
def softmax(x: Array, out: Array) -> None:
    # The first warp of a block does a row, all by itself.
    lane, rows, columns = cuda.threadIdx.x, x.shape[0], x.shape[1]
    if lane < cuda.warpsize:
        for row in range(cuda.blockIdx.x, rows, cuda.gridDim.x):
            top, total = LOWEST, ZERO
            for i in range(lane, columns, cuda.warpsize):
                top = max(top, x[row, i])
            for step in (16, 8, 4, 2, 1):
                top = max(top, cuda.shfl_xor_sync(ALL, top, step))
            for i in range(lane, columns, cuda.warpsize):
                total += math.exp(x[row, i] - top)
            for step in (16, 8, 4, 2, 1):
                total += cuda.shfl_xor_sync(ALL, total, step)
            for i in range(lane, columns, cuda.warpsize):
                out[row, i] = math.exp(x[row, i] - top) / total
