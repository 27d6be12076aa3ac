"""Two threads that take a place at once take the same one."""

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array

FINDING = "race"


@cuda.jit
def compaction(x: Array, kept: Array, counts: Array) -> None:
    count = cuda.shared.array(1, np.int32)
    rows, columns = x.shape
    for row in range(cuda.blockIdx.x, rows, cuda.gridDim.x):
        if cuda.threadIdx.x == 0:
            count[0] = 0
        cuda.syncthreads()
        for i in range(cuda.threadIdx.x, columns, cuda.blockDim.x):
            if x[row, i] > 0:
                kept[row, count[0]] = x[row, i]
                count[0] += 1
        cuda.syncthreads()
        if cuda.threadIdx.x == 0:
            counts[row] = count[0]
