"""A dot product on one core: float32 within a chunk, float64 for the chunks' sums."""

import numpy as np

from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.compiled import compiled

CHUNK = 8192


@compiled
def chunk_dot(x: Array, y: Array) -> np.float32:
    total = np.float32(0)
    for i in range(x.size):
        total += x[i] * y[i]
    return total


@compiled
def dot(x: Array, y: Array, product: Array) -> None:
    whole = 0.0
    for start in range(0, x.size, CHUNK):
        whole += chunk_dot(x[start : start + CHUNK], y[start : start + CHUNK])
    product[0] = whole
