"""A sparse matrix times a vector on a GPU: a warp for each row."""

from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.reduction.gpu import ZERO, warp_sum


@cuda.jit
def spmv(values: Array, columns: Array, offsets: Array, x: Array, y: Array) -> None:
    # A thread for each row would read values that lie a row apart from its neighbours'. The lanes of a warp
    # read neighbours, and a long row doesn't keep 31 short ones waiting.
    lane, warps = cuda.threadIdx.x % cuda.warpsize, cuda.gridsize(1) // cuda.warpsize
    for row in range(cuda.grid(1) // cuda.warpsize, y.size, warps):
        total = ZERO
        for j in range(offsets[row] + lane, offsets[row + 1], cuda.warpsize):
            total += values[j] * x[columns[j]]
        total = warp_sum(total)
        if lane == 0:
            y[row] = total
