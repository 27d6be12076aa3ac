"""The sum of a warp starts 16 lanes apart: of a warp with 64 lanes it takes the lower half."""

from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.reduction.gpu import ALL, ZERO

FINDING = "warp"


@cuda.jit
def spmv(values: Array, columns: Array, offsets: Array, x: Array, y: Array) -> None:
    lane, warps = cuda.threadIdx.x % cuda.warpsize, cuda.gridsize(1) // cuda.warpsize
    for row in range(cuda.grid(1) // cuda.warpsize, y.size, warps):
        total = ZERO
        for j in range(offsets[row] + lane, offsets[row + 1], cuda.warpsize):
            total += values[j] * x[columns[j]]
        for step in (16, 8, 4, 2, 1):
            total += cuda.shfl_down_sync(ALL, total, step)
        if lane == 0:
            y[row] = total
