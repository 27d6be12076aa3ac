"""Products of matrices on one core: the innermost part, for matrices that lie in the first caches."""

from typing import Any

from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.compiled import compiled

# Rows of the product at a time, and rows of `right`: 16 multiplications for 4 numbers read and 4 written.
ROWS = STEP = 4


def product(width: int) -> Any:
    """A function `add(left, right, total)`: total += left right, where rows of `right` have that width.

    `left` has ROWS rows, and a number of columns that STEP divides. `right` and `total` are given as rows one
    after the other: then the compiler knows that rows of `total` are apart, and needs no checks at run time.
    """

    @compiled
    def add(left: Array, right: Array, total: Array) -> None:
        for k in range(0, left.shape[1], STEP):
            a0, a1, a2, a3 = left[0, k], left[0, k + 1], left[0, k + 2], left[0, k + 3]
            b0, b1, b2, b3 = left[1, k], left[1, k + 1], left[1, k + 2], left[1, k + 3]
            c0, c1, c2, c3 = left[2, k], left[2, k + 1], left[2, k + 2], left[2, k + 3]
            d0, d1, d2, d3 = left[3, k], left[3, k + 1], left[3, k + 2], left[3, k + 3]
            four = right[k * width : (k + STEP) * width]
            for j in range(width):
                r0, r1, r2, r3 = four[j], four[j + width], four[j + 2 * width], four[j + 3 * width]
                total[j] += (a0 * r0 + a1 * r1) + (a2 * r2 + a3 * r3)
                total[j + width] += (b0 * r0 + b1 * r1) + (b2 * r2 + b3 * r3)
                total[j + 2 * width] += (c0 * r0 + c1 * r1) + (c2 * r2 + c3 * r3)
                total[j + 3 * width] += (d0 * r0 + d1 * r1) + (d2 * r2 + d3 * r3)

    return add
