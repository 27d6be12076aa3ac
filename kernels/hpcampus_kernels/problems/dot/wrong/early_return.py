"""Threads without an element return, and the others wait for them at the barrier."""

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.reduction.gpu import ZERO

FINDING = "barrier"


@cuda.jit
def dot(x: Array, y: Array, product: Array) -> None:
    whole = cuda.shared.array(1, np.float32)
    if cuda.grid(1) >= x.size:
        return
    if cuda.threadIdx.x == 0:
        whole[0] = ZERO
    cuda.syncthreads()
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        cuda.atomic.add(whole, 0, x[i] * y[i])
    cuda.syncthreads()
    if cuda.threadIdx.x == 0:
        cuda.atomic.add(product, 0, whole[0])
