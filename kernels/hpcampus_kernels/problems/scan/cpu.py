"""Running totals on one core: four quarters of a chunk at once, since an addition waits for the one before.

The totals so far are float64: a float32 total of millions loses digits.
"""

import numpy as np

from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.compiled import compiled

QUARTER = 256
CHUNK = 4 * QUARTER


@compiled
def quarter_sum(x: Array, start: int) -> np.float32:
    total = np.float32(0)
    for i in range(start, start + QUARTER):
        total += x[i]
    return total


@compiled
def scan_chunk(x: Array, out: Array, start: int, carry: float) -> float:
    second, third, fourth = start + QUARTER, start + 2 * QUARTER, start + 3 * QUARTER
    s0: float = carry
    s1 = s0 + quarter_sum(x, start)
    s2 = s1 + quarter_sum(x, second)
    s3: float = s2 + quarter_sum(x, third)
    for i in range(QUARTER):
        s0 += x[start + i]
        s1 += x[second + i]
        s2 += x[third + i]
        s3 += x[fourth + i]
        out[start + i], out[second + i], out[third + i], out[fourth + i] = s0, s1, s2, s3
    return s3


@compiled
def scan(x: Array, out: Array) -> None:
    rows, columns = x.shape
    for row in range(rows):
        carry = 0.0
        whole = columns // CHUNK * CHUNK
        for start in range(0, whole, CHUNK):
            carry = scan_chunk(x[row], out[row], start, carry)
        for i in range(whole, columns):
            carry += x[row, i]
            out[row, i] = carry
