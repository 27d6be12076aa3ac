"""The sum starts with a plain 0.0, a float64, and stays one."""

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.reduction.gpu import MOST_WARPS, block_sum

FINDING = "float64"


@cuda.jit
def dot(x: Array, y: Array, product: Array) -> None:
    sums = cuda.shared.array(MOST_WARPS, np.float32)
    own = 0.0
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        own += x[i] * y[i]
    whole = block_sum(own, sums)
    if cuda.threadIdx.x == 0:
        cuda.atomic.add(product, 0, whole)
