"""A run of neighbours for each thread suits a CPU; the threads of a warp then read far apart."""

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array

FINDING = "coalescing"


@cuda.jit
def saxpy(a: np.float32, x: Array, y: Array) -> None:
    chunk = (y.size + cuda.gridsize(1) - 1) // cuda.gridsize(1)
    start = cuda.grid(1) * chunk
    for i in range(start, min(start + chunk, y.size)):
        y[i] = a * x[i] + y[i]
