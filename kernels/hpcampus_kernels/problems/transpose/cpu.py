"""A transpose on one core: in tiles that stay in the cache until both sides are done with them."""

from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.compiled import compiled

TILE = 64


@compiled
def transpose(matrix: Array, out: Array) -> None:
    rows, columns = matrix.shape
    for top in range(0, rows, TILE):
        for left in range(0, columns, TILE):
            for column in range(left, min(left + TILE, columns)):
                for row in range(top, min(top + TILE, rows)):
                    out[column, row] = matrix[row, column]
