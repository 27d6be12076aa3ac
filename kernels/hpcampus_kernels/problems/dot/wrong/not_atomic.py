"""Each block adds to the product in three steps, and another block may come in between."""

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.reduction.gpu import MOST_WARPS, ZERO, block_sum

FINDING = "race"


@cuda.jit
def dot(x: Array, y: Array, product: Array) -> None:
    sums = cuda.shared.array(MOST_WARPS, np.float32)
    own = ZERO
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        own += x[i] * y[i]
    whole = block_sum(own, sums)
    if cuda.threadIdx.x == 0:
        product[0] += whole
