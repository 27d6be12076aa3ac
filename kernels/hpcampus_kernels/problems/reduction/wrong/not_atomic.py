"""Each block adds to the total in three steps, and another block may come in between."""

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.reduction.gpu import MOST_WARPS, ZERO, block_sum

FINDING = "race"


@cuda.jit
def reduction(x: Array, total: Array) -> None:
    sums = cuda.shared.array(MOST_WARPS, np.float32)
    own = ZERO
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        own += x[i]
    whole = block_sum(own, sums)
    if cuda.threadIdx.x == 0:
        total[0] += whole
