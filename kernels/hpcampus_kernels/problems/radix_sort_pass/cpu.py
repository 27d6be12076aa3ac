"""A pass of radix sort on one core: count the digits, add up where each begins, and put the keys there."""

import numpy as np

from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.compiled import compiled
from hpcampus_kernels.problems.radix_sort_pass import DIGITS


@compiled
def radix_sort_pass(keys: Array, shift: int, out: Array) -> None:
    rows, columns = keys.shape
    start = np.empty(DIGITS, np.int64)
    for row in range(rows):
        start[:] = 0
        for i in range(columns):
            start[(keys[row, i] >> shift) % DIGITS] += 1
        total = 0
        for digit in range(DIGITS):
            count = start[digit]
            start[digit] = total
            total += count
        for i in range(columns):
            digit = (keys[row, i] >> shift) % DIGITS
            out[row, start[digit]] = keys[row, i]
            start[digit] += 1
