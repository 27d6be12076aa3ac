"""y = a x + y on a GPU."""

import numpy as np

from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array


@cuda.jit
def saxpy(a: np.float32, x: Array, y: Array) -> None:
    # Each thread takes its element, then steps on by as many as the grid has threads: neighbours stay
    # neighbours. Any launch shape is right, since range is empty for threads that start behind the end.
    for i in range(cuda.grid(1), y.size, cuda.gridsize(1)):
        y[i] = a * x[i] + y[i]
