"""Each part of a row starts from 0 again, not from the total of the parts before."""

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.reduction.gpu import MOST_WARPS, ZERO
from hpcampus_kernels.problems.scan.gpu import block_scan

FINDING = "values"


@cuda.jit
def scan(x: Array, out: Array) -> None:
    sums = cuda.shared.array(MOST_WARPS, np.float32)
    rows, columns = x.shape
    for row in range(cuda.blockIdx.x, rows, cuda.gridDim.x):
        for start in range(0, columns, cuda.blockDim.x):
            i = start + cuda.threadIdx.x
            value, _ = block_scan(x[row, i] if i < columns else ZERO, sums)
            if i < columns:
                out[row, i] = value
