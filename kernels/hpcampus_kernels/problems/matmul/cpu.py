"""A matrix product on one core: in blocks that stay in the cache, four rows of c at a time."""

import numpy as np

from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.compiled import compiled
from hpcampus_kernels.problems.tiles import ROWS, product

# A block of b is 64 KiB: it fits into the second cache, the four rows of c into the first.
INNER, COLUMNS = 64, 256

add_product = product(COLUMNS)


@compiled
def fill(block: Array, source: Array) -> None:
    """A block of a matrix, one row after the other, and zeros where the matrix has ended."""
    rows, columns = source.shape
    block[:] = 0
    for row in range(rows):
        target, values = block[row], source[row]
        for j in range(columns):
            target[j] = values[j]


@compiled
def matmul(a: Array, b: Array, c: Array) -> None:
    rows, columns = c.shape
    left, right = np.empty((ROWS, INNER), np.float32), np.empty((INNER, COLUMNS), np.float32)
    total = np.empty(ROWS * COLUMNS, np.float32)
    c[:] = 0
    for first in range(0, columns, COLUMNS):
        for k in range(0, a.shape[1], INNER):
            fill(right, b[k : k + INNER, first : first + COLUMNS])
            for i in range(0, rows, ROWS):
                fill(left, a[i : i + ROWS, k : k + INNER])
                total[:] = 0
                add_product(left, right.reshape(-1), total)
                for row in range(i, min(i + ROWS, rows)):
                    target, values = c[row, first : first + COLUMNS], total[(row - i) * COLUMNS :]
                    for j in range(target.size):
                        target[j] += values[j]
