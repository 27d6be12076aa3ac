"""A matrix product on one core: four rows of c and four of b at a time, in blocks that stay in the cache."""

from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.compiled import compiled

# A block of b is 64 KiB: it fits into the second cache, the four rows of c into the first.
INNER, COLUMNS = 64, 256


@compiled
def four_rows(a: Array, b: Array, c: Array, i: int, inner: tuple[int, int], columns: tuple[int, int]) -> None:
    left, right = columns
    whole = inner[0] + (inner[1] - inner[0]) // 4 * 4
    for k in range(inner[0], whole, 4):
        b0, b1, b2, b3 = b[k, left:right], b[k + 1, left:right], b[k + 2, left:right], b[k + 3, left:right]
        for r in range(i, i + 4):
            a0, a1, a2, a3 = a[r, k], a[r, k + 1], a[r, k + 2], a[r, k + 3]
            row = c[r, left:right]
            for j in range(row.size):
                row[j] += (a0 * b0[j] + a1 * b1[j]) + (a2 * b2[j] + a3 * b3[j])
    one_row_each(a, b, c, (i, i + 4), (whole, inner[1]), columns)


@compiled
def one_row_each(
    a: Array, b: Array, c: Array, rows: tuple[int, int], inner: tuple[int, int], columns: tuple[int, int]
) -> None:
    for r in range(rows[0], rows[1]):
        for k in range(inner[0], inner[1]):
            for j in range(columns[0], columns[1]):
                c[r, j] += a[r, k] * b[k, j]


@compiled
def matmul(a: Array, b: Array, c: Array) -> None:
    rows, columns = c.shape
    whole = rows // 4 * 4
    c[:] = 0
    for left in range(0, columns, COLUMNS):
        right = min(left + COLUMNS, columns)
        for k in range(0, a.shape[1], INNER):
            inner = (k, min(k + INNER, a.shape[1]))
            for i in range(0, whole, 4):
                four_rows(a, b, c, i, inner, (left, right))
            one_row_each(a, b, c, (whole, rows), inner, (left, right))
