"""y = a x + y on one core: one pass, where NumPy makes two."""

import numpy as np

from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.compiled import compiled


@compiled
def saxpy(a: np.float32, x: Array, y: Array) -> None:
    for i in range(y.size):
        y[i] = a * x[i] + y[i]
