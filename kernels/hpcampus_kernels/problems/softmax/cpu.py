"""Softmax on one core, a row after the other, while the row is in the cache."""

import numpy as np

from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.compiled import compiled
from hpcampus_kernels.problems.elementary import exponential


@compiled
def softmax(x: Array, out: Array) -> None:
    rows, columns = x.shape
    for row in range(rows):
        source, target = x[row], out[row]
        highest = np.float32(-np.inf)
        for i in range(columns):
            highest = max(highest, source[i])
        total = np.float32(0)
        for i in range(columns):
            share = exponential(source[i] - highest)
            target[i] = share
            total += share
        scale = np.float32(1) / total
        for i in range(columns):
            target[i] *= scale
