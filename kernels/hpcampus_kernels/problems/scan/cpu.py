"""Running totals on one core: four quarters of a chunk at once, since an addition waits for the one before.

The totals so far are float64: a float32 total of millions loses digits.
"""

import numpy as np

from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.compiled import compiled

QUARTER = 256
CHUNK = 4 * QUARTER


@compiled
def chunk_sum(chunk: Array) -> np.float32:
    total = np.float32(0)
    for i in range(chunk.size):
        total += chunk[i]
    return total


@compiled
def scan_chunk(x: Array, out: Array, carry: float) -> float:
    first, second = x[:QUARTER], x[QUARTER : 2 * QUARTER]
    third, fourth = x[2 * QUARTER : 3 * QUARTER], x[3 * QUARTER :]
    s0: float = carry
    s1 = s0 + chunk_sum(first)
    s2 = s1 + chunk_sum(second)
    s3: float = s2 + chunk_sum(third)
    for i in range(QUARTER):
        s0 += first[i]
        s1 += second[i]
        s2 += third[i]
        s3 += fourth[i]
        out[i], out[i + QUARTER], out[i + 2 * QUARTER], out[i + 3 * QUARTER] = s0, s1, s2, s3
    return s3


@compiled
def scan(x: Array, out: Array) -> None:
    rows, columns = x.shape
    for row in range(rows):
        carry = 0.0
        whole = columns // CHUNK * CHUNK
        for start in range(0, whole, CHUNK):
            end = start + CHUNK
            carry = scan_chunk(x[row, start:end], out[row, start:end], carry)
        for i in range(whole, columns):
            carry += x[row, i]
            out[row, i] = carry
