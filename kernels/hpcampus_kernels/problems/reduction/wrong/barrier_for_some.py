"""The barrier stands inside the `if`: half of the block waits there, the other half is gone."""

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.reduction.gpu import ZERO

FINDING = "barrier"
MOST_THREADS = 1024


@cuda.jit
def reduction(x: Array, total: Array) -> None:
    sums = cuda.shared.array(MOST_THREADS, np.float32)
    t = cuda.threadIdx.x
    sums[t] = ZERO
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        sums[t] += x[i]
    cuda.syncthreads()
    step = MOST_THREADS // 2
    while step > 0:
        if t < step and t + step < cuda.blockDim.x:
            sums[t] += sums[t + step]
            cuda.syncthreads()
        step //= 2
    if t == 0:
        cuda.atomic.add(total, 0, sums[0])
