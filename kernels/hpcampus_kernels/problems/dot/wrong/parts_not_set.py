"""Threads without an element leave their part as it is, but all parts are added."""

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.reduction.gpu import ZERO

FINDING = "uninitialised"
MOST_THREADS = 1024


@cuda.jit
def dot(x: Array, y: Array, product: Array) -> None:
    parts = cuda.shared.array(MOST_THREADS, np.float32)
    if cuda.grid(1) < x.size:
        own = ZERO
        for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
            own += x[i] * y[i]
        parts[cuda.threadIdx.x] = own
    cuda.syncthreads()
    if cuda.threadIdx.x == 0:
        whole = ZERO
        for t in range(cuda.blockDim.x):
            whole += parts[t]
        cuda.atomic.add(product, 0, whole)
