"""The first number has the place 0, but its scan, which counts itself, says 1."""

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.reduction.gpu import MOST_WARPS
from hpcampus_kernels.problems.scan.gpu import block_scan

FINDING = "values"


@cuda.jit
def compaction(x: Array, kept: Array, counts: Array) -> None:
    sums = cuda.shared.array(MOST_WARPS, np.int32)
    rows, columns = x.shape
    for row in range(cuda.blockIdx.x, rows, cuda.gridDim.x):
        count = 0
        for start in range(0, columns, cuda.blockDim.x):
            i = start + cuda.threadIdx.x
            keep = i < columns and x[row, i] > 0
            place, total = block_scan(1 if keep else 0, sums)
            if keep:
                kept[row, count + place] = x[row, i]
            count += total
        if cuda.threadIdx.x == 0:
            counts[row] = count
