"""Each thread does one element and stops: what the grid doesn't reach is left out."""

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array

FINDING = "unwritten"


@cuda.jit
def saxpy(a: np.float32, x: Array, y: Array) -> None:
    i = cuda.grid(1)
    if i < y.size:
        y[i] = a * x[i] + y[i]
