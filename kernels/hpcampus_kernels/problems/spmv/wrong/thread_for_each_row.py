"""Threads that are neighbours read values that lie a row apart."""

from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.reduction.gpu import ZERO

FINDING = "coalescing"


@cuda.jit
def spmv(values: Array, columns: Array, offsets: Array, x: Array, y: Array) -> None:
    for row in range(cuda.grid(1), y.size, cuda.gridsize(1)):
        total = ZERO
        for j in range(offsets[row], offsets[row + 1]):
            total += values[j] * x[columns[j]]
        y[row] = total
