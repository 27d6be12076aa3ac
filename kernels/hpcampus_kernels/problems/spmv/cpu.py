"""A sparse matrix times a vector on one core, in the order of memory."""

import numpy as np

from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.compiled import compiled


@compiled
def spmv(values: Array, columns: Array, offsets: Array, x: Array, y: Array) -> None:
    for row in range(y.size):
        total = np.float32(0)
        # As unsigned: otherwise each index is looked at, whether it is below 0.
        for j in range(np.uint32(offsets[row]), np.uint32(offsets[row + 1])):
            total += values[j] * x[np.uint32(columns[j])]
        y[row] = total
