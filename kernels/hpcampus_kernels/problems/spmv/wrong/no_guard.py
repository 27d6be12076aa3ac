"""Warps without a row look up where theirs starts, behind the end of the offsets."""

from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.reduction.gpu import ZERO, warp_sum

FINDING = "outside"


@cuda.jit
def spmv(values: Array, columns: Array, offsets: Array, x: Array, y: Array) -> None:
    lane, row = cuda.threadIdx.x % cuda.warpsize, cuda.grid(1) // cuda.warpsize
    total = ZERO
    for j in range(offsets[row] + lane, offsets[row + 1], cuda.warpsize):
        total += values[j] * x[columns[j]]
    total = warp_sum(total)
    if lane == 0:
        y[row] = total
