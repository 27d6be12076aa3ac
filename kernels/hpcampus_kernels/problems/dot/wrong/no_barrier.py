"""Thread 0 adds up what the other threads may not have written yet."""

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.reduction.gpu import ZERO

FINDING = "race"
MOST_THREADS = 1024


@cuda.jit
def dot(x: Array, y: Array, product: Array) -> None:
    parts = cuda.shared.array(MOST_THREADS, np.float32)
    own = ZERO
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        own += x[i] * y[i]
    parts[cuda.threadIdx.x] = own
    if cuda.threadIdx.x == 0:
        for t in range(1, cuda.blockDim.x):
            own += parts[t]
        cuda.atomic.add(product, 0, own)
