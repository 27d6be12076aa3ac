"""Halving the block loses a thread whenever its size is odd: it takes a power of two for granted."""

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.reduction.gpu import ZERO

FINDING = "values"
MOST_THREADS = 1024


@cuda.jit
def reduction(x: Array, total: Array) -> None:
    sums = cuda.shared.array(MOST_THREADS, np.float32)
    t = cuda.threadIdx.x
    sums[t] = ZERO
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        sums[t] += x[i]
    cuda.syncthreads()
    step = cuda.blockDim.x // 2
    while step > 0:
        if t < step:
            sums[t] += sums[t + step]
        cuda.syncthreads()
        step //= 2
    if t == 0:
        cuda.atomic.add(total, 0, sums[0])
