"""The end of a row is the start of the next: taken along, it reaches behind the end of the last row."""

from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.reduction.gpu import ZERO, warp_sum

FINDING = "outside"


@cuda.jit
def spmv(values: Array, columns: Array, offsets: Array, x: Array, y: Array) -> None:
    lane, warps = cuda.threadIdx.x % cuda.warpsize, cuda.gridsize(1) // cuda.warpsize
    for row in range(cuda.grid(1) // cuda.warpsize, y.size, warps):
        total = ZERO
        for j in range(offsets[row] + lane, offsets[row + 1] + 1, cuda.warpsize):
            total += values[j] * x[columns[j]]
        total = warp_sum(total)
        if lane == 0:
            y[row] = total
