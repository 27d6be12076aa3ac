"""Layer normalisation on one core, a row after the other, while the row is in the cache."""

import math

import numpy as np

from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.compiled import compiled
from hpcampus_kernels.problems.layer_norm import EPSILON


@compiled
def layer_norm(x: Array, scale: Array, shift: Array, out: Array) -> None:
    rows, columns = x.shape
    for row in range(rows):
        source, target = x[row], out[row]
        # Differences to the first value are small numbers: their sum keeps its digits.
        first, total, squares = source[0], np.float32(0), np.float32(0)
        for i in range(columns):
            total += source[i] - first
        mean = first + total / np.float32(columns)
        for i in range(columns):
            centred = source[i] - mean
            squares += centred * centred
        factor = np.float32(1) / math.sqrt(squares / np.float32(columns) + EPSILON)
        for i in range(columns):
            target[i] = (source[i] - mean) * factor * scale[i] + shift[i]
