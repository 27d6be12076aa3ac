"""A sum on one core: float32 within a chunk, where vectors are fast, and float64 for the chunks' sums.

A float32 sum of millions loses digits: what is added becomes small beside what is there.
"""

import numpy as np

from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.compiled import compiled

CHUNK = 8192


@compiled
def chunk_sum(chunk: Array) -> np.float32:
    # An index from 0 is never negative: nothing is in the way of vectors.
    total = np.float32(0)
    for i in range(chunk.size):
        total += chunk[i]
    return total


@compiled
def reduction(x: Array, total: Array) -> None:
    whole = 0.0
    for start in range(0, x.size, CHUNK):
        whole += chunk_sum(x[start : start + CHUNK])
    total[0] = whole
