"""A sum on one core: float32 within a chunk, where vectors are fast, and float64 for the chunks' sums.

A float32 sum of millions loses digits: what is added becomes small beside what is there.
"""

import numpy as np

from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.compiled import compiled

CHUNK = 8192


@compiled
def chunk_sum(x: Array, start: int, end: int) -> np.float32:
    total = np.float32(0)
    for i in range(start, end):
        total += x[i]
    return total


@compiled
def reduction(x: Array, total: Array) -> None:
    whole = 0.0
    for start in range(0, x.size, CHUNK):
        whole += chunk_sum(x, start, min(start + CHUNK, x.size))
    total[0] = whole
